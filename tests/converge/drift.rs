//! What differs behind our back is named with cause drift, and nothing else is; an apply mends it.

use std::collections::{BTreeMap, BTreeSet};

use reeve::kinds::row::{AnyChange, AnyGone};
use reeve::kinds::{KINDS, lookup};
use reeve::model::edit::Cause;
use reeve::model::plan::{Plan, Verb};

use crate::support::{Estate, Ground, at, rendered};
use crate::{fields, spare};

/// Kinds whose objects cannot be deleted behind our back.
const NOT_DELETED: &[(&str, &str)] =
    &[("aws.db_instance", "the emulated AWS makes the second one of a name without Performance Insights; the next apply adds it")];

/// Fields that the spare's wish leaves to AWS, so that another value of theirs is no drift.
const LEFT_TO_AWS: &[(&str, &[&str])] = &[
    (
        "spare.db_instance",
        // Storage grows by itself and never shrinks; the others are not wished.
        &["allocated_storage", "ca_certificate_identifier", "iops", "performance_insights_retention_period", "storage_throughput"],
    ),
    ("spare.autoscaling_group", &["desired_capacity"]),
    // No policy is wished; and while rotation is off it has no period.
    ("spare.key", &["policy", "rotation_period_in_days"]),
];

/// Writes `fields` of the object at `address` to AWS as the kind would, and leaves its mark as it is.
async fn tamper(estate: &Estate, plan: &Plan, address: &str, spec: &serde_json::Value, fields: BTreeSet<String>) {
    let seen = &plan.seen[&at(address)];
    let row = lookup(&seen.kind).expect("a kind");
    let live = (row.fetch)(&estate.session.planes().aws.fresh().into()).await.expect("a listing");
    let live = live.into_iter().find(|one| one.id == seen.id).expect("it is live");
    let wanted = rendered(plan, row.name, spec);
    let mut want = live.shape.clone();
    for field in &fields {
        want[field] = wanted.get(field).cloned().unwrap_or_default();
    }
    let change = AnyChange {
        address: at(address),
        id: live.id,
        attributes: live.attributes,
        have: live.shape,
        want,
        fields,
        marks: live.marks,
        token: "by-hand".into(),
    };
    (row.update)(estate.session.planes(), change).await.unwrap_or_else(|error| panic!("{address}: {error}"));
}

#[tokio::test]
#[ignore = "aws.listener: from HTTPS back to HTTP its certificate stays"]
async fn each_field_that_drifts_is_named_and_mended() {
    let ground = Ground::emulated().await;
    let estate = spare::estate(&ground).await;
    estate.apply().await;
    let plan = estate.plan().await;
    let mut other = estate.wishes.clone();
    let mut by_address: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (address, field) in fields::change(&mut other) {
        by_address.entry(address).or_default().insert(field);
    }
    for (address, fields) in &by_address {
        tamper(&estate, &plan, address, &other[&at(address)].spec, fields.clone()).await;
    }

    let drifted = estate.plan().await;
    let mut wrong = Vec::new();
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for action in drifted.changes() {
        if action.cause != [Cause::Drift].into() || action.action != Verb::Update {
            wrong.push(format!("{:?} {} {:?} {}", action.action, action.address, action.cause, action.reason));
        }
        named.insert(action.address.to_string(), action.edits.iter().map(|edit| edit.field.clone()).collect());
    }
    for (address, fields) in &by_address {
        let found = named.remove(address).unwrap_or_default();
        let left = LEFT_TO_AWS.iter().find(|(one, _)| one == address).map_or(&[][..], |(_, left)| left);
        let fields: BTreeSet<String> = fields.iter().filter(|field| !left.contains(&field.as_str())).cloned().collect();
        if found != fields {
            wrong.push(format!("{address}: drifted {fields:?}, named {found:?}"));
        }
    }
    wrong.extend(named.iter().map(|(address, fields)| format!("{address}: {fields:?} named though nobody touched it")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    estate.apply_plan(&drifted).await;
    estate.is_converged().await;
}

#[tokio::test]
async fn each_kind_deleted_behind_our_back_is_made_again() {
    let ground = Ground::emulated().await;
    let estate = spare::estate(&ground).await;
    estate.apply().await;
    let plan = estate.plan().await;
    let live = estate.live().await;
    let mut gone = BTreeSet::new();
    let mut failed = Vec::new();
    for row in KINDS.iter().filter(|row| !row.singleton && spare::own(row.name).is_none()) {
        if NOT_DELETED.iter().any(|(kind, _)| *kind == row.name) {
            continue;
        }
        let address = at(&spare::address(row));
        let seen = &plan.seen[&address];
        let one = live.iter().find(|one| one.kind == row.name && one.id == seen.id).expect("it is live").clone();
        let gone_for_good = AnyGone { address: address.clone(), id: one.id, attributes: one.attributes, have: one.shape };
        match (row.delete)(estate.session.planes(), gone_for_good).await {
            Ok(()) => {
                gone.insert(address);
            }
            Err(error) => failed.push(format!("{address}: {error}")),
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    let missing = estate.plan().await;
    let mut wrong = Vec::new();
    for action in missing.changes() {
        let expected = if gone.contains(&action.address) {
            action.action == Verb::Create && action.cause == [Cause::Drift].into()
        } else {
            action.cause == [Cause::Follows].into()
        };
        if !expected {
            wrong.push(format!("{:?} {} {:?} {} {:?}", action.action, action.address, action.cause, action.reason, action.edits));
        }
    }
    let named: BTreeSet<_> = missing.changes().map(|one| one.address.clone()).collect();
    wrong.extend(gone.difference(&named).map(|address| format!("{address} is gone and not named")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(missing.refusals.is_empty() && missing.waiting.is_empty(), "{:#?} {:#?}", missing.refusals, missing.waiting);
    estate.apply_plan(&missing).await;
    estate.is_converged().await;
}
