//! What a kind's JSON Schema says of its fields, and the leaves of a spec that hold references.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// What a reference needs of its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Need {
    /// That it exists.
    Made,
    /// That it is ready.
    Ready,
    /// Nothing at first: the object is created bare and finished by an update. May point in a circle.
    Settle,
}

/// One field, as the schema says it.
#[derive(Debug, Clone)]
pub struct Field {
    /// Cannot change in place.
    pub replace: bool,
    /// What its references need.
    pub need: Need,
    /// What it refers to cannot be dropped while it does.
    pub holds: bool,
    /// It only says what has to be there before, and is no state of the object: never compared, in no mark.
    pub orders: bool,
    /// A number that becomes larger in place and never smaller.
    pub grows: bool,
    /// Its default (`null` when it has none).
    pub default: Value,
}

/// A kind's fields.
#[derive(Debug, Clone)]
pub struct Info {
    /// The JSON Schema (definitions inlined).
    pub schema: Value,
    /// By name.
    pub fields: BTreeMap<String, Field>,
    /// Kinds that its references may name.
    pub refers_to: Vec<String>,
}

impl Info {
    /// Reads `schema`.
    #[must_use]
    pub fn of(schema: Value) -> Self {
        let empty = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
        let fields = properties.iter().map(|(name, field)| (name.clone(), Field::of(field))).collect();
        let mut refers_to = Vec::new();
        kinds_in(&schema, &mut refers_to);
        refers_to.sort();
        refers_to.dedup();
        Self { fields, refers_to, schema }
    }

    /// The fields of `spec` that are not at their defaults, as the applied mark hashes them. What only orders is none of them.
    pub fn set_fields<'a>(&'a self, spec: &'a Value) -> impl Iterator<Item = (&'a str, &'a Value)> {
        spec.as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.as_str(), value))
            .filter(|(name, value)| !self.is_default(name, value) && !self.orders(name))
    }

    /// Whether `value` is `field`'s default.
    #[must_use]
    pub fn is_default(&self, field: &str, value: &Value) -> bool {
        value.is_null() || self.fields.get(field).is_some_and(|f| f.default == *value)
    }

    /// Whether `field` only says what has to be there before.
    #[must_use]
    pub fn orders(&self, field: &str) -> bool {
        self.fields.get(field).is_some_and(|f| f.orders)
    }

    /// Visits every string of `value` in which a reference may stand.
    pub fn visit<'v>(&self, value: &'v Value, visit: &mut dyn FnMut(Leaf<'_>, &'v str)) {
        let Some(object) = value.as_object() else { return };
        for (field, part) in object {
            let Some(schema) = self.schema.get("properties").and_then(|p| p.get(field)) else { continue };
            walk(schema, part, field, &mut |leaf, text| visit(leaf, text));
        }
    }

    /// Rewrites every string of `value` in which a reference may stand.
    pub fn rewrite(&self, value: &mut Value, rewrite: &mut dyn FnMut(Leaf<'_>, &mut String)) {
        let Some(object) = value.as_object_mut() else { return };
        for (field, part) in object {
            let Some(schema) = self.schema.get("properties").and_then(|p| p.get(field)) else { continue };
            walk_mut(schema, part, field, rewrite);
        }
    }
}

impl Field {
    fn of(schema: &Value) -> Self {
        let need = match schema.get("x-need").and_then(Value::as_str) {
            Some("ready") => Need::Ready,
            Some("settle") => Need::Settle,
            _ => Need::Made,
        };
        Self {
            replace: schema.get("x-replace").and_then(Value::as_bool).unwrap_or_default(),
            need,
            holds: schema.get("x-holds").and_then(Value::as_bool).unwrap_or(true),
            orders: schema.get("x-order").and_then(Value::as_bool).unwrap_or_default(),
            grows: schema.get("x-grows").and_then(Value::as_bool).unwrap_or_default(),
            default: schema.get("default").cloned().unwrap_or_default(),
        }
    }
}

/// A place in a spec where a reference may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf<'a> {
    /// The field at the top of the spec.
    pub field: &'a str,
    /// The kind that the reference must name; `None` for a text or a document.
    pub kind: Option<&'a str>,
}

fn kinds_in(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(object) => {
            if let Some(kind) = object.get("x-kind").and_then(Value::as_str) {
                found.push(kind.to_owned());
            }
            object.values().for_each(|part| kinds_in(part, found));
        }
        Value::Array(parts) => parts.iter().for_each(|part| kinds_in(part, found)),
        _ => {}
    }
}

/// The branches of a schema that may describe a value: itself, and what `anyOf`, `oneOf` and `allOf` add.
pub fn branches(schema: &Value) -> Vec<&Value> {
    let mut all = vec![schema];
    for word in ["anyOf", "oneOf", "allOf"] {
        if let Some(parts) = schema.get(word).and_then(Value::as_array) {
            all.extend(parts.iter().flat_map(branches));
        }
    }
    all
}

fn leaf<'a>(schema: &'a Value, field: &'a str) -> Option<Leaf<'a>> {
    branches(schema).into_iter().find_map(|branch| {
        let kind = branch.get("x-kind").and_then(Value::as_str);
        let text = branch.get("x-text").is_some();
        (kind.is_some() || text).then_some(Leaf { field, kind })
    })
}

fn inner<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    branches(schema).into_iter().find_map(|branch| {
        branch.get("properties").and_then(|p| p.get(name)).or_else(|| branch.get("additionalProperties").filter(|a| a.is_object()))
    })
}

fn items(schema: &Value) -> Option<&Value> {
    branches(schema).into_iter().find_map(|branch| branch.get("items"))
}

fn walk<'v>(schema: &Value, value: &'v Value, field: &str, visit: &mut dyn FnMut(Leaf<'_>, &'v str)) {
    if let Some(leaf) = leaf(schema, field) {
        return strings(value, &mut |text| visit(leaf, text));
    }
    match value {
        Value::Object(object) => {
            object.iter().for_each(|(name, part)| inner(schema, name).into_iter().for_each(|s| walk(s, part, field, visit)));
        }
        Value::Array(parts) => parts.iter().for_each(|part| items(schema).into_iter().for_each(|s| walk(s, part, field, visit))),
        _ => {}
    }
}

fn walk_mut(schema: &Value, value: &mut Value, field: &str, rewrite: &mut dyn FnMut(Leaf<'_>, &mut String)) {
    if let Some(leaf) = leaf(schema, field) {
        return strings_mut(value, &mut |text| rewrite(leaf, text));
    }
    match value {
        Value::Object(object) => {
            object.iter_mut().for_each(|(name, part)| inner(schema, name).into_iter().for_each(|s| walk_mut(s, part, field, rewrite)));
        }
        Value::Array(parts) => {
            parts.iter_mut().for_each(|part| items(schema).into_iter().for_each(|s| walk_mut(s, part, field, rewrite)));
        }
        _ => {}
    }
}

fn strings<'v>(value: &'v Value, visit: &mut dyn FnMut(&'v str)) {
    match value {
        Value::String(text) => visit(text),
        Value::Array(parts) => parts.iter().for_each(|part| strings(part, visit)),
        Value::Object(object) => object.values().for_each(|part| strings(part, visit)),
        _ => {}
    }
}

fn strings_mut(value: &mut Value, rewrite: &mut dyn FnMut(&mut String)) {
    match value {
        Value::String(text) => rewrite(text),
        Value::Array(parts) => parts.iter_mut().for_each(|part| strings_mut(part, rewrite)),
        Value::Object(object) => object.values_mut().for_each(|part| strings_mut(part, rewrite)),
        _ => {}
    }
}
