//! What a run asked of its planes, counted: the object of `--stats`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::wire::Call;

/// Counters that all clones share. Time runs from [`Stats::default`].
#[derive(Debug, Clone, Default)]
pub struct Stats(Arc<Counters>);

#[derive(Debug)]
struct Counters {
    start: Instant,
    calls: Mutex<BTreeMap<String, u64>>,
    retries: AtomicU64,
    throttles: AtomicU64,
}

impl Default for Counters {
    fn default() -> Self {
        Self { start: Instant::now(), calls: Mutex::default(), retries: AtomicU64::default(), throttles: AtomicU64::default() }
    }
}

impl Stats {
    /// A call goes out: `docker.ServiceList`.
    pub(in crate::planes) fn count(&self, call: &str) {
        *self.0.calls.lock().unwrap_or_else(PoisonError::into_inner).entry(call.to_owned()).or_default() += 1;
    }

    /// An attempt goes out.
    pub(super) fn sent(&self, call: &Call) {
        self.count(&call.to_string());
        if call.attempt > 1 {
            self.0.retries.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// An attempt was refused because of too many calls.
    pub(super) fn throttled(&self) {
        self.0.throttles.fetch_add(1, Ordering::Relaxed);
    }

    /// Requests sent, by `service.operation`; a repeated attempt counts again, as it does for AWS.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Attempts after the first.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.0.retries.load(Ordering::Relaxed)
    }

    /// Attempts that were refused because of too many calls.
    #[must_use]
    pub fn throttles(&self) -> u64 {
        self.0.throttles.load(Ordering::Relaxed)
    }

    /// The object that `--stats` prints; `actions` are the resources by action.
    #[must_use]
    pub fn to_json(&self, actions: &BTreeMap<String, u64>) -> serde_json::Value {
        serde_json::json!({
            "format_version": 1,
            "wall_ms": u64::try_from(self.0.start.elapsed().as_millis()).unwrap_or(u64::MAX),
            "calls": self.calls(),
            "retries": self.retries(),
            "throttles": self.throttles(),
            "actions": actions,
            "peak_memory_bytes": peak_memory(),
        })
    }
}

/// The most memory this process held, in bytes; `None` where the system does not tell.
#[must_use]
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_counted_by_call_and_repeats_also_as_retries() {
        let stats = Stats::default();
        let call = |attempt| Call { service: "ec2".into(), operation: "DescribeVpcs".into(), attempt, has_token: false };
        stats.sent(&call(1));
        stats.clone().sent(&call(2));
        stats.throttled();
        let json = stats.to_json(&BTreeMap::from([("create".to_owned(), 3)]));
        assert_eq!(json["calls"], serde_json::json!({ "ec2.DescribeVpcs": 2 }));
        assert_eq!((&json["retries"], &json["throttles"], &json["actions"]["create"]), (&1.into(), &1.into(), &3.into()));
        assert!(json["peak_memory_bytes"].as_u64().is_none_or(|bytes| bytes > 1_000_000));
    }
}
