//! What has to go before its successor is made, and who holds on to it.

use reeve::model::plan::{Plan, Verb};
use reeve::plan::order::steps;
use serde_json::json;

use crate::world::{World, at, to};

/// Mount targets in two subnets, a route table and an endpoint that use the first one.
fn world(endpoint: &[&str]) -> World {
    let mut world = World::files();
    world.wish("vpc.routes", "aws.route_table", json!({ "vpc": to("vpc.vpc"), "subnets": [to("vpc.private/a")] }));
    if !endpoint.is_empty() {
        let subnets: Vec<String> = endpoint.iter().map(|zone| to(&format!("vpc.private/{zone}"))).collect();
        world.wish(
            "vpc.endpoint/sts",
            "aws.vpc_endpoint",
            json!({ "vpc": to("vpc.vpc"), "service_name": "com.amazonaws.us-east-1.sts", "vpc_endpoint_type": "Interface",
                "subnets": subnets, "security_groups": [to("vpc.app")] }),
        );
    }
    world.applied()
}

fn verb(plan: &Plan, address: &str) -> Option<Verb> {
    plan.actions.iter().find(|one| one.address == at(address)).map(|one| one.action)
}

#[test]
fn who_can_go_first_too_follows() {
    let mut world = world(&[]);
    world.spec("vpc.private/a")["availability_zone"] = json!("us-east-1c");
    let plan = world.plan();
    assert_eq!((plan.refusals.len(), plan.waiting.len()), (0, 0), "{:#?}", plan.refusals);
    let verbs = ["vpc.private/a", "files.mount/a", "vpc.routes", "files.mount/b"].map(|address| verb(&plan, address));
    assert_eq!(verbs, [Some(Verb::Replace), Some(Verb::Replace), Some(Verb::Update), Some(Verb::NoOp)]);
    steps(&plan).unwrap();
}

#[test]
fn who_would_stay_holds_on_and_nothing_is_touched() {
    let mut world = world(&["a", "b"]);
    world.spec("vpc.private/a")["cidr_block"] = json!("10.20.32.0/20");
    let plan = world.plan();
    assert_eq!(plan.changes().count(), 0, "{:#?}", plan.actions);
    assert_eq!(plan.refusals.len(), 1);
    let refusal = &plan.refusals[0];
    assert_eq!(refusal.address, at("vpc.private/a"));
    assert_eq!(
        refusal.reason,
        "cidr_block cannot change in place, it would have to go before the new one is made, and vpc.endpoint/sts would hold on to it"
    );
    assert!(refusal.hint.contains("beside it"), "{}", refusal.hint);
}

#[test]
fn who_moves_away_first_does_not_hold_on() {
    let mut world = world(&["a", "b"]);
    world.spec("vpc.private/a")["cidr_block"] = json!("10.20.32.0/20");
    world.spec("vpc.endpoint/sts")["subnets"] = json!([to("vpc.private/b")]);
    let plan = world.plan();
    assert_eq!((plan.refusals.len(), verb(&plan, "vpc.private/a")), (0, Some(Verb::Replace)), "{:#?}", plan.refusals);
    let steps = steps(&plan).unwrap();
    let at_of =
        |what: reeve::model::report::Do, address: &str| steps.iter().position(|s| s.what == what && s.address == at(address)).unwrap();
    let (moved, dropped) =
        (at_of(reeve::model::report::Do::Update, "vpc.endpoint/sts"), at_of(reeve::model::report::Do::Delete, "vpc.private/a"));
    assert!(steps[dropped].needs.contains(&moved), "the endpoint lets go before the subnet goes");
}

#[test]
fn a_new_network_is_none_of_its_users_business() {
    let mut world = world(&["a", "b"]);
    world.spec("vpc.vpc")["cidr_block"] = json!("10.40.0.0/16");
    world.spec("vpc.private/a")["cidr_block"] = json!("10.40.0.0/20");
    world.spec("vpc.private/b")["cidr_block"] = json!("10.40.16.0/20");
    let plan = world.plan();
    assert_eq!((plan.refusals.len(), plan.waiting.len()), (0, 0), "{:#?}", plan.refusals);
    assert_eq!(verb(&plan, "vpc.endpoint/sts"), Some(Verb::Replace));
    steps(&plan).unwrap();
}

#[test]
fn what_moves_to_another_network_as_a_whole_is_made_anew_there() {
    let mut world = World::network();
    world.wish("vpc.igw", "aws.internet_gateway", json!({ "vpc": to("vpc.vpc") }));
    world.wish("database.subnets", "aws.db_subnet_group", json!({ "subnets": [to("vpc.private/a"), to("vpc.private/b")] }));
    let mut world = world.applied();
    world.spec("vpc.vpc")["cidr_block"] = json!("10.40.0.0/16");
    let plan = world.plan();
    for address in ["vpc.igw", "database.subnets"] {
        assert_eq!(verb(&plan, address), Some(Verb::Replace), "{address}");
    }
}

#[test]
fn what_would_only_have_followed_is_not_refused() {
    let mut world = world(&["a", "b"]);
    world.wishes.get_mut(&at("files.mount/a")).unwrap().protect = true;
    world.spec("vpc.private/a")["cidr_block"] = json!("10.20.32.0/20");
    let plan = world.plan();
    let refused: Vec<&str> = plan.refusals.iter().map(|one| one.address.as_str()).collect();
    assert_eq!(refused, ["vpc.private/a"], "the mount target stays where it is: {:#?}", plan.refusals);
    assert!(plan.refusals[0].reason.contains("files.mount/a and vpc.endpoint/sts would hold on"), "{:#?}", plan.refusals);
    // Where only protection is in the way, that is the way out.
    let mut world =
        World { wishes: world.wishes.into_iter().filter(|(address, _)| address.as_str() != "vpc.endpoint/sts").collect(), ..world };
    world.observed.live.retain(|one| one.kind != "aws.vpc_endpoint");
    let plan = world.plan();
    assert!(plan.refusals[0].hint.contains("--allow-delete files.mount/a"), "{:#?}", plan.refusals);
    world.scope.allow_delete.insert("files.mount/a".into());
    assert_eq!(verb(&world.plan(), "vpc.private/a"), Some(Verb::Replace));
}

#[test]
fn what_is_protected_and_known_by_another_key_now_holds_on() {
    let mut world = World::files();
    world.wishes.get_mut(&at("files.mount/b")).unwrap().protect = true;
    let mut world = world.applied();
    // It moves to another network, and stays in its own beside its successor: so that one cannot go.
    let c = json!({ "vpc": to("vpc.vpc"), "availability_zone": "us-east-1c", "cidr_block": "10.20.48.0/20" });
    world.wish("vpc.private/c", "aws.subnet", c);
    world.spec("files.mount/b")["subnet"] = json!(to("vpc.private/c"));
    world.spec("vpc.private/b")["cidr_block"] = json!("10.20.32.0/20");
    let plan = world.plan();
    let of = |address: &str| plan.refusals.iter().find(|one| one.address == at(address)).map(|one| one.reason.as_str());
    assert!(of("vpc.private/b").is_some_and(|why| why.contains("would hold on to it")), "{:#?}", plan.refusals);
    assert_eq!((verb(&plan, "vpc.private/b"), verb(&plan, "files.mount/b")), (Some(Verb::NoOp), Some(Verb::Create)), "{:#?}", plan.actions);
}
