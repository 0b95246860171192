//! What a host of the fleet says of itself: where the inner planes are on this machine.
//!
//! `reeve host setup` writes the file, and so does the sandbox; everywhere else there is none.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::{Class, Error, Result};

/// Where the file is, unless `REEVE_HOST` names another.
pub const FILE: &str = "/etc/reeve/host.json";

/// Where the wrapper and the database's certificates are on every host.
pub const LIB: &str = "/usr/local/lib/reeve";

/// The inner planes of this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// The engine's socket: `unix:///var/run/docker.sock`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docker: Option<String>,
    /// The database server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mysql: Option<Server>,
    /// The folder of all tenants' folders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<PathBuf>,
    /// That folder has to be a mount: where nothing is mounted, it counts as unreadable and not as empty. Default: false, a disk of the host's own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub files_mounted: bool,
    /// This host's HAProxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub haproxy: Option<Proxy>,
    /// The folder that every tenant's container sees read-only as `/reeve`: the wrapper `hold` and the database's `ca.pem`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lib: Option<PathBuf>,
}

/// The database server as a host reaches it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// `host:port`.
    pub address: String,
    /// The certificates that its own is held against, a PEM file.
    pub ca: PathBuf,
    /// Who administers it: `file:PATH` of a JSON file with `user` and `password`, or `secretsmanager:ARN`.
    pub admin: String,
}

/// A host's HAProxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// The folder of its configuration, map, certificate and sockets.
    pub folder: PathBuf,
    /// Where the load balancer reaches it, with TLS: `0.0.0.0:443`.
    pub listen: String,
    /// Where it answers without TLS, for a machine without a load balancer. Default: nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plain: Option<String>,
    /// Where the waker listens, on a machine whose loopback is not HAProxy's. Default: where the stack's `routing.waker` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waker: Option<SocketAddr>,
    /// How the program is called, to check a configuration and to start it: with what comes before it. Default: `haproxy`.
    #[serde(default = "haproxy", skip_serializing_if = "Vec::is_empty")]
    pub run: Vec<String>,
    /// The user, and the group of the same name, that its workers become; its master stays who started it. Default: they stay too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

fn haproxy() -> Vec<String> {
    vec!["haproxy".to_owned()]
}

impl Facts {
    /// Reads `path`, or what `REEVE_HOST` names, or [`FILE`]. `None` where there is no such file, which is every machine but a host.
    ///
    /// # Errors
    /// When one was named and is not there, or it is not what it should be.
    pub fn read(path: Option<&Path>) -> Result<Option<Self>> {
        let named = path.map(Path::to_owned).or_else(|| std::env::var_os("REEVE_HOST").map(PathBuf::from));
        let file = named.clone().unwrap_or_else(|| PathBuf::from(FILE));
        let wrong = |why: String| Error::new(Class::Invalid, "host", format!("{}: {why}: `reeve host setup` writes it", file.display()));
        match std::fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| wrong(error.to_string())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => Ok(None),
            Err(error) => Err(wrong(error.to_string())),
        }
    }

    /// The folder that containers see as `/reeve`.
    #[must_use]
    pub fn lib(&self) -> PathBuf {
        self.lib.clone().unwrap_or_else(|| PathBuf::from(LIB))
    }
}
