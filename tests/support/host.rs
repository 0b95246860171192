//! A shell on a host of the fleet.
#![allow(dead_code)] // each test binary uses a part of it

use std::collections::BTreeMap;
use std::fs;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;

use crate::fleet_ground::{Fleet, docker};

/// A shell as an operator has it on a host.
pub struct Host<'f> {
    fleet: &'f Fleet,
    folder: tempfile::TempDir,
    words: BTreeMap<&'static str, String>,
}

impl<'f> Host<'f> {
    /// Of the first engine, with a stack of these tenants.
    pub async fn of(fleet: &'f Fleet, tenants: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let stack = folder.path().join("stack");
        fs::create_dir(&stack).expect("a folder");
        for file in fleet.files(&fleet.images[0], tenants) {
            fs::write(stack.join(&file.path), file.text).expect("a file");
        }
        let programs = folder.path().join("bin");
        fs::create_dir(&programs).expect("a folder");
        for (name, program) in [("reeve", env!("CARGO_BIN_EXE_reeve")), ("docker", "/usr/bin/docker")] {
            std::os::unix::fs::symlink(program, programs.join(name)).expect("a link");
        }
        let node = docker(fleet.engine(), &["node", "inspect", "--format", "{{.ID}}", "self"]).await;
        let words = BTreeMap::from([
            ("DIR", stack.display().to_string()),
            ("NAME", "alpha".to_owned()),
            ("OTHER", "beta".to_owned()),
            ("SERVICE", "hostedehr-tenant-alpha-service".to_owned()),
            ("NODE", node),
            ("IP", fleet.engine().address.to_string()),
        ]);
        Self { fleet, folder, words }
    }

    /// What stands for a word in capitals.
    pub fn word(&self, word: &str) -> &str {
        &self.words[word]
    }

    /// Runs a line; four minutes are enough for each.
    pub async fn run(&self, line: &str) -> Output {
        let run = self.command(line).output();
        tokio::time::timeout(Duration::from_secs(240), run).await.unwrap_or_else(|_| panic!("`{line}` does not end")).expect("sh")
    }

    /// The same, not begun.
    pub fn command(&self, line: &str) -> Command {
        let line = self.filled(line);
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", self.folder.path().join("bin").display());
        let mut command = Command::new("sh");
        command
            .args(["-c", &line])
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.folder.path())
            .env("DOCKER_HOST", format!("unix://{}", self.fleet.engine().docker.display()))
            .env("REEVE_HOST", self.fleet.parts.host())
            .env("AWS_ENDPOINT_URL", &self.fleet.sandbox.endpoint)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    fn filled(&self, command: &str) -> String {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.' || c == '-';
        let mut line = String::new();
        let mut rest = command;
        while let Some(begin) = rest.find(is_word) {
            let end = rest[begin..].find(|c| !is_word(c)).map_or(rest.len(), |end| begin + end);
            line.push_str(&rest[..begin]);
            line.push_str(self.words.get(&rest[begin..end]).map_or(&rest[begin..end], String::as_str));
            rest = &rest[end..];
        }
        line.push_str(rest);
        line
    }
}
