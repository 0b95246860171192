//! A new resource in one line: the fields that tell it from its neighbours. All of them are in the other formats.

use serde_json::Value;

use super::value;
use crate::model::edit::Edit;
use crate::model::hole;

/// How long the fields may get together, in characters.
const WIDTH: usize = 96;

/// Says what `+3` means.
pub const LEGEND: &str = "`+3`: three more fields are set; --format markdown shows them all.";

/// The most telling fields, then how many are left out.
#[must_use]
pub fn line(edits: &[Edit]) -> String {
    let mut ranked: Vec<(u8, &Edit)> = edits.iter().filter_map(|edit| Some((rank(edit)?, edit))).collect();
    // Stable: within a rank the kind's own order holds.
    ranked.sort_by_key(|(rank, _)| *rank);
    let mut parts: Vec<String> = Vec::new();
    let mut length = 0;
    for (_, edit) in ranked {
        let part = format!("{}: {}", value::clean(&edit.field), shown(edit));
        let more = part.chars().count() + 2;
        if length + more <= WIDTH {
            length += more;
            parts.push(part);
        }
    }
    let left = edits.len() - parts.len();
    if left > 0 {
        parts.push(format!("+{left}"));
    }
    parts.join(", ")
}

fn shown(edit: &Edit) -> String {
    match &edit.to {
        Value::Array(rules) if edit.field == "ingress" => format!("[{}]", rules.iter().map(rule).collect::<Vec<_>>().join(", ")),
        other => value::line(other),
    }
}

/// A rule of a security group as people say it: `tcp 443 from 0.0.0.0/0`.
fn rule(rule: &Value) -> String {
    let Some(fields) = rule.as_object() else { return value::line(rule) };
    let field = |name: &str| fields.get(name).filter(|value| !value.is_null()).map(value::line);
    let ports = match (field("from_port"), field("to_port")) {
        (Some(from), Some(to)) if from != to => format!(" {from}-{to}"),
        (Some(port), _) => format!(" {port}"),
        _ => String::new(),
    };
    const SAID: [&str; 4] = ["ip_protocol", "from_port", "to_port", "description"];
    let rest = fields.iter().filter(|(name, value)| !SAID.contains(&name.as_str()) && !value.is_null());
    let from: Vec<String> = rest.map(|(_, value)| value::line(value)).collect();
    format!("{}{ports} from {}", field("ip_protocol").unwrap_or_default(), from.join(" "))
}

/// What opens or exposes something comes first, then plain values, then references, then lists; documents and prose are not shown.
fn rank(edit: &Edit) -> Option<u8> {
    if matches!(edit.field.as_str(), "comment" | "tags") || edit.field.ends_with("description") {
        return None;
    }
    match &edit.to {
        Value::Array(_) if edit.field == "ingress" => Some(0),
        Value::String(text) if hole::whole(text).is_some() => Some(2),
        Value::String(text) if text.contains("${ref(") || text.contains('\n') => None,
        Value::String(_) | Value::Number(_) => Some(1),
        Value::Bool(_) => Some(3),
        Value::Array(_) => Some(4),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn edit(field: &str, to: Value) -> Edit {
        Edit::change(field, Value::Null, to)
    }

    #[test]
    fn what_is_open_comes_first_and_what_is_left_out_is_counted() {
        let edits = [
            edit("vpc", json!("${ref(\"vpc.vpc\")}")),
            edit("description", json!("prose")),
            edit("ingress", json!([{ "cidr_ip": "0.0.0.0/0", "from_port": 443, "to_port": 443, "ip_protocol": "tcp", "group": null }])),
            edit("policy", json!({ "Statement": ["long"] })),
            edit("port", json!(443)),
        ];
        assert_eq!(line(&edits), "ingress: [tcp 443 from 0.0.0.0/0], port: 443, vpc: vpc.vpc, +2");
        assert!(line(&[edit("name", json!("x".repeat(500)))]).chars().count() <= WIDTH + 4);
    }
}
