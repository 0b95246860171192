//! Reading a folder that a container writes to meanwhile.
//!
//! Between a look at a name and its opening, whoever writes there can put a link or a pipe under that name, and reeve reads as root. So nothing is opened by a
//! path: each folder is opened in the one above it, no link is followed, a pipe is not waited for, and what counts is what was opened.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, open, openat, readlinkat, statat};
use rustix::io::Errno;

/// A folder that is open.
pub(super) struct Folder(OwnedFd);

/// What is in a folder under a name.
pub(super) enum Inside {
    /// A folder.
    Folder(About),
    /// A file, open.
    File(File, About),
    /// A link, and what it points to.
    Link(OsString, About),
    /// Of a sort that is left out, or another one by the time it was opened.
    Other,
}

/// Whose something is, and how large.
#[derive(Debug, Clone, Copy)]
pub(super) struct About {
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub size: u64,
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Folder {
    /// That at `path`: the tenant's own, above which no container reaches.
    pub fn root(path: &Path) -> io::Result<Self> {
        Ok(Self(open(path, FOLDER, Mode::empty())?))
    }

    /// The one at `path` below this; `None` when it went, or is none any more.
    pub fn below(&self, path: &Path) -> io::Result<Option<Self>> {
        let mut folder = Self(openat(&self.0, c".", FOLDER, Mode::empty())?);
        for part in path {
            match openat(&folder.0, part, FOLDER, Mode::empty()) {
                Ok(next) => folder = Self(next),
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Some(folder))
    }

    /// The names in it, in order.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            let name: &CStr = entry.file_name();
            if name != c"." && name != c".." {
                names.push(OsStr::from_bytes(name.to_bytes()).to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// What is in it under that name.
    pub fn entry(&self, name: &OsStr) -> io::Result<Inside> {
        let seen = statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?;
        self.opened(name, FileType::from_raw_mode(seen.st_mode), &seen)
    }

    /// The same, which a look has said to be of that sort; it may be another by now.
    fn opened(&self, name: &OsStr, sort: FileType, seen: &rustix::fs::Stat) -> io::Result<Inside> {
        let flags = match sort {
            FileType::Symlink => {
                return match readlinkat(&self.0, name, Vec::new()) {
                    Ok(target) => Ok(Inside::Link(OsString::from_vec(CString::into_bytes(target)), About::of(seen))),
                    Err(Errno::INVAL) => Ok(Inside::Other),
                    Err(error) => Err(error.into()),
                };
            }
            FileType::Directory => FOLDER,
            FileType::RegularFile => FILE,
            _ => return Ok(Inside::Other),
        };
        let opened = match openat(&self.0, name, flags, Mode::empty()) {
            Ok(opened) => opened,
            Err(Errno::LOOP | Errno::NOTDIR | Errno::NXIO) => return Ok(Inside::Other),
            Err(error) => return Err(error.into()),
        };
        let found = fstat(&opened)?;
        Ok(match FileType::from_raw_mode(found.st_mode) {
            FileType::Directory if sort == FileType::Directory => Inside::Folder(About::of(&found)),
            FileType::RegularFile if sort == FileType::RegularFile => Inside::File(File::from(opened), About::of(&found)),
            _ => Inside::Other,
        })
    }
}

impl About {
    fn of(stat: &rustix::fs::Stat) -> Self {
        Self { mode: stat.st_mode & 0o7777, uid: stat.st_uid, gid: stat.st_gid, size: u64::try_from(stat.st_size).unwrap_or_default() }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_changes_between_the_look_and_the_opening_leads_nowhere() {
        let (outside, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(outside.path().join("inner")).unwrap();
        fs::write(outside.path().join("secret"), "another's").unwrap();
        let root = Folder::root(folder.path()).unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["file", "pipe"] {
            fs::write(at(name), "own").unwrap();
        }
        fs::create_dir_all(at("sub/inner")).unwrap();
        let look = |name: &str| statat(&root.0, name, AtFlags::SYMLINK_NOFOLLOW).unwrap();
        let (file, pipe, sub) = (look("file"), look("pipe"), look("sub"));
        for name in ["file", "pipe"] {
            fs::remove_file(at(name)).unwrap();
        }
        fs::rename(at("sub"), at("was")).unwrap();
        symlink(outside.path().join("secret"), at("file")).unwrap();
        symlink(outside.path(), at("sub")).unwrap();
        rustix::fs::mkfifoat(&root.0, "pipe", Mode::RUSR).unwrap();
        assert!(matches!(root.opened("file".as_ref(), FileType::RegularFile, &file).unwrap(), Inside::Other));
        // Nobody writes into it: to open it the usual way would wait for ever.
        assert!(matches!(root.opened("pipe".as_ref(), FileType::RegularFile, &pipe).unwrap(), Inside::Other));
        assert!(matches!(root.opened("sub".as_ref(), FileType::Directory, &sub).unwrap(), Inside::Other));
        assert!(root.below(Path::new("sub")).unwrap().is_none() && root.below(Path::new("sub/inner")).unwrap().is_none());
        assert!(root.below(Path::new("was/inner")).unwrap().is_some());
        assert!(Folder::root(&at("sub")).is_err());
    }
}
