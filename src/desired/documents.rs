//! Sorts the documents of all files by their kind, and reads the ones whose form is fixed.

use super::check::check;
use super::doubt::Doubts;
use super::expression::Language;
use super::mend::mend;
use super::policy::Policy;
use super::schema;
use super::shape::Shape;
use crate::model::node::{Entry, Node, Value, from_node};
use crate::model::problem::{Place, Problem, Problems, suggest};

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
    /// Those that could not be read to their end.
    pub cut: Vec<Node>,
}

const KINDS: [&str; 4] = ["Stack", "Tenant", "Module", "Policy"];

impl Documents {
    /// Takes a document in.
    pub fn add(&mut self, document: Node, problems: &mut Problems) {
        let Some(kind) = document.entry("kind") else {
            let help = format!("one of {}", KINDS.map(|kind| format!("`{kind}`")).join(", "));
            let message = match &document.value {
                Value::Map(_) => "this document has no `kind`".to_owned(),
                _ => format!("a document is a mapping with a `kind`, not {}", document.noun()),
            };
            return problems.push(Problem::at(&document.place, message).help(help));
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

    /// Whether there may be a document of this kind that could not be read.
    pub fn may_lack(&self, kind: &str) -> bool {
        self.cut.iter().any(|cut| cut.get("kind").and_then(Node::as_str).is_none_or(|is| is == kind || !KINDS.contains(&is)))
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
pub fn check_label(what: &str, name: &str, place: &Place, problems: &mut Problems) {
    if !schema::is_label(name) {
        let better: String = name.to_ascii_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(63).collect();
        let better = better.trim_matches('-').to_owned();
        let problem = Problem::at(place, format!("`{name:.70}` is no DNS label, so {what} cannot have this name"));
        let help = "a to z, 0 to 9 and - inside, at most 63 characters";
        problems.push(problem.help(if schema::is_label(&better) { format!("{help}: `{better}`") } else { help.to_owned() }));
    }
}

/// What stands in a stack or tenant is put into the resources as it is, so it must not look like an expression.
fn refuse_expressions(node: &Node, path: &mut Vec<String>, wrong: &mut Doubts, problems: &mut Problems) {
    let mut inner = |step: String, node: &Node| {
        path.push(step);
        refuse_expressions(node, path, wrong, problems);
        path.pop();
    };
    match &node.value {
        Value::String(text) if text.contains("${") => {
            wrong.add(path.clone());
            problems.push(
                Problem::at(&node.place, "`${` is for modules; here values are plain")
                    .help("write the value, or move the field into a module"),
            );
        }
        Value::Seq(items) => items.iter().enumerate().for_each(|(at, item)| inner(at.to_string(), item)),
        Value::Map(entries) => entries.iter().for_each(|entry| inner(entry.key.clone(), &entry.value)),
        _ => {}
    }
}

/// A document held against its shape.
#[derive(Debug)]
pub struct Checked<'d> {
    /// As it was written.
    pub document: &'d Node,
    /// What is right of it, made whole.
    pub mended: Node,
    /// What is not, by its path in the document.
    pub doubts: Doubts,
}

impl<'d> Checked<'d> {
    /// Checks a document whose values are plain.
    pub fn plain(shape: &Shape, document: &'d Node, problems: &mut Problems) -> Self {
        let mut wrong = Doubts::default();
        refuse_expressions(document, &mut Vec::new(), &mut wrong, problems);
        let mut checked = Self::of(shape, document, problems);
        checked.doubts.add_under(&[], &wrong);
        checked
    }

    /// Checks a document.
    pub fn of(shape: &Shape, document: &'d Node, problems: &mut Problems) -> Self {
        let doubts = check(shape, document, problems).wrong;
        Self { document, mended: mend(shape, document, &doubts), doubts }
    }

    /// Its name, if that can be read, and where it stands.
    pub fn name(&self) -> Option<(&'d str, &'d Place)> {
        name(self.document).filter(|_| !self.is_doubtful(&["metadata", "name"]))
    }

    /// Its `spec`, with what is wrong at its default.
    pub fn spec<T: for<'de> serde::Deserialize<'de>>(&self, problems: &mut Problems) -> Option<T> {
        match from_node(self.mended.get("spec")?) {
            Ok(spec) => Some(spec),
            Err(error) if self.doubts.is_empty() => {
                problems.push(error.into());
                None
            }
            Err(_) => None,
        }
    }

    /// Whether the value at `path`, or something in it, is not known to be right.
    pub fn is_doubtful(&self, path: &[&str]) -> bool {
        self.doubts.touch_at(path)
    }

    /// Where the value at `path` was written, or the innermost on the way that was.
    pub fn place(&self, path: &[&str]) -> Place {
        self.document.deepest(path.iter().copied()).place.clone()
    }

    /// Says that the value at `path` is wrong, unless it is not what was written.
    pub fn refuse(&mut self, path: &[&str], problem: Problem, problems: &mut Problems) {
        if !self.is_doubtful(path) {
            self.doubts.add_at(path);
            problems.push(problem);
        }
    }
}

/// The policies that can be read; their rules have to be CEL.
pub fn policies(language: &Language, documents: &[Node], problems: &mut Problems) -> Vec<Policy> {
    let shape = Shape::compile(&schema::policy());
    let mut policies: Vec<Policy> = Vec::new();
    for document in documents {
        let checked = Checked::of(&shape, document, problems);
        let Some(spec) = checked.spec::<super::policy::PolicySpec>(problems) else { continue };
        let rule_place = checked.place(&["spec", "rule"]);
        if !checked.is_doubtful(&["spec", "rule"]) {
            super::policy::compile(language, &spec.rule, &rule_place, problems);
        }
        let Some((id, place)) = checked.name() else { continue };
        check_label("a policy", id, place, problems);
        match policies.iter().find(|other| other.id == id) {
            Some(other) => problems.push(twice("policy", id, place, &other.place)),
            None => policies.push(Policy { id: id.to_owned(), spec, place: place.clone(), rule_place }),
        }
    }
    policies.sort_by(|a, b| a.id.cmp(&b.id));
    policies
}

/// Two of one name.
pub fn twice(what: &str, name: &str, place: &Place, first: &Place) -> Problem {
    Problem::at(place, format!("there are two of the {what} `{name:.70}`")).help(format!("the first is at {first}"))
}
