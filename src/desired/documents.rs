//! Sorts the documents of all files by their kind, and reads the ones whose form is fixed.

use super::check::check;
use super::expression::Language;
use super::policy::Policy;
use super::schema;
use super::shape::Shape;
use super::tenant::Tenant;
use crate::model::node::{Entry, Node, Value, from_node};
use crate::model::problem::{Place, Problem, suggest};

/// The documents of a folder by kind.
#[derive(Debug, Default)]
pub struct Documents {
    /// `kind: Stack`; there has to be one.
    pub stacks: Vec<Node>,
    /// `kind: Tenant`.
    pub tenants: Vec<Node>,
    /// `kind: Module`.
    pub modules: Vec<Node>,
    /// `kind: Policy`.
    pub policies: Vec<Node>,
}

const KINDS: [&str; 4] = ["Stack", "Tenant", "Module", "Policy"];

impl Documents {
    /// Takes a document in.
    pub fn add(&mut self, document: Node, problems: &mut Vec<Problem>) {
        let Some(kind) = document.entry("kind") else {
            let help = format!("one of {}", KINDS.map(|kind| format!("`{kind}`")).join(", "));
            return problems.push(Problem::at(&document.place, "this document has no `kind`").help(help));
        };
        match kind.value.as_str() {
            Some("Stack") => self.stacks.push(without_nulls(document)),
            Some("Tenant") => self.tenants.push(without_nulls(document)),
            Some("Module") => self.modules.push(document),
            Some("Policy") => self.policies.push(without_nulls(document)),
            _ => {
                let word = kind.value.as_str().unwrap_or("this");
                let help = suggest(word, KINDS);
                problems.push(Problem::at(&kind.value.place, format!("there is no document of kind `{word:.40}`")).maybe_help(help));
            }
        }
    }
}

/// A field that holds nothing is one that was left out.
fn without_nulls(mut node: Node) -> Node {
    match &mut node.value {
        Value::Map(entries) => {
            let kept = std::mem::take(entries).into_iter().filter(|entry| !entry.value.is_null());
            *entries = kept.map(|entry| Entry { value: without_nulls(entry.value), ..entry }).collect();
        }
        Value::Seq(items) => *items = std::mem::take(items).into_iter().map(without_nulls).collect(),
        _ => {}
    }
    node
}

/// The name of a document and where it stands.
pub fn name(document: &Node) -> Option<(&str, &Place)> {
    let name = document.get("metadata")?.get("name")?;
    Some((name.as_str()?, &name.place))
}

/// Says what is wrong with a name that has to be a DNS label.
pub fn check_label(what: &str, name: &str, place: &Place, problems: &mut Vec<Problem>) {
    if !schema::is_label(name) {
        let better: String = name.to_ascii_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(63).collect();
        let better = better.trim_matches('-').to_owned();
        let problem = Problem::at(place, format!("`{name:.70}` is no DNS label, so {what} cannot have this name"));
        let help = "a to z, 0 to 9 and - inside, at most 63 characters";
        problems.push(problem.help(if schema::is_label(&better) { format!("{help}: `{better}`") } else { help.to_owned() }));
    }
}

/// What stands in a stack or tenant is put into the resources as it is, so it must not look like an expression.
pub fn refuse_expressions(node: &Node, problems: &mut Vec<Problem>) {
    match &node.value {
        Value::String(text) if text.contains("${") => {
            problems.push(
                Problem::at(&node.place, "`${` is for modules; here values are plain")
                    .help("write the value, or move the field into a module"),
            );
        }
        Value::Seq(items) => items.iter().for_each(|item| refuse_expressions(item, problems)),
        Value::Map(entries) => entries.iter().for_each(|entry| refuse_expressions(&entry.value, problems)),
        _ => {}
    }
}

/// A document of a fixed form: `name` and `spec`.
fn read<T: for<'de> serde::Deserialize<'de>>(schema: &Shape, document: &Node, problems: &mut Vec<Problem>) -> Option<(String, T, Place)> {
    let before = problems.len();
    check(schema, document, problems);
    if problems.len() > before {
        return None;
    }
    let (name, place) = name(document)?;
    match from_node(document.get("spec")?) {
        Ok(spec) => Some((name.to_owned(), spec, place.clone())),
        Err(error) => {
            problems.push(error.into());
            None
        }
    }
}

/// The tenants that can be read.
pub fn tenants(documents: &[Node], problems: &mut Vec<Problem>) -> Vec<Tenant> {
    let shape = Shape::compile(&schema::tenant());
    let read = documents.iter().filter_map(|document| {
        refuse_expressions(document, problems);
        let (name, spec, place) = read(&shape, document, problems)?;
        Some(Tenant { name, spec, place })
    });
    read.collect()
}

/// The policies that can be read; their rules have to be CEL.
pub fn policies(language: &Language, documents: &[Node], problems: &mut Vec<Problem>) -> Vec<Policy> {
    let shape = Shape::compile(&schema::policy());
    let mut policies: Vec<Policy> = Vec::new();
    for document in documents {
        let Some((id, spec, place)) = read::<super::policy::PolicySpec>(&shape, document, problems) else { continue };
        check_label("a policy", &id, &place, problems);
        let rule = document.deepest(["spec", "rule"]);
        super::policy::compile(language, &spec.rule, &rule.place, problems);
        match policies.iter().find(|other| other.id == id) {
            Some(other) => problems.push(twice("policy", &id, &place, &other.place)),
            None => policies.push(Policy { id, spec, place, rule_place: rule.place.clone() }),
        }
    }
    policies.sort_by(|a, b| a.id.cmp(&b.id));
    policies
}

/// Two of one name.
pub fn twice(what: &str, name: &str, place: &Place, first: &Place) -> Problem {
    Problem::at(place, format!("there are two of the {what} `{name:.70}`")).help(format!("the first is at {first}"))
}
