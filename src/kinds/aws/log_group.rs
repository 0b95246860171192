//! A CloudWatch Logs group: where logs go, under which key, and for how long.
//!
//! API: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html>.
//! Is found again by the beginnings of its name: `/reeve/STACK/`, `aws-waf-logs-STACK-` (WAF asks for that one) and
//! `/aws/rds/instance/STACK-` (which RDS writes to). Does not touch streams, filters and subscriptions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::key::Key;
use super::support::side_by_side;
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::Marks;
use crate::model::field::{Ref, Text};
use crate::planes::Aws;
use crate::planes::error::{Absent, Class, Error, Result};
use aws_sdk_cloudwatchlogs::types as sdk;

/// A log group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogGroup {
    /// Its name, which begins with `/reeve/STACK/`, `aws-waf-logs-STACK-` or `/aws/rds/instance/STACK-`. Default:
    /// `/reeve/STACK/ADDRESS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-replace" = true))]
    pub log_group_name: Option<Text>,
    /// For how many days events are kept; one of the numbers that the API takes. Default: 2192 (six years).
    #[serde(default = "six_years")]
    pub retention_in_days: i32,
    /// The key that encrypts it; its policy has to let the service `logs.REGION.amazonaws.com` use it. Default: AWS's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<Ref<Key>>,
}

fn six_years() -> i32 {
    2192
}

const DAYS: [i32; 22] = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

impl Named for LogGroup {
    const NAME: &'static str = "aws.log_group";
}

impl Kind for LogGroup {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html";
    const TAGS: Tags = Tags::Logs;
    const ATTRIBUTES: &'static [&'static str] = &["arn", "name"];
    const STATEFUL: bool = true;
    const MANY_CALLS: bool = true;

    fn check(&self) -> Vec<(String, String)> {
        if DAYS.contains(&self.retention_in_days) {
            return Vec::new();
        }
        let days = DAYS.map(|days| days.to_string()).join(", ");
        vec![("retention_in_days".into(), format!("is one of {days}"))]
    }

    fn restate(have: &mut Self, want: &Self) {
        if want.log_group_name.is_none() {
            have.log_group_name = None;
        }
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        // One listing by a word that all three beginnings hold, instead of one listing for each.
        let call = cx.logs.describe_log_groups().log_group_name_pattern(&cx.estate.stack).limit(50);
        let mut groups: Vec<sdk::LogGroup> = call.into_paginator().items().send().collect::<std::result::Result<_, _>>().await?;
        let beginnings = beginnings(cx);
        groups.retain(|group| group.log_group_name().is_some_and(|name| beginnings.iter().any(|beginning| name.starts_with(beginning))));
        let all = groups.iter().map(|group| async move {
            let id = group.log_group_name().unwrap_or_default();
            let tags = cx.logs.list_tags_for_resource().resource_arn(arn(cx, id)).send().await?.tags.unwrap_or_default();
            let tags = tags.iter().map(|(key, value)| (&**key, &**value));
            let Some(marks) = cx.marks_or_stranger(Self::NAME, (id, id), tags) else { return Ok(None) };
            let shape = Self {
                log_group_name: Some(id.into()),
                // Without a retention, events never expire: no number of days says so.
                retention_in_days: group.retention_in_days().unwrap_or(0),
                kms_key: group.kms_key_id().map(Ref::to),
            };
            let made_at = group.creation_time().map(|at| format!("{at:020}")).unwrap_or_default();
            Ok::<_, Error>(Some(Live { id: id.to_owned(), attributes: known(cx, id), shape, marks, made_at }))
        });
        Ok(side_by_side(all).await?.into_iter().flatten().collect())
    }

    fn name_of(new: &New<Self>) -> Option<String> {
        let derived = || format!("/reeve/{}/{}", new.naming.stack, new.address);
        Some(new.want.log_group_name.as_ref().map_or_else(derived, |name| name.0.clone()))
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let name = Self::name_of(new).unwrap_or_default();
        if !beginnings(cx).iter().any(|beginning| name.starts_with(beginning)) {
            let message = format!("`{name}` would not be found again: it has to begin with one of {}", beginnings(cx).join(", "));
            return Err(Error::new(Class::Invalid, "logs.CreateLogGroup", message));
        }
        let call =
            cx.logs.create_log_group().log_group_name(&name).set_kms_key_id(new.want.kms_key.as_ref().map(|key| key.id().to_owned()));
        call.set_tags(Some(tags(&new.marks))).send().await?;
        Ok(Made { attributes: known(cx, &name), id: name })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        let (id, want) = (&change.id, &change.want);
        if change.touches(&["retention_in_days"]) {
            cx.logs.put_retention_policy().log_group_name(id).retention_in_days(want.retention_in_days).send().await?;
        }
        if change.touches(&["kms_key"]) {
            match &want.kms_key {
                Some(key) => {
                    cx.logs.associate_kms_key().log_group_name(id).kms_key_id(key.id()).send().await?;
                }
                None if change.have.kms_key.is_some() => {
                    cx.logs.disassociate_kms_key().log_group_name(id).send().await?;
                }
                None => {}
            }
        }
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        cx.logs.delete_log_group().log_group_name(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        let out = cx.logs.describe_log_groups().log_group_name_prefix(id).send().await?;
        if out.log_groups().iter().any(|group| group.log_group_name() == Some(id)) {
            return Ok(Ready::Yes(known(cx, id)));
        }
        Err(Error::not_found("logs.DescribeLogGroups", id))
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        let beginnings = beginnings(cx);
        if !beginnings.iter().any(|one| id.starts_with(one)) {
            let why = format!(
                "{id} cannot be taken over: ours are found by names that begin with {}; let a new one be made",
                beginnings.join(", ")
            );
            return Err(Error::new(Class::Invalid, "logs.TagResource", why));
        }
        cx.logs.tag_resource().resource_arn(arn(cx, id)).set_tags(Some(tags(marks))).send().await?;
        Ok(())
    }
}

fn beginnings(cx: &Aws) -> [String; 3] {
    ["/reeve/{}/", "aws-waf-logs-{}-", "/aws/rds/instance/{}-"].map(|form| form.replace("{}", &cx.estate.stack))
}

/// The ARN as tags, WAF and flow logs take it: without the `:*` that stands for its streams.
fn arn(cx: &Aws, name: &str) -> String {
    let estate = &cx.estate;
    format!("arn:{}:logs:{}:{}:log-group:{name}", estate.partition, estate.region, estate.account)
}

fn tags(marks: &Marks) -> std::collections::HashMap<String, String> {
    marks.to_tags().into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn known(cx: &Aws, id: &str) -> Attributes {
    attributes([("arn", &arn(cx, id)), ("name", id)])
}
