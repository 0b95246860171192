//! One turn: the world is read, what the policy says is done, each change through the gate of the planes that are handed in.

mod act;
mod read;

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;

use super::findings::Finding;
use super::memory::Memory;
use super::policy::{Step, decide};
use super::settings::Settings;
use super::world::Away;
use crate::planes::error::{Class, Error, Result};
use crate::planes::{Docker, Plane, Planes};

/// The label of a node that says why scaling put it away ([`Away`]). It outlives who set it.
pub const AWAY: &str = "reeve.scaling";

/// What a turn has to say.
#[derive(Debug, Clone)]
pub enum Said {
    /// This was done.
    Done(Step),
    /// This was refused. The next turn decides anew.
    Failed(Step, Error),
    /// This is so.
    Found(Finding),
}

impl Said {
    /// By what it is known: as long as this stays the same, it is the same thing.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Done(step) => format!("done {step}"),
            Self::Failed(step, _) => format!("failed {step}"),
            Self::Found(finding) => finding.key(),
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(step) => write!(f, "{step}"),
            Self::Failed(step, error) => write!(f, "{step}: {error}"),
            Self::Found(finding) => write!(f, "{finding}"),
        }
    }
}

/// Reads the fleet and does what is to be done about it now. `planes` are those of a new pass ([`Planes::fresh`]): what the same pass has read of the swarm
/// already is not read again. `queued` are the tenants that wait to be woken, by name.
///
/// # Errors
/// The swarm or the groups cannot be read at all, or the lease is lost: then nothing (more) is done.
pub async fn turn(
    planes: &Planes,
    settings: &Settings,
    queued: &BTreeSet<String>,
    memory: &mut Memory,
    now: Timestamp,
) -> Result<Vec<Said>> {
    let docker = Docker::of(planes)?;
    let world = read::world(&planes.aws, docker, queued).await?;
    let decision = decide(&world, settings, memory, now);
    let mut said: Vec<Said> = decision.findings.into_iter().map(Said::Found).collect();
    for step in decision.steps {
        match act::take(&planes.aws, docker, &world, &step).await {
            Ok(()) => said.push(Said::Done(step)),
            Err(error) if error.class == Class::LeaseLost => return Err(error),
            Err(error) => said.push(Said::Failed(step, error)),
        }
    }
    Ok(said)
}
