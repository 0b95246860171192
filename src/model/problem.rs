//! Mistakes in what a person wrote: where, what, and what to do.
//!
//! Problems are collected, never thrown one by one: whoever checks goes on after a mistake, so that one run names all of
//! them. [`Problems`] is sorted by place and holds no problem twice.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::visible::{blanked, clean};

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

/// One mistake. Two of the same words at the same place are one.
#[derive(Clone, Debug)]
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

    /// The same with a word more of advice.
    #[must_use]
    pub fn further(mut self, word: impl fmt::Display) -> Self {
        self.help = Some(self.help.map_or_else(|| word.to_string(), |help| format!("{help}; {word}")));
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

impl Ord for Problem {
    fn cmp(&self, other: &Self) -> Ordering {
        (&self.place, &self.message).cmp(&(&other.place, &other.message))
    }
}

impl PartialOrd for Problem {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Problem {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Problem {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names of files and what stands in them may be anybody's.
        match &self.place {
            Some(place) => write!(f, "{}: {}", clean(&place.to_string()), clean(&self.message))?,
            None => f.write_str(&clean(&self.message))?,
        }
        if let (Some(place), Some(line)) = (&self.place, &self.line) {
            let (shown, before) = window(line, place.column);
            let room = shown.chars().count().saturating_sub(before).max(1);
            let carets = (place.len.max(1) as usize).min(room);
            write!(f, "\n    {shown}\n    {}{}", " ".repeat(before), "^".repeat(carets))?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n    help: {}", clean(help))?;
        }
        for See { place, line } in &*self.see {
            write!(f, "\n    see {}", clean(&place.to_string()))?;
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

/// A line fit for a terminal: what cannot be seen blanked, a long one cut around the column. Returns it with the number of
/// characters before the column.
fn window(line: &str, column: u32) -> (String, usize) {
    let column = (column.max(1) - 1) as usize;
    let from = column.saturating_sub(WIDEST_LINE / 2);
    let shown = blanked(line.chars().skip(from).take(WIDEST_LINE));
    let before = (column - from).min(shown.chars().count());
    (shown, before)
}

/// The mistakes found so far: sorted, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    found: BTreeSet<Problem>,
    /// The hash of each that there was, kept or not.
    known: HashSet<u64>,
}

/// So many problems are kept, the first by their places; a mistake in a template that ten thousand tenants use must not fill the memory.
const MOST: usize = 1000;
/// So many are shown: nobody mends more at a time.
const SHOWN: usize = 50;

impl Problems {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one, unless it is known already.
    pub fn push(&mut self, problem: Problem) {
        if self.known.insert(hash(&problem)) {
            self.found.insert(problem);
            if self.found.len() > MOST {
                self.found.pop_last();
            }
        }
    }

    /// True when nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// How many there are, kept or not.
    pub fn count(&self) -> usize {
        self.known.len()
    }

    /// The problems by file, line and column, as far as they are kept; those without a place first.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.found.iter()
    }

    /// The places of all problems.
    pub fn places(&self) -> BTreeSet<Place> {
        self.found.iter().filter_map(|problem| problem.place.clone()).collect()
    }

    /// Adds all of `others`.
    pub fn merge(&mut self, others: Self) {
        self.found.extend(others.found);
        self.known.extend(others.known);
        while self.found.len() > MOST {
            self.found.pop_last();
        }
    }

    /// Only those that `keep` wants.
    #[must_use]
    pub fn only(self, mut keep: impl FnMut(&Problem) -> bool) -> Self {
        let (found, dropped): (Vec<Problem>, Vec<Problem>) = self.found.into_iter().partition(|problem| keep(problem));
        let mut known = self.known;
        for problem in &dropped {
            known.remove(&hash(problem));
        }
        Self { found: found.into_iter().collect(), known }
    }

    /// The same problems, each changed.
    #[must_use]
    pub fn map(self, change: impl FnMut(Problem) -> Problem) -> Self {
        // Those that are only counted cannot be changed, and are counted on.
        let shown: BTreeSet<_> = self.found.iter().map(hash).collect();
        let counted: Vec<_> = self.known.into_iter().filter(|known| !shown.contains(known)).collect();
        let mut changed: Self = self.found.into_iter().map(change).collect();
        changed.known.extend(counted);
        changed
    }

    /// Adds the text of its line to each problem, from the files by path.
    #[must_use]
    pub fn with_lines(self, files: &BTreeMap<&str, &str>) -> Self {
        let mut wanted: BTreeMap<(&str, u32), Option<String>> = BTreeMap::new();
        let places = self.found.iter().flat_map(|problem| problem.place.iter().chain(problem.see.iter().map(|see| &see.place)));
        for place in places {
            if let Some((file, _)) = files.get_key_value(&*place.file) {
                wanted.insert((file, place.line.max(1)), None);
            }
        }
        let mut at = None;
        for ((file, line), text) in &mut wanted {
            // The lines of a file are wanted in their order: it is gone through once.
            let (lines, next) = match &mut at {
                Some((name, lines, next)) if name == file => (lines, next),
                _ => {
                    let (_, lines, next) = at.insert((*file, files[file].lines(), 1));
                    (lines, next)
                }
            };
            *text = lines.nth((*line - *next) as usize).map(cut);
            *next = *line + 1;
        }
        let line = |place: &Place| wanted.get(&(&*place.file, place.line.max(1))).cloned().flatten();
        let found = self.found.into_iter().map(|mut problem| {
            problem.line = problem.place.as_ref().and_then(line);
            problem.see.iter_mut().for_each(|see| see.line = line(&see.place));
            problem
        });
        Self { found: found.collect(), known: self.known }
    }
}

fn hash(problem: &Problem) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&problem.place, &problem.message).hash(&mut hasher);
    hasher.finish()
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

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::collections::btree_set::IntoIter<Problem>;
    fn into_iter(self) -> Self::IntoIter {
        self.found.into_iter()
    }
}

impl FromIterator<Problem> for Problems {
    fn from_iter<T: IntoIterator<Item = Problem>>(problems: T) -> Self {
        let mut all = Self::new();
        all.extend(problems);
        all
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
        for problem in self.found.iter().take(SHOWN) {
            writeln!(f, "{problem}\n")?;
        }
        match self.count() {
            1 => f.write_str("1 problem"),
            count if count > SHOWN => write!(f, "{count} problems; these are the first {SHOWN}, and {} more follow", count - SHOWN),
            count => write!(f, "{count} problems"),
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
        let foreign = word.chars().find(|c| !c.is_ascii()); // it may look the same
        let foreign = foreign.map(|c| format!(" (`{c}` is U+{:04X})", u32::from(c))).unwrap_or_default();
        return Some(format!("did you mean `{near}`?{foreign}"));
    }
    let all: Vec<&str> = known.into_iter().collect();
    (!all.is_empty() && all.len() <= 16).then(|| format!("one of {}", all.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ")))
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
        problems.extend((0..5000).rev().chain(0..5000).map(|n| Problem::at(&place(n, 1), "again")));
        assert_eq!((problems.iter().count(), problems.count()), (1000, 5000));
        let shown = problems.to_string();
        assert!(shown.ends_with("5000 problems; these are the first 50, and 4950 more follow"), "{shown}");
        assert!(shown.contains("a.yaml:49:1:") && !shown.contains("a.yaml:50:1:"), "the first by their places");
    }

    #[test]
    fn a_flood_that_is_changed_is_counted_all_the_same() {
        let mut problems = Problems::new();
        problems.extend((0..5000).map(|n| Problem::at(&place(n, 1), "again")));
        let changed = problems.map(|problem| problem.help("do so"));
        assert_eq!((changed.iter().count(), changed.count()), (1000, 5000));
    }

    #[test]
    fn the_nearest_word_is_found_only_when_it_is_near() {
        assert_eq!(nearest("multi_a", ["multi_az", "engine"]), Some("multi_az"));
        assert_eq!(nearest("endpont", ["address", "endpoint"]), Some("endpoint"));
        assert_eq!(nearest("colour", ["engine", "class"]), None);
    }
}
