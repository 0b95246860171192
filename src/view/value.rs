//! Values of fields, as a person reads them: short, on one line, references as addresses.

use serde_json::Value;

use crate::model::hole;
pub use crate::model::visible::clean;
use crate::model::visible::harmless;

/// Longest value on one line, in characters.
const LONGEST: usize = 100;

/// Longest value where all of it should be read, in characters: a pull request takes 65,536 in all.
const FLOOD: usize = 2000;

/// `value` on one line.
#[must_use]
pub fn line(value: &Value) -> String {
    cut(&whole(value), LONGEST)
}

/// `value` on one line, cut only where a page would be flooded.
#[must_use]
pub fn long(value: &Value) -> String {
    cut(&whole(value), FLOOD)
}

/// From one value to another; of two lists or mappings only what differs.
#[must_use]
pub fn change(from: &Value, to: &Value) -> String {
    within(from, to, LONGEST)
}

/// As [`change`], cut only where a page would be flooded.
#[must_use]
pub fn long_change(from: &Value, to: &Value) -> String {
    within(from, to, FLOOD)
}

fn within(from: &Value, to: &Value, longest: usize) -> String {
    let line = |value: &Value| cut(&whole(value), longest);
    if from == to {
        // The same words, and yet a difference: what they name is replaced.
        return format!("{} → the new one", line(from));
    }
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
            let null = Value::Null;
            let differing = names.into_iter().filter(|name| a.get(*name) != b.get(*name));
            let one = |name: &String| within(a.get(name).unwrap_or(&null), b.get(name).unwrap_or(&null), longest);
            let parts: Vec<String> = differing.map(|name| format!("{}: {}", text(name), one(name))).collect();
            cut(&parts.join(", "), longest)
        }
        _ => format!("{} → {}", line(from), line(to)),
    }
}

/// `text` as a value: quoted when it is empty or holds blanks or anything that could not be seen.
#[must_use]
pub fn text(text: &str) -> String {
    if text.is_empty() || text.chars().any(|c| c.is_whitespace() || !harmless(c)) { format!("{text:?}") } else { text.to_owned() }
}

fn whole(value: &Value) -> String {
    match value {
        Value::Null => "(none)".to_owned(),
        Value::String(string) => match hole::whole(string) {
            Some(hole) => match hole.attribute {
                Some(attribute) => format!("{}.{attribute}", hole.address),
                None => hole.address.to_string(),
            },
            None => text(string),
        },
        Value::Array(items) => format!("[{}]", items.iter().map(whole).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            format!(
                "{{{}}}",
                fields
                    .iter()
                    .filter(|(_, v)| !v.is_null())
                    .map(|(name, v)| format!("{}: {}", text(name), whole(v)))
                    .collect::<Vec<_>>()
                    .join(", ")
            )
        }
        // As in a saved plan, which is canonical JSON: a plan reads the same whether it comes from there or not.
        other => serde_json_canonicalizer::to_string(other).unwrap_or_else(|_| other.to_string()),
    }
}

fn cut(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let head: String = text.chars().take(longest - 1).collect();
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
        assert_eq!(line(&json!([1000.0, 0.5, 1e21, -0.0, 7])), "[1000, 0.5, 1e+21, 0, 7]");
        let group = json!(["${ref(\"vpc.app\")}"]);
        assert_eq!(change(&group, &group), "[vpc.app] → the new one");
        assert_eq!(change(&json!(["a", "b"]), &json!(["b", "c"])), "- a, + c");
        assert_eq!(change(&json!({ "a": 1, "b": 2 }), &json!({ "a": 1, "b": 3 })), "b: 2 → 3");
        assert_eq!(line(&json!({ "a\u{1b}[2J": "b\nc\u{202e}d" })), r#"{"a\u{1b}[2J": "b\nc\u{202e}d"}"#);
        assert_eq!(clean("it's \"so\"\r\u{1b}[1m"), r#"it's "so"\r\u{1b}[1m"#);
        assert!(line(&json!("x".repeat(500))).chars().count() <= LONGEST);
    }
}
