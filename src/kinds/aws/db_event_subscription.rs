//! An RDS event subscription: tells a topic of failures, maintenance and changes.
//!
//! API: <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateEventSubscription.html>.
//! It speaks of every source of its type in the region; single sources are not chosen here. RDS lists subscriptions without their tags,
//! so what tells our topic of a type of source, under a name of ours, is ours and known by the two: no call for each.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::support::rds::{arn, marks_of, may_be_ours, tags};
use super::support::yes;
use super::topic::{self, Topic};
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::{Marks, Ref, name};
use crate::planes::Aws;
use crate::planes::error::{Absent, Class, Error, Result};
use aws_sdk_rds::types as rds;

/// What sort of thing events are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceType {
    /// Deployments of two generations side by side.
    BlueGreenDeployment,
    /// Versions of engines that someone built.
    CustomEngineVersion,
    /// Clusters.
    DbCluster,
    /// Snapshots of clusters.
    DbClusterSnapshot,
    /// Servers.
    DbInstance,
    /// Parameter groups.
    DbParameterGroup,
    /// Proxies.
    DbProxy,
    /// Security groups.
    DbSecurityGroup,
    /// Snapshots.
    DbSnapshot,
    /// Integrations with a warehouse.
    ZeroEtl,
}

impl SourceType {
    const ALL: [Self; 10] = [
        Self::BlueGreenDeployment,
        Self::CustomEngineVersion,
        Self::DbCluster,
        Self::DbClusterSnapshot,
        Self::DbInstance,
        Self::DbParameterGroup,
        Self::DbProxy,
        Self::DbSecurityGroup,
        Self::DbSnapshot,
        Self::ZeroEtl,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::BlueGreenDeployment => "blue-green-deployment",
            Self::CustomEngineVersion => "custom-engine-version",
            Self::DbCluster => "db-cluster",
            Self::DbClusterSnapshot => "db-cluster-snapshot",
            Self::DbInstance => "db-instance",
            Self::DbParameterGroup => "db-parameter-group",
            Self::DbProxy => "db-proxy",
            Self::DbSecurityGroup => "db-security-group",
            Self::DbSnapshot => "db-snapshot",
            Self::ZeroEtl => "zero-etl",
        }
    }

    fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.word() == word)
    }
}

/// Who is told of what happens in RDS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DbEventSubscription {
    /// The topic that is told.
    #[schemars(extend("x-replace" = true))]
    pub sns_topic: Ref<Topic>,
    /// What events are about. A topic has one subscription for each.
    #[schemars(extend("x-replace" = true))]
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
    const TAGS: Tags = Tags::None;
    const ATTRIBUTES: &'static [&'static str] = &["arn", "name"];
    const KEY: &'static [&'static str] = &["sns_topic", "source_type"];

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let items = cx.rds.describe_event_subscriptions().into_paginator().items().send();
        let subscriptions: Vec<rds::EventSubscription> = items.collect::<std::result::Result<_, _>>().await?;
        let topics = topic::ours(cx).await?;
        let told = |one: &rds::EventSubscription| topics.iter().any(|(arn, _)| one.sns_topic_arn() == Some(arn));
        let ours = subscriptions.iter().filter(|one| one.status() != Some("deleting") && told(one));
        Ok(ours.filter(|one| may_be_ours(cx, one.cust_subscription_id().unwrap_or_default())).filter_map(|one| live(cx, one)).collect())
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let (want, id) = (&new.want, named(new));
        let asked = cx
            .rds
            .create_event_subscription()
            .subscription_name(&id)
            .sns_topic_arn(want.sns_topic.id())
            .source_type(want.source_type.word())
            .set_event_categories(Some(want.event_categories.iter().cloned().collect()))
            .enabled(want.enabled)
            .set_tags(Some(tags(&new.marks)))
            .send();
        match asked.await.map_err(Error::from) {
            Ok(_) => {}
            // It was made for this address, and someone has it tell another topic by now: it is had back.
            Err(error) if error.class == Class::AlreadyExists && is_of(cx, &id, new).await? => put(cx, &id, want).await?,
            Err(error) => return Err(error),
        }
        Ok(Made { attributes: known(cx, &id), id })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        put(cx, &change.id, &change.want).await
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

    async fn mark(_: &Aws, _: &str, _: &Marks) -> Result<()> {
        Ok(())
    }
}

/// Its name tells apart what it tells of and whom, so that one can be made before another of its address is gone.
fn named(new: &New<DbEventSubscription>) -> String {
    let what = format!("{}|{}|{}", new.naming.salt, new.want.sns_topic.id(), new.want.source_type.word());
    name::name(&new.naming.stack, &new.address, &what, 200)
}

/// Whether the subscription of that name was made for this address.
async fn is_of(cx: &Aws, id: &str, new: &New<DbEventSubscription>) -> Result<bool> {
    let marks = marks_of(cx, DbEventSubscription::NAME, "es", id).await?;
    Ok(marks.is_some_and(|marks| marks.address.as_ref() == Some(&new.address)))
}

async fn put(cx: &Aws, id: &str, want: &DbEventSubscription) -> Result<()> {
    cx.rds
        .modify_event_subscription()
        .subscription_name(id)
        .sns_topic_arn(want.sns_topic.id())
        .source_type(want.source_type.word())
        .set_event_categories(Some(want.event_categories.iter().cloned().collect()))
        .enabled(want.enabled)
        .send()
        .await?;
    Ok(())
}

/// `None` when it is about every type of source, or one that AWS has come to know since: that is none of ours.
fn live(cx: &Aws, one: &rds::EventSubscription) -> Option<Live<DbEventSubscription>> {
    let name = one.cust_subscription_id().unwrap_or_default();
    let shape = DbEventSubscription {
        sns_topic: Ref::to(one.sns_topic_arn().unwrap_or_default()),
        source_type: one.source_type().and_then(SourceType::of)?,
        event_categories: one.event_categories_list().iter().cloned().collect(),
        enabled: one.enabled().unwrap_or_default(),
    };
    let made_at = one.subscription_creation_time().unwrap_or_default().to_owned();
    Some(Live { id: name.to_owned(), attributes: known(cx, name), shape, marks: Marks::default(), made_at })
}

fn known(cx: &Aws, name: &str) -> Attributes {
    attributes([("arn", &arn(&cx.estate, "es", name)), ("name", name)])
}
