//! An SNS subscription: who is told of what a topic gets.
//!
//! API: <https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html>.
//! Has no tags: everything that is subscribed to our topic is ours. A mail address has to confirm by the link in a mail; until then the
//! subscription is pending, which counts as there. Nobody can unsubscribe a pending one: SNS drops it after two days.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::support::side_by_side;
use super::topic::{self, Topic};
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::Marks;
use crate::model::field::Ref;
use crate::planes::Aws;
use crate::planes::error::{Absent, Class, Error, Result};
use aws_sdk_sns::types as sdk;

/// A subscription.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// The topic.
    #[schemars(extend("x-replace" = true))]
    pub topic: Ref<Topic>,
    /// How it is told. Default: email.
    #[serde(default)]
    #[schemars(extend("x-replace" = true))]
    pub protocol: Protocol,
    /// Where to: a mail address, or an https URL.
    #[schemars(extend("x-replace" = true))]
    pub endpoint: String,
}

/// How a subscriber is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// By mail, as text.
    #[default]
    Email,
    /// By mail, as JSON.
    EmailJson,
    /// By a POST to a URL.
    Https,
}

impl Protocol {
    fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::EmailJson => "email-json",
            Self::Https => "https",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Email, Self::EmailJson, Self::Https].into_iter().find(|protocol| protocol.as_str() == text)
    }
}

impl Named for Subscription {
    const NAME: &'static str = "aws.subscription";
}

impl Kind for Subscription {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html";
    const TAGS: Tags = Tags::None;
    const LATE: &'static [&'static str] = &["confirmed"];
    const KEY: &'static [&'static str] = &["topic", "protocol", "endpoint"];

    fn check(&self) -> Vec<(String, String)> {
        let fits = match self.protocol {
            Protocol::Https => self.endpoint.starts_with("https://"),
            _ => self.endpoint.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.')),
        };
        let message = format!("is no address for {}", self.protocol.as_str());
        if fits { Vec::new() } else { vec![("endpoint".into(), message)] }
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let topics = topic::ours(cx).await?;
        let all = topics.iter().map(|(arn, _)| async move {
            let mut found = Vec::new();
            for one in of_topic(cx, arn).await? {
                // Queues and functions subscribe themselves; they are reported by nobody and left alone.
                let Some(protocol) = one.protocol().and_then(Protocol::parse) else { continue };
                let endpoint = one.endpoint().unwrap_or_default().to_owned();
                let shape = Self { topic: Ref::to(arn), protocol, endpoint };
                let attributes = known(&one);
                found.push(Live { id: shape.id(), attributes, shape, marks: Marks::default(), made_at: String::new() });
            }
            Ok::<_, Error>(found)
        });
        Ok(side_by_side(all).await?.concat())
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let want = &new.want;
        let call = cx.sns.subscribe().topic_arn(want.topic.id()).protocol(want.protocol.as_str()).endpoint(&want.endpoint);
        call.send().await?;
        Ok(Made { id: want.id(), attributes: Attributes::new() })
    }

    async fn update(_: &Aws, _: &Change<Self>) -> Result<()> {
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        let Some(one) = find(cx, &gone.id).await.absent_ok()? else { return Ok(()) };
        if let Some(arn) = one.subscription_arn().filter(|arn| arn.starts_with("arn:")) {
            cx.sns.unsubscribe().subscription_arn(arn).send().await.map_err(Error::from).absent_ok()?;
        }
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        Ok(Ready::Yes(known(&find(cx, id).await?)))
    }

    async fn mark(_: &Aws, _: &str, _: &Marks) -> Result<()> {
        Ok(())
    }
}

impl Subscription {
    /// A pending subscription has no ARN yet, so its key is its id.
    fn id(&self) -> String {
        format!("{}|{}|{}", self.topic.id(), self.protocol.as_str(), self.endpoint)
    }
}

fn known(one: &sdk::Subscription) -> Attributes {
    let confirmed = one.subscription_arn().is_some_and(|arn| arn.starts_with("arn:"));
    attributes([("confirmed", if confirmed { "true" } else { "false" })])
}

async fn of_topic(cx: &Aws, arn: &str) -> Result<Vec<sdk::Subscription>> {
    let call = cx.sns.list_subscriptions_by_topic().topic_arn(arn);
    let all: Vec<sdk::Subscription> = call.into_paginator().items().send().collect::<std::result::Result<_, _>>().await?;
    Ok(all.into_iter().filter(|one| one.subscription_arn() != Some("Deleted")).collect())
}

async fn find(cx: &Aws, id: &str) -> Result<sdk::Subscription> {
    let parts: Vec<&str> = id.splitn(3, '|').collect();
    let [arn, protocol, endpoint] = parts[..] else {
        return Err(Error::new(Class::Invalid, "sns.ListSubscriptionsByTopic", format!("`{id}` is no id of a subscription")));
    };
    let mut all = of_topic(cx, arn).await?.into_iter();
    all.find(|one| one.protocol() == Some(protocol) && one.endpoint() == Some(endpoint))
        .ok_or_else(|| Error::not_found("sns.ListSubscriptionsByTopic", id))
}
