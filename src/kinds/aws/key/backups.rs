//! The backups that nobody can open without a key: they outlive what they were made of, and with the key they would be lost.

use aws_sdk_backup::types as bk;
use aws_sdk_rds::types as rds;

use crate::kinds::aws::support::side_by_side;
use crate::model::runbook::PROTECTED;
use crate::planes::Aws;
use crate::planes::error::{Absent, Error, Result};

/// How many are named.
const NAMED: usize = 5;

/// The snapshots and automated backups of database servers and the recovery points of AWS Backup that are encrypted with the key `arn`, in words.
pub(super) async fn under(cx: &Aws, arn: &str) -> Result<Vec<String>> {
    let (mut all, automated, points) = futures::try_join!(snapshots(cx, arn), automated_backups(cx, arn), recovery_points(cx, arn))?;
    all.extend(automated);
    all.extend(points);
    Ok(all)
}

/// Why the key stays.
pub(super) fn words(arn: &str, backups: &[String]) -> String {
    let mut names = backups.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if backups.len() > NAMED {
        names = format!("{names} and {} more", backups.len() - NAMED);
    }
    format!("{arn} stays: without it nobody could open {names}. It can go when they are gone (see {PROTECTED})")
}

/// Those that somebody made, and the last ones of deleted servers; what RDS makes each day goes with its automated backups.
async fn snapshots(cx: &Aws, arn: &str) -> Result<Vec<String>> {
    let items = cx.rds.describe_db_snapshots().snapshot_type("manual").into_paginator().items().send();
    let all: Vec<rds::DbSnapshot> = items.collect::<std::result::Result<_, _>>().await?;
    let under = all.iter().filter(|one| one.kms_key_id() == Some(arn));
    Ok(under.map(|one| format!("the snapshot {}", one.db_snapshot_identifier().unwrap_or_default())).collect())
}

/// Also those that were retained when their server was deleted.
async fn automated_backups(cx: &Aws, arn: &str) -> Result<Vec<String>> {
    let items = cx.rds.describe_db_instance_automated_backups().into_paginator().items().send();
    let all: Vec<rds::DbInstanceAutomatedBackup> = items.collect::<std::result::Result<_, _>>().await?;
    let under = all.iter().filter(|one| one.kms_key_id() == Some(arn));
    Ok(under.map(|one| format!("the automated backups of {}", one.db_instance_identifier().unwrap_or_default())).collect())
}

async fn recovery_points(cx: &Aws, arn: &str) -> Result<Vec<String>> {
    let items = cx.backup.list_backup_vaults().into_paginator().items().send();
    let vaults: Vec<bk::BackupVaultListMember> = items.collect::<std::result::Result<_, _>>().await?;
    let under = vaults.iter().filter_map(|vault| vault.backup_vault_name()).map(|vault| recovery_points_in(cx, vault, arn));
    Ok(side_by_side(under).await?.concat())
}

/// A vault that went since it was listed had to be empty: AWS deletes no other.
async fn recovery_points_in(cx: &Aws, vault: &str, arn: &str) -> Result<Vec<String>> {
    let items = cx.backup.list_recovery_points_by_backup_vault().backup_vault_name(vault).into_paginator().items().send();
    let points: std::result::Result<Vec<bk::RecoveryPointByBackupVault>, _> = items.collect().await;
    let points = points.map_err(Error::from).absent_ok()?.unwrap_or_default();
    let of_key = points.iter().filter(|point| point.encryption_key_arn() == Some(arn));
    Ok(of_key.map(|point| format!("the recovery point {} in {vault}", point.recovery_point_arn().unwrap_or_default())).collect())
}
