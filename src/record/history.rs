//! The history: what was last applied to each address. It tells drift from change for what has vanished or bears
//! no tag, holds back the creation of something protected that has vanished, and gives a crashed run's tokens to the next; it causes no action.
//!
//! `history.json` is written once, at the end of a run, and names the last journal object that is in it. Loading reads
//! it and lists the journal behind that object: normally nothing; after a crash, the crashed run's objects, which are
//! read and folded in. Missing or damaged, it is made anew from the newest objects of the journal.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::entry::{Attempt, Batch, DROP, Entry, Event, FORMAT_VERSION, Outcome, parse_key, run_number};
use super::store::Store;
use super::{RecordError, canonical, sha256};
use crate::model::Address;

/// Where it is.
pub(super) const KEY: &str = "history.json";
/// How many journal objects are folded at most: labels are not worth reading six years of journal for.
const FOLDED_AT_MOST: usize = 5000;
/// Of so many is remembered that an address had them before.
const BEFORE_AT_MOST: usize = 16;
/// How many objects are read at the same time.
pub(super) const READS: usize = 32;

/// What was last applied to each address. A machine format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// The version of this form.
    pub format_version: u32,
    /// The applied mark of each address.
    pub applied: BTreeMap<Address, String>,
    /// The objects without marks of their own that were made, by address.
    #[serde(default)]
    pub made: BTreeMap<Address, Unmarked>,
    /// Those that an address had before the one in `made`, as far as none of our runs dropped them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub before: BTreeMap<Address, Vec<Unmarked>>,
    /// Calls that were begun and whose result is not known.
    #[serde(default)]
    pub pending: BTreeMap<Address, Attempt>,
    /// The newest entry that is in it.
    pub head: Option<Head>,
}

/// An object that bears no mark which says what its address is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmarked {
    /// Its kind.
    pub kind: String,
    /// Its id.
    pub id: String,
}

impl Unmarked {
    fn name(&self) -> (String, String) {
        (self.kind.clone(), self.id.clone())
    }
}

/// The newest entry of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The object it is in.
    pub key: String,
    /// Its digest.
    pub digest: String,
}

/// A history and what was wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// What is known.
    pub history: History,
    /// What was not readable, for people.
    pub warnings: Vec<String>,
}

impl Default for History {
    fn default() -> Self {
        Self {
            format_version: FORMAT_VERSION,
            applied: BTreeMap::new(),
            made: BTreeMap::new(),
            before: BTreeMap::new(),
            pending: BTreeMap::new(),
            head: None,
        }
    }
}

impl History {
    /// The address that each object without a mark of its own was made for, by kind and id.
    #[must_use]
    pub fn made_for(&self) -> BTreeMap<(String, String), Address> {
        self.made.iter().map(|(address, one)| (one.name(), address.clone())).collect()
    }

    /// The same of those in whose place something else was made since.
    #[must_use]
    pub fn made_before(&self) -> BTreeMap<(String, String), Address> {
        self.before.iter().flat_map(|(address, all)| all.iter().map(|one| (one.name(), address.clone()))).collect()
    }

    /// Nothing by that id is there any more.
    fn forget(&mut self, id: &str) {
        self.made.retain(|_, one| one.id != id);
        self.before.values_mut().for_each(|all| all.retain(|one| one.id != id));
        self.before.retain(|_, all| !all.is_empty());
    }

    /// The number that the next run gets.
    pub(super) fn next_run(&self) -> u64 {
        let last = self.head.as_ref().and_then(|head| parse_key(&head.key));
        last.map_or(0, |(run, _)| run_number(run)) + 1
    }

    /// Takes one entry in.
    pub(super) fn fold(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Attempt(attempt) => {
                self.pending.insert(attempt.address.clone(), attempt.clone());
            }
            Event::Result { outcome: Outcome::Failed { unknown: true, .. }, .. } | Event::RunStarted(_) | Event::RunEnded(_) => {}
            Event::Result { address, outcome: Outcome::Failed { .. }, .. } => {
                self.pending.remove(address);
            }
            Event::Result { address, step, unmarked, outcome: Outcome::Ok { id, applied, gone }, .. } => {
                self.pending.remove(address);
                // A drop that leaves its address to another one is none of the address, and all the same one of the object.
                if let Some(id) = id.as_ref().filter(|_| *gone || step == DROP) {
                    self.forget(id);
                }
                if *gone {
                    self.applied.remove(address);
                    if id.is_none() {
                        self.made.remove(address);
                    }
                    return;
                }
                if let Some(mark) = applied {
                    self.applied.insert(address.clone(), mark.clone());
                }
                if let (Some(kind), Some(id)) = (unmarked, id) {
                    self.note(address, Unmarked { kind: kind.clone(), id: id.clone() });
                }
            }
        }
    }

    /// That object is what there is at `address`.
    fn note(&mut self, address: &Address, now: Unmarked) {
        let was = self.made.insert(address.clone(), now.clone()).filter(|was| *was != now);
        let all = self.before.entry(address.clone()).or_default();
        all.retain(|one| *one != now);
        all.extend(was);
        // Somebody else may have dropped the oldest, of which nothing is ever told.
        all.drain(..all.len().saturating_sub(BEFORE_AT_MOST));
        self.before.retain(|_, all| !all.is_empty());
    }

    /// Writes it to the record.
    pub(super) async fn save(&self, store: &Store) -> Result<(), RecordError> {
        store.put(KEY, canonical(self)?).await.map(|_| ())
    }
}

/// Reads `history.json` as it is, without the journal; the error is in words.
pub(super) async fn read(store: &Store) -> Result<Result<Option<History>, String>, RecordError> {
    let Some(object) = store.get(KEY).await? else { return Ok(Ok(None)) };
    Ok(match serde_json::from_slice::<History>(&object.body) {
        Ok(history) if history.format_version == FORMAT_VERSION => Ok(Some(history)),
        Ok(history) => Err(format!("it has format version {}, this reeve knows {FORMAT_VERSION}", history.format_version)),
        Err(error) => Err(error.to_string()),
    })
}

/// See [`super::Record::history`].
pub(super) async fn load(store: &Store) -> Result<Loaded, RecordError> {
    let mut warnings = Vec::new();
    let found = read(store).await?;
    let missing = matches!(found, Ok(None));
    let mut history = found.unwrap_or_else(|why| {
        warnings.push(format!("{} is damaged ({why}): what was last applied is read from the journal instead", store.place(KEY)));
        None
    });
    let history_known = history.is_some();
    let mut history = history.take().unwrap_or_default();

    let mut behind = store.list("journal/", history.head.as_ref().map(|head| head.key.as_str())).await?;
    behind.retain(|key| parse_key(key).is_some());
    if behind.len() > FOLDED_AT_MOST {
        behind.drain(..behind.len() - FOLDED_AT_MOST);
        warnings.push(format!("only the newest {FOLDED_AT_MOST} objects of the journal were read: older causes may be named `change`"));
    } else if missing && !history_known && behind.len() > 1 && behind.first().is_some_and(|key| !key.contains("/00000001-")) {
        warnings.push(format!("{} is missing and the journal does not begin with its first run", store.place(KEY)));
    }
    let mut batches = stream::iter(behind).map(|key| async { Ok::<_, RecordError>((store.get(&key).await?, key)) }).buffered(READS);
    while let Some((object, key)) = batches.try_next().await? {
        let Some(object) = object else { continue };
        match newest(&object.body, &mut history) {
            Ok(digest) => history.head = Some(Head { key, digest }),
            Err(why) => warnings.push(format!("{} is damaged ({why}): `reeve journal verify DIR` says more", store.place(&key))),
        }
    }
    Ok(Loaded { history, warnings })
}

/// Folds an object's entries and gives the digest of its last one.
fn newest(body: &[u8], history: &mut History) -> Result<String, String> {
    let whole: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let batch = Batch::deserialize(&whole).map_err(|error| error.to_string())?;
    // As it was written: an entry of a later version may say more than this one knows.
    let last = whole["entries"].as_array().and_then(|all| all.last()).ok_or("it has no entries")?;
    let digest = sha256(&canonical(last).map_err(|error| error.to_string())?);
    for entry in &batch.entries {
        history.fold(entry);
    }
    Ok(digest)
}
