//! A plan for a person at a terminal.

use std::fmt::Write as _;

use super::{Style, Tone, cause, count, value, verb};
use crate::model::edit::Edit;
use crate::model::plan::{Action, Plan, Verb};

/// How many fields of a new resource are shown.
const NEW_FIELDS: usize = 6;

/// The whole plan. `title` is its first words: `plan`, `drift`.
#[must_use]
pub fn human(plan: &Plan, style: Style, title: &str) -> String {
    let mut out = String::new();
    let scope = if plan.complete { "" } else { " (a part of it)" };
    let _ = writeln!(
        out,
        "{}",
        style.paint(Tone::Strong, &format!("{title} for {}{scope} in {}, account {}", plan.stack, plan.region, plan.account))
    );
    for action in plan.changes() {
        out.push('\n');
        write_action(&mut out, action, style);
    }
    for leftover in &plan.leftovers {
        let (sign, tone, _) = verb(Verb::Delete);
        let _ = writeln!(out, "\n  {} {} {}: {}", style.paint(tone, sign), leftover.address, leftover.seen.id, leftover.reason);
    }
    section(&mut out, style, "Refused", plan.refusals.iter().map(|r| (r.address.to_string(), r.reason.clone(), Some(r.hint.clone()))));
    section(&mut out, style, "Waiting", plan.waiting.iter().map(|w| (w.address.to_string(), w.reason.clone(), None)));
    section(
        &mut out,
        style,
        "Could not be read; nothing of it is touched",
        plan.unreadable.iter().map(|u| (u.kind.clone(), u.error.clone(), None)),
    );
    let _ = writeln!(out, "\n{}", style.paint(Tone::Strong, &summary(plan)));
    out
}

/// The last line of a plan.
#[must_use]
pub fn summary(plan: &Plan) -> String {
    let counts = plan.counts();
    let of = |verb: Verb| counts.get(&verb).copied().unwrap_or_default();
    let mut parts: Vec<String> = [Verb::Create, Verb::Update, Verb::Replace, Verb::Delete, Verb::Adopt]
        .into_iter()
        .filter(|one| of(*one) > 0)
        .map(|one| format!("{} to {}", of(one), verb(one).2))
        .collect();
    if !plan.leftovers.is_empty() {
        parts.push(format!("{} left over to drop", plan.leftovers.len()));
    }
    for (number, word) in [(plan.refusals.len(), "refused"), (plan.waiting.len(), "waiting"), (plan.unreadable.len(), "unreadable")] {
        if number > 0 {
            parts.push(format!("{number} {word}"));
        }
    }
    let rest = count(of(Verb::NoOp), "resource");
    let verb = if of(Verb::NoOp) == 1 { "is as it should be" } else { "are as they should be" };
    if parts.is_empty() { format!("Nothing to change: {rest} {verb}.") } else { format!("{}; {rest} {verb}.", parts.join(", ")) }
}

fn write_action(out: &mut String, action: &Action, style: Style) {
    let (sign, tone, word) = verb(action.action);
    let causes: Vec<&str> = action.cause.iter().map(|one| cause(*one)).collect();
    let id = action.id.as_deref().map(|id| format!(" {id}")).unwrap_or_default();
    let head = format!("{sign} {}", action.address);
    let tail = format!("{}{id}  {word}, {}", action.kind, causes.join(" and "));
    let _ = writeln!(out, "  {}  {}", style.paint(tone, &head), style.paint(Tone::Faint, &tail));
    if !action.reason.is_empty() && action.action != Verb::Create {
        let _ = writeln!(out, "      {}", style.paint(Tone::Faint, &action.reason));
    }
    if action.action == Verb::Create {
        write_new(out, action, style);
    } else {
        action.edits.iter().for_each(|edit| write_edit(out, edit, style));
    }
}

fn write_new(out: &mut String, action: &Action, style: Style) {
    for edit in action.edits.iter().take(NEW_FIELDS) {
        let _ = writeln!(out, "      {}: {}", edit.field, value::line(&edit.to));
    }
    if action.edits.len() > NEW_FIELDS {
        let more = format!("and {}", count(action.edits.len() - NEW_FIELDS, "more field"));
        let _ = writeln!(out, "      {}", style.paint(Tone::Faint, &more));
    }
}

fn write_edit(out: &mut String, edit: &Edit, style: Style) {
    let forced = if edit.replace { style.paint(Tone::Bad, "  forces the replacement") } else { String::new() };
    let why = style.paint(Tone::Faint, &format!("  ({})", cause(edit.cause)));
    let _ = writeln!(out, "      {}: {}{why}{forced}", edit.field, value::change(&edit.from, &edit.to));
}

fn section(out: &mut String, style: Style, title: &str, rows: impl Iterator<Item = (String, String, Option<String>)>) {
    let mut first = true;
    for (name, reason, hint) in rows {
        if std::mem::take(&mut first) {
            let _ = writeln!(out, "\n{}", style.paint(Tone::Notice, title));
        }
        let _ = writeln!(out, "  {name}: {reason}");
        if let Some(hint) = hint {
            let _ = writeln!(out, "      {}", style.paint(Tone::Faint, &hint));
        }
    }
}
