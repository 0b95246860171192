//! What cannot change in place is replaced: the plan names the field that forces it, the apply converges, nothing is left over.

use std::collections::BTreeMap;

use reeve::kinds::AnyLive;
use reeve::model::plan::{Scope, Verb};
use serde_json::Value;

use crate::excused::{From, is_excused};
use crate::fields::{others, values};
use crate::spare;
use crate::support::{Ground, Wishes, at, changes};

/// Changes the `round`th field of each object that cannot change in place. Answers address and field.
fn change(wishes: &mut Wishes, round: usize) -> Vec<(String, String)> {
    let mut by_address: BTreeMap<String, Vec<(String, Value)>> = BTreeMap::new();
    for (address, field, value) in others(wishes) {
        let kind = wishes[&at(&address)].kind;
        if kind.info().fields[&field].replace && !is_excused(kind.name, &field, From::Change) {
            by_address.entry(address).or_default().push((field, value));
        }
    }
    let mut changed = Vec::new();
    let mut wrong = Vec::new();
    for (address, mut fields) in by_address {
        // Going back from another key is another object again, so that keys come last.
        fields.sort_by_key(|(field, _)| wishes[&at(&address)].kind.key.contains(&field.as_str()));
        let Some((field, value)) = fields.into_iter().nth(round) else { continue };
        let wish = wishes.get_mut(&at(&address)).expect("a wish");
        wish.spec[&field] = value;
        for (name, value) in values::along(wish.kind.name, &field).as_object().into_iter().flatten() {
            wish.spec[name] = value.clone();
        }
        wish.spec = (wish.kind.canonical)(&wish.spec).unwrap_or_else(|error| panic!("{address} {field}: {error}"));
        wrong.extend((wish.kind.check)(&wish.spec).into_iter().map(|(at, why)| format!("{address} {field}: {at} {why}")));
        changed.push((address, field));
    }
    assert_eq!(wrong, Vec::<String>::new());
    changed
}

#[test]
fn each_other_value_is_valid_by_itself() {
    for round in 0..20 {
        let mut wishes = crate::spare::wishes();
        change(&mut wishes, round);
    }
}

#[tokio::test]
async fn each_field_that_cannot_change_in_place_replaces_the_object() {
    let ground = Ground::emulated().await;
    let mut estate = spare::estate(&ground).await;
    estate.apply().await;
    let as_it_was = estate.wishes.clone();
    let mut scope = Scope::default();
    let mut before = estate.plan().await.seen;
    for round in 0.. {
        estate.wishes = as_it_was.clone();
        let changed = change(&mut estate.wishes, round);
        if changed.is_empty() {
            break;
        }
        // What the last round changed goes back in this one, which replaces it again.
        scope.allow_delete.extend(changed.iter().map(|(address, _)| address.to_string()));
        let plan = estate.plan_with(scope.clone(), false).await;
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
            // What is always there stays with its parent, and is ours no more.
            let is_setting = reeve::kinds::lookup(&old.kind).is_some_and(|row| row.singleton);
            let ours = |one: &AnyLive| !is_setting || one.marks.address.is_some();
            let still = live.iter().any(|one| one.kind == old.kind && one.id == old.id && ours(one));
            assert!(!still || old.id == new.id, "{address} {field}: the old {} is still there beside {}", old.id, new.id);
        }
        before = after.seen;
    }
}
