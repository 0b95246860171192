//! What holds on to an object that has to go before its successor is made.
//!
//! Two subnets of one VPC cannot share a block: the old one goes first. Who uses it either goes first too (a mount target, a NAT gateway), or
//! has moved away by then, or holds on to it: AWS would refuse the drop, and an apply would wait until its patience ends.

use std::collections::{BTreeMap, BTreeSet};

use super::Wished;
use super::claim::Claims;
use super::compare::{Compared, references};
use super::guard::is_protected;
use crate::kinds::{AnyLive, lookup};
use crate::model::Address;
use crate::model::plan::Scope;

/// How many of those that hold on are named.
const NAMED: usize = 3;

/// What of `new` would have to go first and is held on to: reason and hint.
pub(super) fn held(
    wishes: &BTreeMap<Address, Wished>,
    claims: &Claims<'_>,
    scope: &Scope,
    compared: &Compared,
    new: &BTreeSet<Address>,
) -> BTreeMap<Address, (String, String)> {
    let goes_first = |address: &Address| {
        let (Some(wish), Some(live)) = (wishes.get(address).filter(|_| new.contains(address)), claims.live.get(address)) else {
            return false;
        };
        let edits = compared.edits.get(address).map(Vec::as_slice).unwrap_or_default();
        wish.kind.name == live.kind && wish.kind.drops_first(edits)
    };
    let first: BTreeSet<&Address> = new.iter().filter(|address| goes_first(address)).collect();
    if first.is_empty() {
        return BTreeMap::new();
    }
    let mut holders: BTreeMap<&Address, BTreeSet<&Address>> = BTreeMap::new();
    for (user, live) in &claims.live {
        let wish = wishes.get(user);
        let goes = wish.is_none() && !is_protected(user, live, None, scope) || goes_first(user);
        if goes || lookup(live.kind).is_some_and(|row| row.singleton) {
            continue;
        }
        for target in holds(live, claims) {
            if let Some(target) = first.get(target).filter(|target| wish.is_none_or(|wish| refers(wish, target))) {
                holders.entry(target).or_default().insert(user);
            }
        }
    }
    holders.into_iter().map(|(address, users)| (address.clone(), words(compared, address, &users))).collect()
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

fn refers(wish: &Wished, target: &Address) -> bool {
    let mut found = false;
    references(wish.kind.info(), &wish.spec, |_, hole| found |= hole.address == *target);
    found
}

fn words(compared: &Compared, address: &Address, users: &BTreeSet<&Address>) -> (String, String) {
    let edits = compared.edits.get(address).map(Vec::as_slice).unwrap_or_default();
    let fields: Vec<&str> = edits.iter().filter(|edit| edit.replace).map(|edit| edit.field.as_str()).collect();
    let mut names: Vec<String> = users.iter().take(NAMED).map(ToString::to_string).collect();
    if users.len() > NAMED {
        names.push(format!("{} more", users.len() - NAMED));
    }
    (
        format!(
            "{} cannot change in place, it would have to go before the new one is made, and {} would hold on to it",
            fields.join(", "),
            list(&names)
        ),
        "make another one beside it, under an address of its own; move its users there and take this one out of the YAML".to_owned(),
    )
}

fn list(names: &[String]) -> String {
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => names.concat(),
    }
}
