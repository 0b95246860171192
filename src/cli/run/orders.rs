//! What the YAML tells hosts, in the words in which `modules/routing.yaml` writes it for those who have no YAML.

use std::collections::{BTreeMap, BTreeSet};

use crate::desired::tenant::State;
use crate::edge::orders::{Distribution, FORMAT_VERSION, Idle, Notify, Orders, Routing, Scaling, Stack, Tenant};
use crate::kinds::haproxy::config::{Config, Route, State as Served};
use crate::model::Named;
use crate::reconcile::Loaded;
use crate::record::Location;

/// What `loaded` tells hosts.
#[must_use]
pub fn of(loaded: &Loaded) -> Orders {
    let (name, spec) = (&loaded.desired.stack.name, &loaded.desired.stack.spec);
    let routing = loaded.wishes.values().find(|wish| wish.kind.name == Config::NAME);
    let routing = routing.and_then(|routing| serde_json::from_value::<Config>(routing.spec.clone()).ok()).unwrap_or_default();
    let served = loaded.desired.tenants.iter().filter_map(|tenant| {
        let state = match tenant.spec.state {
            State::Archived => return None,
            State::Suspended => Served::Suspended,
            State::Active => Served::Active,
        };
        let said = Tenant {
            host: format!("{}.{}", tenant.name, spec.domain),
            distribution: tenant.spec.distribution.clone(),
            state,
            keep_awake: tenant.spec.keep_awake,
            hours: tenant.spec.hours.clone(),
        };
        Some((tenant.name.clone(), said))
    });
    let distributions = spec.distributions.iter().map(|(name, one)| {
        let paths = |all: &[String]| all.iter().cloned().collect();
        (name.clone(), Distribution { api_paths: paths(&one.api_paths), blocked_paths: paths(&one.blocked_paths) })
    });
    Orders {
        format_version: FORMAT_VERSION,
        stack: Stack {
            name: name.clone(),
            domain: spec.domain.clone(),
            region: spec.region.clone(),
            account: spec.account.clone(),
            record: match &loaded.stack.record {
                Location::S3 => "s3".to_owned(),
                Location::Local(path) => format!("local:{}", path.display()),
            },
        },
        notify: Notify { webhook: spec.notify.webhook.clone(), topic: spec.notify.topic.clone() },
        idle: Idle {
            after: spec.idle.after.0,
            wake_timeout: spec.idle.wake_timeout.0,
            max_waking: usize::try_from(spec.idle.max_waking).unwrap_or(usize::MAX),
            hours: spec.idle.hours.clone(),
        },
        scaling: Some(Scaling {
            spare: spec.scaling.spare,
            quiet: spec.scaling.quiet.0,
            linger: spec.scaling.linger.0,
            join: spec.scaling.join.0,
            worker_down: spec.scaling.worker_down.0,
            manager_down: spec.scaling.manager_down.0,
        }),
        routing: Routing { waker: routing.waker, max_body_mib: routing.max_body_mib },
        distributions: distributions.collect(),
        tenants: served.collect(),
    }
}

/// The same with whom the loop serves on though the YAML names them no more. When they may rest is not known any more: they do not.
#[must_use]
pub fn with(mut orders: Orders, kept: &BTreeMap<String, Route>) -> Orders {
    let taken: BTreeSet<String> = orders.tenants.values().map(|tenant| tenant.host.clone()).collect();
    for (host, route) in kept.iter().filter(|(host, _)| !taken.contains(*host)) {
        // A distribution of its own: theirs may have another form by now.
        let distribution = format!("kept for {}", route.tenant);
        let paths = Distribution { api_paths: route.api_paths.clone(), blocked_paths: route.blocked_paths.clone() };
        let said = Tenant { host: host.clone(), distribution: distribution.clone(), state: route.state, keep_awake: true, hours: None };
        orders.tenants.entry(route.tenant.clone()).or_insert(said);
        orders.distributions.insert(distribution, paths);
    }
    orders
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_fleet_is_sized_by_the_policys_own_defaults_where_the_yaml_says_nothing() {
        let example = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("desired/hostedehr");
        let said = of(&Loaded::read(&example).unwrap());
        let settings = crate::cli::run::edge::settings(said.scaling.as_ref());
        assert_eq!(settings, crate::scaling::Settings::default());
    }

    #[test]
    fn the_module_tells_hosts_the_same_in_the_same_words() {
        let folder = tempfile::tempdir().unwrap();
        let example = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("desired/hostedehr");
        let stack = fs::read_to_string(example.join("stack.yaml")).unwrap();
        let bundle = format!("    bundle: {{ sha256: \"{}\" }}\n    managers: 3\n", "0123456789abcdef".repeat(4));
        let notify = "  notify: { topic: \"arn:aws:sns:eu-central-1:123456789012:told\" }\n  distributions:";
        let stack = [
            ("    managers: 3\n", bundle.as_str()),
            ("idle: { after: 14d,", "idle: { hours: { from: \"07:00\", to: \"19:00\" }, after: 3d,"),
            ("  distributions:", notify),
        ]
        .into_iter()
        .fold(stack, |stack, (from, to)| {
            assert!(stack.contains(from), "{from}: {stack}");
            stack.replacen(from, to, 1)
        });
        fs::write(folder.path().join("stack.yaml"), stack).unwrap();
        let tenants = fs::read_to_string(example.join("tenants/clinics.yaml")).unwrap();
        fs::write(folder.path().join("clinics.yaml"), tenants).unwrap();

        let loaded = Loaded::read(folder.path()).unwrap();
        let said = of(&loaded);
        let body = |wish: &crate::plan::Wished| wish.spec["body"].as_str().map(str::to_owned);
        let wish = loaded.wishes.iter().find(|(address, _)| address.as_str() == "routing.hosts").unwrap().1;
        assert_eq!(Orders::parse(body(wish).unwrap().as_bytes()).unwrap(), said);
        assert_eq!(body(wish).unwrap().matches("\n    \"").count(), said.tenants.len(), "a line for each tenant");
        // And what hosts make of it is what a plan makes of it.
        let routing = loaded.wishes.iter().find(|(address, _)| address.as_str() == "routing.haproxy").unwrap().1;
        assert_eq!(serde_json::to_value(said.config()).unwrap(), routing.spec);
        assert!(!said.tenants.is_empty() && said.idle.hours.is_some() && said.notify.topic.is_some());
    }
}
