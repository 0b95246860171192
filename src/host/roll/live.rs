//! The fleet as its groups and its swarm have it, and what is done to it.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_autoscaling::types::{AutoScalingGroup, Filter, LaunchTemplateSpecification, LifecycleState};
use bollard::models::{Node, NodeSpecAvailabilityEnum, NodeState, Service, Task, TaskState};
use bollard::query_parameters::{ListNodesOptions, ListServicesOptions, ListTasksOptions};

use super::{Fleet, Member, Next};
use crate::host::swarm::LABEL;
use crate::host::{Error, Host, Result, node};
use crate::planes::docker::failed;
use crate::planes::error::Error as Refused;

/// Looks at all of it.
///
/// # Errors
/// AWS or the engine does not answer, or this is no manager.
pub async fn look(host: &Host) -> Result<Fleet> {
    let (aws, docker) = (host.aws().await?, host.docker().await?);
    let filter = Filter::builder().name("tag:reeve:stack").values(&host.config.stack).build();
    let groups = aws.autoscaling.describe_auto_scaling_groups().filters(filter).into_paginator().items().send();
    let groups: Vec<AutoScalingGroup> = groups.collect::<std::result::Result<_, _>>().await.map_err(Refused::from)?;
    let templates: BTreeSet<&str> = groups.iter().filter_map(|group| group.launch_template()?.launch_template_id()).collect();
    let mut versions = BTreeMap::new();
    for template in templates {
        let found = aws.ec2.describe_launch_templates().launch_template_ids(template).send().await.map_err(Refused::from)?;
        let one = found.launch_templates().first();
        let numbers = one.and_then(|one| Some((one.default_version_number()?, one.latest_version_number()?)));
        versions.insert(template.to_owned(), numbers.ok_or_else(|| Refused::incomplete("ec2.DescribeLaunchTemplates", "versions"))?);
    }
    let nodes = docker.list_nodes(None::<ListNodesOptions>).await.map_err(failed("docker.ListNodes"))?;
    let tasks = docker.list_tasks(None::<ListTasksOptions>).await.map_err(failed("docker.ListTasks"))?;
    let services = docker.list_services(None::<ListServicesOptions>).await.map_err(failed("docker.ListServices"))?;
    let running: Vec<&Task> = tasks.iter().filter(|task| is_running(task)).collect();
    let me = host.identity().await?.instance.clone();
    Ok(Fleet { silent: silent(&services, &running), me, ..fleet(&groups, &versions, &nodes, &running) })
}

fn is_running(task: &Task) -> bool {
    task.status.as_ref().and_then(|status| status.state) == Some(TaskState::RUNNING)
}

/// Services that are to run and have no container that is up. An unhealthy or starting one is not.
fn silent(services: &[Service], running: &[&Task]) -> Vec<String> {
    let is_to_run = |service: &&Service| {
        let mode = service.spec.as_ref().and_then(|spec| spec.mode.as_ref()?.replicated.as_ref()?.replicas);
        mode.is_some_and(|replicas| replicas > 0)
    };
    let answers =
        |service: &Service| running.iter().any(|task| task.desired_state == Some(TaskState::RUNNING) && task.service_id == service.id);
    let silent = services.iter().filter(is_to_run).filter(|service| !answers(service));
    silent.map(|service| service.spec.as_ref().and_then(|spec| spec.name.clone()).unwrap_or_default()).collect()
}

/// The version's number that a specification means.
fn number(of: Option<&LaunchTemplateSpecification>, versions: &BTreeMap<String, (i64, i64)>) -> Option<i64> {
    let of = of?;
    let (default, latest) = versions.get(of.launch_template_id()?)?;
    match of.version().unwrap_or("$Default") {
        "$Default" => Some(*default),
        "$Latest" => Some(*latest),
        number => number.parse().ok(),
    }
}

fn fleet(groups: &[AutoScalingGroup], versions: &BTreeMap<String, (i64, i64)>, nodes: &[Node], running: &[&Task]) -> Fleet {
    let mut fleet = Fleet::default();
    for group in groups {
        let want = group.launch_template();
        fleet.wanted += usize::try_from(group.desired_capacity().unwrap_or_default()).unwrap_or_default();
        for one in group.instances() {
            let id = one.instance_id().unwrap_or_default();
            let leaves = matches!(
                one.lifecycle_state(),
                Some(
                    LifecycleState::Terminating
                        | LifecycleState::TerminatingWait
                        | LifecycleState::TerminatingProceed
                        | LifecycleState::Terminated
                )
            );
            if leaves {
                continue;
            }
            let has = one.launch_template();
            let same = has.and_then(|has| has.launch_template_id()) == want.and_then(|want| want.launch_template_id());
            let node = nodes.iter().find(|node| label(node) == Some(id));
            let spec = node.and_then(|node| node.spec.as_ref());
            let leads = node.and_then(|node| node.manager_status.as_ref());
            fleet.members.push(Member {
                instance: id.to_owned(),
                current: same && number(has, versions) == number(want, versions),
                manager: leads.is_some(),
                leader: leads.and_then(|status| status.leader) == Some(true),
                ready: node.and_then(|node| node.status.as_ref()?.state) == Some(NodeState::READY),
                drained: spec.and_then(|spec| spec.availability) == Some(NodeSpecAvailabilityEnum::DRAIN),
                tenants: running
                    .iter()
                    .filter(|task| task.node_id.is_some() && task.node_id == node.and_then(|node| node.id.clone()))
                    .count(),
            });
        }
    }
    let known = |node: &&Node| fleet.members.iter().any(|member| label(node) == Some(&member.instance));
    let left = nodes.iter().filter(|node| node.manager_status.is_some() && !known(node));
    fleet.leftovers = left.filter_map(|node| node.id.clone()).collect();
    fleet
}

fn label(node: &Node) -> Option<&str> {
    node.spec.as_ref()?.labels.as_ref()?.get(LABEL).map(String::as_str)
}

/// Does what was decided.
///
/// # Errors
/// AWS or the engine refused.
pub async fn act(host: &Host, next: &Next) -> Result<()> {
    match next {
        Next::Drain(instance) => {
            let docker = host.docker().await?;
            let nodes = docker.list_nodes(None::<ListNodesOptions>).await.map_err(failed("docker.ListNodes"))?;
            let node = nodes.iter().find(|node| label(node) == Some(instance)).and_then(|node| node.id.clone());
            let node = node.ok_or_else(|| Error::Unfit(format!("{instance} is no node of the swarm any more")))?;
            node::change(&docker, &node, |spec| spec.availability = Some(NodeSpecAvailabilityEnum::DRAIN)).await
        }
        Next::Replace(instance) => {
            let call = host.aws().await?.autoscaling.terminate_instance_in_auto_scaling_group().instance_id(instance);
            call.should_decrement_desired_capacity(false).send().await.map_err(Refused::from)?;
            Ok(())
        }
        Next::Done | Next::Wait(_) | Next::Stuck(_) => Ok(()),
    }
}
