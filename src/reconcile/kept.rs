//! Who is served on though the YAML names them no more: tenants whose document is gone, for as long as the end of their container is held.
//!
//! What is held stays as it is, and a container to which nobody is sent any more is not as it was: somebody who removes the wrong file takes no clinic off the net before a
//! person has approved it. What leads people there is one text for all tenants, whose other changes are made; so in what the loop does by itself, and nowhere else, the text
//! goes on to name them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::decide::Decision;
use crate::kinds::docker::service::Service;
use crate::kinds::haproxy::config::{Config, Route};
use crate::model::plan::{Plan, Verb};
use crate::model::{Address, Named};
use crate::plan::Wished;
use crate::planes::{Docker, Haproxy, Plane};

/// What hosts are told (`modules/routing.yaml`).
const ORDERS: &str = "routing.hosts";

/// Who is served on, in words that others need.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    /// Where they are reached, by host name; `None`: HAProxy was not read.
    pub routes: Option<BTreeMap<String, Route>>,
    /// The texts that lead people there and would be changed for nothing but their end.
    pub texts: BTreeSet<Address>,
}

/// The tenants that are led to, that `named` does not know, and whose container stays for now. Where nobody could look at the containers, none of them is known to go.
pub(super) fn tenants(plan: &Plan, decision: &Decision, named: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let is_read = was_read::<Service>(plan, Docker::NAME);
    let stays = |tenant: &str| {
        let Ok(address) = Address::parse(&format!("tenant/{tenant}.service")) else { return false };
        let goes = || plan.changes().any(|action| action.action == Verb::Delete && action.address == address);
        !is_read || plan.seen.contains_key(&address) && (decision.held.contains_key(&address) || !goes())
    };
    let orders = plan.seen.iter().filter(|(address, _)| address.as_str() == ORDERS).filter_map(|(_, seen)| told(seen.shape.as_ref()?));
    let told: BTreeSet<String> =
        orders.filter_map(|orders| Some(orders.get("tenants")?.as_object()?.keys().cloned().collect::<Vec<_>>())).flatten().collect();
    let routed = live_routes(plan).into_values().map(|route| route.tenant);
    routed.chain(told).filter(|tenant| !named(tenant) && stays(tenant)).collect()
}

/// Where they are reached, by host name; `None` where HAProxy was not read.
pub(super) fn routes(plan: &Plan, tenants: &BTreeSet<String>) -> Option<BTreeMap<String, Route>> {
    was_read::<Config>(plan, Haproxy::NAME).then(|| {
        let mut all = live_routes(plan);
        all.retain(|_, route| tenants.contains(&route.tenant));
        all
    })
}

/// `wishes`, in which what leads people to `tenants` goes on to do so; and which of them are others for it.
pub(super) fn wishes<'w>(
    wishes: &'w BTreeMap<Address, Wished>,
    plan: &Plan,
    tenants: &BTreeSet<String>,
) -> (Cow<'w, BTreeMap<Address, Wished>>, BTreeSet<Address>) {
    let (mut all, mut others) = (Cow::Borrowed(wishes), BTreeSet::new());
    if tenants.is_empty() {
        return (all, others);
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
            others.insert(address.clone());
        }
    }
    (all, others)
}

/// Whether all of a kind was looked at.
fn was_read<K: Named>(plan: &Plan, plane: &str) -> bool {
    let is_in_scope = plan.scope.planes.is_empty() || plan.scope.planes.contains(plane);
    is_in_scope && !plan.unobserved.iter().any(|one| one.plane == plane) && !plan.unreadable.iter().any(|one| one.kind == K::NAME)
}

/// Where HAProxy leads whom now, as far as a plan would change it.
fn live_routes(plan: &Plan) -> BTreeMap<String, Route> {
    let live =
        plan.seen.values().filter(|seen| seen.kind == Config::NAME).filter_map(|seen| seen.shape.as_ref()?.get("routes")?.as_object());
    let route = |(host, route): (&String, &Value)| Some((host.clone(), serde_json::from_value::<Route>(route.clone()).ok()?));
    live.flatten().filter_map(route).collect()
}

/// The text that hosts are told.
fn told(spec: &Value) -> Option<Value> {
    serde_json::from_str(spec.get("body")?.as_str()?).ok()
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
    let (mut want, have) = (told(wish)?, told(live)?);
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
            "actions": [{ "address": "tenant/beta.service", "kind": "docker.service", "action": "delete", "cause": ["change"], "reason": "", "edits": [] }],
            "refusals": [{ "address": "tenant/gamma.service", "reason": "protected", "hint": "" }],
            "waiting": [], "unreadable": [], "wishes": {}, "seen": {},
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
        for tenant in ["alpha", "beta", "gamma"] {
            see(&format!("tenant/{tenant}.service"), "docker.service", Value::Null);
        }
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
        assert_eq!(routes(&plan(), &served).unwrap().into_keys().collect::<Vec<_>>(), ["b.d.org", "c.d.org"]);
    }

    #[test]
    fn who_goes_is_led_to_no_more_and_who_could_not_be_looked_at_is() {
        let names = |plan: &Plan| tenants(plan, &Decision::default(), |name| name == "alpha").into_iter().collect::<Vec<_>>();
        assert_eq!(names(&plan()), ["gamma"], "beta is deleted in this pass, gamma's end is refused");
        let mut gone = plan();
        gone.seen.remove(&address("tenant/gamma.service"));
        assert!(names(&gone).is_empty(), "its container is gone already");
        for unread in [
            json!({ "unreadable": [{ "kind": "docker.service", "error": "no answer" }] }),
            json!({ "unobserved": [{ "plane": "docker", "reason": "no host" }] }),
            json!({ "scope": { "target": [], "exclude": [], "allow_delete": [], "planes": ["aws"] } }),
        ] {
            let mut all = serde_json::to_value(&gone).unwrap();
            all.as_object_mut().unwrap().extend(unread.as_object().unwrap().clone());
            let plan: Plan = serde_json::from_value(all).unwrap();
            assert_eq!(names(&plan), ["beta", "gamma"], "{unread}");
        }
        let mut blind = plan();
        blind.unreadable.push(serde_json::from_value(json!({ "kind": "haproxy.config", "error": "no answer" })).unwrap());
        assert!(routes(&blind, &BTreeSet::new()).is_none());
    }

    #[test]
    fn all_other_changes_of_what_leads_people_are_made() {
        // Delta is new, at the name that gamma had; the proxy takes larger requests.
        let served: BTreeSet<String> = ["beta", "gamma"].map(str::to_owned).into();
        let before = wished(&json!({ "a.d.org": route("alpha"), "c.d.org": route("delta") }), &orders(&["alpha", "delta"], &["new"]));
        let mut plan = plan();
        let (all, others) = wishes(&before, &plan, &served);
        assert_eq!(others, [address("routing.haproxy"), address(ORDERS)].into());
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
        // Once it is so, the next pass wishes the same in the same words.
        for address in others {
            plan.seen.get_mut(&address).unwrap().shape = Some(all[&address].spec.clone());
        }
        let (again, _) = wishes(&before, &plan, &served);
        assert!(all.iter().all(|(address, wish)| again[address].spec == wish.spec));
        // Where nothing is kept, nothing is copied.
        assert!(matches!(wishes(&before, &plan, &BTreeSet::new()).0, Cow::Borrowed(_)));
    }
}
