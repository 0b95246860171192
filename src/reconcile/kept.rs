//! Who is served on though the YAML names them no more: tenants whose document is gone, for as long as the end of their container is held.
//!
//! What is held stays as it is, and a container to which nobody is sent any more is not as it was: somebody who removes the wrong file takes no clinic off the net before a
//! person has approved it. What leads people there is one text for all tenants, whose other changes are made; so in what the loop does by itself, and nowhere else, the text
//! goes on to name them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::decide::Decision;
use crate::kinds::haproxy::config::{Config, Route};
use crate::model::plan::{Plan, Verb};
use crate::model::{Address, Named};
use crate::plan::Wished;

/// What hosts are told (`modules/routing.yaml`).
const ORDERS: &str = "routing.hosts";

/// The tenants that `named` does not know and whose container stays for now.
pub(super) fn tenants(plan: &Plan, decision: &Decision, named: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let held = decision.held.iter().filter(|(_, verb)| **verb == Verb::Delete).map(|(address, _)| address);
    let refused = plan.refusals.iter().map(|one| &one.address);
    let of = |address: &Address| Some(address.as_str().strip_prefix("tenant/")?.strip_suffix(".service")?.to_owned());
    held.chain(refused).filter_map(of).filter(|tenant| !named(tenant)).collect()
}

/// Where they are reached, by host name.
pub(super) fn routes(plan: &Plan, tenants: &BTreeSet<String>) -> BTreeMap<String, Route> {
    let live =
        plan.seen.values().filter(|seen| seen.kind == Config::NAME).filter_map(|seen| seen.shape.as_ref()?.get("routes")?.as_object());
    let route = |(host, route): (&String, &Value)| Some((host.clone(), serde_json::from_value::<Route>(route.clone()).ok()?));
    live.flatten().filter_map(route).filter(|(_, route)| tenants.contains(&route.tenant)).collect()
}

/// `wishes`, in which what leads people to `tenants` goes on to do so.
pub(super) fn wishes<'w>(
    wishes: &'w BTreeMap<Address, Wished>,
    plan: &Plan,
    tenants: &BTreeSet<String>,
) -> Cow<'w, BTreeMap<Address, Wished>> {
    let mut all = Cow::Borrowed(wishes);
    if tenants.is_empty() {
        return all;
    }
    for (address, wish) in wishes {
        let Some(live) = plan.seen.get(address).and_then(|seen| seen.shape.as_ref()) else { continue };
        let mut spec = wish.spec.clone();
        let kept = match wish.kind.name {
            Config::NAME => {
                keep(&mut spec, live, "routes", |route| route["tenant"].as_str().is_some_and(|tenant| tenants.contains(tenant)))
            }
            _ if address.as_str() == ORDERS => keep_orders(&mut spec, live, tenants),
            _ => None,
        };
        if kept.is_some()
            && let Some(wish) = all.to_mut().get_mut(address)
        {
            wish.spec = spec;
        }
    }
    all
}

/// What is under `field` in `live` and not in `wish`, where `is_kept` says so. `None`: nothing, or it is another form.
fn keep(wish: &mut Value, live: &Value, field: &str, is_kept: impl Fn(&Value) -> bool) -> Option<()> {
    let (wish, live) = (wish.get_mut(field)?.as_object_mut()?, live.get(field)?.as_object()?);
    let before = wish.len();
    for (name, one) in live.iter().filter(|(_, one)| is_kept(one)) {
        wish.entry(name.clone()).or_insert_with(|| one.clone());
    }
    (wish.len() > before).then_some(())
}

/// The same in the text that hosts are told.
fn keep_orders(wish: &mut Value, live: &Value, tenants: &BTreeSet<String>) -> Option<()> {
    let read = |spec: &Value| serde_json::from_str::<Value>(spec.get("body")?.as_str()?).ok();
    let (mut want, have) = (read(wish)?, read(live)?);
    let (wanted, there) = (want.get_mut("tenants")?.as_object_mut()?, have.get("tenants")?.as_object()?);
    // A name that is another's by now is not led back.
    let taken: BTreeSet<&str> = wanted.values().filter_map(|tenant| tenant["host"].as_str()).collect();
    let is_kept = |(name, tenant): &(&String, &Value)| {
        tenants.contains(*name) && !wanted.contains_key(*name) && tenant["host"].as_str().is_some_and(|host| !taken.contains(host))
    };
    let more: Vec<(&String, &Value)> = there.iter().filter(is_kept).collect();
    if more.is_empty() {
        return None;
    }
    let kinds: BTreeSet<&str> = more.iter().filter_map(|(_, tenant)| tenant["distribution"].as_str()).collect();
    wanted.extend(more.into_iter().map(|(name, tenant)| (name.clone(), tenant.clone())));
    // A host refuses orders in which a tenant's distribution is missing.
    let (distributions, known) = (want.get_mut("distributions")?.as_object_mut()?, have.get("distributions")?);
    for kind in kinds {
        if let Some(one) = known.get(kind) {
            distributions.entry(kind).or_insert_with(|| one.clone());
        }
    }
    wish["body"] = Value::String(serde_json::to_string_pretty(&want).ok()?);
    Some(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::lookup;
    use crate::model::Marks;
    use crate::model::plan::Seen;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn route(tenant: &str) -> Value {
        json!({ "tenant": tenant, "state": "active", "api_paths": ["/ws/"] })
    }

    fn orders(tenants: &[&str], kinds: &[&str]) -> String {
        let tenant = |name: &&str| {
            (
                (*name).to_owned(),
                json!({ "host": format!("{}.d.org", name.replace("delta", "gamma")), "distribution": kinds[0], "state": "active" }),
            )
        };
        let kinds = kinds.iter().map(|name| ((*name).to_owned(), json!({ "api_paths": [] }))).collect::<serde_json::Map<_, _>>();
        json!({ "format_version": 1, "distributions": kinds, "tenants": tenants.iter().map(tenant).collect::<serde_json::Map<_, _>>() })
            .to_string()
    }

    /// A plan that has seen alpha, beta and gamma served.
    fn plan() -> Plan {
        let mut plan: Plan = serde_json::from_value(json!({
            "format_version": 1, "stack": "s", "account": "1", "region": "r", "domain": "d", "complete": true, "destroy": false,
            "actions": [], "waiting": [], "unreadable": [], "wishes": {}, "seen": {},
            "refusals": [{ "address": "tenant/gamma.service", "reason": "protected", "hint": "" }],
            "scope": { "target": [], "exclude": [], "allow_delete": [], "planes": [] },
        }))
        .unwrap();
        let mut see = |at: &str, kind: &str, shape: Value| {
            let (id, attributes, marks) = ("one".to_owned(), BTreeMap::new(), Marks::default());
            let seen = Seen { kind: kind.into(), id, attributes, fingerprint: "f".into(), shape: Some(shape), marks };
            plan.seen.insert(address(at), seen);
        };
        let routes = json!({ "a.d.org": route("alpha"), "b.d.org": route("beta"), "c.d.org": route("gamma") });
        see("routing.haproxy", "haproxy.config", json!({ "routes": routes, "max_body_mib": 16 }));
        see(ORDERS, "aws.object", json!({ "body": orders(&["alpha", "beta", "gamma"], &["old"]) }));
        see("extra.object", "aws.object", json!({ "body": orders(&["beta"], &["old"]) }));
        plan
    }

    fn wished(routes: &Value, body: &str) -> BTreeMap<Address, Wished> {
        let wish = |kind: &str, spec: Value| Wished { kind: lookup(kind).unwrap(), spec, protect: false, moved_from: Vec::new() };
        [
            (address("routing.haproxy"), wish("haproxy.config", json!({ "routes": routes, "max_body_mib": 32 }))),
            (address(ORDERS), wish("aws.object", json!({ "body": body }))),
            (address("extra.object"), wish("aws.object", json!({ "body": orders(&[], &["new"]) }))),
        ]
        .into()
    }

    fn held(all: &[(&str, Verb)]) -> Decision {
        Decision { held: all.iter().map(|(at, verb)| (address(at), *verb)).collect(), ..Decision::default() }
    }

    #[test]
    fn whose_document_is_gone_and_whose_end_is_held_or_refused_is_served_on() {
        let decision =
            held(&[("tenant/beta.service", Verb::Delete), ("tenant/beta.schema", Verb::Delete), ("tenant/alpha.service", Verb::Replace)]);
        let served = tenants(&plan(), &decision, |name| name == "alpha");
        assert_eq!(served, ["beta", "gamma"].map(str::to_owned).into());
        // Who is archived has a document that says so.
        assert!(tenants(&plan(), &decision, |_| true).is_empty());
        assert!(
            tenants(&plan(), &held(&[("tenant/beta.schema", Verb::Delete)]), |name| name == "gamma").is_empty(),
            "its container is gone already"
        );
        assert_eq!(routes(&plan(), &served).into_keys().collect::<Vec<_>>(), ["b.d.org", "c.d.org"]);
    }

    #[test]
    fn all_other_changes_of_what_leads_people_are_made() {
        // Delta is new, at the name that gamma had; the proxy takes larger requests.
        let served: BTreeSet<String> = ["beta", "gamma"].map(str::to_owned).into();
        let before = wished(&json!({ "a.d.org": route("alpha"), "c.d.org": route("delta") }), &orders(&["alpha", "delta"], &["new"]));
        let plan = plan();
        let all = wishes(&before, &plan, &served);
        let proxy = &all[&address("routing.haproxy")].spec;
        let lead = |host: &str| proxy["routes"][host]["tenant"].as_str().unwrap().to_owned();
        assert_eq!(["a.d.org", "b.d.org", "c.d.org"].map(lead), ["alpha", "beta", "delta"]);
        assert_eq!(proxy["max_body_mib"], 32);
        let told: Value = serde_json::from_str(all[&address(ORDERS)].spec["body"].as_str().unwrap()).unwrap();
        let names = |field: &str| told[field].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(
            (names("tenants"), names("distributions")),
            (vec!["alpha".into(), "beta".into(), "delta".into()], vec!["new".to_owned(), "old".to_owned()])
        );
        assert_eq!(told["tenants"]["beta"]["distribution"], "old");
        // No other text that looks alike is touched.
        assert_eq!(all[&address("extra.object")].spec, before[&address("extra.object")].spec);
        // Where nothing is kept, nothing is copied, and the same is kept in the same words.
        assert!(matches!(wishes(&before, &plan, &BTreeSet::new()), Cow::Borrowed(_)));
        assert_eq!(wishes(&before, &plan, &served)[&address(ORDERS)].spec, all[&address(ORDERS)].spec);
    }
}
