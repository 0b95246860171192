//! YAML text to spanned trees, within budgets: an alias bomb, a megabyte scalar or a tower of brackets is a problem with a
//! place and never memory.
//!
//! YAML 1.2's core schema decides what a plain scalar is. Words and numbers that YAML 1.1, on which many editors and
//! people still count, reads in another way (`no`, `0o17`, `017`) are refused with what to write instead.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span};

use crate::model::node::{Entry, Float, Node, Value};
use crate::model::problem::{Place, Problem, Problems};

/// One file of a stack's folder.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// The path as people should see it.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// What a file may cost, far above what ten thousand tenants need.
pub mod budget {
    /// Bytes of one file.
    pub const FILE: usize = 16 << 20;
    /// Bytes of all files.
    pub const FOLDER: usize = 64 << 20;
    /// Files of a folder.
    pub const FILES: usize = 50_000;
    /// Bytes of one scalar or key.
    pub const SCALAR: usize = 64 << 10;
    /// Levels of lists and maps.
    pub const DEPTH: usize = 48;
    /// Values of all files.
    pub const NODES: usize = 2_000_000;
    /// Documents of one file that cannot be read to their end; after the last, its rest is not looked at.
    pub const CUTS: usize = 20;
    /// Values that the aliases of one file may copy, altogether; so may its anchors, and 32 bytes of text count as a value.
    pub const ALIASED: usize = 50_000;
}

/// What a file holds.
#[derive(Debug, Default)]
pub struct Contents {
    /// Its documents, as far as they can be read.
    pub documents: Vec<Node>,
    /// Those that could not be read to their end: `kind` and `metadata`, if they were read before.
    pub cut: Vec<Node>,
}

/// The documents of a file; what cannot be read goes to `problems`.
///
/// `nodes` counts the values of all files so far.
pub fn documents(file: &SourceFile, nodes: &mut usize, problems: &mut Problems) -> Contents {
    let path: Arc<str> = file.path.as_str().into();
    let start = Place { file: path.clone(), line: 1, column: 1, len: 1 };
    if file.text.len() > budget::FILE {
        problems.push(Problem::at(&start, format!("the file has {} MiB; the most is {}", file.text.len() >> 20, budget::FILE >> 20)));
        return Contents { cut: vec![Node::new(Value::Null, start)], ..Contents::default() };
    }
    if let Some(at) = file.text.bytes().position(|b| b == 0) {
        let line = file.text[..at].matches('\n').count() as u32 + 1;
        let place = Place { line, ..start };
        problems.push(Problem::at(&place, "this is a binary file, not YAML").help("move it out of the stack's folder"));
        return Contents { cut: vec![Node::new(Value::Null, place)], ..Contents::default() };
    }
    let mut contents = Contents::default();
    let (mut text, mut from) = (Cow::Borrowed(file.text.as_str()), 0);
    for _ in 0..budget::CUTS {
        let Some(begun) = Reader::new(path.clone(), &text, nodes, problems).read(&mut contents) else { return contents };
        // What cannot be read ends with its document: `---` at the beginning of a line is nothing else.
        let after = begun.max(from);
        let Some((line, at)) = documents_of(&file.text).find(|(line, _)| *line > after) else { return contents };
        text = Cow::Owned("\n".repeat(line - 1) + &file.text[at..]); // so that lines keep their numbers
        from = line;
    }
    contents
}

/// The lines that begin a document: their numbers, and the bytes at which they begin.
fn documents_of(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
    let begins = |at: usize| text[at..].strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace));
    starts.enumerate().filter(move |(_, at)| begins(*at)).map(|(n, at)| (n + 1, at))
}

/// Why reading a file stopped: its problem is reported already.
struct Stopped;

type Step<T> = Result<T, Stopped>;

struct Reader<'t, 'p> {
    path: Arc<str>,
    text: &'t str,
    parser: Parser<'t, granit_parser::StrInput<'t>>,
    problems: &'p mut Problems,
    anchors: HashMap<usize, Node>,
    nodes: &'p mut usize,
    aliased: usize,
    /// What was read of the fields of the document that is being read.
    head: Vec<Entry>,
    /// The line at which it begins.
    begun: usize,
}

impl<'t, 'p> Reader<'t, 'p> {
    fn new(path: Arc<str>, text: &'t str, nodes: &'p mut usize, problems: &'p mut Problems) -> Self {
        let mut options = Options::default();
        options.set_emit_comments(false);
        let parser = Parser::new_from_str_with_options(text, options);
        Self { path, text, parser, problems, anchors: HashMap::new(), nodes, aliased: 0, head: Vec::new(), begun: 0 }
    }

    /// Reads all, or to where it has to stop, which is reported: then the line is returned at which that document begins.
    fn read(mut self, contents: &mut Contents) -> Option<usize> {
        let stopped = self.all(&mut contents.documents).is_err();
        stopped.then(|| {
            let start = Place { file: self.path.clone(), line: self.begun as u32, column: 1, len: 1 };
            contents.cut.push(Node::new(Value::Map(self.head), start));
            self.begun
        })
    }

    fn all(&mut self, documents: &mut Vec<Node>) -> Step<()> {
        while let Some((event, span)) = self.next()? {
            match event {
                Event::DocumentStart(..) => {
                    self.anchors.clear();
                    self.head.clear();
                    self.begun = span.start.line();
                }
                Event::StreamStart | Event::DocumentEnd => {}
                Event::StreamEnd => break,
                event => match self.node(event, span, 0)? {
                    node if node.is_null() => {} // an empty document between two `---`
                    node => documents.push(node),
                },
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Step<Option<(Event<'t>, Span)>> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok(next)) => Ok(Some(next)),
            Some(Err(error)) => self.syntax(&error),
        }
    }

    fn syntax<T>(&mut self, error: &ScanError) -> Step<T> {
        let at = error.marker();
        let line = u32::try_from(at.line().max(1)).unwrap_or(u32::MAX);
        let place = Place { file: self.path.clone(), line, column: at.col() as u32 + 1, len: 1 };
        let tab = self.text.lines().nth(line as usize - 1).is_some_and(|line| line.trim_start_matches(' ').starts_with('\t'));
        let mut message: String = error.info().chars().take(200).collect();
        message.insert_str(0, "this is no YAML: ");
        let problem = Problem::at(&place, message);
        self.stop(if tab { problem.help("indent with spaces, not with tabs") } else { problem })
    }

    fn stop<T>(&mut self, problem: Problem) -> Step<T> {
        self.problems.push(problem);
        Err(Stopped)
    }

    fn place(&self, span: Span) -> Place {
        let one_line = span.start.line() == span.end.line();
        let len = if one_line { span.end.col().saturating_sub(span.start.col()).max(1) } else { 1 };
        Place { file: self.path.clone(), line: span.start.line() as u32, column: span.start.col() as u32 + 1, len: len as u32 }
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Step<Node> {
        let place = self.place(span);
        *self.nodes += 1;
        if *self.nodes > budget::NODES {
            return self.stop(Problem::at(&place, format!("the files have more than {} values", budget::NODES)));
        }
        if depth > budget::DEPTH {
            return self.stop(Problem::at(&place, format!("lists and mappings are nested more than {} deep", budget::DEPTH)));
        }
        let (anchor, tag) = (event.anchor_id(), event.tag().map(ToString::to_string));
        let text_tag = tag.as_deref() == Some("tag:yaml.org,2002:str") || tag.as_deref() == Some("!!str");
        if let Some(tag) = tag.filter(|_| !text_tag) {
            self.problems.push(Problem::at(&place, format!("tags such as `{tag:.40}` are not used here")).help("leave it out"));
        }
        let node = match event {
            Event::Scalar(text, style, ..) => self.scalar(text, style, text_tag, place)?,
            Event::SequenceStart(..) => self.seq(place, depth)?,
            Event::MappingStart(..) => self.map(place, depth)?,
            Event::Alias(id) => return self.alias(id, &place),
            _ => return self.stop(Problem::at(&place, "a value is missing here")),
        };
        if let Some(id) = anchor {
            self.copying(&node)?;
            self.anchors.insert(id, node.clone());
        }
        Ok(node)
    }

    /// A copy of what the anchor names; all copies together have a budget, so that no bomb goes off.
    fn alias(&mut self, id: usize, place: &Place) -> Step<Node> {
        let Some(node) = self.anchors.get(&id).cloned() else {
            return self.stop(Problem::at(place, "this alias stands inside of what it names"));
        };
        self.copying(&node)?;
        Ok(node)
    }

    fn copying(&mut self, node: &Node) -> Step<()> {
        self.aliased += size(node, budget::ALIASED);
        if self.aliased > budget::ALIASED {
            return self.stop(Problem::at(&node.place, format!("the aliases of this file copy more than {} values", budget::ALIASED)));
        }
        Ok(())
    }

    fn scalar(&mut self, text: Cow<'t, str>, style: ScalarStyle, text_tag: bool, place: Place) -> Step<Node> {
        if text.len() > budget::SCALAR {
            let message = format!("this text has {} KiB; the most is {}", text.len() >> 10, budget::SCALAR >> 10);
            return self.stop(Problem::at(&place, message));
        }
        let plain = matches!(style, ScalarStyle::Plain) && !text_tag;
        let value = if plain { self.plain(text, &place) } else { Value::String(text.into_owned()) };
        Ok(Node { value, place, plain })
    }

    /// What a scalar without quotes is.
    fn plain(&mut self, text: Cow<'t, str>, place: &Place) -> Value {
        match &*text {
            "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
            "true" | "True" | "TRUE" => return Value::Bool(true),
            "false" | "False" | "FALSE" => return Value::Bool(false),
            _ => {}
        }
        if let Some(help) = trap(&text) {
            self.problems.push(Problem::at(place, format!("`{text}` without quotes is read in different ways")).help(help));
            return Value::String(text.into_owned());
        }
        if looks_numeric(&text) {
            if let Ok(int) = text.parse::<i64>() {
                return Value::Int(int);
            }
            if let Some(number) = text.parse::<f64>().ok().filter(|n| n.is_finite()) {
                return Value::Float(Float { number, text: text.into() });
            }
        }
        Value::String(text.into_owned())
    }

    fn seq(&mut self, place: Place, depth: usize) -> Step<Node> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                Some((Event::SequenceEnd, _)) => return Ok(Node::new(Value::Seq(items), place)),
                Some((event, span)) => items.push(self.node(event, span, depth + 1)?),
                None => return self.stop(Problem::at(&place, "this list has no end")),
            }
        }
    }

    fn map(&mut self, mut place: Place, depth: usize) -> Step<Node> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut keys: HashSet<String> = HashSet::new();
        loop {
            let (event, span) = match self.next()? {
                Some((Event::MappingEnd, _)) => return Ok(Node::new(Value::Map(entries), place)),
                Some(key) => key,
                None => return self.stop(Problem::at(&place, "this mapping has no end")),
            };
            let at = self.place(span);
            if entries.is_empty() && at.line == place.line && at.column == place.column {
                place.len = at.len; // a block mapping is shown by its first key
            }
            let Event::Scalar(key, ..) = event else {
                return self.stop(Problem::at(&at, "a key has to be text"));
            };
            if key.len() > budget::SCALAR / 64 {
                return self.stop(Problem::at(&at, format!("this key has {} bytes; the most is {}", key.len(), budget::SCALAR / 64)));
            }
            let key = key.into_owned();
            if key == "<<" {
                self.problems
                    .push(Problem::at(&at, "merge keys are not used here").help("write the fields out, or put an alias in a field"));
            }
            let value = match self.next()? {
                Some((event, span)) => self.node(event, span, depth + 1)?,
                None => return self.stop(Problem::at(&at, "this key has no value")),
            };
            if keys.insert(key.clone()) {
                if depth == 0 && matches!(key.as_str(), "kind" | "metadata") {
                    self.head.push(Entry { key: key.clone(), place: at.clone(), value: value.clone() });
                }
                entries.push(Entry { key, place: at, value });
            } else {
                let first = entries.iter().find(|entry| entry.key == key).map_or(0, |entry| entry.place.line);
                self.problems.push(Problem::at(&at, format!("`{key}` is here twice")).help(format!("it is already in line {first}")));
            }
        }
    }
}

/// How many values a tree has, counted no further than `most`.
pub(super) fn size(node: &Node, most: usize) -> usize {
    let mut count = 1 + node.as_str().map_or(0, |text| text.len() / 32);
    let children = node.items().iter().chain(node.entries().iter().map(|entry| &entry.value));
    for child in children {
        if count > most {
            break;
        }
        count += size(child, most - count.min(most));
    }
    count
}

/// What to write instead of a plain scalar that YAML 1.1 and 1.2 read differently.
fn trap(text: &str) -> Option<String> {
    let quoted = format!("\"{text}\"");
    if text.len() <= 5 {
        match text.to_ascii_lowercase().as_str() {
            "yes" | "on" => return Some(format!("write true, or {quoted} for the text")),
            "no" | "off" => return Some(format!("write false, or {quoted} for the text")),
            ".inf" | "-.inf" | "+.inf" | ".nan" => return Some(format!("write a number, or {quoted} for the text")),
            _ => {}
        }
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let radix = |prefix: &str, radix| digits.strip_prefix(prefix).and_then(|rest| i64::from_str_radix(rest, radix).ok());
    let number = radix("0o", 8).or_else(|| radix("0x", 16)).or_else(|| radix("0b", 2)).or_else(|| {
        let octal = digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
        if octal { i64::from_str_radix(digits, 8).ok().or_else(|| digits.parse().ok()) } else { None }
    });
    number.map(|number| format!("write the number as {number}, or {quoted} for the text"))
}

/// The core schema's numbers: digits, a point, an exponent. (`i64` and `f64` would also take `infinity`.)
fn looks_numeric(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_digit()) && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'))
}
