//! When a saved plan no longer fits the world, or this version of reeve.

use reeve::kinds::AnyLive;
use reeve::model::Marks;
use reeve::record::{seal_plan, write_plan};
use reeve::session::{read_saved, stale};
use serde_json::json;

use crate::world::{World, at};

fn zone(id: &str) -> AnyLive {
    AnyLive {
        kind: "lookup.zone",
        id: id.into(),
        attributes: [("id".to_owned(), id.to_owned())].into(),
        shape: json!({}),
        marks: Marks { address: Some(at("lookup.zone")), ..Marks::default() },
        made_at: String::new(),
    }
}

fn world() -> World {
    let mut world = World::network().applied();
    world.observed.lookups = vec![zone("Z1")];
    world.spec("vpc.private/a")["map_public_ip_on_launch"] = json!(true);
    world
}

#[test]
fn what_a_plan_saw_and_is_as_it_was_is_not_stale() {
    let world = world();
    assert_eq!(stale(&world.plan(), &world.observed), Vec::<String>::new());
}

#[test]
fn one_more_at_an_address_that_has_an_object_is_news() {
    // The planner would call it a conflict, or twins. Also where nothing is to be done.
    for address in ["vpc.private/a", "vpc.app"] {
        let world = world();
        let mut now = world.clone();
        let mut other = now.live(address).clone();
        other.id = "id:other".into();
        now.observed.live.push(other);
        assert_eq!(stale(&world.plan(), &now.observed), [format!("{address} is there by now (id:other)")]);
    }
    // Under the address that the object is about to give up.
    let mut world = world();
    let mut wish = world.wishes.remove(&at("vpc.private/b")).unwrap();
    wish.moved_from = vec![at("vpc.private/b")];
    world.wishes.insert(at("vpc.inner/b"), wish);
    let mut now = world.clone();
    let mut other = now.live("vpc.private/b").clone();
    other.id = "id:other".into();
    now.observed.live.push(other);
    assert_eq!(stale(&world.plan(), &now.observed), ["vpc.private/b is there by now (id:other)"]);
}

#[test]
fn a_look_up_that_finds_another_one_is_news() {
    let world = world();
    let mut now = world.clone();
    now.observed.lookups = vec![zone("Z2")];
    assert_eq!(stale(&world.plan(), &now.observed), ["lookup.zone (Z1) is gone"]);
}

#[test]
fn a_plan_of_another_format_is_refused_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.json");
    let mut plan = serde_json::to_value(world().plan()).unwrap();
    for (version, words) in [(json!(2), "format version 2, this reeve knows 1"), (json!("1"), "format version")] {
        plan["format_version"] = version;
        write_plan(&path, &seal_plan(plan.clone()).unwrap()).unwrap();
        let error = read_saved(&path).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    plan["format_version"] = json!(1);
    write_plan(&path, &seal_plan(plan).unwrap()).unwrap();
    read_saved(&path).unwrap();
}
