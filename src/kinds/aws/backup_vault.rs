//! A backup vault: where recovery points are kept, under a key and, when locked, for as long as they have to be.
//!
//! API: <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_CreateBackupVault.html>; the lock:
//! <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_PutBackupVaultLockConfiguration.html>, in governance mode: who has the
//! right may lift it. Does not touch access policies, notifications and air-gapped vaults.

use aws_sdk_backup::types as bk;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::key::Key;
use super::support::backup::{arn, mark, owned, tags};
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::{Marks, Ref};
use crate::planes::Aws;
use crate::planes::error::{Absent, Error, Result};

/// A backup vault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupVault {
    /// The key of its recovery points.
    #[schemars(extend("x-replace" = true))]
    pub encryption_key: Ref<Key>,
    /// It is locked: no recovery point goes before this many days, and no plan may ask for less. Default: not locked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_retention_days: Option<u32>,
    /// It is locked: no plan may ask for more days than this. Default: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_retention_days: Option<u32>,
}

impl Named for BackupVault {
    const NAME: &'static str = "aws.backup_vault";
}

impl Kind for BackupVault {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/aws-backup/latest/devguide/API_CreateBackupVault.html";
    const TAGS: Tags = Tags::Backup("backup-vault");
    const NAME_LIMIT: usize = 50;
    const ATTRIBUTES: &'static [&'static str] = &["arn", "name"];
    const STATEFUL: bool = true;
    const MANY_CALLS: bool = true;

    fn check(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        for (field, days) in [("min_retention_days", self.min_retention_days), ("max_retention_days", self.max_retention_days)] {
            if days.is_some_and(|days| !(1..=36_500).contains(&days)) {
                wrong.push((field.to_owned(), "is 1 to 36500 days".into()));
            }
        }
        if let (Some(min), Some(max)) = (self.min_retention_days, self.max_retention_days)
            && min > max
        {
            wrong.push(("max_retention_days".into(), "is not less than `min_retention_days`".into()));
        }
        wrong
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let ours =
            owned(cx, list(cx).await?, |vault| vault.backup_vault_arn(), |vault| Some((Self::NAME, vault.backup_vault_name()?))).await?;
        Ok(ours
            .into_iter()
            .map(|one| {
                let name = one.it.backup_vault_name().unwrap_or_default().to_owned();
                let made_at = one.it.creation_date().map(ToString::to_string).unwrap_or_default();
                Live { attributes: known(cx, &name), shape: shape(&one.it), marks: one.marks, made_at, id: name }
            })
            .collect())
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let id = new.name(Self::NAME_LIMIT);
        cx.backup
            .create_backup_vault()
            .backup_vault_name(&id)
            .encryption_key_arn(new.want.encryption_key.id())
            .creator_request_id(&new.token)
            .set_backup_vault_tags(Some(tags(&new.marks)))
            .send()
            .await?;
        Ok(Made { attributes: known(cx, &id), id })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        if !change.touches(&["min_retention_days", "max_retention_days"]) {
            return Ok(());
        }
        let (min, max) = (change.want.min_retention_days, change.want.max_retention_days);
        if min.is_none() && max.is_none() {
            cx.backup
                .delete_backup_vault_lock_configuration()
                .backup_vault_name(&change.id)
                .send()
                .await
                .map_err(Error::from)
                .absent_ok()?;
            return Ok(());
        }
        // Without `changeable_for_days` the lock is in governance mode. A limit that is left out is lifted.
        let call = cx.backup.put_backup_vault_lock_configuration().backup_vault_name(&change.id);
        call.set_min_retention_days(min.map(i64::from)).set_max_retention_days(max.map(i64::from)).send().await?;
        Ok(())
    }

    /// AWS refuses while there is a recovery point: reeve does not delete backups.
    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        // A vault that is not there answers AccessDenied: so ask first.
        if find(cx, &gone.id).await?.is_some() {
            cx.backup.delete_backup_vault().backup_vault_name(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        }
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        let vault = find(cx, id).await?.ok_or_else(|| Error::not_found("backup.ListBackupVaults", id))?;
        Ok(match vault.vault_state() {
            None | Some(bk::VaultState::Available) => Ready::Yes(known(cx, id)),
            Some(bk::VaultState::Failed) => Ready::Failed("FAILED".into()),
            Some(state) => Ready::NotYet(state.to_string()),
        })
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        mark(cx, &arn(cx, "backup-vault", id), marks).await
    }
}

async fn list(cx: &Aws) -> Result<Vec<bk::BackupVaultListMember>> {
    Ok(cx.backup.list_backup_vaults().into_paginator().items().send().collect::<std::result::Result<_, _>>().await?)
}

async fn find(cx: &Aws, name: &str) -> Result<Option<bk::BackupVaultListMember>> {
    Ok(list(cx).await?.into_iter().find(|vault| vault.backup_vault_name() == Some(name)))
}

fn known(cx: &Aws, name: &str) -> Attributes {
    attributes([("arn", &arn(cx, "backup-vault", name)), ("name", name)])
}

fn shape(vault: &bk::BackupVaultListMember) -> BackupVault {
    let days = |days: Option<i64>| days.filter(|_| vault.locked() == Some(true)).and_then(|days| days.try_into().ok());
    BackupVault {
        encryption_key: Ref::to(vault.encryption_key_arn().unwrap_or_default()),
        min_retention_days: days(vault.min_retention_days()),
        max_retention_days: days(vault.max_retention_days()),
    }
}
