//! A plan for a pull request. Every value stands in a code span, which nothing in it can leave: no link, image, mention, or
//! table of its own.

use std::fmt::Write as _;

use super::plan::{heading, modules, notes};
use super::words::{Words, tally_of_module, tells_more};
use super::{cause, causes, value, verb};
use crate::model::census::{Census, Class, classes};
use crate::model::plan::{Action, Plan, Verb};

/// The whole plan as GitHub-flavoured Markdown: what is lost or changed in the open, what is made folded by module.
#[must_use]
pub fn markdown(plan: &Plan, words: &Words) -> String {
    let mut out = format!("### {}\n\n**{}**\n", prose(&heading(plan, words.title)), prose(&words.summary));
    for note in notes(plan) {
        let _ = writeln!(out, "\n{}", prose(&note));
    }
    list(&mut out, "Refused", plan.refusals.iter().map(|r| (r.address.to_string(), [&*r.reason, &*r.hint])));
    list(&mut out, "Could not be read; nothing of it is touched", plan.unreadable.iter().map(|u| (u.kind.clone(), [&*u.error, ""])));
    list(&mut out, "Waiting", plan.waiting.iter().map(|w| (w.address.to_string(), [&*w.reason, ""])));
    list(
        &mut out,
        "Left over from an earlier apply, to be dropped",
        plan.leftovers.iter().map(|l| (l.address.to_string(), [&*l.seen.id, &*l.reason])),
    );
    let classes = classes(plan);
    for (module, actions) in modules(plan) {
        let is_new = |action: &&Action| classes.get(&action.address) == Some(&Class::Changes(Verb::Create));
        let (new, other): (Vec<&Action>, Vec<&Action>) = actions.into_iter().partition(is_new);
        let tally = tally_of_module(&Census::among(&classes, other.iter().copied()));
        let _ = writeln!(out, "\n#### {}{}{tally}\n", code(module), if tally.is_empty() { "" } else { ": " });
        other.iter().for_each(|action| item(&mut out, action, plan.destroy));
        if !new.is_empty() {
            let _ = writeln!(out, "{}<details><summary>{} to create</summary>\n", if other.is_empty() { "" } else { "\n" }, new.len());
            new.iter().for_each(|action| item(&mut out, action, false));
            out.push_str("\n</details>\n");
        }
    }
    if !plan.digest.is_empty() {
        let _ = writeln!(out, "\n{}", code(&plan.digest));
    }
    out
}

/// One action. On a destruction there is one reason for all.
fn item(out: &mut String, action: &Action, destroy: bool) {
    let why: Vec<&str> = action.cause.iter().map(|one| cause(*one)).collect();
    let id = action.id.as_deref().map(|id| format!(" {}", code(id))).unwrap_or_default();
    let word = verb(action.action).2;
    let _ = writeln!(out, "- **{word}** {} {}{id} ({})", code(action.address.as_str()), code(&action.kind), why.join(", "));
    if tells_more(action) && !destroy {
        let _ = writeln!(out, "  - {}", code(&action.reason));
    }
    for edit in &action.edits {
        let forced = if edit.replace { " **forces the replacement**" } else { "" };
        let what = if action.action == Verb::Create {
            value::long(&edit.to)
        } else {
            format!("{} ({})", value::long_change(&edit.from, &edit.to), causes(edit))
        };
        let _ = writeln!(out, "  - {}{forced}", code(&format!("{}: {what}", edit.field)));
    }
}

fn list<'a>(out: &mut String, title: &str, rows: impl Iterator<Item = (String, [&'a str; 2])>) {
    let mut first = true;
    for (name, texts) in rows {
        if std::mem::take(&mut first) {
            let _ = writeln!(out, "\n#### {title}\n");
        }
        let _ = writeln!(out, "- {}", code(&name));
        for text in texts.into_iter().filter(|text| !text.is_empty()) {
            let _ = writeln!(out, "  - {}", code(text));
        }
    }
}

/// `text` as a code span. Its fence is longer than any run of backticks in it, and it stays on one line.
fn code(text: &str) -> String {
    let text = value::clean(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    // A blank on each side is taken off by the reader; it keeps a backtick at the edge from joining the fence.
    if longest > 0 || text.trim().is_empty() { format!("{fence} {text} {fence}") } else { format!("{fence}{text}{fence}") }
}

/// Words of reeve's own around names that are checked when they are written, but not when a file is shown.
fn prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in value::clean(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '@' => out.push_str("(at)"),
            '`' => out.push('\''),
            '|' | '*' | '_' | '[' | ']' | '\\' | '#' | '!' | '~' | '$' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_span_cannot_be_left() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("`x`` <b>"), "``` `x`` <b> ```");
        assert_eq!(code("a\n\n# b\r\u{2028}c"), r"`a\n\n# b\r\u{2028}c`");
        assert_eq!(code(""), "`  `");
    }

    #[test]
    fn prose_makes_no_markup() {
        assert_eq!(prose("<img> [a](b) @team *x*"), r"&lt;img&gt; \[a\](b) (at)team \*x\*");
    }
}
