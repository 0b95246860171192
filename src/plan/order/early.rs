//! What may point in a circle mostly does not. Where it does not, a reference that could be settled later is an ordinary one, so that
//! an object is whole before others lean on it: a key's policy before the logs that it encrypts, a bucket's before the trail that writes
//! to it. For the same reason what is new waits for changes of what it refers to, where these do not wait for it.

use std::collections::BTreeSet;

use super::paths::Paths;
use super::{Build, Step};
use crate::kinds::lookup;
use crate::model::report::Do;
use crate::plan::refer::{names, references};

impl Build<'_> {
    /// Adds the edges, and drops the settle steps that have nothing left to do.
    pub(super) fn lean_early(&mut self) {
        let mut paths = Paths::new(self.graph());
        let mut idle = BTreeSet::new();
        for settle in 0..self.steps.len() {
            if self.steps[settle].what != Do::Settle {
                continue;
            }
            let Some(create) = self.step(&self.steps[settle].address, Do::Create) else { continue };
            let waits: Vec<usize> =
                self.edges.iter().filter(|(first, then)| *then == settle && *first != create).map(|(first, _)| *first).collect();
            if self.is_settled_by_itself(settle) || waits.iter().any(|first| paths.lead(create, *first)) {
                continue;
            }
            for first in waits {
                paths.add(first, create);
                self.edges.insert((first, create));
            }
            idle.insert(settle);
        }
        for (change, create) in self.changes_before_users() {
            if !paths.lead(create, change) {
                paths.add(change, create);
                self.edges.insert((change, create));
            }
        }
        self.drop_steps(&idle);
    }

    /// Whether a step settles what refers to its own object, which one call cannot make.
    fn is_settled_by_itself(&self, settle: usize) -> bool {
        let Step { address, kind, .. } = &self.steps[settle];
        !kind.many_calls && self.plan.wishes.get(address).is_some_and(|wish| names(kind, &wish.spec, address))
    }

    /// The change of each object and the creation of each of its users.
    fn changes_before_users(&self) -> BTreeSet<(usize, usize)> {
        let mut pairs = BTreeSet::new();
        for (address, wish) in &self.plan.wishes {
            let (Some(create), Some(kind)) = (self.step(address, Do::Create), lookup(&wish.kind)) else { continue };
            references(kind.info(), &wish.spec, |_, hole| {
                pairs.extend(self.step(&hole.address, Do::Update).map(|change| (change, create)));
            });
        }
        pairs
    }

    fn drop_steps(&mut self, idle: &BTreeSet<usize>) {
        let mut next = 0;
        let place: Vec<usize> = (0..self.steps.len())
            .map(|at| {
                let place = next;
                next += usize::from(!idle.contains(&at));
                place
            })
            .collect();
        let stays = |at: &usize| !idle.contains(at);
        self.edges = self.edges.iter().filter(|(first, then)| stays(first) && stays(then)).map(|(a, b)| (place[*a], place[*b])).collect();
        self.index = self.index.drain().filter(|(_, at)| stays(at)).map(|(key, at)| (key, place[at])).collect();
        let mut at = 0;
        self.steps.retain(|_| {
            at += 1;
            stays(&(at - 1))
        });
    }
}
