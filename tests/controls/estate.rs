//! An estate as the modules expand it, and questions about it.

use std::collections::BTreeMap;

use reeve::desired::{self, SourceFile};
use serde_json::Value;

/// Address to kind and spec.
#[derive(Clone)]
pub struct Estate(BTreeMap<String, (&'static str, Value)>);

impl Estate {
    /// The example's.
    pub fn example() -> Self {
        let read = |path: &str| {
            let whole = format!("{}/desired/hostedehr/{path}", env!("CARGO_MANIFEST_DIR"));
            SourceFile { path: path.into(), text: std::fs::read_to_string(whole).expect("the example") }
        };
        Self::expand(&["stack.yaml", "tenants/clinics.yaml"].map(read))
    }

    /// The example's, whose hosts come with the bundle of that digest.
    pub fn bundled(sha256: &str) -> Self {
        let read = |path: &str| {
            let whole = format!("{}/desired/hostedehr/{path}", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(whole).expect("the example");
            let text = text.replace("    managers: 3\n", &format!("    bundle: {{ sha256: \"{sha256}\" }}\n    managers: 3\n"));
            SourceFile { path: path.into(), text }
        };
        let estate = Self::expand(&["stack.yaml", "tenants/clinics.yaml"].map(read));
        assert_eq!(estate.of("aws.bundle").len(), 1);
        estate
    }

    /// Only what a stack has to say.
    pub fn smallest() -> Self {
        let text = format!(
            "apiVersion: reeve/v1\nkind: Stack\nmetadata: {{ name: small }}\nspec:\n  region: us-east-1\n  domain: small.example\n  \
             distributions:\n    refapp: {{ image: openmrs/backend@sha256:{} }}\n",
            "0123456789abcdef".repeat(4)
        );
        Self::expand(&[SourceFile { path: "stack.yaml".into(), text }])
    }

    fn expand(files: &[SourceFile]) -> Self {
        let desired = desired::load_sources(files).unwrap_or_else(|problems| panic!("{problems}"));
        Self(desired.resources.into_values().map(|one| (one.address.to_string(), (one.kind.name, one.spec))).collect())
    }

    /// Sets what `pointer` names in the spec at `address` to the JSON in `value`.
    pub fn set(&mut self, address: &str, pointer: &str, value: &str) {
        let (_, spec) = self.0.get_mut(address).unwrap_or_else(|| panic!("no {address}"));
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        let value = serde_json::from_str(value).expect("JSON");
        match spec.pointer_mut(parent) {
            Some(Value::Object(fields)) => drop(fields.insert(name.into(), value)),
            Some(Value::Array(items)) if name == "-" => items.push(value),
            Some(Value::Array(items)) => items[name.parse::<usize>().expect("an index")] = value,
            other => panic!("{address} {pointer}: {other:?}"),
        }
    }

    /// Address and spec of each object of that kind.
    pub fn of(&self, kind: &str) -> Vec<(&str, &Value)> {
        self.0.iter().filter(|(_, one)| one.0 == kind).map(|(address, one)| (address.as_str(), &one.1)).collect()
    }

    /// The objects of that kind for which `holds` is false; and that there are none at all.
    pub fn each(&self, kind: &str, holds: impl Fn(&Value) -> bool) -> Vec<String> {
        let all = self.of(kind);
        if all.is_empty() {
            return vec![format!("there is no {kind}")];
        }
        all.into_iter().filter(|(_, spec)| !holds(spec)).map(|(address, _)| address.to_owned()).collect()
    }

    /// Empty when `holds` is true for an object of that kind.
    pub fn any(&self, kind: &str, holds: impl Fn(&Value) -> bool) -> Vec<String> {
        if self.of(kind).into_iter().any(|(_, spec)| holds(spec)) { Vec::new() } else { vec![format!("no {kind} does")] }
    }

    /// The objects of that kind that nothing of kind `by` names in `field`.
    pub fn unnamed(&self, kind: &str, by: &str, field: &str) -> Vec<String> {
        let named: Vec<String> = self.of(by).into_iter().filter_map(|(_, spec)| Some(spec.get(field)?.to_string())).collect();
        let is_named = |address: &str| named.iter().any(|text| text.contains(&format!("ref(\\\"{address}\\\")")));
        self.of(kind).into_iter().filter(|(address, _)| !is_named(address)).map(|(address, _)| address.to_owned()).collect()
    }
}

/// The items of a list in a spec; none when it is not there.
pub fn items<'a>(spec: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    spec[field].as_array().into_iter().flatten()
}

/// The statements of a policy in a spec.
pub fn statements<'a>(spec: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    items(&spec[field], "Statement")
}

/// Whether a rule lets the world reach `port`.
pub fn open_to_the_world(rule: &Value, port: u64) -> bool {
    let world = rule["cidr_ip"] == "0.0.0.0/0"
        || rule["cidr_block"] == "0.0.0.0/0"
        || rule["cidr_ipv6"] == "::/0"
        || rule["ipv6_cidr_block"] == "::/0";
    let first = rule["from_port"].as_u64().unwrap_or(0);
    let last = rule["to_port"].as_u64().unwrap_or(65_535);
    let carries_ports = !["icmp", "icmpv6"].contains(&rule["protocol"].as_str().unwrap_or_default());
    world && carries_ports && (first..=last).contains(&port)
}

/// Whether a list of a statement, or its one text, is or holds `value`.
pub fn holds(list: &Value, value: &str) -> bool {
    list == value || list.as_array().is_some_and(|all| all.iter().any(|one| one == value))
}

/// Whether a statement lets anybody in.
pub fn anybody(statement: &Value) -> bool {
    statement["Effect"] == "Allow" && (statement["Principal"] == "*" || holds(&statement["Principal"]["AWS"], "*"))
}

/// Whether a policy refuses what does not come over TLS.
pub fn only_tls(spec: &Value, field: &str) -> bool {
    statements(spec, field).any(|one| one["Effect"] == "Deny" && holds(&one["Condition"]["Bool"]["aws:SecureTransport"], "false"))
}
