//! What a person writes about a tenant.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::quantity::Size;
use super::stack::{Memory, Stack};
use crate::model::hours::Hours;
use crate::model::problem::Place;

/// A tenant: `metadata.name` and `spec`.
#[derive(Debug, Clone, PartialEq)]
pub struct Tenant {
    /// Its name, a DNS label: it answers at `NAME.domain`.
    pub name: String,
    /// Everything else.
    pub spec: TenantSpec,
    /// Where its name stands.
    pub place: Place,
}

/// The `spec` of a tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantSpec {
    /// One of the stack's distributions.
    pub distribution: String,
    /// The ISO 3166 code of the country whose law holds for its data; the stack's `residency.allow` has to name it.
    #[schemars(regex(pattern = "^[A-Z]{2}$"))]
    pub country: String,
    /// Gets the first administrator's password, once.
    #[schemars(regex(pattern = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"))]
    pub admin_email: String,
    /// Whether it runs. Default: `active`.
    #[serde(default)]
    pub state: State,
    /// Never put to sleep, because it works at night. Default: false.
    #[serde(default)]
    pub keep_awake: bool,
    /// Its working hours, in which it is not put to rest. Default: the stack's `idle.hours`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
    /// Its memory. Default: the distribution's.
    #[serde(default)]
    pub memory: TenantMemory,
    /// Its share of processors. Default: the distribution's.
    #[serde(default)]
    #[schemars(range(min = 0.1, max = 96))]
    pub cpus: Option<f64>,
    /// Added to the distribution's environment. Default: empty.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Where its database is. Default: `shared`.
    #[serde(default)]
    pub database: Database,
    /// The day until which the law wants its data kept, as `2036-11-30`; `reeve tenant purge` refuses before it. Default: none, so that nothing
    /// of it can be purged.
    #[serde(default)]
    #[schemars(regex(pattern = r"^\d{4}-\d{2}-\d{2}$"))]
    pub retain_until: Option<String>,
}

/// Whether a tenant runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It runs, or sleeps until someone comes.
    #[default]
    Active,
    /// It does not run, and says so.
    Suspended,
    /// No container and no route; its data is kept.
    Archived,
}

/// Where a tenant's database is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Database {
    /// On the stack's server.
    #[default]
    Shared,
    /// On a server of its own.
    Dedicated,
}

/// Memory as far as a tenant says something about it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantMemory {
    /// Kept free for it.
    #[serde(default)]
    pub reserve: Option<Size>,
    /// The most it may take.
    #[serde(default)]
    pub limit: Option<Size>,
}

/// Names that no tenant may have: the estate uses them itself.
pub const RESERVED: &[&str] = &["www", "api", "admin", "mail", "enrol", "status"];

impl Tenant {
    /// Its memory with the distribution's for what it does not say.
    pub fn memory(&self, stack: &Stack) -> Memory {
        let given = self.spec.memory;
        let usual = stack.spec.distributions.get(&self.spec.distribution).map(|d| d.memory).unwrap_or_default();
        Memory { reserve: given.reserve.unwrap_or(usual.reserve), limit: given.limit.unwrap_or(usual.limit) }
    }

    /// The tenant as expressions see it.
    pub fn facts(&self, stack: &Stack) -> Json {
        let distribution = stack.spec.distributions.get(&self.spec.distribution);
        let mut env = distribution.map(|d| d.env.clone()).unwrap_or_default();
        env.extend(self.spec.env.clone());
        json!({
            "name": self.name,
            "host": format!("{}.{}", self.name, stack.spec.domain),
            "distribution": self.spec.distribution,
            "country": self.spec.country,
            "admin_email": self.spec.admin_email,
            "state": self.spec.state,
            "keep_awake": self.spec.keep_awake,
            "hours": self.spec.hours,
            "memory": self.memory(stack),
            "cpus": self.spec.cpus.or_else(|| distribution.map(|d| d.cpus)).unwrap_or(1.0),
            "env": env,
            "database": self.spec.database,
        })
    }
}
