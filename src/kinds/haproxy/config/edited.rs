//! What somebody changed by hand, as a difference of texts that may be shown. Pure.

use similar::TextDiff;

use crate::planes::haproxy::files::{At, stamp, stamped};

/// A difference that is longer is cut: it is there to be recognised.
const LINES: usize = 60;
/// And so is a line of it, in characters.
const WIDTH: usize = 200;
/// What may come before a secret in a line that is not reeve's.
const SECRETS: &[&str] = &["auth", "password", "passwd", "secret", "token", "key", "userlist", "user "];

/// From what is written (`should`) to what is there (`is`); empty when nothing differs.
#[must_use]
pub fn difference(is: &At, should: &At) -> String {
    let mut parts = Vec::new();
    if !is.certificate {
        parts.push("- host.pem: the certificate is missing".to_owned());
    }
    if is.text != should.text {
        // Nobody's hand was in it when the text still bears its own stamp: then another reeve wrote it, or the host's facts changed.
        if !stamp(&is.text).is_empty() && stamp(&stamped(&is.text, &is.map)) == stamp(&is.text) {
            parts.push("(not by hand: as another version of reeve, or for other facts of this host, wrote it)".to_owned());
        }
        parts.push(of("haproxy.cfg", &is.text, &should.text));
    }
    if is.map != should.map {
        parts.push(of("hosts.map", &is.map, &should.map));
    }
    parts.join("\n")
}

fn of(name: &str, is: &str, should: &str) -> String {
    let diff = TextDiff::from_lines(should, is);
    let all = diff.unified_diff().context_radius(1).header(&format!("{name} as written"), name).to_string();
    // The stamp of a text says nothing to a person.
    let lines: Vec<&str> = all.lines().filter(|line| !line.get(1..).is_some_and(|line| line.starts_with("  description "))).collect();
    let mut shown: Vec<String> = lines.iter().take(LINES).map(|line| without_secrets(line)).collect();
    if lines.len() > LINES {
        shown.push(format!("({} lines more)", lines.len() - LINES));
    }
    shown.join("\n")
}

/// A line that somebody added may hold a password, and plans hold none: of one that could, only the first word is shown.
fn without_secrets(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    let added = line.starts_with('+') && !line.starts_with("+++") && !line.starts_with("+# route ");
    if !added || !SECRETS.iter().any(|word| lower.contains(word)) {
        let cut: String = line.chars().take(WIDTH).collect();
        return if cut.len() < line.len() { cut + "..." } else { cut };
    }
    let words = line.trim_end();
    let first = words[1..].trim_start().split(' ').next().unwrap_or_default();
    format!("+  {first} (the rest is not shown: it may be a secret)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_short_and_holds_no_secret() {
        let at = |text: &str| At { text: text.to_owned(), map: String::new(), certificate: true };
        let should = at("global\n  maxconn 1\n");
        assert_eq!(difference(&should, &should), "");
        let found = difference(&at("global\n  maxconn 2\n  stats auth admin:hunter2\n"), &should);
        assert!(found.contains("-  maxconn 1\n+  maxconn 2\n+  stats (the rest is not shown"), "{found}");
        assert!(!found.contains("hunter2"));
        let long: String = (0..1000).map(|n| format!("line {n}\n")).collect();
        assert_eq!(difference(&at(&long), &should).lines().count(), LINES + 1);
        assert!(difference(&At { certificate: false, ..should.clone() }, &should).contains("certificate is missing"));
    }
}
