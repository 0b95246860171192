//! Mistakes in what a person wrote: where, what, and what to do.
//!
//! Problems are collected, never thrown one by one: whoever checks goes on after a mistake, so that one run names all of
//! them. [`Problems`] is sorted by place and holds no problem twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// A stretch of one line of a file. Lines and columns count from one, columns in characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file's path as it was given, shared by all places in it.
    pub file: Arc<str>,
    /// Line, from one.
    pub line: u32,
    /// Column in characters, from one.
    pub column: u32,
    /// Length in characters, within the line; at least one.
    pub len: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where, or nothing when the whole folder is meant. Sorting goes by place first.
    pub place: Option<Place>,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What to do about it (`did you mean `multi_az`?`).
    pub help: Option<String>,
    /// The text of the line, filled in by [`Problems::with_lines`].
    pub line: Option<String>,
    /// Where else to look: other values that had a part in it, and the template that put them to use.
    pub see: Box<[See]>,
}

/// A further place of a problem.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct See {
    /// Where.
    pub place: Place,
    /// The text of the line, filled in by [`Problems::with_lines`].
    pub line: Option<String>,
}

impl Problem {
    /// A problem at a place.
    pub fn at(place: &Place, message: impl Into<String>) -> Self {
        Self { place: Some(place.clone()), ..Self::anywhere(message) }
    }

    /// A problem of the folder as a whole.
    pub fn anywhere(message: impl Into<String>) -> Self {
        Self { place: None, message: message.into(), help: None, line: None, see: Box::default() }
    }

    /// The same with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same problem where it comes from: at the first of `origins`; the others, and where it came to light, are named after it.
    #[must_use]
    pub fn traced_to(mut self, origins: Vec<Place>) -> Self {
        let mut origins = origins.into_iter();
        if let Some(first) = origins.next() {
            let template = self.place.replace(first);
            self.see = origins.chain(template).map(|place| See { place, line: None }).collect();
        }
        self
    }

    /// The same with advice if there is any.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{place}: {}", self.message)?,
            None => write!(f, "{}", self.message)?,
        }
        if let (Some(place), Some(line)) = (&self.place, &self.line) {
            let (shown, before) = window(line, place.column);
            let room = shown.chars().count().saturating_sub(before).max(1);
            let carets = (place.len.max(1) as usize).min(room);
            write!(f, "\n    {shown}\n    {}{}", " ".repeat(before), "^".repeat(carets))?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n    help: {help}")?;
        }
        for See { place, line } in &*self.see {
            write!(f, "\n    see {place}")?;
            if let Some(line) = line {
                let (shown, _) = window(line.trim(), 1);
                write!(f, ": {shown}")?;
            }
        }
        Ok(())
    }
}

/// The widest piece of a line that is ever shown, in characters.
const WIDEST_LINE: usize = 160;

/// A line fit for a terminal: control characters blanked, a long one cut around the column. Returns it with the number of
/// characters before the column.
fn window(line: &str, column: u32) -> (String, usize) {
    let column = (column.max(1) - 1) as usize;
    let from = column.saturating_sub(WIDEST_LINE / 2);
    let shown: String = line.chars().skip(from).take(WIDEST_LINE).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let before = (column - from).min(shown.chars().count());
    (shown, before)
}

/// The mistakes found so far: sorted, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    found: BTreeSet<Problem>,
    left_out: usize,
}

/// So many problems are kept; a mistake in a template that ten thousand tenants use must not fill the screen or the memory.
const MOST: usize = 200;

impl Problems {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one, unless it is known already.
    pub fn push(&mut self, problem: Problem) {
        if self.found.len() < MOST {
            self.found.insert(problem);
        } else if !self.found.contains(&problem) {
            self.left_out += 1;
        }
    }

    /// True when nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// The problems by file, line and column; those without a place first.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.found.iter()
    }

    /// How many more there were than are kept.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// The places of all problems.
    pub fn places(&self) -> BTreeSet<Place> {
        self.found.iter().filter_map(|problem| problem.place.clone()).collect()
    }

    /// Adds problems, but none at a place in `known`: what was wrong there makes them follow.
    pub fn extend_elsewhere(&mut self, problems: Self, known: &BTreeSet<Place>) {
        self.left_out += problems.left_out;
        let elsewhere = problems.found.into_iter().filter(|problem| problem.place.as_ref().is_none_or(|place| !known.contains(place)));
        self.extend(elsewhere);
    }

    /// The same problems, each changed.
    #[must_use]
    pub fn map(self, change: impl FnMut(Problem) -> Problem) -> Self {
        Self { found: self.found.into_iter().map(change).collect(), left_out: self.left_out }
    }

    /// Adds the text of its line to each problem, from the files by path.
    #[must_use]
    pub fn with_lines(self, files: &BTreeMap<&str, &str>) -> Self {
        let found = self.found.into_iter().map(|mut problem| {
            let line = |place: &Place| {
                let text = files.get(&*place.file);
                text.and_then(|text| text.lines().nth(place.line.max(1) as usize - 1)).map(cut)
            };
            problem.line = problem.place.as_ref().and_then(line);
            problem.see.iter_mut().for_each(|see| see.line = line(&see.place));
            problem
        });
        Self { found: found.collect(), left_out: self.left_out }
    }
}

/// A line as a problem keeps it: bounded, however long the file's line is.
fn cut(line: &str) -> String {
    line.chars().take(4096).collect()
}

impl Extend<Problem> for Problems {
    fn extend<T: IntoIterator<Item = Problem>>(&mut self, problems: T) {
        problems.into_iter().for_each(|problem| self.push(problem));
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        let mut problems = Self::new();
        problems.push(problem);
        problems
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.found {
            writeln!(f, "{problem}\n")?;
        }
        let count = self.found.len() + self.left_out;
        match self.left_out {
            0 => write!(f, "{count} problem{}", if count == 1 { "" } else { "s" }),
            more => write!(f, "{count} problems, {more} of them not shown"),
        }
    }
}

impl std::error::Error for Problems {}

/// The known word that a mistyped one most likely means.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > 100 {
        return None;
    }
    let allowed = (word.chars().count() / 3).max(1);
    let scored = known.into_iter().map(|k| (strsim::damerau_levenshtein(word, k), k));
    let near = scored.filter(|(distance, k)| *distance <= allowed || (word.len() > 3 && k.contains(word)));
    near.min().map(|(_, k)| k)
}

/// The sentence for [`nearest`], or else the list of what is allowed when it is short.
pub fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> Option<String> {
    if let Some(near) = nearest(word, known.clone()) {
        return Some(format!("did you mean `{near}`?"));
    }
    let all: Vec<&str> = known.into_iter().collect();
    (!all.is_empty() && all.len() <= 12).then(|| format!("one of {}", all.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(line: u32, column: u32) -> Place {
        Place { file: "a.yaml".into(), line, column, len: 7 }
    }

    #[test]
    fn a_problem_shows_its_line_and_points_at_it() {
        let mut problems = Problems::new();
        problems.push(Problem::at(&place(2, 3), "unknown field `multi_a`").help("did you mean `multi_az`?"));
        let shown = problems.with_lines(&BTreeMap::from([("a.yaml", "database:\n  multi_a: true\n")])).to_string();
        assert_eq!(
            shown,
            "a.yaml:2:3: unknown field `multi_a`\n      multi_a: true\n      ^^^^^^^\n    help: did you mean `multi_az`?\n\n1 problem"
        );
    }

    #[test]
    fn the_same_mistake_is_kept_once_and_places_sort_by_line() {
        let mut problems = Problems::new();
        problems.extend([Problem::at(&place(10, 1), "b"), Problem::at(&place(2, 1), "a"), Problem::at(&place(10, 1), "b")]);
        assert_eq!(problems.iter().map(|p| p.message.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn a_flood_is_counted_not_kept() {
        let mut problems = Problems::new();
        problems.extend((0..1000).map(|n| Problem::at(&place(n, 1), "again")));
        assert_eq!((problems.len(), problems.left_out()), (200, 800));
    }

    #[test]
    fn the_nearest_word_is_found_only_when_it_is_near() {
        assert_eq!(nearest("multi_a", ["multi_az", "engine"]), Some("multi_az"));
        assert_eq!(nearest("endpont", ["address", "endpoint"]), Some("endpoint"));
        assert_eq!(nearest("colour", ["engine", "class"]), None);
    }
}
