//! One tenant's folder: `ROOT/NAME/.reeve` says whose it is, `ROOT/NAME/data` is what its container sees.
//!
//! It appears whole or not at all (made under a hidden name, then renamed), and it goes in an order that leaves the mark until the data is gone: whatever was
//! interrupted is finished by the next try. Nothing here follows a symbolic link.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The file that says whose a folder is.
pub const MARK: &str = ".reeve";
/// The part of a folder that a container sees.
pub const DATA: &str = "data";
/// Owner marks are short; what is larger is none of ours.
const MARK_LIMIT: u64 = 64 * 1024;

/// A user and a group, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
}

/// What is known of a folder that bears a mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// The owner marks, as tags.
    pub tags: BTreeMap<String, String>,
    /// Whose its data is. Where the file system decides that by itself (an EFS access point forces one user), what was asked for counts as given as long
    /// as the owner is still the one that it decided on.
    pub owner: Owner,
    /// The permissions of its data; `None` where the data is gone.
    pub mode: Option<u32>,
}

/// The mark at rest.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Mark {
    marks: BTreeMap<String, String>,
    /// Whose the data was to be, where the file system has it another's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked: Option<Owner>,
    /// Whose it made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forced: Option<Owner>,
}

impl Folder {
    /// Reads it; `None` where it is not there, is no folder, or bears no mark.
    ///
    /// # Errors
    /// What the disk answered.
    pub fn read(path: &Path) -> io::Result<Option<Self>> {
        if !is_folder(path)? {
            return Ok(None);
        }
        let Some(mark) = Mark::read(path)? else { return Ok(None) };
        let data = match fs::symlink_metadata(path.join(DATA)) {
            Ok(data) if data.is_dir() => Some(data),
            Ok(_) => None,
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let seen = data.as_ref().map_or(Owner { uid: u32::MAX, gid: u32::MAX }, |data| Owner { uid: data.uid(), gid: data.gid() });
        let owner = mark.asked.filter(|_| mark.forced == Some(seen)).unwrap_or(seen);
        Ok(Some(Self { tags: mark.marks, owner, mode: data.map(|data| data.mode() & 0o7777) }))
    }

    /// Makes it at `path`, with its mark. One of the same marks that is there already is the one that an earlier try made.
    ///
    /// # Errors
    /// `AlreadyExists` where something else is there; what the disk answered.
    pub fn make(path: &Path, tags: &BTreeMap<String, String>, owner: Owner, mode: u32) -> io::Result<()> {
        if exists(path)? {
            if is_folder(path)? && Mark::read(path)?.is_some_and(|mark| mark.marks == *tags) {
                return Self::change(path, owner, mode);
            }
            return Err(io::Error::new(ErrorKind::AlreadyExists, format!("{} is there already, and is not reeve's", path.display())));
        }
        let (parent, draft) = hidden(path, "new")?;
        sweep(&draft)?;
        fs::create_dir(&draft)?;
        fs::set_permissions(&draft, Permissions::from_mode(0o755))?;
        Mark { marks: tags.clone(), ..Mark::default() }.write(&draft)?;
        Self::change(&draft, owner, mode)?;
        // A rename would take the place of an empty folder. Should one appear in this very moment it loses nothing.
        fs::rename(&draft, path)?;
        sync(&parent)
    }

    /// Gives its data that owner and those permissions, and makes the data where it is gone.
    ///
    /// # Errors
    /// What the disk answered.
    pub fn change(path: &Path, owner: Owner, mode: u32) -> io::Result<()> {
        let mut mark = marked(path)?;
        let data = path.join(DATA);
        if !exists(&data)? {
            fs::create_dir(&data)?;
        }
        if !is_folder(&data)? {
            return Err(io::Error::new(ErrorKind::InvalidData, format!("{} is no folder", data.display())));
        }
        let forced = match std::os::unix::fs::lchown(&data, Some(owner.uid), Some(owner.gid)) {
            Ok(()) => None,
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Some(fs::symlink_metadata(&data)?),
            Err(error) => return Err(error),
        };
        // After the owner: changing that takes set-id bits away.
        fs::set_permissions(&data, Permissions::from_mode(mode))?;
        let forced = forced.map(|data| Owner { uid: data.uid(), gid: data.gid() }).filter(|forced| *forced != owner);
        let asked = forced.map(|_| owner);
        if (mark.asked, mark.forced) != (asked, forced) {
            (mark.asked, mark.forced) = (asked, forced);
            mark.write(path)?;
        }
        sync(path)
    }

    /// Writes other marks.
    ///
    /// # Errors
    /// What the disk answered. A folder without a mark gets one only with `adopt`.
    pub fn mark(path: &Path, tags: BTreeMap<String, String>, adopt: bool) -> io::Result<()> {
        let mut mark = match marked(path) {
            Err(error) if error.kind() == ErrorKind::NotFound && adopt && is_folder(path)? => Mark::default(),
            mark => mark?,
        };
        mark.marks = tags;
        mark.write(path)
    }

    /// Drops it with its data, when it bears that mark's address and stack. The mark goes last.
    ///
    /// # Errors
    /// `NotFound` when it is not there; where it holds what reeve did not make, or bears another mark; what the disk answered.
    pub fn drop(path: &Path, is_ours: impl FnOnce(&BTreeMap<String, String>) -> bool) -> io::Result<()> {
        if !is_ours(&marked(path)?.marks) {
            return Err(io::Error::new(ErrorKind::InvalidData, format!("{} bears another mark by now", path.display())));
        }
        for entry in fs::read_dir(path)? {
            let name = entry?.file_name();
            if ![MARK, DATA, &temporary()].iter().any(|own| name == **own) {
                let what = path.join(name);
                let why = format!("{} was put there by somebody else: move it away, then drop the folder", what.display());
                return Err(io::Error::new(ErrorKind::DirectoryNotEmpty, why));
            }
        }
        remove(&path.join(DATA))?;
        sync(path)?;
        let (parent, rest) = hidden(path, "gone")?;
        sweep(&rest)?;
        fs::rename(path, &rest)?;
        sync(&parent)?;
        sweep(&rest)
    }
}

impl Mark {
    fn read(folder: &Path) -> io::Result<Option<Self>> {
        let file = folder.join(MARK);
        match fs::symlink_metadata(&file) {
            Ok(found) if found.is_file() && found.len() <= MARK_LIMIT => Ok(serde_json::from_slice(&fs::read(&file)?).ok()),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Beside it first, then in its place: a crash leaves the old one or the new one.
    fn write(&self, folder: &Path) -> io::Result<()> {
        let draft = folder.join(temporary());
        sweep(&draft)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(serde_json::to_string_pretty(self)?.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, folder.join(MARK))?;
        sync(folder)
    }
}

fn temporary() -> String {
    format!("{MARK}.new")
}

/// The mark of a folder that has to have one.
fn marked(path: &Path) -> io::Result<Mark> {
    let none = || io::Error::new(ErrorKind::NotFound, format!("{} is not there, or bears no mark", path.display()));
    if is_folder(path)? { Mark::read(path)?.ok_or_else(none) } else { Err(none()) }
}

/// The folder above, and a name in it that listings leave out.
fn hidden(path: &Path, why: &str) -> io::Result<(PathBuf, PathBuf)> {
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => Ok((parent.to_owned(), parent.join(format!(".{why}-{}", name.to_string_lossy())))),
        _ => Err(io::Error::new(ErrorKind::InvalidInput, format!("{} has no folder above it", path.display()))),
    }
}

/// Takes away what an earlier try left under a hidden name of reeve's own.
fn sweep(path: &Path) -> io::Result<()> {
    remove(path)
}

/// Removes a file, a link (never what it points at), or a folder with all that is in it.
fn remove(path: &Path) -> io::Result<()> {
    let gone = |error: io::Error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) };
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path).or_else(gone),
        Ok(_) => fs::remove_file(path).or_else(gone),
        Err(error) => gone(error),
    }
}

fn exists(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether it is a folder itself, not a link to one.
fn is_folder(path: &Path) -> io::Result<bool> {
    Ok(exists(path)? && fs::symlink_metadata(path)?.is_dir())
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
