//! What people are told: what neither Swarm nor scaling can mend, or what they ought to know of it. Each with what to do.

use std::fmt;

use jiff::SignedDuration;

use super::memory::Turn;
use super::more::Need;
use super::settings::Settings;
use super::world::{Host, Role, World};
use crate::model::runbook::{FLEET_FULL, HOST_LOST, NO_ROOM, QUORUM, Runbook, UNHEALTHY};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The group has its most hosts, and that is not enough.
    Full {
        /// Tenants that find no room. None: only the spare is short.
        waiting: Vec<String>,
        /// The most.
        max: u32,
    },
    /// No host is large enough for it.
    TooLarge {
        /// The tenant.
        of: String,
        /// Bytes that it reserves.
        reserve: u64,
    },
    /// It waits although there is room.
    Pending {
        /// The tenant.
        of: String,
        /// For so long.
        long: SignedDuration,
        /// What Swarm says.
        said: String,
    },
    /// Its container ends again and again.
    Dying {
        /// The tenant.
        of: String,
        /// So many were begun.
        times: usize,
        /// Within this time.
        within: SignedDuration,
    },
    /// A host does not answer, or is sick.
    Gone {
        /// The host.
        host: String,
        /// For so long.
        long: SignedDuration,
        /// Nobody replaces it: it is held, or no group has it.
        held: bool,
    },
    /// A host was launched and has not joined.
    Late {
        /// The host.
        host: String,
        /// For so long.
        long: SignedDuration,
    },
    /// The group is to have more hosts than AWS launches.
    Unlaunched {
        /// The group.
        group: String,
        /// So many lack.
        lack: u32,
        /// For so long.
        long: SignedDuration,
    },
    /// One manager less, and none would lead.
    Quorum {
        /// So many answer.
        there: usize,
        /// Of so many.
        all: usize,
    },
    /// Something was not read whole: nothing is taken away.
    Unread {
        /// What.
        what: String,
    },
}

impl Finding {
    /// By what it is known: as long as this stays the same, it is the same thing.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Full { waiting, .. } if waiting.is_empty() => "fleet tight".to_owned(),
            Self::Full { .. } => "fleet full".to_owned(),
            Self::TooLarge { of, .. } => format!("too large {of}"),
            Self::Pending { of, .. } => format!("pending {of}"),
            Self::Dying { of, .. } => format!("dying {of}"),
            Self::Gone { host, .. } => format!("gone {host}"),
            Self::Late { host, .. } => format!("late {host}"),
            Self::Unlaunched { group, .. } => format!("unlaunched {group}"),
            Self::Quorum { .. } => "quorum".to_owned(),
            Self::Unread { what } => format!("unread {what}"),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn runbook(&self) -> Runbook {
        match self {
            Self::Full { .. } => FLEET_FULL,
            Self::TooLarge { .. } | Self::Pending { .. } => NO_ROOM,
            Self::Dying { .. } => UNHEALTHY,
            Self::Gone { .. } | Self::Late { .. } | Self::Unlaunched { .. } | Self::Unread { .. } => HOST_LOST,
            Self::Quorum { .. } => QUORUM,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = |long: &SignedDuration| long.as_mins();
        match self {
            Self::Full { waiting, max } if waiting.is_empty() => {
                write!(f, "the fleet has its most workers ({max}), and less than the spare is free")
            }
            Self::Full { waiting, max } => {
                write!(f, "the fleet has its most workers ({max}), and {} of its tenants find no room: {}", waiting.len(), some(waiting))
            }
            Self::TooLarge { of, reserve } => write!(f, "{of} reserves {} MiB, more than any host has", reserve >> 20),
            Self::Pending { of, long, said } if said.is_empty() => write!(f, "{of} has waited for a host for {} minutes", minutes(long)),
            Self::Pending { of, long, said } => write!(f, "{of} has waited for a host for {} minutes: {said}", minutes(long)),
            Self::Dying { of, times, within } => {
                write!(f, "{of} was begun {times} times within {} minutes: its container ends again and again", minutes(within))
            }
            Self::Gone { host, long, held: false } => write!(f, "{host} has been away or sick for {} minutes", minutes(long)),
            Self::Gone { host, long, held: true } => {
                write!(f, "{host} has been away or sick for {} minutes, and is not replaced: it is held, or in no group", minutes(long))
            }
            Self::Late { host, long } => write!(f, "{host} was launched {} minutes ago and is not in the swarm", minutes(long)),
            Self::Unlaunched { group, lack, long } => {
                write!(f, "AWS has not launched {lack} of the hosts of {group} for {} minutes", minutes(long))
            }
            Self::Quorum { there, all } => write!(f, "{there} of {all} managers answer: with one less, none leads"),
            Self::Unread { what } => write!(f, "not known: {what}; no host is taken away until it is"),
        }?;
        write!(f, ": see {}", self.runbook())
    }
}

/// The first few.
fn some(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(5).map(String::as_str).collect();
    let more = if names.len() > shown.len() { ", ..." } else { "" };
    format!("{}{more}", shown.join(", "))
}

/// All but what is found about single hosts, which is told by who heals them.
pub(super) fn find(world: &World, settings: &Settings, need: &Need<'_>, turn: &mut Turn<'_>) -> Vec<Finding> {
    let mut found: Vec<Finding> = world.unread.iter().map(|what| Finding::Unread { what: what.clone() }).collect();
    let without = need.without_room(world);
    if let Some(group) = world.group.as_ref().filter(|group| group.desired >= group.max) {
        if !without.is_empty() {
            found.push(Finding::Full { waiting: without.clone(), max: group.max });
        } else if need.is_tight(world) {
            found.push(Finding::Full { waiting: Vec::new(), max: group.max });
        }
    }
    found.extend(need.too_large.iter().map(|(of, reserve)| Finding::TooLarge { of: of.clone(), reserve: *reserve }));
    for task in world.tasks.iter().filter(|task| task.node.is_none()) {
        let long = turn.lasts(&format!("pending {}", task.id));
        // Who waits for room is told of by that.
        let told = without.contains(&task.of) || need.too_large.iter().any(|(of, _)| *of == task.of);
        if long >= settings.pending && !told {
            found.push(Finding::Pending { of: task.of.clone(), long, said: task.said.clone() });
        }
    }
    let dying = turn.lives(world, settings).into_iter().filter(|(_, times)| *times >= settings.dying);
    found.extend(dying.map(|(of, times)| Finding::Dying { of, times, within: settings.dying_within }));
    if let Some(group) = &world.group {
        let launched = u32::try_from(world.workers().count()).unwrap_or(u32::MAX);
        if group.desired > launched {
            let long = turn.lasts("unlaunched");
            if long >= settings.join {
                found.push(Finding::Unlaunched { group: group.name.clone(), lack: group.desired - launched, long });
            }
        }
    }
    let all = world.hosts.iter().filter(|host| host.leads()).count();
    let there = world.hosts.iter().filter(|host: &&Host| host.role == Role::Manager { reachable: true }).count();
    if there < all && there <= all / 2 + 1 {
        found.push(Finding::Quorum { there, all });
    }
    found
}
