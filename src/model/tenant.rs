//! A tenant as an operator looks at it in the morning.

use serde::Serialize;

/// One tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Overview {
    /// Its name.
    pub name: String,
    /// What the YAML wishes: `active`, `suspended`, `archived`; `removed`: it names it no more.
    pub wished: String,
    /// What it is: `running`, `starting`, `asleep`, `suspended`, `archived`, `not there`, `failing`; `unknown` where Docker was not asked.
    pub state: String,
    /// The engine's words where something is wrong.
    pub trouble: Option<String>,
    /// The host that its container is on.
    pub host: Option<String>,
    /// Where its container answers.
    pub address: Option<String>,
    /// Its image.
    pub image: Option<String>,
    /// Bytes of memory kept free for it.
    pub memory_reservation: Option<u64>,
    /// Bytes of memory that it may take.
    pub memory_limit: Option<u64>,
    /// Since when its container has been there, in RFC 3339.
    pub since: Option<String>,
    /// When it was last used, in RFC 3339, as far as this host's HAProxy knows, and hosts have noted.
    pub last_activity: Option<String>,
    /// When it was last backed up, in RFC 3339.
    pub last_backup: Option<String>,
}
