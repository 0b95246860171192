//! Saved plans that were applied: a plan is applied once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::entry::FORMAT_VERSION;
use super::store::{Put, Store, Version};
use super::{Clock, RecordError, canonical};

/// The note that a saved plan was applied; `applied/<digest>.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedPlan {
    /// The version of this form.
    pub format_version: u32,
    /// The plan's digest, `sha256:...`.
    pub digest: String,
    /// The run that applied it.
    pub run: String,
    /// When it began.
    pub at: Timestamp,
    /// Nothing came of it: no step was done. The same plan may be applied again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_vain: bool,
}

/// Makes the note; see [`super::Record::mark_plan_applied`].
pub(super) async fn mark(store: &Store, clock: &Clock, digest: &str, run: &str) -> Result<(), RecordError> {
    let note =
        AppliedPlan { format_version: FORMAT_VERSION, digest: digest.to_owned(), run: run.to_owned(), at: clock.now(), in_vain: false };
    let put = match read(store, digest).await? {
        Some((earlier, version)) if earlier.in_vain => store.put_over(&key(digest), canonical(&note)?, &version).await?,
        Some(_) => Put::Refused,
        None => store.put_new(&key(digest), canonical(&note)?).await?,
    };
    if let Put::Written(_) = put {
        return Ok(());
    }
    let earlier = find(store, digest).await?.unwrap_or(note);
    Err(RecordError::AlreadyApplied(Box::new(earlier)))
}

/// Nothing came of it; see [`super::Record::was_in_vain`].
pub(super) async fn in_vain(store: &Store, digest: &str, run: &str) -> Result<(), RecordError> {
    let Some((note, version)) = read(store, digest).await?.filter(|(note, _)| note.run == run) else { return Ok(()) };
    store.put_over(&key(digest), canonical(&AppliedPlan { in_vain: true, ..note })?, &version).await.map(drop)
}

/// Reads the note; see [`super::Record::was_applied`].
pub(super) async fn find(store: &Store, digest: &str) -> Result<Option<AppliedPlan>, RecordError> {
    Ok(read(store, digest).await?.map(|(note, _)| note).filter(|note| !note.in_vain))
}

async fn read(store: &Store, digest: &str) -> Result<Option<(AppliedPlan, Version)>, RecordError> {
    let key = key(digest);
    let Some(object) = store.get(&key).await? else { return Ok(None) };
    let note = serde_json::from_slice(&object.body).map_err(|error| RecordError::Damaged {
        place: store.place(&key),
        why: error.to_string(),
        hint: "The plan it names was applied; make a new one",
    })?;
    Ok(Some((note, object.version)))
}

/// Each note and the run that it names. One that cannot be read names a run that is not there.
pub(super) async fn runs(store: &Store) -> Result<Vec<(String, String)>, RecordError> {
    let mut runs = Vec::new();
    for key in store.list("applied/", None).await? {
        let Some(object) = store.get(&key).await? else { continue };
        let run = serde_json::from_slice::<AppliedPlan>(&object.body).map_or_else(|_| "(unreadable)".to_owned(), |note| note.run);
        runs.push((key, run));
    }
    Ok(runs)
}

/// A digest is `sha256:` and hexadecimal; whatever else someone passes must not name another object.
fn key(digest: &str) -> String {
    let hex: String = digest.trim_start_matches("sha256:").chars().filter(char::is_ascii_alphanumeric).collect();
    format!("applied/{hex}.json")
}
