//! What is remembered from turn to turn: since when something has been so. Who begins anew (another leader) waits as long again, and does nothing sooner.

use std::collections::{BTreeMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use super::settings::Settings;
use super::world::World;

/// Since when what has been so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    since: BTreeMap<String, Timestamp>,
    /// By tenant: the containers that were begun for it, and when each was first seen.
    lives: BTreeMap<String, BTreeMap<String, Timestamp>>,
}

/// One turn's use of it: what it does not ask about is forgotten.
pub(super) struct Turn<'m> {
    memory: &'m mut Memory,
    next: BTreeMap<String, Timestamp>,
    /// The time.
    pub(super) now: Timestamp,
}

impl Memory {
    pub(super) fn turn(&mut self, now: Timestamp) -> Turn<'_> {
        Turn { memory: self, next: BTreeMap::new(), now }
    }
}

impl Turn<'_> {
    /// It is so now: for how long already?
    pub(super) fn lasts(&mut self, what: &str) -> SignedDuration {
        let since = self.memory.since.get(what).copied().unwrap_or(self.now).min(self.now);
        self.next.insert(what.to_owned(), since);
        self.now.duration_since(since)
    }

    /// How many containers of each tenant were begun within the window, by what was seen of them.
    pub(super) fn lives(&mut self, world: &World, settings: &Settings) -> BTreeMap<String, usize> {
        let (now, lives) = (self.now, &mut self.memory.lives);
        for task in world.tasks.iter().filter(|task| task.node.is_some()) {
            lives.entry(task.of.clone()).or_default().entry(task.id.clone()).or_insert(now);
        }
        let there: HashSet<&str> = world.tasks.iter().map(|task| task.id.as_str()).collect();
        for seen in lives.values_mut() {
            seen.retain(|id, at| now.duration_since(*at) <= settings.dying_within || there.contains(id.as_str()));
        }
        lives.retain(|_, seen| !seen.is_empty());
        let recent =
            |seen: &BTreeMap<String, Timestamp>| seen.values().filter(|at| now.duration_since(**at) <= settings.dying_within).count();
        lives.iter().map(|(of, seen)| (of.clone(), recent(seen))).collect()
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.memory.since = std::mem::take(&mut self.next);
    }
}
