//! A key's end: KMS deletes it weeks after it was asked to, and until then it can be had back.

use aws_sdk_kms::types as kms;
use futures::future::try_join_all;

use super::{backups, marks_of, ours};
use crate::kinds::aws::support::described;
use crate::model::Marks;
use crate::planes::Aws;
use crate::planes::error::{Absent, Class, Error, Result};

/// How long a key that was deleted can be had back.
const DAYS: i32 = 30;

/// When KMS deletes the key; `None` when nobody asked for that.
pub(super) fn due(key: &kms::KeyMetadata) -> Option<String> {
    match key.key_state {
        Some(kms::KeyState::PendingDeletion) => {
            let date = key.deletion_date.map(|at| at.to_string()).unwrap_or_default();
            Some(format!("on {}", date.split('T').next().unwrap_or_default()))
        }
        Some(kms::KeyState::PendingReplicaDeletion) => Some("once its replicas are gone".to_owned()),
        _ => None,
    }
}

/// Asks for the deletion. The key is marked as retiring first: that tells a deletion of ours from anybody else's, and nothing can be written on
/// a key that waits for its end. A key that backups need stays: a server's last snapshot is made when the server goes, so only now can it be known.
pub(super) async fn schedule(cx: &Aws, id: &str) -> Result<()> {
    let Some(out) = cx.kms.describe_key().key_id(id).send().await.map_err(Error::from).absent_ok()? else { return Ok(()) };
    let key = out.key_metadata.ok_or_else(|| Error::incomplete("kms.DescribeKey", "key"))?;
    if due(&key).is_none() {
        let arn = key.arn.as_deref().unwrap_or(id);
        let backups = backups::under(cx, arn).await?;
        if !backups.is_empty() {
            return Err(Error::new(Class::Invalid, "kms.ScheduleKeyDeletion", backups::words(arn, &backups)));
        }
        let description = key.description().unwrap_or_default();
        if let (words, Some(marks)) = marks_of(cx, id, description).await?
            && !marks.retiring
        {
            let description = described::with_marks(words, &Marks { retiring: true, ..marks });
            cx.kms.update_key_description().key_id(id).description(description).send().await?;
        }
        let asked = cx.kms.schedule_key_deletion().key_id(id).pending_window_in_days(DAYS).send().await;
        match asked.map_err(Error::from) {
            // It waits for its deletion by now.
            Err(error) if error.code.contains("InvalidState") => {}
            other => drop(other.absent_ok()?),
        }
    }
    let aliases = ours(cx, id).await.absent_ok()?.unwrap_or_default();
    try_join_all(
        aliases
            .iter()
            .map(|name| async move { cx.kms.delete_alias().alias_name(name).send().await.map_err(Error::from).absent_ok().map(|_| ()) }),
    )
    .await?;
    Ok(())
}
