//! The programs of the parts, stopped by their ids and started again where they were.
#![allow(dead_code)] // each test binary uses a part of it

use std::fs::{self, File};
use std::path::{Path, PathBuf};
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
        Self::engine(fleet, 0)
    }

    /// An engine, counted from 0.
    pub fn engine(fleet: &Fleet, engine: usize) -> Self {
        let settings = fleet.parts.folder().join(format!("engine{}/daemon.json", engine + 1));
        Self::find(fleet, "dockerd", &settings.display().to_string(), &fleet.parts.engines()[engine].space)
    }

    /// The database.
    pub fn database(fleet: &Fleet) -> Self {
        let settings = fleet.parts.folder().join("mysql/my.cnf");
        let space = fleet.engine().space.strip_suffix("-1").expect("the engine's namespace is named after the one in the middle");
        Self::find(fleet, "mariadbd", &format!("--defaults-file={}", settings.display()), space)
    }

    fn find(fleet: &Fleet, name: &str, argument: &str, space: &str) -> Self {
        let is_it = |arguments: &Vec<String>| {
            arguments.first().is_some_and(|program| program.rsplit('/').next() == Some(name)) && arguments.iter().any(|one| one == argument)
        };
        let found = ids().map(|id| (id, arguments(id))).find(|(_, arguments)| is_it(arguments));
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

    /// The same as [`Self::start`]; from then on this is the one that runs now.
    pub async fn again(&mut self) -> Child {
        let child = self.start().await;
        let by = child.id().expect("nsenter runs");
        until(&format!("{} runs again", self.arguments[0]), 20, async || {
            let mut running = ids().filter(|id| arguments(*id) == self.arguments);
            let own = running.find(|id| parent(*id) == Some(by));
            self.id = own.unwrap_or(self.id);
            own.is_some()
        })
        .await;
        child
    }

    /// Starts it again, with what it was started with.
    pub async fn start(&self) -> Child {
        // What it did at its first start is not done twice.
        let init = self.folder.join("mysql/first.sql");
        if !init.exists() {
            fs::write(init, "").expect("a file");
        }
        // As a host does it (`src/host/daemon.rs`): Docker forgets its networks before it starts, and gets ports that it did not have.
        if let Some(own) = self.own() {
            let _ = fs::remove_file(own.join("data/network/files/local-kv.db"));
            self.ports("next", own).await;
        }
        let name = self.arguments[0].rsplit('/').next().unwrap_or_default();
        let log = self.folder.join(format!("{name}-again.log"));
        let log = File::options().create(true).append(true).open(log).expect("a file");
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

    /// What a host does with the ports once Docker runs.
    pub async fn runs(&self) {
        if let Some(own) = self.own() {
            self.ports("back", own).await;
        }
    }

    /// The folder of an engine.
    fn own(&self) -> Option<&Path> {
        self.arguments.iter().map(Path::new).find(|argument| argument.ends_with("daemon.json"))?.parent()
    }

    async fn ports(&self, what: &str, own: &Path) {
        let (program, turn) = (own.join("ports.sh"), own.join("ports"));
        fs::write(&program, reeve::host::daemon::PORTS.1).expect("a file");
        if !turn.exists() {
            // The parts have started it with the whole range, of which it took the first ones.
            fs::write(&turn, "0").expect("a file");
        }
        let mut shell = Command::new("nsenter");
        let shell = shell.arg(format!("--net={}", self.space.display())).arg("sh").arg(program).arg(what).arg(turn);
        assert!(shell.status().await.expect("nsenter").success());
    }
}

/// Every process of an engine's machine: the engine with what it started, its containers with all that is in them.
pub fn of_machine(fleet: &Fleet, engine: usize) -> Vec<u32> {
    let own = format!("{}/", fleet.parts.folder().join(format!("engine{}", engine + 1)).display());
    let all: Vec<(u32, u32)> = ids().filter_map(|id| Some((id, parent(id)?))).collect();
    // The engine, containerd and each container's shim name a file in the engine's folder.
    let names_own = |id: &u32| arguments(*id).iter().any(|argument| argument.starts_with(&own)) && !is_waiting(*id);
    let mut machine: Vec<u32> = all.iter().map(|(id, _)| *id).filter(names_own).collect();
    let mut at = 0;
    while at < machine.len() {
        let children = all.iter().filter(|(id, parent)| *parent == machine[at] && !machine.contains(id)).map(|(id, _)| *id);
        machine.extend(children.collect::<Vec<_>>());
        at += 1;
    }
    machine
}

/// Those of the parts' own shell and of `nsenter`, which wait for the engine, are not the machine's.
fn is_waiting(id: u32) -> bool {
    let program = arguments(id).first().cloned().unwrap_or_default();
    matches!(program.rsplit('/').next(), Some("sh" | "nsenter" | "haproxy"))
}

/// Every process.
fn ids() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc").expect("/proc").filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// Who started a process.
pub fn parent(id: u32) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

/// Sends a signal to all of them at once.
pub async fn signal(ids: &[u32], signal: &str) {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    // One that ended meanwhile is none to be signalled.
    let _ = Command::new("kill").arg(format!("-{signal}")).args(&ids).stderr(Stdio::null()).status().await.expect("kill");
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
