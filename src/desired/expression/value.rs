//! JSON into CEL without copying its texts, and CEL back into trees.

use std::collections::HashMap;
use std::fmt;

use cel::common::types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelOptional, CelString, CelUInt, Kind};
use cel::common::value::Val;
use serde_json::Value as Json;

use crate::model::node::{Entry, Float, Node, Value};
use crate::model::problem::Place;

/// A CEL value that borrows the JSON's texts.
pub fn borrowed(json: &Json) -> Box<dyn Val + '_> {
    match json {
        Json::Null => Box::new(CelNull),
        Json::Bool(b) => Box::new(CelBool::from(*b)),
        Json::Number(n) => match n.as_i64() {
            Some(n) => Box::new(CelInt::from(n)),
            None => Box::new(CelDouble::from(n.as_f64().unwrap_or(f64::MAX))),
        },
        Json::String(text) => Box::new(CelString::from(text.as_str())),
        Json::Array(items) => Box::new(CelList::from(items.iter().map(borrowed).collect::<Vec<_>>())),
        Json::Object(fields) => {
            let entries = fields.iter().map(|(key, value)| (CelMapKey::String(CelString::from(key.as_str())), borrowed(value)));
            Box::new(CelMap::from(entries.collect::<HashMap<_, _>>()))
        }
    }
}

/// A CEL value of its own.
pub fn owned(json: Json) -> Box<dyn Val> {
    match json {
        Json::String(text) => Box::new(CelString::from(text)),
        Json::Array(items) => Box::new(CelList::from(items.into_iter().map(owned).collect::<Vec<_>>())),
        Json::Object(fields) => {
            let entries = fields.into_iter().map(|(key, value)| (CelMapKey::String(CelString::from(key)), owned(value)));
            Box::new(CelMap::from(entries.collect::<HashMap<_, _>>()))
        }
        Json::Null => Box::new(CelNull),
        Json::Bool(b) => Box::new(CelBool::from(b)),
        Json::Number(n) => match n.as_i64() {
            Some(n) => Box::new(CelInt::from(n)),
            None => Box::new(CelDouble::from(n.as_f64().unwrap_or(f64::MAX))),
        },
    }
}

/// Why a CEL value has no form in YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotJson(String);

impl fmt::Display for NotJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gives {}, which YAML has no form for", self.0)
    }
}

/// A tree of a CEL value; keys of maps in order.
pub fn node(val: &dyn Val, place: &Place) -> Result<Node, NotJson> {
    Ok(Node::new(convert(val, place)?, place.clone()))
}

fn convert(val: &dyn Val, place: &Place) -> Result<Value, NotJson> {
    if let Some(text) = val.downcast_ref::<CelString>() {
        return Ok(Value::String(text.inner().to_owned()));
    }
    if let Some(n) = val.downcast_ref::<CelInt>() {
        return Ok(Value::Int(*n.inner()));
    }
    if let Some(b) = val.downcast_ref::<CelBool>() {
        return Ok(Value::Bool(*b.inner()));
    }
    let odd = || NotJson(val.get_type().name().to_owned());
    if let Some(n) = val.downcast_ref::<CelDouble>() {
        let number = *n.inner();
        return if number.is_finite() { Ok(Value::Float(Float { number, text: number.to_string().into() })) } else { Err(odd()) };
    }
    if let Some(n) = val.downcast_ref::<CelUInt>() {
        return i64::try_from(*n.inner()).map(Value::Int).map_err(|_| odd());
    }
    if let Some(maybe) = val.downcast_ref::<CelOptional>() {
        return maybe.inner().map_or(Ok(Value::Null), |inner| convert(inner, place));
    }
    match val.get_type().kind() {
        Kind::NullType => Ok(Value::Null),
        Kind::List => {
            let mut items = val.as_iterable().ok_or_else(odd)?.iter();
            let mut out = Vec::new();
            while let Some(item) = items.next() {
                out.push(node(item, place)?);
            }
            Ok(Value::Seq(out))
        }
        Kind::Map => entries(val)
            .ok_or_else(odd)?
            .into_iter()
            .map(|(key, value)| Ok(Entry { key, place: place.clone(), value: node(value, place)? }))
            .collect::<Result<_, _>>()
            .map(Value::Map),
        _ => Err(odd()),
    }
}

/// The entries of a map by key; nothing when a key is not text or a number.
pub fn entries<'b>(val: &'b dyn Val) -> Option<Vec<(String, &'b dyn Val)>> {
    let map = val.downcast_ref::<CelMap>()?;
    let mut all: Vec<(String, &'b dyn Val)> = map.inner().iter().map(|(key, value)| (key_text(key), value.as_ref() as &dyn Val)).collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    Some(all)
}

fn key_text(key: &CelMapKey<'_>) -> String {
    match key {
        CelMapKey::Bool(b) => b.inner().to_string(),
        CelMapKey::Int(n) => n.inner().to_string(),
        CelMapKey::UInt(n) => n.inner().to_string(),
        CelMapKey::String(text) => text.inner().to_owned(),
    }
}
