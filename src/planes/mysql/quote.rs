//! Names and texts as SQL takes them. Sessions of this plane have neither `ANSI_QUOTES` nor `NO_BACKSLASH_ESCAPES`.

/// A name in backticks.
#[must_use]
pub fn name(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A schema's name in a `GRANT`, where `_` and `%` would stand for others.
#[must_use]
pub fn pattern(schema: &str) -> String {
    name(&schema.replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%"))
}

/// A text in apostrophes.
#[must_use]
pub fn text(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// An account that may come from every address: the network says from where it can.
#[must_use]
pub fn account(user: &str) -> String {
    format!("{}@'%'", text(user))
}

/// `_` and `%` as a grant shows them, without the signs that take their meaning away.
#[must_use]
pub fn unescaped(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => out.extend(letters.next()),
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_its_quotes() {
        assert_eq!(name("a`; DROP"), "`a``; DROP`");
        assert_eq!(text(r"a\'"), r"'a\\'''");
        assert_eq!(pattern("a_b%"), r"`a\_b\%`");
        assert_eq!(unescaped(r"a\_b\\"), r"a_b\");
        assert_eq!(account("h-ckwc"), "'h-ckwc'@'%'");
    }
}
