//! JSON Schemas made quick to check a tree against. The schemas of kinds, of the stack, of tenants and of module inputs all
//! become a [`Shape`], so that there is one checker and one wording for every mistake.

use std::collections::{BTreeMap, HashMap};

use regex::Regex;
use serde_json::{Map, Value as Json};

use crate::kinds::info::Need;

/// A compiled schema. Definitions may refer to each other in circles, so rules name each other by index.
#[derive(Debug)]
pub struct Shape {
    pub(super) rules: Vec<Rule>,
    pub(super) root: usize,
}

/// What one value has to be.
#[derive(Debug)]
pub(super) struct Rule {
    pub nullable: bool,
    pub want: Want,
}

#[derive(Debug)]
pub(super) enum Want {
    /// Anything, also anything inside; holes too when `text`.
    Any {
        text: bool,
    },
    Bool,
    Int {
        min: Option<i64>,
        max: Option<i64>,
    },
    Number {
        min: Option<f64>,
        max: Option<f64>,
    },
    Text(Text),
    List {
        item: usize,
        min: usize,
        max: usize,
        unique: bool,
    },
    Object(Object),
    /// Any one of these; none of them is only names.
    OneOf(Vec<usize>),
}

#[derive(Debug, Default)]
pub(super) struct Text {
    /// The only texts allowed; empty: all.
    pub choices: Vec<String>,
    pub format: Option<Format>,
    pub pattern: Option<Regex>,
    /// What the pattern asks for, in words.
    pub form: Option<String>,
    pub min: usize,
    pub max: Option<usize>,
    pub least: Option<u64>,
    pub most: Option<u64>,
    pub holes: Holes,
}

/// Whether references may stand in a text.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) enum Holes {
    #[default]
    None,
    /// The text is one reference to a resource of this kind.
    Ref(String),
    /// Anywhere in the text.
    Text,
}

/// Texts with a meaning of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Cidr,
    Size,
    Duration,
}

#[derive(Debug, Default)]
pub(super) struct Object {
    pub fields: BTreeMap<String, Field>,
    /// What other keys hold; none: they are unknown.
    pub rest: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Field {
    pub rule: usize,
    pub required: bool,
    pub default: Option<Json>,
    pub need: Option<Need>,
}

impl Shape {
    /// Compiles a JSON Schema with its `$defs`. What it does not know is not checked.
    pub fn compile(schema: &Json) -> Self {
        let mut compiler = Compiler { root: schema, rules: Vec::new(), known: HashMap::new() };
        let root = compiler.rule(schema);
        Self { rules: compiler.rules, root }
    }

    pub(super) fn rule(&self, at: usize) -> &Rule {
        &self.rules[at]
    }
}

struct Compiler<'s> {
    root: &'s Json,
    rules: Vec<Rule>,
    known: HashMap<&'s str, usize>,
}

impl<'s> Compiler<'s> {
    fn add(&mut self, nullable: bool, want: Want) -> usize {
        self.rules.push(Rule { nullable, want });
        self.rules.len() - 1
    }

    fn rule(&mut self, schema: &'s Json) -> usize {
        let Some(object) = schema.as_object() else { return self.add(true, Want::Any { text: false }) };
        if let Some(pointer) = object.get("$ref").and_then(Json::as_str) {
            return self.named(pointer);
        }
        let nullable = is_nullable(object);
        let want = self.want(object);
        self.add(nullable, want)
    }

    /// A definition: its index is taken before it is compiled, so that it may name itself.
    fn named(&mut self, pointer: &'s str) -> usize {
        if let Some(known) = self.known.get(pointer) {
            return *known;
        }
        let at = self.add(true, Want::Any { text: false });
        self.known.insert(pointer, at);
        let target = pointer.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer)).and_then(Json::as_object);
        if let Some(object) = target {
            let want = match object.get("$ref").and_then(Json::as_str) {
                Some(other) => Want::OneOf(vec![self.named(other)]),
                None => self.want(object),
            };
            self.rules[at] = Rule { nullable: is_nullable(object), want };
        }
        at
    }

    fn want(&mut self, object: &'s Map<String, Json>) -> Want {
        if let Some(names) = names(object) {
            return Want::Text(Text { choices: names, ..Text::default() });
        }
        for word in ["oneOf", "anyOf", "allOf"] {
            if let Some(parts) = object.get(word).and_then(Json::as_array) {
                return self.one_of(object, parts);
            }
        }
        let text = object.get("x-text").and_then(Json::as_bool).unwrap_or_default();
        match types(object).first().copied() {
            Some("boolean") => Want::Bool,
            Some("integer") => {
                Want::Int { min: object.get("minimum").and_then(Json::as_i64), max: object.get("maximum").and_then(Json::as_i64) }
            }
            Some("number") => {
                Want::Number { min: object.get("minimum").and_then(Json::as_f64), max: object.get("maximum").and_then(Json::as_f64) }
            }
            Some("string") => Want::Text(self.text(object)),
            Some("array") => self.list(object),
            Some("object") if text => Want::Any { text: true },
            Some("object") => Want::Object(self.object(object)),
            _ => Want::Any { text },
        }
    }

    fn text(&self, object: &Map<String, Json>) -> Text {
        let number = |name: &str| object.get(name).and_then(Json::as_u64);
        let holes = match object.get("x-kind").and_then(Json::as_str) {
            Some(kind) => Holes::Ref(kind.to_owned()),
            None if object.contains_key("x-text") => Holes::Text,
            None => Holes::None,
        };
        let format = match object.get("format").and_then(Json::as_str) {
            Some("ipv4-cidr") => Some(Format::Cidr),
            Some("size") => Some(Format::Size),
            Some("duration") => Some(Format::Duration),
            _ => None,
        };
        Text {
            choices: Vec::new(),
            format,
            pattern: object.get("pattern").and_then(Json::as_str).and_then(|pattern| Regex::new(pattern).ok()),
            form: object.get("x-form").and_then(Json::as_str).map(str::to_owned),
            min: number("minLength").unwrap_or(0) as usize,
            max: number("maxLength").map(|max| max as usize),
            least: number("x-min"),
            most: number("x-max"),
            holes,
        }
    }

    fn list(&mut self, object: &'s Map<String, Json>) -> Want {
        let item = match object.get("items") {
            Some(items) => self.rule(items),
            None => self.add(true, Want::Any { text: false }),
        };
        let number = |name: &str| object.get(name).and_then(Json::as_u64).map(|n| n as usize);
        let unique = object.get("uniqueItems").and_then(Json::as_bool).unwrap_or_default();
        Want::List { item, min: number("minItems").unwrap_or(0), max: number("maxItems").unwrap_or(usize::MAX), unique }
    }

    fn object(&mut self, object: &'s Map<String, Json>) -> Object {
        let required: Vec<&str> = object.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str).collect();
        let mut fields = BTreeMap::new();
        for (name, schema) in object.get("properties").and_then(Json::as_object).into_iter().flatten() {
            let need = match schema.get("x-need").and_then(Json::as_str) {
                Some("ready") => Some(Need::Ready),
                Some("settle") => Some(Need::Settle),
                _ => None,
            };
            let default = schema.get("default").cloned();
            fields.insert(name.clone(), Field { rule: self.rule(schema), required: required.contains(&name.as_str()), default, need });
        }
        let rest = match object.get("additionalProperties") {
            Some(Json::Object(_)) => object.get("additionalProperties").map(|schema| self.rule(schema)),
            Some(Json::Bool(true)) => Some(self.add(true, Want::Any { text: false })),
            // A map of anything has no properties; a struct that does not deny unknown fields would lose them silently.
            None if fields.is_empty() && !object.contains_key("unevaluatedProperties") => Some(self.add(true, Want::Any { text: false })),
            _ => None,
        };
        Object { fields, rest }
    }

    /// Alternatives; fields that stand beside them belong to each.
    fn one_of(&mut self, object: &'s Map<String, Json>, parts: &'s [Json]) -> Want {
        let shared = object.contains_key("properties").then(|| self.object(object));
        let real: Vec<&'s Json> = parts.iter().filter(|part| part.get("type").and_then(Json::as_str) != Some("null")).collect();
        let alternatives: Vec<usize> = real.into_iter().map(|part| self.rule(part)).collect();
        if let Some(shared) = shared {
            for alternative in &alternatives {
                if let Want::Object(object) = &mut self.rules[*alternative].want {
                    for (name, field) in &shared.fields {
                        let copy = Field { rule: field.rule, required: field.required, default: field.default.clone(), need: field.need };
                        object.fields.entry(name.clone()).or_insert(copy);
                    }
                }
            }
        }
        Want::OneOf(alternatives)
    }
}

fn types(object: &Map<String, Json>) -> Vec<&str> {
    let named: Vec<&str> = match object.get("type") {
        Some(Json::String(one)) => vec![one],
        Some(Json::Array(several)) => several.iter().filter_map(Json::as_str).collect(),
        _ if object.contains_key("properties") => vec!["object"],
        _ => Vec::new(),
    };
    named.into_iter().filter(|name| *name != "null").collect()
}

fn is_nullable(object: &Map<String, Json>) -> bool {
    let null = |schema: &Json| schema.get("type").and_then(Json::as_str) == Some("null");
    let typed = match object.get("type") {
        Some(Json::String(one)) => one == "null",
        Some(Json::Array(several)) => several.iter().any(|name| name == "null"),
        _ => false,
    };
    let listed = object.get("enum").and_then(Json::as_array).is_some_and(|all| all.contains(&Json::Null));
    let alternative =
        ["oneOf", "anyOf"].iter().any(|word| object.get(*word).and_then(Json::as_array).is_some_and(|all| all.iter().any(null)));
    let untyped = ["type", "enum", "const", "oneOf", "anyOf", "allOf", "properties"].iter().all(|word| !object.contains_key(*word));
    typed || listed || alternative || untyped
}

/// The texts that a schema allows, when it allows nothing but a few texts.
fn names(object: &Map<String, Json>) -> Option<Vec<String>> {
    let texts =
        |all: &[Json]| all.iter().filter(|one| !one.is_null()).map(|one| one.as_str().map(str::to_owned)).collect::<Option<Vec<String>>>();
    if let Some(one) = object.get("const") {
        return texts(std::slice::from_ref(one));
    }
    if let Some(all) = object.get("enum").and_then(Json::as_array) {
        return texts(all);
    }
    let parts = object.get("oneOf").or_else(|| object.get("anyOf")).and_then(Json::as_array)?;
    let real = parts.iter().filter(|part| part.get("type").and_then(Json::as_str) != Some("null"));
    let all: Option<Vec<Vec<String>>> = real.map(|part| part.as_object().and_then(names)).collect();
    all.map(|all| all.concat()).filter(|all| !all.is_empty())
}
