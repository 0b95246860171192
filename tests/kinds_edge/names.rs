//! The zone, records in it, and the certificate that one of them validates.

use std::sync::Arc;

use reeve::kinds::aws::certificate::Certificate;
use reeve::kinds::aws::lookups;
use reeve::kinds::aws::record::Record;
use reeve::kinds::{Kind, Naming, New};
use reeve::model::Address;
use reeve::planes::aws::Estate;
use reeve::planes::aws::owner::{Owned, owner};
use reeve::planes::{Aws, Class};
use serde_json::json;

use super::spec;
use super::support::{Life, account};

async fn zone(aws: &Aws) -> String {
    lookups::zone(&aws.fresh()).await.expect("a zone").id
}

async fn of_domain(domain: &str) -> Aws {
    let mut aws = account("lookups").await.fresh();
    aws.estate = Arc::new(Estate { domain: domain.into(), ..(*aws.estate).clone() });
    aws
}

#[tokio::test]
async fn look_ups_want_exactly_one_zone() {
    let aws = account("lookups").await;
    let found = lookups::zone(&aws).await.expect("a zone");
    assert!(!found.id.contains('/') && found.attributes["name"] == "hostedehr.org", "{found:?}");
    let account = lookups::account(&aws);
    assert_eq!((account.id.as_str(), account.attributes["region"].as_str()), ("123456789012", "us-east-1"));

    let error = lookups::zone(&of_domain("nowhere.example").await).await.expect_err("no such zone");
    assert!(error.class == Class::NotFound && error.message.contains("nowhere.example"), "{error}");

    for reference in ["one", "two"] {
        aws.route53.create_hosted_zone().name("twice.example").caller_reference(reference).send().await.expect("a zone");
    }
    let error = lookups::zone(&of_domain("twice.example").await).await.expect_err("two zones");
    assert!(error.message.contains("2 public hosted zones"), "{error}");
}

#[tokio::test]
async fn a_record_lives_with_its_marks_beside_it() {
    let aws = account("records").await;
    let zone = zone(&aws).await;
    let life = Life { aws: &aws, address: "edge.site" };
    let a = |ttl: u32, values: &[&str]| {
        spec::<Record>(json!({ "zone": zone, "name": "a.hostedehr.org", "type": "A", "ttl": ttl, "values": values }))
    };
    let alias = spec::<Record>(json!({ "zone": zone, "name": "a.hostedehr.org", "type": "A", "alias": {
        "dns_name": "Edge-1.us-east-1.elb.amazonaws.com", "zone_id": "Z35SXDOTRQ7X7K", "evaluate_target_health": true } }));
    let made = life.lives(&[a(300, &["192.0.2.1"]), a(60, &["192.0.2.1", "192.0.2.2"]), alias]).await;
    life.dies::<Record>(&made.id).await;
    assert_eq!(beside(&aws, &zone, "a.hostedehr.org").await, 0, "nothing is left of it");

    let wildcard = Life { aws: &aws, address: "edge.wildcard" };
    let want = spec::<Record>(json!({ "zone": zone, "name": "*.w.hostedehr.org", "type": "CNAME", "values": ["w.hostedehr.org"] }));
    let made = wildcard.lives(&[want]).await;
    assert_eq!(beside(&aws, &zone, "_wildcard.w.hostedehr.org").await, 1);
    wildcard.dies::<Record>(&made.id).await;
}

/// How many record sets have a name that ends so.
async fn beside(aws: &Aws, zone: &str, end: &str) -> usize {
    let out = aws.route53.list_resource_record_sets().hosted_zone_id(zone).send().await.expect("records");
    out.resource_record_sets().iter().filter(|set| set.name().trim_end_matches('.').ends_with(end)).count()
}

async fn try_create(aws: &Aws, address: &str, want: &Record) -> reeve::planes::Result<String> {
    let life = Life { aws, address };
    let new = New {
        address: Address::parse(address).expect("an address"),
        want: want.clone(),
        marks: life.marks(),
        token: "token".into(),
        naming: Naming { stack: aws.estate.stack.clone(), salt: String::new() },
    };
    Record::create(aws, &new).await.map(|made| made.id)
}

#[tokio::test]
async fn a_record_of_somebody_else_is_not_overwritten() {
    use aws_sdk_route53::types as r53;
    let (aws, other) = (account("mine").await, account("theirs").await);
    let zone = zone(&aws).await;
    let value = r53::ResourceRecord::builder().value("192.0.2.9").build().expect("a value");
    let set = r53::ResourceRecordSet::builder().name("by-hand.hostedehr.org").r#type(r53::RrType::A).ttl(5).resource_records(value);
    send(&aws, &zone, r53::ChangeAction::Create, set.build().expect("a set")).await;

    let want = |name: &str| spec::<Record>(json!({ "zone": zone, "name": name, "type": "A", "values": ["192.0.2.1"] }));
    let error = try_create(&aws, "edge.hand", &want("by-hand.hostedehr.org")).await.expect_err("it is there");
    assert!(error.class == Class::AlreadyExists && error.message.contains("by-hand.hostedehr.org"), "{error}");

    try_create(&other, "edge.site", &want("theirs.hostedehr.org")).await.expect("made");
    let error = try_create(&aws, "edge.site", &want("theirs.hostedehr.org")).await.expect_err("it is theirs");
    assert_eq!(error.class, Class::AlreadyExists, "{error}");
    assert!(Record::fetch(&aws.fresh()).await.expect("records").is_empty(), "neither is ours");
}

#[tokio::test]
async fn a_record_that_lost_its_mark_can_be_taken_back() {
    use aws_sdk_route53::types as r53;
    let (aws, other) = (account("tidied").await, account("tidied-other").await);
    let zone = zone(&aws).await;
    let life = Life { aws: &aws, address: "edge.site" };
    let want = spec::<Record>(json!({ "zone": zone, "name": "*.tidied.hostedehr.org", "type": "A", "values": ["192.0.2.1"] }));
    let id = life.create(&want).await.id;
    for cx in [&aws, &other] {
        assert_eq!(owner(cx, Record::TAGS, &id).await.expect("an owner"), Owned::By("tidied".into()));
    }
    // Somebody tidies the TXT records up.
    let all = aws.route53.list_resource_record_sets().hosted_zone_id(&zone).send().await.expect("records").resource_record_sets;
    let mark = all.into_iter().find(|set| set.name().contains("_reeve-a._wildcard.tidied")).expect("a mark");
    send(&aws, &zone, r53::ChangeAction::Delete, mark).await;

    assert!(life.live::<Record>(&id).await.is_none());
    assert_eq!(owner(&aws, Record::TAGS, &id).await.expect("an answer"), Owned::No);
    let error = try_create(&aws, "edge.site", &want).await.expect_err("it is there");
    assert!(error.class == Class::AlreadyExists && error.message.contains("is there already"), "{error}");
    Record::mark(&aws, &id, &life.marks()).await.expect("taken back");
    let live = life.live::<Record>(&id).await.expect("ours again");
    assert!(live.shape == want && live.marks == life.marks(), "{live:?}");
    life.dies::<Record>(&id).await;

    // What would not be found again is not marked.
    let value = r53::ResourceRecord::builder().value("192.0.2.9").build().expect("a value");
    let routed = r53::ResourceRecordSet::builder().name("routed.hostedehr.org").r#type(r53::RrType::A).ttl(5).resource_records(value);
    let routed = routed.set_identifier("one").weight(1).build().expect("a set");
    send(&aws, &zone, r53::ChangeAction::Create, routed).await;
    let elsewhere = aws.route53.create_hosted_zone().name("elsewhere.example").caller_reference("tidied").send().await.expect("a zone");
    let elsewhere = elsewhere.hosted_zone.expect("a zone").id.replace("/hostedzone/", "");
    for id in [format!("{zone}/routed.hostedehr.org/A"), format!("{elsewhere}/elsewhere.example/TXT")] {
        assert_eq!(Record::mark(&aws, &id, &life.marks()).await.expect_err("refused").class, Class::Invalid, "{id}");
    }
}

async fn send(aws: &Aws, zone: &str, action: aws_sdk_route53::types::ChangeAction, set: aws_sdk_route53::types::ResourceRecordSet) {
    use aws_sdk_route53::types as r53;
    let change = r53::Change::builder().action(action).resource_record_set(set).build().expect("a change");
    let batch = r53::ChangeBatch::builder().changes(change).build().expect("a batch");
    aws.route53.change_resource_record_sets().hosted_zone_id(zone).change_batch(batch).send().await.expect("changed");
}

#[tokio::test]
async fn a_kept_record_is_shared_and_outlives_its_owners() {
    let (one, two) = (account("one").await, account("two").await);
    let zone = zone(&one).await;
    let want = spec::<Record>(json!({ "zone": zone, "name": "_v.kept.hostedehr.org", "type": "CNAME", "keep": true,
        "values": ["_x.acm-validations.aws"] }));
    let first = try_create(&one, "edge.validation", &want).await.expect("made");
    try_create(&two, "edge.validation", &want).await.expect("shared");
    Life { aws: &one, address: "edge.validation" }.dies::<Record>(&first).await;
    let life = Life { aws: &two, address: "edge.validation" };
    let live = life.live::<Record>(&first).await.expect("the other still owns it");
    assert!(live.shape == want && live.marks == life.marks(), "{live:?}");
    life.dies::<Record>(&first).await;
    assert_eq!(beside(&one, &zone, "_v.kept.hostedehr.org").await, 1, "the record itself stays");
}

#[tokio::test]
async fn a_certificate_names_its_validation_record_and_is_issued() {
    let aws = account("certificates").await;
    let life = Life { aws: &aws, address: "edge.certificate" };
    let want = spec::<Certificate>(json!({ "domain_name": "hostedehr.org", "subject_alternative_names": ["*.hostedehr.org"] }));
    let made = life.lives(&[want]).await;
    assert_eq!(made.attributes["validation_type"], "CNAME");
    assert!(!made.attributes["validation_name"].ends_with('.') && !made.attributes["validation_value"].is_empty());
    life.dies::<Certificate>(&made.id).await;

    let elliptic = spec::<Certificate>(json!({ "domain_name": "ec.hostedehr.org", "key_algorithm": "EC_prime256v1" }));
    let made = Life { aws: &aws, address: "edge.elliptic" }.lives(&[elliptic]).await;
    Life { aws: &aws, address: "edge.elliptic" }.dies::<Certificate>(&made.id).await;
}
