//! The tasks of services: where a container runs, and how far it is.

use std::collections::HashMap;
use std::net::SocketAddr;

use bollard::models::{Node, NodeState, Service as Seen, ServiceUpdateStatusStateEnum as Update, Task, TaskState};
use bollard::query_parameters::{ListContainersOptionsBuilder, ListTasksOptionsBuilder};
use jiff::{SignedDuration, Timestamp};

use super::made_of::written;
use super::wake::Wake;
use super::{leaving, replicas};
use crate::kinds::docker::node::nodes;
use crate::kinds::{Attributes, Ready};
use crate::model::runbook::{DISK_FULL, IMAGE_MISSING, NO_ROOM, UNHEALTHY};
use crate::planes::Docker;
use crate::planes::docker::failed;
use crate::planes::error::Result;

/// How long a task may find no node before that is said to be the end of it.
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

/// How much longer than its start period a start may take until it is given up. One that ended again and again has no more than this.
const SLACK: SignedDuration = SignedDuration::from_secs(120);

/// The label in which Docker names a container's task.
const TASK: &str = "com.docker.swarm.task.id";

/// So many ends are again and again.
const OFTEN: usize = 2;

/// A tenant that answers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Running {
    /// The tenant.
    pub tenant: String,
    /// Where its container answers: the node's address and the port of the host.
    pub address: SocketAddr,
    /// The node.
    pub node: String,
}

/// So long hosts may take to see that a container is about to end, and to send its requests to the waker.
const HEARD: std::time::Duration = std::time::Duration::from_secs(1);

/// The tasks of one service, the newest first; also those that are told to end, and those that have.
///
/// # Errors
/// What the engine answered.
pub async fn of(cx: &Docker, service: &str) -> Result<Vec<Task>> {
    let call = "docker.TaskList";
    let filters = HashMap::from([("service".to_owned(), vec![service.to_owned()])]);
    let options = ListTasksOptionsBuilder::default().filters(&filters).build();
    let mut tasks = cx.reads(call).await?.list_tasks(Some(options)).await.map_err(failed(call))?;
    tasks.sort_by_key(|task| std::cmp::Reverse(task.created_at.as_ref().map(ToString::to_string)));
    Ok(tasks)
}

/// All tasks that are to run, read once in a pass.
///
/// # Errors
/// What the engine answered.
pub async fn all(cx: &Docker) -> Result<std::sync::Arc<Vec<Task>>> {
    let call = "docker.TaskList";
    cx.shared(call, || async {
        let filters = HashMap::from([("desired-state".to_owned(), vec!["running".to_owned()])]);
        let options = ListTasksOptionsBuilder::default().filters(&filters).build();
        let tasks = cx.reads(call).await?.list_tasks(Some(options)).await.map_err(failed(call))?;
        ask_for_ports(cx, &tasks).await;
        Ok(tasks)
    })
    .await
}

/// The tenants of the stack that answer, and where, but for those that are about to be put to rest: three calls, whatever their number.
///
/// # Errors
/// What the engine answered.
pub async fn running(cx: &Docker) -> Result<Vec<Running>> {
    let (services, tasks, nodes) = futures::try_join!(super::services(cx), all(cx), nodes(cx))?;
    let tenant = |service: &Seen| Some((service.id.clone()?, super::of_ours(cx, service)?.tenant));
    let stays = |service: &&Seen| Wake::of(service).resting.is_none();
    services.iter().for_each(|service| leaving::note(cx, service));
    let tenants: HashMap<String, String> = services.iter().filter(stays).filter_map(tenant).collect();
    Ok(answering(cx, &tenants, tasks.iter(), &nodes))
}

/// The tasks of these services (by id, with their tenants) that answer, and where.
pub fn answering<'a>(
    cx: &Docker,
    tenants: &HashMap<String, String>,
    tasks: impl Iterator<Item = &'a Task>,
    nodes: &[Node],
) -> Vec<Running> {
    let up = |node: &&Node| node.status.as_ref().and_then(|status| status.state) == Some(NodeState::READY);
    let addresses: HashMap<&str, (&str, String)> = nodes
        .iter()
        .filter(up)
        .filter_map(|node| Some((node.id.as_deref()?, (node.status.as_ref()?.addr.as_deref()?, crate::kinds::docker::node::name(node)))))
        .collect();
    let tasks: Vec<&Task> = tasks.collect();
    cx.published.keep(&tasks.iter().filter_map(|task| task.id.as_deref()).collect());
    let mut running: Vec<Running> = tasks
        .into_iter()
        .filter(|task| state(task) == Some(TaskState::RUNNING) && !task.id.as_deref().is_some_and(|id| cx.leaving.has(id)))
        .filter_map(|task| {
            let tenant = tenants.get(task.service_id.as_deref()?)?.clone();
            let (address, node) = addresses.get(task.node_id.as_deref()?)?;
            let port = port(cx, task)?;
            // A swarm of one node may call itself 0.0.0.0.
            let address = if *address == "0.0.0.0" { "127.0.0.1" } else { address };
            Some(Running { tenant, address: SocketAddr::new(address.parse().ok()?, port), node: node.clone() })
        })
        .collect();
    running.sort();
    running
}

/// The host's port of a task: what is told now, or was.
fn port(cx: &Docker, task: &Task) -> Option<u16> {
    let (id, ports) = (task.id.as_deref()?, task.status.as_ref()?.port_status.as_ref().and_then(|status| status.ports.as_ref()));
    match ports.and_then(|ports| u16::try_from(ports.first()?.published_port?).ok()) {
        Some(port) => {
            cx.published.note(id, port);
            Some(port)
        }
        None => cx.published.of(id),
    }
}

/// Asks this engine for the ports of its own containers, where Swarm has forgotten them and nobody here has heard of them. Whom it does not answer for is another host's.
async fn ask_for_ports(cx: &Docker, tasks: &[Task]) {
    let is_silent = |task: &Task| state(task) == Some(TaskState::RUNNING) && port(cx, task).is_none();
    if !tasks.iter().any(is_silent) {
        return;
    }
    let Ok(engine) = cx.reads("docker.ContainerList").await else { return };
    let filters = HashMap::from([("label".to_owned(), vec![TASK.to_owned()])]);
    let options = ListContainersOptionsBuilder::default().filters(&filters).build();
    for container in engine.list_containers(Some(options)).await.unwrap_or_default() {
        let task = container.labels.as_ref().and_then(|labels| labels.get(TASK));
        let port = container.ports.iter().flatten().find_map(|port| port.public_port);
        if let (Some(task), Some(port)) = (task, port) {
            cx.published.note(task, port);
        }
    }
}

/// How far a task is.
#[must_use]
pub fn state(task: &Task) -> Option<TaskState> {
    task.status.as_ref()?.state
}

/// Whether its container may still run. One on a node that is down cannot be asked; the lock on its database holds it off.
pub fn is_alive(task: &Task) -> bool {
    matches!(
        state(task),
        Some(
            TaskState::ASSIGNED | TaskState::ACCEPTED | TaskState::PREPARING | TaskState::READY | TaskState::STARTING | TaskState::RUNNING
        )
    )
}

/// Has requests taken away from a tenant's container that `end` is going to end, on this host and, by the service's label, on all others, and then ends it. Where that
/// fails, they come back. Requests that are under way are waited for on this host; on others they have the container's own grace.
pub(super) async fn drained<T>(cx: &Docker, service: &str, tenant: &str, end: impl Future<Output = Result<T>>) -> Result<T> {
    let tasks = of(cx, service).await?;
    let ending: Vec<&str> =
        tasks.iter().filter(|task| state(task) == Some(TaskState::RUNNING)).filter_map(|task| task.id.as_deref()).collect();
    if ending.is_empty() {
        return end.await;
    }
    cx.leaving.add(ending.iter().copied());
    // A courtesy: that it could not be said keeps no container.
    if leaving::say(cx, service, &ending).await.is_ok() {
        tokio::time::sleep(HEARD).await;
    }
    if let Some(drain) = &cx.drain {
        drain.of(tenant).await;
    }
    let ended = end.await;
    if ended.is_err() {
        cx.leaving.remove(&ending);
        drop(leaving::unsay(cx, service).await);
    }
    ended
}

/// Whether a service runs what it was told to run, or never will.
pub(super) async fn ready(cx: &Docker, service: &Seen, known: Attributes) -> Result<Ready> {
    let tasks = of(cx, service.id.as_deref().unwrap_or_default()).await?;
    let now = Timestamp::now();
    Ok(judge(service, &tasks, now, known))
}

/// The same, without asking anybody.
fn judge(service: &Seen, tasks: &[Task], now: Timestamp, known: Attributes) -> Ready {
    let alive = tasks.iter().any(is_alive);
    if replicas(service) == 0 {
        return if alive { Ready::NotYet("ending".to_owned()) } else { Ready::Yes(known) };
    }
    let meant = |task: &&Task| task.desired_state.is_some_and(|state| state <= TaskState::RUNNING);
    let task = tasks.iter().find(meant);
    // What went wrong with an earlier definition says nothing of this one.
    let changed = when(service.updated_at.as_ref());
    let of_this = |task: &&Task| changed.is_none() || when(task.created_at.as_ref()) >= changed;
    let troubled = tasks.iter().filter(of_this).find_map(|task| task.status.as_ref()?.err.as_deref().filter(|err| !err.is_empty()));
    let ended = |task: &&Task| matches!(state(task), Some(TaskState::FAILED | TaskState::REJECTED));
    let often = tasks.iter().filter(of_this).filter(ended).count() >= OFTEN;
    let update = service.update_status.as_ref();
    match update.and_then(|update| update.state) {
        Some(Update::PAUSED | Update::ROLLBACK_PAUSED) => {
            let why = troubled.or(update.and_then(|update| update.message.as_deref())).unwrap_or_default();
            return Ready::Failed(told(why));
        }
        Some(Update::UPDATING) => return waits(service, task, (troubled, often), now),
        _ => {}
    }
    match task.and_then(state) {
        Some(TaskState::RUNNING) => Ready::Yes(known),
        _ => waits(service, task, (troubled, often), now),
    }
}

/// A time of the engine's.
fn when(at: Option<&impl ToString>) -> Option<Timestamp> {
    at.and_then(|at| at.to_string().parse().ok())
}

fn waits(service: &Seen, task: Option<&Task>, (troubled, often): (Option<&str>, bool), now: Timestamp) -> Ready {
    let word = task.and_then(state).map_or_else(|| "starting".to_owned(), |state| state.to_string());
    // After an update the engine at times leaves one without a word for which it finds no host.
    let unplaced = task.and_then(state) == Some(TaskState::PENDING);
    let said = troubled.unwrap_or(if unplaced { "no suitable node was found" } else { "" });
    let age = |at: Option<Timestamp>| at.map(|at| now.duration_since(at));
    let of_task = age(when(task.and_then(|task| task.status.as_ref()?.timestamp.as_ref())));
    let never = said.contains("No such image")
        || said.contains("invalid mount")
        || (unplaced || said.contains("no suitable node")) && of_task.is_some_and(|age| age > PATIENCE);
    // As it was wished: engines write `Healthcheck`, which the client's model of a service does not read.
    let wished = service.spec.as_ref().and_then(|spec| written(spec.labels.as_ref()?));
    let start =
        wished.filter(|_| !often).map_or(SignedDuration::ZERO, |wished| SignedDuration::from_secs(wished.health.start_seconds.into()));
    let over = age(when(service.updated_at.as_ref())).is_some_and(|age| age > start + SLACK);
    if never || over {
        return Ready::Failed(told(if said.is_empty() { "it does not become ready" } else { said }));
    }
    Ready::NotYet(if said.is_empty() { word } else { format!("{word} ({said})") })
}

/// What the engine said, and the runbook for it.
fn told(said: &str) -> String {
    let book = match said {
        _ if said.contains("no space left on device") => DISK_FULL,
        _ if said.contains("No such image") || said.contains("pull") => IMAGE_MISSING,
        _ if said.contains("no suitable node") => NO_ROOM,
        _ => UNHEALTHY,
    };
    format!("{}: see {book}", said.trim())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BEGAN: &str = "2026-11-30T12:00:00Z";

    /// What is said of a service that is to be there within five minutes, so long after its beginning, with tasks in these states.
    fn said(minutes: i64, states: &[&str]) -> Ready {
        let made_of = json!({
            "tenant": "t", "image": "i", "command": ["c"], "network": "n", "port": 80, "memory_reservation": 1, "memory_limit": 1,
            "health": { "ready": "/r", "live": "/l", "start_seconds": 300 },
        });
        let service = json!({
            "UpdatedAt": BEGAN,
            "Spec": { "Labels": { "reeve-made-of": made_of.to_string() }, "Mode": { "Replicated": { "Replicas": 1 } } },
        });
        let task = |(at, state): (usize, &&str)| {
            let wanted = if at == 0 { "running" } else { "shutdown" };
            json!({ "CreatedAt": BEGAN, "DesiredState": wanted, "Status": { "State": state, "Timestamp": BEGAN } })
        };
        let tasks: Vec<Task> = states.iter().enumerate().map(|task_of| serde_json::from_value(task(task_of)).expect("a task")).collect();
        let now = BEGAN.parse::<Timestamp>().expect("a time") + SignedDuration::from_mins(minutes);
        judge(&serde_json::from_value(service).expect("a service"), &tasks, now, Attributes::new())
    }

    #[test]
    fn a_start_has_the_time_that_was_wished_for_it_and_one_that_ends_again_and_again_has_not() {
        assert!(matches!(said(6, &["starting"]), Ready::NotYet(_)), "a first start of many minutes is none that failed");
        assert!(matches!(said(8, &["starting"]), Ready::Failed(_)));
        assert!(matches!(said(3, &["starting", "failed"]), Ready::NotYet(_)), "once is no rule");
        assert!(matches!(said(3, &["starting", "failed", "failed"]), Ready::Failed(_)));
        assert!(matches!(said(1, &["starting", "failed", "failed"]), Ready::NotYet(_)));
        assert!(matches!(said(9, &["running", "failed", "failed"]), Ready::Yes(_)));
    }
}
