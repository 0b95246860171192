//! Each wish beside its live object, repeated until nothing more becomes new.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::Wished;
use super::claim::Claims;
use super::draft::Draft;
use super::missing::Missing;
use super::protection::is_protected;
use super::refer::references;
use super::shrink::lowered;
use crate::kinds::info::Info;
use crate::kinds::{AnyLive, Row};
use crate::model::edit::{Cause, Edit};
use crate::model::marks::Applied;
use crate::model::plan::Scope;
use crate::model::runbook::PROTECTED;
use crate::model::{Address, hole};

/// What comparing found.
#[derive(Debug, Default)]
pub struct Compared {
    /// Differences, by address.
    pub edits: BTreeMap<Address, Vec<Edit>>,
    /// Why, by address.
    pub causes: BTreeMap<Address, BTreeSet<Cause>>,
    /// The comparable forms of wishes with texts that could be rendered, by address.
    pub forms: HashMap<Address, Value>,
    /// What must not become new: reason and hint.
    refused: BTreeMap<Address, (String, String)>,
}

impl Compared {
    fn is_to_be_replaced(&self, address: &Address) -> bool {
        self.edits.get(address).is_some_and(|edits| edits.iter().any(|edit| edit.replace))
    }
}

/// A spec in its two rendered forms.
#[derive(Debug)]
pub struct Forms {
    /// References as addresses, texts rendered: what is compared and hashed.
    pub compare: Value,
    /// Everything rendered: what a call is made from.
    pub call: Value,
}

impl Forms {
    /// Renders `spec` with what `value` knows of each hole.
    ///
    /// # Errors
    /// The first hole of which nothing is known.
    pub fn render(row: &Row, spec: &Value, mut value: impl FnMut(&hole::Hole) -> Option<String>) -> Result<Self, hole::Hole> {
        let mut forms = Self { compare: spec.clone(), call: spec.clone() };
        let mut missing = None;
        let (mut any_text, mut any_ref) = (false, false);
        let info = row.info();
        info.rewrite(&mut forms.call, &mut |leaf, text| {
            if !hole::any(text) {
                return;
            }
            any_ref |= leaf.kind.is_some();
            any_text |= leaf.kind.is_none();
            match hole::render(text, &mut value) {
                Ok(rendered) => *text = rendered,
                Err(hole) => missing = missing.take().or(Some(hole)),
            }
        });
        if let Some(hole) = missing {
            return Err(hole);
        }
        if any_text {
            info.rewrite(&mut forms.compare, &mut |leaf, text| {
                if leaf.kind.is_none()
                    && let Ok(rendered) = hole::render(text, &mut value)
                {
                    *text = rendered;
                }
            });
            forms.compare = (row.canonical)(&forms.compare).unwrap_or(forms.compare);
        }
        if any_ref || any_text {
            forms.call = (row.canonical)(&forms.call).unwrap_or(forms.call);
        }
        Ok(forms)
    }
}

/// Compares every wish that has a live object. What would have to go before its successor is made, and cannot because it is held on to, is
/// refused, and nothing follows it: then everything is compared anew without it. What only would have followed is not refused in the end.
pub(super) fn compare(
    wishes: &BTreeMap<Address, Wished>,
    claims: &Claims<'_>,
    history: &BTreeMap<Address, Applied>,
    scope: &Scope,
    missing: &Missing,
    draft: &mut Draft,
) -> Compared {
    let mut held = BTreeMap::new();
    loop {
        let (compared, new) = compare_without(wishes, claims, history, scope, missing, &held);
        let more = super::hold::held(wishes, claims, scope, &compared.edits, &new);
        if more.is_empty() {
            held.retain(|address, _| compared.is_to_be_replaced(address));
            for (address, (reason, hint)) in held.into_iter().chain(compared.refused.clone()) {
                draft.refuse(&address, reason, hint);
            }
            return compared;
        }
        held.extend(more);
    }
}

/// Compares, while nothing in `held` becomes new. Answers also what does.
fn compare_without(
    wishes: &BTreeMap<Address, Wished>,
    claims: &Claims<'_>,
    history: &BTreeMap<Address, Applied>,
    scope: &Scope,
    missing: &Missing,
    held: &BTreeMap<Address, (String, String)>,
) -> (Compared, BTreeSet<Address>) {
    let mut compared = Compared::default();
    let mut users: HashMap<Address, BTreeSet<&Address>> = HashMap::new();
    let mut new: BTreeSet<Address> = wishes.keys().filter(|address| !claims.live.contains_key(*address)).cloned().collect();
    for (address, wish) in wishes {
        references(wish.kind.info(), &wish.spec, |_, hole| {
            users.entry(hole.address).or_default().insert(address);
        });
    }
    let mut todo: Vec<&Address> = wishes.keys().collect();
    while !todo.is_empty() {
        let mut became_new = BTreeSet::new();
        for address in std::mem::take(&mut todo) {
            let wish = &wishes[address];
            let Some(live) = claims.live.get(address) else {
                if let Ok(forms) = Forms::render(wish.kind, &wish.spec, |hole| known(hole, claims, &new)) {
                    compared.forms.insert(address.clone(), forms.compare);
                }
                continue;
            };
            if live.kind != wish.kind.name {
                // A protected one is refused by the guard, and nothing follows it then.
                if !missing.holds(address) && !is_protected(address, live, wishes, claims, scope) {
                    became_new.insert(address.clone());
                }
                continue;
            }
            let applied = applied(address, live, history);
            let shrinks = lowered(wish, live, applied);
            let (edits, causes) = differences(wish, live, applied, claims, &new);
            // What waits for something that does not come is neither lost nor followed.
            if edits.iter().any(|edit| edit.replace) && !missing.holds(address) && shrinks.is_none() {
                if is_protected(address, live, wishes, claims, scope) {
                    let fields: Vec<_> = edits.iter().filter(|e| e.replace).map(|e| e.field.as_str()).collect();
                    let reason = format!("it is protected and would have to be replaced: {} cannot change in place", fields.join(", "));
                    let hint = format!("if its loss is meant: --allow-delete {address} (see {PROTECTED})");
                    compared.refused.insert(address.clone(), (reason, hint));
                } else if !held.contains_key(address) {
                    became_new.insert(address.clone());
                }
            }
            compared.refused.extend(shrinks.map(|why| (address.clone(), why)));
            compared.edits.insert(address.clone(), edits);
            compared.causes.insert(address.clone(), causes);
        }
        let fresh: Vec<Address> = became_new.into_iter().filter(|address| new.insert(address.clone())).collect();
        let again: BTreeSet<&Address> = fresh.iter().filter_map(|address| users.get(address)).flatten().copied().collect();
        todo.extend(again);
    }
    (compared, new)
}

/// What a hole stands for; `None` when its target is or becomes new.
fn known(hole: &hole::Hole, claims: &Claims<'_>, new: &BTreeSet<Address>) -> Option<String> {
    if new.contains(&hole.address) { None } else { claims.attribute(hole) }
}

/// What was last applied: the object's own mark, or, where it bears none, what the journal remembers.
fn applied<'a>(address: &Address, live: &'a AnyLive, history: &'a BTreeMap<Address, Applied>) -> &'a Applied {
    match live.marks.applied {
        Applied::Unknown => history.get(address).unwrap_or(&Applied::Unknown),
        _ => &live.marks.applied,
    }
}

fn differences(
    wish: &Wished,
    live: &AnyLive,
    applied: &Applied,
    claims: &Claims<'_>,
    new: &BTreeSet<Address>,
) -> (Vec<Edit>, BTreeSet<Cause>) {
    let info = wish.kind.info();
    let mut want = wish.spec.clone();
    let mut fresh: BTreeSet<String> = BTreeSet::new();
    let mut rendered = false;
    info.rewrite(&mut want, &mut |leaf, text| {
        if !hole::any(text) {
            return;
        }
        if hole::all(text).iter().any(|hole| new.contains(&hole.address)) {
            fresh.insert(leaf.field.to_owned());
        } else if leaf.kind.is_none() {
            match hole::render(text, |hole| claims.attribute(hole)) {
                Ok(known) => {
                    *text = known;
                    rendered = true;
                }
                // Live, but that attribute is not known yet: it will be when its target is ready.
                Err(_) => {
                    fresh.insert(leaf.field.to_owned());
                }
            }
        }
    });
    if rendered {
        want = (wish.kind.canonical)(&want).unwrap_or(want);
    }
    let mut have = claims.addressed(live);
    if fresh.is_empty() && have == want {
        return (Vec::new(), BTreeSet::new());
    }
    (wish.kind.restate)(&mut have, &want);
    let mut edits = Vec::new();
    let mut causes = BTreeSet::new();
    let empty = serde_json::Map::new();
    let (h, w) = (have.as_object().unwrap_or(&empty), want.as_object().unwrap_or(&empty));
    let names: BTreeSet<&String> = h.keys().chain(w.keys()).collect();
    for name in names {
        let (from, to) = (h.get(name).cloned().unwrap_or_default(), w.get(name).cloned().unwrap_or_default());
        if from == to && !fresh.contains(name) || info.orders(name) {
            continue;
        }
        let why = if fresh.contains(name) { BTreeSet::from([Cause::Follows]) } else { why(info, applied, name, &from, &to) };
        let cause = why.first().copied().unwrap_or(Cause::Change);
        let drifted = cause != Cause::Drift && why.contains(&Cause::Drift);
        causes.extend(why);
        let replace = info.fields.get(name).is_some_and(|field| field.replace);
        // The view shows what was written, with its references, not half-rendered text.
        let to = if fresh.contains(name) { wish.spec.get(name).cloned().unwrap_or_default() } else { to };
        edits.push(Edit { field: name.clone(), from, to, replace, cause, drifted });
    }
    let changed: BTreeSet<String> = edits.iter().map(|edit| edit.field.clone()).collect();
    if !changed.is_empty() && !edits.iter().any(|edit| edit.replace) {
        // A reference to what becomes new differs from the live one, though both are of one address.
        let mut have = if fresh.is_empty() { have } else { claims.addressed_without(live, new) };
        (wish.kind.restate)(&mut have, &want);
        if (wish.kind.must_replace)(&have, &want, &changed) {
            edits.iter_mut().for_each(|edit| edit.replace = true);
        }
    }
    (edits, causes)
}

/// Drift, change, or both.
fn why(info: &Info, applied: &Applied, name: &str, from: &Value, to: &Value) -> BTreeSet<Cause> {
    let says = |value: &Value| applied.says(name, (!info.is_default(name, value)).then_some(value));
    match (says(to), says(from)) {
        (Some(true), _) => BTreeSet::from([Cause::Drift]),
        (Some(false), Some(false)) => BTreeSet::from([Cause::Change, Cause::Drift]),
        _ => BTreeSet::from([Cause::Change]),
    }
}
