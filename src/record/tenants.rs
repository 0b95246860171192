//! What is remembered of tenants' data: backups that were made, and restores that showed that one can be read.
//!
//! ```text
//! tenants/NAME/backups/<when>.json
//! tenants/NAME/drills/<when>.json
//! ```

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{FORMAT_VERSION, Record, RecordError, canonical};

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// The version of this form.
    pub format_version: u32,
    /// The tenant.
    pub tenant: String,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// The archive as it was named then.
    pub archive: String,
    /// SHA-256 of the archive.
    pub sha256: String,
    /// Bytes of the archive.
    pub size: u64,
}

/// An archive that was restored and found to hold what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drill {
    /// The version of this form.
    pub format_version: u32,
    /// The tenant whose data it was.
    pub tenant: String,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// SHA-256 of the archive.
    pub sha256: String,
    /// The tenant into which it was restored.
    pub into: String,
    /// Tables whose rows were counted.
    pub tables: u64,
    /// Their rows.
    pub rows: u64,
    /// Files that were compared.
    pub files: u64,
}

impl Backup {
    /// The version that is written.
    pub const FORMAT_VERSION: u32 = FORMAT_VERSION;
}

impl Record {
    /// Remembers a backup.
    ///
    /// # Errors
    /// What the store answered.
    pub async fn note_backup(&self, backup: &Backup) -> Result<(), RecordError> {
        self.note(&folder(&backup.tenant, "backups"), backup.at, canonical(backup)?).await
    }

    /// Remembers a restore.
    ///
    /// # Errors
    /// What the store answered.
    pub async fn note_drill(&self, drill: &Drill) -> Result<(), RecordError> {
        self.note(&folder(&drill.tenant, "drills"), drill.at, canonical(drill)?).await
    }

    /// The last backup of a tenant.
    ///
    /// # Errors
    /// What the store answered.
    pub async fn last_backup(&self, tenant: &str) -> Result<Option<Backup>, RecordError> {
        let keys = self.store().list(&folder(tenant, "backups"), None).await?;
        Ok(match keys.last() {
            Some(key) => self.noted(key, HINT).await?,
            None => None,
        })
    }

    /// When each tenant was last backed up: a listing, whatever their number.
    ///
    /// # Errors
    /// What the store answered.
    pub async fn last_backups(&self) -> Result<BTreeMap<String, Timestamp>, RecordError> {
        let mut last = BTreeMap::new();
        for key in self.store().list(TENANTS, None).await? {
            let mut parts = key.trim_start_matches(TENANTS).split('/');
            if let (Some(tenant), Some("backups"), Some(name)) = (parts.next(), parts.next(), parts.next())
                && let Some((when, _)) = name.split_once('-')
                && let Ok(at) = jiff::civil::DateTime::strptime("%Y%m%dt%H%M%Sz", when)
                && let Ok(at) = jiff::tz::TimeZone::UTC.to_timestamp(at)
            {
                // Keys come in the order of their times.
                last.insert(tenant.to_owned(), at);
            }
        }
        Ok(last)
    }

    /// Every restore of a tenant's archives, the oldest first.
    ///
    /// # Errors
    /// What the store answered.
    pub async fn drills(&self, tenant: &str) -> Result<Vec<Drill>, RecordError> {
        let mut all = Vec::new();
        for key in self.store().list(&folder(tenant, "drills"), None).await? {
            all.extend(self.noted(&key, HINT).await?);
        }
        Ok(all)
    }

    /// Writes `body` down in that folder of the record, under its time.
    pub(super) async fn note(&self, folder: &str, at: Timestamp, body: Vec<u8>) -> Result<(), RecordError> {
        // The random end keeps two of one second apart.
        let key = format!("{folder}{}-{:08x}.json", at.strftime("%Y%m%dt%H%M%Sz"), rand::random::<u32>());
        self.store().put(&key, body).await.map(|_| ())
    }

    /// What was written down there. `hint` says what to do when it cannot be read.
    pub(super) async fn noted<T: DeserializeOwned>(&self, key: &str, hint: &'static str) -> Result<Option<T>, RecordError> {
        let Some(object) = self.store().get(key).await? else { return Ok(None) };
        serde_json::from_slice(&object.body).map(Some).map_err(|error| RecordError::Damaged {
            place: self.store().place(key),
            why: error.to_string(),
            hint,
        })
    }
}

/// What to do about a note that cannot be read.
const HINT: &str = "It says when a tenant was last backed up; without it, make another backup";

/// Where everything about tenants is.
const TENANTS: &str = "tenants/";

fn folder(tenant: &str, sort: &str) -> String {
    format!("{TENANTS}{tenant}/{sort}/")
}
