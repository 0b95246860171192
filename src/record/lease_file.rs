//! The lease as it lies in the record: `lease.json`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::entry::FORMAT_VERSION;

/// Who takes a lease, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Who: the caller's ARN, or a user's name.
    pub who: String,
    /// The command, such as `apply desired/hostedehr`. Holds no secret: arguments never do.
    pub command: String,
}

/// A lease, as others read it. A machine format: fields are added, never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseFile {
    /// The version of this form.
    pub format_version: u32,
    /// Random; the same from taking it to giving it back.
    pub id: String,
    /// Who holds it.
    pub who: String,
    /// On which machine.
    pub host: String,
    /// As which process.
    pub pid: u32,
    /// Doing what.
    pub command: String,
    /// Since when.
    pub since: Timestamp,
    /// When its heartbeat last said so.
    pub renewed: Timestamp,
    /// When it ends unless it is renewed.
    pub expires: Timestamp,
    /// Set once it was given back, or taken away by `reeve unlock`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<Released>,
}

/// How a lease ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    /// When.
    pub at: Timestamp,
    /// By whom, when it was not the holder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced_by: Option<String>,
}

impl LeaseFile {
    /// A lease of `owner` from `now` until `expires`, by this process.
    pub(super) fn new(owner: &Owner, now: Timestamp, expires: Timestamp) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            id: format!("{:032x}", rand::random::<u128>()),
            who: owner.who.clone(),
            host: host(),
            pid: std::process::id(),
            command: owner.command.clone(),
            since: now,
            renewed: now,
            expires,
            released: None,
        }
    }

    /// Whether its holder is another process of this program, alive on this machine.
    #[must_use]
    pub fn is_held_here(&self) -> bool {
        let ours = command_of("self");
        self.host == host() && self.pid != std::process::id() && ours.is_some() && command_of(&self.pid.to_string()) == ours
    }

    /// The holder in words: who, where, doing what, since when and for how long.
    #[must_use]
    pub fn describe(&self) -> String {
        let Self { who, host, pid, command, since, expires, .. } = self;
        format!("{who} on {host} (process {pid}, `{command}`) since {since:.0}; the lease ends at {expires:.0} unless it is renewed")
    }
}

/// What a process calls itself; `None` when there is none. A dead one that nobody has asked after yet is none either.
fn command_of(pid: &str) -> Option<String> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let value = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    value("State:").filter(|state| !state.starts_with(['Z', 'X']))?;
    value("Name:").map(str::to_owned)
}

/// The machine's name. Only people read it, so an unknown one is no error.
#[must_use]
pub fn host() -> String {
    let named = std::fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| std::env::var("HOSTNAME").ok());
    named.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).unwrap_or_else(|| "an unnamed host".to_owned())
}
