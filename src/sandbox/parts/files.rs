//! Writing what the parts read.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::Error;

/// A new folder that only its owner enters: everything of the parts is in it, also what is secret.
pub(super) fn private() -> Result<PathBuf, Error> {
    let folder = std::env::temp_dir().join(format!("reeve-parts-{:08x}", rand::random::<u32>()));
    std::fs::DirBuilder::new().mode(0o700).create(&folder).map_err(|cause| Error::Write { path: folder.clone(), cause })?;
    Ok(folder)
}

/// A folder in it.
pub(super) fn folder(path: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(path).map_err(|cause| Error::Write { path: path.to_owned(), cause })
}

/// A file that its owner alone reads.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Error> {
    let written = || {
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())
    };
    written().map_err(|cause| Error::Write { path: path.to_owned(), cause })
}

/// A copy that everybody reads, and runs where `mode` says so.
pub(super) fn copy(from: &Path, to: &Path, mode: u32) -> Result<(), Error> {
    let copied = || {
        std::fs::copy(from, to)?;
        std::fs::set_permissions(to, std::fs::Permissions::from_mode(mode))
    };
    copied().map_err(|cause| Error::Write { path: to.to_owned(), cause })
}

/// The last lines of a log, which may be missing.
pub(super) fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}
