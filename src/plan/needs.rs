//! What needs something that does not come waits for it.

use std::collections::{BTreeMap, BTreeSet};

use super::Wished;
use super::claim::Claims;
use super::draft::Draft;
use super::refer::references;
use crate::kinds::DELETED;
use crate::model::Address;
use crate::model::edit::Cause;
use crate::model::plan::Verb;

/// What needs something that is neither live nor about to be made waits too, and so on.
pub(super) fn wait_for_needs(
    draft: &mut Draft,
    wishes: &BTreeMap<Address, Wished>,
    declared: &BTreeMap<Address, Wished>,
    claims: &Claims<'_>,
) {
    // What is declared and is none of this plan's wishes is where nobody looked.
    let beyond = |address: &Address| declared.contains_key(address) && !wishes.contains_key(address);
    let mut needs: BTreeMap<Address, BTreeSet<Address>> = BTreeMap::new();
    for (address, wish) in wishes {
        let acts = draft
            .actions
            .get(address)
            .is_some_and(|action| matches!(action.action, Verb::Create | Verb::Update | Verb::Replace | Verb::Adopt));
        if acts {
            references(wish.kind.info(), &wish.spec, |_, hole| {
                needs.entry(address.clone()).or_default().insert(hole.address);
            });
        }
    }
    loop {
        let mut stuck = Vec::new();
        for (address, targets) in &needs {
            if draft.waiting.contains_key(address) || draft.refusals.contains_key(address) {
                continue;
            }
            let coming =
                |target: &Address| draft.actions.get(target).is_some_and(|action| matches!(action.action, Verb::Create | Verb::Replace));
            let doomed = targets.iter().find(|target| claims.live.get(*target).is_some_and(|live| live.attributes.contains_key(DELETED)));
            let missing = targets.iter().find(|target| {
                let there = [&claims.live, &claims.lookups, &claims.assumed].iter().any(|all| all.contains_key(*target));
                !there && !coming(target)
            });
            // Its target was to become new and stays as it is: there is nothing to follow.
            let follows = draft.actions.get(address).is_some_and(|action| action.cause.contains(&Cause::Follows));
            let held = targets.iter().find(|target| follows && draft.waiting.contains_key(*target) && !coming(target));
            if let Some(target) = missing {
                let why = if beyond(target) { "where nobody looked" } else { "which is not there" };
                stuck.push((address.clone(), format!("it needs {target}, {why}")));
            } else if let Some(target) = doomed {
                stuck.push((address.clone(), format!("it needs {target}, which AWS is going to delete")));
            } else if let Some(target) = held {
                stuck.push((address.clone(), format!("it follows {target}, which waits")));
            }
        }
        if stuck.is_empty() {
            return;
        }
        for (address, reason) in stuck {
            draft.wait_for(&address, reason);
        }
    }
}
