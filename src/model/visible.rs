//! Texts of others on a terminal: nothing in them may move a cursor, break a line or turn the direction of reading.

/// `text` with whatever would move a cursor, break a line or turn the direction of reading written out.
#[must_use]
pub fn clean(text: &str) -> String {
    if text.chars().all(harmless) {
        return text.to_owned();
    }
    text.chars().map(|c| if harmless(c) { c.to_string() } else { c.escape_debug().to_string() }).collect()
}

/// Whether a character shows as itself. `{:?}` writes out exactly those that do not, and quotes and backslashes.
pub fn harmless(c: char) -> bool {
    matches!(c, '"' | '\'' | '\\') || c.escape_debug().count() == 1
}

/// `line` with whatever could not be seen as it is made a blank, so that columns stay where they are.
#[must_use]
pub fn blanked(line: impl Iterator<Item = char>) -> String {
    let odd =
        |c: char| c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    line.map(|c| if odd(c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_written_out_or_blank() {
        assert_eq!(clean("a\u{1b}[2J\n\u{202e}b\u{200b}"), r"a\u{1b}[2J\n\u{202e}b\u{200b}");
        assert_eq!(blanked("a\u{1b}[2J\u{202e}b\u{e9}".chars()), "a [2J b\u{e9}");
    }
}
