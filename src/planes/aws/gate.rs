//! Whether changes may be sent at all: asked before each attempt of each call that changes something, after it waited for its budget.
//!
//! A writer's lease has to outlast what was sent under it. The SDK repeats a call for minutes, so that to ask once before the first
//! attempt would not do: whoever took the lease over meanwhile would have a second writer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The answer of a gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum May {
    /// Send it.
    Send,
    /// Not now: ask again in a moment.
    NotYet,
    /// Never again: why, and what to do.
    Never(String),
}

/// Asks whether a change may be sent.
#[derive(Clone)]
pub struct Gate(Arc<dyn Fn() -> May + Send + Sync>);

/// How often a gate is asked that is closed for the moment.
const AGAIN: Duration = Duration::from_millis(250);

impl Gate {
    /// A gate that `may` keeps.
    #[must_use]
    pub fn new(may: impl Fn() -> May + Send + Sync + 'static) -> Self {
        Self(Arc::new(may))
    }

    /// A gate that is open while both are, and shut for good once one of them is.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::new(move || match ((self.0)(), (other.0)()) {
            (May::Never(why), _) | (_, May::Never(why)) => May::Never(why),
            (May::Send, May::Send) => May::Send,
            _ => May::NotYet,
        })
    }

    /// Waits until it opens.
    pub(in crate::planes) async fn pass(&self) -> Result<(), Shut> {
        loop {
            match (self.0)() {
                May::Send => return Ok(()),
                May::NotYet => tokio::time::sleep(AGAIN).await,
                May::Never(why) => return Err(Shut(why)),
            }
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate")
    }
}

/// The gate does not open any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::planes) struct Shut(String);

impl fmt::Display for Shut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Shut {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_gates_are_one_that_both_keep() {
        let says = |may: &May| {
            Gate::new({
                let may = may.clone();
                move || may.clone()
            })
        };
        let never = May::Never("gone".to_owned());
        for (one, other, both) in [
            (&May::Send, &May::Send, &May::Send),
            (&May::Send, &May::NotYet, &May::NotYet),
            (&May::NotYet, &May::Send, &May::NotYet),
            (&May::Send, &never, &never),
            (&never, &May::NotYet, &never),
        ] {
            assert_eq!(&(says(one).and(says(other)).0)(), both, "{one:?} and {other:?}");
        }
    }
}
