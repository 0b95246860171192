//! What a run that never came to its end left open: creations whose result nobody wrote down.
//!
//! One whose object is there is over, and is closed in the journal: its token must not come back months later, when another object is
//! made at the address. One whose object is not there may still come true, so the next creation is called the same.

use std::collections::BTreeMap;

use crate::kinds::lookup;
use crate::model::Address;
use crate::model::marks::Applied;
use crate::model::plan::{Plan, Seen, Verb};
use crate::record::{Attempt, Event, History, Outcome};

/// The open creations, told apart.
pub(super) struct LeftOpen {
    /// What the creation at an address is to be called again.
    pub tokens: BTreeMap<Address, String>,
    /// The results of those whose object is there.
    pub closed: Vec<Event>,
}

impl LeftOpen {
    /// Of what `history` says, by what `plan` saw.
    pub fn of(history: &History, plan: &Plan) -> Self {
        let mut open = Self { tokens: BTreeMap::new(), closed: Vec::new() };
        for (address, attempt) in &history.pending {
            let Some(token) = &attempt.token else { continue };
            match plan.seen.get(address).filter(|seen| is_made_by(token, seen) || !is_to_be_made(plan, address)) {
                Some(seen) => open.closed.push(closing(address, attempt, seen)),
                None => drop(open.tokens.insert(address.clone(), token.clone())),
            }
        }
        open
    }
}

fn is_made_by(token: &str, seen: &Seen) -> bool {
    seen.marks.attempt == token
}

/// Whether the plan makes an object at the address, beside or after the one that it saw there.
fn is_to_be_made(plan: &Plan, address: &Address) -> bool {
    let at = plan.actions.binary_search_by(|action| action.address.cmp(address));
    at.is_ok_and(|at| matches!(plan.actions[at].action, Verb::Create | Verb::Replace))
}

fn closing(address: &Address, attempt: &Attempt, seen: &Seen) -> Event {
    let is_bare = lookup(&seen.kind).is_some_and(|row| !row.key.is_empty());
    let applied = matches!(seen.marks.applied, Applied::Fields(_)).then(|| seen.marks.applied.to_string());
    Event::Result {
        address: address.clone(),
        verb: attempt.verb,
        step: attempt.step.clone(),
        unmarked: is_bare.then(|| seen.kind.clone()),
        outcome: Outcome::Ok { id: Some(seen.id.clone()), applied, gone: false },
    }
}
