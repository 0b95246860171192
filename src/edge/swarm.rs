//! The tenants' containers as Swarm has them, kept up with little reading: services one by one as events name them, tasks of those that start more often than all.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use bollard::models::{Node, Service as Seen, Task};
use bollard::query_parameters::ListTasksOptionsBuilder;
use jiff::Timestamp;

use super::policy::Phase;
use crate::kinds::docker::node::nodes;
use crate::kinds::docker::service::tasks::{self, Running};
use crate::kinds::docker::service::wake::Wake;
use crate::kinds::docker::service::{Service, leaving, of_ours, replicas, restoring, services};
use crate::kinds::{Kind, Ready};
use crate::planes::Docker;
use crate::planes::docker::failed;
use crate::planes::error::{Absent, Result};

/// A tenant's service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its id.
    pub id: String,
    /// Its container is to run.
    pub runs: bool,
    /// What is wanted of it.
    pub wake: Wake,
    /// Its data is being restored, or was left half restored: it is not started.
    pub restoring: bool,
}

/// What is known of the swarm.
#[derive(Debug, Default)]
pub struct Swarm {
    services: BTreeMap<String, Known>,
    tasks: HashMap<String, Task>,
    nodes: Vec<Node>,
    /// What Swarm says of those that are being started, by tenant.
    words: HashMap<String, Word>,
    /// When it was asked for that.
    asked: Option<Instant>,
}

/// So often it is asked what Swarm says of a start; that a container runs is looked for more often.
const WORDS: Duration = Duration::from_secs(1);

/// What Swarm says of a start: how far it is, or why it will never come to anything.
#[derive(Debug)]
struct Word {
    /// Which start: what was said of the one before says nothing of this one.
    started: Option<Timestamp>,
    said: std::result::Result<String, String>,
}

impl Swarm {
    /// Reads all of it anew.
    ///
    /// # Errors
    /// What the engine answered.
    pub async fn read_all(&mut self, cx: &Docker) -> Result<()> {
        let cx = cx.fresh();
        let all = services(&cx).await?;
        self.services = all.iter().filter_map(|service| known(&cx, service)).collect();
        self.read_tasks(&cx).await
    }

    /// Reads the services with these ids anew.
    ///
    /// # Errors
    /// What the engine answered.
    pub async fn read_services(&mut self, cx: &Docker, ids: &BTreeSet<String>) -> Result<()> {
        let call = "docker.ServiceInspect";
        let read = |id: &str| {
            let id = id.to_owned();
            async move { cx.reads(call).await?.inspect_service(&id, None).await.map_err(failed(call)).absent_ok() }
        };
        for (id, found) in ids.iter().zip(futures::future::join_all(ids.iter().map(|id| read(id))).await) {
            self.services.retain(|_, one| one.id != *id);
            self.services.extend(found?.and_then(|service| known(cx, &service)));
        }
        Ok(())
    }

    /// Reads all tasks and nodes anew.
    ///
    /// # Errors
    /// What the engine answered.
    pub async fn read_tasks(&mut self, cx: &Docker) -> Result<()> {
        let cx = cx.fresh();
        let (all, nodes) = futures::try_join!(tasks::all(&cx), nodes(&cx))?;
        self.nodes.clone_from(&nodes);
        self.tasks.clear();
        self.take(all.iter().cloned());
        self.ask_those_that_start(&cx).await
    }

    /// Reads the tasks of those that are being started anew.
    ///
    /// # Errors
    /// What the engine answered.
    pub async fn read_starting(&mut self, cx: &Docker) -> Result<()> {
        let call = "docker.TaskList";
        let services: Vec<String> = self.starting().map(|(_, one)| one.id.clone()).collect();
        if services.is_empty() {
            return Ok(());
        }
        self.tasks.retain(|_, task| !services.iter().any(|id| task.service_id.as_ref() == Some(id)));
        let filters = HashMap::from([("service".to_owned(), services), ("desired-state".to_owned(), vec!["running".to_owned()])]);
        let options = ListTasksOptionsBuilder::default().filters(&filters).build();
        let found = cx.reads(call).await?.list_tasks(Some(options)).await.map_err(failed(call))?;
        self.take(found);
        self.ask_those_that_start(cx).await
    }

    fn take(&mut self, tasks: impl IntoIterator<Item = Task>) {
        self.tasks.extend(tasks.into_iter().filter_map(|task| Some((task.id.clone()?, task))));
    }

    fn starting(&self) -> impl Iterator<Item = (&String, &Known)> {
        self.services.iter().filter(|(_, one)| one.runs && one.wake.started.is_some())
    }

    /// Whether a container is being started, for all that is known.
    #[must_use]
    pub fn is_starting(&self) -> bool {
        self.starting().next().is_some()
    }

    /// Who does not answer yet is asked how it is: its earlier tasks say what went wrong.
    async fn ask_those_that_start(&mut self, cx: &Docker) -> Result<()> {
        let up: BTreeSet<String> = self.answering(cx).into_iter().map(|one| one.tenant).collect();
        let starting: Vec<(&String, &Known)> = self.starting().filter(|(tenant, _)| !up.contains(*tenant)).collect();
        let is_known = |(tenant, one): &(&String, &Known)| self.words.get(*tenant).is_some_and(|word| word.started == one.wake.started);
        if starting.iter().all(is_known) && self.asked.is_some_and(|asked| asked.elapsed() < WORDS) {
            return Ok(());
        }
        let ask = |(tenant, one): (&String, &Known)| {
            let (tenant, id, started) = (tenant.clone(), one.id.clone(), one.wake.started);
            async move { Service::ready(cx, &id).await.map(|ready| (tenant, Word { started, said: said(ready) })) }
        };
        self.words = futures::future::try_join_all(starting.into_iter().map(ask)).await?.into_iter().collect();
        self.asked = Some(Instant::now());
        Ok(())
    }

    /// Tenants that answer, and where; also those that are about to be put to rest.
    #[must_use]
    pub fn answering(&self, cx: &Docker) -> Vec<Running> {
        let tenants = self.services.iter().filter(|(_, one)| one.runs).map(|(tenant, one)| (one.id.clone(), tenant.clone())).collect();
        tasks::answering(cx, &tenants, self.tasks.values(), &self.nodes)
    }

    /// Tenants whose data is being restored, or was left half restored.
    #[must_use]
    pub fn restoring(&self) -> BTreeSet<String> {
        self.services.iter().filter(|(_, one)| one.restoring).map(|(tenant, _)| tenant.clone()).collect()
    }

    /// Tenants' services, by tenant.
    #[must_use]
    pub fn services(&self) -> &BTreeMap<String, Known> {
        &self.services
    }

    /// How far a tenant's container is.
    #[must_use]
    pub fn phase(&self, tenant: &str, running: &[Running]) -> Phase {
        let Some(known) = self.services.get(tenant).filter(|known| known.runs) else { return Phase::Down };
        if running.iter().any(|one| one.tenant == tenant) {
            let of_it = self.tasks.values().filter(|task| task.service_id.as_deref() == Some(&known.id));
            let since = of_it.filter_map(|task| task.status.as_ref()?.timestamp.as_ref()?.to_string().parse::<Timestamp>().ok()).max();
            return Phase::Up(since.unwrap_or(Timestamp::MAX));
        }
        match self.words.get(tenant).filter(|word| word.started == known.wake.started).map(|word| &word.said) {
            Some(Ok(word)) => Phase::Coming(word.clone()),
            Some(Err(why)) => Phase::Stuck(why.clone()),
            None => Phase::Coming(String::new()),
        }
    }

    /// The hosts that route: all managers of the swarm. One that the swarm does not reach may have requests under way all the same, until it is removed.
    #[must_use]
    pub fn routers(&self) -> BTreeSet<String> {
        self.nodes.iter().filter(|node| node.manager_status.is_some()).filter_map(|node| node.id.clone()).collect()
    }
}

fn said(ready: Ready) -> std::result::Result<String, String> {
    match ready {
        Ready::Yes(_) => Ok(String::new()),
        Ready::NotYet(word) => Ok(word),
        // The fleet may be growing for it.
        Ready::Failed(why) if why.contains("no suitable node") => Ok(why),
        Ready::Failed(why) => Err(why),
    }
}

fn known(cx: &Docker, service: &Seen) -> Option<(String, Known)> {
    let made_of = of_ours(cx, service)?;
    leaving::note(cx, service);
    let known =
        Known { id: service.id.clone()?, runs: replicas(service) > 0, wake: Wake::of(service), restoring: restoring::is_said(service) };
    Some((made_of.tenant, known))
}

#[cfg(test)]
mod tests {
    use bollard::models::{ManagerStatus, NodeState, NodeStatus};

    use super::*;

    #[test]
    fn a_manager_that_is_down_routes_until_it_is_removed() {
        let node = |id: &str, state, manages: bool| Node {
            id: Some(id.to_owned()),
            status: Some(NodeStatus { state: Some(state), ..NodeStatus::default() }),
            manager_status: manages.then(ManagerStatus::default),
            ..Node::default()
        };
        let mut swarm = Swarm { nodes: vec![node("one", NodeState::READY, true), node("two", NodeState::DOWN, true)], ..Swarm::default() };
        swarm.nodes.push(node("worker", NodeState::READY, false));
        assert_eq!(swarm.routers(), BTreeSet::from(["one".to_owned(), "two".to_owned()]));
        swarm.nodes.remove(1);
        assert_eq!(swarm.routers(), BTreeSet::from(["one".to_owned()]));
    }
}
