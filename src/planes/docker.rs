//! Docker Swarm, through the engine of one manager: connected when it is first asked, over its socket, by SSH or by Session Manager.
//!
//! API: <https://docs.docker.com/reference/api/engine/version/v1.41/> (Engine 20.10) or newer, as the engine speaks it. Ownership is labels of the marks' names. Objects of the swarm are changed with
//! their whole spec and the version that was read; on a conflict they are read again.

mod classify;
mod dial;
mod leaving;
mod published;
mod session;
mod ssh;
mod whole;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::OnceCell;

use super::aws::gate::Gate;
use super::aws::owner::Owned;
use super::error::{Class, Error, Result};
use super::lately::Lately;
use super::once::Once;
use super::ours::Ours;
use super::tunnel::Tunnels;
use super::{Facts, Reach, Vault};
use crate::model::access::Way;
use crate::model::marks::key;
use crate::model::runbook::DOCKER_DOWN;
use crate::model::{Access, Marks};
pub use classify::failed;
pub use leaving::{Drain, Leaving};
pub use published::Published;

/// The longest that one call may take, in seconds.
const TIMEOUT: u64 = 30;

/// Labels of an object.
pub type Labels = HashMap<String, String>;

/// The swarm. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Docker {
    /// On whose behalf.
    pub ours: Ours,
    /// Where secrets are read.
    pub vault: Vault,
    /// The folder of every host that containers see as `/reeve`.
    pub lib: PathBuf,
    /// What this pass has read already.
    pub once: Arc<Once>,
    /// Tasks that are about to end.
    pub leaving: Leaving,
    /// At which ports containers answer.
    pub published: Published,
    /// Who takes requests away from them; without it nobody here sends them any.
    pub drain: Option<Drain>,
    address: Arc<str>,
    tunnels: Tunnels,
    lately: Lately,
    client: Arc<OnceCell<bollard::Docker>>,
}

/// The way to the swarm.
#[must_use]
pub fn reach(access: &Access, facts: Option<&Facts>, ours: Ours, vault: &Vault, tunnels: &Tunnels) -> Reach<Docker> {
    let local = facts.and_then(|facts| facts.docker.as_deref());
    match local.or(access.docker.as_deref()) {
        Some(address) => {
            let lib = facts.map_or_else(|| PathBuf::from(super::facts::LIB), Facts::lib);
            Reach::Open(Docker {
                ours,
                vault: vault.clone(),
                lib,
                once: Arc::default(),
                leaving: Leaving::default(),
                published: Published::default(),
                drain: None,
                address: address.into(),
                tunnels: tunnels.clone(),
                lately: Lately::default(),
                client: Arc::default(),
            })
        }
        None => Reach::Closed("this is no host of the fleet, and the stack names no way in (spec.access.docker)".to_owned()),
    }
}

impl Docker {
    /// The same for a new pass.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self { ours: self.ours.fresh(), once: Arc::default(), ..self.clone() }
    }

    /// The same, each change asking `gate` first.
    #[must_use]
    pub fn gated(&self, gate: &Gate) -> Self {
        Self { ours: self.ours.gated(gate.clone()), ..self.clone() }
    }

    /// The same, `drain` taking requests away from what is about to end.
    #[must_use]
    pub fn with_drain(&self, drain: Drain) -> Self {
        Self { drain: Some(drain), ..self.clone() }
    }

    /// The engine, for a call that only reads.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn reads(&self, call: &str) -> Result<&bollard::Docker> {
        let client = self.connected().await?;
        self.ours.reads(call);
        Ok(client)
    }

    /// The engine, for a call that changes something.
    ///
    /// # Errors
    /// When it cannot be reached, or the lease is lost.
    pub async fn changes(&self, call: &str) -> Result<&bollard::Docker> {
        let client = self.connected().await?;
        self.ours.changes(call).await?;
        Ok(client)
    }

    async fn connected(&self) -> Result<&bollard::Docker> {
        let begin = || async {
            self.ours.reads("docker.Version");
            connect(&self.address, Some(&self.tunnels)).await
        };
        let asked = Instant::now();
        self.client.get_or_try_init(|| self.lately.tried(asked, begin())).await
    }

    /// The version of the API that was agreed on, major and minor.
    ///
    /// # Errors
    /// When the engine cannot be reached.
    pub async fn api(&self) -> Result<(usize, usize)> {
        let version = self.connected().await?.client_version();
        Ok((version.major_version, version.minor_version))
    }

    /// Reads something that several kinds need once in a pass.
    ///
    /// # Errors
    /// What `read` answered.
    pub async fn shared<T, F>(&self, what: &'static str, read: impl FnOnce() -> F + Send) -> Result<Arc<T>>
    where
        T: Send + Sync + 'static,
        F: Future<Output = Result<T>> + Send,
    {
        self.once.read(what, read).await
    }

    /// Whose the object of that noun (`service`, `secret`, `node`) and id is.
    ///
    /// # Errors
    /// What the engine answered.
    pub async fn owner(&self, noun: &str, id: &str) -> Result<Owned> {
        let call = format!("docker.inspect.{noun}");
        let engine = self.reads(&call).await?;
        let labels = match noun {
            "service" => engine.inspect_service(id, None).await.map_err(failed(&call))?.spec.and_then(|spec| spec.labels),
            "secret" => engine.inspect_secret(id).await.map_err(failed(&call))?.spec.and_then(|spec| spec.labels),
            _ => engine.inspect_node(id).await.map_err(failed(&call))?.spec.and_then(|spec| spec.labels),
        };
        let stack = labels.and_then(|labels| labels.get(key::STACK).cloned()).filter(|stack| !stack.is_empty());
        Ok(stack.map_or(Owned::No, Owned::By))
    }
}

/// Connects to the engine at `unix:///...`, `ssh://...` or, with the ways through the stack's hosts, `ssm://...`, and agrees on a version of the API.
///
/// # Errors
/// When it does not answer.
pub async fn connect(address: &str, tunnels: Option<&Tunnels>) -> Result<bollard::Docker> {
    let unreachable = |error: &bollard::errors::Error, book: &str| {
        Error::new(Class::Unreachable, "docker.version", format!("the Docker engine at {address} does not answer ({error}){book}"))
    };
    let local = format!(": see {DOCKER_DOWN}");
    let (client, book) = match (Way::parse(address), tunnels) {
        // These say themselves what to do.
        (Way::Ssh(login), _) => (dial::dialled(ssh::start(login), ssh::advice, TIMEOUT), ""),
        (Way::Session(instance), Some(tunnels)) => (dial::dialled(session::start(tunnels.only(instance)), session::advice, TIMEOUT), ""),
        _ => (bollard::Docker::connect_with_unix(address, TIMEOUT, bollard::API_DEFAULT_VERSION), local.as_str()),
    };
    let client = client.map_err(|error| unreachable(&error, book))?;
    client.negotiate_version().await.map_err(|error| unreachable(&error, book))
}

/// The labels of an object with these marks, and what else it bears that is not a mark.
#[must_use]
pub fn labels(marks: &Marks, others: Labels) -> Labels {
    let mut labels: Labels = others.into_iter().filter(|(name, _)| !name.starts_with("reeve:")).collect();
    labels.extend(marks.to_tags().into_iter().map(|(name, value)| (name.to_owned(), value)));
    labels
}

/// Labels as pairs.
pub fn pairs(labels: &Labels) -> impl Iterator<Item = (&str, &str)> {
    labels.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}
