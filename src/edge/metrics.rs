//! What is counted of the edge, in Prometheus' terms: <https://prometheus.io/docs/practices/naming/>.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::asked::{Asked, Form, Wakes};
use super::page::State;
use super::shown::Shown;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    state: &'static str,
    form: &'static str,
    wakes: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    state: &'static str,
}

/// The edge's metrics. Clones are one.
#[derive(Debug, Clone)]
pub struct Metrics {
    answers: Family<Answered, Counter>,
    starts: Family<Ended, Counter>,
    start_seconds: Histogram,
    rests: Family<Ended, Counter>,
    tenants: Family<Of, Gauge>,
    leader: Gauge,
    looks: Family<Ended, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            answers: Family::default(),
            starts: Family::default(),
            start_seconds: Histogram::new([5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0]),
            rests: Family::default(),
            tenants: Family::default(),
            leader: Gauge::default(),
            looks: Family::default(),
        }
    }
}

impl Metrics {
    /// Makes them known under `reeve_edge_...`.
    pub fn register(&self, registry: &mut Registry) {
        let edge = registry.sub_registry_with_prefix("reeve_edge");
        edge.register("answers", "What the waker answered in a tenant's place", self.answers.clone());
        edge.register("starts", "Starts of tenants that were asked for, and how they ended", self.starts.clone());
        edge.register_with_unit("start", "From a tenant's start until it answered", Unit::Seconds, self.start_seconds.clone());
        edge.register("rests", "Tenants that nobody used, and whether they were put to rest", self.rests.clone());
        edge.register("tenants", "Tenants by how they are", self.tenants.clone());
        edge.register("leader", "Whether this instance starts tenants and puts them to rest", self.leader.clone());
        edge.register("looks", "Looks at the swarm and this host's HAProxy", self.looks.clone());
    }

    pub(super) fn asked(&self, state: &State, asked: Asked) {
        let wakes = match asked.wakes {
            Wakes::Yes => "yes",
            Wakes::No(why) => why.name(),
        };
        let form = if asked.form == Form::Page { "page" } else { "words" };
        self.answers.get_or_create(&Answered { state: state.name(), form, wakes }).inc();
    }

    pub(super) fn arrived(&self, seconds: f64) {
        self.starts.get_or_create(&Ended { result: "ready" }).inc();
        self.start_seconds.observe(seconds);
    }

    pub(super) fn gave_up(&self) {
        self.starts.get_or_create(&Ended { result: "failed" }).inc();
    }

    pub(super) fn rested(&self, stopped: bool) {
        self.rests.get_or_create(&Ended { result: if stopped { "stopped" } else { "stayed" } }).inc();
    }

    pub(super) fn looked(&self, well: bool) {
        self.looks.get_or_create(&Ended { result: if well { "ok" } else { "failed" } }).inc();
    }

    pub(super) fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    pub(super) fn shown(&self, shown: &Shown) {
        for (state, count) in shown.counts() {
            self.tenants.get_or_create(&Of { state }).set(count);
        }
    }
}
