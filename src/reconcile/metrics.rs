//! What the loop counts, as Prometheus reads it. Names follow <https://prometheus.io/docs/practices/naming/>: base units, `_total` for what only grows.
//!
//! One registry for the process: whoever else counts (the edge) registers beside ([`Metrics::register`]).

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::model::plan::{Plan, Verb};
use crate::notify::CHANNELS;

/// One label.
type Label = [(&'static str, String); 1];

/// Two of them.
type Labels = [(&'static str, String); 2];

/// Seconds: from a look at a small stack to an apply that waits for a database.
const SECONDS: [f64; 11] = [0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 1800.0, 3600.0];

/// All that is counted. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    passes: Family<Label, Counter>,
    took: Histogram,
    resources: Family<Label, Gauge>,
    pub(super) held: Gauge,
    pub(super) resting: Gauge,
    pub(super) unreadable: Gauge,
    pub(super) refused: Gauge,
    pub(super) leader: Gauge,
    last_success: Gauge<f64, AtomicU64>,
    notices: Family<Label, Counter>,
    deliveries: Family<Labels, Counter>,
    pub(super) stale: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Nothing counted yet.
    #[must_use]
    pub fn new() -> Self {
        let metrics = Self {
            registry: Arc::new(Mutex::new(Registry::default())),
            passes: Family::default(),
            took: Histogram::new(SECONDS),
            resources: Family::default(),
            held: Gauge::default(),
            resting: Gauge::default(),
            unreadable: Gauge::default(),
            refused: Gauge::default(),
            leader: Gauge::default(),
            last_success: Gauge::default(),
            notices: Family::default(),
            deliveries: Family::default(),
            stale: Gauge::default(),
        };
        // They are there from the beginning: Prometheus sees no growth in what begins at one.
        for (channel, is_ok) in CHANNELS.into_iter().flat_map(|channel| [true, false].map(|is_ok| (channel, is_ok))) {
            metrics.deliveries.get_or_create(&delivery(channel, is_ok)).inc_by(0);
        }
        metrics.register(|registry| {
            registry.register("reeve_passes", "Passes of the loop, by what came of them", metrics.passes.clone());
            registry.register("reeve_pass_duration_seconds", "How long a pass took, apply included", metrics.took.clone());
            registry.register("reeve_resources", "Resources of the last plan, by what is to happen to them", metrics.resources.clone());
            registry.register("reeve_held_actions", "Actions that wait for a person's approval", metrics.held.clone());
            registry.register(
                "reeve_backing_off_resources",
                "Resources that are left alone for a while because they failed",
                metrics.resting.clone(),
            );
            registry.register("reeve_unreadable_kinds", "Kinds that could not be read whole by the last pass", metrics.unreadable.clone());
            let help = "Resources that the last plan refuses to change: only a person ends that";
            registry.register("reeve_refused_resources", help, metrics.refused.clone());
            registry.register("reeve_leader", "Whether this instance leads (1) or stands by (0)", metrics.leader.clone());
            let help = "When a pass last found or made everything as it should be, but for what is held";
            registry.register("reeve_last_success_timestamp_seconds", help, metrics.last_success.clone());
            registry.register("reeve_notices", "What people were told, by what it is about", metrics.notices.clone());
            let help = "Messages to where people read notices, by channel and whether it took them";
            registry.register("reeve_deliveries", help, metrics.deliveries.clone());
            let help = "Whether nothing newer can be had of the source (1): the commit before counts";
            registry.register("reeve_source_stale", help, metrics.stale.clone());
            let build = Family::<Label, Gauge>::default();
            build.get_or_create(&[("version", env!("CARGO_PKG_VERSION").to_owned())]).set(1);
            registry.register("reeve_build_info", "The version of reeve", build);
            registry.register_collector(Box::new(Process));
        });
        metrics
    }

    /// Lets others count beside: `add` gets the registry.
    pub fn register(&self, add: impl FnOnce(&mut Registry)) {
        add(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Everything in Prometheus' text form.
    ///
    /// # Errors
    /// Never in practice: text is written into memory.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::prometheus_text::encode(&mut text, &self.registry.lock().unwrap_or_else(PoisonError::into_inner))?;
        Ok(text)
    }

    /// A pass is over. `at` is the time of it when all was well, in seconds since 1970.
    pub(super) fn passed(&self, result: &str, took: Duration, well: Option<f64>) {
        self.passes.get_or_create(&[("result", result.to_owned())]).inc();
        self.took.observe(took.as_secs_f64());
        if let Some(at) = well {
            self.last_success.set(at);
        }
    }

    /// What a plan is about to do.
    pub(super) fn planned(&self, plan: &Plan) {
        for (verb, name) in [
            (Verb::Create, "create"),
            (Verb::Update, "update"),
            (Verb::Replace, "replace"),
            (Verb::Delete, "delete"),
            (Verb::Adopt, "adopt"),
            (Verb::NoOp, "no-op"),
        ] {
            let number = plan.actions.iter().filter(|action| action.action == verb).count();
            self.resources.get_or_create(&[("action", name.to_owned())]).set(i64::try_from(number).unwrap_or(i64::MAX));
        }
        self.unreadable.set(i64::try_from(plan.unreadable.len()).unwrap_or(i64::MAX));
        self.refused.set(i64::try_from(plan.refusals.len()).unwrap_or(i64::MAX));
    }

    /// People were told something.
    pub(super) fn told(&self, kind: &str) {
        self.notices.get_or_create(&[("kind", kind.to_owned())]).inc();
    }

    /// A message went to where people read notices, or was not taken there.
    pub fn delivered<T, E>(&self, channel: &str, outcome: &Result<T, E>) {
        self.deliveries.get_or_create(&delivery(channel, outcome.is_ok())).inc();
    }
}

fn delivery(channel: &str, is_ok: bool) -> Labels {
    [("channel", channel.to_owned()), ("result", if is_ok { "ok" } else { "failed" }.to_owned())]
}

/// What every process tells: <https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics>.
#[derive(Debug)]
struct Process;

/// Linux tells processor time in hundredths of a second (`USER_HZ`, proc(5)).
const TICKS: f64 = 100.0;

impl Process {
    /// Seconds of processor, and bytes of memory.
    fn read() -> Option<(f64, i64)> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        // The name stands in brackets and may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().trim_end_matches(" kB").parse::<i64>().ok()?;
        #[allow(clippy::cast_precision_loss)] // 2^53 ticks are three million years
        Some(((ticks(11)? + ticks(12)?) as f64 / TICKS, resident * 1024))
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some((seconds, bytes)) = Self::read() else { return Ok(()) };
        let cpu = encoder.encode_descriptor("process_cpu_seconds", "Processor time of this process", None, MetricType::Counter)?;
        ConstCounter::new(seconds).encode(cpu)?;
        let memory =
            encoder.encode_descriptor("process_resident_memory_bytes", "Resident memory of this process", None, MetricType::Gauge)?;
        ConstGauge::new(bytes).encode(memory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_told_under_their_names() {
        let metrics = Metrics::new();
        metrics.passed("ok", Duration::from_secs(2), Some(1_700_000_000.5));
        metrics.passed("ok", Duration::from_secs(2), None);
        metrics.passed("failed", Duration::from_secs(2), None);
        metrics.told("drift");
        metrics.delivered("webhook", &Err::<(), _>(()));
        metrics.register(|registry| registry.register("edge_wakes", "Wakes", Counter::<u64>::default()));
        let text = metrics.text().unwrap();
        for line in [
            "reeve_passes_total{result=\"ok\"} 2",
            "reeve_passes_total{result=\"failed\"} 1",
            "reeve_pass_duration_seconds_count 3",
            "reeve_last_success_timestamp_seconds 1700000000.5",
            "reeve_notices_total{kind=\"drift\"} 1",
            "reeve_deliveries_total{channel=\"webhook\",result=\"failed\"} 1",
            "reeve_deliveries_total{channel=\"webhook\",result=\"ok\"} 0",
            "reeve_leader 0",
            "edge_wakes_total 0",
        ] {
            assert!(text.lines().any(|one| one == line), "no `{line}` in\n{text}");
        }
        let of = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok()).unwrap_or_default();
        assert!(of("process_resident_memory_bytes") > 1e6, "{text}");
        assert!(text.contains("process_cpu_seconds_total "), "{text}");
    }
}
