//! Files that are either whole or not there, whatever moment the process or the machine dies at: written beside
//! their place, flushed, then moved or linked there, and the folder flushed too.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Makes `folder` and those above it, readable by nobody else, and flushes the folders they were made in.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let parent = parent(folder);
    make_folder(&parent)?;
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => sync(&parent),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Writes `body` to a new file in `folder` under a name nobody else uses, and flushes it.
pub(super) fn write_beside(folder: &Path, body: &[u8], mode: u32) -> io::Result<PathBuf> {
    let path = folder.join(format!(".{}-{:016x}.tmp", std::process::id(), rand::random::<u64>()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path)?;
    let written = file.write_all(body).and_then(|()| file.sync_all());
    if let Err(error) = written {
        // What is left of a full disk is of no use; that it could not be removed adds nothing to the first error.
        let _ = fs::remove_file(&path);
        return Err(error);
    }
    Ok(path)
}

/// Puts the file at `from` at `to`, only when nothing is there. Says whether it did. `from` is gone afterwards.
pub(super) fn place_new(from: &Path, to: &Path) -> io::Result<bool> {
    let linked = fs::hard_link(from, to);
    fs::remove_file(from)?;
    match linked {
        Ok(()) => sync(&parent(to)).map(|()| true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Puts the file at `from` at `to`, whatever is there.
pub(super) fn place_over(from: &Path, to: &Path) -> io::Result<()> {
    if let Err(error) = fs::rename(from, to) {
        let _ = fs::remove_file(from);
        return Err(error);
    }
    sync(&parent(to))
}

/// Flushes a folder: what was added to it or taken from it stays so after a power cut.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The folder a path is in.
pub(super) fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
