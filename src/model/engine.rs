//! What a Docker Engine is told so that a container stays one: the same on the hosts of the fleet and in the sandbox, where tests attack it.
//!
//! The page: <https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file>.

use serde_json::{Map, Value, json};

/// The part of `daemon.json` that guards the host and the tenants from each other.
#[must_use]
pub fn guarded() -> Map<String, Value> {
    let settings = [
        ("no-new-privileges", json!(true)), // for all containers: the service API of older engines cannot say it
        ("userland-proxy", json!(false)),   // published ports are the kernel's, where the firewall sees them
        ("icc", json!(false)),
        ("default-ulimits", json!({ "nofile": { "Name": "nofile", "Soft": 16384, "Hard": 16384 } })),
    ];
    settings.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
}

/// Logs that stay on the host, within limits.
#[must_use]
pub fn local_logs() -> Map<String, Value> {
    let settings = [("log-driver", json!("json-file")), ("log-opts", json!({ "max-size": "10m", "max-file": "3" }))];
    settings.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
}
