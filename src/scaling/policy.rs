//! What is to be done about the fleet, from one look at it. Pure: the time is an argument.
//!
//! It grows at once when something finds no room or what is kept spare falls short (`more.rs`); it shrinks by one host at a time, after a long quiet time, and only
//! when wherever Swarm puts what has to move there is room, with the spare (`less.rs`); a dead or sick host is replaced (`heal.rs`).
//! Each turn takes away at most one thing. At a constant load it comes to rest: what lets a host go also means that none is asked for afterwards (`room.rs`).

use std::fmt;

use jiff::Timestamp;

use super::findings::{self, Finding};
use super::memory::Memory;
use super::more::Need;
use super::settings::Settings;
use super::world::{Away, World};
use super::{heal, less, more};

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The workers' group is to have so many hosts, more than now.
    Grow {
        /// How many.
        to: u32,
    },
    /// It takes no more tasks and keeps what it has.
    Pause {
        /// The host.
        host: String,
    },
    /// Its tasks go elsewhere.
    Drain {
        /// The host.
        host: String,
        /// Why.
        why: Away,
    },
    /// It takes tasks again: cheaper than a new host.
    Undrain {
        /// The host.
        host: String,
    },
    /// That very instance ends, and the group has one host less. It is drained and empty.
    Shrink {
        /// The host.
        host: String,
    },
    /// That very instance ends, and the group launches another.
    Replace {
        /// The host.
        host: String,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grow { to } => write!(f, "grow to {to} workers"),
            Self::Pause { host } => write!(f, "{host} takes no more tenants: there is too much room"),
            Self::Drain { host, why: Away::Shrink } => write!(f, "move the tenants of {host}: there is too much room"),
            Self::Drain { host, why: Away::Replace } => write!(f, "move the tenants of {host}: it is to be replaced"),
            Self::Undrain { host } => write!(f, "{host} takes tenants again"),
            Self::Shrink { host } => write!(f, "end {host}, one host less"),
            Self::Replace { host } => write!(f, "end {host}, and launch another in its place"),
        }
    }
}

/// What is to be done, and what people are to be told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// In that order.
    pub steps: Vec<Step>,
    /// What Swarm cannot mend.
    pub findings: Vec<Finding>,
}

/// Decides.
#[must_use]
pub fn decide(world: &World, settings: &Settings, memory: &mut Memory, now: Timestamp) -> Decision {
    let mut turn = memory.turn(now);
    let need = Need::of(world, settings);
    let mut steps = more::steps(world, &need);
    let mut findings = findings::find(world, settings, &need, &mut turn);
    let healing = heal::step(world, settings, &mut turn, &mut findings);
    // One thing at a time: nothing is taken away for its cost while something is wrong or short.
    let shrinking = less::step(world, settings, &need, !steps.is_empty() || healing.is_some(), &mut turn);
    steps.extend(healing.or(shrinking));
    Decision { steps, findings }
}

#[cfg(test)]
mod tests;
