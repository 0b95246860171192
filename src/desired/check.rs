//! Holds a tree against a [`Shape`]: every mistake at once, each with its place and a suggestion; and the references that
//! stand in the tree.

use std::collections::BTreeSet;

use super::doubt::Doubts;
use super::quantity;
use super::shape::{Format, Holes, Object, Shape, Text, Want};
use crate::kinds::info::Need;
use crate::model::Cidr;
use crate::model::hole::{self, Hole};
use crate::model::node::{Entry, Node, Value};
use crate::model::problem::{Place, Problem, Problems, nearest, suggest};

/// A reference that stands in a tree.
#[derive(Debug, Clone)]
pub struct Found {
    /// Where in the spec: `ingress.0.source`.
    pub path: String,
    /// What it names.
    pub hole: Hole,
    /// The kind that the field wants; none in texts and documents.
    pub kind: Option<String>,
    /// What the field needs of the target.
    pub need: Need,
    /// Where it was written.
    pub place: Place,
}

/// What a check finds besides problems.
#[derive(Debug, Default)]
pub struct Checked {
    /// The references in the tree.
    pub found: Vec<Found>,
    /// What is wrong or missing.
    pub wrong: Doubts,
}

/// Checks a tree.
pub fn check(shape: &Shape, node: &Node, problems: &mut Problems) -> Checked {
    let mut walk = Walk { shape, problems, checked: Checked::default(), path: Vec::new(), need: Need::Made };
    walk.node(shape.root, node);
    walk.checked
}

struct Walk<'s, 'n, 'p> {
    shape: &'s Shape,
    problems: &'p mut Problems,
    checked: Checked,
    path: Vec<Step<'n>>,
    need: Need,
}

#[derive(Clone, Copy)]
enum Step<'n> {
    Key(&'n Entry),
    Item(usize),
}

impl<'s, 'n> Walk<'s, 'n, '_> {
    fn node(&mut self, rule: usize, node: &'n Node) {
        let rule = self.shape.rule(rule);
        if node.is_null() && rule.nullable {
            return;
        }
        match (&rule.want, &node.value) {
            (Want::OneOf(alternatives), _) => self.one_of(alternatives, node),
            (Want::Any { text }, _) => self.anything(node, *text),
            (Want::Bool, Value::Bool(_)) => {}
            (Want::Int { min, max }, Value::Int(n)) => {
                let (low, high) = (min.map(|m| m as f64), max.map(|m| m as f64));
                if min.is_some_and(|min| *n < min) || max.is_some_and(|max| *n > max) {
                    self.range(node, &n.to_string(), low, high);
                }
            }
            (Want::Number { min, max }, Value::Int(_) | Value::Float(_)) => {
                let n = match &node.value {
                    Value::Float(float) => float.number,
                    Value::Int(n) => *n as f64,
                    _ => 0.0,
                };
                if min.is_some_and(|min| n < min) || max.is_some_and(|max| n > max) {
                    self.range(node, &n.to_string(), *min, *max);
                }
            }
            (Want::Text(want), Value::String(text)) => self.text(want, node, text),
            (Want::List { item, min, max, unique }, Value::Seq(items)) => self.list((*item, *min, *max, *unique), node, items),
            (Want::Object(object), Value::Map(entries)) => self.object(object, node, entries),
            (want, _) => self.wrong_type(want, node),
        }
    }

    /// `` `engine_version` `` for messages: the innermost field.
    fn name(&self) -> String {
        let key = self.path.iter().rev().find_map(|step| if let Step::Key(entry) = step { Some(&entry.key) } else { None });
        match (key, self.path.last()) {
            (Some(key), Some(Step::Item(_))) => format!("an item of `{key:.60}`"),
            (Some(key), _) => format!("`{key:.60}`"),
            (None, _) => "this".to_owned(),
        }
    }

    fn problem(&mut self, place: &Place, message: String, help: Option<String>) {
        self.checked.wrong.add(self.keys());
        self.problems.push(Problem::at(place, message).maybe_help(help));
    }

    /// The keys and positions that lead here.
    fn keys(&self) -> Vec<String> {
        let step = |step: &Step<'_>| match step {
            Step::Key(entry) => entry.key.clone(),
            Step::Item(at) => at.to_string(),
        };
        self.path.iter().map(step).collect()
    }

    fn wrong_type(&mut self, want: &Want, node: &'n Node) {
        let wanted = match want {
            Want::Bool => "true or false",
            Want::Int { .. } => "a whole number",
            Want::Number { .. } => "a number",
            Want::Text(Text { holes: Holes::Ref(_), .. }) => "a reference",
            Want::Text(Text { format: Some(Format::Cidr), .. }) => "an address range",
            Want::Text(Text { format: Some(Format::Size), .. }) => "a size",
            Want::Text(Text { format: Some(Format::Duration), .. }) => "a duration",
            Want::Text(_) => "text",
            Want::List { .. } => "a list",
            Want::Object(_) => "a mapping",
            Want::OneOf(_) | Want::Any { .. } => "something else",
        };
        let help = match (want, &node.value) {
            (Want::Text(Text { holes: Holes::Ref(kind), .. }), _) => Some(reference_help(kind)),
            (Want::Text(Text { format: Some(Format::Size), .. }), Value::Int(n)) => Some(format!("with a unit: {n}MiB, {n}GiB")),
            (Want::Text(Text { format: Some(Format::Duration), .. }), Value::Int(n)) => {
                Some(format!("with a unit: {n}s, {n}m, {n}h, {n}d"))
            }
            (Want::Text(_), Value::Float(n)) => Some(format!("with quotes: \"{}\"", n.text)),
            (Want::Text(_), Value::Int(n)) => Some(format!("with quotes: \"{n}\"")),
            (Want::Text(_), Value::Bool(b)) => Some(format!("with quotes: \"{b}\"")),
            (Want::Int { .. } | Want::Number { .. }, Value::String(text)) if text.parse::<f64>().is_ok() && !node.plain => {
                Some(format!("without quotes: {text:.40}"))
            }
            (Want::Bool, Value::String(text)) if matches!(text.as_str(), "true" | "false") => Some(format!("without quotes: {text}")),
            (Want::List { .. }, Value::String(text)) => Some(format!("as a list: [{text:.40}]")),
            _ => None,
        };
        let is = match (want, &node.value) {
            (_, Value::String(text)) if hole::any(text) => "a reference",
            (Want::Int { .. }, Value::Float(n)) if n.number.abs() >= i64::MAX as f64 => "one so large",
            (Want::Int { .. } | Want::Number { .. }, Value::String(text)) if node.plain && text.parse::<f64>().is_ok() => "one so large",
            _ => node.noun(),
        };
        let message = format!("{} wants {wanted}, not {is}", self.name());
        self.problem(&node.place, message, help);
    }

    fn range(&mut self, node: &Node, is: &str, min: Option<f64>, max: Option<f64>) {
        let message = match (min, max) {
            (Some(min), Some(max)) => format!("{} is {is}, but has to be {min} to {max}", self.name()),
            (Some(min), None) => format!("{} is {is}, but has to be at least {min}", self.name()),
            (_, max) => format!("{} is {is}, but has to be at most {}", self.name(), max.unwrap_or_default()),
        };
        self.problem(&node.place, message, None);
    }

    fn text(&mut self, want: &Text, node: &'n Node, text: &str) {
        let has_hole = hole::any(text);
        match &want.holes {
            Holes::Ref(kind) => return self.reference(kind, node, text),
            Holes::Text if has_hole => {
                self.holes(node, text);
                return; // what it will be is not known yet, so neither is its length
            }
            Holes::None if has_hole => {
                let message = format!("{} is plain text and cannot hold a reference", self.name());
                return self.problem(&node.place, message, None);
            }
            _ => {}
        }
        if !want.choices.is_empty() {
            if !want.choices.iter().any(|choice| choice == text) {
                let help = suggest(text, want.choices.iter().map(String::as_str));
                let message = format!("{} cannot be `{text:.60}`", self.name());
                self.problem(&node.place, message, help);
            }
            return;
        }
        let quantity = match want.format {
            Some(Format::Size) => Some((quantity::size(text), (|n| quantity::Size(n).to_string()) as fn(u64) -> String)),
            Some(Format::Duration) => Some((quantity::duration(text), (|n| quantity::Duration(n).to_string()) as fn(u64) -> String)),
            Some(Format::Cidr) => return self.cidr(node, text),
            None => None,
        };
        match quantity {
            Some((Err((message, help)), _)) => {
                let message = format!("{}: {message}", self.name());
                self.problem(&node.place, message, Some(help));
            }
            Some((Ok(n), shown)) => {
                if let Some(least) = want.least.filter(|least| n < *least) {
                    let message = format!("{} is {text}, but has to be at least {}", self.name(), shown(least));
                    self.problem(&node.place, message, None);
                }
                if let Some(most) = want.most.filter(|most| n > *most) {
                    let message = format!("{} is {text}, but has to be at most {}", self.name(), shown(most));
                    self.problem(&node.place, message, None);
                }
            }
            None => self.length_and_pattern(want, node, text),
        }
    }

    fn length_and_pattern(&mut self, want: &Text, node: &Node, text: &str) {
        if want.min == 0 && want.max.is_none() && want.pattern.is_none() {
            return;
        }
        let length = text.chars().count();
        if length < want.min {
            let message = if length == 0 {
                format!("{} is empty", self.name())
            } else {
                format!("{} has to have at least {} characters", self.name(), want.min)
            };
            self.problem(&node.place, message, None);
        } else if let Some(max) = want.max.filter(|max| length > *max) {
            let message = format!("{} has {length} characters; the most is {max}", self.name());
            self.problem(&node.place, message, None);
        } else if let Some(pattern) = want.pattern.as_ref().filter(|pattern| !pattern.is_match(text)) {
            let message = format!("{} cannot be `{text:.60}`", self.name());
            let help = want.form.as_ref().map_or_else(|| format!("it has to match {pattern}"), |form| format!("write {form}"));
            self.problem(&node.place, message, Some(help));
        }
    }

    fn cidr(&mut self, node: &Node, text: &str) {
        if let Err(why) = Cidr::parse(text) {
            let (message, help) = match why.split_once("; ") {
                Some((message, help)) => (message.to_owned(), Some(help.to_owned())),
                None => (why, None),
            };
            let message = format!("{}: {message}", self.name());
            self.problem(&node.place, message, help);
        }
    }

    fn reference(&mut self, kind: &str, node: &'n Node, text: &str) {
        match hole::whole(text) {
            Some(hole) if hole.attribute.is_none() => self.keep(node, hole, Some(kind)),
            Some(hole) => {
                let message = format!("{} refers to the whole {}, not to an attribute of it", self.name(), hole.address);
                self.problem(&node.place, message, Some(format!("leave `.{}` out", hole.attribute.unwrap_or_default())));
            }
            None => {
                let message = format!("{} wants a reference, not text", self.name());
                self.problem(&node.place, message, Some(reference_help(kind)));
            }
        }
    }

    fn holes(&mut self, node: &'n Node, text: &str) {
        for hole in hole::all(text) {
            self.keep(node, hole, None);
        }
    }

    fn keep(&mut self, node: &Node, hole: Hole, kind: Option<&str>) {
        let (path, kind) = (self.keys().join("."), kind.map(str::to_owned));
        self.checked.found.push(Found { path, hole, kind, need: self.need, place: node.place.clone() });
    }

    /// What may be anything: only references are looked for.
    fn anything(&mut self, node: &'n Node, text: bool) {
        match &node.value {
            Value::String(s) if text => self.holes(node, s),
            Value::String(s) if hole::any(s) => {
                let message = format!("{} cannot hold a reference", self.name());
                self.problem(&node.place, message, None);
            }
            Value::Seq(items) => {
                items.iter().enumerate().for_each(|(at, item)| self.step(Step::Item(at), |walk| walk.anything(item, text)))
            }
            Value::Map(entries) => entries.iter().for_each(|entry| self.step(Step::Key(entry), |walk| walk.anything(&entry.value, text))),
            _ => {}
        }
    }

    fn step(&mut self, step: Step<'n>, inside: impl FnOnce(&mut Self)) {
        self.path.push(step);
        inside(self);
        self.path.pop();
    }

    fn list(&mut self, (item, min, max, unique): (usize, usize, usize, bool), node: &'n Node, items: &'n [Node]) {
        if items.len() < min {
            let message =
                if items.is_empty() { format!("{} is empty", self.name()) } else { format!("{} wants at least {min} items", self.name()) };
            self.problem(&node.place, message, None);
        } else if items.len() > max {
            let message = format!("{} has {} items; the most is {max}", self.name(), items.len());
            self.problem(&node.place, message, None);
        }
        if unique {
            let mut seen = BTreeSet::new();
            for item in items {
                if !seen.insert(item.to_json().to_string()) {
                    let message =
                        format!("{} is here twice", item.as_str().map_or_else(|| "this item".to_owned(), |text| format!("`{text:.60}`")));
                    self.problem(&item.place, message, None);
                }
            }
        }
        items.iter().enumerate().for_each(|(at, node)| self.step(Step::Item(at), |walk| walk.node(item, node)));
    }

    fn object(&mut self, object: &'s Object, node: &'n Node, entries: &'n [Entry]) {
        let has = |name: &str| entries.iter().any(|entry| entry.key == name);
        let mut misspelt: Vec<&str> = Vec::new();
        for entry in entries {
            match (object.fields.get(&entry.key), object.rest) {
                (Some(field), _) => {
                    let outer = self.need;
                    self.need = field.need.unwrap_or(outer);
                    self.step(Step::Key(entry), |walk| walk.node(field.rule, &entry.value));
                    self.need = outer;
                }
                (None, Some(rest)) => self.step(Step::Key(entry), |walk| walk.node(rest, &entry.value)),
                (None, None) => {
                    let missing: Vec<&str> = object.fields.keys().map(String::as_str).filter(|name| !has(name)).collect();
                    misspelt.extend(nearest(&entry.key, missing.iter().copied()));
                    let message = format!("unknown field `{:.60}`", entry.key);
                    let help = suggest(&entry.key, missing);
                    self.step(Step::Key(entry), |walk| walk.problem(&entry.place, message, help));
                }
            }
        }
        for (name, field) in object.fields.iter().filter(|(name, _)| !has(name)) {
            let misspelt = misspelt.contains(&name.as_str());
            if !field.required && !misspelt {
                continue;
            }
            self.checked.wrong.add([self.keys(), vec![name.clone()]].concat());
            if misspelt {
                continue; // one mistake: it is there under another name
            }
            let problem = match self.path.last().copied() {
                Some(Step::Key(entry)) => Problem::at(&entry.place, format!("`{}` has no `{name}`", entry.key)),
                _ => Problem::at(&node.place, format!("`{name}` is missing")),
            };
            self.problems.push(problem);
        }
    }

    /// The first alternative without a mistake; if all have some, the one that was most likely meant tells its own.
    fn one_of(&mut self, alternatives: &'s [usize], node: &'n Node) {
        let mut best: Option<(usize, Problems, Checked)> = None;
        for alternative in alternatives {
            let mut problems = Problems::new();
            let (path, need) = (self.path.clone(), self.need);
            let mut inner = Walk { shape: self.shape, problems: &mut problems, checked: Checked::default(), path, need };
            inner.node(*alternative, node);
            let checked = inner.checked;
            if problems.is_empty() {
                self.checked.found.extend(checked.found);
                return;
            }
            let distance = problems.count() + 100 * self.unlikely(*alternative, node);
            if best.as_ref().is_none_or(|(least, ..)| distance < *least) {
                best = Some((distance, problems, checked));
            }
        }
        if let Some((_, problems, checked)) = best {
            self.problems.merge(problems);
            self.checked.found.extend(checked.found);
            self.checked.wrong.add(self.keys());
        }
    }

    /// How far the outside of an alternative is from the node: its type, and the fields that tell it from the others.
    fn unlikely(&self, alternative: usize, node: &Node) -> usize {
        match (&self.shape.rule(alternative).want, &node.value) {
            (Want::Object(object), Value::Map(entries)) => {
                let unknown = entries.iter().filter(|entry| !object.fields.contains_key(&entry.key)).count();
                let wrong_tag = object.fields.iter().filter(|(name, field)| match (&self.shape.rule(field.rule).want, node.get(name)) {
                    (Want::Text(Text { choices, .. }), Some(tag)) if choices.len() == 1 => tag.as_str() != Some(&choices[0]),
                    _ => false,
                });
                unknown + 2 * wrong_tag.count()
            }
            (Want::List { .. }, Value::Seq(_)) | (Want::Text(_), Value::String(_)) | (Want::Bool, Value::Bool(_)) => 0,
            (Want::Int { .. } | Want::Number { .. }, Value::Int(_) | Value::Float(_)) => 0,
            _ => 10,
        }
    }
}

fn reference_help(kind: &str) -> String {
    format!("write ${{ref(\"...\")}} with the address of a resource of kind {kind}")
}
