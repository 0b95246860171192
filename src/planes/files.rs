//! The tenants' folders, as the host has them mounted: one folder a tenant, with a `.reeve` file beside its data that says whose it is.
//!
//! A root that is missing, or that has to be mounted and is not, is no empty one: nothing is made or dropped then. What a tenant's container sees is `data`
//! alone, so that nothing in a container reaches the mark.

pub mod folder;

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};

use super::aws::gate::Gate;
use super::aws::owner::Owned;
use super::error::{Class, Error, Result};
use super::ours::Ours;
use super::{Facts, Reach};
use crate::model::marks::key;
use crate::model::runbook::{DISK_FULL, FILES_AWAY};
pub use folder::{Folder, Owner};

/// How many folders are read side by side: on EFS each costs some milliseconds of waiting and no work.
const SIDE_BY_SIDE: usize = 32;

/// The folder of all folders. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Files {
    /// On whose behalf.
    pub ours: Ours,
    /// Where it is on this host.
    pub root: Arc<PathBuf>,
    /// It has to be a mount: where nothing is mounted there, it is not the tenants' but the host's own disk.
    pub mounted: bool,
}

/// A folder below the root, and what was found of it.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// Its absolute path: its id.
    pub id: String,
    /// Its mark and state; `None` where it bears no readable mark.
    pub folder: Option<Folder>,
}

/// The way to the folders.
#[must_use]
pub fn reach(facts: Option<&Facts>, ours: Ours) -> Reach<Files> {
    match facts.and_then(|facts| Some((facts.files.clone()?, facts.files_mounted))) {
        Some((root, mounted)) => Reach::Open(Files { ours, root: Arc::new(root), mounted }),
        None => Reach::Closed("this is no host of the fleet: the tenants' folders are mounted there alone".to_owned()),
    }
}

impl Files {
    /// The same for a new pass.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self { ours: self.ours.fresh(), ..self.clone() }
    }

    /// The same, each change asking `gate` first.
    #[must_use]
    pub fn gated(&self, gate: &Gate) -> Self {
        Self { ours: self.ours.gated(gate.clone()), ..self.clone() }
    }

    /// Where the folder of that name is.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Every folder below the root, ours and others: one listing, and a small read for each. Hidden names are reeve's own leftovers.
    ///
    /// # Errors
    /// When the root is not there or not mounted, or one of them cannot be read.
    pub async fn list(&self) -> Result<Vec<Found>> {
        const CALL: &str = "files.list";
        self.ours.reads(CALL);
        let (root, mounted) = (self.root.clone(), self.mounted);
        let names = blocking(CALL, move || listed(&root, mounted)).await?;
        let read = names.into_iter().map(|name| {
            let path = self.root.join(&name);
            async move {
                let id = path.to_string_lossy().into_owned();
                let folder = blocking("files.read", move || Folder::read(&path)).await?;
                Ok::<_, Error>(Found { name, id, folder })
            }
        });
        futures::stream::iter(read).buffered(SIDE_BY_SIDE).try_collect().await
    }

    /// The folder of that path; `None` when there is none, or it bears no mark.
    ///
    /// # Errors
    /// When it cannot be read, or is not under the root.
    pub async fn read(&self, id: &str) -> Result<Option<Folder>> {
        self.ours.reads("files.read");
        let path = self.inside(id)?;
        let (root, mounted) = (self.root.clone(), self.mounted);
        let read = move || {
            is_there(&root, mounted)?;
            Folder::read(&path)
        };
        blocking("files.read", read).await
    }

    /// Does something to the folder of that path, away from the workers that drive other calls.
    ///
    /// # Errors
    /// When the lease is lost, the path is not under the root, or the disk refuses.
    pub async fn change<T: Send + 'static>(
        &self,
        call: &'static str,
        id: &str,
        change: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T> {
        let path = self.inside(id)?;
        self.ours.changes(call).await?;
        let (root, mounted) = (self.root.clone(), self.mounted);
        let all = move || {
            is_there(&root, mounted)?;
            change(&path)
        };
        blocking(call, all).await
    }

    /// Whose the folder of that path is.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn owner(&self, id: &str) -> Result<Owned> {
        let folder = self.read(id).await?;
        let stack = folder.and_then(|folder| folder.tags.get(key::STACK).cloned()).filter(|stack| !stack.is_empty());
        Ok(stack.map_or(Owned::No, Owned::By))
    }

    /// A path that a call may touch: right under the root, by a plain name.
    fn inside(&self, id: &str) -> Result<PathBuf> {
        let path = PathBuf::from(id);
        let plain = path.file_name().is_some_and(|name| !name.as_bytes().starts_with(b"."));
        if path.parent() == Some(self.root.as_path()) && plain {
            return Ok(path);
        }
        Err(Error::new(Class::Invalid, "files", format!("{id} is no folder right under {}", self.root.display())))
    }
}

/// The plain names of the folders (and of whatever else) right under the root, in order.
fn listed(root: &Path, mounted: bool) -> io::Result<Vec<String>> {
    is_there(root, mounted)?;
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && name != "lost+found" {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// A root that is not there must never read as one without folders.
fn is_there(root: &Path, mounted: bool) -> io::Result<()> {
    let away = |why: &str| io::Error::new(io::ErrorKind::NotConnected, format!("{} {why}: {FILES_AWAY}", root.display()));
    match std::fs::metadata(root) {
        Ok(found) if !found.is_dir() => return Err(away("is no folder")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(away("is not there")),
        found => found.map(drop)?,
    }
    if mounted && !is_mount(root, &std::fs::read_to_string("/proc/self/mountinfo")?) {
        return Err(away("is not mounted"));
    }
    Ok(())
}

/// Whether something is mounted right at `root`. The fifth field of each line is the place, spaces in it written `\040`.
fn is_mount(root: &Path, mounts: &str) -> bool {
    let place = |line: &str| line.split(' ').nth(4).map(|place| place.replace("\\040", " "));
    mounts.lines().filter_map(place).any(|place| Path::new(&place) == root)
}

async fn blocking<T: Send + 'static>(call: &'static str, work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| failed(call, &error)),
        Err(_) => Err(Error::new(Class::Ambiguous, call, "was given up half-way")),
    }
}

/// What the disk's refusal means.
fn failed(call: &str, error: &io::Error) -> Error {
    use io::ErrorKind as Kind;
    let class = match error.kind() {
        Kind::NotFound => Class::NotFound,
        Kind::AlreadyExists => Class::AlreadyExists,
        Kind::PermissionDenied | Kind::ReadOnlyFilesystem => Class::Denied,
        Kind::NotConnected | Kind::TimedOut | Kind::StaleNetworkFileHandle => Class::Unreachable,
        _ => Class::Invalid,
    };
    let text = match error.kind() {
        Kind::StorageFull | Kind::QuotaExceeded => format!("{error}: see {DISK_FULL}"),
        _ => error.to_string(),
    };
    Error::new(class, call, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_told_from_a_folder_of_the_disk() {
        let mounts = "36 35 98:0 / /tenants rw - nfs4 127.0.0.1:/ rw\n37 35 8:1 / /my\\040own rw - ext4 /dev/a rw\n";
        for (root, mounted) in [("/tenants", true), ("/my own", true), ("/tenant", false), ("/tenants/a", false), ("/", false)] {
            assert_eq!(is_mount(Path::new(root), mounts), mounted, "{root}");
        }
    }
}
