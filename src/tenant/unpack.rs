//! Taking an archive apart: its SQL into a schema, its files into a new folder beside the tenant's.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown, lchown};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::archive::{Entry, Manifest, Sort, Take};
use super::load::Load;
use super::watch::Watch;
use crate::planes::error::{Class, Error, Result};

/// Where an archive's parts go.
pub(super) struct Unpack<'m> {
    pub load: Option<Load>,
    pub folder: Option<PathBuf>,
    watch: &'m Watch,
    entries: BTreeMap<&'m str, &'m Entry>,
}

impl<'m> Unpack<'m> {
    pub fn new(manifest: &'m Manifest, load: Option<Load>, folder: Option<PathBuf>, watch: &'m Watch) -> Self {
        let entries = manifest.files.iter().flatten().map(|entry| (entry.path.as_str(), entry)).collect();
        Self { load, folder, watch, entries }
    }

    fn at(&self, path: &str) -> Result<Option<(PathBuf, &'m Entry)>> {
        let Some(folder) = &self.folder else { return Ok(None) };
        self.watch.may("files.Unpack")?;
        let entry = self.entries.get(path).ok_or_else(|| wrong(path, &"is not in the manifest"))?;
        Ok(Some((folder.join(path), entry)))
    }

    /// Permissions and owners of folders, once nothing more is written into them.
    pub fn finish(&self) -> Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        for (path, entry) in self.entries.iter().rev().filter(|(_, entry)| entry.sort == Sort::Folder) {
            own(&folder.join(path), entry).map_err(|error| wrong(path, &error))?;
        }
        Ok(())
    }
}

impl Take for Unpack<'_> {
    fn sql(&mut self, sql: &[u8]) -> Result<()> {
        self.load.as_mut().map_or(Ok(()), |load| load.feed(sql))
    }

    fn folder(&mut self, path: &str) -> Result<()> {
        let Some((place, _)) = self.at(path)? else { return Ok(()) };
        fs::DirBuilder::new().mode(0o700).create(place).map_err(|error| wrong(path, &error))
    }

    fn link(&mut self, path: &str, target: &str) -> Result<()> {
        let Some((place, entry)) = self.at(path)? else { return Ok(()) };
        std::os::unix::fs::symlink(target, &place).map_err(|error| wrong(path, &error))?;
        allowed(lchown(&place, Some(entry.uid), Some(entry.gid))).map_err(|error| wrong(path, &error))
    }

    fn file(&mut self, path: &str, content: &mut dyn Read) -> Result<()> {
        let Some((place, entry)) = self.at(path)? else { return Ok(()) };
        let Sort::File { size, sha256 } = &entry.sort else { return Err(wrong(path, &"is no file in the manifest")) };
        let mut written = || -> io::Result<String> {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&place)?;
            let (mut content, mut hash, mut buffer) = (content.take(*size), Sha256::new(), vec![0; 1 << 16]);
            loop {
                match content.read(&mut buffer)? {
                    0 => break,
                    got => {
                        hash.update(&buffer[..got]);
                        file.write_all(&buffer[..got])?;
                    }
                }
            }
            file.sync_all()?;
            own(&place, entry)?;
            Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
        };
        if written().map_err(|error| wrong(path, &error))? == *sha256 { Ok(()) } else { Err(wrong(path, &"is not what the manifest says")) }
    }
}

fn own(place: &Path, entry: &Entry) -> io::Result<()> {
    allowed(chown(place, Some(entry.uid), Some(entry.gid)))?;
    // No rights of another user come out of an archive.
    allowed(fs::set_permissions(place, Permissions::from_mode(entry.mode & 0o1777)))
}

/// A file system with one owner for everything refuses to name another.
fn allowed(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        other => other,
    }
}

fn wrong(path: &str, what: &dyn std::fmt::Display) -> Error {
    Error::new(Class::Invalid, "tenant.restore", format!("{path}: {what}"))
}
