//! What nobody looked at, as far as those that use it tell. From outside the fleet there is no way to the tenants' folders, and there may be none to the database; a service that is live
//! uses both all the same. Whatever a reference of it stood for when it was last applied, it stands for now: so its other fields can be compared and changed, and what it
//! uses is neither made nor missed.
//!
//! Taken from an object's own module alone (a tenant's parts), only where the field is as it was last applied, only when all that is named of the one that nobody
//! looked at is told alike, and only when that one's own wish is what the journal says was last applied: a rotated password reaches the database's user first. Everything
//! else waits.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Wished;
use super::claim::Claims;
use super::refer::references;
use crate::kinds::AnyLive;
use crate::model::marks::{Applied, Marks};
use crate::model::{Address, hole};
use crate::observe::Observed;

/// What was told of one address: its attributes and, under `None`, its id. `None`: told differently.
type Told = BTreeMap<Address, BTreeMap<Option<String>, Option<String>>>;

/// Those that nobody looked at and that are told of, each with the id and the attributes that are named.
pub(super) fn assume(
    declared: &BTreeMap<Address, Wished>,
    claims: &Claims<'_>,
    observed: &Observed,
    history: &BTreeMap<Address, Applied>,
) -> Vec<AnyLive> {
    let is_beyond = |address: &Address| declared.get(address).is_some_and(|wish| observed.beyond.contains(wish.kind.name));
    let (mut told, mut named): (Told, BTreeMap<Address, BTreeSet<Option<String>>>) = Default::default();
    for (address, wish) in declared.iter().filter(|(address, _)| !is_beyond(address)) {
        let mut asks = false;
        references(wish.kind.info(), &wish.spec, |_, hole| {
            if is_beyond(&hole.address) {
                asks = true;
                named.entry(hole.address).or_default().insert(key(hole.attribute));
            }
        });
        let live = claims.live.get(address).filter(|live| asks && live.kind == wish.kind.name && !live.marks.retiring);
        if let Some(live) = live {
            tell(address, wish, live, claims, &is_beyond, &mut told);
        }
    }
    let whole = |(address, told): (Address, BTreeMap<Option<String>, Option<String>>)| {
        let wish = declared.get(&address).filter(|wish| is_as_applied(wish, claims, history.get(&address)))?;
        let all = named.get(&address)?.iter().map(|name| Some((name.clone(), told.get(name)?.clone()?)));
        let mut attributes: BTreeMap<Option<String>, String> = all.collect::<Option<_>>()?;
        let id = attributes.remove(&None).unwrap_or_default();
        let attributes = attributes.into_iter().filter_map(|(name, value)| Some((name?, value))).collect();
        let marks = Marks { address: Some(address), ..Marks::default() };
        Some(AnyLive { kind: wish.kind.name, id, attributes, shape: Value::Null, marks, made_at: String::new() })
    };
    told.into_iter().filter_map(whole).collect()
}

fn key(attribute: Option<String>) -> Option<String> {
    attribute.filter(|name| name != "id")
}

/// Whether a wish is the one that was last applied, its texts rendered.
fn is_as_applied(wish: &Wished, claims: &Claims<'_>, applied: Option<&Applied>) -> bool {
    let (mut form, mut whole, info) = (wish.spec.clone(), true, wish.kind.info());
    info.rewrite(&mut form, &mut |leaf, text| {
        if leaf.kind.is_none() && hole::any(text) {
            match hole::render(text, |hole| claims.attribute(hole)) {
                Ok(rendered) => *text = rendered,
                Err(_) => whole = false,
            }
        }
    });
    let form = (wish.kind.canonical)(&form).unwrap_or(form);
    whole && applied == Some(&Applied::of(info.set_fields(&form)))
}

/// What one live object tells.
fn tell(address: &Address, wish: &Wished, live: &AnyLive, claims: &Claims<'_>, is_beyond: &impl Fn(&Address) -> bool, told: &mut Told) {
    let mut form = claims.addressed(live);
    let (Some(want), Some(form)) = (wish.spec.as_object(), form.as_object_mut()) else { return };
    for (field, want) in want {
        let (Some(have), Some(form)) = (live.shape.get(field), form.get_mut(field)) else { continue };
        let mut found = Vec::new();
        pairs(want, have, form, &mut |text, value, form| {
            let Some(hole) = hole::whole(text).filter(|hole| is_beyond(&hole.address) && hole.address.module() == address.module()) else {
                return;
            };
            if hole.attribute.is_none() {
                // What was applied is remembered with its references as addresses.
                text.clone_into(form);
            }
            found.push((hole, value.to_owned()));
        });
        if live.marks.applied.says(field, Some(form)) != Some(true) {
            continue;
        }
        for (hole, value) in found {
            let values = told.entry(hole.address).or_default();
            let known = values.entry(key(hole.attribute)).or_insert_with(|| Some(value.clone()));
            if known.as_ref() != Some(&value) {
                *known = None;
            }
        }
    }
}

/// Texts that stand at the same place of all three.
fn pairs(want: &Value, have: &Value, form: &mut Value, visit: &mut impl FnMut(&str, &str, &mut String)) {
    match (want, have, form) {
        (Value::String(want), Value::String(have), Value::String(form)) => visit(want, have, form),
        (Value::Object(want), Value::Object(have), Value::Object(form)) => {
            for (name, want) in want {
                if let (Some(have), Some(form)) = (have.get(name), form.get_mut(name)) {
                    pairs(want, have, form, visit);
                }
            }
        }
        // Sets have an order of their own in each form: only where there is no other, the place is the same.
        (Value::Array(want), Value::Array(have), Value::Array(form)) => {
            if let ([want], [have], [form]) = (want.as_slice(), have.as_slice(), form.as_mut_slice()) {
                pairs(want, have, form, visit);
            }
        }
        _ => {}
    }
}
