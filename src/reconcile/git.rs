//! The desired state from a Git repository: one ref of it, fetched by the program `git` into a folder of the machine's own.
//!
//! Only a commit that was fetched whole, and that one of the signers signed where signatures are asked for, is ever looked at; until there is another, the last one counts. What is
//! not as it was (the ref is gone, its history was rewritten, a commit bears no good signature) is told. No program that the repository brings is run.
//!
//! ```text
//! STATE/repo.git       what was fetched
//! STATE/trees/COMMIT/  the files of the commit that is used
//! STATE/used.json      which that is
//! ```

use std::path::{Component, Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::process::Command;

/// The longest that one call of `git` may take.
const LONGEST: Duration = Duration::from_secs(120);
/// Where the ref lies in our own repository.
const OURS: &str = "refs/reeve/source";

/// A ref of a repository.
#[derive(Debug, Clone)]
pub struct Git {
    /// Where it is fetched from, as `git` takes it.
    pub url: String,
    /// The branch or tag.
    pub reference: String,
    /// The stack's folder in it.
    pub path: PathBuf,
    /// Who may sign commits, in the form of `ssh-keygen`'s ALLOWED SIGNERS; `None`: commits need no signature.
    pub signers: Option<PathBuf>,
    /// A folder of the machine's own.
    pub state: PathBuf,
}

/// What a fetch has shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fetched {
    /// The commit that counts, and its files' folder; `None`: there is none yet.
    pub used: Option<(String, PathBuf)>,
    /// Why the newest commit does not count.
    pub trouble: Option<String>,
    /// What people are told once: the history was rewritten.
    pub rewritten: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Used {
    url: String,
    reference: String,
    commit: String,
}

impl Git {
    /// Refuses what would put a secret into the arguments of a program, or lead out of the repository.
    ///
    /// # Errors
    /// In words, with what to do.
    pub fn check(&self) -> Result<(), String> {
        if let Some((_, rest)) = self.url.split_once("://")
            && rest.split('/').next().and_then(|host| host.rsplit_once('@')).is_some_and(|(login, _)| login.contains(':'))
        {
            return Err(
                "--git: the URL has a password in it, which everybody on this machine could read: use an SSH key or a credential helper"
                    .into(),
            );
        }
        if self.url.starts_with('-') || self.url.contains("::") {
            return Err("--git: give a URL or a path that git fetches from by itself".into());
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
        if self.reference.starts_with('-') || self.reference.is_empty() || !self.reference.chars().all(plain) {
            return Err("--ref: give the name of a branch or a tag, such as main or refs/heads/main".into());
        }
        if let Some(signers) = self.signers.as_ref().filter(|signers| !signers.is_file()) {
            return Err(format!("--signers: {} is no file: name one in the form of ssh-keygen's ALLOWED SIGNERS", signers.display()));
        }
        if self.path.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err("--path: give a folder of the repository, such as desired/hostedehr".into());
        }
        Ok(())
    }

    /// Fetches, and makes the newest commit the one that counts where it may.
    pub async fn fetch(&self) -> Fetched {
        let before = self.used().await;
        let newest = self.newest().await;
        let (commit, trouble) = match newest {
            Ok(commit) => (Some(commit), None),
            Err(why) => (before.clone(), Some(why)),
        };
        let Some(commit) = commit else { return Fetched { trouble, ..Fetched::default() } };
        let dir = match self.tree(&commit).await {
            Ok(dir) => dir,
            Err(why) => return Fetched { trouble: Some(trouble.unwrap_or(why)), ..Fetched::default() },
        };
        let mut rewritten = None;
        if let Some(before) = before.filter(|before| *before != commit) {
            let follows = self.git(&["merge-base", "--is-ancestor", &before, &commit]).await;
            if !follows.is_ok_and(|out| out.status.success()) {
                rewritten = Some(format!("{} was rewritten: {commit} does not follow {before}", self.reference));
            }
        }
        let trouble = match self.remember(&commit).await {
            Ok(()) => trouble,
            Err(error) => Some(format!("{} cannot be written: {error}", self.state.display())),
        };
        Fetched { used: Some((commit, dir)), trouble, rewritten }
    }

    /// The newest commit, fetched and verified.
    async fn newest(&self) -> Result<String, String> {
        let repo = self.repo();
        if !repo.exists() {
            tokio::fs::create_dir_all(&repo).await.map_err(|error| format!("{}: {error}", repo.display()))?;
            done(self.git(&["init", "--quiet", "--bare"]).await, "git init")?;
        }
        let spec = format!("+{}:{OURS}", self.reference);
        let fetched = self.git(&["fetch", "--quiet", "--force", "--no-tags", "--no-recurse-submodules", "--", &self.url, &spec]).await;
        if let Ok(out) = &fetched
            && String::from_utf8_lossy(&out.stderr).contains("couldn't find remote ref")
        {
            return Err(format!("there is no {} in the repository", self.reference));
        }
        done(fetched, "git fetch")?;
        let commit = done(self.git(&["rev-parse", "--verify", "--quiet", &format!("{OURS}^{{commit}}")]).await, "git rev-parse")?;
        self.verify(&commit).await?;
        Ok(commit)
    }

    /// Whether one of the signers signed it. Signatures of another form than SSH's are none: who may sign stands in one file alone.
    async fn verify(&self, commit: &str) -> Result<(), String> {
        let Some(signers) = &self.signers else { return Ok(()) };
        let signers = std::path::absolute(signers).map_err(|error| format!("{}: {error}", signers.display()))?;
        if !signers.is_file() {
            return Err(format!("there is no file {} that says who may sign commits", signers.display()));
        }
        let allowed = format!("gpg.ssh.allowedSignersFile={}", signers.display());
        let none = ["-c", "gpg.program=false", "-c", "gpg.openpgp.program=false", "-c", "gpg.x509.program=false"];
        let args = [&["-c", &allowed][..], &none, &["verify-commit", commit]].concat();
        match self.git(&args).await {
            Ok(out) if out.status.success() => Ok(()),
            Ok(_) => Err(format!("commit {commit} bears no good signature of anybody in {}: nothing of it is used", signers.display())),
            Err(error) => Err(error),
        }
    }

    /// The folder with the commit's files.
    async fn tree(&self, commit: &str) -> Result<PathBuf, String> {
        let trees = self.state.join("trees");
        let (tree, half) = (trees.join(commit), trees.join("half"));
        let wrong = |error: std::io::Error| format!("{}: {error}", trees.display());
        if !tree.exists() {
            let _ = tokio::fs::remove_dir_all(&half).await;
            tokio::fs::create_dir_all(&half).await.map_err(wrong)?;
            let into = format!("--work-tree={}", half.display());
            done(self.git(&[&into, "checkout", "--quiet", "--force", commit, "--", "."]).await, "git checkout")?;
            tokio::fs::rename(&half, &tree).await.map_err(wrong)?;
        }
        let dir = tree.join(&self.path);
        // A link of the repository must not lead out of it.
        let real = (std::fs::canonicalize(&dir), std::fs::canonicalize(&tree));
        match real {
            (Ok(real), Ok(tree)) if real.starts_with(&tree) && real.is_dir() => Ok(dir),
            _ => Err(format!("commit {commit} has no folder {}", self.path.display())),
        }
    }

    /// Which commit counts, when one of this very ref does.
    async fn used(&self) -> Option<String> {
        let text = tokio::fs::read(self.state.join("used.json")).await.ok()?;
        let used: Used = serde_json::from_slice(&text).ok()?;
        (used.url == self.url && used.reference == self.reference).then_some(used.commit)
    }

    /// From now on that one counts; the files of all others go.
    async fn remember(&self, commit: &str) -> std::io::Result<()> {
        let used = Used { url: self.url.clone(), reference: self.reference.clone(), commit: commit.to_owned() };
        let (place, half) = (self.state.join("used.json"), self.state.join("used.json.half"));
        tokio::fs::write(&half, serde_json::to_vec(&used)?).await?;
        tokio::fs::rename(&half, &place).await?;
        let mut trees = tokio::fs::read_dir(self.state.join("trees")).await?;
        while let Some(tree) = trees.next_entry().await? {
            if tree.file_name() != commit {
                tokio::fs::remove_dir_all(tree.path()).await?;
            }
        }
        Ok(())
    }

    fn repo(&self) -> PathBuf {
        self.state.join("repo.git")
    }

    /// Runs `git` on our repository. It asks nobody anything and runs no hook.
    async fn git(&self, args: &[&str]) -> Result<Output, String> {
        let mut command = Command::new("git");
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE"] {
            command.env_remove(name);
        }
        if std::env::var_os("GIT_SSH_COMMAND").is_none() {
            command.env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes");
        }
        command
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C")
            .args(["-c", "core.hooksPath=/dev/null", "-c", "protocol.ext.allow=never"])
            .arg(format!("--git-dir={}", absolute(&self.repo()).display()))
            .args(args)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        match tokio::time::timeout(LONGEST, command.output()).await {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(error)) => Err(format!("the program git cannot be run: {error}")),
            Err(_) => Err(format!("git did not end within {} s", LONGEST.as_secs())),
        }
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// What a call of `git` said, when it succeeded; else its last words.
fn done(output: Result<Output, String>, what: &str) -> Result<String, String> {
    let output = output?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let words: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).take(3).collect();
    Err(format!("{what} failed: {}", words.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(url: &str, reference: &str, path: &str) -> Git {
        Git { url: url.into(), reference: reference.into(), path: path.into(), signers: None, state: "/nonexistent".into() }
    }

    #[test]
    fn no_secret_becomes_an_argument_and_nothing_leads_out() {
        for url in
            ["https://github.com/o/r.git", "ssh://git@host/r", "git@host:o/r.git", "/srv/git/r", "file:///srv/git/r", "https://me@host/r"]
        {
            assert_eq!(git(url, "main", "desired/hostedehr").check(), Ok(()), "{url}");
        }
        for url in ["https://me:hunter2@host/r", "--upload-pack=touch /tmp/x", "ext::sh -c id"] {
            let why = git(url, "main", ".").check().unwrap_err();
            assert!(!why.contains("hunter2"), "{why}");
        }
        for reference in ["", "-x", "main:other", "a b", "main^"] {
            assert!(git("/r", reference, ".").check().is_err(), "{reference}");
        }
        for path in ["../x", "/etc", "a/../../b"] {
            assert!(git("/r", "main", path).check().is_err(), "{path}");
        }
    }
}
