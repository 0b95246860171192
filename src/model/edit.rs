//! One field that differs between what is and what should be.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Why a field differs. Reasons are for people: they never decide an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// The YAML is new.
    Change,
    /// The live object differs though the YAML is the one last applied.
    Drift,
    /// Something it refers to is new.
    Follows,
}

/// One difference, as facts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Edit {
    /// The kind's field.
    pub field: String,
    /// What is live (`null` when the object is new or the field is at rest).
    pub from: Value,
    /// What is wished; holes name addresses.
    pub to: Value,
    /// The object must be replaced for it.
    pub replace: bool,
    /// Why.
    pub cause: Cause,
    /// The YAML is new, and what is live is not what was last applied either.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drifted: bool,
}

impl Edit {
    /// An edit that the YAML, or what the engine itself does, asks for.
    #[must_use]
    pub fn change(field: &str, from: Value, to: Value) -> Self {
        Self { field: field.to_owned(), from, to, replace: false, cause: Cause::Change, drifted: false }
    }

    /// Whether it differs behind our back, whatever else it does.
    #[must_use]
    pub fn is_drift(&self) -> bool {
        self.drifted || self.cause == Cause::Drift
    }
}
