//! Holes: the only unknowns in a resource at rest.
//!
//! A hole is `${ref("address")}` or `${ref("address").attribute}` inside a string. Any other `${` is literal text.

use std::ops::Range;

use super::Address;

/// One hole of a text: where it stands, the address it names and the attribute it wants (`None`: the id).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// Byte range of the whole `${...}` in the text.
    pub range: Range<usize>,
    /// The resource it refers to.
    pub address: Address,
    /// The attribute it wants; `None` is the target's id.
    pub attribute: Option<String>,
}

const OPEN: &str = "${ref(\"";

/// The text of a hole for `address`, as it stands in a spec.
#[must_use]
pub fn text(address: &Address, attribute: Option<&str>) -> String {
    match attribute {
        None => format!("{OPEN}{address}\")}}"),
        Some(attribute) => format!("{OPEN}{address}\").{attribute}}}"),
    }
}

/// Whether `text` has a hole. Costs one substring search.
#[must_use]
pub fn any(text: &str) -> bool {
    text.contains(OPEN)
}

/// All holes of `text`, in order. A malformed one is literal text.
#[must_use]
pub fn all(text: &str) -> Vec<Hole> {
    let mut holes = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find(OPEN) {
        let start = from + at;
        match parse(text, start) {
            Some(hole) => {
                from = hole.range.end;
                holes.push(hole);
            }
            None => from = start + OPEN.len(),
        }
    }
    holes
}

/// The hole that `text` consists of, when it is nothing but one.
#[must_use]
pub fn whole(text: &str) -> Option<Hole> {
    let hole = text.starts_with(OPEN).then(|| parse(text, 0))??;
    (hole.range.end == text.len()).then_some(hole)
}

fn parse(text: &str, start: usize) -> Option<Hole> {
    let inner = &text[start + OPEN.len()..];
    let quote = inner.find('"')?;
    let address = Address::parse(&inner[..quote]).ok()?;
    let rest = inner[quote..].strip_prefix("\")")?;
    let close = rest.find('}')?;
    let attribute = match rest[..close].strip_prefix('.') {
        Some(name) if !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') => {
            Some(name.to_owned())
        }
        None if close == 0 => None,
        _ => return None,
    };
    let end = text.len() - rest.len() + close + 1; // `rest` is a suffix of `text`
    Some(Hole { range: start..end, address, attribute })
}

/// `text` with every hole replaced by what `value` knows of it.
///
/// # Errors
/// The first hole of which `value` knows nothing.
pub fn render(text: &str, mut value: impl FnMut(&Hole) -> Option<String>) -> Result<String, Hole> {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for hole in all(text) {
        out.push_str(&text[from..hole.range.start]);
        match value(&hole) {
            Some(known) => out.push_str(&known),
            None => return Err(hole),
        }
        from = hole.range.end;
    }
    out.push_str(&text[from..]);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_found_and_rendered() {
        let text = r#"a ${ref("edge.alb").dns_name} b ${aws:username} ${ref("vpc.vpc")}!"#;
        let holes = all(text);
        assert_eq!(holes.len(), 2);
        assert_eq!(holes[0].attribute.as_deref(), Some("dns_name"));
        assert_eq!(&text[holes[1].range.clone()], r#"${ref("vpc.vpc")}"#);
        let out = render(text, |h| Some(h.attribute.clone().unwrap_or("id".into()))).unwrap();
        assert_eq!(out, "a dns_name b ${aws:username} id!");
        assert_eq!(render(text, |_| None).unwrap_err().address.as_str(), "edge.alb");
    }

    #[test]
    fn a_whole_hole_is_nothing_else() {
        let address = Address::parse("vpc.subnet/a").unwrap();
        assert_eq!(whole(&super::text(&address, None)).unwrap().address, address);
        assert!(whole(r#"x${ref("vpc.vpc")}"#).is_none());
        assert!(whole(r#"${ref("vpc.vpc")}x"#).is_none());
        assert!(whole(r#"${ref("vpc.vpc").}"#).is_none());
        assert!(all(r#"${ref("Bad")} ${ref("vpc.vpc"#).is_empty());
    }
}
