//! What an apply does, as it happens and when it is over.

use serde::{Deserialize, Serialize};

use super::{Address, Namesake};

/// One thing that is done to one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Do {
    /// Mark the old one as on its way out.
    Retire,
    /// Make it.
    Create,
    /// Finish what was made bare, now that its references exist.
    Settle,
    /// Change it in place.
    Update,
    /// Wait until it is ready.
    Ready,
    /// Cut references that run in a circle, so that its objects can be dropped.
    Cut,
    /// Drop it.
    Delete,
}

/// What happens during an apply, as the view is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The walk begins: so many steps.
    Began {
        /// Steps in all.
        steps: usize,
    },
    /// A step was begun.
    Started {
        /// The resource.
        address: Address,
        /// The step.
        what: Do,
    },
    /// A step waits for the cloud, and this is what it says.
    Waiting {
        /// The resource.
        address: Address,
        /// The step.
        what: Do,
        /// The cloud's word (`creating`), or why it is tried again.
        state: String,
    },
    /// A step is done.
    Done {
        /// The resource.
        address: Address,
        /// The step.
        what: Do,
        /// The object's id.
        id: String,
    },
    /// A step failed.
    Failed {
        /// The resource.
        address: Address,
        /// The step.
        what: Do,
        /// What was answered.
        error: String,
    },
    /// The walk was asked to stop: what is in flight is finished.
    Stopping {
        /// Why.
        reason: String,
        /// What is in flight.
        in_flight: Vec<Address>,
    },
}

/// A step that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The resource.
    pub address: Address,
    /// The step.
    pub what: Do,
    /// The error's class in words (`denied`, `not found`).
    pub class: String,
    /// What was answered.
    pub error: String,
    /// Who bears the name that it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namesake: Option<Namesake>,
}

/// A step that was not begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The resource.
    pub address: Address,
    /// The step.
    pub what: Do,
    /// What it would have needed.
    pub because: String,
}

/// Why a walk ended before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stop {
    /// Ctrl-C or SIGTERM.
    Interrupted,
    /// The lease was lost.
    LeaseLost,
    /// The journal could not be written.
    Journal,
    /// Nothing was left but to wait, for longer than this walk was to do that.
    Waits,
}

/// What was done and is not ready yet, and waited for no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaited {
    /// The resource.
    pub address: Address,
    /// Its kind.
    pub kind: String,
    /// The object.
    pub id: String,
    /// What was to be done is done, and only being ready is missing; else it was not ready for that.
    pub done: bool,
}

/// What came of an apply.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Steps that were done.
    pub done: usize,
    /// Resources of which every step was done.
    pub finished: Vec<Address>,
    /// Resources of which some steps were done and others not.
    pub begun: Vec<Address>,
    /// Old objects that were dropped.
    pub dropped: usize,
    /// What failed.
    pub failed: Vec<Failure>,
    /// What was not begun.
    pub skipped: Vec<Skipped>,
    /// What is not ready yet and was waited for no longer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub awaited: Vec<Awaited>,
    /// What was in flight when the walk was told to stop at once: it may have taken effect.
    pub unknown: Vec<Address>,
    /// Why it ended early.
    pub stopped: Option<Stop>,
}

impl Report {
    /// Whether everything was done.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.failed.is_empty() && self.skipped.is_empty() && self.unknown.is_empty() && self.stopped.is_none()
    }

    /// Whether all that was not done waits for what is not ready yet.
    #[must_use]
    pub fn only_waits(&self) -> bool {
        self.stopped == Some(Stop::Waits) && self.failed.is_empty() && self.unknown.is_empty()
    }
}
