//! A copy of the file system, from the newest recovery point that the stack's vault holds of it. What AWS says of it is looked at; its files are
//! not: for that it would have to be mounted, which a drill does not pretend to do.
//!
//! AWS Backup makes the file system, so that it has no tag before it is there: until then its creation token, which nobody can change, tells it.
//!
//! API: <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_StartRestoreJob.html>.

use std::time::Duration;

use aws_sdk_backup::types as bk;
use aws_sdk_efs::types as efs;
use jiff::Timestamp;

use super::wait::{Step, until};
use super::{Begun, Progress, Seen, TAG, name};
use crate::kinds::Kind;
use crate::kinds::aws::backup_vault::BackupVault;
use crate::kinds::aws::role::Role;
use crate::model::drill::Part;
use crate::model::{Marks, runbook};
use crate::planes::Aws;
use crate::planes::error::{Absent, Class, Error, Result};

/// How long a restore may take. AWS names hours for a million files.
const RESTORE: Duration = Duration::from_secs(24 * 3600);
/// For how long a file system that a restore is writing to may refuse to be deleted.
const REMOVE: Duration = Duration::from_secs(3600);

/// For how long a file system may not be listed whose restore has ended.
const LISTED: Duration = Duration::from_secs(120);
/// For how long one may come to be of whose restore nobody heard.
const UNHEARD: Duration = Duration::from_secs(900);

/// The newest recovery point, and what a restore of it needs.
#[derive(Debug)]
pub struct Source {
    pub(super) point: String,
    pub(super) made: Timestamp,
    bytes: i64,
    file_system: String,
    key: Option<String>,
    mode: efs::PerformanceMode,
    role: String,
}

impl Source {
    pub(super) async fn find(aws: &Aws) -> Result<Self> {
        let missing = |what: &str| Error::not_found("drill", &format!("the stack's {what}"));
        let is = |marks: &Marks, address: &str| !marks.retiring && marks.address.as_ref().is_some_and(|one| one.as_str() == address);
        let address = Part::Files.address();
        let live = all(aws).await?.into_iter().find(|one| aws.marks(tags(one)).is_some_and(|marks| is(&marks, address)));
        let live = live.ok_or_else(|| missing(address))?;
        let arn = live.file_system_arn().ok_or_else(|| Error::incomplete("efs.DescribeFileSystems", "ARN"))?;
        let vault = BackupVault::fetch(aws).await?.into_iter().find(|one| is(&one.marks, "backup.vault"));
        let vault = vault.ok_or_else(|| missing("backup.vault"))?;
        let role = Role::fetch(aws).await?.into_iter().find(|one| is(&one.marks, "backup.role"));
        let role = role.and_then(|mut role| role.attributes.remove("arn")).ok_or_else(|| missing("backup.role"))?;

        let points = aws.backup.list_recovery_points_by_resource().resource_arn(arn).into_paginator().items().send();
        let points: Vec<bk::RecoveryPointByResource> = points.collect::<std::result::Result<_, _>>().await?;
        let whole = points
            .into_iter()
            .filter(|point| point.backup_vault_name() == Some(&vault.id) && point.status() == Some(&bk::RecoveryPointStatus::Completed));
        let newest = whole.max_by_key(|point| point.creation_date().map(aws_smithy_types::DateTime::secs));
        let newest = newest.ok_or_else(|| {
            let message = format!(
                "{} holds no recovery point of {}: it was never backed up there, or its backups expired; see {}",
                vault.id,
                live.file_system_id(),
                runbook::RESTORE_DRILL
            );
            Error::new(Class::NotFound, "backup.ListRecoveryPointsByResource", message)
        })?;
        let incomplete = |what: &str| Error::incomplete("backup.ListRecoveryPointsByResource", what);
        let made = newest.creation_date().and_then(|date| Timestamp::from_second(date.secs()).ok());
        Ok(Self {
            point: newest.recovery_point_arn().ok_or_else(|| incomplete("ARN"))?.to_owned(),
            made: made.ok_or_else(|| incomplete("date"))?,
            bytes: newest.backup_size_bytes().unwrap_or_default(),
            file_system: live.file_system_id().to_owned(),
            key: live.kms_key_id().map(str::to_owned),
            mode: live.performance_mode().clone(),
            role,
        })
    }

    pub(super) fn live(&self) -> &str {
        &self.file_system
    }

    pub(super) fn words(&self) -> String {
        format!("a file system ({}), restored from the backup of {} of {:.0}", size(self.bytes), self.file_system, self.made)
    }

    pub(super) async fn begin(&self, aws: &Aws, name: &str) -> Result<String> {
        let call = aws
            .backup
            .start_restore_job()
            .recovery_point_arn(&self.point)
            .iam_role_arn(&self.role)
            .resource_type("EFS")
            .idempotency_token(name)
            // The marks of the live one would make it a second one.
            .copy_source_tags_to_restored_resource(false)
            .metadata("file-system-id", &self.file_system)
            .metadata("newFileSystem", "true")
            .metadata("CreationToken", name)
            .metadata("Encrypted", "true")
            .metadata("PerformanceMode", self.mode.as_str());
        let call = match &self.key {
            Some(key) => call.metadata("KmsKeyId", key),
            None => call,
        };
        call.send().await?.restore_job_id.ok_or_else(|| Error::incomplete("backup.StartRestoreJob", "job"))
    }

    pub(super) async fn look(&self, aws: &Aws, begun: &Begun, seen: &mut Seen, progress: &Progress) -> Result<()> {
        let mut tagged = false;
        until(&begun.name, RESTORE, progress, async || {
            if !tagged && let Some(copy) = by_token(aws, &begun.name).await? {
                tag(aws, copy.file_system_id()).await?;
                copy.file_system_id().clone_into(&mut seen.copy);
                tagged = true;
            }
            let job = aws.backup.describe_restore_job().restore_job_id(&begun.job).send().await?;
            let why = job.status_message().unwrap_or("no reason is given").to_owned();
            match job.status() {
                Some(bk::RestoreJobStatus::Completed) if tagged => Ok(Step::Done(())),
                Some(state @ (bk::RestoreJobStatus::Failed | bk::RestoreJobStatus::Aborted)) => {
                    let message = format!("the restore of {} is {}: {why}", self.point, state.as_str());
                    Err(Error::new(Class::Invalid, "backup.DescribeRestoreJob", message))
                }
                state => {
                    let state = state.map_or("asked for", bk::RestoreJobStatus::as_str);
                    Ok(Step::NotYet(format!("{state} {}", job.percent_done().unwrap_or_default()).trim_end().to_owned()))
                }
            }
        })
        .await?;
        seen.seconds = begun.seconds();
        let copy = by_token(aws, &begun.name).await?.ok_or_else(|| Error::not_found("efs.DescribeFileSystems", &begun.name))?;
        self.judge(&copy, seen);
        Ok(())
    }

    /// What AWS says of it.
    fn judge(&self, copy: &efs::FileSystemDescription, seen: &mut Seen) {
        let (id, bytes) = (copy.file_system_id(), copy.size_in_bytes().map_or(0, efs::FileSystemSize::value));
        seen.found.push(format!("{id} is {}, {} of {} in the backup", copy.life_cycle_state(), size(bytes), size(self.bytes)));
        if copy.life_cycle_state() != &efs::LifeCycleState::Available {
            seen.wrong.push(format!("{id} is {}", copy.life_cycle_state()));
        }
        if copy.encrypted() != Some(true) || copy.kms_key_id() != self.key.as_deref() {
            seen.wrong.push(format!("{id} is not encrypted with the key of {}", self.file_system));
        }
        if bytes == 0 {
            seen.wrong.push(format!("{id} is empty, and the backup has {}", size(self.bytes)));
        }
        seen.unseen.push(format!("the files in it: it was not mounted; by hand, on a host: {}", runbook::RESTORE_DRILL));
    }
}

/// Those that drills left.
pub(super) async fn leftovers(aws: &Aws) -> Result<Vec<String>> {
    let left = all(aws).await?.into_iter().filter(|one| is_drills(aws, one) && !is_going(one));
    Ok(left.map(|one| one.creation_token).collect())
}

/// By its creation token, which is a drill's name, and no mark of the stack: nothing else is ever deleted.
fn is_drills(aws: &Aws, one: &efs::FileSystemDescription) -> bool {
    let marked = tags(one).any(|(key, _)| key == crate::model::marks::key::STACK);
    !marked && name::is_ours(&aws.estate.stack, one.creation_token())
}

fn is_going(one: &efs::FileSystemDescription) -> bool {
    matches!(one.life_cycle_state(), efs::LifeCycleState::Deleting | efs::LifeCycleState::Deleted)
}

/// Deletes it. One that was just asked for (`begun`) is waited for: a restore makes it minutes later, and cannot be called off.
pub(super) async fn remove(aws: &Aws, name: &str, begun: Option<&Begun>, progress: &Progress) -> Result<()> {
    if let Some(begun) = begun {
        appeared(aws, begun, progress).await?;
    }
    until(name, REMOVE, progress, async || {
        let Some(one) = by_token(aws, name).await?.filter(|one| !is_going(one)) else { return Ok(Step::Done(())) };
        if !is_drills(aws, &one) {
            let message = format!("{} is not a drill's: it is left alone", one.file_system_id());
            return Err(Error::new(Class::Invalid, "efs.DeleteFileSystem", message));
        }
        match aws.efs.delete_file_system().file_system_id(one.file_system_id()).send().await.map_err(Error::from).absent_ok() {
            Ok(_) => Ok(Step::Done(())),
            Err(error) if error.class == Class::InUse => Ok(Step::NotYet("is not to be deleted yet".into())),
            Err(error) => Err(error),
        }
    })
    .await
}

/// Waits until it is there, or will never be.
async fn appeared(aws: &Aws, begun: &Begun, progress: &Progress) -> Result<()> {
    until(&begun.name, RESTORE, progress, async || {
        // Before it is looked for: what a restore makes is there by its end.
        let (ends, state) = match begun.job.as_str() {
            "" => (Some(UNHEARD), "it may come to be".to_owned()),
            job => restore(aws, job).await?,
        };
        let never = ends.is_some_and(|patience| begun.since.elapsed() >= patience);
        let there = by_token(aws, &begun.name).await?.is_some();
        Ok(if there || never { Step::Done(()) } else { Step::NotYet(format!("to be deleted once it is made: {state}")) })
    })
    .await
}

/// Counted from its beginning, when a restore will surely make nothing any more; none while it goes on. And its state, in words.
async fn restore(aws: &Aws, job: &str) -> Result<(Option<Duration>, String)> {
    let job = aws.backup.describe_restore_job().restore_job_id(job).send().await.map_err(Error::from).absent_ok()?;
    let state = job.and_then(|job| job.status);
    let goes_on = matches!(state, Some(bk::RestoreJobStatus::Pending | bk::RestoreJobStatus::Running));
    let words = state.as_ref().map_or("not known yet", bk::RestoreJobStatus::as_str);
    Ok(((!goes_on).then_some(LISTED), format!("its restore is {words}")))
}

/// For people: what it is and that it may go.
async fn tag(aws: &Aws, id: &str) -> Result<()> {
    let incomplete = |_| Error::incomplete("efs.TagResource", "tag");
    let tag = |key: &str, value: &str| efs::Tag::builder().key(key).value(value).build().map_err(incomplete);
    let stack = &aws.estate.stack;
    let name = format!("restore drill of {stack} - a copy, not the live one");
    aws.efs.tag_resource().resource_id(id).tags(tag(TAG, stack)?).tags(tag("Name", &name)?).send().await?;
    Ok(())
}

async fn all(aws: &Aws) -> Result<Vec<efs::FileSystemDescription>> {
    Ok(aws.efs.describe_file_systems().into_paginator().items().send().collect::<std::result::Result<_, _>>().await?)
}

async fn by_token(aws: &Aws, token: &str) -> Result<Option<efs::FileSystemDescription>> {
    let out = aws.efs.describe_file_systems().creation_token(token).send().await.map_err(Error::from).absent_ok()?;
    Ok(out.and_then(|out| out.file_systems).into_iter().flatten().next())
}

fn tags(one: &efs::FileSystemDescription) -> impl Iterator<Item = (&str, &str)> {
    one.tags().iter().map(|tag| (tag.key(), tag.value()))
}

/// Bytes in a unit that says them well.
fn size(bytes: i64) -> String {
    match bytes {
        0x4000_0000.. => format!("{} GiB", bytes >> 30),
        0x10_0000..0x4000_0000 => format!("{} MiB", bytes >> 20),
        _ => format!("{} KiB", bytes >> 10),
    }
}
