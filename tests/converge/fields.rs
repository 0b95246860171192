//! Every field of every kind: changed in the wishes, applied, unchanged; and back again.

use std::collections::BTreeSet;

use reeve::kinds::KINDS;
use reeve::model::plan::Verb;

use crate::spare;
use crate::support::{Estate, Ground, Wishes, at, changes};

pub mod values;

/// What the emulated AWS does not keep, or what has no second value: kind, field, reason.
pub const NOT_MODELLED: &[(&str, &str, &str)] = &[];

pub fn is_modelled(kind: &str, field: &str) -> bool {
    !NOT_MODELLED.iter().any(|(k, f, _)| *k == kind && *f == field)
}

/// Gives every field that can change in place another value, on the spare object of each kind. Answers address and field.
pub fn change(wishes: &mut Wishes) -> BTreeSet<(String, String)> {
    let mut changed = BTreeSet::new();
    for row in KINDS {
        let address = spare::address(row);
        let wish = wishes.get_mut(&at(&address)).expect("a spare");
        let mut spec = wish.spec.clone();
        let others = values::others(row.name, &wish.spec);
        for (field, info) in &row.info().fields {
            if info.replace || !is_modelled(row.name, field) {
                continue;
            }
            if let Some(value) = others.get(field) {
                spec[field] = value.clone();
                changed.insert((address.clone(), field.clone()));
            }
        }
        let spec = (row.canonical)(&spec).unwrap_or_else(|error| panic!("{address}: {error}"));
        assert_eq!((row.check)(&spec), [], "{address}: {spec}");
        wish.spec = spec;
    }
    changed
}

#[tokio::test]
async fn every_field_has_another_value_or_a_reason() {
    let ground = Ground::emulated().await;
    let estate = spare::estate(&ground).await;
    let mut missing = Vec::new();
    for row in KINDS {
        let was = &estate.wishes[&at(&spare::address(row))].spec;
        let others = values::others(row.name, was);
        for field in row.info().fields.keys() {
            let differs = others.get(field).is_some_and(|value| Some(value) != was.get(field));
            if !differs && is_modelled(row.name, field) {
                missing.push(format!("{} {field}", row.name));
            }
        }
    }
    for (kind, field, reason) in NOT_MODELLED {
        let known = reeve::kinds::lookup(kind).is_some_and(|row| row.info().fields.contains_key(*field));
        assert!(known && !reason.is_empty(), "NOT_MODELLED: {kind} {field}");
    }
    assert_eq!(missing, Vec::<String>::new(), "give each a value in fields/values.rs or a reason in NOT_MODELLED");
}

async fn converges(estate: &Estate, changed: &BTreeSet<(String, String)>, when: &str) {
    let plan = estate.plan().await;
    let edited: BTreeSet<(String, String)> = plan
        .changes()
        .flat_map(|one| one.edits.iter().map(|edit| (one.address.to_string(), edit.field.clone())))
        .collect();
    let unseen: Vec<_> = changed.difference(&edited).collect();
    assert!(unseen.is_empty(), "{when}: changed, but not in the plan: {unseen:?}");
    let astray: Vec<_> = plan.changes().filter(|one| one.action != Verb::Update).collect();
    assert!(astray.is_empty(), "{when}: {astray:#?}");
    assert_eq!(edited.len(), changed.len(), "{when}: the plan changes more: {:#?}", changes(&plan));
    estate.apply_plan(&plan).await;
    estate.is_converged().await;
}

#[tokio::test]
async fn each_field_changes_in_place_and_back_and_stays() {
    let ground = Ground::emulated().await;
    let mut estate = spare::estate(&ground).await;
    estate.apply().await;
    estate.is_converged().await;
    let before = estate.wishes.clone();
    let changed = change(&mut estate.wishes);
    assert!(changed.len() > 100, "{} fields", changed.len());
    converges(&estate, &changed, "to the other value").await;
    estate.wishes = before;
    converges(&estate, &changed, "back").await;
}
