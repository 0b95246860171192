//! Rules over plans. They are read and kept here; planning evaluates them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::problem::Place;

/// A rule that every plan of the stack has to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its name.
    pub id: String,
    /// What it demands.
    pub spec: PolicySpec,
    /// Where its name stands.
    pub place: Place,
}

/// The `spec` of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicySpec {
    /// CEL over one action of the plan that has to be true.
    #[schemars(length(min = 1))]
    pub rule: String,
    /// What a refusal says.
    #[schemars(length(min = 1))]
    pub message: String,
}
