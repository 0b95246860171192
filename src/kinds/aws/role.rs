//! An IAM role: what a service or a host may do, by the policies attached to it.
//!
//! API: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html>.
//! Lives under the path `/reeve/STACK/`. Has no inline policies: one that is found is drift and is removed. Does not touch service-linked
//! roles, nor its instance profiles (`aws.instance_profile`).

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::policy::Policy;
use super::support::iam;
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::Marks;
use crate::model::field::{Document, Ref};
use crate::planes::Aws;
use crate::planes::error::{Absent, Error, Result};
use aws_sdk_iam::types as sdk;

/// A role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Who may take the role: its trust policy.
    pub assume_role_policy_document: Document,
    /// What it is for, at most 1000 characters. Default: empty.
    #[serde(default)]
    pub description: String,
    /// The longest session, in seconds, 3600 to 43200. Default: 3600.
    #[serde(default = "hour")]
    pub max_session_duration: i32,
    /// Policies of this stack that are attached. Default: none.
    #[serde(default)]
    pub managed_policies: BTreeSet<Ref<Policy>>,
    /// Policies of AWS that are attached, by the name in their ARN: `AmazonSSMManagedInstanceCore`,
    /// `service-role/AmazonRDSEnhancedMonitoringRole`. Default: none.
    #[serde(default)]
    pub aws_managed_policies: BTreeSet<AwsPolicy>,
    /// The ARN of a policy that limits what the role can ever do. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<String>,
    /// Names of inline policies. Always empty: one that is found is drift and is removed.
    #[serde(default)]
    pub inline_policies: BTreeSet<String>,
}

/// A policy that AWS keeps, by the part of its ARN after `policy/`; a whole ARN is cut to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
#[schemars(with = "String")]
pub struct AwsPolicy(String);

impl From<String> for AwsPolicy {
    fn from(text: String) -> Self {
        Self(text.split_once(":iam::aws:policy/").map(|(_, name)| name.to_owned()).unwrap_or(text))
    }
}

impl From<AwsPolicy> for String {
    fn from(policy: AwsPolicy) -> Self {
        policy.0
    }
}

impl AwsPolicy {
    fn arn(&self, cx: &Aws) -> String {
        format!("arn:{}:iam::aws:policy/{}", cx.estate.partition, self.0)
    }
}

fn hour() -> i32 {
    3600
}

impl Named for Role {
    const NAME: &'static str = "aws.role";
}

impl Kind for Role {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html";
    const TAGS: Tags = Tags::Role;
    const NAME_LIMIT: usize = 64;
    const ATTRIBUTES: &'static [&'static str] = &["arn", "name"];
    const MANY_CALLS: bool = true;

    fn check(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        if !(3600..=43200).contains(&self.max_session_duration) {
            wrong.push(("max_session_duration".into(), "is 3600 to 43200 seconds".into()));
        }
        if !self.inline_policies.is_empty() {
            wrong.push(("inline_policies".into(), "stays empty: make an aws.policy and name it in managed_policies".into()));
        }
        wrong
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        // The one listing has tags, documents and attachments, the other description and session length; neither has both.
        let listed = async {
            let roles: Vec<sdk::Role> = cx
                .iam
                .list_roles()
                .path_prefix(iam::path(cx))
                .max_items(1000)
                .into_paginator()
                .items()
                .send()
                .collect::<std::result::Result<_, _>>()
                .await?;
            Ok::<_, Error>(roles.into_iter().map(|role| (role.arn.clone(), role)).collect::<BTreeMap<_, _>>())
        };
        let (details, listed) = futures::try_join!(iam::details(cx), listed)?;
        let mut all = Vec::new();
        for role in &details.roles {
            let id = role.arn().unwrap_or_default().to_owned();
            let Some(marks) = cx.marks_or_stranger(Self::NAME, (iam::name(&id), &id), iam::pairs(role.tags())) else { continue };
            let about = listed.get(&id).ok_or_else(|| Error::incomplete("iam.ListRoles", &id))?;
            let document = role.assume_role_policy_document().unwrap_or_default();
            let document =
                Document::parse(document).map_err(|_| Error::incomplete("iam.GetAccountAuthorizationDetails", "readable trust policy"))?;
            let attached = role.attached_managed_policies().iter().filter_map(|policy| policy.policy_arn());
            let (theirs, ours): (Vec<_>, Vec<_>) = attached.partition(|arn| arn.contains(":iam::aws:policy/"));
            let boundary = role.permissions_boundary().and_then(|boundary| boundary.permissions_boundary_arn());
            let shape = Self {
                assume_role_policy_document: document,
                description: about.description().unwrap_or_default().to_owned(),
                max_session_duration: about.max_session_duration().unwrap_or(3600),
                managed_policies: ours.into_iter().map(Ref::to).collect(),
                aws_managed_policies: theirs.into_iter().map(|arn| AwsPolicy::from(arn.to_owned())).collect(),
                permissions_boundary: boundary.map(str::to_owned),
                inline_policies: role.role_policy_list().iter().filter_map(|p| p.policy_name().map(str::to_owned)).collect(),
            };
            let attributes = known(&id);
            all.push(Live { id, attributes, shape, marks, made_at: iam::time(role.create_date()) });
        }
        Ok(all)
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let want = &new.want;
        let out = cx
            .iam
            .create_role()
            .role_name(new.name(Self::NAME_LIMIT))
            .path(iam::path(cx))
            .assume_role_policy_document(want.assume_role_policy_document.to_string())
            .set_description((!want.description.is_empty()).then(|| want.description.clone()))
            .max_session_duration(want.max_session_duration)
            .set_permissions_boundary(want.permissions_boundary.clone())
            .set_tags(Some(iam::tags(&new.marks)?))
            .send()
            .await?;
        let id = out.role.map(|role| role.arn).ok_or_else(|| Error::incomplete("iam.CreateRole", "ARN"))?;
        Ok(Made { attributes: known(&id), id })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        let (have, want, name) = (&change.have, &change.want, iam::name(&change.id));
        if change.touches(&["assume_role_policy_document"]) {
            let document = want.assume_role_policy_document.to_string();
            cx.iam.update_assume_role_policy().role_name(name).policy_document(document).send().await?;
        }
        if change.touches(&["description", "max_session_duration"]) {
            let call = cx.iam.update_role().role_name(name).description(&want.description);
            call.max_session_duration(want.max_session_duration).send().await?;
        }
        if change.touches(&["permissions_boundary"]) {
            match &want.permissions_boundary {
                Some(arn) => {
                    cx.iam.put_role_permissions_boundary().role_name(name).permissions_boundary(arn).send().await?;
                }
                None => {
                    cx.iam.delete_role_permissions_boundary().role_name(name).send().await.map_err(Error::from).absent_ok()?;
                }
            }
        }
        if change.touches(&["managed_policies", "aws_managed_policies"]) {
            // What is attached by now, not what was: so it can be repeated.
            let (now, wanted) = (attached(cx, name).await?, want.attached(cx));
            for arn in wanted.difference(&now) {
                cx.iam.attach_role_policy().role_name(name).policy_arn(arn).send().await?;
            }
            for arn in now.difference(&wanted) {
                cx.iam.detach_role_policy().role_name(name).policy_arn(arn).send().await.map_err(Error::from).absent_ok()?;
            }
        }
        for policy in have.inline_policies.difference(&want.inline_policies) {
            cx.iam.delete_role_policy().role_name(name).policy_name(policy).send().await.map_err(Error::from).absent_ok()?;
        }
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        let name = iam::name(&gone.id);
        // IAM refuses while anything is attached, also by others' hands: ask, do not remember.
        let Some(attached) = attached(cx, name).await.absent_ok()? else { return Ok(()) };
        for arn in &attached {
            cx.iam.detach_role_policy().role_name(name).policy_arn(arn).send().await.map_err(Error::from).absent_ok()?;
        }
        for policy in &gone.have.inline_policies {
            cx.iam.delete_role_policy().role_name(name).policy_name(policy).send().await.map_err(Error::from).absent_ok()?;
        }
        cx.iam.delete_role().role_name(name).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        cx.iam.get_role().role_name(iam::name(id)).send().await?;
        Ok(Ready::Yes(known(id)))
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        iam::found_by_path(cx, "iam.TagRole", id)?;
        cx.iam.tag_role().role_name(iam::name(id)).set_tags(Some(iam::tags(marks)?)).send().await?;
        Ok(())
    }
}

impl Role {
    fn attached(&self, cx: &Aws) -> BTreeSet<String> {
        let ours = self.managed_policies.iter().map(|policy| policy.id().to_owned());
        ours.chain(self.aws_managed_policies.iter().map(|policy| policy.arn(cx))).collect()
    }
}

async fn attached(cx: &Aws, name: &str) -> Result<BTreeSet<String>> {
    let call = cx.iam.list_attached_role_policies().role_name(name);
    let all: Vec<sdk::AttachedPolicy> = call.into_paginator().items().send().collect::<std::result::Result<_, _>>().await?;
    Ok(all.into_iter().filter_map(|policy| policy.policy_arn).collect())
}

fn known(id: &str) -> Attributes {
    attributes([("arn", id), ("name", iam::name(id))])
}
