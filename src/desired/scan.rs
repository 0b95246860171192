//! Strings with `${...}` in them, cut into literal parts and expressions.

/// A piece of a string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text as it is; `$${` has become `${`.
    Literal(String),
    /// What stands between `${` and its `}`, and at which byte of the string it begins.
    Expression {
        /// The expression, trimmed.
        source: String,
        /// The byte of the string at which it begins.
        at: usize,
    },
}

/// A `${` without its `}`, at this byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unclosed(pub usize);

/// Cuts a string. A `}` inside a CEL string literal or a pair of braces does not end an expression.
///
/// # Errors
/// When an expression has no end.
pub fn parts(text: &str) -> Result<Vec<Part>, Unclosed> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = 0;
    while let Some(found) = text[rest..].find("${") {
        let at = rest + found;
        if at > rest && text.as_bytes()[at - 1] == b'$' {
            literal.push_str(&text[rest..at - 1]);
            literal.push_str("${");
            rest = at + 2;
            continue;
        }
        literal.push_str(&text[rest..at]);
        if !literal.is_empty() {
            parts.push(Part::Literal(std::mem::take(&mut literal)));
        }
        let inner = &text[at + 2..];
        let end = end(inner).ok_or(Unclosed(at))?;
        let source = &inner[..end];
        let lead = source.len() - source.trim_start().len();
        parts.push(Part::Expression { source: source.trim().to_owned(), at: at + 2 + lead });
        rest = at + 2 + end + 1;
    }
    literal.push_str(&text[rest..]);
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    Ok(parts)
}

/// Where the `}` that ends an expression stands.
fn end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut depth = 0usize;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            quote @ (b'"' | b'\'') => at = string_end(bytes, at, quote)?,
            _ => {}
        }
        at += 1;
    }
    None
}

/// How deep an expression nests, about as the parser's stack does: a bracket or a condition weighs eight, and one for each
/// operator or dot beside it since the last comma.
pub fn depth(source: &str) -> usize {
    const BRACKET: usize = 8;
    let bytes = source.as_bytes();
    let mut outer: Vec<usize> = Vec::new(); // what the open brackets weigh
    let (mut here, mut deepest, mut at) = (0usize, 0usize, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'(' | b'[' | b'{' => {
                outer.push(here);
                here += BRACKET;
            }
            b')' | b']' | b'}' => here = outer.pop().unwrap_or(here),
            b',' => here = outer.last().map_or(0, |before| before + BRACKET),
            b'?' => here += BRACKET,
            b'+' | b'-' | b'*' | b'/' | b'%' | b'<' | b'>' | b'=' | b'!' | b'&' | b'|' | b'.' => here += 1,
            quote @ (b'"' | b'\'') => at = string_end(bytes, at, quote).unwrap_or(bytes.len()),
            _ => {}
        }
        deepest = deepest.max(here);
        at += 1;
    }
    deepest
}

/// The last byte of the string literal that begins at `at`: plain, raw (`r"..."`) or in three quotes.
fn string_end(bytes: &[u8], at: usize, quote: u8) -> Option<usize> {
    let raw =
        at > 0 && matches!(bytes[at - 1], b'r' | b'R') && (at < 2 || !(bytes[at - 2].is_ascii_alphanumeric() || bytes[at - 2] == b'_'));
    let triple = bytes[at..].starts_with(&[quote; 3]);
    let mut i = at + if triple { 3 } else { 1 };
    while i < bytes.len() {
        match bytes[i] {
            b'\\' if !raw => i += 1,
            b if b == quote && triple && bytes[i..].starts_with(&[quote; 3]) => return Some(i + 2),
            b if b == quote && !triple => return Some(i),
            _ => {}
        }
        i += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expression(source: &str, at: usize) -> Part {
        Part::Expression { source: source.into(), at }
    }

    #[test]
    fn strings_are_cut_at_the_right_brace() {
        assert_eq!(parts("a-${ b }-c").unwrap(), [Part::Literal("a-".into()), expression("b", 5), Part::Literal("-c".into())]);
        assert_eq!(parts(r#"${"}" + x}"#).unwrap(), [expression(r#""}" + x"#, 2)]);
        assert_eq!(parts(r#"${'\'}' + x}"#).unwrap(), [expression(r"'\'}' + x", 2)]);
        assert_eq!(parts(r#"${{"a": {"b": 1}}}!"#).unwrap(), [expression(r#"{"a": {"b": 1}}"#, 2), Part::Literal("!".into())]);
        assert_eq!(parts(r#"${r"\"}"#).unwrap(), [expression(r#"r"\""#, 2)]);
        assert_eq!(parts(r#"${"""a"}b"""}"#).unwrap(), [expression(r#""""a"}b""""#, 2)]);
    }

    #[test]
    fn an_escaped_dollar_is_literal() {
        assert_eq!(parts("$${aws:username}").unwrap(), [Part::Literal("${aws:username}".into())]);
        assert_eq!(parts("$5 and $").unwrap(), [Part::Literal("$5 and $".into())]);
        assert_eq!(parts("").unwrap(), []);
    }

    #[test]
    fn depth_counts_brackets_and_conditions_outside_of_texts() {
        assert_eq!(depth(r#"f([a, {"k": ")))((("}]) + (b)"#), 24);
        assert_eq!(depth("a ? b : c ? d : (e)"), 24);
        assert_eq!(depth("[a + b, c + d + e, f]"), 10);
        assert_eq!(depth(")))"), 0);
    }

    #[test]
    fn an_open_end_is_an_error() {
        assert_eq!(parts("ab ${x"), Err(Unclosed(3)));
        assert_eq!(parts("${\"}"), Err(Unclosed(0)));
    }
}
