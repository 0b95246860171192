//! The units of the first host, as systemd has them: what was killed is started again with what it was started with.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::fleet_ground::{Fleet, docker, read, until};
use crate::host::Host;
use crate::program::{Program, parent};

/// What can be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    Reeve,
    Haproxy,
    Docker,
    Database,
}

impl Unit {
    pub const ALL: [Self; 4] = [Self::Reeve, Self::Haproxy, Self::Docker, Self::Database];
}

const RUN: &str = "exec reeve run DIR --listen 127.0.0.1:0";

/// The host, with a `reeve run` on it.
pub struct Units<'f> {
    fleet: &'f Fleet,
    pub shell: Host<'f>,
    pub log: PathBuf,
    haproxy: Haproxy,
    reeve: Option<Child>,
    programs: BTreeMap<Unit, Program>,
    /// What was started from here ends with the test.
    children: Vec<Child>,
}

impl<'f> Units<'f> {
    /// Starts `reeve run` of a stack with these tenants.
    pub async fn start(fleet: &'f Fleet, tenants: &str) -> Self {
        let folder = fleet.parts.folder();
        let programs = BTreeMap::from([(Unit::Docker, Program::docker(fleet)), (Unit::Database, Program::database(fleet))]);
        let haproxy = Haproxy::of(fleet);
        let shell = Host::of(fleet, tenants).await;
        let log = folder.join("reeve.log");
        let mut units = Self { fleet, shell, log, haproxy, reeve: None, programs, children: Vec::new() };
        units.begin(Unit::Reeve).await;
        units
    }

    /// Ends it without a word.
    pub async fn kill(&mut self, unit: Unit, of_haproxy: Of) {
        match unit {
            Unit::Reeve => {
                let mut reeve = self.reeve.take().expect("it runs");
                reeve.start_kill().expect("it runs");
                reeve.wait().await.expect("it ends");
            }
            Unit::Haproxy => self.haproxy.kill(of_haproxy).await,
            Unit::Docker | Unit::Database => self.programs[&unit].kill().await,
        }
    }

    /// Starts it again. What follows its start ([`Self::after_start`]) is not waited for.
    pub async fn begin(&mut self, unit: Unit) {
        match unit {
            Unit::Reeve => {
                let log = File::options().create(true).append(true).open(&self.log).expect("a file");
                let mut reeve = self.shell.command(RUN);
                reeve.env("REEVE_HOST", &self.haproxy.facts).stdout(log.try_clone().expect("a file")).stderr(log);
                self.reeve = Some(reeve.spawn().expect("it starts"));
            }
            Unit::Haproxy => self.children.push(self.haproxy.begin()),
            Unit::Docker | Unit::Database => {
                let program = self.programs.get_mut(&unit).expect("it is one of them");
                self.children.push(program.again().await);
            }
        }
    }

    /// What a host does once its engine answers again (`src/host/daemon.rs`).
    pub async fn after_start(&mut self, unit: Unit) {
        if unit == Unit::Docker {
            let socket = format!("unix://{}", self.fleet.engine().docker.display());
            until("the engine leads its swarm again", 60, async || {
                let mut asked = Command::new("/usr/bin/docker");
                asked.args(["-H", &socket, "node", "ls"]).output().await.expect("docker.io").status.success()
            })
            .await;
            self.programs[&unit].runs().await;
            self.fleet.parts.network_again(0).await.unwrap_or_else(|error| panic!("{error}"));
        }
    }

    /// Asks `reeve run` to end; whether it did so well.
    pub async fn ends_when_asked(mut self) -> bool {
        let mut reeve = self.reeve.take().expect("it runs");
        let id = reeve.id().expect("it runs").to_string();
        Command::new("kill").args(["-TERM", &id]).status().await.expect("kill");
        tokio::time::timeout(Duration::from_secs(90), reeve.wait()).await.expect("it ends").expect("a status").success()
    }

    /// Leaves that on a tenant's service, as one who was killed in the middle of it.
    pub async fn leave(&self, tenant: &str, wake: Option<&serde_json::Value>, runs: u8) {
        let label = wake.map_or_else(|| "--label-rm=reeve-wake".to_owned(), |wake| format!("--label-add=reeve-wake={wake}"));
        let replicas = runs.to_string();
        let service = format!("hostedehr-tenant-{tenant}-service");
        let socket = format!("unix://{}", self.fleet.engine().docker.display());
        let line = ["-H", &socket, "service", "update", "--detach", "--replicas", &replicas, &label, &service];
        // Swarm itself may write to it at the same time.
        until(&format!("{tenant} is left half-way"), 30, async || {
            Command::new("/usr/bin/docker").args(line).output().await.expect("docker.io").status.success()
        })
        .await;
    }

    /// What is wanted of tenants' services, by service, and how many containers they are to have.
    pub async fn wanted(&self) -> Vec<(String, String, String)> {
        let ids = docker(self.fleet.engine(), &["service", "ls", "--quiet"]).await;
        let format = "{{.Spec.Name}}\t{{.Spec.Mode.Replicated.Replicas}}\t{{index .Spec.Labels \"reeve-wake\"}}";
        let line = ["service", "inspect", "--format", format].into_iter().chain(ids.split_whitespace()).collect::<Vec<_>>();
        let all = docker(self.fleet.engine(), &line).await;
        let row = |line: &str| {
            let mut cells = line.split('\t').map(str::to_owned);
            Some((cells.next()?, cells.next()?, cells.next().unwrap_or_default()))
        };
        all.lines().filter_map(row).collect()
    }
}

/// What of HAProxy is killed; what is left ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    All,
    Master,
    Workers,
}

/// HAProxy as a unit: whoever starts it, the loop or systemd, it runs once.
pub struct Haproxy {
    program: PathBuf,
    config: PathBuf,
    /// The host's facts, by which reeve starts it in the same way.
    facts: PathBuf,
}

impl Haproxy {
    /// The first host's.
    pub fn of(fleet: &Fleet) -> Self {
        let folder = fleet.parts.folder();
        let (program, lock) = (folder.join("haproxy-unit"), folder.join("haproxy-unit.lock"));
        let run = format!("{} haproxy", fleet.engine().enter().join(" "));
        let start = format!("exec flock --nonblock --close {} {run} \"$@\"", lock.display());
        fs::write(&program, format!("#!/bin/sh\ncase \"$1\" in -c) exec {run} \"$@\" ;; esac\n{start}\n")).expect("a file");
        fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("ours");
        let mut facts: serde_json::Value = serde_json::from_str(&read(&fleet.engine().host)).expect("JSON");
        facts["haproxy"]["run"] = serde_json::json!([program]);
        let host = folder.join("host-with-unit.json");
        fs::write(&host, facts.to_string()).expect("a file");
        Self { program, config: folder.join("engine1/haproxy/haproxy.cfg"), facts: host }
    }

    /// Kills that of it, by the configuration that they name.
    pub async fn kill(&self, what: Of) {
        let config = self.config.display().to_string();
        let all = fs::read_dir("/proc").expect("/proc").filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
        let is_it = |id: &u32| {
            let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            let words: Vec<String> = line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
            words[0].ends_with("haproxy") && words.contains(&config)
        };
        let ids: Vec<u32> = all.filter(is_it).collect();
        let is_worker = |id: &u32| parent(*id).is_some_and(|parent| ids.contains(&parent));
        let is_meant = |id: &&u32| match what {
            Of::All => true,
            Of::Master => !is_worker(id),
            Of::Workers => is_worker(id),
        };
        let ids: Vec<String> = ids.iter().filter(is_meant).map(ToString::to_string).collect();
        // One that ended before it was up is none to be killed.
        let _ = Command::new("kill").arg("-KILL").args(&ids).stderr(Stdio::null()).status().await.expect("kill");
    }

    /// Starts it.
    pub fn begin(&self) -> Child {
        let folder = self.config.parent().expect("a folder");
        let mut haproxy = Command::new(&self.program);
        haproxy.args(["-W", "-S", &format!("{},mode,600", folder.join("master.sock").display())]);
        haproxy.arg("-p").arg(folder.join("haproxy.pid")).arg("-f").arg(&self.config);
        haproxy.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        haproxy.spawn().expect("sh")
    }
}
