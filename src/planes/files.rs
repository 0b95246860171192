//! The tenants' folders, as the host has them mounted: one folder a tenant, with a `.reeve` file beside its data that says whose it is.

use std::path::PathBuf;
use std::sync::Arc;

use super::aws::gate::Gate;
use super::aws::owner::Owned;
use super::error::Result;
use super::ours::Ours;
use super::{Facts, Reach};

/// The folder of all folders. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Files {
    /// On whose behalf.
    pub ours: Ours,
    /// Where it is on this host.
    pub root: Arc<PathBuf>,
}

/// The way to the folders.
#[must_use]
pub fn reach(facts: Option<&Facts>, ours: Ours) -> Reach<Files> {
    match facts.and_then(|facts| facts.files.clone()) {
        Some(root) => Reach::Open(Files { ours, root: Arc::new(root) }),
        None => Reach::Closed("this is no host of the fleet: the tenants' folders are mounted there alone".to_owned()),
    }
}

impl Files {
    /// The same for a new pass.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self { ours: self.ours.fresh(), ..self.clone() }
    }

    /// The same, each change asking `gate` first.
    #[must_use]
    pub fn gated(&self, gate: &Gate) -> Self {
        Self { ours: self.ours.gated(gate.clone()), ..self.clone() }
    }

    /// Whose the folder of that path is.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn owner(&self, _id: &str) -> Result<Owned> {
        Ok(Owned::Unknown)
    }
}
