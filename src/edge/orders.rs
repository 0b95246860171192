//! What a stack tells its hosts, again and again: where it is, whom they route and how, when tenants rest. One small JSON document, which is the whole of what a
//! host needs in order to answer, wake and put to rest by itself: no YAML of the estate, and no right to change it.
//!
//! `modules/routing.yaml` writes it into the hosts' bucket as a resource like any other, so that hosts get only what was planned, allowed and applied.
//! Who runs on the YAML itself makes the same of it (`of` in `cli/run/orders.rs`); a test holds the two against each other.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::book::{Book, Entry, Rules};
use crate::kinds::haproxy::config::{Config, Route, State};
use crate::model::hours::Hours;

/// The version of this form that this program reads.
pub const FORMAT_VERSION: u32 = 1;

/// What a stack tells its hosts. What a newer one says besides is left alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Orders {
    /// The version of this form.
    pub format_version: u32,
    /// Which stack.
    pub stack: Stack,
    /// Where people are told what goes wrong.
    pub notify: Notify,
    /// When tenants rest, and how they wake.
    pub idle: Idle,
    /// How the fleet is sized. Default: as the policy does by itself.
    #[serde(default)]
    pub scaling: Option<Scaling>,
    /// The proxy.
    pub routing: Routing,
    /// By name, what tenants have in common.
    pub distributions: BTreeMap<String, Distribution>,
    /// By name, all that are served.
    pub tenants: BTreeMap<String, Tenant>,
}

/// Which stack, and where its record is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stack {
    /// Its name.
    pub name: String,
    /// Its domain.
    pub domain: String,
    /// Its region.
    pub region: String,
    /// The only account that may be touched.
    pub account: Option<String>,
    /// `s3`, or `local:` and an absolute path.
    pub record: String,
}

/// Where people are told what goes wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    /// Where the URL of a webhook is kept.
    #[serde(default)]
    pub webhook: Option<String>,
    /// An SNS topic's ARN.
    #[serde(default)]
    pub topic: Option<String>,
}

/// When tenants rest, and how they wake. In seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idle {
    /// Unused for so long, a tenant is put to rest.
    pub after: u64,
    /// So long a start may take.
    pub wake_timeout: u64,
    /// So many start at the same time.
    pub max_waking: usize,
    /// Nobody is put to rest while these last.
    #[serde(default)]
    pub hours: Option<Hours>,
}

/// How the fleet is sized. Times in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// Room is kept free for this share of what runs.
    pub spare: f64,
    /// Too much room for so long, and a host is to go.
    pub quiet: u64,
    /// It takes nobody more for so long before who is left is moved.
    pub linger: u64,
    /// A new host has so long to join.
    pub join: u64,
    /// A worker that does not answer is replaced after so long.
    pub worker_down: u64,
    /// A manager is.
    pub manager_down: u64,
}

/// The proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routing {
    /// Where it asks for who does not run.
    pub waker: Option<SocketAddr>,
    /// The largest request, in MiB.
    pub max_body_mib: u32,
}

/// What tenants have in common.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distribution {
    /// Prefixes of paths that programs use.
    #[serde(default)]
    pub api_paths: BTreeSet<String>,
    /// Prefixes of paths that nobody may open.
    #[serde(default)]
    pub blocked_paths: BTreeSet<String>,
}

/// A tenant that is served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// The host name that leads to it.
    pub host: String,
    /// Which of the distributions it is of.
    pub distribution: String,
    /// Whether it is served.
    pub state: State,
    /// It is never put to rest.
    #[serde(default)]
    pub keep_awake: bool,
    /// It is not put to rest while these last. Default: the stack's.
    #[serde(default)]
    pub hours: Option<Hours>,
}

impl Orders {
    /// Reads them.
    ///
    /// # Errors
    /// They are in no form that this program knows, or a tenant is of a distribution that they do not name; in words.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Form {
            format_version: u32,
        }
        let Form { format_version } = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if format_version != FORMAT_VERSION {
            return Err(format!(
                "they are of form {format_version}, and this reeve reads form {FORMAT_VERSION}: replace this host by one of the newest bundle (`reeve host roll`)"
            ));
        }
        let orders: Self = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let unknown = orders.tenants.iter().find(|(_, tenant)| !orders.distributions.contains_key(&tenant.distribution));
        match unknown {
            Some((name, tenant)) => Err(format!("{name} is of the distribution {}, which they do not name", tenant.distribution)),
            None => Ok(orders),
        }
    }

    /// What HAProxy is to be on each host.
    #[must_use]
    pub fn config(&self) -> Config {
        let routes = self.tenants.iter().map(|(name, tenant)| {
            let of = self.distributions.get(&tenant.distribution).cloned().unwrap_or_default();
            let route = Route { tenant: name.clone(), state: tenant.state, api_paths: of.api_paths, blocked_paths: of.blocked_paths };
            (tenant.host.clone(), route)
        });
        Config { routes: routes.collect(), waker: self.routing.waker, max_body_mib: self.routing.max_body_mib, ..Config::default() }
    }

    /// What the edge has to know.
    #[must_use]
    pub fn book(&self) -> Book {
        let rules = Rules {
            after: Duration::from_secs(self.idle.after),
            wake_timeout: Duration::from_secs(self.idle.wake_timeout),
            max_waking: self.idle.max_waking,
        };
        let tenants = self.tenants.iter().map(|(name, tenant)| {
            let entry = Entry {
                host: tenant.host.clone(),
                api_paths: self.distributions.get(&tenant.distribution).map(|of| of.api_paths.clone()).unwrap_or_default(),
                suspended: tenant.state == State::Suspended,
                keep_awake: tenant.keep_awake,
                hours: tenant.hours.clone().or_else(|| self.idle.hours.clone()),
            };
            (name.clone(), entry)
        });
        Book::new(tenants.collect(), rules)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text() -> serde_json::Value {
        json!({
            "format_version": 1, "said_by_a_newer_one": true,
            "stack": { "name": "s", "domain": "d.org", "region": "eu-west-1", "account": "123456789012", "record": "s3" },
            "notify": {}, "idle": { "after": 3600, "wake_timeout": 60, "max_waking": 2, "hours": { "from": "07:00", "to": "19:00" } },
            "routing": { "waker": "127.0.0.1:7430", "max_body_mib": 16 },
            "distributions": { "refapp": { "api_paths": ["/openmrs/ws/rest"], "blocked_paths": ["/openmrs/admin"] } },
            "tenants": { "ckwc": { "host": "ckwc.d.org", "distribution": "refapp", "state": "active" },
                         "gone": { "host": "gone.d.org", "distribution": "refapp", "state": "suspended", "keep_awake": true } },
        })
    }

    fn parse(text: &serde_json::Value) -> Result<Orders, String> {
        Orders::parse(text.to_string().as_bytes())
    }

    #[test]
    fn proxy_and_book_come_of_the_same_words() {
        let orders = parse(&text()).unwrap();
        let config = orders.config();
        assert_eq!(config.routes["ckwc.d.org"].tenant, "ckwc");
        assert_eq!(config.routes["gone.d.org"].state, State::Suspended);
        assert!(config.routes["ckwc.d.org"].blocked_paths.contains("/openmrs/admin"));
        assert_eq!(config.max_body_mib, 16);
        let book = orders.book();
        assert_eq!(book.rules, Rules { after: Duration::from_secs(3600), wake_timeout: Duration::from_secs(60), max_waking: 2 });
        let (name, entry) = book.at("ckwc.d.org").unwrap();
        assert_eq!((name, entry.suspended, entry.keep_awake), ("ckwc", false, false));
        assert_eq!(entry.hours.as_ref().map(|hours| hours.from.as_str()), Some("07:00"), "the stack's hours hold for who has none");
        assert!(book.get("gone").unwrap().suspended);
    }

    #[test]
    fn what_cannot_be_followed_whole_is_not_followed() {
        let mut newer = text();
        newer["format_version"] = 2.into();
        assert!(parse(&newer).unwrap_err().contains("reeve host roll"));
        let mut torn = text();
        torn["distributions"] = json!({});
        assert!(parse(&torn).unwrap_err().contains("refapp"));
        assert!(Orders::parse(b"{").is_err());
    }
}
