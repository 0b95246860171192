//! What was renamed keeps its object, and what cannot be told is not guessed.

use reeve::model::plan::{Plan, Verb};
use reeve::plan::order::steps;
use serde_json::json;

use crate::order::{before, walk};
use crate::world::{World, at, changes, to};

/// `wish` at `from` is called `to` in the YAML now.
fn rename(world: &mut World, from: &str, to: &str) {
    let mut wish = world.wishes.remove(&at(from)).unwrap();
    wish.moved_from = vec![at(from)];
    world.wishes.insert(at(to), wish);
}

fn verb(plan: &Plan, address: &str) -> Option<Verb> {
    plan.actions.iter().find(|one| one.address == at(address)).map(|one| one.action)
}

fn refusal<'a>(plan: &'a Plan, address: &str) -> &'a str {
    plan.refusals.iter().find(|one| one.address == at(address)).map_or("", |one| one.reason.as_str())
}

fn waits<'a>(plan: &'a Plan, address: &str) -> &'a str {
    plan.waiting.iter().find(|one| one.address == at(address)).map_or("", |one| one.reason.as_str())
}

/// A load balancer that an alarm watches by its name; renamed and replaced in one edit, and interrupted before the old one was dropped.
fn interrupted() -> World {
    let mut world = World::network();
    let subnets = [to("vpc.private/a"), to("vpc.private/b")];
    world.wish("edge.alb", "aws.load_balancer", json!({ "subnets": subnets, "security_groups": [to("vpc.app")] }));
    rename(&mut world, "edge.alb", "edge.front");
    world.wish(
        "edge.alarm",
        "aws.alarm",
        json!({ "namespace": "AWS/ApplicationELB", "metric_name": "HTTPCode_ELB_5XX_Count", "threshold": 1.0,
            "dimensions": { "LoadBalancer": "${ref(\"edge.front\").full_name}" } }),
    );
    let mut world = world.applied();
    let mut old = world.live("edge.front").clone();
    old.id = "old:edge.alb".into();
    old.attributes.values_mut().for_each(|value| *value = format!("old-{value}"));
    old.marks.address = Some(at("edge.alb"));
    old.marks.retiring = true;
    world.observed.live.push(old);
    world
}

#[test]
fn what_was_replaced_under_its_old_name_is_left_over_and_goes_last() {
    let mut world = interrupted();
    let plan = world.plan();
    assert_eq!(changes(&plan), [], "nobody wishes it, and it is no deletion of its own");
    assert_eq!(
        plan.leftovers.iter().map(|left| (left.address.as_str(), left.seen.id.as_str())).collect::<Vec<_>>(),
        [("edge.front", "old:edge.alb")]
    );
    before(&walk(&plan), "Ready edge.front", "Delete edge.front");
    // Also after those that still name it in a text.
    world.shape("edge.alarm")["dimensions"]["LoadBalancer"] = json!("old-full_name-of-edge.front");
    before(&walk(&world.plan()), "Update edge.alarm", "Delete edge.front");
    // And not at all while one of them waits.
    world.scope.exclude.insert("edge.alarm".into());
    let plan = world.plan();
    assert!(plan.leftovers.is_empty(), "{:#?}", plan.leftovers);
    assert!(waits(&plan, "edge.front").contains("edge.alarm still uses it"), "{:#?}", plan.waiting);
}

#[test]
fn what_was_not_replaced_yet_under_its_old_name_is_taken_over() {
    let mut world = interrupted();
    world.vanish("edge.front");
    let plan = world.plan();
    assert_eq!((verb(&plan, "edge.front"), plan.leftovers.len()), (Some(Verb::Update), 0), "{:#?}", plan.actions);
    let action = plan.changes().find(|one| one.address == at("edge.front")).unwrap();
    let edits: Vec<&str> = action.edits.iter().map(|edit| edit.field.as_str()).collect();
    assert!(edits.contains(&"address") && edits.contains(&"retiring"), "{edits:?}");
}

/// `vpc.db` was `vpc.old` before.
fn renamed() -> World {
    let mut world = World::network();
    world.wishes.remove(&at("vpc.app"));
    world.wish("vpc.old", "aws.security_group", json!({ "vpc": to("vpc.vpc"), "description": "old", "egress": [] }));
    world.wishes.remove(&at("vpc.db"));
    let mut world = world.applied();
    rename(&mut world, "vpc.old", "vpc.db");
    world
}

#[test]
fn another_kind_at_the_old_address_is_kept_and_does_not_end_the_search() {
    let mut world = renamed();
    world.wish("vpc.ip", "aws.elastic_ip", json!({}));
    let mut world = World { observed: world.clone().observed, ..world };
    let ip = crate::world::live(&at("vpc.ip"), &world.wishes.remove(&at("vpc.ip")).unwrap());
    world.observed.live.push(ip);
    world.wishes.get_mut(&at("vpc.db")).unwrap().moved_from = vec![at("vpc.ip"), at("vpc.old")];
    let plan = world.plan();
    assert_eq!((plan.refusals.len(), verb(&plan, "vpc.ip")), (0, Some(Verb::Delete)));
    assert_eq!(plan.seen[&at("vpc.db")].id, "id:vpc.old");
    // Where it is all that there is, nothing is made in its place, and it stays.
    world.wish("vpc.more", "aws.security_group", json!({ "vpc": to("vpc.vpc"), "description": "more", "egress": [] }));
    world.wishes.get_mut(&at("vpc.more")).unwrap().moved_from = vec![at("vpc.ip")];
    let plan = world.plan();
    assert!(refusal(&plan, "vpc.more").contains("it was vpc.ip, which is an aws.elastic_ip"), "{:#?}", plan.refusals);
    assert_eq!((waits(&plan, "vpc.ip"), verb(&plan, "vpc.ip")), ("vpc.more says that it was this one", Some(Verb::NoOp)));
}

#[test]
fn destroy_knows_what_the_yaml_protects_under_a_new_name() {
    let mut world = World::network().applied();
    rename(&mut world, "vpc.private/b", "vpc.inner/b");
    world.destroy = true;
    let plan = world.plan();
    assert_eq!((verb(&plan, "vpc.inner/b"), verb(&plan, "vpc.private/b")), (Some(Verb::Delete), None));
    steps(&plan).unwrap();
    world.wishes.get_mut(&at("vpc.inner/b")).unwrap().protect = true;
    let plan = world.plan();
    assert!(refusal(&plan, "vpc.inner/b").contains("protected"), "{:#?}", plan.refusals);
    assert_eq!(verb(&plan, "vpc.vpc"), Some(Verb::NoOp), "it stands in it");
}
