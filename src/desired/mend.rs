//! A tree with mistakes, made one that fits its shape: what is wrong is left out, so that its default counts, and what may not be left
//! out gets a value of its type. Such a value is doubtful ([`super::doubt`]): it is there so that all else can be looked at.

use super::doubt::Doubts;
use super::shape::{Format, Holes, Object, Shape, Text, Want};
use crate::model::hole;
use crate::model::node::{Entry, Node, Value};
use crate::model::problem::Place;

/// How deep a made value may be: definitions may name themselves.
const DEEPEST: usize = 8;

/// `node` without what `wrong` names.
pub fn mend(shape: &Shape, node: &Node, wrong: &Doubts) -> Node {
    if wrong.is_empty() {
        return node.clone();
    }
    let mut mender = Mender { shape, wrong, path: Vec::new() };
    mender.node(shape.root, node).unwrap_or_else(|| mender.made(shape.root, &node.place, 0))
}

struct Mender<'a> {
    shape: &'a Shape,
    wrong: &'a Doubts,
    path: Vec<String>,
}

impl Mender<'_> {
    /// What is right of a value; nothing when it is wrong as a whole.
    fn node(&mut self, rule: usize, node: &Node) -> Option<Node> {
        if self.wrong.has(&self.path) {
            return None;
        }
        if !self.wrong.touch(&self.path) {
            return Some(node.clone());
        }
        let shape = self.shape;
        let value = match (&shape.rule(rule).want, &node.value) {
            (Want::Object(object), Value::Map(entries)) => Value::Map(self.fields(object, node, entries)),
            (Want::List { item, .. }, Value::Seq(items)) => {
                Value::Seq(items.iter().enumerate().filter_map(|(at, node)| self.step(at.to_string(), |m| m.node(*item, node))).collect())
            }
            _ => return None,
        };
        Some(Node { value, place: node.place.clone(), plain: node.plain })
    }

    fn step<T>(&mut self, step: String, inside: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step);
        let made = inside(self);
        self.path.pop();
        made
    }

    fn fields(&mut self, object: &Object, node: &Node, entries: &[Entry]) -> Vec<Entry> {
        let mut kept = Vec::with_capacity(entries.len());
        for entry in entries {
            let Some(rule) = object.fields.get(&entry.key).map(|field| field.rule).or(object.rest) else { continue };
            if let Some(value) = self.step(entry.key.clone(), |m| m.node(rule, &entry.value)) {
                kept.push(Entry { key: entry.key.clone(), place: entry.place.clone(), value });
            }
        }
        for (name, field) in object.fields.iter().filter(|(_, field)| field.required) {
            if !kept.iter().any(|entry| entry.key == *name) {
                let value = self.made(field.rule, &node.place, 0);
                kept.push(Entry { key: name.clone(), place: node.place.clone(), value });
            }
        }
        kept
    }

    /// A value that the rule allows, as far as that can be told.
    fn made(&self, rule: usize, place: &Place, depth: usize) -> Node {
        let inner = |rule| self.made(rule, place, depth + 1);
        let value = match &self.shape.rule(rule).want {
            _ if depth > DEEPEST => Value::Null,
            Want::Any { .. } => Value::String("x".into()),
            Want::Bool => Value::Bool(false),
            Want::Int { min, max } => Value::Int(min.or(max.map(|max| max.min(1))).unwrap_or(1)),
            Want::Number { min, max } => Value::Int(min.or(*max).unwrap_or(1.0).ceil() as i64),
            Want::Text(text) => Value::String(words(text)),
            Want::List { item, min, .. } => Value::Seq((0..(*min).min(4)).map(|_| inner(*item)).collect()),
            Want::Object(object) => {
                let required = object.fields.iter().filter(|(_, field)| field.required);
                Value::Map(
                    required.map(|(key, field)| Entry { key: key.clone(), place: place.clone(), value: inner(field.rule) }).collect(),
                )
            }
            Want::OneOf(alternatives) => alternatives.first().map_or(Value::Null, |first| inner(*first).value),
        };
        Node::new(value, place.clone())
    }
}

fn words(text: &Text) -> String {
    if let Holes::Ref(_) = text.holes {
        return crate::model::Address::parse("doubtful.made").map_or_else(|_| String::new(), |address| hole::text(&address, None));
    }
    let least = text.least.unwrap_or(0);
    match (text.choices.first(), text.format) {
        (Some(first), _) => first.clone(),
        (None, Some(Format::Cidr)) => "10.0.0.0/16".to_owned(),
        (None, Some(Format::Size)) => format!("{}KiB", least.div_ceil(1 << 10).max(1)),
        (None, Some(Format::Duration)) => format!("{}s", least.max(1)),
        (None, None) => "x".repeat(text.min.clamp(1, 64)),
    }
}
