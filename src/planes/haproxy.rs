//! This host's HAProxy: its configuration and map as files, its sockets, and how it is checked and reloaded.

use std::sync::Arc;

use super::aws::gate::Gate;
use super::facts::Proxy;
use super::ours::Ours;
use super::{Facts, Reach};

/// One host's HAProxy. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Haproxy {
    /// On whose behalf.
    pub ours: Ours,
    /// Where it is.
    pub place: Arc<Proxy>,
}

/// The way to it.
#[must_use]
pub fn reach(facts: Option<&Facts>, ours: Ours) -> Reach<Haproxy> {
    match facts.and_then(|facts| facts.haproxy.clone()) {
        Some(place) => Reach::Open(Haproxy { ours, place: Arc::new(place) }),
        None => Reach::Closed("this is no host of the fleet: each keeps its own HAProxy".to_owned()),
    }
}

impl Haproxy {
    /// The same for a new pass.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self { ours: self.ours.fresh(), ..self.clone() }
    }

    /// The same, each change asking `gate` first.
    #[must_use]
    pub fn gated(&self, gate: &Gate) -> Self {
        Self { ours: self.ours.gated(gate.clone()), ..self.clone() }
    }
}
