//! Planes that nobody looked at: what is known of them is what those tell that use them.

use reeve::model::plan::Verb;
use serde_json::{Value, json};

use crate::world::{World, at, changes, to};

/// A tenant whose folder and database user are where nobody looks.
fn tenant() -> World {
    let mut world = World::default();
    world.wish("tenant/a.secret", "aws.parameter", json!({ "generate": { "length": 32 } }));
    world.wish("tenant/a.schema", "mysql.schema", json!({}));
    world.wish("tenant/a.user", "mysql.user", user());
    let fingerprint = "${ref(\"tenant/a.secret\").fingerprint}";
    world.wish(
        "tenant/a.credentials",
        "docker.secret",
        json!({ "secrets": { "password": to("tenant/a.secret") }, "user": to("tenant/a.user"), "fingerprints": [fingerprint] }),
    );
    world
}

fn user() -> Value {
    json!({ "schema": to("tenant/a.schema"), "password": to("tenant/a.secret"), "fingerprint": "${ref(\"tenant/a.secret\").fingerprint}" })
}

/// Nobody looks at the database any more.
fn blind(mut world: World) -> World {
    world.observed.beyond = ["mysql.schema", "mysql.user", "mysql.settings"].into();
    world.observed.live.retain(|one| !one.kind.starts_with("mysql."));
    world
}

#[test]
fn what_is_used_as_it_was_applied_is_taken_for_what_it_was() {
    let plan = blind(tenant().applied()).plan();
    assert!(changes(&plan).is_empty(), "{:?}", changes(&plan));
    assert!(plan.waiting.is_empty() && plan.refusals.is_empty(), "{:?}", plan.waiting);
    let told = &plan.seen[&at("tenant/a.user")];
    assert_eq!((told.id.as_str(), told.fingerprint.as_str()), ("id:tenant/a.user", ""));
    assert!(!plan.seen.contains_key(&at("tenant/a.schema")), "nobody who was looked at uses it");
}

#[test]
fn a_saved_plan_is_not_stale_for_what_nobody_looked_at() {
    let world = blind(tenant().applied());
    let plan = world.plan();
    assert_eq!(reeve::session::stale(&plan, &world.observed), [] as [&str; 0]);
    // Nor where somebody looks again.
    assert_eq!(reeve::session::stale(&plan, &tenant().applied().observed), [] as [&str; 0]);
}

#[test]
fn what_was_changed_behind_our_back_tells_nothing() {
    let mut world = blind(tenant().applied());
    world.live("tenant/a.credentials").marks.applied = reeve::model::marks::Applied::Unfinished;
    let plan = world.plan();
    assert!(!plan.seen.contains_key(&at("tenant/a.user")));
    assert!(plan.changes().all(|action| action.action == Verb::NoOp), "{:?}", changes(&plan));
    let why = plan.waiting.iter().find(|one| one.address == at("tenant/a.credentials")).map(|one| one.reason.as_str());
    assert_eq!(why, Some("it needs tenant/a.user, where nobody looked"));
}

#[test]
fn another_reference_than_was_applied_tells_nothing() {
    let mut world = tenant().applied();
    world.wish("tenant/a.other", "mysql.user", user());
    let mut world = World { history: world.clone().applied().history, ..world };
    world.spec("tenant/a.credentials")["user"] = to("tenant/a.other").into();
    let plan = blind(world).plan();
    assert!(!plan.seen.contains_key(&at("tenant/a.other")) && !plan.seen.contains_key(&at("tenant/a.user")));
    assert_eq!(plan.waiting.iter().map(|one| one.address.as_str()).collect::<Vec<_>>(), ["tenant/a.credentials"]);
}

#[test]
fn what_was_to_be_changed_where_nobody_looks_is_not_taken_for_unchanged() {
    // A rotated password: the user that has it is not made yet, and nobody sees.
    let mut world = blind(tenant().applied());
    world.live("tenant/a.secret").attributes.insert("fingerprint".into(), "another".into());
    let plan = world.plan();
    assert!(changes(&plan).is_empty(), "{:?}", changes(&plan));
    assert_eq!(plan.waiting.iter().map(|one| one.address.as_str()).collect::<Vec<_>>(), ["tenant/a.credentials"]);
    // Nor without a history that says so.
    let mut world = blind(tenant().applied());
    world.history.clear();
    assert!(!world.plan().seen.contains_key(&at("tenant/a.user")));
}

#[test]
fn what_is_new_waits_for_somebody_to_look() {
    let plan = blind(tenant()).plan();
    assert_eq!(changes(&plan).into_iter().map(|(address, ..)| address).collect::<Vec<_>>(), ["tenant/a.secret"]);
    assert!(plan.waiting.iter().any(|one| one.reason == "it needs tenant/a.user, where nobody looked"), "{:?}", plan.waiting);
}
