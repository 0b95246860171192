//! A fleet of many tenants, and what it costs: with the real Docker Engine, or with the stand-in that answers for ten thousand services.
#![allow(dead_code)] // each test binary uses a part of it

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use reeve::desired::SourceFile;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::fleet_ground::{Fleet, read, tenant};
use crate::support::{self, Estate, Wishes, changes};
use crate::swarm::{Swarm, application};

/// The planes inside the machines, as their calls begin.
pub const INNER: [&str; 4] = ["docker", "files", "haproxy", "mysql"];

/// So many tenants that are suspended, and so many that run.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub at_rest: usize,
    pub running: usize,
}

impl Size {
    pub fn all(self) -> usize {
        self.at_rest + self.running
    }

    /// Their documents.
    pub fn tenants(self) -> String {
        let at_rest = (0..self.at_rest).map(|n| tenant(&format!("rest-{n:05}"), "state: suspended"));
        at_rest.chain((0..self.running).map(|n| tenant(&format!("busy-{n:05}"), ""))).collect()
    }
}

/// What something cost.
#[derive(Debug, Clone)]
pub struct Cost {
    pub calls: BTreeMap<String, u64>,
    pub wall: Duration,
}

impl Cost {
    /// All calls.
    pub fn all(&self) -> u64 {
        self.calls.values().sum()
    }

    /// The calls to one plane.
    pub fn of(&self, plane: &str) -> u64 {
        self.calls.iter().filter(|(call, _)| is_of(call, plane)).map(|(_, times)| times).sum()
    }

    /// Calls by name, of the planes inside.
    pub fn inner(&self) -> BTreeMap<String, u64> {
        self.calls.iter().filter(|(call, _)| INNER.iter().any(|plane| is_of(call, plane))).map(|(call, n)| (call.clone(), *n)).collect()
    }
}

fn is_of(call: &str, plane: &str) -> bool {
    call.split('.').next() == Some(plane)
}

/// A fleet, its first host, and one record.
pub struct Ground {
    pub fleet: Fleet,
    /// The facts of its host.
    pub host: PathBuf,
    /// Where Docker is the stand-in.
    pub swarm: Option<Swarm>,
    record: Option<TempDir>,
    /// Its tenants need neither database nor files of their own.
    light: bool,
}

impl Ground {
    /// With the real engine.
    pub async fn real() -> Self {
        let fleet = Fleet::start(1).await;
        Self { host: fleet.engine().host.clone(), fleet, swarm: None, record: Some(TempDir::new().expect("a folder")), light: false }
    }

    /// With the stand-in in the engine's place; everything else is real.
    pub async fn standin() -> Self {
        let real = Self::real().await;
        let socket = real.fleet.parts.folder().join("standin.sock");
        let swarm = Swarm::start(&socket, application(real.fleet.parts.gateway().into()).await).await;
        let host = real.fleet.host_with("docker", &format!("unix://{}", socket.display()));
        Self { host, swarm: Some(swarm), ..real }
    }

    /// The same, for so many tenants that their schemas alone would take an hour.
    pub async fn light() -> Self {
        Self { light: true, ..Self::standin().await }
    }

    /// The files of a stack of that size.
    pub fn files(&self, size: Size) -> Vec<SourceFile> {
        let mut files = self.fleet.files(&self.fleet.images[0], &size.tenants());
        if self.light {
            files[0].text = files[0].text.replace("      data: /openmrs/data\n", "      database: none\n");
        }
        files
    }

    /// What they wish.
    pub fn wishes(&self, size: Size) -> Wishes {
        support::wishes(&self.files(size))
    }

    /// Applies what is wished, in a session of its own.
    pub async fn apply(&mut self, wishes: &Wishes) -> Cost {
        self.costs(wishes, async |estate| {
            estate.apply().await;
        })
        .await
    }

    /// Plans what is wished, in a session of its own; there is nothing to do.
    pub async fn idle(&mut self, wishes: &Wishes) -> Cost {
        self.costs(wishes, async |estate| {
            let plan = estate.plan().await;
            let differs = changes(&plan);
            assert!(differs.is_empty(), "not converged:\n{}", differs.join("\n"));
            assert_eq!((plan.waiting.len(), plan.refusals.len()), (0, 0), "{:#?} {:#?}", plan.waiting, plan.refusals);
        })
        .await
    }

    async fn costs(&mut self, wishes: &Wishes, work: impl AsyncFnOnce(&Estate)) -> Cost {
        let record = self.record.take().expect("one at a time");
        let wishes = wishes.clone();
        let begun = Instant::now();
        let estate = self.fleet.open(&self.host, wishes, record).await;
        work(&estate).await;
        let (calls, wall) = (estate.session.connection.stats.calls(), begun.elapsed());
        self.record = Some(estate.record);
        Cost { calls, wall }
    }

    /// What `reeve plan` costs that finds nothing to change, reading of the YAML included, and the most memory it held.
    pub async fn plan_of_the_program(&self, size: Size) -> (Cost, u64) {
        let folder = self.stack(size);
        let out = self.program().args(["plan", "--stats"]).arg(folder.path().join("stack")).output().await.expect("reeve");
        let (said, err) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        assert!(out.status.success(), "{said}\n{err}");
        let told: Value = serde_json::from_str(err.trim().lines().last().unwrap_or_default()).unwrap_or_else(|_| panic!("{err}"));
        let actions = told["actions"].as_object().expect("what is to be done");
        assert_eq!(actions.len(), 1, "all of it is as it should be: {said}");
        let calls = serde_json::from_value(told["calls"].clone()).expect("calls");
        let number = |name: &str| told[name].as_u64().unwrap_or_else(|| panic!("{name}: {told}"));
        (Cost { calls, wall: Duration::from_millis(number("wall_ms")) }, number("peak_memory_bytes"))
    }

    /// A folder with a stack of that size in `stack`, whose record is this one.
    pub fn stack(&self, size: Size) -> TempDir {
        let record = self.record.as_ref().expect("nothing is under way").path();
        let folder = TempDir::new().expect("a folder");
        let stack = folder.path().join("stack");
        std::fs::create_dir(&stack).expect("a folder");
        for file in self.files(size) {
            let text = file.text.replace("record: s3 ", &format!("record: local:{} ", record.display()));
            std::fs::write(stack.join(&file.path), text).expect("a file");
        }
        folder
    }

    /// The program, as on the host; another build of it where `REEVE_PROGRAM` names one.
    pub fn program(&self) -> Command {
        let built = std::env::var("REEVE_PROGRAM").unwrap_or_else(|_| env!("CARGO_BIN_EXE_reeve").to_owned());
        let mut program = Command::new(built);
        program.env("REEVE_HOST", &self.host).env("AWS_ENDPOINT_URL", &self.fleet.sandbox.endpoint).stdin(Stdio::null());
        program.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        program
    }

    /// Bytes that the workers of HAProxy hold.
    pub fn haproxy_memory(&self) -> u64 {
        let facts: Value = serde_json::from_str(&read(&self.host)).expect("JSON");
        let pid = read(Path::new(facts["haproxy"]["folder"].as_str().expect("a folder")).join("haproxy.pid"));
        let pid = pid.trim();
        let workers = read(format!("/proc/{pid}/task/{pid}/children"));
        let held = |pid: &str| {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB").trim().to_owned();
            line.trim_end_matches(" kB").parse::<u64>().unwrap_or_default() * 1024
        };
        workers.split_whitespace().map(held).sum()
    }
}
