//! Keeps the part of a plan that was asked for: targets and what they need, without what was excluded.

use std::collections::{BTreeMap, BTreeSet};

use super::Wished;
use super::claim::Claims;
use super::draft::Draft;
use super::refer::references;
use crate::kinds::lookup;
use crate::model::Address;
use crate::model::plan::{Scope, Verb};

/// Narrows the draft; answers whether the plan still covers the whole stack.
pub(super) fn narrow(
    draft: &mut Draft,
    wishes: &BTreeMap<Address, Wished>,
    declared: &BTreeMap<Address, Wished>,
    claims: &Claims<'_>,
    scope: &Scope,
) -> bool {
    if !scope.target.is_empty() {
        let asked = closure(draft, wishes, claims, scope);
        draft.actions.retain(|address, _| asked.contains(address));
        draft.waiting.retain(|address, _| asked.contains(address));
        draft.refusals.retain(|address, _| asked.contains(address));
    }
    if !scope.planes.is_empty() {
        // Kinds of other planes were read only because those asked for refer to them.
        let asked = |kind: &str| lookup(kind).is_none_or(|row| scope.planes.contains(row.plane()));
        draft.actions.retain(|_, action| asked(&action.kind));
        let planned = |address: &Address| wishes.get(address).is_none_or(|wish| asked(wish.kind.name));
        draft.waiting.retain(|address, _| planned(address));
        draft.refusals.retain(|address, _| planned(address));
        draft.leftovers.retain(|left| asked(&left.seen.kind));
    }
    if !scope.exclude.is_empty() {
        let stays = |address: &Address| !scope.exclude.iter().any(|e| address.is_under(e));
        draft.actions.retain(|address, _| stays(address));
        draft.waiting.retain(|address, _| stays(address));
        draft.refusals.retain(|address, _| stays(address));
        draft.leftovers.retain(|left| stays(&left.address));
    }
    let complete = !scope.is_narrow();
    if !complete {
        // What is outside the scope stays, and keeps what it needs.
        super::keep::keep_and_wait(draft, wishes, declared, claims);
    }
    complete
}

/// The targets, what they need in order to be made, and what must go before they can be dropped.
fn closure(draft: &Draft, wishes: &BTreeMap<Address, Wished>, claims: &Claims<'_>, scope: &Scope) -> BTreeSet<Address> {
    let known = draft.actions.keys().chain(draft.waiting.keys()).chain(draft.refusals.keys());
    let mut todo: Vec<Address> = known.filter(|address| scope.target.iter().any(|t| address.is_under(t))).cloned().collect();
    let mut users: BTreeMap<Address, Vec<Address>> = BTreeMap::new();
    for (address, live) in &claims.live {
        if draft.actions.get(address).is_some_and(|action| action.action == Verb::Delete)
            && let Some(row) = lookup(live.kind)
        {
            row.info().visit(&live.shape, &mut |leaf, id| {
                if let Some(target) = leaf.kind.and_then(|kind| claims.address(kind, id)) {
                    users.entry(target.clone()).or_default().push(address.clone());
                }
            });
        }
    }
    let mut asked = BTreeSet::new();
    while let Some(address) = todo.pop() {
        if !asked.insert(address.clone()) {
            continue;
        }
        if let Some(wish) = wishes.get(&address) {
            references(wish.kind.info(), &wish.spec, |_, hole| todo.push(hole.address));
        }
        let dropped = draft.actions.get(&address).is_some_and(|action| matches!(action.action, Verb::Delete | Verb::Replace));
        if dropped {
            todo.extend(users.get(&address).into_iter().flatten().cloned());
        }
    }
    asked
}
