//! The way to the inner planes from outside the fleet, as a stack's `access` names it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The way to the inner planes from outside. On a host of the fleet they are local, and nothing of this is used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// The Docker engine of a manager: `ssh://[user@]host[:port]`, or `unix:///path`. Default: none, so that it is not observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^(ssh://[^/]+|unix:///.+)$"))]
    pub docker: Option<String>,
    /// The database server: `host:port`. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[^:/\s]+:\d{1,5}$"))]
    pub mysql: Option<String>,
    /// The certificates of the authority that signed the database server's, a PEM file; for RDS Amazon's `global-bundle.pem`. It goes with
    /// `mysql`. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mysql_ca: Option<String>,
}

impl Access {
    /// Whether it names no way at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.docker.is_none() && self.mysql.is_none()
    }
}
