//! What cannot change in place is replaced: the plan names the field that forces it, the apply converges, nothing is left over.

use reeve::kinds::KINDS;
use reeve::model::plan::{Scope, Verb};

use crate::fields::{is_modelled, values};
use crate::spare;
use crate::support::{Estate, Ground, at, changes};

/// Fields that force a replacement but have no other value that this estate can take: kind, field, reason.
const NOT_REPLACED: &[(&str, &str, &str)] = &[];

/// Changes the `round`th field of each kind that cannot change in place. Answers address and field.
fn change(estate: &mut Estate, round: usize) -> Vec<(String, String)> {
    let mut changed = Vec::new();
    for row in KINDS.iter().filter(|row| spare::own(row.name).is_none()) {
        let address = spare::address(row);
        let wish = estate.wishes.get_mut(&at(&address)).expect("a spare");
        let others = values::others(row.name, &wish.spec);
        let excused = |field: &str| NOT_REPLACED.iter().any(|(k, f, _)| *k == row.name && *f == field) || !is_modelled(row.name, field);
        let Some((field, _)) = row.info().fields.iter().filter(|(field, info)| info.replace && !excused(field)).nth(round) else { continue };
        let mut spec = wish.spec.clone();
        spec[field] = others.get(field).cloned().unwrap_or_else(|| panic!("{} {field} has no other value", row.name));
        let spec = (row.canonical)(&spec).unwrap_or_else(|error| panic!("{address} {field}: {error}"));
        assert_eq!((row.check)(&spec), [], "{address} {field}");
        wish.spec = spec;
        changed.push((address, field.clone()));
    }
    changed
}

#[tokio::test]
async fn each_field_that_cannot_change_in_place_replaces_the_object() {
    let ground = Ground::emulated().await;
    let mut estate = spare::estate(&ground).await;
    estate.apply().await;
    let as_it_was = estate.wishes.clone();
    for round in 0.. {
        estate.wishes = as_it_was.clone();
        let changed = change(&mut estate, round);
        if changed.is_empty() {
            break;
        }
        let scope = Scope { allow_delete: changed.iter().map(|(address, _)| at(address)).collect(), ..Scope::default() };
        let plan = estate.plan_with(scope, false).await;
        let before = plan.seen.clone();
        assert!(plan.refusals.is_empty() && plan.waiting.is_empty(), "{:#?} {:#?}", plan.refusals, plan.waiting);
        for (address, field) in &changed {
            let action = plan.changes().find(|one| one.address == at(address)).unwrap_or_else(|| panic!("{address} {field} is not in the plan"));
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
