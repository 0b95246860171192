//! What stays keeps what it needs: what was refused, what waits, what is outside the scope, and what is as it should be.
//!
//! Also what an earlier apply left over is kept while something that stays uses it, and then keeps itself what it needs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Wished;
use super::claim::Claims;
use super::draft::Draft;
use super::needs::wait_for_needs;
use super::refer::{parent, references};
use crate::kinds::{AnyLive, lookup};
use crate::model::Address;
use crate::model::plan::{Action, Verb};

/// What needs something that is not there waits, what stays keeps what it needs, and so on: what is kept after all may have been followed.
pub(super) fn keep_and_wait(
    draft: &mut Draft,
    wishes: &BTreeMap<Address, Wished>,
    declared: &BTreeMap<Address, Wished>,
    claims: &Claims<'_>,
) {
    wait_for_needs(draft, wishes, declared, claims);
    loop {
        let before = acts(draft);
        keep_what_is_needed(draft, declared, claims);
        let kept = acts(draft);
        if kept == before {
            return;
        }
        wait_for_needs(draft, wishes, declared, claims);
        if acts(draft) == kept {
            return;
        }
    }
}

/// How much there is to do.
fn acts(draft: &Draft) -> usize {
    draft.leftovers.len() + draft.actions.values().filter(|action| action.action != Verb::NoOp).count()
}

/// Something that stays.
struct Staying<'a> {
    /// None: it answers to none.
    address: Option<Address>,
    live: &'a AnyLive,
    /// It is held back, or outside the scope: it may not be as its wish says, also in its texts.
    behind: bool,
    /// It was replaced by the one that counts.
    left_over: bool,
}

impl Staying<'_> {
    fn name(&self) -> String {
        self.address.as_ref().map_or_else(|| format!("{} {}", self.live.kind, self.live.id), ToString::to_string)
    }
}

fn keep_what_is_needed(draft: &mut Draft, declared: &BTreeMap<Address, Wished>, claims: &Claims<'_>) {
    let lost = |action: &Action| matches!(action.action, Verb::Delete | Verb::Replace);
    if draft.leftovers.is_empty() && !draft.actions.values().any(lost) {
        return;
    }
    let mut staying = staying(draft, claims);
    let mut going = Going::new(draft, claims);
    while let Some(stays) = staying.pop() {
        // What was held back keeps all that its wish names; what merely is outside the scope, only what it holds on to by id.
        let address = stays.address.as_ref();
        let held = |address: &&Address| !stays.left_over && (draft.refusals.contains_key(*address) || draft.waiting.contains_key(*address));
        let wish = address.filter(held).and_then(|address| declared.get(address));
        for target in needs_of(stays.live, wish, claims) {
            if (stays.left_over || address != Some(&target)) && draft.actions.get(&target).is_some_and(lost) {
                draft.wait_for(&target, format!("kept: {} needs it", stays.name()));
                staying.extend(claims.live.get(&target).map(|live| Staying {
                    address: Some(target),
                    live,
                    behind: true,
                    left_over: false,
                }));
            }
        }
        for (address, live) in going.keep_for(&stays) {
            draft.leftovers.retain(|left| left.seen.kind != live.kind || left.seen.id != live.id);
            draft.kept.entry(address.clone()).or_insert(format!("{} is kept: {} still uses it", live.id, stays.name()));
            staying.push(Staying { address: Some(address.clone()), live, behind: true, left_over: true });
        }
    }
}

/// The leftovers that are to be dropped so far.
struct Going<'c> {
    /// By place; what is kept is not there any more.
    left: BTreeMap<usize, Leaving<'c>>,
    /// Place by kind and id.
    by_id: HashMap<(&'c str, &'c str), usize>,
}

struct Leaving<'c> {
    address: &'c Address,
    live: &'c AnyLive,
    /// What only this one is called and its successor is not, in small letters.
    names: Vec<String>,
}

impl<'c> Going<'c> {
    fn new(draft: &Draft, claims: &'c Claims<'c>) -> Self {
        let goes: BTreeSet<(&str, &str)> = draft.leftovers.iter().map(|left| (left.seen.kind.as_str(), left.seen.id.as_str())).collect();
        let left = claims.leftovers.iter().filter(|(_, live, _)| goes.contains(&(live.kind, live.id.as_str())));
        let called = |one: &AnyLive| -> BTreeSet<String> {
            one.attributes.values().chain([&one.id]).filter(|name| !name.is_empty()).map(|name| name.to_lowercase()).collect()
        };
        let left = left.map(|(address, live, _)| {
            let its = claims.live.get(address).map(|one| called(one)).unwrap_or_default();
            let names = called(live).difference(&its).cloned().collect();
            Leaving { address, live, names }
        });
        let left: BTreeMap<usize, Leaving<'_>> = left.enumerate().collect();
        let by_id = left.iter().map(|(at, one)| ((one.live.kind, one.live.id.as_str()), *at)).collect();
        Self { left, by_id }
    }

    /// Takes out what `stays` still uses: by its id, or, where `stays` may not have been moved yet, by its name in a text. Also what stands
    /// under it, where `stays` is left over itself.
    fn keep_for(&mut self, stays: &Staying<'_>) -> Vec<(&'c Address, &'c AnyLive)> {
        let Some(row) = lookup(stays.live.kind).filter(|_| !self.left.is_empty()) else { return Vec::new() };
        let mut used = BTreeSet::new();
        row.info().visit(&stays.live.shape, &mut |leaf, text| match leaf.kind {
            Some(kind) => used.extend(self.by_id.get(&(kind, text))),
            None if stays.behind => {
                let text = text.to_lowercase();
                let named = |one: &Leaving<'_>| one.names.iter().any(|name| says(&text, name));
                used.extend(self.left.iter().filter(|(_, one)| named(one)).map(|(at, _)| at));
            }
            None => {}
        });
        if stays.left_over {
            let under = |one: &Leaving<'_>| lookup(one.live.kind).and_then(|row| parent(row, &one.live.shape));
            let stands_on = |(kind, id): (&str, String)| kind == stays.live.kind && id == stays.live.id;
            used.extend(self.left.iter().filter(|(_, one)| under(one).is_some_and(stands_on)).map(|(at, _)| at));
        }
        used.into_iter().filter_map(|at| self.left.remove(&at)).map(|one| (one.address, one.live)).collect()
    }
}

fn staying<'a>(draft: &Draft, claims: &Claims<'a>) -> Vec<Staying<'a>> {
    // A setting that is always there goes with what it is a setting of.
    let is_setting = |live: &AnyLive| lookup(live.kind).is_some_and(|row| row.singleton);
    let live = claims.live.iter().filter(|(_, live)| !is_setting(live)).filter_map(|(address, live)| {
        let action = draft.actions.get(address);
        let behind = action.is_none() || draft.refusals.contains_key(address) || draft.waiting.contains_key(address);
        let stays = action.is_none_or(|action| action.action == Verb::NoOp);
        stays.then(|| Staying { address: Some(address.clone()), live, behind, left_over: false })
    });
    let going: BTreeSet<(&str, &str)> = draft.leftovers.iter().map(|left| (left.seen.kind.as_str(), left.seen.id.as_str())).collect();
    let left = claims.leftovers.iter().filter(|(_, live, _)| !going.contains(&(live.kind, live.id.as_str())));
    let left = left.map(|(address, live, _)| Staying { address: Some(address.clone()), live, behind: true, left_over: true });
    let unclaimed = claims.unclaimed.iter().map(|live| Staying { address: None, live, behind: false, left_over: false });
    live.chain(left).chain(unclaimed).collect()
}

fn needs_of(live: &AnyLive, wish: Option<&Wished>, claims: &Claims<'_>) -> BTreeSet<Address> {
    let mut needs = BTreeSet::new();
    if let Some(row) = lookup(live.kind) {
        row.info().visit(&live.shape, &mut |leaf, id| {
            needs.extend(leaf.kind.and_then(|kind| claims.address(kind, id)).cloned());
        });
    }
    if let Some(wish) = wish {
        references(wish.kind.info(), &wish.spec, |_, hole| {
            needs.insert(hole.address);
        });
    }
    needs
}

/// Whether `text` has `name` in it as a whole, and not as a part of a longer name.
fn says(text: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    text.match_indices(name).any(|(at, _)| !text[..at].ends_with(part) && !text[at + name.len()..].starts_with(part))
}

#[cfg(test)]
mod tests {
    use super::says;

    #[test]
    fn a_name_is_found_as_a_whole_only() {
        for (text, found) in [
            ("alb-1.elb.amazonaws.com", true),
            ("dualstack.alb-1.elb.amazonaws.com.", true),
            ("alb-1.elb.amazonaws.com/path, alb-2", true),
            ("my-alb-1.elb.amazonaws.com", false),
            ("alb-1.elb.amazonaws.com-2", false),
        ] {
            assert_eq!(says(text, "alb-1.elb.amazonaws.com"), found, "{text}");
        }
    }
}
