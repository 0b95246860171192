//! The machine itself: its files, under a root that is `/` but for tests and images, and the programs on it.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::{Error, Result};

/// How much of what a program said is repeated.
const SAID: usize = 600;

/// A machine. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Machine {
    root: PathBuf,
}

impl Machine {
    /// The machine whose files lie under `root`.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where the file of that absolute path is.
    #[must_use]
    pub fn path(&self, absolute: &str) -> PathBuf {
        self.root.join(absolute.trim_start_matches('/'))
    }

    /// Whether this is the machine that runs, and not a folder that looks like one.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.root == Path::new("/")
    }

    /// Whether something is there.
    pub async fn has(&self, path: &str) -> bool {
        tokio::fs::try_exists(self.path(path)).await.unwrap_or(false)
    }

    /// The text of a file; `None` when it is not there.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn read(&self, path: &str) -> Result<Option<String>> {
        let path = self.path(path);
        match tokio::fs::read(&path).await {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(Error::File { path, cause }),
        }
    }

    /// Puts a file in place in one go: who reads it meanwhile sees the old or the new one.
    ///
    /// # Errors
    /// It cannot be written.
    pub async fn write(&self, path: &str, content: impl AsRef<[u8]>, mode: u32) -> Result<()> {
        let path = self.path(path);
        let content = content.as_ref();
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let new = path.with_file_name(name);
        let written = async {
            if let Some(folder) = path.parent() {
                tokio::fs::create_dir_all(folder).await?;
            }
            let mut file = tokio::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&new).await?;
            file.set_permissions(std::fs::Permissions::from_mode(mode)).await?;
            file.write_all(content).await?;
            file.sync_all().await?;
            tokio::fs::rename(&new, &path).await
        };
        written.await.map_err(|cause| Error::File { path: path.clone(), cause })
    }

    /// Gives a file another name.
    ///
    /// # Errors
    /// It cannot have it.
    pub async fn rename(&self, from: &str, to: &str) -> Result<()> {
        let path = self.path(from);
        tokio::fs::rename(&path, self.path(to)).await.map_err(|cause| Error::File { path, cause })
    }

    /// Makes a folder and those above it.
    ///
    /// # Errors
    /// It cannot be made.
    pub async fn folder(&self, path: &str) -> Result<()> {
        let path = self.path(path);
        tokio::fs::create_dir_all(&path).await.map_err(|cause| Error::File { path, cause })
    }

    /// What a program says when it succeeds. Its arguments are seen by everybody on the machine: no secrets in them.
    ///
    /// # Errors
    /// It is not there or did not succeed; the text has the end of what it said.
    pub async fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        self.feed(program, arguments, "").await
    }

    /// The same, with something to read.
    ///
    /// # Errors
    /// As [`Machine::run`].
    pub async fn feed(&self, program: &str, arguments: &[&str], input: &str) -> Result<String> {
        let line = || std::iter::once(program).chain(arguments.iter().copied()).collect::<Vec<_>>().join(" ");
        let failed = |said: String| Error::Program { line: line(), said };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        // Messages are compared and shown: they are to be the same everywhere, and nothing asks questions.
        command.env("LC_ALL", "C").env("DEBIAN_FRONTEND", "noninteractive");
        let mut child = command.spawn().map_err(|error| failed(format!("cannot be started: {error}")))?;
        if let Some(mut to) = child.stdin.take() {
            // Who does not read to the end has its reasons, and says them.
            let _ = to.write_all(input.as_bytes()).await;
        }
        let output = child.wait_with_output().await.map_err(|error| failed(error.to_string()))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(if output.stderr.is_empty() { &output.stdout } else { &output.stderr }).trim().to_owned();
        let start = said.char_indices().rev().nth(SAID).map_or(0, |(at, _)| at);
        Err(failed(format!("{}: {}", output.status, &said[start..])))
    }

    /// Whether a program succeeds. One that is not there does not.
    pub async fn succeeds(&self, program: &str, arguments: &[&str]) -> bool {
        self.run(program, arguments).await.is_ok()
    }
}

/// Lines of what is off: `want` in place of what a file has.
///
/// # Errors
/// The file cannot be read.
pub async fn differs(machine: &Machine, path: &str, want: &str) -> Result<Option<String>> {
    Ok(match machine.read(path).await? {
        None => Some(format!("{path} is not there")),
        Some(text) if text != want => Some(format!("{path} differs from what it should be")),
        Some(_) => None,
    })
}

/// The names in a folder; none when it is not there.
///
/// # Errors
/// It cannot be read.
pub async fn names(folder: &Path) -> Result<Vec<String>> {
    let failed = |cause| Error::File { path: folder.to_owned(), cause };
    let mut listed = match tokio::fs::read_dir(folder).await {
        Ok(listed) => listed,
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(failed(cause)),
    };
    let mut names = Vec::new();
    while let Some(entry) = listed.next_entry().await.map_err(failed)? {
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
