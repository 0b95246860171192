//! What the stack tells its hosts (`/etc/reeve/host-config.json`), and what a host tells the programs on it (`/etc/reeve/host.json`).

use std::net::IpAddr;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Error, Result};
use crate::model::Cidr;
use crate::planes::Facts;
use crate::planes::facts::{LIB, Proxy, Server};

/// Where the settings are, on a host.
pub const CONFIG: &str = "/etc/reeve/host-config.json";

/// What the stack tells its hosts. No secrets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostConfig {
    /// The stack's name.
    pub stack: String,
    /// The region.
    pub region: String,
    /// The KMS key for the swarm's secrets in the Parameter Store. Default: the account's own for SSM.
    #[serde(default)]
    pub key: Option<String>,
    /// Where memory of idle tenants goes. Default: the instance's own drives.
    #[serde(default)]
    pub swap: Swap,
    /// The log group of hosts and containers. Default: none, containers' logs stay on the host, within limits.
    #[serde(default)]
    pub logs: Option<String>,
    /// The tenants' files. Default: none are mounted.
    #[serde(default)]
    pub files: Option<Files>,
    /// The database. Default: none; tenants may then reach none.
    #[serde(default)]
    pub database: Option<Database>,
    /// The resolvers that containers ask, and the only ones that they may. Default: any, as the host is set up.
    #[serde(default)]
    pub dns: Vec<IpAddr>,
    /// The network of the tenants' bridge, the same on each host. Default: `172.30.0.0/20`.
    #[serde(default)]
    pub subnet: Option<Cidr>,
    /// The proxy.
    #[serde(default)]
    pub haproxy: Haproxy,
    /// The engine's socket. Default: `unix:///run/docker.sock`.
    #[serde(default = "socket")]
    pub docker: String,
    /// Where it lies what the stack tells its hosts from then on: `s3://BUCKET/KEY`. Default: nowhere; the host then routes and wakes nobody by itself.
    #[serde(default)]
    pub orders: Option<String>,
    /// Which instance this is. Default: as the metadata service says.
    #[serde(default)]
    pub identity: Option<Identity>,
}

fn socket() -> String {
    "unix:///run/docker.sock".into()
}

/// Where memory of idle tenants goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Swap {
    /// The instance's own NVMe drives.
    #[default]
    InstanceStore,
    /// Nowhere.
    None,
}

/// The file system of the tenants' folders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// Its id.
    pub file_system: String,
    /// The fleet's one door.
    pub access_point: String,
}

/// The database, as tenants reach it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `host:port`.
    pub address: String,
    /// Where the administrator's name and password are: `secretsmanager:ARN` or `file:/path`.
    pub admin: String,
    /// The networks that its servers are in: tenants reach them at the port and nothing else there.
    pub networks: Vec<Cidr>,
}

impl Database {
    /// The port; MySQL's own when the address names none.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(3306)
    }
}

/// The proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Haproxy {
    /// The image, by digest. Default: the distribution's package.
    #[serde(default)]
    pub image: Option<String>,
    /// Where it listens. Default: `0.0.0.0:443`.
    #[serde(default = "listen")]
    pub listen: String,
}

fn listen() -> String {
    "0.0.0.0:443".into()
}

impl Default for Haproxy {
    fn default() -> Self {
        Self { image: None, listen: listen() }
    }
}

/// Which instance a machine is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The instance's id.
    pub instance: String,
    /// Its private address.
    pub address: String,
    /// Whether it leads the swarm. Default: as the group that it belongs to says.
    #[serde(default)]
    pub manager: Option<bool>,
}

impl HostConfig {
    /// Reads the settings.
    ///
    /// # Errors
    /// The file cannot be read, or says something else than it should.
    pub fn read(path: &Path) -> Result<Self> {
        let wrong = |said: String| Error::Settings { path: path.to_owned(), said };
        let text = std::fs::read_to_string(path)
            .map_err(|cause| wrong(format!("{cause}; user data writes it, from what the stack says (see `reeve module fleet`)")))?;
        let config: Self = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        config.check().map_err(wrong)?;
        Ok(config)
    }

    /// The network of the tenants' bridge.
    #[must_use]
    pub fn subnet(&self) -> String {
        self.subnet.map_or_else(|| "172.30.0.0/20".to_owned(), |subnet| subnet.to_string())
    }

    /// What types cannot say.
    fn check(&self) -> std::result::Result<(), String> {
        if let Some(image) = self.haproxy.image.as_ref().filter(|image| !image.contains("@sha256:")) {
            return Err(format!(
                "haproxy.image {image} has to name its digest (...@sha256:...): what runs in front of all tenants is pinned"
            ));
        }
        if self.database.as_ref().is_some_and(|database| database.networks.is_empty()) {
            return Err("database.networks names no network: no tenant could reach the database".into());
        }
        Ok(())
    }

    /// What `/etc/reeve/host.json` says of a host with these settings.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let server = |database: &Database| Server {
            address: database.address.clone(),
            ca: format!("{LIB}/ca.pem").into(),
            admin: database.admin.clone(),
        };
        Facts {
            docker: Some(self.docker.clone()),
            mysql: self.database.as_ref().map(server),
            files: self.files.as_ref().map(|_| super::files::FOLDER.into()),
            files_mounted: true,
            haproxy: Some(Proxy {
                folder: super::haproxy::FOLDER.into(),
                listen: self.haproxy.listen.clone(),
                plain: None,
                waker: None,
                run: vec![super::haproxy::PROGRAM.into()],
                user: Some("haproxy".into()),
            }),
            lib: Some(LIB.into()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// Settings with everything in them.
    pub(crate) fn whole() -> HostConfig {
        let text = json!({
            "stack": "hostedehr", "region": "eu-central-1", "key": "arn:aws:kms:eu-central-1:1:key/k", "logs": "/reeve/hostedehr/fleet",
            "files": { "file_system": "fs-1", "access_point": "fsap-1" },
            "database": { "address": "db.example:3307", "admin": "secretsmanager:arn:x", "networks": ["10.20.0.0/16"] },
            "dns": ["169.254.169.253"],
        });
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn what_the_programs_on_a_host_are_told() {
        let facts = serde_json::to_value(whole().facts()).unwrap();
        assert_eq!(
            facts["mysql"],
            json!({ "address": "db.example:3307", "ca": "/usr/local/lib/reeve/ca.pem", "admin": "secretsmanager:arn:x" })
        );
        assert_eq!(facts["docker"], "unix:///run/docker.sock");
        assert_eq!(whole().database.unwrap().port(), 3307);
    }

    #[test]
    fn a_proxy_without_a_digest_is_refused() {
        let mut config = whole();
        config.haproxy.image = Some("haproxy:2.8".into());
        assert!(config.check().unwrap_err().contains("digest"));
    }
}
