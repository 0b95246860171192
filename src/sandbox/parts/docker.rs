//! A Docker Engine of one's own: its settings, as a host of the fleet has them, and the swarm that it is a manager of.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;

use serde_json::{Value, json};

use super::http::{Answer, Server, send};
use super::{Engine, Error, files};
use crate::model::{engine, firewall};

/// What Debian 12's engine speaks, and every later one.
const API: &str = "/v1.41";

/// The network that every node has for itself; reeve's own network takes its settings from it.
const CONFIG: &str = "tenants-config";

/// Its addresses, which no container outside the node ever sees.
const SUBNET: &str = "172.30.0.0/16";

/// Writes an engine's settings into its folder. `group` is the control group that its containers are in.
pub(super) fn prepare(folder: &Path, registry: SocketAddrV4, group: &str) -> Result<(), Error> {
    files::folder(folder)?;
    let own = json!({
        "data-root": folder.join("data"),
        "exec-root": folder.join("exec"),
        "pidfile": folder.join("pid"),
        "deprecated-key-path": folder.join("key.json"),
        "hosts": [format!("unix://{}", folder.join("docker.sock").display())],
        "storage-driver": storage(folder),
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
        "cgroup-parent": format!("/{group}"),
        "insecure-registries": [registry.to_string()],
    });
    let mut settings = engine::guarded();
    settings.extend(engine::local_logs());
    settings.extend(own.as_object().cloned().unwrap_or_default());
    files::write(&folder.join("daemon.json"), &format!("{:#}", Value::Object(settings)))
}

/// Layers over each other, unless the folder itself is in such a layer, as in a container: the kernel refuses a second.
fn storage(folder: &Path) -> &'static str {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let under = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?, words.next()?))
    });
    let nearest = under.filter(|(point, _)| folder.starts_with(point)).max_by_key(|(point, _)| point.len());
    if nearest.is_some_and(|(_, kind)| kind == "overlay") { "vfs" } else { "overlay2" }
}

/// Whether it answers.
pub(super) async fn answers(engine: &Engine) -> bool {
    send(&server(engine), "GET", "/_ping", "text/plain", b"").await.is_ok_and(|answer| answer.status == 200)
}

/// Makes the swarm.
pub(super) async fn initialise(engine: &Engine) -> Result<(), Error> {
    // One task beside the one that runs: why it failed is read there.
    let spec = json!({ "Orchestration": { "TaskHistoryRetentionLimit": 2 } });
    post(engine, "/swarm/init", &joined(engine.address, json!({ "Spec": spec }))).await
}

/// Makes another engine a manager of the same swarm.
pub(super) async fn join(first: &Engine, engine: &Engine) -> Result<(), Error> {
    let swarm = get(first, "/swarm").await?;
    let token = swarm["JoinTokens"]["Manager"].as_str().unwrap_or_default();
    let body = json!({ "RemoteAddrs": [format!("{}:2377", first.address)], "JoinToken": token });
    post(engine, "/swarm/join", &joined(engine.address, body)).await
}

fn joined(address: Ipv4Addr, mut body: Value) -> Value {
    body["ListenAddr"] = json!(format!("{address}:2377"));
    body["AdvertiseAddr"] = json!(address.to_string());
    body
}

/// Whether so many nodes of the swarm are ready for tasks.
pub(super) async fn ready(engine: &Engine, nodes: u8) -> bool {
    let listed = get(engine, "/nodes").await.unwrap_or_default();
    let is_ready = |node: &&Value| node["Status"]["State"] == "ready";
    listed.as_array().is_some_and(|listed| listed.iter().filter(is_ready).count() == usize::from(nodes))
}

/// The node's own half of the tenants' network: a bridge on which containers do not see each other.
pub(super) async fn network(engine: &Engine) -> Result<(), Error> {
    let options = json!({
        "com.docker.network.bridge.enable_icc": "false",
        "com.docker.network.bridge.name": firewall::BRIDGE,
    });
    let body = json!({
        "Name": CONFIG, "Driver": "bridge", "ConfigOnly": true, "Options": options, "IPAM": { "Config": [{ "Subnet": SUBNET }] },
    });
    post(engine, "/networks/create", &body).await
}

fn server(engine: &Engine) -> Server {
    Server::Unix(engine.docker.clone())
}

async fn get(engine: &Engine, path: &str) -> Result<Value, Error> {
    let answer = call(engine, "GET", path, b"").await?;
    serde_json::from_slice(&answer.body).map_err(|error| Error::Docker { what: path.to_owned(), why: error.to_string() })
}

async fn post(engine: &Engine, path: &str, body: &Value) -> Result<(), Error> {
    call(engine, "POST", path, body.to_string().as_bytes()).await.map(drop)
}

async fn call(engine: &Engine, method: &str, path: &str, body: &[u8]) -> Result<Answer, Error> {
    let failed = |why: String| Error::Docker { what: path.to_owned(), why };
    let answer = send(&server(engine), method, &format!("{API}{path}"), "application/json", body).await;
    let answer = answer.map_err(|cause| failed(cause.to_string()))?;
    if answer.status < 300 { Ok(answer) } else { Err(failed(answer.text())) }
}
