//! A plan for a pull request.

use std::fmt::Write as _;

use super::{cause, value, verb};
use crate::model::plan::{Plan, Verb};

/// The whole plan as GitHub-flavoured Markdown.
#[must_use]
pub fn markdown(plan: &Plan) -> String {
    let mut out = String::new();
    let part = if plan.complete { "" } else { " (a part of it)" };
    let _ = writeln!(out, "### Plan for `{}`{part} in {}, account {}\n", plan.stack, plan.region, plan.account);
    let _ = writeln!(out, "{}\n", super::plan::summary(plan));
    if plan.changes().next().is_some() {
        out.push_str("| | address | kind | why | what |\n| --- | --- | --- | --- | --- |\n");
    }
    for action in plan.changes() {
        let causes: Vec<&str> = action.cause.iter().map(|one| cause(*one)).collect();
        let mut what: Vec<String> = match action.action {
            Verb::Create => Vec::new(),
            _ => action.edits.iter().map(|edit| format!("{}: {}", edit.field, value::change(&edit.from, &edit.to))).collect(),
        };
        if action.action != Verb::Create && !action.reason.is_empty() {
            what.insert(0, action.reason.clone());
        }
        let what: Vec<String> = what.iter().map(|line| escape(line)).collect();
        let _ = writeln!(
            out,
            "| {} | `{}` | {} | {} | {} |",
            verb(action.action).2,
            action.address,
            action.kind,
            causes.join(", "),
            what.join("<br>")
        );
    }
    list(&mut out, "Left over", plan.leftovers.iter().map(|l| (l.address.to_string(), format!("{}: {}", l.seen.id, l.reason))));
    list(&mut out, "Refused", plan.refusals.iter().map(|r| (r.address.to_string(), format!("{} ({})", r.reason, r.hint))));
    list(&mut out, "Waiting", plan.waiting.iter().map(|w| (w.address.to_string(), w.reason.clone())));
    list(&mut out, "Could not be read", plan.unreadable.iter().map(|u| (u.kind.clone(), u.error.clone())));
    let _ = writeln!(out, "\n`{}`", plan.digest);
    out
}

fn list(out: &mut String, title: &str, rows: impl Iterator<Item = (String, String)>) {
    let mut first = true;
    for (name, text) in rows {
        if std::mem::take(&mut first) {
            let _ = writeln!(out, "\n**{title}**\n");
        }
        let _ = writeln!(out, "- `{name}`: {}", escape(&text));
    }
}

/// Keeps a value from becoming markup.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' => out.extend(['\\', c]),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\n' | '\r' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
