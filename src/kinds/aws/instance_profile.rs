//! An IAM instance profile: the role that hosts take.
//!
//! API: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateInstanceProfile.html>.
//! Lives under the path `/reeve/STACK/`. Does not touch the role itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::role::Role;
use super::support::{iam, side_by_side};
use crate::kinds::{Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::Marks;
use crate::model::field::Ref;
use crate::planes::Aws;
use crate::planes::error::{Absent, Error, Result};
use aws_sdk_iam::types as sdk;

/// An instance profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InstanceProfile {
    /// The role that instances take.
    pub role: Ref<Role>,
}

impl Named for InstanceProfile {
    const NAME: &'static str = "aws.instance_profile";
}

impl Kind for InstanceProfile {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateInstanceProfile.html";
    const TAGS: Tags = Tags::InstanceProfile;
    const NAME_LIMIT: usize = 128;
    const ATTRIBUTES: &'static [&'static str] = &["arn"];
    const MANY_CALLS: bool = true;

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let profiles: Vec<sdk::InstanceProfile> = cx
            .iam
            .list_instance_profiles()
            .path_prefix(iam::path(cx))
            .max_items(1000)
            .into_paginator()
            .items()
            .send()
            .collect::<std::result::Result<_, _>>()
            .await?;
        let all = profiles.iter().map(|profile| async move {
            let name = profile.instance_profile_name();
            let tags = cx.iam.list_instance_profile_tags().instance_profile_name(name).max_items(100).send().await?;
            let tags = iam::pairs(tags.tags());
            let Some(marks) = cx.marks_or_stranger(Self::NAME, (name, name), tags) else { return Ok(None) };
            // One whose role was not attached yet, or was taken away by hand, has an empty reference: it differs from every wish.
            let role = Ref::to(profile.roles().first().map(sdk::Role::arn).unwrap_or_default());
            let attributes = attributes([("arn", profile.arn())]);
            let made_at = iam::time(Some(profile.create_date()));
            Ok::<_, Error>(Some(Live { id: name.to_owned(), attributes, shape: Self { role }, marks, made_at }))
        });
        Ok(side_by_side(all).await?.into_iter().flatten().collect())
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let call = cx.iam.create_instance_profile().instance_profile_name(new.name(Self::NAME_LIMIT)).path(iam::path(cx));
        let out = call.set_tags(Some(iam::tags(&new.marks)?)).send().await?;
        let made = out.instance_profile.ok_or_else(|| Error::incomplete("iam.CreateInstanceProfile", "profile"))?;
        Ok(Made { attributes: attributes([("arn", made.arn())]), id: made.instance_profile_name })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        let (id, want) = (&change.id, iam::name(change.want.role.id()));
        let now = cx.iam.get_instance_profile().instance_profile_name(id).send().await?;
        let roles = now.instance_profile.map(|profile| profile.roles).unwrap_or_default();
        // A profile holds one role.
        for role in roles.iter().map(sdk::Role::role_name).filter(|role| *role != want) {
            cx.iam.remove_role_from_instance_profile().instance_profile_name(id).role_name(role).send().await?;
        }
        if !roles.iter().any(|role| role.role_name() == want) {
            cx.iam.add_role_to_instance_profile().instance_profile_name(id).role_name(want).send().await?;
        }
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        let now = cx.iam.get_instance_profile().instance_profile_name(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        let Some(profile) = now.and_then(|out| out.instance_profile) else { return Ok(()) };
        for role in profile.roles() {
            let call = cx.iam.remove_role_from_instance_profile().instance_profile_name(&gone.id).role_name(role.role_name());
            call.send().await.map_err(Error::from).absent_ok()?;
        }
        cx.iam.delete_instance_profile().instance_profile_name(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        let out = cx.iam.get_instance_profile().instance_profile_name(id).send().await?;
        let profile = out.instance_profile.ok_or_else(|| Error::incomplete("iam.GetInstanceProfile", "profile"))?;
        if profile.roles().is_empty() {
            return Ok(Ready::NotYet("no role yet".into()));
        }
        Ok(Ready::Yes(attributes([("arn", profile.arn())])))
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        let out = cx.iam.get_instance_profile().instance_profile_name(id).send().await?;
        iam::found_by_path(cx, "iam.TagInstanceProfile", out.instance_profile().map(sdk::InstanceProfile::arn).unwrap_or_default())?;
        cx.iam.tag_instance_profile().instance_profile_name(id).set_tags(Some(iam::tags(marks)?)).send().await?;
        Ok(())
    }
}
