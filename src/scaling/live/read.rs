//! What is read of the fleet: nodes, tasks and services of the swarm, and the stack's two groups. A handful of calls, whatever the number of tenants.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_autoscaling::types::{AutoScalingGroup, Filter, Instance, LifecycleState};
use bollard::models::{Node, NodeSpecAvailabilityEnum as Availability, NodeState, Reachability, Service, Task as Seen, TaskState};
use bollard::query_parameters::ListTasksOptionsBuilder;

use super::{AWAY, Away};
use crate::kinds::docker::node::{INSTANCE, name, nodes};
use crate::kinds::docker::service::{services, tasks};
use crate::model::host::{MANAGERS, WORKERS};
use crate::model::marks::key;
use crate::planes::docker::{failed, pairs};
use crate::planes::error::Result;
use crate::planes::{Aws, Docker, Ours};
use crate::scaling::world::{Group, Host, Queued, Role, State, Takes, Task, World};

/// All of it.
///
/// # Errors
/// What AWS or the engine answered.
pub(super) async fn world(aws: &Aws, docker: &Docker, queued: &BTreeSet<String>) -> Result<World> {
    let (groups, nodes, tasks, services) = futures::try_join!(groups(aws), nodes(docker), tasks::all(docker), services(docker))?;
    let mut world = assembled(&docker.ours, &groups, &nodes, &tasks, &services, queued);
    for host in world.hosts.iter_mut().filter(|host| host.away.is_some() && host.takes == Takes::Drained) {
        host.empty = match &host.node {
            Some(node) => is_empty(docker, node).await?,
            None => false,
        };
    }
    Ok(world)
}

async fn groups(aws: &Aws) -> Result<Vec<AutoScalingGroup>> {
    let ours = Filter::builder().name(format!("tag:{}", key::STACK)).values(&aws.estate.stack).build();
    let groups = aws.autoscaling.describe_auto_scaling_groups().filters(ours).max_records(100).into_paginator().items().send();
    let groups: Vec<AutoScalingGroup> = groups.collect::<std::result::Result<_, _>>().await?;
    Ok(groups.into_iter().filter(|group| group.status().is_none()).collect())
}

/// Whether nothing of a node runs, also of what was told to end.
async fn is_empty(docker: &Docker, node: &str) -> Result<bool> {
    let call = "docker.TaskList";
    let filters = HashMap::from([("node".to_owned(), vec![node.to_owned()])]);
    let options = ListTasksOptionsBuilder::default().filters(&filters).build();
    let all = docker.reads(call).await?.list_tasks(Some(options)).await.map_err(failed(call))?;
    Ok(!all.iter().any(tasks::is_alive))
}

fn tag<'a>(group: &'a AutoScalingGroup, key: &str) -> Option<&'a str> {
    group.tags().iter().find(|tag| tag.key() == Some(key)).and_then(|tag| tag.value())
}

fn assembled(
    ours: &Ours,
    groups: &[AutoScalingGroup],
    nodes: &[Node],
    tasks: &[Seen],
    services: &[Service],
    queued: &BTreeSet<String>,
) -> World {
    let mut world = World::default();
    // One that is being replaced keeps its hosts until it goes.
    let of =
        |address: &str| groups.iter().find(|group| tag(group, key::ADDRESS) == Some(address) && tag(group, key::RETIRING) != Some("true"));
    world.group = of(WORKERS).map(group);
    let mut grouped = BTreeSet::new();
    for (address, group) in [(MANAGERS, of(MANAGERS)), (WORKERS, of(WORKERS))] {
        let there = group.into_iter().flat_map(AutoScalingGroup::instances).filter(|one| !is_leaving(one));
        for instance in there {
            let id = instance.instance_id().unwrap_or_default();
            grouped.insert(id.to_owned());
            let node = nodes.iter().find(|node| label(node, INSTANCE) == Some(id));
            world.hosts.push(host(id, node, Some(instance), address == MANAGERS));
        }
    }
    for node in nodes.iter().filter(|node| !label(node, INSTANCE).is_some_and(|id| grouped.contains(id))) {
        world.hosts.push(host(&name(node), Some(node), None, false));
    }
    let unmeasured = world.hosts.iter().filter(|host| host.state == State::Ready && host.memory == 0);
    world.unread = unmeasured.map(|host| format!("the memory of {}", host.name)).collect();
    let unlabelled = nodes.iter().filter(|node| world.group.is_some() && label(node, INSTANCE).is_none());
    world.unread.extend(unlabelled.map(|node| format!("which instance the node {} is", name(node))));
    let unheard = world.hosts.iter().filter(|host| host.state == State::Unknown);
    world.unread.extend(unheard.map(|host| format!("how {} is", host.name)));

    let names: HashMap<&str, String> =
        services.iter().filter_map(|service| Some((service.id.as_deref()?, called(ours, service)))).collect();
    world.tasks = tasks.iter().filter_map(|task| read(task, &names)).collect();
    let reserve = |service: &Service| reserved(service.spec.as_ref().and_then(|spec| spec.task_template.as_ref()?.resources.as_ref()));
    world.largest = services.iter().map(reserve).max().unwrap_or_default();
    let waits = |service: &&Service| {
        let name = service.id.as_deref().and_then(|id| names.get(id));
        name.is_some_and(|name| queued.contains(name) && !world.tasks.iter().any(|task| task.of == *name))
    };
    world.queued = services.iter().filter(waits).map(|service| Queued { of: called(ours, service), reserve: reserve(service) }).collect();
    world
}

fn group(group: &AutoScalingGroup) -> Group {
    let size = |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok()).unwrap_or_default();
    Group {
        name: group.auto_scaling_group_name().unwrap_or_default().to_owned(),
        min: size(group.min_size()),
        max: size(group.max_size()),
        desired: size(group.desired_capacity()),
    }
}

fn is_leaving(instance: &Instance) -> bool {
    use LifecycleState::{Detached, Detaching, Terminated, Terminating, TerminatingProceed, TerminatingWait};
    matches!(instance.lifecycle_state(), Some(Terminating | TerminatingWait | TerminatingProceed | Terminated | Detaching | Detached))
}

fn label<'a>(node: &'a Node, name: &str) -> Option<&'a str> {
    node.spec.as_ref()?.labels.as_ref()?.get(name).map(String::as_str)
}

fn host(name: &str, node: Option<&Node>, instance: Option<&Instance>, is_to_lead: bool) -> Host {
    let spec = node.and_then(|node| node.spec.as_ref());
    let takes = match spec.and_then(|spec| spec.availability) {
        Some(Availability::DRAIN) => Takes::Drained,
        Some(Availability::PAUSE) => Takes::Paused,
        _ => Takes::Active,
    };
    let away = node.and_then(|node| label(node, AWAY)).and_then(Away::parse);
    let leads = node.and_then(|node| node.manager_status.as_ref());
    let role = match leads {
        Some(status) => Role::Manager { reachable: status.reachability == Some(Reachability::REACHABLE) },
        None if node.is_none() && is_to_lead => Role::Manager { reachable: false },
        None => Role::Worker,
    };
    let state = match node.map(|node| node.status.as_ref().and_then(|status| status.state)) {
        None => State::Joining,
        Some(Some(NodeState::READY)) => State::Ready,
        Some(Some(NodeState::DOWN | NodeState::DISCONNECTED)) => State::Down,
        Some(_) => State::Unknown,
    };
    let memory = node.and_then(|node| node.description.as_ref()?.resources.as_ref()?.memory_bytes);
    // Standby is somebody's wish too, and the group does not count it.
    let serving = |one: &Instance| {
        matches!(
            one.lifecycle_state(),
            Some(LifecycleState::InService | LifecycleState::Pending | LifecycleState::PendingWait | LifecycleState::PendingProceed)
        )
    };
    let counts = instance.is_some_and(serving);
    let kept = instance.is_some_and(|one| one.protected_from_scale_in() == Some(true)) || instance.is_some() && !counts;
    // What is left of an instance, or that of a group that is being replaced.
    let elsewhere = instance.is_none() && node.is_some_and(|node| label(node, INSTANCE).is_some());
    let named = node.is_some_and(|node| label(node, key::ADDRESS).is_some());
    Host {
        name: name.to_owned(),
        node: node.and_then(|node| node.id.clone()),
        role,
        zone: instance.and_then(|one| one.availability_zone()).unwrap_or_default().to_owned(),
        state,
        takes,
        away,
        memory: memory.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default(),
        sick: instance.is_some_and(|one| one.health_status().is_some_and(|word| word.eq_ignore_ascii_case("unhealthy"))),
        grouped: counts,
        held: kept || elsewhere || named || takes != Takes::Active && away.is_none(),
        named,
        empty: false,
    }
}

/// What a service is called to people: its tenant, or its own name where it is none of ours.
fn called(ours: &Ours, service: &Service) -> String {
    let spec = service.spec.as_ref();
    let marks = spec.and_then(|spec| spec.labels.as_ref()).and_then(|tags| ours.marks(pairs(tags)));
    let tenant = marks.and_then(|marks| marks.address).and_then(|address| Some(address.module().strip_prefix("tenant/")?.to_owned()));
    tenant.or_else(|| spec.and_then(|spec| spec.name.clone())).unwrap_or_default()
}

fn reserved(resources: Option<&bollard::models::TaskSpecResources>) -> u64 {
    let bytes = resources.and_then(|resources| resources.reservations.as_ref()?.memory_bytes);
    bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default()
}

/// A task, unless it has ended already.
fn read(task: &Seen, names: &HashMap<&str, String>) -> Option<Task> {
    let status = task.status.as_ref()?;
    let waits = matches!(status.state, Some(TaskState::NEW | TaskState::ALLOCATED | TaskState::PENDING));
    if !waits && !tasks::is_alive(task) {
        return None;
    }
    let spec = task.spec.as_ref();
    let constraints = spec.and_then(|spec| spec.placement.as_ref()?.constraints.as_ref());
    Some(Task {
        of: task.service_id.as_deref().and_then(|id| names.get(id)).cloned().unwrap_or_default(),
        id: task.id.clone()?,
        reserve: reserved(spec.and_then(|spec| spec.resources.as_ref())),
        node: task.node_id.clone().filter(|node| !node.is_empty()),
        anywhere: constraints.is_none_or(Vec::is_empty),
        said: status.err.clone().or_else(|| status.message.clone()).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_autoscaling::types::{Instance as Sdk, TagDescription};
    use serde_json::{Value, json};

    use super::*;
    use crate::planes::aws::stats::Stats;

    fn instance(id: &str, state: LifecycleState) -> Sdk {
        Sdk::builder().instance_id(id).lifecycle_state(state).availability_zone("a").health_status("Healthy").build()
    }

    fn group(address: &str, retiring: bool, instances: Vec<Sdk>) -> AutoScalingGroup {
        let tag = |key: &str, value: &str| TagDescription::builder().key(key).value(value).build();
        let tags = vec![tag(key::ADDRESS, address), tag(key::RETIRING, if retiring { "true" } else { "false" })];
        let group = AutoScalingGroup::builder().auto_scaling_group_name(format!("{address}-{retiring}")).set_tags(Some(tags));
        group.min_size(0).max_size(5).desired_capacity(2).set_instances(Some(instances)).build()
    }

    fn node(id: &str, labels: &Value, availability: &str, memory: u64) -> Node {
        let text = json!({
            "ID": id, "Spec": { "Availability": availability, "Labels": labels }, "Status": { "State": "ready", "Addr": "10.0.0.1" },
            "Description": { "Hostname": format!("host-{id}"), "Resources": { "MemoryBytes": memory } },
        });
        serde_json::from_value(text).expect("a node")
    }

    fn task(id: &str, service: &str, state: &str, node: &str) -> Seen {
        let spec = json!({ "Resources": { "Reservations": { "MemoryBytes": 7 } }, "Placement": { "Constraints": [] } });
        let task = json!({ "ID": id, "ServiceID": service, "NodeID": node, "Spec": spec, "Status": { "State": state, "Err": "" } });
        serde_json::from_value(task).expect("a task")
    }

    fn service(id: &str, labels: &Value) -> Service {
        let resources = json!({ "Reservations": { "MemoryBytes": 9 } });
        serde_json::from_value(
            json!({ "ID": id, "Spec": { "Name": format!("name-{id}"), "Labels": labels, "TaskTemplate": { "Resources": resources } } }),
        )
        .expect("a service")
    }

    fn world(groups: &[AutoScalingGroup], nodes: &[Node], tasks: &[Seen], services: &[Service], queued: &[&str]) -> World {
        let queued = queued.iter().map(|name| (*name).to_owned()).collect();
        assembled(&Ours::new("s", Stats::default()), groups, nodes, tasks, services, &queued)
    }

    #[test]
    fn hosts_are_what_the_groups_and_the_swarm_have() {
        let workers = vec![
            instance("i-1", LifecycleState::InService),
            instance("i-2", LifecycleState::Pending),
            instance("i-3", LifecycleState::Standby),
            instance("i-4", LifecycleState::Terminating),
        ];
        let groups = [group(WORKERS, true, vec![instance("i-0", LifecycleState::InService)]), group(WORKERS, false, workers)];
        let nodes = [
            node("n0", &json!({ "reeve.instance": "i-0" }), "active", 8),
            node("n1", &json!({ "reeve.instance": "i-1", "reeve.scaling": "shrink" }), "pause", 8),
            node("n3", &json!({ "reeve.instance": "i-3" }), "active", 8),
        ];
        let world = world(&groups, &nodes, &[], &[], &[]);
        let told: Vec<_> = world.hosts.iter().map(|host| (host.name.as_str(), host.state, host.takes, host.grouped, host.held)).collect();
        let (ready, active) = (State::Ready, Takes::Active);
        let expected = [
            ("i-1", ready, Takes::Paused, true, false),
            ("i-2", State::Joining, active, true, false),
            ("i-3", ready, active, false, true),
            ("i-0", ready, active, false, true),
        ];
        assert_eq!(told, expected);
        assert_eq!((world.group.as_ref().expect("a group").name.as_str(), world.unread.len()), ("fleet.workers-false", 0));
    }

    #[test]
    fn what_somebody_put_away_is_held_and_what_is_not_known_is_said() {
        let groups = [group(WORKERS, false, vec![instance("i-1", LifecycleState::InService), instance("i-2", LifecycleState::InService)])];
        let mut unheard = node("n4", &json!({ "reeve.instance": "i-2" }), "active", 8);
        unheard.status.as_mut().expect("a status").state = Some(NodeState::UNKNOWN);
        let named = json!({ "reeve.instance": "i-1", "reeve:address": "fleet.node/i-1" });
        let nodes = [node("n1", &named, "active", 0), node("n2", &json!({}), "drain", 8), unheard];
        let world = world(&groups, &nodes, &[], &[], &[]);
        let held: Vec<_> = world.hosts.iter().map(|host| (host.name.as_str(), host.held, host.named)).collect();
        assert_eq!(held, [("i-1", true, true), ("i-2", false, false), ("host-n2", true, false)]);
        assert_eq!(world.unread, ["the memory of i-1", "which instance the node host-n2 is", "how i-2 is"]);
    }

    #[test]
    fn tasks_wait_run_or_have_ended_and_tenants_are_called_by_their_names() {
        let ours = json!({ "reeve:stack": "s", "reeve:address": "tenant/ckwc.service", "reeve:applied": "v1:" });
        let sleeps = json!({ "reeve:stack": "s", "reeve:address": "tenant/other.service", "reeve:applied": "v1:" });
        let services = [service("s1", &ours), service("s2", &json!({})), service("s3", &sleeps)];
        let tasks = [task("t1", "s1", "running", "n1"), task("t2", "s2", "pending", ""), task("t3", "s2", "failed", "n1")];
        let world = world(&[], &[], &tasks, &services, &["other", "ckwc", "stranger"]);
        let told: Vec<_> = world.tasks.iter().map(|task| (task.of.as_str(), task.node.as_deref(), task.reserve, task.anywhere)).collect();
        assert_eq!(told, [("ckwc", Some("n1"), 7, true), ("name-s2", None, 7, true)]);
        assert_eq!(world.queued, [Queued { of: "other".into(), reserve: 9 }], "who has a task already is not queued");
        assert_eq!(world.largest, 9);
    }
}
