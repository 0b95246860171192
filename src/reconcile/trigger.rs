//! Why a pass begins before its time. Whoever knows that something changed pulls; the loop looks by itself, so a pull that is lost costs a minute and nothing else.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// Why a pass begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// This instance leads from now on.
    Lead,
    /// `reconcile.every` is over.
    Time,
    /// The YAML is another one.
    Yaml,
    /// Somebody asked for it (SIGHUP).
    Asked,
    /// Docker says that a service or a node changed.
    Docker,
    /// The pass before changed something: whether all is well now is seen, not believed.
    Again,
    /// What an earlier pass began is ready, or will never be.
    Ready,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lead => "this instance leads from now on",
            Self::Time => "it is time",
            Self::Yaml => "the YAML changed",
            Self::Asked => "somebody asked for it",
            Self::Docker => "Docker says that something changed",
            Self::Again => "something was changed",
            Self::Ready => "what was waited for is ready, or never will be",
        })
    }
}

/// Asks for a pass. Any number of pulls before the next pass are one.
#[derive(Debug, Clone, Default)]
pub struct Trigger(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    pulled: Mutex<BTreeSet<Why>>,
    heard: Notify,
}

impl Trigger {
    /// Asks for one.
    pub fn pull(&self, why: Why) {
        self.0.pulled.lock().unwrap_or_else(PoisonError::into_inner).insert(why);
        self.0.heard.notify_one();
    }

    /// Until somebody pulls, or has pulled since this was last awaited.
    pub(super) async fn heard(&self) {
        self.0.heard.notified().await;
    }

    /// Why, since this was last asked.
    pub(super) fn take(&self) -> BTreeSet<Why> {
        std::mem::take(&mut *self.0.pulled.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn many_pulls_are_one_and_none_is_lost() {
        let trigger = Trigger::default();
        for _ in 0..3 {
            trigger.clone().pull(Why::Docker);
        }
        trigger.pull(Why::Asked);
        trigger.heard().await;
        assert_eq!(trigger.take(), [Why::Asked, Why::Docker].into());
        assert!(trigger.take().is_empty());
        trigger.pull(Why::Yaml);
        trigger.heard().await;
        assert_eq!(trigger.take(), [Why::Yaml].into());
    }
}
