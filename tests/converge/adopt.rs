//! Taking over what exists, on purpose only; and the way back when a mark was lost.

use aws_sdk_ec2::types::Tag;
use aws_sdk_route53::types as r53;
use reeve::kinds::{Tags, aws::KINDS};
use reeve::model::plan::Verb;
use reeve::planes::Aws;
use reeve::planes::aws::owner::{Owned, owner};
use reeve::session::Error;
use serde_json::json;

use crate::spare;
use crate::support::{Estate, Ground, OTHER_ZONE, at, changes, wish};

pub async fn adopt(estate: &Estate, address: &str, id: &str) -> Result<(), Error> {
    let address = at(address);
    estate.session.may_adopt(&address, &estate.wishes[&address], id).await?;
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

#[tokio::test]
async fn a_key_that_somebody_scheduled_for_deletion_is_had_back_and_never_replaced() {
    let ground = Ground::emulated().await;
    let estate = ground.example().await;
    estate.apply().await;
    let key = estate.object("files.key").await.id;
    let kms = &estate.session.connection.aws.kms;
    let keys = async || kms.list_keys().send().await.expect("keys").keys.unwrap_or_default().len();
    let before = keys().await;
    kms.schedule_key_deletion().key_id(&key).pending_window_in_days(7).send().await.expect("a date");

    // As it is, and when whoever did it also took its alias away: all that is left then is that ours still use it.
    for alias_too in [false, true] {
        if alias_too {
            for alias in kms.list_aliases().key_id(&key).send().await.expect("aliases").aliases.unwrap_or_default() {
                kms.delete_alias().alias_name(alias.alias_name.expect("a name")).send().await.expect("no alias");
            }
        }
        let plan = estate.plan().await;
        let refusal = plan.refusals.iter().find(|one| one.address == at("files.key")).expect("no second key");
        assert!(refusal.hint.contains(&format!("cancel-key-deletion --key-id {key}")), "{refusal:?}");
        assert_eq!(changes(&plan), Vec::<String>::new(), "nothing moves to another key");
        estate.apply_plan(&plan).await;
        assert_eq!(keys().await, before);
    }
    kms.cancel_key_deletion().key_id(&key).send().await.expect("it is had back");
    kms.enable_key().key_id(&key).send().await.expect("it is enabled");
    let plan = estate.plan().await;
    let refusal = plan.refusals.iter().find(|one| one.address == at("files.key")).expect("it is nobody's");
    assert!(refusal.hint.contains("reeve adopt"), "{refusal:?}");
    adopt(&estate, "files.key", &key).await.expect("it is taken back");
    estate.apply().await;
    estate.is_converged().await;
    assert_eq!(estate.object("files.key").await.id, key);
}

/// Changes one record of a zone.
pub async fn batch(estate: &Estate, zone: &str, action: r53::ChangeAction, set: r53::ResourceRecordSet) {
    let change = r53::Change::builder().action(action).resource_record_set(set).build().expect("a change");
    let batch = r53::ChangeBatch::builder().changes(change).build().expect("a batch");
    let route53 = &estate.session.connection.aws.route53;
    route53.change_resource_record_sets().hosted_zone_id(zone).change_batch(batch).send().await.expect("it is changed");
}

/// Deletes the TXT record beside a record of type A.
pub async fn strip_record(estate: &Estate, id: &str) {
    let parts: Vec<&str> = id.split('/').collect();
    let route53 = &estate.session.connection.aws.route53;
    let all = route53.list_resource_record_sets().hosted_zone_id(parts[0]).send().await.expect("records").resource_record_sets;
    let mark = all.into_iter().find(|set| set.name().starts_with(&format!("_reeve-a.{}", parts[1]))).expect("a mark");
    batch(estate, parts[0], r53::ChangeAction::Delete, mark).await;
}

#[tokio::test]
async fn a_record_whose_mark_was_tidied_away_is_taken_back_without_an_outage() {
    let ground = Ground::emulated().await;
    let mut estate = ground.estate("hostedehr", "hostedehr.org", Default::default()).await;
    let spec = json!({ "zone": "${ref(\"lookup.zone\")}", "name": "hostedehr.org", "type": "A", "values": ["192.0.2.1"] });
    wish(&mut estate.wishes, "net.site", "aws.record", &spec);
    estate.apply().await;
    let id = estate.object("net.site").await.id;
    strip_record(&estate, &id).await;

    let plan = estate.plan().await;
    let refusal = plan.refusals.iter().find(|one| one.address == at("net.site")).expect("it is not made a second time");
    assert!(refusal.reason.contains("hostedehr.org A") && refusal.hint.contains(&format!("reeve adopt DIR net.site {id}")), "{refusal:?}");
    assert_eq!(changes(&plan), Vec::<String>::new(), "and nothing is done");
    adopt(&estate, "net.site", &id).await.expect("it is taken back");
    estate.apply().await;
    estate.is_converged().await;
}

#[tokio::test]
async fn every_kind_that_bears_marks_says_whose_an_object_is() {
    let ground = Ground::emulated().await;
    let estate = spare::estate(&ground).await;
    estate.apply().await;
    let plan = estate.plan().await;
    let mut wrong = Vec::new();
    for row in KINDS {
        let seen = &plan.seen[&at(&spare::address(row))];
        let told = owner(&estate.session.connection.aws, row.tags, &seen.id).await;
        let expected = if row.tags == Tags::None { Owned::Unknown } else { Owned::By("hostedehr".into()) };
        if !told.as_ref().is_ok_and(|told| *told == expected) {
            wrong.push(format!("{} {}: {told:?}", row.name, seen.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// An alarm, a trail, an association, a vault, a backup plan and a report plan as somebody makes them at the console; by kind, their ids.
async fn by_hand(aws: &Aws) -> [(&'static str, String); 6] {
    use aws_sdk_backup::types as bk;
    let alarm = aws.cloudwatch.put_metric_alarm().alarm_name("hostedehr-hand").namespace("AWS/RDS").metric_name("CPUUtilization");
    let alarm = alarm.statistic(aws_sdk_cloudwatch::types::Statistic::Average).period(300).evaluation_periods(1).threshold(90.0);
    let above = aws_sdk_cloudwatch::types::ComparisonOperator::GreaterThanThreshold;
    alarm.comparison_operator(above).send().await.expect("an alarm");
    aws.s3.create_bucket().bucket("hostedehr-hand").send().await.expect("a bucket");
    let trail = aws.cloudtrail.create_trail().name("hostedehr-hand").s3_bucket_name("hostedehr-hand").send().await.expect("a trail");
    let association = aws.ssm.create_association().name("AWS-RunPatchBaseline").association_name("hostedehr-hand");
    let association = association.schedule_expression("rate(1 day)").send().await.expect("an association").association_description;
    aws.backup.create_backup_vault().backup_vault_name("by-hand").send().await.expect("a vault");
    let rule =
        bk::BackupRuleInput::builder().rule_name("daily").target_backup_vault_name("by-hand").schedule_expression("cron(0 1 * * ? *)");
    let rules = bk::BackupPlanInput::builder().backup_plan_name("by-hand").rules(rule.build().expect("a rule")).build().expect("a plan");
    let plan = aws.backup.create_backup_plan().backup_plan(rules).send().await.expect("a backup plan");
    let channel = bk::ReportDeliveryChannel::builder().s3_bucket_name("hostedehr-hand").build().expect("a channel");
    let setting = bk::ReportSetting::builder().report_template("BACKUP_JOB_REPORT").build().expect("a setting");
    let report = aws.backup.create_report_plan().report_plan_name("by_hand").report_delivery_channel(channel).report_setting(setting);
    report.send().await.expect("a report plan");
    [
        ("alarm", "hostedehr-hand".into()),
        ("trail", trail.trail_arn.expect("an ARN")),
        ("association", association.and_then(|one| one.association_id).expect("an id")),
        ("backup_vault", "by-hand".into()),
        ("backup_plan", plan.backup_plan_id.expect("an id")),
        ("report_plan", "by_hand".into()),
    ]
}

#[tokio::test]
async fn what_watches_and_what_backs_up_can_be_taken_over_too() {
    let ground = Ground::emulated().await;
    let mut estate = ground.estate("hostedehr", "hostedehr.org", Default::default()).await;
    let mut other = ground.estate("other", OTHER_ZONE, Default::default()).await;
    let example = spare::wishes();
    for (address, wish) in &example {
        let kind = wish.kind.name;
        if ["aws.alarm", "aws.trail", "aws.association", "aws.backup_vault", "aws.backup_plan", "aws.report_plan"].contains(&kind)
            && address.as_str().starts_with("spare.")
        {
            estate.wishes.insert(address.clone(), wish.clone());
            other.wishes.insert(address.clone(), wish.clone());
        }
    }
    let aws = estate.session.connection.aws.clone();
    for (kind, id) in by_hand(&aws).await {
        let address = format!("spare.{kind}");
        // What its name would hide from the other stack is refused there; the rest is nobody's until it is taken.
        adopt(&estate, &address, &id).await.unwrap_or_else(|error| panic!("{address}: {error}"));
        let seen = estate.live().await.into_iter().find(|one| one.id == id).unwrap_or_else(|| panic!("{address} is not found again"));
        assert_eq!(seen.marks.address, Some(at(&address)));
        let refused = adopt(&other, &address, &id).await.expect_err("it is owned").to_string();
        assert!(refused.contains("owned by the stack hostedehr"), "{address}: {refused}");
        let twice = adopt(&estate, &address, &id).await.expect_err("it is live already");
        assert!(matches!(twice, Error::NotAdopted(_)), "{twice}");
    }
    // Ours are found by how their names begin: what would not be found again is not marked.
    let more = aws.cloudwatch.put_metric_alarm().alarm_name("somebodys").namespace("AWS/RDS").metric_name("CPUUtilization").period(300);
    let above = aws_sdk_cloudwatch::types::ComparisonOperator::GreaterThanThreshold;
    let more =
        more.statistic(aws_sdk_cloudwatch::types::Statistic::Average).evaluation_periods(1).threshold(90.0).comparison_operator(above);
    more.send().await.expect("an alarm");
    let mut fresh = ground.estate("third", OTHER_ZONE, Default::default()).await;
    fresh.wishes.insert(at("spare.alarm"), example[&at("spare.alarm")].clone());
    let refused = adopt(&fresh, "spare.alarm", "somebodys").await.expect_err("its name is not ours").to_string();
    assert!(refused.contains("begin with `third-`"), "{refused}");
}

/// Settings that are always there are adopted: marked, set, and left alone afterwards.
#[tokio::test]
async fn what_is_always_there_is_adopted_unless_another_stack_has_it() {
    let ground = Ground::emulated().await;
    let mut estate = ground.estate("hostedehr", "hostedehr.org", Default::default()).await;
    wish(&mut estate.wishes, "net.vpc", "aws.vpc", &json!({ "cidr_block": "10.9.0.0/16" }));
    estate.apply().await;
    wish(&mut estate.wishes, "net.group", "aws.default_security_group", &json!({ "vpc": "${ref(\"net.vpc\")}" }));
    wish(&mut estate.wishes, "net.acl", "aws.default_network_acl", &json!({ "vpc": "${ref(\"net.vpc\")}" }));
    wish(&mut estate.wishes, "net.defaults", "aws.ec2_defaults", &json!({}));
    let plan = estate.plan().await;
    let told: Vec<_> = plan.changes().map(|one| (one.address.as_str(), one.action)).collect();
    assert_eq!(told, [("net.acl", Verb::Adopt), ("net.defaults", Verb::Adopt), ("net.group", Verb::Adopt)]);
    let group = plan.seen[&at("net.group")].id.clone();

    // Another stack's mark is respected.
    let ec2 = estate.session.connection.aws.ec2.clone();
    let tag = |value: &str| Tag::builder().key("reeve:stack").value(value).build();
    ec2.create_tags().resources(&group).tags(tag("other")).send().await.expect("a tag");
    assert!(matches!(estate.session.check(&plan).await, Err(Error::Stale(_))), "a plan from before is stale");
    let plan = estate.plan().await;
    let refusal = plan.refusals.iter().find(|one| one.address == at("net.group")).expect("it is refused");
    assert!(refusal.reason.contains("the stack other"), "{refusal:?}");
    assert!(plan.changes().all(|one| one.address != at("net.group")), "{:#?}", changes(&plan));

    ec2.delete_tags().resources(&group).tags(Tag::builder().key("reeve:stack").build()).send().await.expect("a tag goes");
    estate.apply().await;
    estate.is_converged().await;
    for address in ["net.group", "net.acl"] {
        assert_eq!(estate.object(address).await.marks.address, Some(at(address)), "it is marked");
    }
    let left = ec2.describe_security_groups().group_ids(&group).send().await.expect("the group");
    assert!(left.security_groups()[0].ip_permissions().is_empty(), "it is closed");

    // From then on it is one of ours: what moves is drift, and is put back.
    let rule = aws_sdk_ec2::types::IpPermission::builder().ip_protocol("-1");
    let rule = rule.ip_ranges(aws_sdk_ec2::types::IpRange::builder().cidr_ip("0.0.0.0/0").build()).build();
    ec2.authorize_security_group_ingress().group_id(&group).ip_permissions(rule).send().await.expect("a rule by hand");
    let plan = estate.plan().await;
    let told: Vec<_> = plan.changes().map(|one| (one.address.as_str(), one.action, one.cause.clone())).collect();
    assert_eq!(told, [("net.group", Verb::Update, [reeve::model::edit::Cause::Drift].into())]);
}
