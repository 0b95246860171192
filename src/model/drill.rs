//! A restore drill: a copy of the newest restorable state was made beside the live one, looked into and deleted. What came of it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is restored in a drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The database servers: the one that tenants share, and those that tenants have for themselves.
    Database,
    /// The file system.
    Files,
}

impl Part {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Database, Self::Files];

    /// The resource that it is a drill of; of the database servers, the shared one.
    #[must_use]
    pub fn address(self) -> &'static str {
        match self {
            Self::Database => "database.server",
            Self::Files => "files.file_system",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Database => "database",
            Self::Files => "files",
        })
    }
}

/// What a drill showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The copy has all that it was asked for, and is deleted.
    Whole,
    /// It was restored, but not everything that should have been looked into could be.
    Incomplete,
    /// It was not restored, lacks something, or could not be deleted.
    Broken,
}

/// What came of a drill, as it is written down. A machine format: fields are added, never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drill {
    /// The version of this form.
    pub format_version: u32,
    /// Of what.
    pub part: Part,
    /// When it began.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// What was restored from: the live server's name (of several: one after the other, with commas), or the recovery point's ARN.
    pub source: String,
    /// The copy: the name of the server, or the file system's id where one came to be.
    pub copy: String,
    /// Seconds from the call that asked for the copy until it could be used; of several, the longest.
    pub seconds: u64,
    /// The time whose state was restored; of several, the oldest.
    pub data_at: Timestamp,
    /// How old that state was when it was asked for, in seconds: what would have been lost.
    pub data_age_seconds: u64,
    /// What it showed.
    pub outcome: Outcome,
    /// What was found in it, in words.
    pub found: Vec<String>,
    /// What is wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wrong: Vec<String>,
    /// What was not looked into, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unseen: Vec<String>,
}

impl Drill {
    /// The version that is written.
    pub const FORMAT_VERSION: u32 = 1;
}

/// What is remembered of a part's drills.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Last {
    /// The last one.
    pub last: Option<Drill>,
    /// The last one that found everything whole.
    pub whole: Option<Drill>,
}
