//! What holds for every plan.

use proptest::prelude::*;
use reeve::model::plan::{Plan, Verb};
use reeve::plan::order::steps;
use serde_json::{Value, json};

use crate::world::{World, at, live};

/// Something that happens to a world.
#[derive(Debug, Clone)]
enum Happening {
    Vanish(usize),
    Drift(usize),
    Wish(usize),
    Unwish(usize),
    Unreadable(usize),
    Foreign(usize),
}

fn happening() -> impl Strategy<Value = Happening> {
    let n = 0usize..64;
    prop_oneof![
        n.clone().prop_map(Happening::Vanish),
        n.clone().prop_map(Happening::Drift),
        n.clone().prop_map(Happening::Wish),
        n.clone().prop_map(Happening::Unwish),
        n.clone().prop_map(Happening::Unreadable),
        n.prop_map(Happening::Foreign),
    ]
}

fn flip(spec: &mut Value, at: usize) {
    let Some(object) = spec.as_object_mut() else { return };
    let booleans: Vec<String> = object.iter().filter(|(_, value)| value.is_boolean()).map(|(name, _)| name.clone()).collect();
    if let Some(name) = booleans.get(at % booleans.len().max(1)) {
        let now = object[name] == json!(true);
        object[name] = json!(!now);
    }
}

fn happen(world: &mut World, what: &Happening) {
    let pick = |n: usize, len: usize| if len == 0 { None } else { Some(n % len) };
    match *what {
        Happening::Vanish(n) => {
            if let Some(at) = pick(n, world.observed.live.len()) {
                world.observed.live.remove(at);
            }
        }
        Happening::Drift(n) => {
            if let Some(at) = pick(n, world.observed.live.len()) {
                flip(&mut world.observed.live[at].shape, n);
            }
        }
        Happening::Wish(n) => {
            if let Some(at) = pick(n, world.wishes.len()) {
                flip(&mut world.wishes.values_mut().nth(at).unwrap().spec, n);
            }
        }
        Happening::Unwish(n) => {
            if let Some(at) = pick(n, world.wishes.len()) {
                let address = world.wishes.keys().nth(at).unwrap().clone();
                world.wishes.remove(&address);
            }
        }
        Happening::Unreadable(n) => {
            if let Some(at) = pick(n, world.observed.live.len()) {
                let kind = world.observed.live[at].kind;
                *world = std::mem::take(world).unreadable(kind);
            }
        }
        Happening::Foreign(n) => {
            // Fetch never returns another stack's objects; a child under another's parent may come along.
            let wish = &world.wishes.get(&at("files.mount/a")).cloned();
            if let Some(wish) = wish {
                let mut other = live(&at(&format!("other.mount/{n}")), wish);
                other.shape["file_system"] = json!("fs-foreign");
                world.observed.live.push(other);
            }
        }
    }
}

fn text(plan: &Plan) -> String {
    serde_json::to_string(plan).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn every_plan_is_sound(happenings in prop::collection::vec(happening(), 0..6)) {
        let mut world = World::files().applied();
        happenings.iter().for_each(|what| happen(&mut world, what));
        let plan = world.plan();

        // Deterministic, and whole after a journey through JSON.
        prop_assert_eq!(text(&plan), text(&world.plan()));
        let back: Plan = serde_json::from_str(&text(&plan)).unwrap();
        prop_assert_eq!(&back, &plan);

        // It can always be put into steps.
        let steps = steps(&plan).unwrap();
        prop_assert_eq!(steps.is_empty(), plan.is_empty());

        for action in plan.changes() {
            // Nothing is done to what could not be read.
            prop_assert!(!plan.unreadable.iter().any(|one| one.kind == action.kind && action.action == Verb::Create), "{:?}", action);
            // Nothing protected is dropped.
            let protected = plan.seen.get(&action.address).is_some_and(|seen| seen.marks.protect);
            prop_assert!(!(protected && matches!(action.action, Verb::Delete | Verb::Replace)), "{:?}", action);
            // Nothing of others is touched.
            prop_assert!(!action.id.as_deref().unwrap_or_default().contains("other."), "{:?}", action);
            // What refers to it is refused or waits, or is part of the plan.
            prop_assert!(!plan.refusals.iter().any(|refusal| refusal.address == action.address), "{:?}", action);
            prop_assert!(!plan.waiting.iter().any(|waiting| waiting.address == action.address), "{:?}", action);
        }
        // Every difference has a cause.
        prop_assert!(plan.changes().all(|action| !action.cause.is_empty()));
    }
}
