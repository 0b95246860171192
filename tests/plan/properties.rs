//! What holds for every plan.

use std::collections::BTreeSet;

use proptest::prelude::*;
use reeve::kinds::{AnyLive, lookup};
use reeve::model::plan::{Plan, Verb};
use reeve::model::{Address, hole};
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
    /// It is called something else in the YAML now, and so is all that refers to it.
    Move(usize),
    /// Its replacement was begun, and ended before its successor was made.
    Begun(usize),
    /// Its replacement ended before the old one was dropped; `true`: under a name that it had before.
    Interrupted(usize, bool),
    Twin(usize),
    Protect(usize),
    /// Somebody took the mark of its protection off.
    Unprotect(usize),
    AllowDelete(usize),
    Target(usize),
    Exclude(usize),
    Destroy,
}

fn happening() -> impl Strategy<Value = Happening> {
    let n = 0usize..64;
    prop_oneof![
        n.clone().prop_map(Happening::Vanish),
        n.clone().prop_map(Happening::Drift),
        n.clone().prop_map(Happening::Wish),
        n.clone().prop_map(Happening::Unwish),
        n.clone().prop_map(Happening::Unreadable),
        n.clone().prop_map(Happening::Foreign),
        n.clone().prop_map(Happening::Move),
        n.clone().prop_map(Happening::Begun),
        (n.clone(), any::<bool>()).prop_map(|(n, renamed)| Happening::Interrupted(n, renamed)),
        n.clone().prop_map(Happening::Twin),
        n.clone().prop_map(Happening::Protect),
        n.clone().prop_map(Happening::Unprotect),
        n.clone().prop_map(Happening::AllowDelete),
        n.clone().prop_map(Happening::Target),
        n.prop_map(Happening::Exclude),
        Just(Happening::Destroy),
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

/// Another object beside the `n`th marked one.
fn beside(world: &mut World, n: usize, change: impl FnOnce(&mut AnyLive)) {
    let marked: Vec<&AnyLive> = world.observed.live.iter().filter(|one| one.marks.address.is_some()).collect();
    if let Some(one) = marked.get(n % marked.len().max(1)) {
        let mut other = (*one).clone();
        while world.observed.live.iter().any(|one| one.id == other.id) {
            other.id.insert_str(0, "beside-");
        }
        change(&mut other);
        world.observed.live.push(other);
    }
}

fn rename(world: &mut World, from: &Address, to: &Address) {
    let Some(mut wish) = world.wishes.remove(from) else { return };
    wish.moved_from.push(from.clone());
    world.wishes.insert(to.clone(), wish);
    let (from, to) = (hole::text(from, None), hole::text(to, None));
    let (from, to) = (from.replace('"', "\\\""), to.replace('"', "\\\""));
    for wish in world.wishes.values_mut() {
        wish.spec = serde_json::from_str(&wish.spec.to_string().replace(&from, &to)).unwrap();
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
        Happening::Move(n) => {
            if let Some(at) = pick(n, world.wishes.len()) {
                let from = world.wishes.keys().nth(at).unwrap().clone();
                let to = format!("moved.x{n}");
                rename(world, &from, &crate::world::at(&to));
            }
        }
        Happening::Begun(n) => {
            if let Some(at) = pick(n, world.observed.live.len()).filter(|at| world.observed.live[*at].marks.address.is_some()) {
                world.observed.live[at].marks.retiring = true;
            }
        }
        Happening::Interrupted(n, renamed) => beside(world, n, |old| {
            old.marks.retiring = true;
            if renamed {
                old.marks.address = Some(at("vpc.former"));
            }
        }),
        Happening::Twin(n) => beside(world, n, |_| {}),
        Happening::Protect(n) => {
            if let Some(at) = pick(n, world.wishes.len()) {
                let wish = world.wishes.values_mut().nth(at).unwrap();
                wish.protect = !wish.protect;
            }
        }
        Happening::Unprotect(n) => {
            if let Some(at) = pick(n, world.observed.live.len()) {
                world.observed.live[at].marks.protect = false;
            }
        }
        Happening::AllowDelete(n) => {
            if let Some(at) = pick(n, world.wishes.len()) {
                world.scope.allow_delete.insert(world.wishes.keys().nth(at).unwrap().to_string());
            }
        }
        Happening::Target(n) | Happening::Exclude(n) => {
            let part = ["vpc", "files", "vpc.private", "files.mount", "files.file_system", "vpc.app", "moved"][n % 7].to_owned();
            if matches!(what, Happening::Target(_)) {
                world.scope.target.insert(part)
            } else {
                world.scope.exclude.insert(part)
            };
        }
        Happening::Destroy => world.destroy = true,
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

/// The world, in which one was also renamed before.
fn whole() -> World {
    let mut world = World::files();
    world.wishes.get_mut(&at("vpc.app")).unwrap().moved_from.push(at("vpc.former"));
    world.applied()
}

/// Whether it is what an earlier apply left over that waits or is refused, and not what counts.
fn of_leftover(reason: &str) -> bool {
    let unread = reason.contains("may still use ") && !reason.ends_with("may still use it");
    unread || reason.contains(" is kept: ") || reason.ends_with("is protected and is not dropped")
}

/// What of the live objects goes, by id.
fn dropped(plan: &Plan) -> Vec<&str> {
    let lost = plan.changes().filter(|one| matches!(one.action, Verb::Delete | Verb::Replace)).filter_map(|one| one.id.as_deref());
    lost.chain(plan.leftovers.iter().map(|left| left.seen.id.as_str())).collect()
}

/// What stays as it is holds on to nothing that goes.
fn leans_on_nothing_that_goes(world: &World, plan: &Plan) -> Result<(), TestCaseError> {
    let gone: BTreeSet<&str> = dropped(plan).into_iter().collect();
    let changed: BTreeSet<&str> = plan.changes().filter_map(|one| one.id.as_deref()).chain(gone.iter().copied()).collect();
    let ours = world.observed.live.iter().filter(|one| !one.id.contains("other."));
    for one in ours.filter(|one| !changed.contains(one.id.as_str())) {
        let mut leans = None;
        lookup(one.kind).unwrap().info().visit(&one.shape, &mut |leaf, id| {
            if leaf.kind.is_some() && gone.contains(id) {
                leans = Some(id.to_owned());
            }
        });
        prop_assert!(leans.is_none(), "{} ({}) stays and leans on {}", one.id, one.kind, leans.unwrap());
    }
    Ok(())
}

fn text(plan: &Plan) -> String {
    serde_json::to_string(plan).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn every_plan_is_sound(happenings in prop::collection::vec(happening(), 0..7)) {
        let mut world = whole();
        happenings.iter().for_each(|what| happen(&mut world, what));
        // A protected one made twice, or one that somebody copied: a person decides.
        let Ok(plan) = world.try_plan() else { return Ok(()) };

        // Deterministic, and whole after a journey through JSON.
        prop_assert_eq!(text(&plan), text(&world.plan()));
        let back: Plan = serde_json::from_str(&text(&plan)).unwrap();
        prop_assert_eq!(&back, &plan);

        // It can always be put into steps.
        let steps = steps(&plan).unwrap();
        prop_assert_eq!(steps.is_empty(), plan.is_empty());

        // No object is lost twice, none has two addresses, and none that is protected is lost.
        let gone = dropped(&plan);
        prop_assert_eq!(gone.iter().collect::<BTreeSet<_>>().len(), gone.len(), "{:?}", gone);
        let ids: Vec<&str> = plan.seen.values().map(|seen| seen.id.as_str()).collect();
        prop_assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{:?}", ids);
        leans_on_nothing_that_goes(&world, &plan)?;
        for left in &plan.leftovers {
            prop_assert!(!left.seen.marks.protect || world.scope.allows_deletion_of(&left.address), "{:?}", left);
        }
        // What was not asked for is left alone, and nothing is made on the way out.
        let excluded = |address: &Address| world.scope.exclude.iter().any(|part| address.is_under(part));
        prop_assert!(!plan.changes().any(|one| excluded(&one.address)) && !plan.leftovers.iter().any(|one| excluded(&one.address)));
        prop_assert!(!world.destroy || plan.changes().all(|one| one.action == Verb::Delete));

        for action in plan.changes() {
            // Nothing is done to what could not be read.
            prop_assert!(!plan.unreadable.iter().any(|one| one.kind == action.kind && action.action == Verb::Create), "{:?}", action);
            // Nothing protected is dropped.
            let marked = plan.seen.get(&action.address).is_some_and(|seen| seen.marks.protect);
            let wished = plan.seen.contains_key(&action.address) && world.wishes.get(&action.address).is_some_and(|wish| wish.protect);
            let protected = (marked || wished) && !world.scope.allows_deletion_of(&action.address);
            prop_assert!(!(protected && matches!(action.action, Verb::Delete | Verb::Replace)), "{:?}", action);
            // Nothing of others is touched.
            prop_assert!(!action.id.as_deref().unwrap_or_default().contains("other."), "{:?}", action);
            // What refers to it is refused or waits, or is part of the plan.
            prop_assert!(!plan.refusals.iter().any(|refusal| refusal.address == action.address && !of_leftover(&refusal.reason)), "{:?}", action);
            prop_assert!(!plan.waiting.iter().any(|waiting| waiting.address == action.address && !of_leftover(&waiting.reason)), "{:?}", action);
        }
        // Every difference has a cause.
        prop_assert!(plan.changes().all(|action| !action.cause.is_empty()));
    }
}
