//! What managers do for the whole swarm: label nodes with their instances, and clear away nodes whose instances are gone. Any manager does it,
//! through the leader; what another did meanwhile is seen at the next look.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::{Node, NodeSpecRoleEnum, NodeState};
use bollard::query_parameters::{DeleteNodeOptionsBuilder, ListNodesOptions};
use tokio::time::sleep;

use super::board::{Attempt, Known};
use super::{LABEL, Look, Member};
use crate::host::{Result, node};
use crate::planes::docker::failed;
use crate::planes::error::Absent;

/// How often it is tried to take a node out.
const TRIES: u32 = 10;

/// One thing to do about a node.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Chore {
    /// It says which instance it is.
    Label(String, String),
    /// Its instance is gone.
    Remove(String, String),
}

/// The instance that a node is, by its own entry on the board.
fn instance(attempt: &Attempt, node: &str) -> Option<String> {
    let all = attempt.managers.iter().chain(&attempt.workers);
    all.filter(|(_, known)| known.node == node).map(|(instance, _)| instance.clone()).next()
}

/// What there is to do. Pure.
fn chores(nodes: &[Node], look: &Look) -> Vec<Chore> {
    let Some(attempt) = look.board.newest().and_then(|n| look.board.attempts.get(&n)) else { return Vec::new() };
    let of = |node: &Node| {
        let id = node.id.clone()?;
        let labelled = node.spec.as_ref().and_then(|spec| spec.labels.as_ref()?.get(LABEL).cloned());
        let known = instance(attempt, &id);
        let down = node.status.as_ref().and_then(|status| status.state) == Some(NodeState::DOWN);
        match labelled.clone().or_else(|| known.clone()) {
            // Both: a node that still answers is no dead one's, whatever EC2 says.
            Some(instance) if down && look.gone.contains(&instance) => Some(Chore::Remove(id, instance)),
            Some(instance) if labelled.is_none() => Some(Chore::Label(id, instance)),
            _ => None,
        }
    };
    nodes.iter().filter_map(of).collect()
}

async fn nodes(member: &Member<'_>) -> Result<Vec<Node>> {
    let listed = member.docker.list_nodes(None::<ListNodesOptions>).await;
    Ok(listed.map_err(failed("docker.ListNodes"))?)
}

/// What is off with the whole swarm.
pub async fn off(member: &Member<'_>, look: &Look) -> Result<Vec<String>> {
    let told = |chore: Chore| match chore {
        Chore::Label(node, instance) => format!("node {node} has no label {LABEL}={instance}"),
        Chore::Remove(node, instance) => format!("node {node} is left of {instance}, which is gone"),
    };
    let mut off: Vec<String> = chores(&nodes(member).await?, look).into_iter().map(told).collect();
    off.extend(stale(look).map(|(_, instance, _)| format!("the board still names {instance}, which is gone")));
    Ok(off)
}

/// Entries of hosts that are gone: folder, instance, what it says.
fn stale(look: &Look) -> impl Iterator<Item = (&'static str, &String, &Known)> {
    let newest = look.board.attempts.values().next_back();
    let entries = newest.into_iter().flat_map(|attempt| {
        let all = [("managers", &attempt.managers), ("workers", &attempt.workers)];
        all.into_iter().flat_map(|(folder, entries)| entries.iter().map(move |(instance, known)| (folder, instance, known)))
    });
    entries.filter(|(_, instance, _)| look.gone.contains(*instance))
}

/// Does what there is to do. What engines notice late, such as a node that is down, is waited for a little.
pub async fn make(member: &Member<'_>) -> Result<()> {
    for pause in [2, 4, 6, 8, 10, 0] {
        let look = member.look().await?;
        for chore in chores(&nodes(member).await?, &look) {
            match chore {
                Chore::Label(node, instance) => label(member, &node, &instance).await?,
                Chore::Remove(node, _) => remove(member, &node).await?,
            }
        }
        // By its entry a node of a dead host is known: the entry goes after the node.
        let nodes = nodes(member).await?;
        let newest = look.board.newest().unwrap_or_default();
        let mut left = false;
        for (folder, instance, known) in stale(&look) {
            if nodes.iter().any(|node| node.id.as_deref() == Some(&known.node)) {
                left = true;
            } else {
                member.store.forget(newest, &format!("{folder}/{instance}")).await?;
            }
        }
        if !left {
            return Ok(());
        }
        sleep(Duration::from_secs(pause)).await;
    }
    Err(crate::host::Error::Unfit("a host that is gone still counts as there: the engines have not noticed yet".into()))
}

/// Says on a node which instance it is.
pub async fn label(member: &Member<'_>, node: &str, instance: &str) -> Result<()> {
    node::change(&member.docker, node, |spec| {
        spec.labels.get_or_insert_with(HashMap::new).insert(LABEL.into(), instance.into());
    })
    .await
}

/// Takes a node out: first out of those who lead, then altogether.
async fn remove(member: &Member<'_>, node: &str) -> Result<()> {
    node::change(&member.docker, node, |spec| spec.role = Some(NodeSpecRoleEnum::WORKER)).await?;
    let mut tries = 0;
    loop {
        let options = DeleteNodeOptionsBuilder::default().force(true).build();
        let gone = member.docker.delete_node(node, Some(options)).await.map_err(failed("docker.DeleteNode"));
        match gone.absent_ok() {
            Ok(_) => return Ok(()),
            // It still counts among those who lead for a moment.
            Err(_) if tries < TRIES => tries += 1,
            Err(error) => return Err(error.into()),
        }
        sleep(Duration::from_secs(1)).await;
    }
}
