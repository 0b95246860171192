//! What `reeve run` needs while nothing happens: memory and processor time of the program, and the memory of HAProxy beside it.

use std::fmt::Write as _;
use std::fs;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::scale_ground::{Ground, Size};

/// Of so many tenants, so many awake; with databases and folders of their own or without.
#[derive(Debug, Clone, Copy)]
pub struct Fleet {
    pub tenants: usize,
    pub awake: usize,
    pub light: bool,
}

/// The one that the aim is about, and the largest.
pub const THOUSAND: Fleet = Fleet { tenants: 1_000, awake: 200, light: false };
pub const MANY: Fleet = Fleet { tenants: 10_000, awake: 200, light: true };

/// The loop's passes over everything, and without the emulated AWS.
const SCOPES: [(&str, &str); 2] = [("all planes", ""), ("all but AWS", "docker,mysql,files,haproxy")];
/// Processor time is counted for so long: so many passes are in it.
const WATCHED: Duration = Duration::from_secs(120);
/// Clock ticks of /proc in a second: `sysconf(_SC_CLK_TCK)` of every Linux.
const TICKS: f64 = 100.0;

/// What was seen of one loop.
struct Row {
    scope: &'static str,
    /// Of one core, in percent.
    share: f64,
    passes: u64,
    memory: u64,
    /// Of that, what is no part of the program's file.
    own: u64,
    most: u64,
    haproxy: u64,
}

/// Figures of a fleet; of `most` tenants where it has more.
pub async fn measure(fleet: Fleet, most: usize) -> String {
    let fleet = Fleet { tenants: fleet.tenants.min(most), awake: fleet.awake.min(most / 2), ..fleet };
    let mut ground = if fleet.light { Ground::light().await } else { Ground::standin().await };
    let size = Size { at_rest: 0, running: fleet.tenants };
    let applied = ground.apply(&ground.wishes(size)).await;
    eprintln!("{fleet:?}: applied in {:?}", applied.wall);
    ground.swarm.as_ref().expect("a stand-in").sleep_but(fleet.awake);
    let mut rows = Vec::new();
    for (scope, planes) in SCOPES {
        rows.push(watch(&ground, size, scope, planes).await);
    }
    table(fleet, &rows)
}

async fn watch(ground: &Ground, size: Size, scope: &'static str, planes: &str) -> Row {
    let stack = ground.stack(size);
    let log = stack.path().join("log");
    let run = Running::start(ground, &stack, planes).await;
    run.settles(&log).await;
    let (before, passes) = (run.ticks(), run.passes().await);
    tokio::time::sleep(WATCHED).await;
    let spent = run.ticks() - before;
    let row = Row {
        scope,
        share: spent / TICKS / WATCHED.as_secs_f64() * 100.0,
        passes: run.passes().await - passes,
        memory: run.held("VmRSS"),
        own: run.held("RssAnon"),
        most: run.held("VmHWM"),
        haproxy: ground.haproxy_memory(),
    };
    eprintln!(
        "{scope}: {:.2} % of a core, {} passes, {} MB ({} MB its own, {} MB at most), HAProxy {} MB",
        row.share,
        row.passes,
        row.memory / 1_000_000,
        row.own / 1_000_000,
        row.most / 1_000_000,
        row.haproxy / 1_000_000
    );
    run.stop().await;
    row
}

/// A `reeve run`.
struct Running {
    child: Child,
    id: u32,
    at: String,
}

impl Running {
    async fn start(ground: &Ground, stack: &TempDir, planes: &str) -> Self {
        let path = stack.path().join("log");
        let log = fs::File::create(&path).expect("a file");
        let mut command = ground.program();
        command.arg("run").arg(stack.path().join("stack")).args(["--listen", "127.0.0.1:0"]);
        if !planes.is_empty() {
            command.args(["--plane", planes]);
        }
        let child = command.stdout(log.try_clone().expect("a file")).stderr(log).kill_on_drop(true).spawn().expect("reeve");
        let id = child.id().expect("it runs");
        let at = loop {
            let text = fs::read_to_string(&path).expect("its log");
            if let Some((_, rest)) = text.split_once("listening on ") {
                break rest.split_whitespace().next().expect("an address").to_owned();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        Self { child, id, at }
    }

    /// Waits until its first pass is over and it wakes tenants, and a while longer.
    async fn settles(&self, log: &std::path::Path) {
        let begun = std::time::Instant::now();
        loop {
            let text = fs::read_to_string(log).expect("its log");
            if self.get("/readyz").await.contains("it leads") && text.contains("this host wakes tenants") {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(600), "it does not get ready:\n{text}");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        tokio::time::sleep(Duration::from_secs(30)).await;
        let text = fs::read_to_string(log).expect("its log");
        assert!(!text.contains("tenants cannot be looked after"), "{text}");
    }

    async fn get(&self, path: &str) -> String {
        let out = Command::new("curl").args(["--silent", &format!("{}{path}", self.at)]).stdin(Stdio::null()).output().await.expect("curl");
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    /// Passes so far.
    async fn passes(&self) -> u64 {
        let metrics = self.get("/metrics").await;
        let counts = metrics.lines().filter(|line| line.starts_with("reeve_passes_total{"));
        counts.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    }

    /// Processor time so far, the kernel's for it included: fields 14 and 15 of proc(5)'s `stat`.
    fn ticks(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id)).expect("it runs");
        let (_, fields) = stat.rsplit_once(") ").expect("a name in brackets");
        fields.split(' ').skip(11).take(2).map(|field| field.parse::<f64>().expect("ticks")).sum()
    }

    /// Bytes, of that name in proc(5)'s `status`.
    fn held(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id)).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).expect("its memory").trim().to_owned();
        line.trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }

    async fn stop(mut self) {
        let asked = Command::new("kill").args(["-TERM", &self.id.to_string()]).status().await.expect("kill");
        assert!(asked.success());
        assert!(self.child.wait().await.expect("it ends").success());
    }
}

fn table(fleet: Fleet, rows: &[Row]) -> String {
    let mut text = format!(
        "| `reeve run`, {} tenants, {} of them awake | Of a core | Passes in {} s | Its memory | Not of its file | At most | HAProxy's |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        fleet.tenants,
        fleet.awake,
        WATCHED.as_secs(),
    );
    let mb = |bytes: u64| bytes / 1_000_000;
    for row in rows {
        let Row { scope, share, passes, .. } = row;
        let _ = writeln!(
            text,
            "| {scope} | {share:.2} % | {passes} | {} MB | {} MB | {} MB | {} MB |",
            mb(row.memory),
            mb(row.own),
            mb(row.most),
            mb(row.haproxy)
        );
    }
    let of = if fleet.light { "tenants without database and files of their own" } else { "MariaDB and folders are real" };
    let _ = writeln!(
        text,
        "\nAt its own pace (a pass each minute, a look at the swarm every 10 s); Docker is the stand-in that answers from memory, {of}; HAProxy is real. Processor time is the program's and the \
         kernel's for it; *at most* is the peak of its first pass."
    );
    text
}
