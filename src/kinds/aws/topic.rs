//! An SNS topic: where alarms and events are sent to.
//!
//! API: <https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html>.
//! Is found again by the beginning of its name (`STACK-`) and its tags. Does not touch its subscriptions (`aws.subscription`).

use std::collections::HashMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::key::Key;
use super::support::{side_by_side, unlabelled};
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::Marks;
use crate::model::field::{Document, Ref};
use crate::planes::Aws;
use crate::planes::error::{Absent, Error, Result};
use aws_sdk_sns::types as sdk;

/// A topic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// The key that encrypts what waits in it; its policy has to let the services that publish use it. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_master_key: Option<Ref<Key>>,
    /// Who may publish and subscribe. Default: SNS's own, which lets only this account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-need" = "settle"))]
    pub policy: Option<Document>,
}

impl Named for Topic {
    const NAME: &'static str = "aws.topic";
}

impl Kind for Topic {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html";
    const TAGS: Tags = Tags::Sns;
    const NAME_LIMIT: usize = 256;
    const ATTRIBUTES: &'static [&'static str] = &["arn", "name"];

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let ours = ours(cx).await?;
        let all = ours.iter().map(|(id, marks)| async move {
            let set = cx.sns.get_topic_attributes().topic_arn(id).send().await?.attributes.unwrap_or_default();
            let policy = match set.get("Policy") {
                Some(text) => Some(Document::parse(text).map_err(|_| Error::incomplete("sns.GetTopicAttributes", "readable policy"))?),
                None => None,
            };
            let shape = Self {
                kms_master_key: set.get("KmsMasterKeyId").filter(|key| !key.is_empty()).map(Ref::to),
                policy: policy.filter(|policy| !says_the_same(policy, &default_policy(cx, id))),
            };
            Ok::<_, Error>(Live { id: id.clone(), attributes: known(id), shape, marks: marks.clone(), made_at: String::new() })
        });
        side_by_side(all).await
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let want = &new.want;
        let mut set = HashMap::new();
        if let Some(key) = &want.kms_master_key {
            set.insert("KmsMasterKeyId".to_owned(), key.id().to_owned());
        }
        if let Some(policy) = &want.policy {
            set.insert("Policy".to_owned(), policy.to_string());
        }
        let call = cx.sns.create_topic().name(new.name(Self::NAME_LIMIT)).set_attributes((!set.is_empty()).then_some(set));
        let out = call.set_tags(Some(tags(&new.marks)?)).send().await?;
        let id = out.topic_arn.ok_or_else(|| Error::incomplete("sns.CreateTopic", "ARN"))?;
        Ok(Made { attributes: known(&id), id })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        let want = &change.want;
        if change.touches(&["kms_master_key"]) {
            let key = want.kms_master_key.as_ref().map(Ref::id).unwrap_or_default();
            set(cx, &change.id, "KmsMasterKeyId", key).await?;
        }
        if change.touches(&["policy"]) {
            let policy = want.policy.as_ref().map_or_else(|| default_policy(cx, &change.id).to_string(), Document::to_string);
            set(cx, &change.id, "Policy", &policy).await?;
        }
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        cx.sns.delete_topic().topic_arn(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        // An alarm can also be told to call a function or to stop a host: SNS does not take such an id for a question.
        if id.split(':').nth(2) != Some("sns") {
            return Err(Error::not_found("sns.GetTopicAttributes", id));
        }
        cx.sns.get_topic_attributes().topic_arn(id).send().await?;
        Ok(Ready::Yes(known(id)))
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        cx.sns.tag_resource().resource_arn(id).set_tags(Some(tags(marks)?)).send().await?;
        Ok(())
    }
}

/// ARNs and marks of this stack's topics, read once in a pass.
///
/// # Errors
/// A failed read.
pub(super) async fn ours(cx: &Aws) -> Result<Arc<Vec<(String, Marks)>>> {
    cx.once("sns.ListTopics", || async {
        let topics: Vec<sdk::Topic> = cx.sns.list_topics().into_paginator().items().send().collect::<std::result::Result<_, _>>().await?;
        let prefix = format!("{}-", cx.estate.stack);
        let arns = topics.into_iter().filter_map(|topic| topic.topic_arn);
        let named = arns.filter(|arn| arn.rsplit(':').next().is_some_and(|name| name.starts_with(&prefix)));
        let all = named.map(|arn| async move {
            // Gone between the two calls: not there.
            let tags = cx.sns.list_tags_for_resource().resource_arn(&arn).send().await.map_err(Error::from).absent_ok()?;
            let tags = tags.and_then(|out| out.tags).unwrap_or_default();
            let name = arn.rsplit(':').next().unwrap_or(&arn);
            let marks = cx.marks_or_stranger(Topic::NAME, (name, &arn), tags.iter().map(|tag| (tag.key(), tag.value())));
            Ok::<_, Error>(marks.map(|marks| (arn, marks)))
        });
        Ok(side_by_side(all).await?.into_iter().flatten().collect())
    })
    .await
}

async fn set(cx: &Aws, id: &str, name: &str, value: &str) -> Result<()> {
    cx.sns.set_topic_attributes().topic_arn(id).attribute_name(name).attribute_value(value).send().await?;
    Ok(())
}

/// SNS gives a topic this policy when it is made without one.
fn default_policy(cx: &Aws, arn: &str) -> Document {
    let actions = [
        "GetTopicAttributes",
        "SetTopicAttributes",
        "AddPermission",
        "RemovePermission",
        "DeleteTopic",
        "Subscribe",
        "ListSubscriptionsByTopic",
        "Publish",
    ];
    Document::new(json!({
        "Version": "2008-10-17", "Id": "__default_policy_ID",
        "Statement": [{
            "Sid": "__default_statement_ID", "Effect": "Allow", "Principal": { "AWS": "*" }, "Resource": arn,
            "Action": actions.map(|action| format!("SNS:{action}")),
            "Condition": { "StringEquals": { "AWS:SourceOwner": cx.estate.account } },
        }],
    }))
}

/// Whether two policies say the same, whatever they are called. Older topics also have a right of that time, which is none any more.
fn says_the_same(one: &Document, other: &Document) -> bool {
    let says = |policy: &Document| {
        let mut statements = unlabelled(policy);
        for statement in statements.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
            if let Some(actions) = statement.get_mut("Action").and_then(Value::as_array_mut) {
                actions.retain(|action| action != "SNS:Receive");
            }
        }
        statements
    };
    says(one) == says(other)
}

fn tags(marks: &Marks) -> Result<Vec<sdk::Tag>> {
    let tags = marks.to_tags().into_iter().map(|(key, value)| sdk::Tag::builder().key(key).value(value).build());
    tags.collect::<std::result::Result<_, _>>().map_err(|_| Error::incomplete("sns.Tag", "key"))
}

fn known(id: &str) -> Attributes {
    attributes([("arn", id), ("name", id.rsplit(':').next().unwrap_or(id))])
}
