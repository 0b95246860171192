//! A tenant's data as one file: `age(gzip(tar(...)))`.
//!
//! ```text
//! database/00000001.sql ...   the schema as SQL, in pieces of 4 MiB, so that memory stays bounded
//! files/...                   the folder's files, folders and inner links
//! manifest.json               last, because it holds the checksums of what comes before it
//! ```
//! `age -d -i KEY FILE | tar xz` opens one without reeve. A file is written beside its place, and is there whole or not at all.

mod manifest;
mod read;
mod walk;
mod write;

pub use manifest::{Database, Entry, Manifest, Sort};
pub use read::{Reader, Take, verify};
pub use write::Writer;

use crate::planes::error::{Class, Error};

/// Bytes of SQL in one piece.
pub(super) const PIECE: usize = 4 << 20;
const DATABASE: &str = "database/";
const FILES: &str = "files/";
const MANIFEST: &str = "manifest.json";

fn wrong(what: impl std::fmt::Display) -> Error {
    Error::new(Class::Invalid, "tenant.archive", what.to_string())
}
