//! Plans of the loop that wait for a person: `held/<digest>.json` is the saved plan itself, `held.json` says which of them waits now.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::entry::FORMAT_VERSION;
use super::plan_file::SavedPlan;
use super::store::{Put, Store};
use super::{Clock, RecordError, canonical};

const NOW: &str = "held.json";

/// Which plan waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldPlan {
    /// The version of this form.
    pub format_version: u32,
    /// The plan's digest, `sha256:...`; empty: none waits.
    pub digest: String,
    /// Since when.
    pub since: Timestamp,
    /// What waits for a person: `delete vpc.data`.
    pub changes: Vec<String>,
}

/// Makes `plan` the one that waits; `None`: none does. Nothing is written where it is so already.
pub(super) async fn hold(store: &Store, clock: &Clock, plan: Option<(&SavedPlan, Vec<String>)>) -> Result<(), RecordError> {
    let digest = plan.as_ref().map(|(plan, _)| plan.digest.clone()).unwrap_or_default();
    if find(store).await?.map(|one| one.digest).unwrap_or_default() == digest {
        return Ok(());
    }
    let mut changes = Vec::new();
    if let Some((plan, what)) = plan {
        let mut body = canonical(&plan.plan)?;
        body.push(b'\n');
        // One of this digest that is there already differs in who made it and when, and in nothing else.
        match store.put_new(&key(&digest), body).await? {
            Put::Written(_) | Put::Refused => changes = what,
        }
    }
    let note = HeldPlan { format_version: FORMAT_VERSION, digest, since: clock.now(), changes };
    store.put(NOW, canonical(&note)?).await?;
    Ok(())
}

/// Which plan waits, if one does.
pub(super) async fn held(store: &Store) -> Result<Option<HeldPlan>, RecordError> {
    Ok(find(store).await?.filter(|one| !one.digest.is_empty()))
}

/// The plan of that digest, as it lies there.
pub(super) async fn plan(store: &Store, digest: &str) -> Result<Vec<u8>, RecordError> {
    let key = key(digest);
    match store.get(&key).await? {
        Some(object) => Ok(object.body),
        None => Err(RecordError::Damaged {
            place: store.place(&key),
            why: "it is not there".to_owned(),
            hint: "The loop writes it anew when what waits changes",
        }),
    }
}

async fn find(store: &Store) -> Result<Option<HeldPlan>, RecordError> {
    let Some(object) = store.get(NOW).await? else { return Ok(None) };
    serde_json::from_slice(&object.body).map(Some).map_err(|error| RecordError::Damaged {
        place: store.place(NOW),
        why: error.to_string(),
        hint: "Delete it: the loop writes it anew",
    })
}

/// A digest is `sha256:` and hexadecimal; whatever else someone passes must not name another object.
fn key(digest: &str) -> String {
    let hex: String = digest.trim_start_matches("sha256:").chars().filter(char::is_ascii_alphanumeric).collect();
    format!("held/{hex}.json")
}
