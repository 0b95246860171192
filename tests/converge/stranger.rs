//! Objects that have the name of one of ours and bear no mark of ours: seen by the plan or told at the apply, never laid hands on, and taken
//! over on request, whereupon all is as it should be.

use std::collections::BTreeMap;

use reeve::kinds::{Row, Tags, aws::KINDS};
use reeve::model::plan::Verb;
use reeve::model::{Address, Marks, Whose};
use serde_json::json;

use crate::support::{Estate, Ground, at, changes, wish};
use crate::{adopt::adopt, spare};

/// What a plan sees in the way of a creation.
const SEEN: &[&str] = &[
    "aws.alarm",
    "aws.backup_vault",
    "aws.bucket",
    "aws.bundle",
    "aws.db_instance",
    "aws.db_parameter_group",
    "aws.db_subnet_group",
    "aws.instance_profile",
    "aws.key",
    "aws.load_balancer",
    "aws.log_group",
    "aws.object",
    "aws.policy",
    "aws.record",
    "aws.report_plan",
    "aws.role",
    "aws.target_group",
    "aws.topic",
    "aws.trail",
    "aws.web_acl",
];

/// What no listing of ours shows: AWS refuses the creation, and the failure says whose it is.
const TOLD: &[&str] = &["aws.autoscaling_group", "aws.launch_template", "aws.parameter", "aws.security_group"];

fn spares() -> BTreeMap<&'static str, (Address, &'static Row)> {
    KINDS
        .iter()
        .filter(|row| row.tags != Tags::None && spare::own(row.name).is_none())
        .map(|row| (row.name, (at(&spare::address(row)), row)))
        .collect()
}

/// Takes its marks off an object, as far as a rewrite can: they name no stack any more.
async fn strip(estate: &Estate, row: &Row, id: &str) {
    if row.tags == Tags::Record {
        return crate::adopt::strip_record(estate, id).await;
    }
    (row.mark)(estate.session.planes(), id.to_owned(), Marks::default()).await.unwrap_or_else(|error| panic!("{id}: {error}"));
}

#[tokio::test]
async fn what_lost_its_mark_is_adopted_as_it_is_and_nothing_is_left_to_do() {
    let ground = Ground::emulated().await;
    let mut estate = spare::estate(&ground).await;
    let secret = json!({ "generate": { "length": 40 }, "kms_key": spare::to("files.key") });
    wish(&mut estate.wishes, "spare.secret", "aws.parameter", &secret);
    estate.apply().await;
    let plan = estate.plan().await;
    let mut ids: BTreeMap<Address, String> = BTreeMap::new();
    let parameter = reeve::kinds::lookup("aws.parameter").expect("a kind");
    for (address, row) in spares().into_values().chain([(at("spare.secret"), parameter)]) {
        let id = plan.seen[&address].id.clone();
        strip(&estate, row, &id).await;
        ids.insert(address, id);
    }

    let plan = estate.plan().await;
    let mut wrong = Vec::new();
    for (kind, (address, _)) in spares() {
        let refusal = plan.refusals.iter().find(|one| one.address == address);
        let told = refusal.is_some_and(|one| one.hint.contains(&format!("reeve adopt DIR {address} {}", ids[&address])));
        if told != SEEN.contains(&kind) && !refusal.is_some_and(|one| one.reason.contains("still uses")) {
            wrong.push(format!("{kind}: {refusal:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    for (address, id) in &ids {
        adopt(&estate, address.as_str(), id).await.unwrap_or_else(|error| panic!("{address}: {error}"));
    }
    let plan = estate.plan().await;
    assert!(plan.refusals.is_empty() && plan.waiting.is_empty(), "{:#?} {:#?}", plan.refusals, plan.waiting);
    assert!(plan.changes().all(|one| one.action == Verb::Update), "{:#?}", changes(&plan));
    estate.apply_plan(&plan).await;
    estate.is_converged().await;
    let after = estate.plan().await.seen;
    for (address, id) in &ids {
        assert_eq!(&after[address].id, id, "{address} is another object");
    }
}

#[tokio::test]
async fn what_no_listing_shows_is_named_by_the_failure_with_its_owner() {
    let ground = Ground::emulated().await;
    let estate = spare::estate(&ground).await;
    estate.apply().await;
    let before = estate.plan().await.seen;
    let spares = spares();
    for kind in TOLD {
        let (address, row) = &spares[kind];
        strip(&estate, row, &before[address].id).await;
    }
    let report = estate.walk(&estate.plan().await, async |_| {}).await;
    for kind in TOLD {
        let (address, _) = &spares[kind];
        let failure = report.failed.iter().find(|one| one.address == *address).unwrap_or_else(|| panic!("{kind} was made: {report:#?}"));
        let namesake = failure.namesake.as_ref().unwrap_or_else(|| panic!("{kind}: nobody is named: {failure:?}"));
        assert_eq!((&namesake.id, &namesake.whose), (&before[address].id, &Whose::Nobody), "{kind}");
    }
}

#[tokio::test]
async fn what_is_another_stack_s_or_out_of_reach_is_refused_with_other_words() {
    let ground = Ground::emulated().await;
    let mut estate = ground.estate("hostedehr", "hostedehr.org", Default::default()).await;
    let aws = estate.session.connection.aws.clone();
    wish(&mut estate.wishes, "net.topic", "aws.topic", &json!({}));
    let trust = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "Service": "ec2.amazonaws.com" }, "Action": "sts:AssumeRole" }] });
    wish(&mut estate.wishes, "net.role", "aws.role", &json!({ "assume_role_policy_document": trust }));
    let stack = aws_sdk_sns::types::Tag::builder().key("reeve:stack").value("other").build().expect("a tag");
    aws.sns.create_topic().name("hostedehr-net-topic").tags(stack).send().await.expect("a topic");
    let role = aws.iam.create_role().role_name("hostedehr-net-role").assume_role_policy_document(trust.to_string());
    let role = role.send().await.expect("a role").role.expect("a role").arn;
    let plan = estate.plan().await;
    assert_eq!(changes(&plan), Vec::<String>::new());
    let told: Vec<_> = plan.refusals.iter().map(|one| (one.address.as_str(), one.reason.as_str(), one.hint.as_str())).collect();
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told[0].1.contains("hostedehr-net-role") && told[0].1.contains("/reeve/hostedehr/"), "{told:#?}");
    assert!(told[1].1.contains("the stack other's"), "{told:#?}");
    assert!(told.iter().all(|one| !one.2.contains("reeve adopt")), "{told:#?}");
    // And adopting it would not help: it would not be found again.
    let refused = adopt(&estate, "net.role", &role).await.expect_err("out of reach").to_string();
    assert!(refused.contains("/reeve/hostedehr/"), "{refused}");
}

#[tokio::test]
async fn an_adopted_secret_keeps_its_value_and_converges() {
    use aws_sdk_ssm::types::ParameterType;
    let ground = Ground::emulated().await;
    let mut estate = ground.estate("hostedehr", "hostedehr.org", Default::default()).await;
    let ssm = estate.session.connection.aws.ssm.clone();
    wish(&mut estate.wishes, "net.key", "aws.key", &json!({ "description": "secrets" }));
    estate.apply().await;
    wish(&mut estate.wishes, "net.secret", "aws.parameter", &json!({ "generate": {}, "kms_key": spare::to("net.key") }));
    estate.wishes.get_mut(&at("net.secret")).expect("a wish").protect = true;
    let name = "/reeve/hostedehr/net.secret";
    let by_hand = "Not-of letters & digits only!";
    ssm.put_parameter().name(name).r#type(ParameterType::SecureString).value(by_hand).send().await.expect("a parameter");

    let report = estate.walk(&estate.plan().await, async |_| {}).await;
    let namesake = report.failed.first().and_then(|one| one.namesake.clone()).expect("it is not written over");
    assert_eq!(namesake.id, name);
    adopt(&estate, "net.secret", name).await.expect("it is taken over");
    let plan = estate.plan().await;
    assert!(plan.refusals.is_empty() && plan.changes().all(|one| one.action == Verb::Update), "{:#?}", plan.refusals);
    estate.apply_plan(&plan).await;
    estate.is_converged().await;
    let out = ssm.get_parameter().name(name).with_decryption(true).send().await.expect("a parameter");
    assert_eq!(out.parameter().and_then(|one| one.value()), Some(by_hand), "its value is kept");
}

#[tokio::test]
async fn a_replacement_into_a_taken_name_leaves_ours_where_it_is() {
    use aws_sdk_route53::types as r53;
    let ground = Ground::emulated().await;
    let mut estate = ground.estate("hostedehr", "hostedehr.org", Default::default()).await;
    let spec = |name: &str| json!({ "zone": spare::to("lookup.zone"), "name": name, "type": "A", "values": ["192.0.2.1"] });
    wish(&mut estate.wishes, "net.site", "aws.record", &spec("old.hostedehr.org"));
    estate.apply().await;
    let id = estate.object("net.site").await.id;
    let value = r53::ResourceRecord::builder().value("192.0.2.9").build().expect("a value");
    let set = r53::ResourceRecordSet::builder().name("new.hostedehr.org").r#type(r53::RrType::A).ttl(60).resource_records(value);
    let zone = id.split('/').next().expect("a zone");
    crate::adopt::batch(&estate, zone, r53::ChangeAction::Create, set.build().expect("a record")).await;

    wish(&mut estate.wishes, "net.site", "aws.record", &spec("new.hostedehr.org"));
    let plan = estate.plan().await;
    assert_eq!(changes(&plan), Vec::<String>::new(), "ours is not dropped for a name that cannot be had");
    assert!(plan.refusals[0].reason.contains("new.hostedehr.org A"), "{:#?}", plan.refusals);
    // A record of several that are chosen by weight is in the way as well, and cannot become ours.
    let set = r53::ResourceRecordSet::builder().name("new.hostedehr.org").r#type(r53::RrType::Aaaa).set_identifier("one").weight(1).ttl(60);
    let value = r53::ResourceRecord::builder().value("2001:db8::1").build().expect("a value");
    crate::adopt::batch(&estate, zone, r53::ChangeAction::Create, set.resource_records(value).build().expect("a record")).await;
    let mut routed = spec("new.hostedehr.org");
    (routed["type"], routed["values"]) = (json!("AAAA"), json!(["2001:db8::2"]));
    wish(&mut estate.wishes, "net.site", "aws.record", &spec("old.hostedehr.org"));
    wish(&mut estate.wishes, "net.six", "aws.record", &routed);
    let plan = estate.plan().await;
    assert!(plan.refusals.iter().any(|one| one.address == at("net.six") && one.reason.contains("weight")), "{:#?}", plan.refusals);
}
