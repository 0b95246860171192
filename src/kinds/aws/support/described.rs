//! Marks inside a description, for services whose listing shows descriptions but no tags: reading them costs no call per object.

use crate::model::Marks;
use crate::model::marks::key;
use crate::planes::Aws;

/// `words`, then the marks on a line of their own.
pub fn with_marks(words: &str, marks: &Marks) -> String {
    let marks = marks.to_tags().into_iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ");
    if words.is_empty() { marks } else { format!("{words}\n{marks}") }
}

/// What the last line of a description says, as tags would.
pub fn pairs(description: &str) -> impl Iterator<Item = (&str, &str)> {
    description.rsplit('\n').next().unwrap_or_default().split(' ').filter_map(|pair| pair.split_once('='))
}

/// The words and, when they are this stack's, the marks of a description.
pub fn split<'a>(cx: &Aws, description: &'a str) -> (&'a str, Option<Marks>) {
    let words = description.rsplit_once('\n').map_or("", |(words, _)| words);
    match cx.marks(pairs(description)) {
        Some(marks) => (words, Some(marks)),
        None => (description, None),
    }
}

/// Whether a description bears no marks at all, another stack's neither: somebody wrote a text of their own over ours, or it never had any.
pub fn is_bare(description: &str) -> bool {
    !pairs(description).any(|(name, _)| name == key::STACK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Address;

    #[test]
    fn marks_survive_a_description() {
        let marks = Marks { stack: "s".into(), address: Address::parse("a.b/c").ok(), protect: true, ..Marks::default() };
        for words in ["", "two\nlines"] {
            let text = with_marks(words, &marks);
            let line = text.rsplit('\n').next().unwrap_or_default();
            let read = Marks::from_tags("s", line.split(' ').filter_map(|pair| pair.split_once('=')));
            assert_eq!(read, Some(marks.clone()));
            assert!(!is_bare(&text) && is_bare(words));
            assert_eq!(text.strip_suffix(line).map(|w| w.trim_end_matches('\n')), Some(words));
        }
    }
}
