//! A tree of YAML in which every value and every key knows its place.
//!
//! Spans do not survive serde's `flatten`, untagged or internally tagged enums, nor the expansion of modules: so files are
//! parsed into this tree first, expansion copies the places of the template, and typed structs are read from the tree by
//! the [`Deserializer`](serde::Deserializer) in `de`, whose errors carry the node's place.

mod de;

pub use de::{Error, from_node};

use super::problem::Place;

/// A value with its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where it stands.
    pub place: Place,
    /// A scalar without quotes: `8.0` was perhaps meant as text.
    pub plain: bool,
}

/// What a [`Node`] holds.
#[derive(Clone, Debug)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a point or an exponent.
    Float(Float),
    /// Text.
    String(String),
    /// A list.
    Seq(Vec<Node>),
    /// A map; keys in the order of the file, none twice.
    Map(Vec<Entry>),
}

/// A number as it was written: `8.0` must not become `8` in an advice.
#[derive(Clone, Debug)]
pub struct Float {
    /// The number; always finite.
    pub number: f64,
    /// Its text in the file.
    pub text: Box<str>,
}

/// A key of a map with its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub place: Place,
    /// The value.
    pub value: Node,
}

impl Node {
    /// A node of a value at a place, as expansion makes them.
    pub fn new(value: Value, place: Place) -> Self {
        Self { value, place, plain: false }
    }

    /// A tree in which every node has the same place.
    pub fn from_json(json: &serde_json::Value, place: &Place) -> Self {
        use serde_json::Value as Json;
        let value = match json {
            Json::Null => Value::Null,
            Json::Bool(b) => Value::Bool(*b),
            Json::Number(n) => number(n),
            Json::String(s) => Value::String(s.clone()),
            Json::Array(items) => Value::Seq(items.iter().map(|item| Self::from_json(item, place)).collect()),
            Json::Object(fields) => Value::Map(
                fields
                    .iter()
                    .map(|(key, value)| Entry { key: key.clone(), place: place.clone(), value: Self::from_json(value, place) })
                    .collect(),
            ),
        };
        Self::new(value, place.clone())
    }

    /// The value without places.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(b) => Json::Bool(*b),
            Value::Int(n) => Json::from(*n),
            Value::Float(n) => Json::from(n.number),
            Value::String(s) => Json::String(s.clone()),
            Value::Seq(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            Value::Map(entries) => Json::Object(entries.iter().map(|e| (e.key.clone(), e.value.to_json())).collect()),
        }
    }

    /// The value of a key, when this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// A key with its value, when this is a map that has it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The entries of a map; none of anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::Seq(items) => items,
            _ => &[],
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// True for null.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// What it is, for people: `text`, `a whole number`.
    pub fn noun(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Int(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::String(_) => "text",
            Value::Seq(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// The node at a path of keys and indices, or the last one on the way that exists.
    pub fn deepest<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> &Self {
        let mut node = self;
        for step in path {
            let next = match &node.value {
                Value::Seq(items) => step.parse().ok().and_then(|at: usize| items.get(at)),
                _ => node.get(step),
            };
            match next {
                Some(found) => node = found,
                None => break,
            }
        }
        node
    }
}

fn number(n: &serde_json::Number) -> Value {
    match n.as_i64() {
        Some(int) => Value::Int(int),
        None => Value::Float(Float { number: n.as_f64().unwrap_or(f64::MAX), text: n.to_string().into() }),
    }
}
