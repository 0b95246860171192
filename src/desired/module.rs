//! A module: the contract of one section of the stack, and what it expands to.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value as Json;

use super::check::check as hold_against;
use super::documents::Checked;
use super::doubt::Doubts;
use super::expression::Language;
use super::inputs::{self, Check};
use super::shape::Shape;
use super::template::Template;
use crate::kinds::{Row, lookup, rows};
use crate::model::node::{Entry, Node, Value};
use crate::model::problem::{Place, Problem, Problems, suggest};

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
    /// Inputs whose declaration is wrong.
    pub doubts: Doubts,
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
    /// Compiles a document that was held against [`document_schema`].
    pub fn compile(language: &Language, checked: &Checked<'_>, problems: &mut Problems) -> Self {
        let document = &checked.mended;
        let empty = Node::new(Value::Map(Vec::new()), document.place.clone());
        let metadata = document.get("metadata").unwrap_or(&empty);
        let spec = document.get("spec").unwrap_or(&empty);
        let name = metadata.get("name").and_then(Node::as_str).unwrap_or_default().to_owned();
        let place = metadata.get("name").map_or_else(|| document.place.clone(), |node| node.place.clone());
        let declared = spec.get("inputs");
        let mut doubts = checked.doubts.under(&["spec", "inputs"]);
        let schema = inputs::object(declared, &doubts);
        let shape = Shape::compile(&schema);
        defaults_fit(&shape, declared, &mut doubts, problems);
        patterns_compile(declared, problems);

        let written = checked.document.get("spec").and_then(|spec| spec.get("inputs"));
        let mut known: BTreeSet<&str> = entries(written).map(|entry| entry.key.as_str()).collect();
        for taken in ["stack", "each", "value"].into_iter().filter(|name| known.contains(name)) {
            let problem = Problem::at(&place, format!("an input cannot have the name `{taken}`"));
            problems.push(problem.help("expressions use it for something else"));
        }
        known.insert("stack");
        let mut checks = Vec::new();
        inputs::checks(language, declared, &[], &mut checks, problems);
        checks.retain(|check| {
            let is_sure = check.path.first().is_none_or(|input| !doubts.touch_at(&[input]));
            is_sure && check.rule.check_names(known.iter().copied().chain(["value"]), problems)
        });

        let in_inputs = known.clone();
        if name == TENANT {
            known.insert(TENANT);
        }
        let mut lets: Vec<Let> = Vec::new();
        for entry in entries(spec.get("let")) {
            let value = match checked.is_doubtful(&["spec", "let", &entry.key]) {
                true => Template::broken(&entry.place),
                false => Template::compile(language, &entry.value, &known, problems),
            };
            let of_tenant = |name: &str| name == TENANT || lets.iter().any(|above| above.of_tenant && above.name == name);
            let mut depends = false;
            value.expressions(&mut |expression| depends |= expression.names().iter().any(|name| of_tenant(name)));
            known.insert(&entry.key);
            lets.push(Let { name: entry.key.clone(), value, of_tenant: depends });
        }
        let shared = lets.iter().filter(|one| !one.of_tenant).map(|one| one.name.as_str());
        let in_checks: BTreeSet<&str> = in_inputs.into_iter().chain(shared).collect();
        for (n, node) in spec.get("checks").map(Node::items).unwrap_or_default().iter().enumerate() {
            let at = node.get("at").and_then(Node::as_str).unwrap_or_default();
            let path = at.split('.').filter(|step| !step.is_empty()).map(str::to_owned).collect();
            let check = inputs::check(language, node, path, false, problems);
            let is_sure = |check: &Check| !checked.is_doubtful(&["spec", "checks", &n.to_string()]) && !check.message.is_empty();
            checks.extend(check.filter(is_sure).filter(|check| check.rule.check_names(in_checks.iter().copied(), problems)));
        }
        let resources =
            entries(spec.get("resources")).map(|entry| ResourceTemplate::compile(language, entry, checked, &known, problems)).collect();
        let doc = metadata.get("doc").and_then(Node::as_str).map(str::to_owned);
        Self { name, doc, place, schema, shape, doubts, checks, lets, resources }
    }
}

impl ResourceTemplate {
    fn compile(language: &Language, entry: &Entry, checked: &Checked<'_>, known: &BTreeSet<&str>, problems: &mut Problems) -> Self {
        let Entry { key, place, value } = entry;
        let is_doubtful = |field: &str| checked.is_doubtful(&["spec", "resources", key, field]);
        let mut known = known.clone();
        let mut template = |name: &'static str, known: &BTreeSet<&str>| match is_doubtful(name) {
            true => Some(Template::broken(place)),
            false => value.get(name).filter(|node| !node.is_null()).map(|node| Template::compile(language, node, known, problems)),
        };
        let for_each = template("for_each", &known);
        if for_each.is_some() {
            known.insert("each");
        }
        let [when, protect, moved] = ["when", "protect", "moved"].map(|name| template(name, &known));
        let empty = Node::new(Value::Map(Vec::new()), place.clone());
        let written = value.get("spec").filter(|node| !node.is_null()).unwrap_or(&empty).clone();
        let spec = match is_doubtful("spec") {
            true => Template::broken(place),
            false => Template::compile(language, &written, &known, problems),
        };
        let row = value.get("kind").filter(|_| !is_doubtful("kind")).and_then(|kind| {
            let name = kind.as_str()?;
            let row = lookup(name);
            if row.is_none() {
                let help = suggest(name, rows().map(|row| row.name));
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
fn defaults_fit(shape: &Shape, declared: Option<&Node>, doubts: &mut Doubts, problems: &mut Problems) {
    let given: Vec<Entry> = entries(declared)
        .filter_map(|entry| {
            let default = entry.value.get("default").filter(|default| !default.is_null())?;
            Some(Entry { key: entry.key.clone(), place: entry.place.clone(), value: default.clone() })
        })
        .collect();
    for entry in given {
        let (name, place) = (entry.key.clone(), entry.place.clone());
        let node = Node::new(Value::Map(vec![entry]), place);
        let mut found = Problems::new();
        hold_against(shape, &node, &mut found);
        // Only what is there is looked at: the other inputs are left out on purpose.
        let found = found.only(|problem| !problem.message.ends_with("is missing"));
        if !found.is_empty() {
            doubts.add_at(&[&name]);
        }
        problems.merge(found);
    }
}

fn patterns_compile(declared: Option<&Node>, problems: &mut Problems) {
    for entry in entries(declared) {
        let declaration = &entry.value;
        let wrong = |pattern: &&Node| regex::Regex::new(pattern.as_str().unwrap_or_default()).is_err();
        if let Some(pattern) = declaration.get("pattern").filter(wrong) {
            problems.push(Problem::at(&pattern.place, "this pattern is no regular expression"));
        }
        for name in ["items", "values"] {
            if let Some(inner) = declaration.entry(name) {
                let wrapped = Node::new(Value::Map(vec![inner.clone()]), inner.place.clone());
                patterns_compile(Some(&wrapped), problems);
            }
        }
        patterns_compile(declaration.get("fields"), problems);
    }
}
