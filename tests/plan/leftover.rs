//! What an interrupted replacement left over: it goes as late as it would have gone, and not under those who still use it.

use reeve::model::plan::Plan;
use reeve::model::report::Do;
use reeve::plan::order::steps;
use serde_json::json;

use crate::order::{before, walk_by};
use crate::world::{World, at, changes, to};

/// A load balancer that one alarm watches by name, and a topic that the alarm tells.
fn watched() -> World {
    let mut world = World::network();
    world.wish(
        "edge.alb",
        "aws.load_balancer",
        json!({ "subnets": [to("vpc.private/a"), to("vpc.private/b")], "security_groups": [to("vpc.app")] }),
    );
    world.wish("edge.topic", "aws.topic", json!({}));
    world.wish(
        "edge.alarm",
        "aws.alarm",
        json!({ "namespace": "AWS/ApplicationELB", "metric_name": "HTTPCode_ELB_5XX_Count", "threshold": 1.0,
            "dimensions": { "LoadBalancer": "${ref(\"edge.alb\").full_name}" }, "alarm_actions": [to("edge.topic")] }),
    );
    world.applied()
}

/// The replacement of `address` was interrupted after its successor was made.
fn interrupted(world: &mut World, address: &str) {
    let mut old = world.live(address).clone();
    old.id = format!("old:{address}");
    old.attributes.values_mut().for_each(|value| *value = format!("old-{value}"));
    old.marks.retiring = true;
    world.observed.live.push(old);
}

/// The steps, in the order in which what is left over goes as soon as it may.
fn walk(plan: &Plan) -> Vec<String> {
    let steps = steps(plan).unwrap();
    let soon = |at: &&usize| steps[**at].what == Do::Delete && steps[**at].leftover.is_some();
    walk_by(plan, |free| free.iter().find(soon).or(free.first()).copied())
}

/// Why nothing left over at `address` is dropped.
fn kept(plan: &Plan, address: &str) -> String {
    assert!(plan.leftovers.iter().all(|left| left.address != at(address)), "{:#?}", plan.leftovers);
    plan.waiting.iter().find(|one| one.address == at(address)).map(|one| one.reason.clone()).unwrap_or_default()
}

#[test]
fn it_waits_until_its_successor_is_ready() {
    let mut world = watched();
    interrupted(&mut world, "edge.alb");
    let plan = world.plan();
    assert_eq!((plan.changes().count(), plan.leftovers.len()), (0, 1));
    before(&walk(&plan), "Ready edge.alb", "Delete edge.alb");
    // Also where the successor is still to be changed.
    world.spec("edge.alb")["idle_timeout"] = json!(120);
    let order = walk(&world.plan());
    before(&order, "Update edge.alb", "Ready edge.alb");
    before(&order, "Ready edge.alb", "Delete edge.alb");
}

#[test]
fn it_waits_for_users_that_name_it_in_a_text() {
    let mut world = watched();
    interrupted(&mut world, "edge.alb");
    world.shape("edge.alarm")["dimensions"]["LoadBalancer"] = json!("old-full_name-of-edge.alb");
    before(&walk(&world.plan()), "Update edge.alarm", "Delete edge.alb");
}

#[test]
fn it_goes_at_once_when_its_address_goes_too() {
    let mut world = watched();
    interrupted(&mut world, "edge.alb");
    world.destroy = true;
    let order = walk(&world.plan());
    assert!(!order.iter().any(|step| step.starts_with("Ready")), "{order:#?}");
    assert_eq!(order.iter().filter(|step| *step == "Delete edge.alb").count(), 2);
}

#[test]
fn it_is_kept_while_something_outside_the_scope_uses_it() {
    let mut world = watched();
    interrupted(&mut world, "edge.topic");
    interrupted(&mut world, "edge.alb");
    world.scope.exclude.insert("edge.alarm".into());
    assert_eq!(world.plan().leftovers.len(), 2, "the alarm has moved to both successors");
    world.shape("edge.alarm")["alarm_actions"] = json!(["old:edge.topic"]);
    world.shape("edge.alarm")["dimensions"]["LoadBalancer"] = json!("old-full_name-of-edge.alb");
    let plan = world.plan();
    assert_eq!(kept(&plan, "edge.topic"), "old:edge.topic is kept: edge.alarm still uses it");
    assert_eq!(kept(&plan, "edge.alb"), "old:edge.alb is kept: edge.alarm still uses it");
    world.scope.exclude.clear();
    assert_eq!(world.plan().leftovers.len(), 2, "the alarm moves");
}

#[test]
fn a_user_that_has_moved_already_is_waited_for() {
    let mut world = watched();
    interrupted(&mut world, "vpc.app");
    let plan = world.plan();
    assert_eq!((plan.changes().count(), plan.leftovers.len()), (0, 1));
    before(&walk(&plan), "Ready edge.alb", "Delete vpc.app");
}

#[test]
fn it_is_kept_while_a_user_waits_or_could_not_be_read() {
    let mut world = watched();
    interrupted(&mut world, "edge.alb");
    world.shape("edge.alarm")["dimensions"]["LoadBalancer"] = json!("old-full_name-of-edge.alb");
    let mut waits = world.clone();
    waits.vanish("edge.topic");
    waits.scope.exclude.insert("edge.topic".into());
    let plan = waits.plan();
    assert!(plan.waiting.iter().any(|one| one.address == at("edge.alarm")), "{:#?}", plan.waiting);
    assert!(kept(&plan, "edge.alb").contains("edge.alarm still uses it"), "{:#?}", plan.waiting);
    let plan = world.unreadable("aws.alarm").plan();
    assert!(kept(&plan, "edge.alb").contains("aws.alarm could not be read and may still use"), "{:#?}", plan.waiting);
}

#[test]
fn what_is_kept_keeps_what_it_stands_on() {
    let mut world = watched();
    interrupted(&mut world, "vpc.db");
    interrupted(&mut world, "edge.alb");
    let old = world.observed.live.iter_mut().find(|one| one.id == "old:edge.alb").unwrap();
    old.shape["security_groups"] = json!(["old:vpc.db"]);
    world.shape("edge.alarm")["dimensions"]["LoadBalancer"] = json!("old-full_name-of-edge.alb");
    world.scope.exclude.insert("edge.alarm".into());
    let plan = world.plan();
    assert_eq!(kept(&plan, "edge.alb"), "old:edge.alb is kept: edge.alarm still uses it");
    assert_eq!(kept(&plan, "vpc.db"), "old:vpc.db is kept: edge.alb still uses it");
    // Its subnets are those of its successor; they may not go either.
    world.wishes.remove(&at("edge.alb"));
    world.wishes.remove(&at("vpc.private/b"));
    let plan = world.plan();
    assert!(kept(&plan, "vpc.private/b").contains("edge.alb needs it"), "{:#?}", plan.waiting);
}

/// The file system was replaced, and the apply died before its old mount targets were dropped. These bear no marks.
fn files() -> World {
    let mut world = World::files();
    world.wishes.get_mut(&at("files.file_system")).unwrap().protect = false;
    let mut world = world.applied();
    interrupted(&mut world, "files.file_system");
    for key in ["a", "b"] {
        let mut old = world.live(&format!("files.mount/{key}")).clone();
        old.id = format!("old:files.mount/{key}");
        old.shape["file_system"] = json!("old:files.file_system");
        world.observed.live.push(old);
    }
    world
}

fn dropped(plan: &Plan) -> Vec<(&str, &str)> {
    plan.leftovers.iter().map(|left| (left.address.as_str(), left.seen.id.as_str())).collect()
}

#[test]
fn what_stands_under_it_without_marks_goes_before_it() {
    let mut world = files();
    let plan = world.plan();
    assert_eq!(changes(&plan), []);
    let mut left = dropped(&plan);
    left.sort_unstable();
    assert_eq!(
        left,
        [("files.file_system", "old:files.file_system"), ("files.mount/a", "old:files.mount/a"), ("files.mount/b", "old:files.mount/b")]
    );
    let order = walk(&plan);
    before(&order, "Delete files.mount/a", "Delete files.file_system");
    before(&order, "Delete files.mount/b", "Delete files.file_system");
    before(&order, "Ready files.mount/a", "Delete files.mount/a");
    // Its successor is not made yet, or nobody wishes one any more.
    world.vanish("files.mount/a");
    before(&walk(&world.plan()), "Ready files.mount/a", "Delete files.mount/a");
    world.wishes.remove(&at("files.mount/a"));
    let plan = world.plan();
    assert_eq!((changes(&plan), plan.leftovers.len()), (vec![], 3), "{:#?}", plan.leftovers);
    before(&walk(&plan), "Ready files.file_system", "Delete files.file_system/mount_target.old-files-mount-a");
    world.destroy = true;
    steps(&world.plan()).unwrap();
}

#[test]
fn what_stands_under_it_waits_for_those_that_name_it() {
    let mut world = files();
    let dimensions = |id: &str| json!({ "FileSystemId": id });
    world.wish(
        "files.alarm",
        "aws.alarm",
        json!({ "namespace": "AWS/EFS", "metric_name": "PercentIOLimit", "threshold": 90.0,
            "dimensions": dimensions("${ref(\"files.file_system\").id}") }),
    );
    let alarm = crate::world::live(&at("files.alarm"), &world.wishes[&at("files.alarm")]);
    world.observed.live.push(alarm);
    world.shape("files.alarm")["dimensions"] = dimensions("old:files.file_system");
    let order = walk(&world.plan());
    before(&order, "Update files.alarm", "Delete files.mount/a");
    // Where that one stays as it is, all of it is kept.
    world.scope.exclude.insert("files.alarm".into());
    let plan = world.plan();
    assert_eq!(dropped(&plan), []);
    assert_eq!(kept(&plan, "files.mount/a"), "old:files.mount/a is kept: files.file_system still uses it");
}
