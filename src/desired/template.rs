//! A tree with `${...}` in its strings, compiled once and instantiated many times. Each node keeps the template's place.

use std::collections::BTreeSet;

use super::expression::{Expression, Language, Scope, budget};
use super::scan::{self, Part};
use crate::model::node::{Entry, Node, Value};
use crate::model::problem::{Place, Problem, Problems};

/// A compiled tree.
#[derive(Debug)]
pub struct Template {
    place: Place,
    what: What,
}

#[derive(Debug)]
enum What {
    /// No expression in it.
    Fixed(Node),
    /// Exactly one expression: takes its type.
    Whole(Expression),
    /// Text with expressions in it.
    Mixed(Vec<Piece>),
    Seq(Vec<Template>),
    Map(Vec<(Key, Place, Template)>),
    /// What could not be compiled, which is reported: its value is doubtful.
    Broken,
}

/// What came to light while trees were made of templates.
#[derive(Debug, Default)]
pub struct Findings {
    /// What is wrong.
    pub problems: Problems,
    /// The places of values that are doubtful, or are not there because of a problem.
    pub doubts: BTreeSet<Place>,
}

impl Findings {
    /// Whether all is as it should be.
    pub fn is_sure(&self) -> bool {
        self.problems.is_empty() && self.doubts.is_empty()
    }

    /// Reports a value, which is doubtful then.
    pub fn wrong(&mut self, problem: Problem, place: &Place) {
        self.problems.push(problem);
        self.doubts.insert(place.clone());
    }
}

#[derive(Debug)]
enum Piece {
    Literal(String),
    Expression(Expression),
}

#[derive(Debug)]
enum Key {
    Fixed(String),
    Mixed(Vec<Piece>),
}

impl Template {
    /// Compiles a tree whose expressions may use the names `known`; what cannot be compiled goes to `problems`.
    pub fn compile(language: &Language, node: &Node, known: &BTreeSet<&str>, problems: &mut Problems) -> Self {
        let broken = || Self::broken(&node.place);
        let what = match &node.value {
            Value::String(text) => match pieces(language, text, &node.place, node.plain, known, problems) {
                Ok(Some(pieces)) => whole_or_mixed(pieces),
                Ok(None) => What::Fixed(node.clone()),
                Err(Unusable) => return broken(),
            },
            Value::Seq(items) => {
                let items: Vec<Self> = items.iter().map(|item| Self::compile(language, item, known, problems)).collect();
                if items.iter().all(Self::is_fixed) { What::Fixed(Self::settled(node)) } else { What::Seq(items) }
            }
            Value::Map(entries) => {
                let mut compiled = Vec::with_capacity(entries.len());
                for entry in entries {
                    let key = match pieces(language, &entry.key, &entry.place, true, known, problems) {
                        Ok(Some(pieces)) => match whole_or_mixed(pieces) {
                            What::Whole(expression) => Key::Mixed(vec![Piece::Expression(expression)]),
                            What::Mixed(pieces) => Key::Mixed(pieces),
                            _ => Key::Fixed(entry.key.clone()),
                        },
                        Ok(None) => Key::Fixed(entry.key.clone()),
                        Err(Unusable) => return broken(),
                    };
                    compiled.push((key, entry.place.clone(), Self::compile(language, &entry.value, known, problems)));
                }
                let fixed = compiled.iter().all(|(key, _, value)| matches!(key, Key::Fixed(_)) && value.is_fixed());
                if fixed { What::Fixed(Self::settled(node)) } else { What::Map(compiled) }
            }
            _ => What::Fixed(node.clone()),
        };
        Self { place: node.place.clone(), what }
    }

    /// A template whose value nobody knows.
    pub fn broken(place: &Place) -> Self {
        Self { place: place.clone(), what: What::Broken }
    }

    /// A fixed tree as it comes out: without nulls and with `$${` made `${`.
    fn settled(node: &Node) -> Node {
        let value = match &node.value {
            Value::String(text) => Value::String(text.replace("$${", "${")),
            Value::Seq(items) => Value::Seq(items.iter().filter(|item| !item.is_null()).map(Self::settled).collect()),
            Value::Map(entries) => Value::Map(
                entries
                    .iter()
                    .filter(|entry| !entry.value.is_null())
                    .map(|entry| Entry {
                        key: entry.key.replace("$${", "${"),
                        place: entry.place.clone(),
                        value: Self::settled(&entry.value),
                    })
                    .collect(),
            ),
            other => other.clone(),
        };
        Node { value, place: node.place.clone(), plain: node.plain }
    }

    fn is_fixed(&self) -> bool {
        matches!(self.what, What::Fixed(_))
    }

    /// Where it stands.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Visits every expression.
    pub fn expressions<'t>(&'t self, visit: &mut dyn FnMut(&'t Expression)) {
        let in_pieces = |pieces: &'t [Piece], visit: &mut dyn FnMut(&'t Expression)| {
            for piece in pieces {
                if let Piece::Expression(expression) = piece {
                    visit(expression);
                }
            }
        };
        match &self.what {
            What::Fixed(_) | What::Broken => {}
            What::Whole(expression) => visit(expression),
            What::Mixed(pieces) => in_pieces(pieces, visit),
            What::Seq(items) => items.iter().for_each(|item| item.expressions(visit)),
            What::Map(entries) => {
                for (key, _, value) in entries {
                    if let Key::Mixed(pieces) = key {
                        in_pieces(pieces, visit);
                    }
                    value.expressions(visit);
                }
            }
        }
    }

    /// The expressions that make the value at `place`: of a text all, unless one of them stands just there.
    pub fn expressions_at<'t>(&'t self, place: &Place) -> Vec<&'t Expression> {
        let in_pieces = |pieces: &'t [Piece]| {
            let all = pieces.iter().filter_map(|piece| if let Piece::Expression(expression) = piece { Some(expression) } else { None });
            let exact: Vec<&Expression> = all.clone().filter(|expression| expression.place() == place).collect();
            if exact.is_empty() && self.place == *place { all.collect() } else { exact }
        };
        match &self.what {
            What::Whole(expression) if self.place == *place || expression.place() == place => vec![expression],
            What::Mixed(pieces) => in_pieces(pieces),
            What::Seq(items) => items.iter().flat_map(|item| item.expressions_at(place)).collect(),
            What::Map(entries) => entries.iter().flat_map(|(_, _, value)| value.expressions_at(place)).collect(),
            What::Fixed(_) | What::Broken | What::Whole(_) => Vec::new(),
        }
    }

    /// The tree with its expressions evaluated, and without nulls inside of lists and maps. Where one fails, or takes something doubtful,
    /// nothing stands, or a doubtful value.
    pub fn instantiate(&self, scope: &Scope<'_, '_>, findings: &mut Findings) -> Node {
        let nothing = || Node::new(Value::Null, self.place.clone());
        let value = match &self.what {
            What::Fixed(node) => return node.clone(),
            What::Broken => {
                findings.doubts.insert(self.place.clone());
                Value::Null
            }
            What::Whole(expression) => {
                let evaluate = || expression.node(scope, &self.place);
                return self.evaluated(expression.doubtful(scope), evaluate, findings).map_or_else(nothing, without_nulls);
            }
            What::Mixed(pieces) => {
                let evaluate = || interpolate(pieces, scope);
                self.evaluated(doubtful(pieces, scope), evaluate, findings).map_or(Value::Null, Value::String)
            }
            What::Seq(items) => {
                let items = items.iter().map(|item| item.instantiate(scope, findings)).collect::<Vec<_>>();
                Value::Seq(items.into_iter().filter(|item| !item.is_null() || findings.doubts.contains(&item.place)).collect())
            }
            What::Map(entries) => {
                let mut out: Vec<Entry> = Vec::with_capacity(entries.len());
                for (key, place, value) in entries {
                    let value = value.instantiate(scope, findings);
                    if value.is_null() && !findings.doubts.contains(&value.place) {
                        continue;
                    }
                    let key = match key {
                        Key::Fixed(key) => Some(key.clone()),
                        Key::Mixed(pieces) => self.evaluated(doubtful(pieces, scope), || interpolate(pieces, scope), findings),
                    };
                    match key {
                        Some(key) if out.iter().any(|entry| entry.key == key) => {
                            findings.wrong(Problem::at(place, format!("the key `{key:.60}` comes out twice")), &self.place);
                        }
                        Some(key) => out.push(Entry { key, place: place.clone(), value }),
                        None => {}
                    }
                }
                Value::Map(out)
            }
        };
        Node::new(value, self.place.clone())
    }

    /// A value, if it can be had.
    fn evaluated<T>(&self, doubtful: bool, evaluate: impl FnOnce() -> Result<T, Problem>, findings: &mut Findings) -> Option<T> {
        if doubtful || budget::spent() {
            findings.doubts.insert(self.place.clone());
            return if budget::spent() || budget::overdrawn() { None } else { evaluate().ok() };
        }
        match evaluate() {
            Ok(value) => Some(value),
            Err(problem) => {
                findings.wrong(problem, &self.place);
                None
            }
        }
    }
}

fn doubtful(pieces: &[Piece], scope: &Scope<'_, '_>) -> bool {
    pieces.iter().any(|piece| matches!(piece, Piece::Expression(expression) if expression.doubtful(scope)))
}

fn without_nulls(mut node: Node) -> Node {
    match &mut node.value {
        Value::Seq(items) => *items = std::mem::take(items).into_iter().filter(|item| !item.is_null()).map(without_nulls).collect(),
        Value::Map(entries) => {
            let kept = std::mem::take(entries).into_iter().filter(|entry| !entry.value.is_null());
            *entries = kept.map(|entry| Entry { value: without_nulls(entry.value), ..entry }).collect();
        }
        _ => {}
    }
    node
}

fn whole_or_mixed(mut pieces: Vec<Piece>) -> What {
    match pieces.len() {
        1 => match pieces.remove(0) {
            Piece::Expression(expression) => What::Whole(expression),
            literal @ Piece::Literal(_) => What::Mixed(vec![literal]),
        },
        _ => What::Mixed(pieces),
    }
}

/// A string that holds something that is no expression, which is reported.
struct Unusable;

/// The pieces of a string; nothing when it holds no `${`.
fn pieces(
    language: &Language,
    text: &str,
    place: &Place,
    plain: bool,
    known: &BTreeSet<&str>,
    problems: &mut Problems,
) -> Result<Option<Vec<Piece>>, Unusable> {
    if !text.contains("${") {
        return Ok(None);
    }
    let parts = match scan::parts(text) {
        Ok(parts) => parts,
        Err(scan::Unclosed(at)) => {
            let place = inside(place, text, at, plain);
            problems.push(Problem::at(&place, "`${` has no `}`").help("write $${ for a literal ${"));
            return Err(Unusable);
        }
    };
    let (mut pieces, mut usable) = (Vec::with_capacity(parts.len()), true);
    for part in parts {
        match part {
            Part::Literal(text) => pieces.push(Piece::Literal(text)),
            Part::Expression { source, at } => {
                let mut at = inside(place, text, at, plain);
                at.len = u32::try_from(source.chars().count()).unwrap_or(1).max(1);
                match language.compile(&source, &at) {
                    Ok(expression) => {
                        usable &= expression.check_names(known.iter().copied(), problems);
                        pieces.push(Piece::Expression(expression));
                    }
                    Err(problem) => {
                        usable = false;
                        problems.push(problem);
                    }
                }
            }
        }
    }
    if usable { Ok(Some(pieces)) } else { Err(Unusable) }
}

/// The place of a byte inside of a string. In a text of several lines it is the string's own.
fn inside(place: &Place, text: &str, at: usize, plain: bool) -> Place {
    let before = text.get(..at).map_or(0, |before| before.chars().count());
    let quote = usize::from(!plain);
    if text.contains('\n') || place.len as usize <= before {
        return place.clone();
    }
    let shift = (before + quote) as u32;
    Place { column: place.column + shift, len: place.len.saturating_sub(shift).max(1), ..place.clone() }
}

/// Text of its pieces; only texts and whole numbers may be put in.
fn interpolate(pieces: &[Piece], scope: &Scope<'_, '_>) -> Result<String, Problem> {
    let mut out = String::new();
    for piece in pieces {
        match piece {
            Piece::Literal(text) => out.push_str(text),
            Piece::Expression(expression) => match expression.node(scope, expression.place())?.value {
                Value::String(text) => out.push_str(&text),
                Value::Int(n) => out.push_str(&n.to_string()),
                Value::Null => return Err(expression.problem("gives nothing; only text and whole numbers can be put into text")),
                other => {
                    let noun = Node::new(other, expression.place().clone()).noun();
                    return Err(expression.problem(format_args!("gives {noun}; only text and whole numbers can be put into text")));
                }
            },
        }
    }
    Ok(out)
}
