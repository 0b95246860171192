//! What is wished and not found: it lost its mark, or it is protected and has vanished, or its name is taken. It is not simply made anew: a second
//! one would move the estate over to it, and an empty one would pass for the one that held everything.
//!
//! Found before anything is compared, because nothing becomes new for the sake of what does not come.

use std::collections::{BTreeMap, BTreeSet};

use super::claim::Claims;
use super::draft::Draft;
use super::refer::references;
use super::rekeyed::rekeyed;
use super::reprieve::reprieve;
use super::stranger::Taken;
use super::{Input, Wished};
use crate::kinds::lookup;
use crate::model::Address;
use crate::model::marks::Applied;
use crate::model::plan::{Scope, Verb};
use crate::model::runbook::{LOST_MARK, VANISHED};
use crate::observe::Observed;

/// What does not come, and who needs it.
#[derive(Debug, Default)]
pub(super) struct Missing {
    /// Not made: reason and hint.
    refused: BTreeMap<Address, (String, String)>,
    /// What waits, if there is anything to do with it: it needs what does not come, or may be there itself.
    waiting: BTreeMap<Address, String>,
}

impl Missing {
    /// Finds it.
    pub(super) fn find(wishes: &BTreeMap<Address, Wished>, claims: &Claims<'_>, input: &Input<'_>) -> Self {
        let mut missing = Self::default();
        let taken = Taken::of(input, claims);
        // What does not come, in words that follow its name.
        let mut absent: BTreeMap<Address, &'static str> = BTreeMap::new();
        let unread: BTreeSet<&str> = input.observed.unreadable.iter().map(|one| one.kind.as_str()).collect();
        for (address, refusal) in lost_marks(wishes, claims, input.observed) {
            absent.insert(address.clone(), "whose mark was lost");
            missing.refused.insert(address, refusal);
        }
        missing.waiting = stood_on(missing.refused.keys().cloned().collect(), wishes, claims);
        absent.extend(missing.waiting.keys().map(|address| (address.clone(), "which waits")));
        if !input.destroy {
            absent.extend(claims.unclear.keys().map(|address| (address.clone(), "of which nobody knows what it was")));
            missing.refused.extend(claims.unclear.clone());
            missing.waiting.extend(claims.meant.clone());
        }
        for (address, wish) in wishes.iter().filter(|(address, _)| !claims.live.contains_key(*address)) {
            if absent.contains_key(address) {
                continue;
            } else if unread.contains(wish.kind.name) {
                absent.insert(address.clone(), "which could not be read");
            } else if let Some(refusal) = taken.refusal(address, wish, claims) {
                absent.insert(address.clone(), "whose name is taken");
                missing.refused.insert(address.clone(), refusal);
            } else if let Some(was) = vanished(address, wish, wishes, claims, input.history, &input.scope) {
                absent.insert(address.clone(), "which has vanished");
                missing.refused.insert(address.clone(), loss(address, was, wish));
            }
        }
        missing.needing(wishes, claims, absent);
        missing
    }

    /// All that needs what does not come, at any depth that is not live itself.
    fn needing(&mut self, wishes: &BTreeMap<Address, Wished>, claims: &Claims<'_>, mut absent: BTreeMap<Address, &'static str>) {
        loop {
            let before = self.waiting.len();
            for (address, wish) in wishes {
                if absent.is_empty() || self.waiting.contains_key(address) || self.refused.contains_key(address) {
                    continue;
                }
                let mut why = None;
                references(wish.kind.info(), &wish.spec, |_, hole| {
                    let word = absent.get(&hole.address).filter(|_| hole.address != *address);
                    why = why.take().or_else(|| word.map(|word| format!("it needs {}, {word}", hole.address)));
                });
                let Some(why) = why else { continue };
                if !claims.live.contains_key(address) {
                    absent.entry(address.clone()).or_insert("which waits");
                }
                self.waiting.insert(address.clone(), why);
            }
            if self.waiting.len() == before {
                return;
            }
        }
    }

    /// Whether it waits whatever is to be done with it: so nothing follows it either, and its own loss is no question yet.
    pub(super) fn holds(&self, address: &Address) -> bool {
        self.waiting.contains_key(address) || self.refused.contains_key(address)
    }

    /// Takes out of the draft what is not to be done.
    pub(super) fn hold_back(self, draft: &mut Draft) {
        for (address, (reason, hint)) in self.refused {
            draft.refuse(&address, reason, hint);
            draft.actions.remove(&address);
            draft.missing.insert(address);
        }
        for (address, reason) in self.waiting {
            let acts = draft.actions.get(&address).is_some_and(|action| action.action != Verb::NoOp);
            if acts && !draft.refusals.contains_key(&address) {
                draft.wait_for(&address, reason);
            }
        }
    }
}

/// The address under which a protected wish was applied before, when nothing of ours dropped it and it is gone all the same. The history
/// holds a creation back here; it never causes anything.
fn vanished<'a>(
    address: &'a Address,
    wish: &'a Wished,
    wishes: &BTreeMap<Address, Wished>,
    claims: &Claims<'_>,
    history: &BTreeMap<Address, Applied>,
    scope: &Scope,
) -> Option<&'a Address> {
    if !wish.protect || scope.allows_deletion_of(address) || !rekeyed(address, wish, claims, history).is_empty() {
        return None;
    }
    let free = |from: &&Address| !wishes.contains_key(*from) && !claims.live.contains_key(*from);
    let was = wish.moved_from.iter().filter(free);
    [address].into_iter().chain(was).find(|was| matches!(history.get(*was), Some(Applied::Fields(_))))
}

fn loss(address: &Address, was: &Address, wish: &Wished) -> (String, String) {
    let there = if was == address { "it was there".to_owned() } else { format!("it was there as {was}") };
    let reason = match wish.kind.stateful {
        true => format!("{there}, holds what cannot be made again, and has vanished: a new one would be empty"),
        false => format!("{there}, is protected, and has vanished"),
    };
    (reason, format!("bring it back: {VANISHED} says how; if its loss is accepted: --allow-delete {address}"))
}

/// What a live object of ours points at and bears no mark.
#[derive(Debug)]
struct Suspicion<'a> {
    user: &'a Address,
    /// Ids of the kind, in the field in which the wish names the address.
    ids: BTreeSet<&'a str>,
}

/// A live object of ours points at an unmarked one where its wish names an address that is not live: the mark was lost.
fn lost_marks(wishes: &BTreeMap<Address, Wished>, claims: &Claims<'_>, observed: &Observed) -> BTreeMap<Address, (String, String)> {
    if observed.unmarked.is_empty() {
        return BTreeMap::new();
    }
    let mut found: BTreeMap<Address, Suspicion<'_>> = BTreeMap::new();
    for (user, live) in &claims.live {
        let (Some(wish), Some(row)) = (wishes.get(user), lookup(live.kind)) else { continue };
        let mut suspects: BTreeMap<(String, &str), BTreeSet<&str>> = BTreeMap::new();
        row.info().visit(&live.shape, &mut |leaf, id| {
            if let Some(kind) = leaf.kind.and_then(lookup)
                && observed.unmarked.contains(&(kind.name.to_owned(), id.to_owned()))
            {
                suspects.entry((leaf.field.to_owned(), kind.name)).or_default().insert(id);
            }
        });
        references(row.info(), &wish.spec, |field, hole| {
            let kind = wishes.get(&hole.address).filter(|_| !claims.live.contains_key(&hole.address)).map(|wish| wish.kind.name);
            let Some(ids) = kind.and_then(|kind| suspects.get(&(field.to_owned(), kind))) else { return };
            found
                .entry(hole.address)
                .and_modify(|known| {
                    // Two users that name it both mean an id that both use.
                    let both: BTreeSet<&str> = known.ids.intersection(ids).copied().collect();
                    if !both.is_empty() && both.len() < known.ids.len() {
                        *known = Suspicion { user, ids: both };
                    }
                })
                .or_insert_with(|| Suspicion { user, ids: ids.clone() });
        });
    }
    told_apart(&mut found);
    found.iter().map(|(address, suspicion)| (address.clone(), words(address, suspicion, &found, wishes, observed))).collect()
}

/// What is surely one is none of the others.
fn told_apart(found: &mut BTreeMap<Address, Suspicion<'_>>) {
    let sure = |found: &BTreeMap<Address, Suspicion<'_>>| -> BTreeSet<String> {
        found.values().filter(|one| one.ids.len() == 1).flat_map(|one| &one.ids).map(|id| (*id).to_owned()).collect()
    };
    let mut known = BTreeSet::new();
    loop {
        let now = sure(found);
        if now == known {
            return;
        }
        for one in found.values_mut().filter(|one| one.ids.iter().any(|id| !now.contains(*id))) {
            one.ids.retain(|id| !now.contains(*id));
        }
        known = now;
    }
}

fn words(
    address: &Address,
    suspicion: &Suspicion<'_>,
    found: &BTreeMap<Address, Suspicion<'_>>,
    wishes: &BTreeMap<Address, Wished>,
    observed: &Observed,
) -> (String, String) {
    let Suspicion { user, ids } = suspicion;
    let kind = wishes.get(address).map_or("", |wish| wish.kind.name);
    let named: Vec<&str> = ids.iter().copied().collect();
    for id in &named {
        if let Some(why) = observed.doomed.get(&(kind.to_owned(), (*id).to_owned())) {
            return (
                format!("{user} still uses {id}, and {why}, which reeve did not ask for: a second one is not made"),
                reprieve(kind, id),
            );
        }
    }
    let shared = found.iter().any(|(other, its)| other != address && !its.ids.is_disjoint(ids));
    match (named.as_slice(), shared) {
        ([id], false) => (
            format!("{user} still uses {id}, which bears no owner mark: the mark of {address} was lost, and a second one is not made"),
            format!("take it back: reeve adopt DIR {address} {id} (see {LOST_MARK})"),
        ),
        ([id], true) => (
            format!("{user} still uses {id}, which bears no owner mark and may be {address}: a second one is not made"),
            format!("if it is that one, take it back: reeve adopt DIR {address} {id} (see {LOST_MARK})"),
        ),
        _ => (
            format!(
                "{user} still uses {}, which bear no owner mark: one of them may be {address}, and a second one is not made",
                named.join(" and ")
            ),
            format!("look which of them it is, and take it back: reeve adopt DIR {address} ID (see {LOST_MARK})"),
        ),
    }
}

/// What those that lost their marks stand on and is not found either: they hide what it is, so it may be there too.
fn stood_on(lost: Vec<Address>, wishes: &BTreeMap<Address, Wished>, claims: &Claims<'_>) -> BTreeMap<Address, String> {
    let known: BTreeSet<Address> = lost.iter().cloned().collect();
    let mut waiting = BTreeMap::new();
    let mut todo: Vec<(Address, Address)> = lost.into_iter().map(|address| (address.clone(), address)).collect();
    while let Some((user, cause)) = todo.pop() {
        let Some(wish) = wishes.get(&user) else { continue };
        references(wish.kind.info(), &wish.spec, |_, hole| {
            let target = hole.address;
            let hidden = wishes.contains_key(&target) && !claims.live.contains_key(&target) && !known.contains(&target);
            if hidden && !waiting.contains_key(&target) {
                waiting.insert(target.clone(), format!("{cause} lost its mark and may stand on it: that one is to be taken back first"));
                todo.push((target, cause.clone()));
            }
        });
    }
    waiting
}
