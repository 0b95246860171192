//! What cannot change in place is replaced: the plan names the field that forces it, the apply converges, nothing is left over.

use std::collections::BTreeMap;

use reeve::model::plan::{Scope, Verb};
use serde_json::Value;

use crate::fields::{is_modelled, others};
use crate::spare;
use crate::support::{Ground, Wishes, at, changes};

/// Fields that force a replacement but have no other value that this estate can take: kind, field, reason.
const NOT_REPLACED: &[(&str, &str, &str)] = &[
    ("aws.certificate", "subject_alternative_names", "another name needs a validation record of its own"),
    ("aws.file_system", "performance_mode", "does not go with elastic throughput"),
    ("aws.vpc_endpoint", "vpc_endpoint_type", "the other type takes other fields"),
    ("aws.default_network_acl", "vpc", "it is there with its VPC and goes with it"),
    ("aws.default_security_group", "vpc", "it is there with its VPC and goes with it"),
    ("aws.service_linked_role", "aws_service_name", "it belongs to the account and stays"),
    ("aws.subscription", "protocol", "another protocol needs another sort of endpoint"),
];

/// Changes the `round`th field of each object that cannot change in place. Answers address and field.
fn change(wishes: &mut Wishes, round: usize) -> Vec<(String, String)> {
    let mut by_address: BTreeMap<String, Vec<(String, Value)>> = BTreeMap::new();
    for (address, field, value) in others(wishes) {
        let kind = wishes[&at(&address)].kind;
        let excused = NOT_REPLACED.iter().any(|(k, f, _)| *k == kind.name && *f == field) || !is_modelled(kind.name, &field);
        if kind.info().fields[&field].replace && !excused {
            by_address.entry(address).or_default().push((field, value));
        }
    }
    let mut changed = Vec::new();
    let mut wrong = Vec::new();
    for (address, fields) in by_address {
        let Some((field, value)) = fields.into_iter().nth(round) else { continue };
        let wish = wishes.get_mut(&at(&address)).expect("a wish");
        wish.spec[&field] = value;
        wish.spec = (wish.kind.canonical)(&wish.spec).unwrap_or_else(|error| panic!("{address} {field}: {error}"));
        wrong.extend((wish.kind.check)(&wish.spec).into_iter().map(|(at, why)| format!("{address} {field}: {at} {why}")));
        changed.push((address, field));
    }
    assert_eq!(wrong, Vec::<String>::new());
    changed
}

#[test]
#[ignore = "aws.db_instance storage_encrypted and aws.log_group log_group_name need another value"]
fn each_other_value_is_valid_by_itself() {
    for round in 0..20 {
        let mut wishes = crate::spare::wishes();
        change(&mut wishes, round);
    }
}

#[tokio::test]
#[ignore = "some of the other values do not stand by themselves yet: see each_other_value_is_valid_by_itself"]
async fn each_field_that_cannot_change_in_place_replaces_the_object() {
    let ground = Ground::emulated().await;
    let mut estate = spare::estate(&ground).await;
    estate.apply().await;
    let as_it_was = estate.wishes.clone();
    for round in 0.. {
        estate.wishes = as_it_was.clone();
        let changed = change(&mut estate.wishes, round);
        if changed.is_empty() {
            break;
        }
        let scope = Scope { allow_delete: changed.iter().map(|(address, _)| at(address)).collect(), ..Scope::default() };
        let plan = estate.plan_with(scope, false).await;
        let before = plan.seen.clone();
        assert!(plan.refusals.is_empty() && plan.waiting.is_empty(), "{:#?} {:#?}", plan.refusals, plan.waiting);
        for (address, field) in &changed {
            let action =
                plan.changes().find(|one| one.address == at(address)).unwrap_or_else(|| panic!("{address} {field} is not in the plan"));
            let row = reeve::kinds::lookup(&action.kind).expect("a kind");
            if row.key.contains(&field.as_str()) {
                // Another key is another object: the new one is made, the old one is drift under its parent.
                assert!(matches!(action.action, Verb::Create | Verb::Replace), "{address} {field}: {action:#?}");
                continue;
            }
            assert_eq!(action.action, Verb::Replace, "{address} {field}: {action:#?}");
            assert!(action.edits.iter().any(|edit| edit.field == *field && edit.replace), "{address}: {action:#?}");
            assert!(action.reason.contains(field.as_str()), "{address}: {}", action.reason);
        }
        estate.apply_plan(&plan).await;
        let after = estate.plan().await;
        assert!(after.is_empty(), "round {round} ({changed:?}) does not converge: {:#?}", changes(&after));
        let live = estate.live().await;
        assert!(live.iter().all(|one| !one.marks.retiring), "something is still retiring");
        for (address, field) in &changed {
            let (old, new) = (&before[&at(address)], &after.seen[&at(address)]);
            let still = live.iter().any(|one| one.kind == old.kind && one.id == old.id);
            assert!(!still || old.id == new.id, "{address} {field}: the old {} is still there beside {}", old.id, new.id);
        }
    }
}
