//! The tenants' bridge: a network that only says how (`tenants-config`), on each host, from which the swarm's network `tenants` is made
//! where a tenant runs. Containers on it do not see each other; what else they must not reach, the firewall forbids.

use std::collections::HashMap;

use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest, NetworkInspect};
use bollard::query_parameters::InspectNetworkOptions;

use super::{Host, HostConfig, Result};
use crate::model::firewall::BRIDGE;
use crate::planes::docker::failed;
use crate::planes::error::Absent;

/// The network's name.
pub const NAME: &str = "tenants-config";

fn options() -> HashMap<String, String> {
    let pairs = [("com.docker.network.bridge.enable_icc", "false"), ("com.docker.network.bridge.name", BRIDGE)];
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

/// What of it differs.
fn differs(have: &NetworkInspect, config: &HostConfig) -> Vec<String> {
    let mut off = Vec::new();
    if have.config_only != Some(true) {
        off.push(format!("the network {NAME} is one that containers join, where it should only say how"));
    }
    if have.options.clone().unwrap_or_default() != options() {
        off.push(format!("the network {NAME} has other options than `enable_icc=false` and the name {BRIDGE}"));
    }
    let subnets: Vec<String> =
        have.ipam.iter().flat_map(|ipam| ipam.config.iter().flatten()).filter_map(|one| one.subnet.clone()).collect();
    if subnets != [config.subnet()] {
        off.push(format!("the network {NAME} is not {}", config.subnet()));
    }
    off
}

async fn have(host: &Host) -> Result<Option<NetworkInspect>> {
    let found = host.docker().await?.inspect_network(NAME, None::<InspectNetworkOptions>).await;
    Ok(found.map_err(failed("docker.InspectNetwork")).absent_ok()?)
}

/// What is off.
///
/// # Errors
/// The engine does not answer.
pub async fn check(host: &Host) -> Result<Vec<String>> {
    Ok(match have(host).await? {
        None => vec![format!("there is no network {NAME}")],
        Some(network) => differs(&network, &host.config),
    })
}

/// Makes it so. One that differs and is in use is refused by the engine: the host is replaced instead.
///
/// # Errors
/// What the engine answered.
pub async fn make(host: &Host) -> Result<()> {
    let docker = host.docker().await?;
    if let Some(old) = have(host).await? {
        if differs(&old, &host.config).is_empty() {
            return Ok(());
        }
        docker.remove_network(NAME).await.map_err(failed("docker.RemoveNetwork"))?;
    }
    let ipam = Ipam { config: Some(vec![IpamConfig { subnet: Some(host.config.subnet()), ..IpamConfig::default() }]), ..Ipam::default() };
    let request = NetworkCreateRequest {
        name: NAME.into(),
        config_only: Some(true),
        options: Some(options()),
        ipam: Some(ipam),
        ..NetworkCreateRequest::default()
    };
    docker.create_network(request).await.map_err(failed("docker.CreateNetwork"))?;
    Ok(())
}
