//! Database servers and what belongs to them.

use reeve::kinds::aws::db_event_subscription::DbEventSubscription;
use reeve::kinds::aws::db_instance::DbInstance;
use reeve::kinds::aws::db_parameter_group::DbParameterGroup;
use reeve::kinds::aws::db_subnet_group::DbSubnetGroup;
use reeve::kinds::aws::topic::Topic;
use reeve::kinds::{Change, Kind};
use reeve::planes::Class;
use serde_json::{Value, json};

use crate::support::{Life, account, network, wish};

fn with(base: &Value, more: Value) -> Value {
    let mut all = base.clone();
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

#[tokio::test]
async fn a_server_and_its_groups_live() {
    let aws = account("db").await;
    let net = network(&aws).await;
    let [subnets, parameters, server] =
        ["database.subnets", "database.parameters", "database.server"].map(|address| Life { aws: &aws, address });

    let group = subnets
        .lives::<DbSubnetGroup>(&[
            wish(json!({ "subnets": net.subnets[..2] })),
            wish(json!({ "subnets": net.subnets, "db_subnet_group_description": "all three" })),
        ])
        .await;
    let settings = parameters
        .lives::<DbParameterGroup>(&[
            wish(json!({ "db_parameter_group_family": "mariadb10.11", "parameters": { "require_secure_transport": "1" } })),
            wish(json!({ "db_parameter_group_family": "mariadb10.11", "parameters": {
                "require_secure_transport": "1", "max_connections": "500", "character_set_server": "utf8mb4" } })),
            wish(json!({ "db_parameter_group_family": "mariadb10.11", "parameters": { "max_connections": "600" } })),
        ])
        .await;
    let key = aws.kms.create_key().send().await.unwrap().key_metadata.unwrap().arn.unwrap();
    let base = json!({
        "engine": "mariadb", "engine_version": "10.11", "db_instance_class": "db.r6g.large", "allocated_storage": 100,
        "max_allocated_storage": 1000, "kms_key": key, "db_subnet_group": group.id, "db_parameter_group": settings.id,
        "vpc_security_groups": [net.groups[0]], "performance_insights_kms_key": key,
    });
    let made = server
        .lives::<DbInstance>(&[
            wish(base.clone()),
            wish(with(
                &base,
                json!({
                    "db_instance_class": "db.r6g.xlarge", "allocated_storage": 200, "max_allocated_storage": 2000, "port": 3308,
                    "vpc_security_groups": [net.groups[1]], "backup_retention_period": 14, "multi_az": false,
                    "enable_cloudwatch_logs_exports": ["error", "audit"], "copy_tags_to_snapshot": false,
                    "deletion_protection": true, "auto_minor_version_upgrade": false, "enable_iam_database_authentication": false,
                    "preferred_backup_window": "03:00-04:00", "preferred_maintenance_window": "sun:05:00-sun:06:00",
                    "performance_insights_retention_period": 93, "ca_certificate_identifier": "rds-ca-rsa4096-g1",
                    "monitoring_interval": 60, "monitoring_role": "arn:aws:iam::123456789012:role/reeve/db/monitoring",
                }),
            )),
            wish(with(
                &base,
                json!({ "allocated_storage": 50, "enable_performance_insights": false,
                "performance_insights_kms_key": null }),
            )),
        ])
        .await;
    // Where RDS writes its logs, by the server's own name.
    let live = server.live::<DbInstance>(&made.id).await.unwrap().shape;
    let groups: Vec<&str> = live.log_groups.iter().map(|group| group.id()).collect();
    assert_eq!(groups, ["error", "slowquery"].map(|log| format!("/aws/rds/instance/{}/{log}", made.id)));
    server.dies::<DbInstance>(&made.id).await;
    let snapshots = aws.rds.describe_db_snapshots().db_instance_identifier(&made.id).send().await.unwrap();
    let names: Vec<&str> = snapshots.db_snapshots().iter().filter_map(|s| s.db_snapshot_identifier()).collect();
    assert!(names.iter().any(|name| name.contains("-final-")), "{names:?}");
    subnets.dies::<DbSubnetGroup>(&group.id).await;
    parameters.dies::<DbParameterGroup>(&settings.id).await;
}

#[tokio::test]
async fn log_groups_that_are_not_the_servers_own_are_named_and_not_called_done() {
    let aws = account("db-logs").await;
    let net = network(&aws).await;
    let group = Life { aws: &aws, address: "database.subnets" }.create::<DbSubnetGroup>(&wish(json!({ "subnets": net.subnets }))).await.id;
    let server = Life { aws: &aws, address: "database.server" };
    let base = json!({
        "engine": "mariadb", "engine_version": "10.11", "db_instance_class": "db.r6g.large", "allocated_storage": 100,
        "db_subnet_group": group, "vpc_security_groups": [net.groups[0]],
    });
    let made = server.create::<DbInstance>(&wish(base.clone())).await;
    let have = server.live::<DbInstance>(&made.id).await.unwrap().shape;
    let log_groups = |names: serde_json::Value| Change {
        address: reeve::model::Address::parse("database.server").unwrap(),
        id: made.id.clone(),
        attributes: std::collections::BTreeMap::new(),
        have: have.clone(),
        want: wish::<DbInstance>(with(&base, json!({ "log_groups": names }))),
        fields: ["log_groups".to_owned()].into(),
        marks: server.marks(),
        token: "change".into(),
    };
    let error = DbInstance::update(&aws, &log_groups(json!(["/aws/rds/instance/other/error"]))).await.unwrap_err();
    assert!(error.message.contains(&format!("RDS writes to /aws/rds/instance/{}/error", made.id)), "{error}");
    let own: Vec<&str> = have.log_groups.iter().map(|group| group.id()).collect();
    DbInstance::update(&aws, &log_groups(json!(own))).await.expect("one that was made anew has the same name");
}

#[tokio::test]
async fn the_name_of_a_server_that_is_being_deleted_is_waited_for() {
    let aws = account("db-going").await;
    let net = network(&aws).await;
    let group = Life { aws: &aws, address: "database.subnets" }.create::<DbSubnetGroup>(&wish(json!({ "subnets": net.subnets }))).await.id;
    let server = Life { aws: &aws, address: "database.server" };
    let want: DbInstance = wish(json!({
        "engine": "mariadb", "engine_version": "10.11", "db_instance_class": "db.r6g.large", "allocated_storage": 100,
        "db_subnet_group": group, "vpc_security_groups": [net.groups[0]],
    }));
    let made = server.create(&want).await;
    assert_eq!(server.tries(&want).await.unwrap_err().class, Class::AlreadyExists, "it stands");
    let off = aws.rds.modify_db_instance().db_instance_identifier(&made.id).deletion_protection(false);
    off.send().await.unwrap();
    let begun = std::time::Instant::now();
    aws.rds.delete_db_instance().db_instance_identifier(&made.id).skip_final_snapshot(true).send().await.unwrap();
    assert!(server.live::<DbInstance>(&made.id).await.is_none(), "what is going is not there for a plan");
    for tries in 0..200 {
        match server.tries(&want).await {
            Err(error) if error.class == Class::InUse => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            again => {
                assert_eq!(again.unwrap().id, made.id);
                assert!(tries > 0 || begun.elapsed().as_millis() > 400, "a name that is held was given away");
                return;
            }
        }
    }
    panic!("its name never becomes free");
}

#[tokio::test]
async fn an_event_subscription_lives() {
    let aws = account("db-events").await;
    let topic = Life { aws: &aws, address: "observability.topic" }.create::<Topic>(&wish(json!({}))).await.id;
    let foreign = aws.sns.create_topic().name("db-events-by-hand").send().await.unwrap().topic_arn.unwrap();
    let life = Life { aws: &aws, address: "database.events/instance" };
    let want: DbEventSubscription =
        wish(json!({ "sns_topic": topic, "source_type": "db-instance", "event_categories": ["failure", "maintenance"] }));
    let made = life
        .lives::<DbEventSubscription>(&[
            wish(json!({ "sns_topic": topic, "source_type": "db-instance", "event_categories": ["deletion"], "enabled": false })),
            want.clone(),
        ])
        .await;
    // Of one address, what is about something else stands beside it until it goes.
    let other: DbEventSubscription = wish(json!({ "sns_topic": topic, "source_type": "db-parameter-group" }));
    assert_ne!(life.create(&other).await.id, made.id);

    // One about every type of source, and one about a type that is new: nothing that the YAML could say, and no obstacle to reading the others.
    for (name, source) in [("db-events-everything", None), ("db-events-newest", Some("db-something-new"))] {
        let by_hand =
            aws.rds.create_event_subscription().subscription_name(name).sns_topic_arn(&topic).set_source_type(source.map(str::to_owned));
        by_hand.enabled(true).send().await.unwrap();
        assert!(life.live::<DbEventSubscription>(name).await.is_none());
    }
    assert!(life.live::<DbEventSubscription>(&made.id).await.is_some());

    // Someone has it tell another topic: it is not ours to read any more, and made again it is had back.
    aws.rds.modify_event_subscription().subscription_name(&made.id).sns_topic_arn(&foreign).send().await.unwrap();
    assert!(life.live::<DbEventSubscription>(&made.id).await.is_none());
    assert_eq!(life.create(&want).await.id, made.id);
    assert_eq!(life.live::<DbEventSubscription>(&made.id).await.unwrap().shape, want);
    life.dies::<DbEventSubscription>(&made.id).await;

    // What bears its name and not its tags is somebody else's.
    let by_hand = aws.rds.create_event_subscription().subscription_name(&made.id).sns_topic_arn(&foreign);
    by_hand.source_type("db-instance").enabled(true).send().await.unwrap();
    assert_eq!(life.tries(&want).await.unwrap_err().class, Class::AlreadyExists);
    let left = aws.rds.describe_event_subscriptions().subscription_name(&made.id).send().await.unwrap();
    assert_eq!(left.event_subscriptions_list()[0].sns_topic_arn(), Some(foreign.as_str()));
}

#[test]
fn what_cannot_be_is_refused_with_the_field() {
    let spec = json!({
        "engine": "mariadb", "engine_version": "10.11", "db_instance_class": "db.r6g.large", "allocated_storage": 100,
        "max_allocated_storage": 100, "db_subnet_group": "g", "vpc_security_groups": ["sg-1"], "monitoring_interval": 7,
        "master_username": "root",
    });
    let server: DbInstance = serde_json::from_value(spec.clone()).unwrap();
    let fields: Vec<String> = reeve::kinds::Kind::check(&server).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["master_username", "max_allocated_storage", "monitoring_interval", "monitoring_role"]);
    // A limit is a tenth more than the disk, at least.
    for (limit, wrong) in [(109, true), (110, false)] {
        let near: DbInstance = serde_json::from_value(with(
            &spec,
            json!({ "max_allocated_storage": limit, "master_username": "me", "monitoring_interval": 0 }),
        ))
        .unwrap();
        assert_eq!(reeve::kinds::Kind::check(&near).iter().any(|(field, _)| field == "max_allocated_storage"), wrong, "{limit}");
    }
    let wrong = serde_json::from_value::<DbInstance>(with(&spec, json!({ "engine": "oracle" }))).unwrap_err().to_string();
    assert!(wrong.contains("mariadb") && wrong.contains("mysql"), "{wrong}");
}
