//! What a module declares as its inputs: turned into a JSON Schema, so that checking, defaults, the editor's completion and
//! the reference page come from one place.

use serde_json::{Map, Value as Json, json};

use super::doubt::Doubts;
use super::expression::{Expression, Language};
use super::quantity;
use super::shape::{Format, Shape, Text, Want};
use crate::model::node::{Node, Value};
use crate::model::problem::{Problem, Problems};

/// A rule that types cannot say.
#[derive(Debug)]
pub struct Check {
    /// Has to be true.
    pub rule: Expression,
    /// Completes "`field` ..."; stands for itself when the path is empty.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// The field it is about, from the section down; its value is `value` in the rule.
    pub path: Vec<String>,
    /// Whether it belongs to an input, or to the module: then it may use `let` names.
    pub of_input: bool,
}

/// The JSON Schema of an object with these declarations as fields (`{ name: declaration }`). Where a declaration is doubtful, anything may
/// stand.
pub fn object(fields: Option<&Node>, doubts: &Doubts) -> Json {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for entry in fields.map(Node::entries).unwrap_or_default() {
        if doubts.touch_at(&[&entry.key]) {
            properties.insert(entry.key.clone(), Json::Bool(true));
            continue;
        }
        let schema = one(&entry.value);
        if entry.value.entry("default").is_none() && !is_optional(&schema) {
            required.push(Json::from(entry.key.clone()));
        }
        properties.insert(entry.key.clone(), schema);
    }
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// An object that needs none of its fields may itself be left out.
pub fn is_optional(schema: &Json) -> bool {
    schema.get("properties").is_some() && schema.get("required").and_then(Json::as_array).is_none_or(Vec::is_empty)
}

/// The JSON Schema of one declaration.
fn one(declaration: &Node) -> Json {
    let get = |name: &str| declaration.get(name);
    let number = |name: &str| get(name).map(Node::to_json);
    let mut schema = Map::new();
    let mut set = |name: &str, value: Option<Json>| {
        if let Some(value) = value {
            schema.insert(name.to_owned(), value);
        }
    };
    let kind = get("type").and_then(Node::as_str).unwrap_or("any");
    match kind {
        "string" => {
            set("type", Some("string".into()));
            set("minLength", number("min"));
            set("maxLength", number("max"));
            set("pattern", get("pattern").and_then(Node::as_str).map(|pattern| format!("^(?:{pattern})$").into()));
        }
        "integer" | "number" => {
            set("type", Some(kind.into()));
            set("minimum", number("min"));
            set("maximum", number("max"));
        }
        "boolean" => set("type", Some("boolean".into())),
        "enum" => set("enum", get("values").map(Node::to_json)),
        "cidr" => {
            set("type", Some("string".into()));
            set("format", Some("ipv4-cidr".into()));
        }
        "size" | "duration" => {
            let read = if kind == "size" { quantity::size } else { quantity::duration };
            let amount = |name: &str| get(name).and_then(Node::as_str).and_then(|text| read(text).ok()).map(Json::from);
            set("type", Some("string".into()));
            set("format", Some(kind.into()));
            set("x-min", amount("min"));
            set("x-max", amount("max"));
        }
        "list" => {
            set("type", Some("array".into()));
            set("items", Some(get("items").map_or(Json::Bool(true), one)));
            set("minItems", number("min"));
            set("maxItems", number("max"));
            set("uniqueItems", number("unique"));
        }
        "map" => {
            set("type", Some("object".into()));
            set("additionalProperties", Some(get("values").map_or(Json::Bool(true), one)));
        }
        "object" => {
            if let Json::Object(object) = object(get("fields"), &Doubts::default()) {
                schema = object;
            }
        }
        _ => {}
    }
    if let Some(doc) = get("doc").and_then(Node::as_str) {
        schema.insert("description".into(), doc.into());
    }
    if let Some(default) = get("default") {
        schema.insert("default".into(), default.to_json());
        if default.is_null() {
            nullable(&mut schema);
        }
    }
    Json::Object(schema)
}

fn nullable(schema: &mut Map<String, Json>) {
    if let Some(Json::String(kind)) = schema.get("type").cloned() {
        schema.insert("type".into(), json!([kind, "null"]));
    }
    if let Some(Json::Array(values)) = schema.get_mut("enum") {
        values.push(Json::Null);
    }
}

/// The checks of declarations and of what is inside of their objects.
pub fn checks(language: &Language, fields: Option<&Node>, path: &[String], out: &mut Vec<Check>, problems: &mut Problems) {
    for entry in fields.map(Node::entries).unwrap_or_default() {
        let mut path = path.to_vec();
        path.push(entry.key.clone());
        let declaration = &entry.value;
        match declaration.entry("check").map(|entry| &entry.value) {
            Some(list) if matches!(list.value, Value::Seq(_)) => {
                for item in list.items() {
                    out.extend(check(language, item, path.clone(), true, problems));
                }
            }
            Some(_) => out.extend(check(language, declaration, path.clone(), true, problems)),
            None => {}
        }
        checks(language, declaration.get("fields"), &path, out, problems);
    }
}

/// One `{ check, message, hint }`.
pub fn check(language: &Language, node: &Node, path: Vec<String>, of_input: bool, problems: &mut Problems) -> Option<Check> {
    let rule = node.get("check")?;
    let text = |name: &str| node.get(name).and_then(Node::as_str).map(str::to_owned);
    let Some(message) = text("message") else {
        problems.push(Problem::at(&rule.place, "this check has no `message`"));
        return None;
    };
    match language.compile(rule.as_str().unwrap_or_default(), &rule.place) {
        Ok(rule) => Some(Check { rule, message, hint: text("hint"), path, of_input }),
        Err(problem) => {
            problems.push(problem);
            None
        }
    }
}

/// A checked section as expressions see it: defaults filled in, sizes as bytes, durations as seconds.
pub fn value(shape: &Shape, node: &Node) -> Json {
    resolve(shape, shape.root, node)
}

fn resolve(shape: &Shape, rule: usize, node: &Node) -> Json {
    match (&shape.rule(rule).want, &node.value) {
        (Want::Text(Text { format: Some(Format::Size), .. }), Value::String(text)) => quantity::size(text).map_or(Json::Null, Json::from),
        (Want::Text(Text { format: Some(Format::Duration), .. }), Value::String(text)) => {
            quantity::duration(text).map_or(Json::Null, Json::from)
        }
        (Want::Number { .. }, Value::Int(n)) => Json::from(*n as f64),
        (Want::List { item, .. }, Value::Seq(items)) => items.iter().map(|node| resolve(shape, *item, node)).collect(),
        (Want::Object(object), Value::Map(entries)) => {
            let mut out = Map::new();
            for (name, field) in &object.fields {
                let given = entries.iter().find(|entry| entry.key == *name && !entry.value.is_null()).map(|entry| &entry.value);
                let value = match (given, &field.default) {
                    (Some(node), _) => resolve(shape, field.rule, node),
                    (None, Some(default)) => resolve(shape, field.rule, &Node::from_json(default, &node.place)),
                    (None, None) if matches!(shape.rule(field.rule).want, Want::Object(_)) => {
                        resolve(shape, field.rule, &Node::new(Value::Map(Vec::new()), node.place.clone()))
                    }
                    (None, None) => Json::Null,
                };
                out.insert(name.clone(), value);
            }
            if let Some(rest) = object.rest {
                for entry in entries.iter().filter(|entry| !object.fields.contains_key(&entry.key)) {
                    out.insert(entry.key.clone(), resolve(shape, rest, &entry.value));
                }
            }
            Json::Object(out)
        }
        _ => node.to_json(),
    }
}
