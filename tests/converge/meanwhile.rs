//! What moves between a plan and the step that would lose it stops that step, and nothing else; and what was made without tags is known
//! by its address until it is gone.

use std::collections::BTreeMap;

use aws_sdk_ec2::types as ec2;
use reeve::model::edit::Cause;
use reeve::model::plan::{Plan, Verb};
use reeve::model::report::{Do, Report};
use serde_json::json;

use crate::support::{Estate, Ground, at, changes, wish};

async fn estate(ground: &Ground) -> Estate {
    let mut estate = ground.estate("hostedehr", "hostedehr.org", Default::default()).await;
    let wishes = &mut estate.wishes;
    wish(wishes, "net.vpc", "aws.vpc", &json!({ "cidr_block": "10.9.0.0/16" }));
    for at in ["a", "b"] {
        let block = if at == "a" { "10.9.0.0/24" } else { "10.9.1.0/24" };
        let subnet = json!({ "vpc": "${ref(\"net.vpc\")}", "availability_zone": format!("us-east-1{at}"), "cidr_block": block });
        wish(wishes, &format!("net.subnet/{at}"), "aws.subnet", &subnet);
    }
    for name in ["bare", "guarded", "opened", "quiet", "kept"] {
        wish(wishes, &format!("net.{name}"), "aws.security_group", &json!({ "vpc": "${ref(\"net.vpc\")}", "description": name }));
    }
    wish(wishes, "net.files", "aws.file_system", &json!({}));
    for at in ["a", "b"] {
        let mount = json!({ "file_system": "${ref(\"net.files\")}", "subnet": format!("${{ref(\"net.subnet/{at}\")}}"),
            "security_groups": ["${ref(\"net.kept\")}"] });
        wish(wishes, &format!("net.mount/{at}"), "aws.mount_target", &mount);
    }
    estate.apply().await;
    estate
}

fn id(plan: &Plan, address: &str) -> String {
    plan.seen[&at(address)].id.clone()
}

fn failed(report: &Report) -> BTreeMap<String, (Do, String)> {
    report.failed.iter().map(|one| (one.address.to_string(), (one.what, one.error.clone()))).collect()
}

async fn groups(estate: &Estate, vpc: &str) -> Vec<String> {
    let mine = ec2::Filter::builder().name("vpc-id").values(vpc).build();
    let out = estate.session.connection.aws.ec2.describe_security_groups().filters(mine).send().await.expect("groups");
    out.security_groups().iter().filter_map(|group| group.group_id().map(str::to_owned)).collect()
}

async fn tag(estate: &Estate, id: &str, key: &str, value: Option<&str>) {
    let ec2 = &estate.session.connection.aws.ec2;
    let tag = ec2::Tag::builder().key(key).set_value(value.map(str::to_owned)).build();
    match value {
        Some(_) => drop(ec2.create_tags().resources(id).tags(tag).send().await.expect("a tag")),
        None => drop(ec2.delete_tags().resources(id).tags(tag).send().await.expect("a tag goes")),
    }
}

async fn open(estate: &Estate, id: &str) {
    let anyone = ec2::IpRange::builder().cidr_ip("0.0.0.0/0").build();
    let rule = ec2::IpPermission::builder().ip_protocol("tcp").from_port(22).to_port(22).ip_ranges(anyone).build();
    let call = estate.session.connection.aws.ec2.authorize_security_group_ingress().group_id(id).ip_permissions(rule);
    call.send().await.expect("a rule by hand");
}

#[tokio::test]
async fn what_moved_since_the_plan_is_not_deleted_and_the_rest_is() {
    let ground = Ground::emulated().await;
    let mut estate = estate(&ground).await;
    for name in ["bare", "guarded", "opened", "quiet"] {
        estate.wishes.remove(&at(&format!("net.{name}")));
    }
    let plan = estate.plan().await;
    assert_eq!(plan.changes().count(), 4, "{:#?}", changes(&plan));
    tag(&estate, &id(&plan, "net.bare"), "reeve:stack", None).await;
    tag(&estate, &id(&plan, "net.guarded"), "reeve:protect", Some("true")).await;
    open(&estate, &id(&plan, "net.opened")).await;

    let before = estate.session.connection.stats.calls()["ec2.DescribeSecurityGroups"];
    let report = estate.walk(&plan, async |_| {}).await;
    let asked = estate.session.connection.stats.calls()["ec2.DescribeSecurityGroups"] - before;
    let failed = failed(&report);
    assert_eq!(failed.len(), 3, "{failed:#?}");
    for (address, why) in [("net.bare", "bears our mark no longer"), ("net.guarded", "protected by now"), ("net.opened", "ingress changed")]
    {
        let (what, error) = &failed[address];
        assert!(*what == Do::Delete && error.contains(why) && error.contains("moved since it was planned"), "{address}: {error}");
    }
    let left = groups(&estate, &id(&plan, "net.vpc")).await;
    for name in ["net.bare", "net.guarded", "net.opened"] {
        assert!(left.contains(&id(&plan, name)), "{name} was deleted");
    }
    assert!(!left.contains(&id(&plan, "net.quiet")), "what did not move is deleted");
    // One listing for all, one question about what it does not show, and what the deletion itself asks.
    assert!(asked <= 6, "{asked} listings for four groups");
}

#[tokio::test]
async fn what_moved_since_the_plan_is_not_replaced_and_no_second_one_is_made() {
    let ground = Ground::emulated().await;
    let mut estate = estate(&ground).await;
    estate.spec("net.opened")["description"] = json!("another");
    estate.spec("net.quiet")["description"] = json!("another");
    let plan = estate.plan().await;
    assert!(plan.changes().all(|one| one.action == Verb::Replace), "{:#?}", changes(&plan));
    let vpc = id(&plan, "net.vpc");
    let before = groups(&estate, &vpc).await.len();
    open(&estate, &id(&plan, "net.opened")).await;
    let report = estate.walk(&plan, async |_| {}).await;
    let failed = failed(&report);
    assert_eq!(failed.len(), 1, "{failed:#?}");
    assert!(failed["net.opened"].0 == Do::Retire && failed["net.opened"].1.contains("ingress changed"), "{failed:#?}");
    let left = groups(&estate, &vpc).await;
    assert!(left.contains(&id(&plan, "net.opened")) && !left.contains(&id(&plan, "net.quiet")));
    assert_eq!(left.len(), before, "the one that did not move was replaced, the other one not");
    // Planned again, with what moved in sight, it is replaced.
    estate.apply().await;
    estate.is_converged().await;
}

#[tokio::test]
async fn what_is_no_longer_ours_is_not_changed_and_bears_no_mark_of_ours_afterwards() {
    let ground = Ground::emulated().await;
    let mut estate = estate(&ground).await;
    wish(&mut estate.wishes, "net.default", "aws.default_security_group", &json!({ "vpc": "${ref(\"net.vpc\")}" }));
    let rules = json!([{ "ip_protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_ip": "10.9.0.0/16" }]);
    for name in ["bare", "opened", "guarded", "quiet"] {
        estate.spec(&format!("net.{name}"))["ingress"] = rules.clone();
    }
    let plan = estate.plan().await;
    let verbs: Vec<_> = plan.changes().map(|one| one.action).collect();
    assert_eq!(verbs, [Verb::Update, Verb::Adopt, Verb::Update, Verb::Update, Verb::Update], "{:#?}", changes(&plan));
    // Somebody takes one out of our hands, another stack takes two, and a third is moved.
    tag(&estate, &id(&plan, "net.bare"), "reeve:stack", None).await;
    tag(&estate, &id(&plan, "net.opened"), "reeve:stack", Some("other")).await;
    tag(&estate, &id(&plan, "net.default"), "reeve:stack", Some("other")).await;
    tag(&estate, &id(&plan, "net.guarded"), "reeve:address", Some("net.another")).await;

    let before = estate.session.connection.stats.calls()["ec2.DescribeSecurityGroups"];
    let report = estate.walk(&plan, async |_| {}).await;
    let asked = estate.session.connection.stats.calls()["ec2.DescribeSecurityGroups"] - before;
    let failed = failed(&report);
    for (address, why) in [
        ("net.bare", "bears our mark no longer"),
        ("net.opened", "bears our mark no longer"),
        ("net.default", "belongs to the stack other"),
        ("net.guarded", "its mark says that it is net.another"),
    ] {
        let (what, error) = &failed[address];
        assert!(*what == Do::Update && error.contains(why) && error.contains("so it is not touched"), "{address}: {error}");
    }
    assert_eq!((failed.len(), report.finished), (4, vec![at("net.quiet")]), "{failed:#?}");
    let ec2 = &estate.session.connection.aws.ec2;
    for (name, stack) in [("net.bare", None), ("net.opened", Some("other")), ("net.default", Some("other"))] {
        let out = ec2.describe_security_groups().group_ids(id(&plan, name)).send().await.expect("the group");
        let group = &out.security_groups()[0];
        let mark = group.tags().iter().find(|tag| tag.key() == Some("reeve:stack")).and_then(|tag| tag.value());
        let opened = group.ip_permissions().iter().any(|rule| rule.from_port() == Some(443));
        assert_eq!((mark, opened), (stack, false), "{name} was written to");
    }
    // A listing of each kind for all, a question about each that it does not show, and what a change itself asks.
    assert!(asked <= 6, "{asked} listings for five groups");
}

#[tokio::test]
async fn what_was_made_without_tags_keeps_its_address_until_it_is_gone() {
    let ground = Ground::emulated().await;
    let mut estate = estate(&ground).await;
    estate.wishes.remove(&at("net.mount/b"));
    let plan = estate.plan().await;
    let told: Vec<_> = plan.changes().map(|one| (one.address.to_string(), one.action, one.cause.clone())).collect();
    assert_eq!(told, [("net.mount/b".to_owned(), Verb::Delete, [Cause::Change].into())]);
    estate.apply_plan(&plan).await;
    estate.is_converged().await;
}
