//! Where a live service is something else than what it was made of.

use std::collections::BTreeSet;

use bollard::models::ServiceSpec;
use serde_json::Value;

/// What is others' to decide: how many run is the waker's, a forced update is an operator's.
const NOT_OURS: &[&str] = &["Mode.Replicated.Replicas", "TaskTemplate.ForceUpdate"];

/// What the engine writes where nothing was said.
const DEFAULTS: &[(&str, &str)] = &[("TaskTemplate.Runtime", "container"), ("TaskTemplate.ContainerSpec.Isolation", "default")];

/// Each place where `live` differs from `made`, with what is live there. Values of the environment are not shown: they may be secrets.
pub(super) fn differences(made: &ServiceSpec, live: &ServiceSpec) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let (mut made, mut live) = (serde_json::to_value(made).unwrap_or_default(), serde_json::to_value(live).unwrap_or_default());
    for spec in [&mut made, &mut live] {
        if let Some(spec) = spec.as_object_mut() {
            spec.remove("Labels"); // the marks, which are read by themselves
        }
    }
    walk("", &made, &live, &mut found);
    found
}

fn walk(path: &str, made: &Value, live: &Value, found: &mut BTreeSet<String>) {
    if made == live || is_nothing(made) && is_nothing(live) || NOT_OURS.contains(&path) {
        return;
    }
    if is_nothing(made) && DEFAULTS.iter().any(|(at, value)| *at == path && live == value) {
        return;
    }
    match (made, live) {
        (Value::Object(m), Value::Object(l)) => {
            let names: BTreeSet<&String> = m.keys().chain(l.keys()).collect();
            for name in names {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                walk(&path, m.get(name).unwrap_or(&Value::Null), l.get(name).unwrap_or(&Value::Null), found);
            }
        }
        (Value::Null, Value::Object(l)) if !l.is_empty() => {
            l.iter().for_each(|(name, live)| walk(&format!("{path}.{name}"), &Value::Null, live, found));
        }
        (Value::Array(m), Value::Array(l)) if m.len() == l.len() && m.iter().all(Value::is_object) => {
            m.iter().zip(l).enumerate().for_each(|(at, (m, l))| walk(&format!("{path}.{at}"), m, l, found));
        }
        _ if path.ends_with(".Env") => {
            found.extend(names(live).symmetric_difference(&names(made)).map(|name| format!("{path}: {name}")));
            let changed = texts(live).into_iter().filter(|one| !texts(made).contains(one)).map(name_of);
            found.extend(changed.map(|name| format!("{path}: {name}")));
        }
        _ => {
            let text: String = live.to_string().chars().take(80).collect();
            found.insert(format!("{path}: {text}"));
        }
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(all) => all.iter().all(is_nothing),
        Value::Object(all) => all.values().all(is_nothing),
        Value::Bool(true) => false,
    }
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn name_of(pair: &str) -> &str {
    pair.split('=').next().unwrap_or_default()
}

fn names(value: &Value) -> BTreeSet<&str> {
    texts(value).into_iter().map(name_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(made: Value, live: Value) -> Vec<String> {
        let mut found = BTreeSet::new();
        walk("", &made, &live, &mut found);
        found.into_iter().collect()
    }

    #[test]
    fn what_says_nothing_is_no_difference() {
        assert!(found(json!({ "A": null, "B": { "C": 0 } }), json!({ "A": {}, "B": {}, "D": [], "E": false })).is_empty());
        assert!(found(json!({}), json!({ "TaskTemplate": { "Runtime": "container", "ForceUpdate": 3 } })).is_empty());
        assert!(
            found(json!({ "Mode": { "Replicated": { "Replicas": 1 } } }), json!({ "Mode": { "Replicated": { "Replicas": 0 } } }))
                .is_empty()
        );
    }

    #[test]
    fn places_are_named_and_environments_keep_their_values() {
        let made = json!({ "A": { "B": 1 }, "X": { "Env": ["P=old", "Q=1"] } });
        let live = json!({ "A": { "B": 2, "C": ["x"] }, "X": { "Env": ["P=hunter2", "R=s3cret", "Q=1"] } });
        assert_eq!(found(made, live), ["A.B: 2", r#"A.C: ["x"]"#, "X.Env: P", "X.Env: R"]);
    }
}
