//! What each host's edge tells the others: when tenants were last used there, of whom it has taken its hands off, and at which ports containers answer.
//!
//! ```text
//! loop/edges/<instance>.json
//! ```
//!
//! Without them nobody is put to rest before its time: what is not known counts as used just now.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{FORMAT_VERSION, Record, RecordError, canonical};

/// Where they are.
const EDGES: &str = "loop/edges/";

/// What to do about one that cannot be read.
const HINT: &str =
    "It says when tenants were last used on one host, and which ports containers had: delete it, and they count as used just now";

/// What one host's edge tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// The version of this form.
    pub format_version: u32,
    /// Which: the id of its node in the swarm.
    pub instance: String,
    /// Since when it knows: who is not in `used` was not used here since then.
    pub since: Timestamp,
    /// When it said this.
    pub at: Timestamp,
    /// When each tenant was last used here.
    #[serde(default)]
    pub used: BTreeMap<String, Timestamp>,
    /// Tenants to whose containers no request goes from here any more, and the rest (by its beginning) for which it is so.
    #[serde(default)]
    pub away: BTreeMap<String, Timestamp>,
    /// At which of the hosts' ports tasks answer, by their ids: Swarm forgets it, and after a start this host would not know it of the others' either.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ports: BTreeMap<String, u16>,
}

impl Edge {
    /// One that begins to know now.
    #[must_use]
    pub fn new(instance: &str, now: Timestamp) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            instance: instance.to_owned(),
            since: now,
            at: now,
            used: BTreeMap::new(),
            away: BTreeMap::new(),
            ports: BTreeMap::new(),
        }
    }
}

impl Record {
    /// Tells the others.
    ///
    /// # Errors
    /// What the store answered.
    pub async fn note_edge(&self, edge: &Edge) -> Result<(), RecordError> {
        self.store().put(&key(&edge.instance), canonical(edge)?).await.map(|_| ())
    }

    /// What that instance told last.
    ///
    /// # Errors
    /// What the store answered; a note that cannot be read.
    pub async fn edge(&self, instance: &str) -> Result<Option<Edge>, RecordError> {
        self.noted(&key(instance), HINT).await
    }

    /// What all told last.
    ///
    /// # Errors
    /// What the store answered; a note that cannot be read.
    pub async fn edges(&self) -> Result<Vec<Edge>, RecordError> {
        let mut all = Vec::new();
        for key in self.store().list(EDGES, None).await? {
            all.extend(self.noted(&key, HINT).await?);
        }
        Ok(all)
    }
}

fn key(instance: &str) -> String {
    format!("{EDGES}{instance}.json")
}
