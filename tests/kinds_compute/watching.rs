//! Log groups, topics, subscriptions, trails, alarms.

use reeve::kinds::Kind;
use reeve::kinds::aws::alarm::Alarm;
use reeve::kinds::aws::log_group::LogGroup;
use reeve::kinds::aws::subscription::Subscription;
use reeve::kinds::aws::topic::Topic;
use reeve::kinds::aws::trail::Trail;
use serde_json::{Value, json};

use crate::harness::{all, change, drop, is, make, spec, stack};

async fn key(cx: &reeve::planes::Aws) -> String {
    cx.kms.create_key().send().await.unwrap().key_metadata.unwrap().arn.unwrap()
}

#[tokio::test]
async fn a_log_group_goes_round() {
    let (cx, other) = (stack("logs-round").await, stack("logs-round-b").await);
    let bare: LogGroup = spec(json!({}));
    make(&other, "fleet.log_group", &bare).await;
    let id = make(&cx, "fleet.log_group", &bare).await;
    assert_eq!(id, "/reeve/logs-round/fleet.log_group");
    is(&cx, &id, &bare).await;
    let waf: LogGroup =
        spec(json!({ "log_group_name": "aws-waf-logs-logs-round-edge", "retention_in_days": 365, "kms_key": key(&cx).await }));
    let second = make(&cx, "edge.web_acl_log_group", &waf).await;
    is(&cx, &second, &waf).await;
    assert_eq!(all::<LogGroup>(&cx).await.len(), 2);
    let next: LogGroup = spec(json!({ "retention_in_days": 731, "kms_key": key(&cx).await }));
    change(&cx, "fleet.log_group", &id, &bare, &next).await;
    change(&cx, "fleet.log_group", &id, &next, &bare).await;
    drop(&cx, "fleet.log_group", &id, &bare).await;
    drop(&cx, "edge.web_acl_log_group", &second, &waf).await;
    assert!(!spec::<LogGroup>(json!({ "retention_in_days": 100 })).check().is_empty());
}

fn tls_only(arn: &str) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Deny", "Principal": "*", "Action": "sns:Publish", "Resource": arn,
        "Condition": { "Bool": { "aws:SecureTransport": "false" } } }] })
}

#[tokio::test]
async fn a_topic_and_its_subscription_go_round() {
    let (cx, other) = (stack("topic-round").await, stack("topic-round-b").await);
    let bare: Topic = spec(json!({}));
    let theirs = make(&other, "observability.topic", &bare).await;
    make::<Subscription>(&other, "observability.subscription", &spec(json!({ "topic": theirs, "endpoint": "b@example.org" }))).await;
    let id = make(&cx, "observability.topic", &bare).await;
    is(&cx, &id, &bare).await;
    let next: Topic = spec(json!({ "kms_master_key": key(&cx).await, "policy": tls_only(&id) }));
    change(&cx, "observability.topic", &id, &bare, &next).await;
    let whole = make(&cx, "observability.second", &spec::<Topic>(json!({ "policy": tls_only("*") }))).await;
    is(&cx, &whole, &spec::<Topic>(json!({ "policy": tls_only("*") }))).await;
    assert_eq!(all::<Topic>(&cx).await.len(), 2);

    let mail: Subscription = spec(json!({ "topic": id, "endpoint": "ops@example.org" }));
    let told = make(&cx, "observability.subscription", &mail).await;
    is(&cx, &told, &mail).await;
    assert_eq!(all::<Subscription>(&cx).await.len(), 1);
    drop(&cx, "observability.subscription", &told, &mail).await;
    change(&cx, "observability.topic", &id, &next, &bare).await;
    drop(&cx, "observability.topic", &id, &bare).await;
}

#[tokio::test]
async fn a_trail_goes_round() {
    let (cx, other) = (stack("trail-round").await, stack("trail-round-b").await);
    for bucket in ["trail-round-files", "trail-round-more"] {
        cx.s3.create_bucket().bucket(bucket).send().await.unwrap();
    }
    let bare: Trail = spec(json!({ "s3_bucket": "trail-round-files" }));
    make(&other, "observability.trail", &bare).await;
    let id = make(&cx, "observability.trail", &bare).await;
    is(&cx, &id, &bare).await;
    let group = make::<LogGroup>(&cx, "observability.trail_log_group", &spec(json!({}))).await;
    let next: Trail = spec(json!({
        "s3_bucket": "trail-round-more", "cloud_watch_logs_log_group": group, "kms_key": key(&cx).await,
        "cloud_watch_logs_role": "arn:aws:iam::123456789012:role/trail", "logging": false,
    }));
    change(&cx, "observability.trail", &id, &bare, &next).await;
    change(&cx, "observability.trail", &id, &next, &bare).await;
    assert_eq!(all::<Trail>(&cx).await.len(), 1);
    drop(&cx, "observability.trail", &id, &bare).await;
}

#[tokio::test]
async fn an_alarm_goes_round() {
    let (cx, other) = (stack("alarm-round").await, stack("alarm-round-b").await);
    let want: Alarm = spec(json!({
        "namespace": "AWS/RDS", "metric_name": "CPUUtilization", "dimensions": { "DBInstanceIdentifier": "db" }, "threshold": 90,
        "evaluation_periods": 3, "alarm_description": "The database is busy.\nRaise its class.",
        "alarm_actions": ["arn:aws:sns:us-east-1:123456789012:t"],
    }));
    make(&other, "observability.alarm/cpu", &want).await;
    let id = make(&cx, "observability.alarm/cpu", &want).await;
    is(&cx, &id, &want).await;
    let next: Alarm = spec(json!({
        "namespace": "AWS/RDS", "metric_name": "FreeStorageSpace", "threshold": 1.5e9, "statistic": "Minimum", "period": 60,
        "comparison_operator": "LessThanThreshold", "treat_missing_data": "breaching", "ok_actions": ["arn:aws:sns:us-east-1:123456789012:t"],
    }));
    change(&cx, "observability.alarm/cpu", &id, &want, &next).await;
    let mut marks = all::<Alarm>(&cx).await.remove(0).marks;
    marks.protect = true;
    Alarm::mark(&cx, &id, &marks).await.unwrap();
    assert_eq!(all::<Alarm>(&cx).await.remove(0).marks, marks);
    is(&cx, &id, &next).await;
    drop(&cx, "observability.alarm/cpu", &id, &next).await;
}

#[tokio::test]
async fn a_description_of_somebodys_own_loses_no_alarm() {
    let (cx, other) = (stack("alarm-edited").await, stack("alarm-edited-b").await);
    let want: Alarm =
        spec(json!({ "namespace": "AWS/RDS", "metric_name": "CPUUtilization", "threshold": 90, "alarm_description": "busy" }));
    // Its name begins as ours do; its description says whose it is.
    make(&other, "observability.cpu", &want).await;
    let id = make(&cx, "observability.cpu", &want).await;
    let marks = reeve::model::Marks { protect: true, ..all::<Alarm>(&cx).await.remove(0).marks };
    Alarm::mark(&cx, &id, &marks).await.unwrap();
    let edit =
        cx.cloudwatch.put_metric_alarm().alarm_name(&id).alarm_description("call Ann").namespace("AWS/RDS").metric_name("CPUUtilization");
    let edit = edit.statistic("Average".into()).period(300).evaluation_periods(1).threshold(90.0).treat_missing_data("missing");
    edit.comparison_operator("GreaterThanThreshold".into()).send().await.unwrap();

    let found = all::<Alarm>(&cx).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].marks, marks, "the tags say it too");
    let edited: Alarm =
        spec(json!({ "namespace": "AWS/RDS", "metric_name": "CPUUtilization", "threshold": 90, "alarm_description": "call Ann" }));
    is(&cx, &id, &edited).await;
    change(&cx, "observability.cpu", &id, &edited, &want).await;
    is(&cx, &id, &want).await;
}

#[tokio::test]
async fn an_alarm_of_somebody_else_is_not_written_over() {
    let cx = stack("alarm-foreign").await;
    let call = cx
        .cloudwatch
        .put_metric_alarm()
        .alarm_name("alarm-foreign-observability-theirs")
        .namespace("AWS/EC2")
        .metric_name("CPUUtilization");
    let call = call.statistic("Average".into()).period(60).evaluation_periods(1).threshold(1.0);
    call.comparison_operator("GreaterThanThreshold".into()).send().await.unwrap();
    assert!(all::<Alarm>(&cx).await.is_empty());
    let new = reeve::kinds::New {
        address: reeve::model::Address::parse("observability.theirs").unwrap(),
        want: spec::<Alarm>(json!({ "namespace": "AWS/RDS", "metric_name": "CPUUtilization", "threshold": 90 })),
        marks: reeve::model::Marks::default(),
        token: String::new(),
        naming: reeve::kinds::Naming { stack: "alarm-foreign".into(), salt: String::new() },
    };
    let error = Alarm::create(&cx, &new).await.unwrap_err();
    assert_eq!(error.class, reeve::planes::Class::AlreadyExists);
    assert!(error.message.contains("alarm-foreign-observability-theirs is there already"), "{error}");
}
