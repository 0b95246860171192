//! The programs of the parts, stopped by their ids and started again where they were.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::fleet_ground::{Fleet, until};

/// A program of the parts that runs.
pub struct Program {
    id: u32,
    /// The first process of the parts' own namespaces.
    first: u32,
    arguments: Vec<String>,
    space: PathBuf,
    folder: PathBuf,
}

impl Program {
    /// The first engine.
    pub fn docker(fleet: &Fleet) -> Self {
        let settings = fleet.parts.folder().join("engine1/daemon.json");
        Self::find(fleet, "dockerd", &settings.display().to_string(), &fleet.engine().space)
    }

    /// The database.
    pub fn database(fleet: &Fleet) -> Self {
        let settings = fleet.parts.folder().join("mysql/my.cnf");
        let space = fleet.engine().space.strip_suffix("-1").expect("the engine's namespace is named after the one in the middle");
        Self::find(fleet, "mariadbd", &format!("--defaults-file={}", settings.display()), space)
    }

    fn find(fleet: &Fleet, name: &str, argument: &str, space: &str) -> Self {
        let running = fs::read_dir("/proc").expect("/proc").filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let is_it = |arguments: &Vec<String>| {
            arguments.first().is_some_and(|program| program.rsplit('/').next() == Some(name)) && arguments.iter().any(|one| one == argument)
        };
        let found = running.map(|id: u32| (id, arguments(id))).find(|(_, arguments)| is_it(arguments));
        let (id, arguments) = found.unwrap_or_else(|| panic!("no {name} runs with {argument}"));
        let mut first = id;
        while status(first, "NSpid").rsplit(char::is_whitespace).next() != Some("1") {
            first = status(first, "PPid").parse().expect("a process has a parent");
        }
        Self { id, first, arguments, space: PathBuf::from("/var/run/netns").join(space), folder: fleet.parts.folder().into() }
    }

    /// Asks it to end, and waits until it has.
    pub async fn stop(&self) {
        self.signal("TERM").await;
        until(&format!("{} ends", self.arguments[0]), 60, async || !self.lives()).await;
    }

    /// Ends it without a word.
    pub async fn kill(&self) {
        self.signal("KILL").await;
        until(&format!("{} ends", self.arguments[0]), 10, async || !self.lives()).await;
    }

    fn lives(&self) -> bool {
        arguments(self.id) == self.arguments
    }

    async fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([&format!("-{signal}"), &self.id.to_string()]).status().await.expect("kill");
        assert!(sent.success(), "{} does not run", self.arguments[0]);
    }

    /// Starts it again, with what it was started with.
    pub async fn start(&self) -> Child {
        // What it did at its first start is not done twice.
        let init = self.folder.join("mysql/first.sql");
        if !init.exists() {
            fs::write(init, "").expect("a file");
        }
        // As a host does it (`src/host/daemon.rs`): Docker forgets its networks before it starts.
        let _ = fs::remove_file(self.folder.join("engine1/data/network/files/local-kv.db"));
        let log = File::create(self.folder.join("again.log")).expect("a file");
        let child = Command::new("nsenter")
            .args(["--target", &self.first.to_string(), "--pid", "--mount", &format!("--net={}", self.space.display()), "--"])
            .args(&self.arguments)
            .env("TMPDIR", self.folder.join("tmp"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .expect("nsenter");
        tokio::time::sleep(Duration::from_millis(200)).await;
        child
    }
}

fn arguments(id: u32) -> Vec<String> {
    let text = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    let words = text.split(|byte| *byte == 0).filter(|word| !word.is_empty());
    words.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

fn status(id: u32, field: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{id}/status")).expect("it runs");
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {field} of {id}")).trim().to_owned()
}
