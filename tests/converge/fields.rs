//! Every field of every kind: changed in the wishes, applied, unchanged; and back again.

use std::collections::BTreeSet;

use reeve::kinds::{KINDS, Row};
use reeve::model::plan::Verb;
use serde_json::Value;

use crate::spare;
use crate::support::{Estate, Ground, Wishes, at, changes};

pub mod values;

/// What the emulated AWS does not keep, or what has no second value: kind, field, reason.
pub const NOT_MODELLED: &[(&str, &str, &str)] = &[
    ("aws.ec2_defaults", "ebs_encryption_by_default", "is only ever tightened: `false` leaves it as it is"),
    ("aws.ec2_defaults", "http_tokens_required", "is only ever tightened: `false` leaves it as it is"),
    ("aws.ec2_defaults", "image_block_public_access", "is only ever tightened: `false` leaves it as it is"),
    ("aws.ec2_defaults", "snapshot_block_public_access", "is only ever tightened: `false` leaves it as it is"),
    ("aws.record", "zone", "the stack has one zone"),
    ("aws.bucket", "logging", "the target has to let S3's logging service write, which no bucket of this estate does"),
    ("aws.autoscaling_group", "refresh_min_healthy_percentage", "says how a refresh goes, and is not kept by AWS"),
    ("aws.nat_gateway", "internet_gateway", "says what has to exist first, and is not kept by AWS"),
    ("aws.role", "inline_policies", "has one value: it stays empty, and one that is found is drift"),
];

pub fn is_modelled(kind: &str, field: &str) -> bool {
    !NOT_MODELLED.iter().any(|(k, f, _)| *k == kind && *f == field)
}

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
        if !wish.kind.info().fields[&field].replace && is_modelled(wish.kind.name, &field) {
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
        let fields = row.info().fields.keys().filter(|field| is_modelled(row.name, field) && !differs(row, field));
        missing.extend(fields.map(|field| format!("{} {field}", row.name)));
    }
    for (kind, field, reason) in NOT_MODELLED {
        let known = reeve::kinds::lookup(kind).is_some_and(|row| row.info().fields.contains_key(*field));
        assert!(known && !reason.is_empty(), "NOT_MODELLED: {kind} {field}");
    }
    assert_eq!(missing, Vec::<String>::new(), "give each a value in fields/values.rs or a reason in NOT_MODELLED");
    change(&mut wishes);
}

async fn converges(estate: &Estate, changed: &BTreeSet<(String, String)>, when: &str) {
    let plan = estate.plan().await;
    let edited: BTreeSet<(String, String)> =
        plan.changes().flat_map(|one| one.edits.iter().map(|edit| (one.address.to_string(), edit.field.clone()))).collect();
    let unseen: Vec<_> = changed.difference(&edited).collect();
    assert!(unseen.is_empty(), "{when}: changed, but not in the plan: {unseen:?}");
    let astray: Vec<_> = plan.changes().filter(|one| one.action != Verb::Update).collect();
    assert!(astray.is_empty(), "{when}: {astray:#?}");
    let more: Vec<_> = edited.difference(changed).collect();
    assert!(more.is_empty(), "{when}: the plan changes more: {more:?} {:#?}", changes(&plan));
    estate.apply_plan(&plan).await;
    estate.is_converged().await;
}

#[tokio::test]
#[ignore = "aws.key: a policy and a rotation period that change together with `enabled: false` are not applied"]
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
