//! What must not happen is refused; what cannot happen yet waits. Both say why, and nothing else decides.

use std::collections::{BTreeMap, BTreeSet};

use super::Wished;
use super::claim::Claims;
use super::draft::Draft;
use super::missing::Missing;
use super::protection::is_protected;
use super::refer::{names, references};
use super::reprieve::reprieve;
use crate::kinds::{AnyLive, DELETED, lookup};
use crate::model::Address;
use crate::model::plan::{Action, Scope, Verb};
use crate::model::runbook::{PROTECTED, TENANT_LEAVES};
use crate::observe::Observed;

/// Goes through the draft in the order in which one reason leads to the next. `declared` are the YAML's wishes, also on destroy.
pub(super) fn guard(
    draft: &mut Draft,
    missing: Missing,
    wishes: &BTreeMap<Address, Wished>,
    declared: &BTreeMap<Address, Wished>,
    claims: &Claims<'_>,
    observed: &Observed,
    scope: &Scope,
) {
    missing.hold_back(draft);
    scheduled_for_deletion(draft, declared, claims, scope);
    protect(draft, declared, claims, scope);
    unreadable(draft, declared, claims, observed);
    beyond(draft, claims, observed, scope);
    strays(draft, claims);
    leftovers(draft, declared, observed, scope);
    super::keep::keep_and_wait(draft, wishes, declared, claims);
}

/// What AWS is going to delete though reeve did not ask for it: it is to be had back, and nothing is made in its place meanwhile. What is to go
/// anyway goes.
fn scheduled_for_deletion(draft: &mut Draft, declared: &BTreeMap<Address, Wished>, claims: &Claims<'_>, scope: &Scope) {
    for (address, live) in &claims.live {
        let Some(due) = live.attributes.get(DELETED) else { continue };
        let dropped = draft.actions.get(address).is_some_and(|action| action.action == Verb::Delete);
        if !dropped || is_protected(address, live, declared, claims, scope) {
            let reason = format!("AWS deletes {} {due}, and reeve did not ask for that: nothing is made in its place", live.id);
            draft.refusals.insert(address.clone(), (reason, reprieve(live.kind, &live.id)));
        }
    }
}

/// Losing what is protected. (Most protected replacements were refused when they were found, before anything followed them.)
fn protect(draft: &mut Draft, declared: &BTreeMap<Address, Wished>, claims: &Claims<'_>, scope: &Scope) {
    for (address, live) in &claims.live {
        let lost = draft.actions.get(address).is_some_and(|action| matches!(action.action, Verb::Delete | Verb::Replace));
        if lost && is_protected(address, live, declared, claims, scope) {
            let renamed = renamed(draft, address, declared).unwrap_or_default();
            let left = address.module().starts_with("tenant/") && !declared.contains_key(address);
            let book = if left { TENANT_LEAVES } else { PROTECTED };
            let hint = format!("{renamed}if its loss is meant: --allow-delete {address} (see {book})");
            draft.refuse(address, "it is protected and is not deleted", hint);
        }
        if draft.refusals.contains_key(address) {
            draft.leave(address);
        }
    }
}

/// What a tenant loses that is gone from the YAML, while another that is new gets the same: it may have been renamed.
fn renamed(draft: &Draft, address: &Address, declared: &BTreeMap<Address, Wished>) -> Option<String> {
    let of_tenant = |address: &Address| address.module().starts_with("tenant/");
    let what = |address: &Address| address.as_str()[address.module().len()..].to_owned();
    let kind = &draft.actions.get(address).filter(|_| of_tenant(address) && !declared.contains_key(address))?.kind;
    let is_new = |action: &&Action| action.action == Verb::Create && action.kind == *kind && of_tenant(&action.address);
    let mut new = draft.actions.values().filter(is_new).filter(|action| what(&action.address) == what(address));
    let (one, None) = (new.next()?, new.next()) else { return None };
    let (from, to) = (address.module(), one.address.module());
    Some(format!("if {from} was renamed, write `moved: [{{ from: {from}, to: {to} }}]` into the stack's `spec`, and it is kept; "))
}

/// What is unreadable of all that wishes of `kind` name. An object without marks is known by what it stands between: it is nobody's only when
/// all of that is known.
fn unread_key<'u>(kind: &str, declared: &BTreeMap<Address, Wished>, unread: &BTreeSet<&'u str>) -> Option<&'u str> {
    let mut found = None;
    for wish in declared.values().filter(|wish| wish.kind.name == kind) {
        references(wish.kind.info(), &wish.spec, |_, hole| {
            // The kind of a look-up is its address.
            let kind = declared.get(&hole.address).map(|wish| wish.kind.name);
            let target = if hole.address.is_lookup() { Some(hole.address.as_str()) } else { kind };
            found = found.or_else(|| target.and_then(|target| unread.get(target).copied()));
        });
    }
    found
}

/// What could not be read is neither made nor dropped, and what it may refer to is not dropped.
fn unreadable(draft: &mut Draft, declared: &BTreeMap<Address, Wished>, claims: &Claims<'_>, observed: &Observed) {
    let unread: BTreeSet<&str> = observed.unreadable.iter().map(|one| one.kind.as_str()).collect();
    if unread.is_empty() {
        return;
    }
    let wait: Vec<(Address, String)> = draft
        .actions
        .values()
        .filter_map(|action| match action.action {
            Verb::Create if unread.contains(action.kind.as_str()) => {
                Some((action.address.clone(), format!("{} could not be read", action.kind)))
            }
            Verb::Delete | Verb::Replace => {
                let live = claims.live.get(&action.address)?;
                let kind = live.kind;
                if live.marks.address.is_none()
                    && let Some(part) = unread_key(kind, declared, &unread)
                {
                    return Some((action.address.clone(), format!("{part} could not be read, so nobody knows whether it is wished")));
                }
                let referrer =
                    unread.iter().find(|unread| lookup(unread).is_some_and(|row| row.info().refers_to.iter().any(|to| to == kind)))?;
                Some((action.address.clone(), format!("{referrer} could not be read and may still use it")))
            }
            _ => None,
        })
        .collect();
    for (address, reason) in wait {
        draft.wait_for(&address, reason);
    }
}

/// What nobody asked about may use what is to go: so that stays, unless its loss is meant.
fn beyond(draft: &mut Draft, claims: &Claims<'_>, observed: &Observed, scope: &Scope) {
    let lost = draft.actions.values().filter(|action| matches!(action.action, Verb::Delete | Verb::Replace));
    let wait: Vec<(Address, String)> = lost
        .filter(|action| !scope.allows_deletion_of(&action.address))
        .filter_map(|action| {
            let live = claims.live.get(&action.address)?;
            let refers = |kind: &&&str| lookup(kind).is_some_and(|row| row.info().refers_to.iter().any(|to| to == live.kind));
            let referrer = observed.beyond.iter().find(refers)?;
            Some((action.address.clone(), format!("{referrer} was not looked at and may still use it")))
        })
        .collect();
    for (address, reason) in wait {
        draft.wait_for(&address, reason);
    }
}

/// An unmarked child that nobody seems to wish waits while a wish of its kind has no object: that one may be it, known by something that
/// is lost or unread at the moment.
fn strays(draft: &mut Draft, claims: &Claims<'_>) {
    let missing: BTreeSet<String> = draft
        .actions
        .values()
        .filter(|action| action.action == Verb::Create)
        .map(|action| action.kind.clone())
        .chain(
            draft.waiting.keys().chain(draft.refusals.keys()).filter(|address| !claims.live.contains_key(*address)).map(|_| String::new()),
        )
        .collect();
    let wait: Vec<Address> = claims
        .live
        .iter()
        .filter(|(address, live)| {
            let dropped = draft.actions.get(*address).is_some_and(|action| action.action == Verb::Delete);
            let unresolved = lookup(live.kind).is_some_and(|row| row.key.iter().any(|field| !resolved(claims, live, field)));
            dropped && live.marks.address.is_none() && unresolved && (missing.contains(live.kind) || missing.contains(""))
        })
        .map(|(address, _)| address.clone())
        .collect();
    for address in wait {
        draft.wait_for(
            &address,
            "what it stands between is not known to be ours, and something of its kind is missing: it may be that".to_owned(),
        );
    }
}

/// Whether a key field of a live child names something of ours, or names nothing at all.
fn resolved(claims: &Claims<'_>, live: &AnyLive, field: &str) -> bool {
    let Some(row) = lookup(live.kind) else { return true };
    let mut known = true;
    row.info().visit(&live.shape, &mut |leaf, id| {
        if let Some(kind) = leaf.kind.filter(|_| leaf.field == field) {
            known &= claims.address(kind, id).is_some();
        }
    });
    known
}

/// Leftovers are dropped under the same rules as everything else.
fn leftovers(draft: &mut Draft, declared: &BTreeMap<Address, Wished>, observed: &Observed, scope: &Scope) {
    let unread: BTreeSet<&str> = observed.unreadable.iter().map(|one| one.kind.as_str()).collect();
    for left in std::mem::take(&mut draft.leftovers) {
        let out = (!scope.target.is_empty() && !scope.target.iter().any(|t| left.address.is_under(t)))
            || scope.exclude.iter().any(|e| left.address.is_under(e));
        let referrer = unread.iter().find(|unread| {
            lookup(unread).is_some_and(|row| row.info().refers_to.contains(&left.seen.kind))
                || declared.values().any(|wish| wish.kind.name == **unread && names(wish.kind, &wish.spec, &left.address))
        });
        if out {
            continue;
        } else if left.seen.marks.protect && !scope.allows_deletion_of(&left.address) {
            draft.refuse(
                &left.address,
                format!("{} ({}) is protected and is not dropped", left.seen.id, left.reason),
                format!("if its loss is meant: --allow-delete {} (see {PROTECTED})", left.address),
            );
        } else if let Some(referrer) = referrer {
            let reason = format!("{referrer} could not be read and may still use {}", left.seen.id);
            draft.kept.entry(left.address.clone()).or_insert(reason);
        } else {
            draft.leftovers.push(left);
        }
    }
}
