//! The shared database server: one connection as its administrator, over TLS, opened when it is first asked.
//!
//! Ownership is a table in a schema of reeve's own: `reeve.marks`.

use std::path::PathBuf;
use std::sync::Arc;

use super::aws::gate::Gate;
use super::aws::owner::Owned;
use super::error::Result;
use super::once::Once;
use super::ours::Ours;
use super::{Facts, Reach, Vault};
use crate::model::Access;

/// The server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Mysql {
    /// On whose behalf.
    pub ours: Ours,
    /// Where secrets are read.
    pub vault: Vault,
    /// What this pass has read already.
    pub once: Arc<Once>,
    /// `host:port`.
    pub address: Arc<str>,
    /// The certificates that its own is held against.
    pub ca: Option<PathBuf>,
    /// Who administers it ([`Vault::login`]); `None`: whom RDS manages for it.
    pub admin: Option<String>,
}

/// The way to the server.
#[must_use]
pub fn reach(access: &Access, facts: Option<&Facts>, ours: Ours, vault: &Vault) -> Reach<Mysql> {
    let local = facts.and_then(|facts| facts.mysql.as_ref());
    let address = local.map(|server| server.address.as_str()).or(access.mysql.as_deref());
    match address {
        Some(address) => Reach::Open(Mysql {
            ours,
            vault: vault.clone(),
            once: Arc::default(),
            address: address.into(),
            ca: local.map(|server| server.ca.clone()),
            admin: local.map(|server| server.admin.clone()),
        }),
        None => Reach::Closed("this is no host of the fleet, and the stack names no way in (spec.access.mysql)".to_owned()),
    }
}

impl Mysql {
    /// The same for a new pass.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self { ours: self.ours.fresh(), once: Arc::default(), ..self.clone() }
    }

    /// The same, each change asking `gate` first.
    #[must_use]
    pub fn gated(&self, gate: &Gate) -> Self {
        Self { ours: self.ours.gated(gate.clone()), ..self.clone() }
    }

    /// Whose the object of that noun (`schema`, `user`) and id is.
    ///
    /// # Errors
    /// What the server answered.
    pub async fn owner(&self, _noun: &str, _id: &str) -> Result<Owned> {
        Ok(Owned::Unknown)
    }
}
