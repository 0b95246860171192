//! Values of fields, as a person reads them: short, on one line, references as addresses.

use serde_json::Value;

use crate::model::hole;

/// Longest value on one line, in characters.
const LONGEST: usize = 100;

/// `value` on one line.
#[must_use]
pub fn line(value: &Value) -> String {
    cut(&whole(value))
}

/// From one value to another; of two lists or mappings only what differs.
#[must_use]
pub fn change(from: &Value, to: &Value) -> String {
    match (from, to) {
        (Value::Array(a), Value::Array(b)) => {
            let gone = a.iter().filter(|item| !b.contains(item)).map(|item| format!("- {}", line(item)));
            let new = b.iter().filter(|item| !a.contains(item)).map(|item| format!("+ {}", line(item)));
            let parts: Vec<String> = gone.chain(new).collect();
            if parts.is_empty() { "the order differs".to_owned() } else { parts.join(", ") }
        }
        (Value::Object(a), Value::Object(b)) => {
            let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
            names.sort();
            names.dedup();
            let differing = names.into_iter().filter(|name| a.get(*name) != b.get(*name));
            let null = Value::Null;
            let parts: Vec<String> =
                differing.map(|name| format!("{name}: {}", change(a.get(name).unwrap_or(&null), b.get(name).unwrap_or(&null)))).collect();
            cut(&parts.join(", "))
        }
        _ => format!("{} → {}", line(from), line(to)),
    }
}

fn whole(value: &Value) -> String {
    match value {
        Value::Null => "(none)".to_owned(),
        Value::String(text) => match hole::whole(text) {
            Some(hole) => match hole.attribute {
                Some(attribute) => format!("{}.{attribute}", hole.address),
                None => hole.address.to_string(),
            },
            None if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) => format!("{text:?}"),
            None => text.clone(),
        },
        Value::Array(items) => format!("[{}]", items.iter().map(whole).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            format!(
                "{{{}}}",
                fields.iter().filter(|(_, v)| !v.is_null()).map(|(name, v)| format!("{name}: {}", whole(v))).collect::<Vec<_>>().join(", ")
            )
        }
        other => other.to_string(),
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let head: String = text.chars().take(LONGEST - 1).collect();
    format!("{head}…")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_read_as_a_person_would_write_them() {
        assert_eq!(line(&json!("${ref(\"vpc.vpc\")}")), "vpc.vpc");
        assert_eq!(line(&json!({ "port": 443, "cidr": "0.0.0.0/0" })), "{cidr: 0.0.0.0/0, port: 443}");
        assert_eq!(change(&json!(7), &json!(35)), "7 → 35");
        assert_eq!(change(&json!(["a", "b"]), &json!(["b", "c"])), "- a, + c");
        assert_eq!(change(&json!({ "a": 1, "b": 2 }), &json!({ "a": 1, "b": 3 })), "b: 2 → 3");
        assert!(line(&json!("x".repeat(500))).chars().count() <= LONGEST);
    }
}
