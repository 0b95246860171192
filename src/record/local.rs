//! A record in a local folder: one file per object. Safe between processes: new files appear whole by hard link,
//! conditional overwrites compare and rename under a file lock, which the system drops when its holder dies.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::digest::sha256;
use super::store::{Object, Put, Version};
use super::{RecordError, durable};

/// Where files are written before they are moved to their place; also keeps them out of listings.
const DRAFTS: &str = ".drafts";
/// Locked while a file is compared and replaced.
const LOCK: &str = ".lock";
/// A draft this old belongs to a process that died.
const ABANDONED: Duration = Duration::from_hours(24);

/// A folder that holds a record.
#[derive(Debug, Clone)]
pub struct LocalFolder {
    root: PathBuf,
}

impl LocalFolder {
    /// The record in `root`, which need not exist yet.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    /// Whether the object is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.path(key).exists()
    }

    pub(super) fn get(&self, key: &str) -> Result<Option<Object>, RecordError> {
        let path = self.path(key);
        read(&path).map_err(|error| RecordError::file("read", &path, &error))
    }

    pub(super) fn put_new(&self, key: &str, body: &[u8]) -> Result<Put, RecordError> {
        self.write(key, body, |draft, path| Ok(if durable::place_new(draft, path)? { written(body) } else { Put::Refused }))
    }

    pub(super) fn put_over(&self, key: &str, body: &[u8], seen: &Version) -> Result<Put, RecordError> {
        self.write(key, body, |draft, path| {
            let _lock = self.lock()?;
            if read(path)?.is_none_or(|object| object.version != *seen) {
                fs::remove_file(draft)?;
                return Ok(Put::Refused);
            }
            durable::place_over(draft, path)?;
            Ok(written(body))
        })
    }

    pub(super) fn put(&self, key: &str, body: &[u8]) -> Result<Version, RecordError> {
        self.write(key, body, |draft, path| {
            let _lock = self.lock()?;
            durable::place_over(draft, path)
        })?;
        Ok(version(body))
    }

    pub(super) fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<String>, RecordError> {
        // The deepest folder that every key with this prefix is in.
        let base = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut keys = Vec::new();
        self.walk(base, &mut keys)?;
        keys.retain(|key| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after));
        keys.sort_unstable();
        Ok(keys)
    }

    fn walk(&self, base: &str, keys: &mut Vec<String>) -> Result<(), RecordError> {
        let path = self.path(base);
        let fail = |error: io::Error| RecordError::file("list", &path, &error);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(fail(error)),
        };
        for entry in entries {
            let entry = entry.map_err(fail)?;
            let name = entry.file_name();
            // Our own keys are plain ASCII; whatever else somebody left here is not ours.
            let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
            let key = if base.is_empty() { name.to_owned() } else { format!("{base}/{name}") };
            if entry.file_type().map_err(fail)?.is_dir() {
                self.walk(&key, keys)?;
            } else {
                keys.push(key);
            }
        }
        Ok(())
    }

    /// Writes a draft, then lets `place` move it.
    fn write<T>(&self, key: &str, body: &[u8], place: impl FnOnce(&Path, &Path) -> io::Result<T>) -> Result<T, RecordError> {
        let path = self.path(key);
        let drafts = self.root.join(DRAFTS);
        let write = || {
            if !drafts.is_dir() {
                durable::make_folder(&drafts)?;
            }
            durable::make_folder(&durable::parent(&path))?;
            place(&durable::write_beside(&drafts, body, 0o600)?, &path)
        };
        write().map_err(|error| RecordError::file("write", &path, &error))
    }

    fn lock(&self) -> io::Result<File> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(self.root.join(LOCK))?;
        file.lock()?;
        Ok(file)
    }

    /// Removes drafts of processes that died long ago. Failing at it harms nothing.
    pub(super) fn sweep(&self) {
        let Ok(entries) = fs::read_dir(self.root.join(DRAFTS)) else { return };
        let now = SystemTime::now();
        for entry in entries.flatten() {
            let written = entry.metadata().and_then(|about| about.modified());
            if written.is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age > ABANDONED)) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

fn read(path: &Path) -> io::Result<Option<Object>> {
    match fs::read(path) {
        Ok(body) => Ok(Some(Object { version: version(&body), body })),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A file's version is what is in it: two writes of equal text are the same version.
fn version(body: &[u8]) -> Version {
    Version::new(sha256(body))
}

fn written(body: &[u8]) -> Put {
    Put::Written(version(body))
}
