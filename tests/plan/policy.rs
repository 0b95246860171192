//! Policies of the stack, held against plans.

use reeve::desired::policy::{Policy, PolicySpec, judge};
use reeve::model::plan::By;
use reeve::model::problem::Place;
use serde_json::json;

use crate::world::World;

fn policy(rule: &str) -> Vec<Policy> {
    let place = Place { file: "policies.yaml".into(), line: 4, column: 3, len: 4 };
    let spec = PolicySpec { rule: rule.into(), message: "no groups open to the world".into() };
    vec![Policy { id: "closed".into(), spec, place: place.clone(), rule_place: place }]
}

#[test]
fn a_plan_that_breaks_a_policy_is_refused_with_its_name_and_place() {
    let mut world = World::network().applied();
    world.spec("vpc.app")["ingress"] = json!([{ "ip_protocol": "tcp", "from_port": 22, "to_port": 22, "cidr_ip": "0.0.0.0/0" }]);
    let plan = world.plan();
    let rule = r#"kind != "aws.security_group" || !spec.ingress.exists(r, has(r.cidr_ip) && r.cidr_ip == "0.0.0.0/0")"#;
    let refusals = judge(&policy(rule), &plan).unwrap();
    assert_eq!(refusals.len(), 1);
    assert_eq!((refusals[0].address.as_str(), refusals[0].by), ("vpc.app", By::Policy));
    assert!(refusals[0].reason.contains("closed: no groups open to the world") && refusals[0].hint.contains("policies.yaml:4"));
    assert!(judge(&policy(rule), &World::network().applied().plan()).unwrap().is_empty());
}

#[test]
fn a_rule_that_cannot_be_decided_is_not_a_rule_that_holds() {
    let problems = judge(&policy("spec.no_such_field == 1"), &World::network().plan()).unwrap_err();
    assert!(problems.to_string().contains("no_such_field"), "{problems}");
    let problems = judge(&policy("adress == \"vpc.vpc\""), &World::network().plan()).unwrap_err();
    assert!(problems.to_string().contains("did you mean `address`"), "{problems}");
}

#[test]
fn a_rule_that_takes_too_long_is_not_a_rule_that_holds() {
    let big = "lists.range(1000)";
    let rule = format!("{big}.all(a, {big}.all(b, {big}.all(c, a + b + c >= 0))) || true");
    let problems = judge(&policy(&rule), &World::network().plan()).unwrap_err().to_string();
    assert!(problems.contains("policies.yaml:4:3") && problems.contains("takes more than 1000000 steps"), "{problems}");
}
