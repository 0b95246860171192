//! Writing an archive: beside its place, then moved there whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use age::stream::StreamWriter;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use super::walk::{About, Folder, Inside};
use super::{DATABASE, Entry, FILES, MANIFEST, Manifest, Sort, wrong};
use crate::planes::error::Result;
use crate::tenant::progress::Progress;

/// An archive that is being written.
pub struct Writer {
    tar: Tar,
    draft: Draft,
    place: PathBuf,
    pieces: u64,
}

type Tar = tar::Builder<GzEncoder<StreamWriter<BufWriter<File>>>>;

/// A file beside its place, which goes when it is let go of; what was linked to its place stays.
struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}

impl Writer {
    /// Begins one at `place`, for these recipients.
    ///
    /// # Errors
    /// When it cannot be written there, or something is there already.
    pub fn begin(place: &Path, recipients: &[&dyn age::Recipient]) -> Result<Self> {
        if place.exists() {
            return Err(wrong(format!("{} is there already", place.display())));
        }
        let name = place.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let draft = place.with_file_name(format!(".{name}.{:08x}", rand::random::<u32>()));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft);
        let file = file.map_err(|error| wrong(format!("{}: {error}", draft.display())))?;
        let draft = Draft(draft);
        let encrypted = age::Encryptor::with_recipients(recipients.iter().copied()).map_err(wrong)?;
        let encrypted = encrypted.wrap_output(BufWriter::new(file)).map_err(wrong)?;
        let tar = tar::Builder::new(GzEncoder::new(encrypted, Compression::new(6)));
        Ok(Self { tar, draft, place: place.to_owned(), pieces: 0 })
    }

    /// Adds a piece of the schema.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn piece(&mut self, sql: &[u8]) -> Result<()> {
        self.pieces += 1;
        let name = format!("{DATABASE}{:08}.sql", self.pieces);
        self.append(&name, sql).map_err(wrong)
    }

    /// Adds what is in `root`, and answers what it was and what was left out.
    ///
    /// # Errors
    /// When it cannot be read or written, or `still` says before an entry that it has to end.
    pub fn folder(&mut self, root: &Path, progress: &Progress, still: &dyn Fn() -> Result<()>) -> Result<(Vec<Entry>, Vec<String>)> {
        let (mut entries, mut left_out) = (Vec::new(), Vec::new());
        let told = |path: &Path, error: io::Error| wrong(format!("{}: {error}", root.join(path).display()));
        let top = Folder::root(root).map_err(|error| told(Path::new(""), error))?;
        let mut waiting = vec![PathBuf::new()];
        while let Some(below) = waiting.pop() {
            // `None`: it went while we came.
            let Some(folder) = top.below(&below).map_err(|error| told(&below, error))? else { continue };
            for name in folder.names().map_err(|error| told(&below, error))? {
                still()?;
                progress.moves();
                let path = below.join(&name);
                let Some(text) = path.to_str() else {
                    left_out.push(format!("{}: its name is no UTF-8", path.display()));
                    continue;
                };
                let added = folder.entry(&name).and_then(|inside| self.entry(text, inside, progress));
                match added {
                    Ok(Some(entry)) => {
                        if entry.sort == Sort::Folder {
                            waiting.push(path);
                        }
                        entries.push(entry);
                    }
                    Ok(None) => left_out.push(format!("{text}: it is no file, folder or link inside the tenant's folder")),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(told(&path, error)),
                }
            }
        }
        Ok((entries, left_out))
    }

    /// One entry; `None` when it is of a sort that is left out.
    fn entry(&mut self, name: &str, inside: Inside, progress: &Progress) -> io::Result<Option<Entry>> {
        let entry = |sort, about: About| Ok(Some(Entry { path: name.to_owned(), sort, mode: about.mode, uid: about.uid, gid: about.gid }));
        let in_archive = format!("{FILES}{name}");
        match inside {
            Inside::Folder(about) => {
                let mut header = header(tar::EntryType::Directory, 0);
                self.tar.append_data(&mut header, &in_archive, io::empty())?;
                entry(Sort::Folder, about)
            }
            Inside::Link(target, about) => {
                let stays = |_: &&str| stays_inside(Path::new(""), Path::new(name), Path::new(&target));
                let Some(text) = target.to_str().filter(stays) else { return Ok(None) };
                let mut header = header(tar::EntryType::Symlink, 0);
                self.tar.append_link(&mut header, &in_archive, text)?;
                entry(Sort::Link { target: text.to_owned() }, about)
            }
            Inside::File(file, about) => {
                // It may grow or shrink while the tenant runs: so many bytes are taken as it has now.
                let mut header = header(tar::EntryType::Regular, about.size);
                let mut reading = Exact { file, left: about.size, read: 0, hash: Sha256::new(), progress };
                self.tar.append_data(&mut header, &in_archive, &mut reading)?;
                let sha256 = hex(&reading.hash.finalize());
                entry(Sort::File { size: reading.read, sha256 }, about)
            }
            Inside::Other => Ok(None),
        }
    }

    /// Adds the manifest and puts the archive in its place. Answers its SHA-256 and its size.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self, manifest: &Manifest) -> Result<(String, u64)> {
        let text = serde_json::to_vec_pretty(manifest).map_err(wrong)?;
        self.append(MANIFEST, &text).map_err(wrong)?;
        let Self { tar, draft, place, .. } = self;
        let end = |tar: Tar| {
            let file = tar.into_inner()?.finish()?.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.sync_all()
        };
        end(tar).map_err(wrong)?;
        let told = digest(&draft.0).map_err(wrong)?;
        // A link does not write over what came meanwhile.
        fs::hard_link(&draft.0, &place).map_err(|error| wrong(format!("{}: {error}", place.display())))?;
        if let Some(folder) = place.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(wrong)?;
        }
        Ok(told)
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut header = header(tar::EntryType::Regular, bytes.len() as u64);
        self.tar.append_data(&mut header, name, bytes)
    }
}

/// Just so many bytes of a file: what is missing is filled with zeros and does not count, what came since is not read.
struct Exact<'p> {
    file: File,
    left: u64,
    read: u64,
    hash: Sha256,
    progress: &'p Progress,
}

impl Read for Exact<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if most == 0 {
            return Ok(0);
        }
        let got = match self.file.read(&mut buffer[..most])? {
            0 => {
                buffer[..most].fill(0);
                most
            }
            got => {
                self.hash.update(&buffer[..got]);
                self.read += got as u64;
                got
            }
        };
        self.progress.add(got);
        self.left -= got as u64;
        Ok(got)
    }
}

fn header(sort: tar::EntryType, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(sort);
    header.set_size(size);
    header.set_mode(0o600);
    header
}

/// Whether a link leads to something in the tenant's own folder.
pub(super) fn stays_inside(root: &Path, link: &Path, target: &Path) -> bool {
    use std::path::Component;
    let mut depth = link.strip_prefix(root).map_or(0, |path| path.components().count().saturating_sub(1));
    target.components().all(|part| match part {
        Component::Normal(_) => {
            depth += 1;
            true
        }
        Component::CurDir => true,
        Component::ParentDir if depth > 0 => {
            depth -= 1;
            true
        }
        _ => false,
    })
}

/// SHA-256 and size of a file.
pub(super) fn digest(path: &Path) -> io::Result<(String, u64)> {
    let (mut file, mut hash, mut size) = (File::open(path)?, Sha256::new(), 0);
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((hex(&hash.finalize()), size)),
            got => {
                hash.update(&buffer[..got]);
                size += got as u64;
            }
        }
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
