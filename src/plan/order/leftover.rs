//! What an interrupted replacement left over goes as it would have gone without the interruption: when its successor is ready and all
//! who use that one have moved, also those that name it in a text (a DNS record the load balancer).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Build;
use super::paths::Paths;
use crate::kinds::lookup;
use crate::model::Address;
use crate::model::plan::Verb;
use crate::model::report::Do;
use crate::plan::refer::{parent, references};

impl Build<'_> {
    /// Adds the edges. What would run in a circle with them has to go before for a reason of AWS's, and does.
    pub(super) fn drop_leftovers_last(&mut self) {
        let mut drops: BTreeMap<Address, Vec<usize>> = BTreeMap::new();
        let left: HashMap<(&str, String), &Address> =
            self.plan.leftovers.iter().map(|left| ((left.seen.kind.as_str(), left.seen.id.clone()), &left.address)).collect();
        for (at, step) in self.steps.iter().enumerate() {
            let Some(left_over) = step.leftover.and_then(|at| self.plan.leftovers.get(at)) else { continue };
            drops.entry(step.address.clone()).or_default().push(at);
            // Who uses what it stands under may use it by that.
            let under = left_over.seen.shape.as_ref().and_then(|shape| parent(step.kind, shape));
            if let Some(over) = under.and_then(|parent| left.get(&parent)) {
                drops.entry((*over).clone()).or_default().push(at);
            }
        }
        if drops.is_empty() {
            return;
        }
        let mut waits: Vec<(usize, usize)> = Vec::new();
        for (address, drops) in &drops {
            let lasts = self.last_of(address);
            waits.extend(lasts.iter().flat_map(|last| drops.iter().map(|drop| (*last, *drop))));
        }
        let mut steps: BTreeMap<Address, Vec<usize>> = BTreeMap::new();
        for (at, step) in self.steps.iter().enumerate().filter(|(_, step)| step.leftover.is_none()) {
            steps.entry(step.address.clone()).or_default().push(at);
        }
        for (user, wish) in &self.plan.wishes {
            let Some(kind) = lookup(&wish.kind) else { continue };
            let mut left: BTreeSet<usize> = BTreeSet::new();
            references(kind.info(), &wish.spec, |_, hole| {
                left.extend(drops.get(&hole.address).filter(|_| hole.address != *user).into_iter().flatten());
            });
            if left.is_empty() {
                continue;
            }
            // One that has moved already may still be on its way there.
            let lasts = steps.get(user).cloned().unwrap_or_else(|| self.last_of(user));
            waits.extend(left.iter().flat_map(|drop| lasts.iter().map(|last| (*last, *drop))));
        }
        let mut paths = Paths::new(self.graph());
        for (first, drop) in waits {
            if !self.edges.contains(&(first, drop)) && !paths.lead(drop, first) {
                paths.add(first, drop);
                self.edges.insert((first, drop));
            }
        }
    }

    /// The steps after which `address` is as it is to be. One that stays as it is may still be on its way: it is waited for.
    fn last_of(&mut self, address: &Address) -> Vec<usize> {
        match self.actions.get(address).map(|action| action.action) {
            None => self.ready(address).or_else(|| self.ready_of_live(address)).into_iter().collect(),
            Some(Verb::Delete) => Vec::new(),
            Some(_) => [Do::Create, Do::Settle, Do::Update, Do::Ready].into_iter().filter_map(|what| self.step(address, what)).collect(),
        }
    }
}
