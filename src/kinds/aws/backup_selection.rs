//! What a backup plan backs up.
//!
//! API: <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_CreateBackupSelection.html>. It bears no tags (what is under our plan is
//! ours) and cannot change: another one takes its place. Does not touch exclusions, and conditions other than equal tags.

use aws_sdk_backup::types as bk;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

use super::backup_plan::BackupPlan;
use super::role::Role;
use super::support::backup::plans;
use super::support::side_by_side;
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags};
use crate::model::{Marks, Ref, Text};
use crate::planes::Aws;
use crate::planes::error::{Absent, Class, Error, Result};

/// What a backup plan backs up: what is named by ARN and bears all tags of `conditions`, and what bears one of `list_of_tags`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupSelection {
    /// The plan.
    #[schemars(extend("x-replace" = true))]
    pub backup_plan: Ref<BackupPlan>,
    /// Its name in the plan, 1 to 50 letters, digits, `-`, `_` and `.`.
    #[schemars(extend("x-replace" = true))]
    pub selection_name: String,
    /// Who AWS Backup acts as.
    #[schemars(extend("x-replace" = true, "x-need" = "ready"))]
    pub iam_role: Ref<Role>,
    /// ARNs; `*` stands for any part: `arn:aws:rds:*:*:db:*`. Default: none.
    #[serde(default)]
    #[schemars(extend("x-replace" = true))]
    pub resources: BTreeSet<Text>,
    /// Tags: what bears one of them is backed up too. Default: none.
    #[serde(default)]
    #[schemars(extend("x-replace" = true))]
    pub list_of_tags: BTreeMap<String, String>,
    /// Tags: of `resources`, only what bears all of them. Default: none.
    #[serde(default)]
    #[schemars(extend("x-replace" = true))]
    pub conditions: BTreeMap<String, String>,
}

/// What the name of a tag begins with in a condition.
const TAG: &str = "aws:ResourceTag/";

impl Named for BackupSelection {
    const NAME: &'static str = "aws.backup_selection";
}

impl Kind for BackupSelection {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/aws-backup/latest/devguide/API_CreateBackupSelection.html";
    const TAGS: Tags = Tags::None;
    const KEY: &'static [&'static str] = &["backup_plan", "selection_name"];
    const DROP_FIRST: bool = true;

    fn check(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if self.selection_name.is_empty() || self.selection_name.len() > 50 || !self.selection_name.chars().all(plain) {
            wrong.push(("selection_name".into(), "has 1 to 50 letters, digits, -, _ and .".into()));
        }
        if self.resources.is_empty() && self.list_of_tags.is_empty() {
            wrong.push(("resources".into(), "a selection needs `resources` or `list_of_tags`".into()));
        }
        wrong
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let ours = plans(cx).await?;
        let listed = side_by_side(ours.iter().map(|plan| async move {
            let call = cx.backup.list_backup_selections().backup_plan_id(plan.it.backup_plan_id().unwrap_or_default());
            Ok::<_, Error>(call.into_paginator().items().send().collect::<std::result::Result<Vec<_>, _>>().await?)
        }))
        .await?;
        let read = listed.iter().flatten().map(|one| async move {
            let (plan, id) = (one.backup_plan_id().unwrap_or_default(), one.selection_id().unwrap_or_default());
            let selection = get(cx, plan, id).await?;
            let made_at = one.creation_date().map(ToString::to_string).unwrap_or_default();
            let shape = shape(plan, &selection);
            Ok::<_, Error>(Live { id: format!("{plan}/{id}"), attributes: Attributes::new(), shape, marks: Marks::default(), made_at })
        });
        side_by_side(read).await
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let want = &new.want;
        let plan = want.backup_plan.id();
        let broken = |error: aws_smithy_types::error::operation::BuildError| Error::new(Class::Invalid, Self::NAME, error.to_string());
        let mut selection = bk::BackupSelection::builder().selection_name(&want.selection_name).iam_role_arn(want.iam_role.id());
        for resource in &want.resources {
            selection = selection.resources(resource.as_str());
        }
        for (key, value) in &want.list_of_tags {
            let tag = bk::Condition::builder().condition_type(bk::ConditionType::Stringequals).condition_key(key).condition_value(value);
            selection = selection.list_of_tags(tag.build().map_err(broken)?);
        }
        if !want.conditions.is_empty() {
            let equal = want
                .conditions
                .iter()
                .map(|(key, value)| bk::ConditionParameter::builder().condition_key(format!("{TAG}{key}")).condition_value(value).build());
            selection = selection.conditions(bk::Conditions::builder().set_string_equals(Some(equal.collect())).build());
        }
        let selection = selection.build().map_err(broken)?;
        let call = cx.backup.create_backup_selection().backup_plan_id(plan).backup_selection(selection).creator_request_id(&new.token);
        let out = call.send().await?;
        let id = out.selection_id.ok_or_else(|| Error::incomplete("backup.CreateBackupSelection", "id"))?;
        Ok(Made { id: format!("{plan}/{id}"), attributes: Attributes::new() })
    }

    async fn update(_cx: &Aws, _change: &Change<Self>) -> Result<()> {
        Ok(()) // every field makes another selection
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        let (plan, id) = parts(&gone.id)?;
        cx.backup.delete_backup_selection().backup_plan_id(plan).selection_id(id).send().await.map_err(absent).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        let (plan, id) = parts(id)?;
        get(cx, plan, id).await?;
        Ok(Ready::Yes(Attributes::new()))
    }

    async fn mark(_cx: &Aws, _id: &str, _marks: &Marks) -> Result<()> {
        Ok(())
    }
}

fn parts(id: &str) -> Result<(&str, &str)> {
    id.split_once('/').ok_or_else(|| Error::new(Class::Invalid, BackupSelection::NAME, format!("`{id}` is not PLAN/SELECTION")))
}

/// A selection that is not there is an invalid parameter to AWS Backup, told apart by its words.
fn absent(error: impl Into<Error>) -> Error {
    let mut error = error.into();
    if error.class == Class::Invalid && error.message.starts_with("Cannot find") {
        error.class = Class::NotFound;
    }
    error
}

async fn get(cx: &Aws, plan: &str, id: &str) -> Result<bk::BackupSelection> {
    let out = cx.backup.get_backup_selection().backup_plan_id(plan).selection_id(id).send().await.map_err(absent)?;
    out.backup_selection.ok_or_else(|| Error::not_found("backup.GetBackupSelection", id))
}

fn shape(plan: &str, one: &bk::BackupSelection) -> BackupSelection {
    let equal = one.conditions().map(bk::Conditions::string_equals).unwrap_or_default();
    BackupSelection {
        backup_plan: Ref::to(plan),
        selection_name: one.selection_name().to_owned(),
        iam_role: Ref::to(one.iam_role_arn()),
        resources: one.resources().iter().map(|arn| arn.as_str().into()).collect(),
        list_of_tags: one.list_of_tags().iter().map(|tag| (tag.condition_key().to_owned(), tag.condition_value().to_owned())).collect(),
        conditions: equal
            .iter()
            .filter_map(|one| {
                let key = one.condition_key()?;
                Some((key.strip_prefix(TAG).unwrap_or(key).to_owned(), one.condition_value()?.to_owned()))
            })
            .collect(),
    }
}
