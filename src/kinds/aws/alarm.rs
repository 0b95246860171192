//! A CloudWatch alarm on one metric.
//!
//! API: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>.
//! Is found again by the beginning of its name (`STACK-`) and by its marks, which stand on the last line of its description: so all alarms
//! are read by one call. The tags say the same, and are asked for where somebody wrote a description of their own over ours. Knows one metric and
//! one statistic: an alarm of ours that somebody made one on a percentile, on metric math or on some of its periods only reads as `statistic: other`,
//! and is put right. Does not touch composite alarms.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::support::{described, found_by_name, side_by_side, yes};
use super::topic::Topic;
use crate::kinds::{Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::Marks;
use crate::model::field::{Ref, Text};
use crate::planes::Aws;
use crate::planes::error::{Absent, Class, Error, Result};
use aws_sdk_cloudwatch::types as sdk;

/// An alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alarm {
    /// What it means and what to do, at most 500 characters. Default: empty.
    #[serde(default)]
    pub alarm_description: String,
    /// The metric's namespace: `AWS/RDS`.
    pub namespace: String,
    /// The metric.
    pub metric_name: String,
    /// Which object the metric is of: dimension to value. Default: none.
    #[serde(default)]
    pub dimensions: BTreeMap<String, Text>,
    /// How the values of a period become one. Default: Average.
    #[serde(default)]
    pub statistic: Statistic,
    /// Length of a period in seconds: 10, 30 or a multiple of 60. Default: 300.
    #[serde(default = "five_minutes")]
    pub period: i32,
    /// How many periods are looked at. Default: 1.
    #[serde(default = "one")]
    pub evaluation_periods: i32,
    /// How the value compares with the threshold when there is cause for alarm. Default: GreaterThanThreshold.
    #[serde(default)]
    pub comparison_operator: Comparison,
    /// The threshold, in the metric's unit.
    pub threshold: f64,
    /// What a period without values means. Default: missing.
    #[serde(default)]
    pub treat_missing_data: Missing,
    /// Its topics are told; without, it only changes its state. Default: true.
    #[serde(default = "yes")]
    pub actions_enabled: bool,
    /// Topics that are told of the alarm. Default: none.
    #[serde(default)]
    pub alarm_actions: BTreeSet<Ref<Topic>>,
    /// Topics that are told when it is over. Default: none.
    #[serde(default)]
    pub ok_actions: BTreeSet<Ref<Topic>>,
}

fn five_minutes() -> i32 {
    300
}
fn one() -> i32 {
    1
}

/// How the values of a period become one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)] // the API's own words
pub enum Statistic {
    #[default]
    Average,
    Maximum,
    Minimum,
    SampleCount,
    Sum,
    /// What only somebody else can have written: no wish is it.
    #[serde(rename = "other")]
    #[schemars(skip)]
    Other,
}

/// How a value compares with the threshold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, clippy::enum_variant_names)] // the API's own words
pub enum Comparison {
    GreaterThanOrEqualToThreshold,
    #[default]
    GreaterThanThreshold,
    LessThanOrEqualToThreshold,
    LessThanThreshold,
    /// What only somebody else can have written: no wish is it.
    #[serde(rename = "other")]
    #[schemars(skip)]
    Other,
}

/// What a period without values means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Missing {
    /// Cause for alarm.
    Breaching,
    /// All is well.
    NotBreaching,
    /// The state stays.
    Ignore,
    /// Not enough is known.
    #[default]
    Missing,
}

impl Named for Alarm {
    const NAME: &'static str = "aws.alarm";
}

impl Kind for Alarm {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html";
    const TAGS: Tags = Tags::Alarm;
    const NAME_LIMIT: usize = 255;
    const ATTRIBUTES: &'static [&'static str] = &["arn"];

    fn check(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        if self.statistic == Statistic::Other {
            wrong.push(("statistic".into(), "is Average, Maximum, Minimum, SampleCount or Sum".into()));
        }
        if self.comparison_operator == Comparison::Other {
            wrong.push(("comparison_operator".into(), "compares with a threshold: GreaterThanThreshold, for one".into()));
        }
        if ![10, 30].contains(&self.period) && (self.period < 60 || self.period % 60 != 0) {
            wrong.push(("period".into(), "is 10, 30 or a multiple of 60 seconds".into()));
        }
        if self.evaluation_periods < 1 {
            wrong.push(("evaluation_periods".into(), "is at least 1".into()));
        }
        if self.alarm_description.chars().count() > 500 {
            wrong.push(("alarm_description".into(), "has at most 500 characters".into()));
        }
        wrong
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let call =
            cx.cloudwatch.describe_alarms().alarm_types(sdk::AlarmType::MetricAlarm).alarm_name_prefix(format!("{}-", cx.estate.stack));
        let mut pages = call.max_records(100).into_paginator().send();
        let mut alarms = Vec::new();
        while let Some(page) = pages.next().await {
            alarms.extend(page?.metric_alarms.unwrap_or_default());
        }
        let marked = side_by_side(alarms.iter().map(|alarm| async move { Ok::<_, Error>((alarm, marks_of(cx, alarm).await?)) })).await?;
        let ours = marked.into_iter().filter_map(|(alarm, marks)| Some((alarm, marks?)));
        let live = ours.map(|(alarm, marks)| {
            let id = alarm.alarm_name().unwrap_or_default().to_owned();
            let attributes = attributes([("arn", alarm.alarm_arn().unwrap_or_default())]);
            Live { id, attributes, shape: Self::read(cx, alarm), marks, made_at: String::new() }
        });
        Ok(live.collect())
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let id = new.name(Self::NAME_LIMIT);
        // The call writes over an alarm of that name, whoever made it.
        if find(cx, &id).await.is_ok() {
            let message = format!("an alarm named {id} is there already");
            return Err(Error { code: "AlarmExists".into(), ..Error::new(Class::AlreadyExists, "cloudwatch.PutMetricAlarm", message) });
        }
        put(cx, &id, &new.want, &new.marks).set_tags(Some(tags(&new.marks))).send().await?;
        Ok(Made { attributes: attributes([("arn", &arn(cx, &id))]), id })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        put(cx, &change.id, &change.want, &change.marks).send().await?;
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        // Deleting several at once fails as a whole when one is not there; one alone does not.
        cx.cloudwatch.delete_alarms().alarm_names(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        find(cx, id).await?;
        Ok(Ready::Yes(attributes([("arn", &arn(cx, id))])))
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        found_by_name(cx, "cloudwatch.PutMetricAlarm", id)?;
        let now = find(cx, id).await?;
        // Of an alarm that is there, PutMetricAlarm leaves the tags as they are.
        futures::try_join!(async { Ok::<_, Error>(put_again(cx, now, marks).send().await?) }, async {
            Ok(cx.cloudwatch.tag_resource().resource_arn(arn(cx, id)).set_tags(Some(tags(marks))).send().await?)
        },)?;
        Ok(())
    }
}

impl Alarm {
    fn read(cx: &Aws, alarm: &sdk::MetricAlarm) -> Self {
        let some_periods = alarm.datapoints_to_alarm().is_some_and(|some| Some(some) != alarm.evaluation_periods());
        let statistic = known(alarm.statistic().map(sdk::Statistic::as_str)).filter(|_| !some_periods && alarm.unit().is_none());
        Self {
            alarm_description: described::split(cx, alarm.alarm_description().unwrap_or_default()).0.to_owned(),
            namespace: alarm.namespace().unwrap_or_default().to_owned(),
            metric_name: alarm.metric_name().unwrap_or_default().to_owned(),
            dimensions: alarm.dimensions().iter().filter_map(|d| Some((d.name()?.to_owned(), d.value()?.into()))).collect(),
            statistic: statistic.unwrap_or(Statistic::Other),
            period: alarm.period().unwrap_or_default(),
            evaluation_periods: alarm.evaluation_periods().unwrap_or_default(),
            comparison_operator: known(alarm.comparison_operator().map(sdk::ComparisonOperator::as_str)).unwrap_or(Comparison::Other),
            threshold: alarm.threshold().unwrap_or_default(),
            treat_missing_data: known(alarm.treat_missing_data()).unwrap_or_default(),
            actions_enabled: alarm.actions_enabled().unwrap_or_default(),
            alarm_actions: alarm.alarm_actions().iter().map(Ref::to).collect(),
            ok_actions: alarm.ok_actions().iter().map(Ref::to).collect(),
        }
    }
}

type Put = aws_sdk_cloudwatch::operation::put_metric_alarm::builders::PutMetricAlarmFluentBuilder;

/// The alarm as it is, with these marks: what this kind does not know stays too.
fn put_again(cx: &Aws, now: sdk::MetricAlarm, marks: &Marks) -> Put {
    let words = described::split(cx, now.alarm_description().unwrap_or_default()).0.to_owned();
    cx.cloudwatch
        .put_metric_alarm()
        .set_alarm_name(now.alarm_name)
        .alarm_description(described::with_marks(&words, marks))
        .set_actions_enabled(now.actions_enabled)
        .set_ok_actions(now.ok_actions)
        .set_alarm_actions(now.alarm_actions)
        .set_insufficient_data_actions(now.insufficient_data_actions)
        .set_metric_name(now.metric_name)
        .set_namespace(now.namespace)
        .set_statistic(now.statistic)
        .set_extended_statistic(now.extended_statistic)
        .set_dimensions(now.dimensions)
        .set_period(now.period)
        .set_unit(now.unit)
        .set_evaluation_periods(now.evaluation_periods)
        .set_datapoints_to_alarm(now.datapoints_to_alarm)
        .set_threshold(now.threshold)
        .set_comparison_operator(now.comparison_operator)
        .set_treat_missing_data(now.treat_missing_data)
        .set_evaluate_low_sample_count_percentile(now.evaluate_low_sample_count_percentile)
        .set_metrics(now.metrics.filter(|metrics| !metrics.is_empty()))
        .set_threshold_metric_id(now.threshold_metric_id)
        .set_evaluation_window(now.evaluation_window)
        .set_warm_up_configuration(now.warm_up_configuration)
        .set_evaluation_criteria(now.evaluation_criteria)
        .set_evaluation_interval(now.evaluation_interval)
        .set_action_configuration(now.action_configuration)
}

fn put(cx: &Aws, id: &str, want: &Alarm, marks: &Marks) -> Put {
    let dimensions = want.dimensions.iter().map(|(name, value)| sdk::Dimension::builder().name(name).value(value.as_str()).build());
    let topics = |topics: &BTreeSet<Ref<Topic>>| Some(topics.iter().map(|topic| topic.id().to_owned()).collect());
    cx.cloudwatch
        .put_metric_alarm()
        .alarm_name(id)
        .alarm_description(described::with_marks(&want.alarm_description, marks))
        .namespace(&want.namespace)
        .metric_name(&want.metric_name)
        .set_dimensions(Some(dimensions.collect()))
        .statistic(sdk::Statistic::from(&*word(&want.statistic)))
        .period(want.period)
        .evaluation_periods(want.evaluation_periods)
        .comparison_operator(sdk::ComparisonOperator::from(&*word(&want.comparison_operator)))
        .threshold(want.threshold)
        .treat_missing_data(word(&want.treat_missing_data))
        .actions_enabled(want.actions_enabled)
        .set_alarm_actions(topics(&want.alarm_actions))
        .set_ok_actions(topics(&want.ok_actions))
}

fn tags(marks: &Marks) -> Vec<sdk::Tag> {
    marks.to_tags().into_iter().map(|(key, value)| sdk::Tag::builder().key(key).value(value).build()).collect()
}

/// The marks on the last line of its description, else those in its tags.
async fn marks_of(cx: &Aws, alarm: &sdk::MetricAlarm) -> Result<Option<Marks>> {
    let description = alarm.alarm_description().unwrap_or_default();
    let id = alarm.alarm_name().unwrap_or_default();
    if !described::is_bare(description) {
        return Ok(cx.marks_or_stranger(Alarm::NAME, (id, id), described::pairs(description)));
    }
    let call = cx.cloudwatch.list_tags_for_resource().resource_arn(alarm.alarm_arn().unwrap_or_default());
    // One that is gone by now is nobody's.
    let tags = call.send().await.map_err(Error::from).absent_ok()?.and_then(|out| out.tags).unwrap_or_default();
    Ok(cx.marks_or_stranger(Alarm::NAME, (id, id), tags.iter().filter_map(|tag| Some((tag.key()?, tag.value()?)))))
}

async fn find(cx: &Aws, id: &str) -> Result<sdk::MetricAlarm> {
    let out = cx.cloudwatch.describe_alarms().alarm_names(id).alarm_types(sdk::AlarmType::MetricAlarm).send().await?;
    out.metric_alarms.unwrap_or_default().pop().ok_or_else(|| Error::not_found("cloudwatch.DescribeAlarms", id))
}

/// The API's word for a choice, which is the one that YAML has.
fn word(choice: &impl Serialize) -> String {
    serde_json::to_value(choice).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn known<T: serde::de::DeserializeOwned>(word: Option<&str>) -> Option<T> {
    serde_json::from_value(serde_json::Value::String(word?.to_owned())).ok()
}

fn arn(cx: &Aws, id: &str) -> String {
    format!("arn:{}:cloudwatch:{}:{}:alarm:{id}", cx.estate.partition, cx.estate.region, cx.estate.account)
}
