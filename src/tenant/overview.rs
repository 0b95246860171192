//! What every tenant is doing: read in a few calls, whatever their number.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::{Service as Seen, Task, TaskState};
use jiff::{SignedDuration, Timestamp};

use crate::kinds::docker::service::{self, Service, replicas, tasks};
use crate::model::runbook::TENANT_LEAVES;
use crate::model::tenant::Overview;
use crate::planes::{Docker, Haproxy, Plane, Planes, Result};

/// A tenant as the YAML has it.
#[derive(Debug, Clone)]
pub struct Wished {
    /// Its name.
    pub name: String,
    /// `active`, `suspended` or `archived`.
    pub state: String,
}

/// What is wished of a tenant that the YAML names no more.
const REMOVED: &str = "removed";

/// All of them, in the order given, then those that are there and that nobody wishes. Where there is no way to Docker, only what the YAML says.
///
/// # Errors
/// What the engine answered.
pub async fn overview(planes: &Planes, wished: &[Wished]) -> Result<Vec<Overview>> {
    let planes = planes.fresh();
    let Ok(docker) = Docker::of(&planes) else {
        return Ok(wished.iter().map(|one| bare(one, "unknown")).collect());
    };
    let (services, tasks, running) = futures::try_join!(service::services(docker), tasks::all(docker), tasks::running(docker))?;
    let used = match Haproxy::of(&planes) {
        Ok(haproxy) => haproxy.last_used().await?.unwrap_or_default(),
        Err(_) => std::collections::BTreeMap::new(),
    };
    let now = Timestamp::now();
    let when = |ago: &Duration| {
        let ago = SignedDuration::try_from(*ago).ok()?;
        now.checked_sub(ago).ok().map(|at| at.strftime("%FT%TZ").to_string())
    };
    let mut by_tenant: HashMap<String, (&Seen, Service)> = HashMap::new();
    for seen in services.iter() {
        if let Some(made_of) = service::of_ours(docker, seen) {
            by_tenant.insert(made_of.tenant.clone(), (seen, made_of));
        }
    }
    let by_service: HashMap<&str, &Task> = tasks.iter().filter_map(|task| Some((task.service_id.as_deref()?, task))).collect();
    let describe = |one: &Wished| {
        let Some((seen, made_of)) = by_tenant.get(&one.name) else {
            return bare(one, if one.state == "archived" { "archived" } else { "not there" });
        };
        let task = by_service.get(seen.id.as_deref().unwrap_or_default());
        let (state, trouble) = state(seen, made_of, task.copied());
        let runs = running.iter().find(|running| running.tenant == one.name);
        Overview {
            state: state.to_owned(),
            trouble,
            host: runs.map(|runs| runs.node.clone()),
            address: runs.map(|runs| runs.address.to_string()),
            image: Some(made_of.image.clone()),
            memory_reservation: Some(made_of.memory_reservation),
            memory_limit: Some(made_of.memory_limit),
            since: task.and_then(|task| task.status.as_ref()?.timestamp.as_ref().map(ToString::to_string)),
            last_activity: used.get(&one.name).and_then(when),
            ..bare(one, "")
        }
    };
    let mut all: Vec<Overview> = wished.iter().map(describe).collect();
    let is_wished = |name: &str| wished.iter().any(|one| one.name == name);
    let mut left: Vec<&String> = by_tenant.keys().filter(|name| !is_wished(name)).collect();
    left.sort();
    all.extend(left.into_iter().map(|name| {
        let one = describe(&Wished { name: name.clone(), state: REMOVED.to_owned() });
        let why = format!("the YAML names it no more: see {TENANT_LEAVES}");
        Overview { trouble: Some(one.trouble.as_ref().map_or(why.clone(), |trouble| format!("{why}; {trouble}"))), ..one }
    }));
    Ok(all)
}

fn bare(one: &Wished, state: &str) -> Overview {
    Overview {
        name: one.name.clone(),
        wished: one.state.clone(),
        state: state.to_owned(),
        trouble: None,
        host: None,
        address: None,
        image: None,
        memory_reservation: None,
        memory_limit: None,
        since: None,
        last_activity: None,
        last_backup: None,
    }
}

fn state(seen: &Seen, made_of: &Service, task: Option<&Task>) -> (&'static str, Option<String>) {
    let status = task.and_then(|task| task.status.as_ref());
    let trouble = status.and_then(|status| status.err.clone()).filter(|err| !err.is_empty());
    let word = match status.and_then(|status| status.state) {
        _ if replicas(seen) == 0 && made_of.suspended => "suspended",
        _ if replicas(seen) == 0 => "asleep",
        Some(TaskState::RUNNING) => "running",
        Some(TaskState::FAILED | TaskState::REJECTED) => "failing",
        _ if trouble.is_some() => "failing",
        _ => "starting",
    };
    (word, trouble)
}
