//! What the YAML says, as far as the edge has to know it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use jiff::Timestamp;

use crate::model::hours::Hours;

/// All tenants that are served, and the rules for all.
#[derive(Debug, Clone, Default)]
pub struct Book {
    tenants: BTreeMap<String, Entry>,
    hosts: HashMap<String, String>,
    /// The rules.
    pub rules: Rules,
}

/// A tenant that is served.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// The host name that leads to it.
    pub host: String,
    /// Prefixes of paths that programs use.
    pub api_paths: BTreeSet<String>,
    /// It does not run, whoever asks.
    pub suspended: bool,
    /// It is never put to rest.
    pub keep_awake: bool,
    /// It is not put to rest while these last.
    pub hours: Option<Hours>,
}

/// When tenants rest, and how they wake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Unused for so long, a tenant is put to rest.
    pub after: Duration,
    /// So long a start may take.
    pub wake_timeout: Duration,
    /// So many start at the same time.
    pub max_waking: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self { after: Duration::from_secs(14 * 86_400), wake_timeout: Duration::from_secs(900), max_waking: 4 }
    }
}

impl Book {
    /// A book of these tenants, by name.
    #[must_use]
    pub fn new(tenants: BTreeMap<String, Entry>, rules: Rules) -> Self {
        let hosts = tenants.iter().map(|(name, entry)| (entry.host.clone(), name.clone())).collect();
        Self { tenants, hosts, rules }
    }

    /// The tenant of a host name, in small letters and without a port.
    #[must_use]
    pub fn at(&self, host: &str) -> Option<(&str, &Entry)> {
        let name = self.hosts.get(host)?;
        Some((name, self.tenants.get(name)?))
    }

    /// A tenant.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.tenants.get(name)
    }

    /// Whether it runs whenever somebody asks.
    #[must_use]
    pub fn serves(&self, name: &str) -> bool {
        self.get(name).is_some_and(|entry| !entry.suspended)
    }
}

impl Entry {
    /// Whether it may be put to rest at that time.
    #[must_use]
    pub fn may_rest(&self, now: Timestamp) -> bool {
        !self.keep_awake && !self.hours.as_ref().is_some_and(|hours| hours.cover(now))
    }
}
