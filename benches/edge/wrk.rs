//! `wrk` on a host of the fleet: a closed loop of few connections, every answer looked at.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;
use tokio::process::Command;

use crate::fleet_ground::Fleet;
use crate::ground::host;

/// Counts answers that are not 200, or not this tenant's, and says in the end what there was.
const SCRIPT: &str = r#"
local threads = {}
bad, last = 0, ""
function setup(thread) table.insert(threads, thread) end
function init(args)
  schema = args[2]
  wrk.headers["Host"] = args[1]
  wrk.headers["Accept"] = "text/html"
end
function response(status, headers, body)
  if status ~= 200 or headers["x-standin-schema"] ~= schema then
    bad = bad + 1
    last = tostring(status)
  end
end
function done(summary, latency, requests)
  local wrong, one = 0, ""
  for _, thread in ipairs(threads) do
    wrong = wrong + thread:get("bad")
    one = one .. thread:get("last")
  end
  local errors = summary.errors
  io.write(string.format('\n{"requests":%d,"micros":%d,"p50":%d,"p99":%d,"bad":%d,"last":"%s","broken":%d}\n', summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), wrong, one, errors.connect + errors.read + errors.write + errors.timeout))
end
"#;

/// What `wrk` saw.
#[derive(Debug, Clone, Deserialize)]
pub struct Seen {
    /// Answers.
    pub requests: u64,
    micros: u64,
    /// Half of them came within so many microseconds.
    pub p50: u64,
    /// 99 of a hundred did.
    pub p99: u64,
    /// Answers that were not 200, or another's.
    pub bad: u64,
    /// The status of the last of those; shown where a run fails.
    #[allow(dead_code, reason = "read by Debug")]
    last: String,
    /// Connections that broke, and answers that did not come within two seconds.
    pub broken: u64,
}

impl Seen {
    /// Answers in a second.
    #[allow(clippy::cast_precision_loss, reason = "a figure")]
    pub fn rate(&self) -> f64 {
        self.requests as f64 * 1e6 / self.micros as f64
    }

    /// A time of this against the same of `other`.
    #[allow(clippy::cast_precision_loss, reason = "a figure")]
    pub fn ratio(&self, other: &Self, time: fn(&Self) -> u64) -> f64 {
        time(self) as f64 / time(other).max(1) as f64
    }

    /// By how many milliseconds it is longer.
    #[allow(clippy::cast_precision_loss, reason = "a figure")]
    pub fn more(&self, other: &Self, time: fn(&Self) -> u64) -> f64 {
        (time(self) as f64 - time(other) as f64) / 1000.0
    }

    /// Answers that a client would complain of.
    pub fn wrong(&self) -> u64 {
        self.bad + self.broken
    }
}

/// `wrk`, run where a fleet's first host is.
pub struct Wrk<'f> {
    fleet: &'f Fleet,
    _folder: TempDir,
    script: PathBuf,
}

impl<'f> Wrk<'f> {
    /// On that fleet's first host.
    pub fn on(fleet: &'f Fleet) -> Self {
        let folder = TempDir::new().expect("a folder");
        let script = folder.path().join("look.lua");
        std::fs::write(&script, SCRIPT).expect("a file");
        Self { fleet, _folder: folder, script }
    }

    /// Asks `address` for a page of that tenant over one connection, again and again.
    pub async fn ask(&self, address: &str, tenant: &str, path: &str, lasts: Duration) -> Seen {
        let enter = self.fleet.engine().enter();
        let mut command = Command::new(&enter[0]);
        command.args(&enter[1..]).args(["wrk", "--threads", "1", "--connections", "1", "--duration"]);
        command.arg(format!("{}s", lasts.as_secs())).arg("--script").arg(&self.script);
        command.arg(format!("http://{address}{path}")).args(["--", &host(tenant), &format!("hostedehr-tenant-{tenant}-schema")]);
        let out = command.stdin(Stdio::null()).output().await.expect("wrk");
        let said = String::from_utf8_lossy(&out.stdout);
        let line = said.lines().rev().find(|line| line.starts_with('{'));
        let line = line.unwrap_or_else(|| panic!("wrk: {said}{}", String::from_utf8_lossy(&out.stderr)));
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))
    }
}
