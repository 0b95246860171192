//! Every field of every kind: changed in the wishes, applied, unchanged; and back again.

use std::collections::BTreeSet;

use reeve::kinds::{Row, aws::KINDS};
use reeve::model::Address;
use reeve::model::edit::Cause;
use reeve::model::plan::{Action, Verb};
use serde_json::Value;

use crate::excused::{From, is_excused};
use crate::spare;
use crate::support::{Estate, Ground, Wishes, at};

pub mod values;

/// Every other value: address, field, value.
pub fn others(wishes: &Wishes) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for row in KINDS {
        let address = spare::address(row);
        let values = values::others(row.name, &wishes[&at(&address)].spec);
        all.extend(values.as_object().into_iter().flatten().map(|(field, value)| (address.clone(), field.clone(), value.clone())));
        let elsewhere = values::elsewhere(row.name);
        all.extend(elsewhere.into_iter().map(|(address, field, value)| (address.to_owned(), field.to_owned(), value)));
    }
    all
}

/// Gives every field that can change in place another value. Answers address and field.
pub fn change(wishes: &mut Wishes) -> BTreeSet<(String, String)> {
    let mut changed = BTreeSet::new();
    for (address, field, value) in others(wishes) {
        let wish = wishes.get_mut(&at(&address)).expect("a wish");
        if !wish.kind.info().fields[&field].replace && !is_excused(wish.kind.name, &field, From::Change) {
            wish.spec[&field] = value;
            changed.insert((address, field));
        }
    }
    let mut wrong = Vec::new();
    for (address, wish) in wishes {
        wish.spec = (wish.kind.canonical)(&wish.spec).unwrap_or_else(|error| panic!("{address}: {error}"));
        wrong.extend((wish.kind.check)(&wish.spec).into_iter().map(|(field, why)| format!("{address} {field}: {why}")));
    }
    assert_eq!(wrong, Vec::<String>::new());
    changed
}

#[test]
fn every_field_has_another_value_or_a_reason() {
    let mut wishes = spare::wishes();
    let others = others(&wishes);
    let differs = |row: &Row, field: &str| {
        others.iter().any(|(address, f, value)| {
            let wish = &wishes[&at(address)];
            wish.kind.name == row.name && f == field && Some(value) != wish.spec.get(field)
        })
    };
    let mut missing = Vec::new();
    for row in KINDS {
        let fields = row.info().fields.keys().filter(|field| !is_excused(row.name, field, From::Change) && !differs(row, field));
        missing.extend(fields.map(|field| format!("{} {field}", row.name)));
    }
    assert_eq!(missing, Vec::<String>::new(), "give each a value in fields/values.rs or a reason in excused.rs");
    change(&mut wishes);
}

async fn converges(estate: &Estate, changed: &BTreeSet<(String, String)>, when: &str) {
    let plan = estate.plan().await;
    let edited: BTreeSet<(String, String)> =
        plan.changes().flat_map(|one| one.edits.iter().map(|edit| (one.address.to_string(), edit.field.clone()))).collect();
    let unseen: Vec<_> = changed.difference(&edited).collect();
    assert!(unseen.is_empty(), "{when}: changed, but not in the plan: {unseen:?}");
    let expected = |one: &&Action| one.action == Verb::Update && one.cause == [Cause::Change].into();
    let astray: Vec<_> = plan.changes().filter(|one| !expected(one)).collect();
    assert!(astray.is_empty(), "{when}: {astray:#?}");
    let more: Vec<_> = edited.difference(changed).collect();
    assert!(more.is_empty(), "{when}: the plan changes more: {more:?}");
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
    let mut changed = change(&mut estate.wishes);
    assert!(changed.len() > 100, "{} fields", changed.len());
    converges(&estate, &changed, "to the other value").await;
    changed.retain(|(address, field)| !is_excused(before[&at(address)].kind.name, field, From::ComingBack));
    let other = std::mem::replace(&mut estate.wishes, before);
    // What only grows is not made smaller in silence: it keeps its size.
    let grown: Vec<(Address, &String)> = KINDS
        .iter()
        .flat_map(|row| row.info().fields.iter().filter(|(_, f)| f.grows).map(|(f, _)| (at(&spare::address(row)), f)))
        .collect();
    let refused: Vec<Address> = estate.plan().await.refusals.into_iter().map(|one| one.address).collect();
    assert_eq!(refused, grown.iter().map(|(address, _)| address.clone()).collect::<Vec<_>>());
    for (address, field) in grown {
        estate.wishes.get_mut(&address).expect("a wish").spec[field] = other[&address].spec[field].clone();
    }
    converges(&estate, &changed, "back").await;
}
