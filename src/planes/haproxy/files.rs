//! The configuration and its map on the disk: whose they are, and how a new one takes the place of the old.
//!
//! The marks stand in the text, as JSON in a comment. The `description` of its `global` section is a stamp of all the rest and of the map: by it the worker that
//! runs says which text it was started with.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tokio::fs;

use super::{Haproxy, process, slot};
use crate::model::marks::short;
use crate::planes::error::{Class, Error, Result};

/// Begins a configuration that says "not yet" until the first one is written: nobody's, and no stranger's either.
pub const FIRST: &str = "# Until reeve writes what is to be served";
/// Begins the line of marks.
const MARKS: &str = "# marks ";
/// Begins the line of the stamp.
const STAMP: &str = "  description ";

/// What is on the disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct At {
    /// The configuration.
    pub text: String,
    /// The map of host names; empty when it is not there.
    pub map: String,
    /// The certificate is there.
    pub certificate: bool,
}

/// The marks in a configuration, as tags; `None` when it bears none.
#[must_use]
pub fn marks(text: &str) -> Option<BTreeMap<String, String>> {
    text.lines().find_map(|line| line.strip_prefix(MARKS)).and_then(|json| serde_json::from_str(json).ok())
}

/// The configuration with these marks: in the place of others, or before everything where it bears none.
#[must_use]
pub fn with_marks(text: &str, tags: &BTreeMap<String, String>) -> String {
    let line = format!("{MARKS}{}\n", serde_json::to_string(tags).unwrap_or_default());
    if !text.lines().any(|line| line.starts_with(MARKS)) {
        return line + text;
    }
    text.split_inclusive('\n').map(|old| if old.starts_with(MARKS) { line.as_str() } else { old }).collect()
}

fn without_marks(text: &str) -> String {
    text.split_inclusive('\n').filter(|line| !line.starts_with(MARKS)).collect()
}

/// Puts the stamp into a configuration that has a line for it.
#[must_use]
pub fn stamped(text: &str, map: &str) -> String {
    let rest: String = text.split_inclusive('\n').filter(|line| !line.starts_with(MARKS) && !line.starts_with(STAMP)).collect();
    let stamp = short(format!("{rest}\0{map}").as_bytes(), 16);
    text.split_inclusive('\n').map(|line| if line.starts_with(STAMP) { format!("{STAMP}{stamp}\n") } else { line.to_owned() }).collect()
}

/// The stamp of a configuration.
#[must_use]
pub fn stamp(text: &str) -> &str {
    text.lines().find_map(|line| line.strip_prefix(STAMP)).unwrap_or_default().trim()
}

impl Haproxy {
    /// Where the configuration is.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.place.folder.join("haproxy.cfg")
    }

    /// Where the map is.
    #[must_use]
    pub fn map(&self) -> PathBuf {
        self.place.folder.join("hosts.map")
    }

    /// Where the certificate and its key are.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.place.folder.join("host.pem")
    }

    /// What is on the disk; `None` without a configuration, or with one that only says "not yet".
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn read(&self) -> Result<Option<At>> {
        self.ours.reads("haproxy.read");
        let all = async {
            let Some(text) = there(fs::read_to_string(self.config()).await)? else { return Ok(None) };
            if text.starts_with(FIRST) {
                return Ok(None);
            }
            let map = there(fs::read_to_string(self.map()).await)?.unwrap_or_default();
            let certificate = fs::try_exists(self.certificate()).await?;
            Ok(Some(At { text, map, certificate }))
        };
        all.await.map_err(|error: io::Error| failed("haproxy.read", &self.place.folder, &error))
    }

    /// Checks a configuration, puts it in place and makes HAProxy run with it: by a reload that loses no connection and no tenant's address, or by a start.
    /// One that HAProxy does not take, or cannot be reloaded with, leaves everything as it was.
    ///
    /// # Errors
    /// What HAProxy says of it; when the lease is lost; what the disk answered.
    pub async fn put(&self, text: &str, map: &str) -> Result<()> {
        self.ours.changes("haproxy.put").await?;
        let lost = |error: io::Error| failed("haproxy.put", &self.place.folder, &error);
        // Its workers find the socket of the page in it; what is in it is for the owner of each alone.
        let mode = if self.place.user.is_some() { 0o711 } else { 0o700 };
        folder(&self.place.folder, mode).await.map_err(lost)?;
        self.make_certificate().await?;
        self.check(text, map).await?;
        let before = self.read().await?;
        let serves = self.serves().await?;
        // Who changed the text by hand may have had it loaded too: the worker's stamp alone does not tell.
        let as_it_is = before.as_ref().is_some_and(|at| without_marks(&at.text) == without_marks(text) && at.map == map);
        if as_it_is && serves.as_ref().is_some_and(|worker| worker.stamp == stamp(text)) {
            return self.write(text, map).await;
        }
        let done = match serves {
            None if !self.has_master().await? => {
                self.write(text, map).await?;
                self.start(stamp(text)).await
            }
            old => {
                let in_use = self.servers().await?.unwrap_or_default().into_iter().filter(|(_, server)| server.in_use);
                let addresses: BTreeMap<String, SocketAddr> = in_use.map(|(tenant, server)| (tenant, server.address)).collect();
                self.write(&slot::filled(text, &addresses), map).await?;
                self.reload(old.as_ref(), stamp(text)).await
            }
        };
        match (done, before) {
            (Ok(()), _) => self.write(text, map).await,
            (Err(error), Some(At { text, map, .. })) => {
                self.write(&text, &map).await?;
                Err(error)
            }
            (Err(error), None) => Err(error),
        }
    }

    /// Writes the files without a word to HAProxy: only of what it does not read (the marks).
    ///
    /// # Errors
    /// What the disk answered.
    pub async fn write(&self, text: &str, map: &str) -> Result<()> {
        let both = async {
            replace(&self.map(), map).await?;
            replace(&self.config(), text).await
        };
        both.await.map_err(|error| failed("haproxy.write", &self.place.folder, &error))
    }

    /// Takes away what reeve made of a HAProxy that is stopped.
    ///
    /// # Errors
    /// When the lease is lost, or the disk refuses.
    pub async fn remove(&self) -> Result<()> {
        self.ours.changes("haproxy.remove").await?;
        let all = async {
            // The configuration goes last: as long as it is there, it says that there is something to remove.
            for path in [
                self.map(),
                self.certificate(),
                self.admin_socket(),
                self.master_socket(),
                self.pid_file(),
                self.place.folder.join("asleep.sock"),
                self.config(),
            ] {
                there(fs::remove_file(path).await)?;
            }
            Ok(())
        };
        all.await.map_err(|error| failed("haproxy.remove", &self.place.folder, &error))
    }

    /// Has HAProxy check a configuration that lies beside the one in place.
    async fn check(&self, text: &str, map: &str) -> Result<()> {
        let draft = self.place.folder.join("draft");
        let (config, list) = (draft.join("haproxy.cfg"), draft.join("hosts.map"));
        let lost = |error: io::Error| failed("haproxy.check", &draft, &error);
        folder(&draft, 0o700).await.map_err(lost)?;
        let text = text.replace(&*self.map().to_string_lossy(), &list.to_string_lossy());
        fs::write(&list, map).await.map_err(lost)?;
        fs::write(&config, text).await.map_err(lost)?;
        let checked = process::check(&self.place.run, &config).await;
        fs::remove_dir_all(&draft).await.map_err(lost)?;
        checked
    }
}

/// A folder of exactly those permissions.
async fn folder(at: &Path, mode: u32) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(mode).create(at).await?;
    fs::set_permissions(at, std::os::unix::fs::PermissionsExt::from_mode(mode)).await
}

/// Beside it first, then in its place. What is the same already is left alone.
async fn replace(path: &Path, text: &str) -> io::Result<()> {
    if there(fs::read(path).await)?.is_some_and(|old| old == text.as_bytes()) {
        return Ok(());
    }
    let draft = path.with_extension("new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft).await?;
    tokio::io::AsyncWriteExt::write_all(&mut file, text.as_bytes()).await?;
    file.sync_all().await?;
    fs::rename(&draft, path).await?;
    match path.parent() {
        Some(folder) => fs::File::open(folder).await?.sync_all().await,
        None => Ok(()),
    }
}

fn there<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn failed(call: &str, at: &Path, error: &io::Error) -> Error {
    let class = if error.kind() == ErrorKind::PermissionDenied { Class::Denied } else { Class::Invalid };
    Error::new(class, call, format!("{}: {error}", at.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stamp_says_nothing_of_the_marks_and_everything_of_the_rest() {
        let text = stamped("# marks {}\nglobal\n  description -\n  log x\n", "a b\n");
        assert_eq!(stamp(&text).len(), 16);
        let marked = with_marks(&text, &BTreeMap::from([("reeve:stack".into(), "estate".into())]));
        assert_eq!(stamped(&marked, "a b\n"), marked);
        assert_ne!(stamp(&stamped(&text, "a c\n")), stamp(&text));
        assert_ne!(stamp(&stamped(&text.replace("log x", "log y"), "a b\n")), stamp(&text));
        assert_eq!(marks(&marked).unwrap()["reeve:stack"], "estate");
        assert_eq!((marks("global\n"), with_marks("global\n", &BTreeMap::new())), (None, "# marks {}\nglobal\n".into()));
    }
}
