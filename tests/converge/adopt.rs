//! Taking over what exists, on purpose only; and the way back when a mark was lost.

use aws_sdk_ec2::types::Tag;
use reeve::model::plan::Verb;
use reeve::session::Error;
use serde_json::json;

use crate::support::{Estate, Ground, OTHER_ZONE, at, changes, wish};

async fn adopt(estate: &Estate, address: &str, id: &str) -> Result<(), Error> {
    let address = at(address);
    estate.held(async |held| estate.session.adopt(held, &address, &estate.wishes[&address], id, "reeve adopt").await).await
}

#[tokio::test]
async fn what_was_made_by_hand_is_taken_over_and_what_is_owned_is_not() {
    let ground = Ground::emulated().await;
    let mut estate = ground.estate("hostedehr", "hostedehr.org", Default::default()).await;
    let aws = estate.session.connection.aws.clone();
    wish(&mut estate.wishes, "net.vpc", "aws.vpc", &json!({ "cidr_block": "10.9.0.0/16" }));
    let group = json!({ "vpc": "${ref(\"net.vpc\")}", "description": "by hand",
        "ingress": [{ "ip_protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_ip": "10.9.0.0/16" }] });
    estate.apply().await;
    let vpc = estate.object("net.vpc").await.id;
    wish(&mut estate.wishes, "net.group", "aws.security_group", &group);
    wish(&mut estate.wishes, "net.bucket", "aws.bucket", &json!({ "versioning": true }));
    wish(&mut estate.wishes, "net.logs", "aws.log_group", &json!({ "retention_in_days": 30 }));
    let made = aws.ec2.create_security_group().group_name("hand").description("by hand").vpc_id(&vpc).send().await.expect("a group");
    let group = made.group_id.expect("an id");
    aws.s3.create_bucket().bucket("hostedehr-by-hand").send().await.expect("a bucket");
    aws.logs.create_log_group().log_group_name("/reeve/hostedehr/by-hand").send().await.expect("a log group");

    for (address, id) in [("net.group", group.as_str()), ("net.bucket", "hostedehr-by-hand"), ("net.logs", "/reeve/hostedehr/by-hand")] {
        adopt(&estate, address, id).await.unwrap_or_else(|error| panic!("{address}: {error}"));
        let twice = adopt(&estate, address, id).await.expect_err("it is live already");
        assert!(matches!(twice, Error::NotAdopted(_)), "{twice}");
    }
    let plan = estate.plan().await;
    assert!(plan.changes().all(|one| one.action == Verb::Update), "{:#?}", changes(&plan));
    estate.apply_plan(&plan).await;
    estate.is_converged().await;
    assert_eq!(estate.object("net.group").await.id, group);
    assert_eq!(estate.object("net.bucket").await.id, "hostedehr-by-hand");

    // Another stack finds them owned.
    let mut other = ground.estate("other", OTHER_ZONE, Default::default()).await;
    wish(&mut other.wishes, "net.bucket", "aws.bucket", &json!({}));
    wish(&mut other.wishes, "net.vpc", "aws.vpc", &json!({ "cidr_block": "10.9.0.0/16" }));
    for (address, id) in [("net.bucket", "hostedehr-by-hand"), ("net.vpc", vpc.as_str())] {
        let refused = adopt(&other, address, id).await.expect_err("it is owned").to_string();
        assert!(refused.contains("owned by the stack hostedehr"), "{refused}");
    }
    // What reeve would not find again is not marked.
    wish(&mut estate.wishes, "net.more_logs", "aws.log_group", &json!({}));
    aws.logs.create_log_group().log_group_name("/elsewhere").send().await.expect("a log group");
    let refused = adopt(&estate, "net.more_logs", "/elsewhere").await.expect_err("its name is not ours").to_string();
    assert!(refused.contains("/reeve/hostedehr/"), "{refused}");
    estate.wishes.remove(&at("net.more_logs"));
    let absent = adopt(&other, "net.bucket", "no-such-bucket").await;
    assert!(absent.is_err(), "what is not there is not adopted");
    estate.is_converged().await;
}

#[tokio::test]
async fn a_lost_mark_is_noticed_and_adopting_mends_it() {
    let ground = Ground::emulated().await;
    let estate = ground.example().await;
    estate.apply().await;
    let vpc = estate.object("vpc.vpc").await.id;
    let ec2 = &estate.session.connection.aws.ec2;
    let keys = ["stack", "address", "applied", "protect", "attempt"].map(|key| Tag::builder().key(format!("reeve:{key}")).build());
    ec2.delete_tags().resources(&vpc).set_tags(Some(keys.to_vec())).send().await.expect("tags go");

    let plan = estate.plan().await;
    let refusal = plan.refusals.iter().find(|one| one.address == at("vpc.vpc")).expect("a second VPC is refused");
    assert!(refusal.reason.contains(&vpc), "{refusal:?}");
    assert!(refusal.hint.contains("reeve adopt") && refusal.hint.contains(&vpc), "{refusal:?}");
    assert!(plan.changes().all(|one| one.action != Verb::Create && one.action != Verb::Replace), "{:#?}", changes(&plan));
    estate.apply_plan(&plan).await;
    let vpcs = ec2.describe_vpcs().send().await.expect("VPCs").vpcs.unwrap_or_default();
    assert_eq!(vpcs.iter().filter(|one| one.cidr_block() == Some("10.20.0.0/16")).count(), 1, "no second one was made");

    adopt(&estate, "vpc.vpc", &vpc).await.expect("it is taken back");
    estate.apply().await;
    estate.is_converged().await;
    assert_eq!(estate.object("vpc.vpc").await.id, vpc);
}
