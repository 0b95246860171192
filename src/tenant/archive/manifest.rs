//! What an archive says of itself.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The version of the form that is written.
pub const FORMAT_VERSION: u32 = 1;

/// What is in an archive. Fields are added, never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this form.
    pub format_version: u32,
    /// The version of reeve that wrote it.
    pub reeve: String,
    /// When its view of the data was taken.
    pub made_at: Timestamp,
    /// The stack.
    pub stack: String,
    /// The tenant.
    pub tenant: String,
    /// Its schema; `None` for a tenant without a database.
    pub database: Option<Database>,
    /// Its files, in their order; `None` for a tenant without a folder.
    pub files: Option<Vec<Entry>>,
    /// What of its folder is not in it, and why.
    #[serde(default)]
    pub left_out: Vec<String>,
}

/// A schema in an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// Its name where it came from.
    pub schema: String,
    /// Its character set.
    pub charset: String,
    /// Its collation.
    pub collation: String,
    /// The server's version.
    pub engine: String,
    /// Rows of each table.
    pub tables: BTreeMap<String, u64>,
    /// Pieces of SQL.
    pub pieces: u64,
    /// Bytes of SQL.
    pub bytes: u64,
    /// SHA-256 over all pieces.
    pub sha256: String,
}

/// A file, folder or link in an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its path below the tenant's folder.
    pub path: String,
    /// What it is.
    #[serde(flatten)]
    pub sort: Sort,
    /// Permissions.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "sort", rename_all = "snake_case")]
pub enum Sort {
    /// A folder.
    Folder,
    /// A file. One that shrank while it was read is filled up in the archive: `size` bytes of it count.
    File {
        /// Bytes.
        size: u64,
        /// SHA-256 over them.
        sha256: String,
    },
    /// A link to something in the same folder.
    Link {
        /// What it points to.
        target: String,
    },
}
