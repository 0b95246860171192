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
