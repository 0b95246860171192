//! This host's HAProxy: its configuration and map as files, its sockets, and how it is checked and reloaded.
//!
//! Its master runs with `-W -S`; a reload is a new worker that takes the listening sockets over, so that no connection is lost. Where each tenant runs is no part
//! of the configuration: the servers of its backends are placeholders that lead nowhere, set over the admin socket ([`follow`]). A cold start thus sends
//! nobody to a port that is another's by now.
//!
//! Management guide: <https://docs.haproxy.org/2.6/management.html>.

pub mod activity;
pub mod files;
pub mod follow;
mod process;
pub mod runtime;
pub mod slot;

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;

use super::aws::gate::Gate;
use super::aws::owner::Owned;
use super::error::Result;
use super::facts::Proxy;
use super::ours::Ours;
use super::{Facts, Reach};
use crate::model::marks::key;
pub use files::At;
pub use follow::{Followed, Running};

/// Tells where each tenant's container answers: what Swarm says of its tasks.
#[derive(Clone)]
pub struct Tasks(Arc<dyn Fn() -> BoxFuture<'static, Result<Vec<Running>>> + Send + Sync>);

impl Tasks {
    /// Asks `tell` whenever it is to be known.
    pub fn new(tell: impl Fn() -> BoxFuture<'static, Result<Vec<Running>>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tasks")
    }
}

/// One host's HAProxy. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Haproxy {
    /// On whose behalf.
    pub ours: Ours,
    /// Where it is.
    pub place: Arc<Proxy>,
    /// Who knows where tenants run; without it nobody's address is held against anything.
    pub tasks: Option<Tasks>,
}

/// The way to it.
#[must_use]
pub fn reach(facts: Option<&Facts>, ours: Ours) -> Reach<Haproxy> {
    match facts.and_then(|facts| facts.haproxy.clone()) {
        Some(place) => Reach::Open(Haproxy { ours, place: Arc::new(place), tasks: None }),
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

    /// The same, which knows where tenants run.
    #[must_use]
    pub fn with_tasks(&self, tasks: Tasks) -> Self {
        Self { tasks: Some(tasks), ..self.clone() }
    }

    /// Where tenants run; `None` where nobody tells.
    ///
    /// # Errors
    /// What the swarm answered.
    pub async fn running(&self) -> Result<Option<Vec<Running>>> {
        match &self.tasks {
            Some(tasks) => (tasks.0)().await.map(Some),
            None => Ok(None),
        }
    }

    /// Whose the configuration is.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn owner(&self) -> Result<Owned> {
        let Some(at) = self.read().await? else { return Ok(Owned::No) };
        let stack = files::marks(&at.text).and_then(|mut tags| tags.remove(key::STACK)).filter(|stack| !stack.is_empty());
        Ok(stack.map_or(Owned::No, Owned::By))
    }
}
