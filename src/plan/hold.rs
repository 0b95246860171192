//! What holds on to an object that has to go before its successor is made.
//!
//! Two subnets of one VPC cannot share a block: the old one goes first. Who uses it either goes first too (a mount target, a NAT gateway), or
//! has moved away by then, or holds on to it: AWS would refuse the drop, and an apply would wait until its patience ends.

use std::collections::{BTreeMap, BTreeSet};

use super::Wished;
use super::claim::Claims;
use super::protection::is_protected;
use super::refer::names;
use crate::kinds::{AnyLive, lookup};
use crate::model::Address;
use crate::model::edit::Edit;
use crate::model::plan::Scope;
use crate::model::runbook::PROTECTED;

/// How many of those that hold on are named.
const NAMED: usize = 3;

/// What of `new` would have to go first and is held on to: reason and hint.
pub(super) fn held(
    wishes: &BTreeMap<Address, Wished>,
    claims: &Claims<'_>,
    scope: &Scope,
    edits: &BTreeMap<Address, Vec<Edit>>,
    new: &BTreeSet<Address>,
) -> BTreeMap<Address, (String, String)> {
    let edits_of = |address: &Address| edits.get(address).map(Vec::as_slice).unwrap_or_default();
    let would_go_first = |address: &Address| match (wishes.get(address), claims.live.get(address)) {
        (Some(wish), Some(live)) => wish.kind.drops_first(live.kind, edits_of(address)),
        _ => false,
    };
    let goes_first = |address: &Address| new.contains(address) && would_go_first(address);
    let first: BTreeSet<&Address> = new.iter().filter(|address| goes_first(address)).collect();
    if first.is_empty() {
        return BTreeMap::new();
    }
    let mut holders: BTreeMap<&Address, BTreeSet<&Address>> = BTreeMap::new();
    for (user, live) in &claims.live {
        let wish = wishes.get(user);
        let goes = wish.is_none() && !is_protected(user, live, wishes, claims, scope) || goes_first(user);
        if goes || lookup(live.kind).is_some_and(|row| row.singleton) {
            continue;
        }
        for target in holds(live, claims) {
            if let Some(target) = first.get(target).filter(|target| wish.is_none_or(|wish| names(wish.kind, &wish.spec, target))) {
                holders.entry(target).or_default().insert(user);
            }
        }
    }
    let locked = |user: &Address| {
        let replaced = would_go_first(user) && edits_of(user).iter().any(|edit| edit.replace);
        replaced && claims.live.get(user).is_some_and(|live| is_protected(user, live, wishes, claims, scope))
    };
    holders.into_iter().map(|(address, users)| (address.clone(), words(edits_of(address), &users, locked))).collect()
}

/// What a live object does not let go of.
fn holds<'c>(live: &AnyLive, claims: &'c Claims<'_>) -> BTreeSet<&'c Address> {
    let mut held = BTreeSet::new();
    let Some(row) = lookup(live.kind) else { return held };
    let info = row.info();
    info.visit(&live.shape, &mut |leaf, id| {
        if info.fields.get(leaf.field).is_some_and(|field| field.holds) {
            held.extend(leaf.kind.and_then(|kind| claims.address(kind, id)));
        }
    });
    held
}

/// `locked`: who would go first too, were it not protected.
fn words(edits: &[Edit], users: &BTreeSet<&Address>, locked: impl Fn(&Address) -> bool) -> (String, String) {
    let fields: Vec<&str> = edits.iter().filter(|edit| edit.replace).map(|edit| edit.field.as_str()).collect();
    let mut names: Vec<String> = users.iter().take(NAMED).map(ToString::to_string).collect();
    if users.len() > NAMED {
        names.push(format!("{} more", users.len() - NAMED));
    }
    let locked: Vec<String> = users.iter().filter(|user| locked(user)).map(|user| format!("--allow-delete {user}")).collect();
    let hint = match locked.len() == users.len() {
        true => format!("if the loss of what is protected is meant: {} (see {PROTECTED})", locked.join(" ")),
        false => {
            "make another one beside it, under an address of its own; move its users there and take this one out of the YAML".to_owned()
        }
    };
    (
        format!(
            "{} cannot change in place, it would have to go before the new one is made, and {} would hold on to it",
            fields.join(", "),
            list(&names)
        ),
        hint,
    )
}

fn list(names: &[String]) -> String {
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => names.concat(),
    }
}
