//! What is true of every host of the fleet, and what was found of one, step by step.

use serde::Serialize;

/// The address of the group whose hosts lead the swarm, as `modules/fleet.yaml` names it.
pub const MANAGERS: &str = "fleet.managers";

/// The address of the group of all other hosts, whose size follows from what tenants reserve.
pub const WORKERS: &str = "fleet.workers";

/// Where the engine of a host is reached through Session Manager: at this port of the host's own loopback, by root alone.
pub const ENGINE_PORT: u16 = 2375;

/// How one thing that has to be so is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state", content = "said")]
pub enum State {
    /// As it should be.
    Right,
    /// Made so just now; what had been off.
    Made(Vec<String>),
    /// What is off.
    Off(Vec<String>),
    /// It could not be seen or made so, and why.
    Failed(String),
    /// Not tried: the step of that name has to be right first.
    Waiting(String),
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its name.
    pub step: String,
    /// What it is about.
    pub about: String,
    /// How it is.
    #[serde(flatten)]
    pub state: State,
}

impl Finding {
    /// Whether it is as it should be, by now.
    #[must_use]
    pub fn is_right(&self) -> bool {
        matches!(self.state, State::Right | State::Made(_))
    }
}
