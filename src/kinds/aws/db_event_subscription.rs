//! An RDS event subscription: tells a topic of failures, maintenance and changes.
//!
//! API: <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateEventSubscription.html>.
//! It speaks of every source of its type in the region; single sources are not chosen here. Found by the beginning of its name.

use std::collections::BTreeSet;

use futures::future::try_join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::support::rds::{arn, mark_named, marks_of, may_be_ours, tags};
use super::support::yes;
use super::topic::Topic;
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, attributes};
use crate::model::{Marks, Ref};
use crate::planes::Aws;
use crate::planes::error::{Absent, Error, Result};
use aws_sdk_rds::types as rds;

/// What sort of thing events are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceType {
    /// Servers.
    DbInstance,
    /// Parameter groups.
    DbParameterGroup,
    /// Security groups.
    DbSecurityGroup,
    /// Snapshots.
    DbSnapshot,
}

impl SourceType {
    fn word(self) -> &'static str {
        match self {
            Self::DbInstance => "db-instance",
            Self::DbParameterGroup => "db-parameter-group",
            Self::DbSecurityGroup => "db-security-group",
            Self::DbSnapshot => "db-snapshot",
        }
    }

    fn of(word: &str) -> Option<Self> {
        [Self::DbInstance, Self::DbParameterGroup, Self::DbSecurityGroup, Self::DbSnapshot].into_iter().find(|one| one.word() == word)
    }
}

/// Who is told of what happens in RDS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DbEventSubscription {
    /// The topic that is told.
    pub sns_topic: Ref<Topic>,
    /// What events are about.
    pub source_type: SourceType,
    /// Which events: `failure`, `maintenance`, `configuration change`, ... Default: all of the source's type.
    #[serde(default)]
    pub event_categories: BTreeSet<String>,
    /// It is on. Default: true.
    #[serde(default = "yes")]
    pub enabled: bool,
}

impl Named for DbEventSubscription {
    const NAME: &'static str = "aws.db_event_subscription";
}

impl Kind for DbEventSubscription {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateEventSubscription.html";
    const ATTRIBUTES: &'static [&'static str] = &["arn", "name"];

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let items = cx.rds.describe_event_subscriptions().into_paginator().items().send();
        let subscriptions: Vec<rds::EventSubscription> = items.collect::<std::result::Result<_, _>>().await?;
        let named = subscriptions
            .iter()
            .filter(|one| may_be_ours(cx, one.cust_subscription_id().unwrap_or_default()) && one.status() != Some("deleting"));
        let all = named.map(|one| async move {
            let name = one.cust_subscription_id().unwrap_or_default();
            let Some(marks) = marks_of(cx, &arn(&cx.estate, "es", name)).await? else { return Ok(None) };
            let source_type = one
                .source_type()
                .and_then(SourceType::of)
                .ok_or_else(|| Error::incomplete("rds.DescribeEventSubscriptions", "source type that this kind knows"))?;
            let shape = Self {
                sns_topic: Ref::to(one.sns_topic_arn().unwrap_or_default()),
                source_type,
                event_categories: one.event_categories_list().iter().cloned().collect(),
                enabled: one.enabled().unwrap_or_default(),
            };
            let made_at = one.subscription_creation_time().unwrap_or_default().to_owned();
            Ok::<_, Error>(Some(Live { id: name.to_owned(), attributes: known(cx, name), shape, marks, made_at }))
        });
        Ok(try_join_all(all).await?.into_iter().flatten().collect())
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let name = new.name(255);
        cx.rds
            .create_event_subscription()
            .subscription_name(&name)
            .sns_topic_arn(new.want.sns_topic.id())
            .source_type(new.want.source_type.word())
            .set_event_categories(Some(new.want.event_categories.iter().cloned().collect()))
            .enabled(new.want.enabled)
            .set_tags(Some(tags(&new.marks)))
            .send()
            .await?;
        Ok(Made { attributes: known(cx, &name), id: name })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        cx.rds
            .modify_event_subscription()
            .subscription_name(&change.id)
            .sns_topic_arn(change.want.sns_topic.id())
            .source_type(change.want.source_type.word())
            .set_event_categories(Some(change.want.event_categories.iter().cloned().collect()))
            .enabled(change.want.enabled)
            .send()
            .await?;
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        cx.rds.delete_event_subscription().subscription_name(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        let out = cx.rds.describe_event_subscriptions().subscription_name(id).send().await?;
        let one = out.event_subscriptions_list().first().ok_or_else(|| Error::not_found("rds.DescribeEventSubscriptions", id))?;
        Ok(match one.status() {
            Some("creating" | "modifying" | "deleting") => Ready::NotYet(one.status().unwrap_or_default().to_owned()),
            Some("no-permission") => {
                Ready::Failed("RDS may not publish to the topic: its policy has to allow events.rds.amazonaws.com".into())
            }
            Some("topic-not-exist") => Ready::Failed("the topic does not exist any more".into()),
            _ => Ready::Yes(known(cx, id)),
        })
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        mark_named(cx, "es", id, marks).await
    }
}

fn known(cx: &Aws, name: &str) -> Attributes {
    attributes([("arn", &arn(&cx.estate, "es", name)), ("name", name)])
}
