//! What the kinds of AWS Backup share: our plans, tags of anything, ARNs.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_backup::types as bk;

use super::elbv2::Owned;
use super::side_by_side;
use crate::model::Marks;
use crate::planes::Aws;
use crate::planes::error::{Error, Result};

/// Our backup plans, read once in a pass.
///
/// # Errors
/// What AWS answered.
pub async fn plans(cx: &Aws) -> Result<Arc<Vec<Owned<bk::BackupPlansListMember>>>> {
    cx.once("backup.ListBackupPlans", || async {
        let all: Vec<bk::BackupPlansListMember> =
            cx.backup.list_backup_plans().into_paginator().items().send().collect::<std::result::Result<_, _>>().await?;
        // A deleted plan stays listed for as long as its recovery points live.
        owned(cx, all.into_iter().filter(|plan| plan.deletion_date().is_none()).collect(), |plan| plan.backup_plan_arn(), |_| None).await
    })
    .await
}

/// Of `all`, those that this stack owns; of the others, those that `stranger` gives a kind and a name are noted. AWS Backup reads tags one ARN at a time.
///
/// # Errors
/// What AWS answered.
pub async fn owned<T: Send + Sync>(
    cx: &Aws,
    all: Vec<T>,
    arn: impl Fn(&T) -> Option<&str> + Sync,
    stranger: impl Fn(&T) -> Option<(&'static str, &str)> + Sync,
) -> Result<Vec<Owned<T>>> {
    let (arn, stranger) = (&arn, &stranger);
    let owned = side_by_side(all.into_iter().map(|it| async move {
        let id = arn(&it).ok_or_else(|| Error::incomplete("backup.List", "ARN"))?;
        let tags = cx.backup.list_tags().resource_arn(id).send().await?.tags.unwrap_or_default();
        let tags = tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let marks = match stranger(&it) {
            Some((kind, name)) => cx.marks_or_stranger(kind, (name, name), tags),
            None => cx.marks(tags),
        };
        Ok::<_, Error>(marks.map(|marks| Owned { it, marks }))
    }))
    .await?;
    Ok(owned.into_iter().flatten().collect())
}

/// Marks as the map that AWS Backup takes.
pub fn tags(marks: &Marks) -> HashMap<String, String> {
    marks.to_tags().into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Rewrites the marks of anything of AWS Backup.
///
/// # Errors
/// What AWS answered.
pub async fn mark(cx: &Aws, arn: &str, marks: &Marks) -> Result<()> {
    cx.backup.tag_resource().resource_arn(arn).set_tags(Some(tags(marks))).send().await?;
    Ok(())
}

/// The ARN of something of AWS Backup in our account and region: `backup-vault`, `backup-plan`.
pub fn arn(cx: &Aws, sort: &str, name: &str) -> String {
    let estate = &cx.estate;
    format!("arn:{}:backup:{}:{}:{sort}:{name}", estate.partition, estate.region, estate.account)
}
