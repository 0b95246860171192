//! Reading an archive: once to check all of it, once more to take what is in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Component, Path};

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

use super::manifest::FORMAT_VERSION;
use super::write::{digest, hex, stays_inside};
use super::{DATABASE, FILES, MANIFEST, Manifest, PIECE, Sort, wrong};
use crate::planes::error::Result;
use crate::tenant::progress::Progress;

/// What to do with an archive's parts, in their order.
pub trait Take {
    /// A piece of the schema.
    ///
    /// # Errors
    /// When it cannot be taken: nothing more is read then.
    fn sql(&mut self, sql: &[u8]) -> Result<()>;
    /// A folder.
    ///
    /// # Errors
    /// As [`Take::sql`].
    fn folder(&mut self, path: &str) -> Result<()>;
    /// A link.
    ///
    /// # Errors
    /// As [`Take::sql`].
    fn link(&mut self, path: &str, target: &str) -> Result<()>;
    /// A file of so many bytes.
    ///
    /// # Errors
    /// As [`Take::sql`].
    fn file(&mut self, path: &str, content: &mut dyn Read) -> Result<()>;
}

/// An archive that is being read.
pub struct Reader<'a> {
    path: &'a Path,
    identity: &'a dyn age::Identity,
}

impl<'a> Reader<'a> {
    /// That at `path`, which `identity` opens.
    #[must_use]
    pub fn new(path: &'a Path, identity: &'a dyn age::Identity) -> Self {
        Self { path, identity }
    }

    /// Gives its parts to `take`, and its manifest back. Nothing but files, folders and inner links below relative paths comes out of it.
    ///
    /// # Errors
    /// When it cannot be opened, is not whole, or holds what no archive of ours holds.
    pub fn each(&self, take: &mut dyn Take, progress: &Progress) -> Result<Manifest> {
        let bad = |what: &dyn std::fmt::Display| wrong(format!("{}: {what}", self.path.display()));
        let file = File::open(self.path).map_err(|error| bad(&error))?;
        let opened = age::Decryptor::new(BufReader::new(file)).map_err(|error| bad(&error))?;
        let opened = opened.decrypt(std::iter::once(self.identity)).map_err(|error| bad(&error))?;
        let mut tar = tar::Archive::new(GzDecoder::new(BufReader::with_capacity(1 << 16, opened)));
        let mut folders = BTreeSet::from([String::new()]);
        let (mut manifest, mut pieces) = (None, 0_u64);
        for entry in tar.entries().map_err(|error| bad(&error))? {
            let mut entry = entry.map_err(|error| bad(&error))?;
            let name = entry.path_bytes().into_owned();
            let name = String::from_utf8(name).map_err(|_| bad(&"a name in it is no UTF-8"))?;
            let sort = entry.header().entry_type();
            if manifest.is_some() {
                return Err(bad(&"something stands behind its manifest"));
            }
            if name == MANIFEST && sort.is_file() {
                let mut text = Vec::new();
                entry.read_to_end(&mut text).map_err(|error| bad(&error))?;
                manifest = Some(serde_json::from_slice::<Manifest>(&text).map_err(|error| bad(&format!("its manifest: {error}")))?);
            } else if name.starts_with(DATABASE) && sort.is_file() {
                pieces += 1;
                if name != format!("{DATABASE}{pieces:08}.sql") || entry.size() > PIECE as u64 * 64 {
                    return Err(bad(&format!("{name} is out of order or too large")));
                }
                let mut sql = Vec::new();
                entry.read_to_end(&mut sql).map_err(|error| bad(&error))?;
                progress.add(sql.len());
                take.sql(&sql)?;
            } else if let Some(path) = name.strip_prefix(FILES).map(|path| path.trim_end_matches('/').to_owned()) {
                let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
                if !is_plain(&path) || !folders.contains(parent) {
                    return Err(bad(&format!("{name} is no path below the tenant's folder")));
                }
                if sort.is_dir() {
                    take.folder(&path)?;
                    folders.insert(path);
                } else if sort.is_symlink() {
                    let target = entry.link_name_bytes().and_then(|target| String::from_utf8(target.into_owned()).ok());
                    let target = target.filter(|target| stays_inside(Path::new(""), Path::new(&path), Path::new(target)));
                    take.link(&path, &target.ok_or_else(|| bad(&format!("{name} points out of the tenant's folder")))?)?;
                } else if sort.is_file() {
                    take.file(&path, &mut Counted { inner: &mut entry, progress })?;
                } else {
                    return Err(bad(&format!("{name} is of a sort that no archive holds")));
                }
            } else {
                return Err(bad(&format!("{name} does not belong into an archive")));
            }
        }
        // What is encrypted has to come to its end: one that was cut off says so only there.
        let mut rest = tar.into_inner();
        std::io::copy(&mut rest, &mut std::io::sink()).map_err(|error| bad(&error))?;
        std::io::copy(&mut rest.into_inner(), &mut std::io::sink()).map_err(|error| bad(&error))?;
        let manifest = manifest.ok_or_else(|| bad(&"it has no manifest: it is not whole"))?;
        if manifest.format_version != FORMAT_VERSION {
            return Err(bad(&format!("its form is {}, this reeve reads {FORMAT_VERSION}: a newer reeve made it", manifest.format_version)));
        }
        Ok(manifest)
    }
}

/// An archive that was read from end to end and is what its manifest says.
///
/// # Errors
/// When it is not. Nothing was touched.
pub fn verify(path: &Path, identity: &dyn age::Identity, progress: &Progress) -> Result<(Manifest, String)> {
    let mut seen = Seen::default();
    let manifest = Reader::new(path, identity).each(&mut seen, progress)?;
    let bad = |what: String| wrong(format!("{} is not what its manifest says: {what}", path.display()));
    match &manifest.database {
        Some(database) if (database.pieces, database.bytes) != (seen.pieces, seen.bytes) => {
            return Err(bad("the size of the schema".into()));
        }
        Some(database) if database.sha256 != hex(&seen.sql.finalize()) => return Err(bad("the schema".into())),
        None if seen.pieces > 0 => return Err(bad("it holds a schema".into())),
        _ => {}
    }
    let listed = manifest.files.iter().flatten();
    for entry in listed {
        let found = seen.files.remove(&entry.path).ok_or_else(|| bad(format!("{} is missing", entry.path)))?;
        let same = match (&entry.sort, found) {
            (Sort::Folder, Found::Folder) => true,
            (Sort::Link { target }, Found::Link(found)) => *target == found,
            (Sort::File { size, sha256 }, Found::File(found)) => found.begins_with(*size, sha256),
            _ => false,
        };
        if !same {
            return Err(bad(entry.path.clone()));
        }
    }
    if let Some(name) = seen.files.keys().next() {
        return Err(bad(format!("{name} is not in it")));
    }
    Ok((manifest, digest(path).map_err(wrong)?.0))
}

#[derive(Default)]
struct Seen {
    pieces: u64,
    bytes: u64,
    sql: Sha256,
    files: BTreeMap<String, Found>,
}

enum Found {
    Folder,
    Link(String),
    File(Content),
}

/// What a file holds, by its hash: up to its last byte that is no zero, and the zeros behind that. One that shrank while it was read was filled up with
/// zeros, and how many bytes of it count stands at the end of the archive.
#[derive(Default)]
struct Content {
    hash: Sha256,
    hashed: u64,
    zeros: u64,
}

impl Content {
    fn add(&mut self, bytes: &[u8]) {
        let solid = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
        if solid > 0 {
            add_zeros(&mut self.hash, self.zeros);
            self.hash.update(&bytes[..solid]);
            self.hashed += self.zeros + solid as u64;
            self.zeros = 0;
        }
        self.zeros += (bytes.len() - solid) as u64;
    }

    /// Whether its first `size` bytes have that hash, and only zeros follow.
    fn begins_with(mut self, size: u64, sha256: &str) -> bool {
        if !(self.hashed..=self.hashed + self.zeros).contains(&size) {
            return false;
        }
        add_zeros(&mut self.hash, size - self.hashed);
        hex(&self.hash.finalize()) == sha256
    }
}

fn add_zeros(hash: &mut Sha256, mut count: u64) {
    const ZEROS: [u8; 4096] = [0; 4096];
    while count > 0 {
        let part = usize::try_from(count).map_or(ZEROS.len(), |count| count.min(ZEROS.len()));
        hash.update(&ZEROS[..part]);
        count -= part as u64;
    }
}

impl Take for Seen {
    fn sql(&mut self, sql: &[u8]) -> Result<()> {
        self.pieces += 1;
        self.bytes += sql.len() as u64;
        self.sql.update(sql);
        Ok(())
    }

    fn folder(&mut self, path: &str) -> Result<()> {
        self.files.insert(path.to_owned(), Found::Folder);
        Ok(())
    }

    fn link(&mut self, path: &str, target: &str) -> Result<()> {
        self.files.insert(path.to_owned(), Found::Link(target.to_owned()));
        Ok(())
    }

    fn file(&mut self, path: &str, content: &mut dyn Read) -> Result<()> {
        let (mut found, mut buffer) = (Content::default(), vec![0; 1 << 16]);
        loop {
            match content.read(&mut buffer).map_err(|error| wrong(format!("{path}: {error}")))? {
                0 => break,
                got => found.add(&buffer[..got]),
            }
        }
        self.files.insert(path.to_owned(), Found::File(found));
        Ok(())
    }
}

struct Counted<'r, R> {
    inner: &'r mut R,
    progress: &'r Progress,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.progress.add(got);
        Ok(got)
    }
}

fn is_plain(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_))) && !path.contains("//")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_file_that_was_filled_up_the_bytes_that_count_are_compared() {
        let of = |bytes: &[u8]| hex(&Sha256::digest(bytes));
        for step in [1, 2, 3, 100] {
            let found = |bytes: &[u8]| {
                let mut content = Content::default();
                bytes.chunks(step).for_each(|part| content.add(part));
                content
            };
            assert!(found(b"").begins_with(0, &of(b"")));
            assert!(found(b"a\0b\0\0").begins_with(5, &of(b"a\0b\0\0")));
            assert!(found(b"a\0b\0\0").begins_with(4, &of(b"a\0b\0")));
            assert!(found(b"a\0b\0\0").begins_with(3, &of(b"a\0b")));
            assert!(!found(b"a\0b\0\0").begins_with(1, &of(b"a")), "what was filled up is zeros");
            assert!(!found(b"a\0b\0\0").begins_with(4, &of(b"a\0c\0")));
            assert!(!found(b"ab").begins_with(3, &of(b"ab\0")));
        }
    }
}
