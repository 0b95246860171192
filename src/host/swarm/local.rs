//! What the engine of this host is asked about its swarm. Tokens go through its socket, never through a command line.

use bollard::Docker;
use bollard::models::{LocalNodeState, SwarmInitRequest, SwarmJoinRequest, SwarmSpec, SwarmSpecOrchestration};
use bollard::query_parameters::LeaveSwarmOptionsBuilder;

use super::board::Token;
use super::decide::Own;
use crate::host::Result;
use crate::planes::docker::failed;
use crate::planes::error::Error;

/// Where managers listen.
pub const PORT: u16 = 2377;

/// What the engine is in a swarm, and the id of its node.
pub async fn own(docker: &Docker) -> Result<(Own, Option<String>)> {
    let info = docker.info().await.map_err(failed("docker.Info"))?.swarm.unwrap_or_default();
    let cluster = info.cluster.and_then(|cluster| cluster.id).filter(|id| !id.is_empty());
    let managers = info.remote_managers.unwrap_or_default().into_iter().filter_map(|peer| peer.addr).collect();
    let error = info.error.filter(|text| !text.is_empty());
    let own = match info.local_node_state {
        Some(LocalNodeState::ACTIVE) => match (info.control_available, cluster) {
            (Some(true), Some(id)) => Own::Manager(id),
            // It leads, and the swarm has no leader at the moment: that is nothing to run from.
            (Some(true), None) => Own::Pending,
            _ => Own::Worker(managers),
        },
        Some(LocalNodeState::PENDING) => Own::Pending,
        Some(LocalNodeState::ERROR) => Own::Broken(error.unwrap_or_else(|| "an error".into())),
        Some(LocalNodeState::LOCKED) => Own::Broken("the swarm is locked".into()),
        _ => Own::Out,
    };
    Ok((own, info.node_id.filter(|id| !id.is_empty())))
}

/// Makes a swarm with this engine as its only manager.
pub async fn init(docker: &Docker, address: &str) -> Result<()> {
    let orchestration = SwarmSpecOrchestration { task_history_retention_limit: Some(2) };
    let request = SwarmInitRequest {
        listen_addr: Some(format!("0.0.0.0:{PORT}")),
        advertise_addr: Some(address.to_owned()),
        spec: Some(SwarmSpec { orchestration: Some(orchestration), ..SwarmSpec::default() }),
        ..SwarmInitRequest::default()
    };
    docker.init_swarm(request).await.map_err(failed("docker.SwarmInit"))?;
    Ok(())
}

/// Joins a swarm through any of these managers. The engine goes on trying by itself when it takes long.
pub async fn join(docker: &Docker, address: &str, managers: &[String], token: &Token) -> Result<()> {
    let request = SwarmJoinRequest {
        listen_addr: Some(format!("0.0.0.0:{PORT}")),
        advertise_addr: Some(address.to_owned()),
        remote_addrs: Some(managers.to_vec()),
        join_token: Some(token.reveal().to_owned()),
        ..SwarmJoinRequest::default()
    };
    docker.join_swarm(request).await.map_err(failed("docker.SwarmJoin"))?;
    Ok(())
}

/// Leaves the swarm, whatever it was in it.
pub async fn leave(docker: &Docker) -> Result<()> {
    let options = LeaveSwarmOptionsBuilder::default().force(true).build();
    docker.leave_swarm(Some(options)).await.map_err(failed("docker.SwarmLeave"))?;
    Ok(())
}

/// The tokens that let managers and workers in.
pub async fn tokens(docker: &Docker) -> Result<(Token, Token)> {
    let swarm = docker.inspect_swarm().await.map_err(failed("docker.SwarmInspect"))?;
    let tokens = swarm.join_tokens.unwrap_or_default();
    match (tokens.manager, tokens.worker) {
        (Some(manager), Some(worker)) => Ok((Token::new(manager), Token::new(worker))),
        _ => Err(Error::incomplete("docker.SwarmInspect", "join tokens").into()),
    }
}
