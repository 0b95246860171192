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
    // Edited by hand, SNS's own policy keeps the name that SNS gave it.
    let text = cx.sns.get_topic_attributes().topic_arn(&id).send().await.unwrap().attributes.unwrap()["Policy"].clone();
    let mut policy: Value = serde_json::from_str(&text).unwrap();
    policy["Statement"][0].as_object_mut().unwrap().remove("Condition");
    let edit = cx.sns.set_topic_attributes().topic_arn(&id).attribute_name("Policy").attribute_value(policy.to_string());
    edit.send().await.unwrap();
    let live = all::<Topic>(&cx).await.into_iter().find(|one| one.id == id).unwrap().shape;
    assert!(live.policy.is_some(), "everybody may publish");
    change(&cx, "observability.topic", &id, &live, &bare).await;
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
async fn a_trail_that_somebody_muted_is_drift_and_is_mended() {
    use aws_sdk_cloudtrail::types::{AdvancedEventSelector, AdvancedFieldSelector, EventSelector, ReadWriteType};

    let cx = stack("trail-muted").await;
    cx.s3.create_bucket().bucket("trail-muted-files").send().await.unwrap();
    let want: Trail = spec(json!({ "s3_bucket": "trail-muted-files" }));
    let id = make(&cx, "observability.trail", &want).await;
    let basic = || EventSelector::builder().read_write_type(ReadWriteType::All).include_management_events(true);
    let advanced = |field: &str, value: &str| {
        let field = AdvancedFieldSelector::builder().field(field).equals(value).build().unwrap();
        AdvancedEventSelector::builder().field_selectors(field).build().unwrap()
    };
    for muted in [
        basic().include_management_events(false),
        basic().read_write_type(ReadWriteType::WriteOnly),
        basic().exclude_management_event_sources("kms.amazonaws.com"),
    ] {
        cx.cloudtrail.put_event_selectors().trail_name(&id).event_selectors(muted.build()).send().await.unwrap();
        let live = all::<Trail>(&cx).await.remove(0).shape;
        assert!(!live.include_management_events);
        change(&cx, "observability.trail", &id, &live, &want).await;
    }
    for (value, everything) in [("Management", true), ("Data", false)] {
        let selectors = advanced("eventCategory", value);
        cx.cloudtrail.put_event_selectors().trail_name(&id).advanced_event_selectors(selectors).send().await.unwrap();
        assert_eq!(all::<Trail>(&cx).await.remove(0).shape.include_management_events, everything, "{value}");
    }
    assert!(!spec::<Trail>(json!({ "s3_bucket": "b", "include_management_events": false })).check().is_empty());
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
async fn an_alarm_that_somebody_made_another_sort_of_is_read_and_put_right() {
    use aws_sdk_cloudwatch::types::{ComparisonOperator, Metric, MetricDataQuery, MetricStat};

    let cx = stack("alarm-sorts").await;
    let want: Alarm =
        spec(json!({ "namespace": "AWS/RDS", "metric_name": "CPUUtilization", "threshold": 90, "alarm_description": "busy" }));
    let mut ids = Vec::new();
    for name in ["percentile", "some", "math", "stops"] {
        ids.push(make(&cx, &format!("observability.alarm/{name}"), &want).await);
    }
    let edit = |id: &str| {
        let call = cx.cloudwatch.put_metric_alarm().alarm_name(id).alarm_description("busy").evaluation_periods(1).threshold(90.0);
        call.treat_missing_data("missing").comparison_operator(ComparisonOperator::GreaterThanThreshold)
    };
    let metric = |id: &str| edit(id).namespace("AWS/RDS").metric_name("CPUUtilization").period(300);
    metric(&ids[0]).extended_statistic("p99").send().await.unwrap();
    metric(&ids[1]).statistic("Average".into()).evaluation_periods(3).datapoints_to_alarm(2).send().await.unwrap();
    let load = Metric::builder().namespace("AWS/RDS").metric_name("CPUUtilization").build();
    let load = MetricDataQuery::builder().id("m").metric_stat(MetricStat::builder().metric(load).period(300).stat("Average").build());
    edit(&ids[2]).metrics(load.return_data(true).build()).send().await.unwrap();
    let stop = "arn:aws:automate:us-east-1:ec2:stop";
    metric(&ids[3]).statistic("Average".into()).alarm_actions(stop).actions_enabled(false).send().await.unwrap();

    for (at, id) in ids.iter().enumerate() {
        let address = format!("observability.alarm/{}", ["percentile", "some", "math", "stops"][at]);
        let live = all::<Alarm>(&cx).await.into_iter().find(|one| &one.id == id).expect("it is read");
        assert_eq!(live.shape.statistic == want.statistic, at == 3, "{:?}", live.shape);
        assert!(live.shape != want);
        // A mark changes nothing else: before its update, and when it retires.
        let before = cx.cloudwatch.describe_alarms().alarm_names(id).send().await.unwrap().metric_alarms.unwrap().remove(0);
        let marks = reeve::model::Marks { protect: true, ..live.marks };
        Alarm::mark(&cx, id, &marks).await.unwrap();
        let after = cx.cloudwatch.describe_alarms().alarm_names(id).send().await.unwrap().metric_alarms.unwrap().remove(0);
        let settings = |alarm: &aws_sdk_cloudwatch::types::MetricAlarm| {
            format!("{:?} {:?} {:?}", alarm.extended_statistic, alarm.metrics, alarm.datapoints_to_alarm)
        };
        assert_eq!(settings(&before), settings(&after));
        change(&cx, &address, id, &live.shape, &want).await;
    }
    // An alarm's action need not be a topic, and SNS does not even take the question.
    assert!(Topic::ready(&cx, stop).await.unwrap_err().is_not_found());
    assert!(!spec::<Alarm>(json!({ "namespace": "a", "metric_name": "b", "threshold": 1, "statistic": "other" })).check().is_empty());
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
