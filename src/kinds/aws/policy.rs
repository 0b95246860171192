//! An IAM customer managed policy: what those it is attached to may do.
//!
//! API: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html>.
//! Lives under the path `/reeve/STACK/`. A change makes a new version and drops the oldest when there are five. Does not touch to whom it
//! is attached (`aws.role` does).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::support::{iam, side_by_side};
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::Marks;
use crate::model::field::Document;
use crate::planes::Aws;
use crate::planes::error::{Absent, Error, Result};
use aws_sdk_iam::types::PolicyVersion;

/// A policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The policy: at most 6144 characters without white space.
    pub policy_document: Document,
}

/// How many versions IAM keeps of one policy.
const VERSIONS: usize = 5;

impl Named for Policy {
    const NAME: &'static str = "aws.policy";
}

impl Kind for Policy {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html";
    const TAGS: Tags = Tags::Policy;
    const NAME_LIMIT: usize = 128;
    const ATTRIBUTES: &'static [&'static str] = &["arn", "name"];

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let details = iam::details(cx).await?;
        let all = details.policies.iter().map(|policy| async move {
            let id = policy.arn().unwrap_or_default();
            let tags = cx.iam.list_policy_tags().policy_arn(id).max_items(100).send().await?;
            let tags = iam::pairs(tags.tags());
            let Some(marks) = cx.marks_or_stranger(Self::NAME, (iam::name(id), id), tags) else { return Ok(None) };
            let version = policy.policy_version_list().iter().find(|version| version.is_default_version);
            let policy_document = version
                .and_then(PolicyVersion::document)
                .and_then(|document| Document::parse(document).ok())
                .ok_or_else(|| Error::incomplete("iam.GetAccountAuthorizationDetails", "readable policy document"))?;
            let made_at = iam::time(policy.create_date());
            Ok::<_, Error>(Some(Live { id: id.to_owned(), attributes: known(id), shape: Self { policy_document }, marks, made_at }))
        });
        Ok(side_by_side(all).await?.into_iter().flatten().collect())
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let out = cx
            .iam
            .create_policy()
            .policy_name(new.name(Self::NAME_LIMIT))
            .path(iam::path(cx))
            .policy_document(new.want.policy_document.to_string())
            .set_tags(Some(iam::tags(&new.marks)?))
            .send()
            .await?;
        let id = out.policy.and_then(|policy| policy.arn).ok_or_else(|| Error::incomplete("iam.CreatePolicy", "ARN"))?;
        Ok(Made { attributes: known(&id), id })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        if !change.touches(&["policy_document"]) {
            return Ok(());
        }
        let mut old = versions(cx, &change.id).await?;
        // The oldest first, so that what was valid last can still be read.
        old.sort_by_key(|version| version.create_date().map(|at| (at.secs(), at.subsec_nanos())));
        let too_many = old.len().saturating_sub(VERSIONS - 1);
        for version in old.iter().filter(|version| !version.is_default_version).take(too_many) {
            delete_version(cx, &change.id, version).await?;
        }
        let document = change.want.policy_document.to_string();
        cx.iam.create_policy_version().policy_arn(&change.id).policy_document(document).set_as_default(true).send().await?;
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        let Some(versions) = versions(cx, &gone.id).await.absent_ok()? else { return Ok(()) };
        for version in versions.iter().filter(|version| !version.is_default_version) {
            delete_version(cx, &gone.id, version).await?;
        }
        cx.iam.delete_policy().policy_arn(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        cx.iam.get_policy().policy_arn(id).send().await?;
        Ok(Ready::Yes(known(id)))
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        iam::found_by_path(cx, "iam.TagPolicy", id)?;
        cx.iam.tag_policy().policy_arn(id).set_tags(Some(iam::tags(marks)?)).send().await?;
        Ok(())
    }
}

async fn versions(cx: &Aws, arn: &str) -> Result<Vec<PolicyVersion>> {
    // Five at most: one page.
    Ok(cx.iam.list_policy_versions().policy_arn(arn).max_items(100).send().await?.versions.unwrap_or_default())
}

async fn delete_version(cx: &Aws, arn: &str, version: &PolicyVersion) -> Result<()> {
    let id = version.version_id().unwrap_or_default();
    cx.iam.delete_policy_version().policy_arn(arn).version_id(id).send().await.map_err(Error::from).absent_ok()?;
    Ok(())
}

fn known(id: &str) -> Attributes {
    attributes([("arn", id), ("name", iam::name(id))])
}
