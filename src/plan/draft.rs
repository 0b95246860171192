//! A plan in the making, and the two ways to take something out of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Address;
use crate::model::plan::{Action, Leftover, Verb};

/// A plan in the making.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub actions: BTreeMap<Address, Action>,
    pub waiting: BTreeMap<Address, String>,
    pub refusals: BTreeMap<Address, (String, String)>,
    /// The refusals that come first: what is planned besides may look different once these are settled.
    pub missing: BTreeSet<Address>,
    pub leftovers: Vec<Leftover>,
    /// Why leftovers stay, by address. What counts at that address need not wait because of them.
    pub kept: BTreeMap<Address, String>,
}

impl Draft {
    pub fn refuse(&mut self, address: &Address, reason: impl Into<String>, hint: impl Into<String>) {
        self.refusals.entry(address.clone()).or_insert_with(|| (reason.into(), hint.into()));
    }

    /// Holds back what was to be done.
    pub fn wait_for(&mut self, address: &Address, reason: String) {
        self.waiting.entry(address.clone()).or_insert(reason);
        match self.actions.get(address).map(|action| action.action) {
            Some(Verb::Create) => {
                self.actions.remove(address);
            }
            Some(_) => self.leave(address),
            None => {}
        }
    }

    /// The action of a live object becomes "left as it is".
    pub fn leave(&mut self, address: &Address) {
        if let Some(action) = self.actions.get_mut(address) {
            action.action = Verb::NoOp;
            action.edits.clear();
            action.cause.clear();
            action.reason.clear();
        }
    }
}
