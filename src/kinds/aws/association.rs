//! A State Manager association: a document (patching, by default) that is run on this stack's hosts on a schedule.
//!
//! API: <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateAssociation.html>.
//! Its targets are always the hosts tagged `reeve:stack` with this stack's name. Is found again by the beginning of its name (`STACK-`)
//! and its tags. Does not touch the patch baseline.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::support::{found_by_name, side_by_side, yes};
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags};
use crate::model::Marks;
use crate::model::marks::key;
use crate::planes::Aws;
use crate::planes::error::{Absent, Error, Result};
use aws_sdk_ssm::types as sdk;

/// An association.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Association {
    /// The document. Default: AWS-RunPatchBaseline.
    #[serde(default = "patch")]
    #[schemars(extend("x-replace" = true))]
    pub name: String,
    /// Its parameters: name to values. Default: none.
    #[serde(default)]
    pub parameters: BTreeMap<String, Vec<String>>,
    /// When it runs, in UTC: `cron(0 3 ? * SUN *)` or `rate(1 day)`.
    pub schedule_expression: String,
    /// On how many hosts at once: a number or a percentage. Default: "1".
    #[serde(default = "one")]
    pub max_concurrency: String,
    /// After how many failures it stops: a number or a percentage. Default: "0", the first.
    #[serde(default = "none")]
    pub max_errors: String,
    /// It does not also run when it is made or changed. Default: true.
    #[serde(default = "yes")]
    pub apply_only_at_cron_interval: bool,
}

fn patch() -> String {
    "AWS-RunPatchBaseline".into()
}
fn one() -> String {
    "1".into()
}
fn none() -> String {
    "0".into()
}
impl Named for Association {
    const NAME: &'static str = "aws.association";
}

impl Kind for Association {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateAssociation.html";
    const TAGS: Tags = Tags::Association;

    fn check(&self) -> Vec<(String, String)> {
        let known = ["cron(", "rate(", "at("].iter().any(|start| self.schedule_expression.starts_with(start));
        if known { Vec::new() } else { vec![("schedule_expression".into(), "is cron(...), rate(...) or at(...)".into())] }
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let listed: Vec<sdk::Association> =
            cx.ssm.list_associations().max_results(50).into_paginator().items().send().collect::<std::result::Result<_, _>>().await?;
        let prefix = format!("{}-", cx.estate.stack);
        let named = listed.iter().filter(|one| one.association_name().is_some_and(|name| name.starts_with(&prefix)));
        let all = named.map(|one| async move {
            let id = one.association_id().unwrap_or_default();
            let tags = cx.ssm.list_tags_for_resource().resource_type(sdk::ResourceTypeForTagging::Association).resource_id(id);
            let tags = tags.send().await?;
            let Some(marks) = cx.marks(tags.tag_list().iter().map(|tag| (tag.key(), tag.value()))) else { return Ok(None) };
            let out = cx.ssm.describe_association().association_id(id).send().await?;
            let about = out.association_description.ok_or_else(|| Error::incomplete("ssm.DescribeAssociation", "association"))?;
            let made_at = about.date().and_then(|at| at.fmt(aws_smithy_types::date_time::Format::DateTime).ok()).unwrap_or_default();
            let shape = Self {
                name: about.name.unwrap_or_default(),
                parameters: about.parameters.unwrap_or_default().into_iter().collect(),
                schedule_expression: about.schedule_expression.unwrap_or_default(),
                max_concurrency: about.max_concurrency.unwrap_or_default(),
                max_errors: about.max_errors.unwrap_or_default(),
                apply_only_at_cron_interval: about.apply_only_at_cron_interval,
            };
            Ok::<_, Error>(Some(Live { id: id.to_owned(), attributes: Attributes::new(), shape, marks, made_at }))
        });
        Ok(side_by_side(all).await?.into_iter().flatten().collect())
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let want = &new.want;
        let out = cx
            .ssm
            .create_association()
            .name(&want.name)
            .association_name(new.name(128))
            .set_parameters(want.given())
            .targets(hosts(cx))
            .schedule_expression(&want.schedule_expression)
            .max_concurrency(&want.max_concurrency)
            .max_errors(&want.max_errors)
            .apply_only_at_cron_interval(want.apply_only_at_cron_interval)
            .set_tags(Some(tags(&new.marks)?))
            .send()
            .await?;
        let id = out.association_description.and_then(|about| about.association_id);
        Ok(Made { id: id.ok_or_else(|| Error::incomplete("ssm.CreateAssociation", "id"))?, attributes: Attributes::new() })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        // What an update leaves out is taken away: so it is sent whole, with the name it has.
        let want = &change.want;
        let now = cx.ssm.describe_association().association_id(&change.id).send().await?;
        cx.ssm
            .update_association()
            .association_id(&change.id)
            .set_association_name(now.association_description.and_then(|about| about.association_name))
            .name(&want.name)
            .set_parameters(want.given())
            .targets(hosts(cx))
            .schedule_expression(&want.schedule_expression)
            .max_concurrency(&want.max_concurrency)
            .max_errors(&want.max_errors)
            .apply_only_at_cron_interval(want.apply_only_at_cron_interval)
            .send()
            .await?;
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        cx.ssm.delete_association().association_id(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        cx.ssm.describe_association().association_id(id).send().await?;
        Ok(Ready::Yes(Attributes::new()))
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        let about = cx.ssm.describe_association().association_id(id).send().await?.association_description;
        let name = about.and_then(|about| about.association_name).unwrap_or_default();
        found_by_name(cx, "ssm.AddTagsToResource", &name)?;
        let call = cx.ssm.add_tags_to_resource().resource_type(sdk::ResourceTypeForTagging::Association).resource_id(id);
        call.set_tags(Some(tags(marks)?)).send().await?;
        Ok(())
    }
}

impl Association {
    fn given(&self) -> Option<std::collections::HashMap<String, Vec<String>>> {
        (!self.parameters.is_empty()).then(|| self.parameters.clone().into_iter().collect())
    }
}

fn hosts(cx: &Aws) -> sdk::Target {
    sdk::Target::builder().key(format!("tag:{}", key::STACK)).values(&cx.estate.stack).build()
}

fn tags(marks: &Marks) -> Result<Vec<sdk::Tag>> {
    let tags = marks.to_tags().into_iter().map(|(key, value)| sdk::Tag::builder().key(key).value(value).build());
    tags.collect::<std::result::Result<_, _>>().map_err(|_| Error::incomplete("ssm.Tag", "key"))
}
