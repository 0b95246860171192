//! A module: the contract of one section of the stack, and what it expands to.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value as Json;

use super::check::check as hold_against;
use super::expression::{Expression, Language};
use super::inputs::{self, Check};
use super::shape::Shape;
use super::template::Template;
use crate::kinds::{KINDS, Row, lookup};
use crate::model::node::{Entry, Node};
use crate::model::problem::{Place, Problem, suggest};

/// The module that is expanded once per tenant.
pub const TENANT: &str = "tenant";

/// A module, compiled.
#[derive(Debug)]
pub struct Module {
    /// Its name: the section of the stack and the first part of each address.
    pub name: String,
    /// What it is for.
    pub doc: Option<String>,
    /// Where its name stands.
    pub place: Place,
    /// The JSON Schema of its section.
    pub schema: Json,
    /// The same, compiled.
    pub shape: Shape,
    /// What its types cannot say.
    pub checks: Vec<Check>,
    /// Names for what is used more than once, in order.
    pub lets: Vec<Let>,
    /// What it expands to, in the order of the file.
    pub resources: Vec<ResourceTemplate>,
}

/// One entry of `let`.
#[derive(Debug)]
pub struct Let {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Template,
    /// It depends on the tenant, so it is computed once for each; all others are computed once.
    pub of_tenant: bool,
}

/// One entry of `resources`.
#[derive(Debug)]
pub struct ResourceTemplate {
    /// The part of the address after the dot.
    pub name: String,
    /// Where its name stands.
    pub place: Arc<Place>,
    /// Its kind; none when there is no such kind, which is reported already.
    pub row: Option<&'static Row>,
    /// A list of texts or a map.
    pub for_each: Option<Template>,
    /// False: there is no such resource.
    pub when: Option<Template>,
    /// Deleting and replacing it is refused.
    pub protect: Option<Template>,
    /// Addresses that it had before.
    pub moved: Option<Template>,
    /// The kind's fields.
    pub spec: Template,
    /// The same as it was written: the places of the fields.
    pub written: Arc<Node>,
}

/// The fields of `apiVersion`, `kind`, `metadata` and `spec` of a module, as a JSON Schema.
pub fn document_schema() -> Json {
    // The text is part of the program; a test reads it.
    serde_json::from_str(include_str!("module.schema.json")).unwrap_or(Json::Bool(true))
}

impl Module {
    /// Compiles a document that fits [`document_schema`].
    pub fn compile(language: &Language, document: &Node, problems: &mut Vec<Problem>) -> Self {
        let empty = Node::new(crate::model::node::Value::Map(Vec::new()), document.place.clone());
        let metadata = document.get("metadata").unwrap_or(&empty);
        let spec = document.get("spec").unwrap_or(&empty);
        let declared = spec.get("inputs");
        let schema = inputs::object(declared);
        let shape = Shape::compile(&schema);
        defaults_fit(&shape, declared, problems);
        patterns_compile(declared, problems);
        let mut checks = Vec::new();
        inputs::checks(language, declared, &[], &mut checks, problems);
        for node in spec.get("checks").map(Node::items).unwrap_or_default() {
            let at = node.get("at").and_then(Node::as_str).unwrap_or_default();
            let path = at.split('.').filter(|step| !step.is_empty()).map(str::to_owned).collect();
            checks.extend(inputs::check(language, node, path, false, problems));
        }
        let compile = |node: &Node, problems: &mut Vec<Problem>| Template::compile(language, node, problems);
        let mut lets: Vec<Let> = Vec::new();
        for entry in entries(spec.get("let")) {
            let value = compile(&entry.value, problems);
            let of_tenant = |name: &str| name == TENANT || lets.iter().any(|above| above.of_tenant && above.name == name);
            let mut depends = false;
            value.expressions(&mut |expression| depends |= expression.names().iter().any(|name| of_tenant(name)));
            lets.push(Let { name: entry.key.clone(), value, of_tenant: depends });
        }
        let resources = entries(spec.get("resources")).map(|entry| ResourceTemplate::compile(language, entry, problems)).collect();
        let module = Self {
            name: metadata.get("name").and_then(Node::as_str).unwrap_or_default().to_owned(),
            doc: metadata.get("doc").and_then(Node::as_str).map(str::to_owned),
            place: metadata.get("name").map_or_else(|| document.place.clone(), |node| node.place.clone()),
            schema,
            shape,
            checks,
            lets,
            resources,
        };
        module.check_names(declared, problems);
        module
    }

    /// Every name in an expression has to be an input, a `let` above it, or one that its place has.
    fn check_names(&self, declared: Option<&Node>, problems: &mut Vec<Problem>) {
        let mut known: BTreeSet<&str> = entries(declared).map(|entry| entry.key.as_str()).collect();
        for name in ["stack", "each", "value"] {
            if known.contains(name) {
                problems.push(
                    Problem::at(&self.place, format!("an input cannot have the name `{name}`"))
                        .help("expressions use it for something else"),
                );
            }
        }
        known.insert("stack");
        for check in &self.checks {
            let shared = self.lets.iter().filter(|one| !check.of_input && !one.of_tenant).map(|one| one.name.as_str());
            let with_value = known.iter().copied().chain(check.of_input.then_some("value")).chain(shared);
            check.rule.check_names(with_value.collect::<Vec<_>>().into_iter(), problems);
        }
        if self.name == TENANT {
            known.insert("tenant");
        }
        let hold = |template: &Template, known: &BTreeSet<&str>, problems: &mut Vec<Problem>| {
            template.expressions(&mut |expression: &Expression| expression.check_names(known.iter().copied(), problems));
        };
        for Let { name, value, .. } in &self.lets {
            hold(value, &known, problems);
            known.insert(name);
        }
        for resource in &self.resources {
            let mut known = known.clone();
            for template in resource.for_each.iter() {
                hold(template, &known, problems);
                known.insert("each");
            }
            for template in resource.when.iter().chain(&resource.protect).chain(&resource.moved).chain([&resource.spec]) {
                hold(template, &known, problems);
            }
        }
    }
}

impl ResourceTemplate {
    fn compile(language: &Language, entry: &Entry, problems: &mut Vec<Problem>) -> Self {
        let Entry { key, place, value } = entry;
        let mut template =
            |name: &str| value.get(name).filter(|node| !node.is_null()).map(|node| Template::compile(language, node, problems));
        let (for_each, when, protect, moved) = (template("for_each"), template("when"), template("protect"), template("moved"));
        let empty = Node::new(crate::model::node::Value::Map(Vec::new()), place.clone());
        let written = value.get("spec").filter(|node| !node.is_null()).unwrap_or(&empty).clone();
        let spec = Template::compile(language, &written, problems);
        let row = value.get("kind").and_then(|kind| {
            let name = kind.as_str()?;
            let row = lookup(name);
            if row.is_none() {
                let help = suggest(name, KINDS.iter().map(|row| row.name));
                problems.push(Problem::at(&kind.place, format!("there is no kind `{name:.60}`")).maybe_help(help));
            }
            row
        });
        Self { name: key.clone(), place: Arc::new(place.clone()), row, for_each, when, protect, moved, spec, written: Arc::new(written) }
    }
}

fn entries(node: Option<&Node>) -> impl Iterator<Item = &Entry> {
    node.map(Node::entries).unwrap_or_default().iter()
}

/// A default that its own type refuses would be reported wherever the section is left out.
fn defaults_fit(shape: &Shape, declared: Option<&Node>, problems: &mut Vec<Problem>) {
    let given: Vec<Entry> = entries(declared)
        .filter_map(|entry| {
            let default = entry.value.get("default").filter(|default| !default.is_null())?;
            Some(Entry { key: entry.key.clone(), place: entry.place.clone(), value: default.clone() })
        })
        .collect();
    for entry in given {
        let place = entry.place.clone();
        let node = Node::new(crate::model::node::Value::Map(vec![entry]), place);
        let mut found = Vec::new();
        hold_against(shape, &node, &mut found);
        // Only what is there is looked at: the other inputs are left out on purpose.
        problems.extend(found.into_iter().filter(|problem| !problem.message.ends_with("is missing")));
    }
}

fn patterns_compile(declared: Option<&Node>, problems: &mut Vec<Problem>) {
    for entry in entries(declared) {
        let declaration = &entry.value;
        let wrong = |pattern: &&Node| regex::Regex::new(pattern.as_str().unwrap_or_default()).is_err();
        if let Some(pattern) = declaration.get("pattern").filter(wrong) {
            problems.push(Problem::at(&pattern.place, "this pattern is no regular expression"));
        }
        for name in ["items", "values"] {
            if let Some(inner) = declaration.entry(name) {
                let wrapped = Node::new(crate::model::node::Value::Map(vec![inner.clone()]), inner.place.clone());
                patterns_compile(Some(&wrapped), problems);
            }
        }
        patterns_compile(declaration.get("fields"), problems);
    }
}
