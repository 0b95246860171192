//! A plan for a person at a terminal: what is lost or changed with every field, what is made in one line each.

use std::fmt::Write as _;

use super::words::{Words, tally_of_module, tells_more};
use super::{Style, Tone, cause, causes, telling, value, verb};
use crate::model::census::{Census, classes};
use crate::model::edit::Edit;
use crate::model::plan::{Action, Plan, Verb};

/// How much of a new resource is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// The fields that tell the most, in one line.
    Telling,
    /// Every field, in a line each.
    All,
}

/// How wide the addresses of a module may make their column, in characters.
const COLUMN: usize = 44;

/// The whole plan, by module.
#[must_use]
pub fn human(plan: &Plan, style: Style, words: &Words, detail: Detail) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", style.paint(Tone::Strong, &heading(plan, words.title)));
    for note in notes(plan) {
        let _ = writeln!(out, "{}", style.paint(Tone::Notice, &note));
    }
    let mut cut = false;
    let classes = classes(plan);
    for (module, actions) in modules(plan) {
        let tally = tally_of_module(&Census::among(&classes, actions.iter().copied()));
        let _ = writeln!(out, "\n{}  {}", style.paint(Tone::Strong, module), style.paint(Tone::Faint, &tally));
        let width = actions.iter().map(|action| action.address.as_str().len()).filter(|width| *width <= COLUMN).max().unwrap_or_default();
        for action in actions {
            match (action.action, detail) {
                (Verb::Create, Detail::Telling) => cut |= write_new(&mut out, action, width, style),
                // On a destruction there is one reason for all.
                (Verb::Delete, _) if plan.destroy => write_head(&mut out, action, "", style),
                _ => write_action(&mut out, action, style),
            }
        }
    }
    section(
        &mut out,
        style,
        "Left over from an earlier apply, to be dropped",
        plan.leftovers.iter().map(|one| (one.address.to_string(), format!("{}: {}", value::text(&one.seen.id), one.reason), None)),
    );
    section(&mut out, style, "Refused", plan.refusals.iter().map(|r| (r.address.to_string(), r.reason.clone(), Some(r.hint.clone()))));
    section(&mut out, style, "Waiting", plan.waiting.iter().map(|w| (w.address.to_string(), w.reason.clone(), None)));
    section(
        &mut out,
        style,
        "Could not be read; nothing of it is touched",
        plan.unreadable.iter().map(|u| (u.kind.clone(), u.error.clone(), None)),
    );
    let _ = writeln!(out, "\n{}", style.paint(Tone::Strong, &words.summary));
    if cut {
        let _ = writeln!(out, "{}", style.paint(Tone::Faint, telling::LEGEND));
    }
    out
}

/// The first line of a plan.
#[must_use]
pub fn heading(plan: &Plan, title: &str) -> String {
    let part = if !plan.scope.is_narrow() { "" } else { ", a part of it," };
    let text = format!("{title} for {}{part} in {}, account {}", plan.stack, plan.region, plan.account);
    value::clean(&text)
}

/// What stands above a plan: the planes that there was no way to, those of one reason together, and what else whoever reads it has to know.
#[must_use]
pub fn notes(plan: &Plan) -> Vec<String> {
    let mut by_reason: Vec<(&str, Vec<&str>)> = Vec::new();
    for one in &plan.unobserved {
        match by_reason.iter_mut().find(|(reason, _)| *reason == one.reason) {
            Some((_, planes)) => planes.push(&one.plane),
            None => by_reason.push((&one.reason, vec![&one.plane])),
        }
    }
    let unobserved =
        by_reason.iter().map(|(reason, planes)| format!("Not observed: {}; nothing of it is touched ({reason})", planes.join(", ")));
    unobserved.chain(plan.notes.iter().map(|note| format!("Note: {note}"))).map(|text| value::clean(&text)).collect()
}

/// The changes by module, in the order of addresses.
#[must_use]
pub fn modules(plan: &Plan) -> Vec<(&str, Vec<&Action>)> {
    let mut groups: Vec<(&str, Vec<&Action>)> = Vec::new();
    for action in plan.changes() {
        let module = action.address.module();
        // Actions stand in the order of their addresses, so a module's are together.
        match groups.last_mut().filter(|(name, _)| *name == module) {
            Some((_, actions)) => actions.push(action),
            None => groups.push((module, vec![action])),
        }
    }
    groups
}

/// One line; whether it leaves fields out.
fn write_new(out: &mut String, action: &Action, width: usize, style: Style) -> bool {
    let (sign, tone, _) = verb(Verb::Create);
    let address = format!("{sign} {:<width$}", action.address);
    let kind = value::clean(&action.kind);
    let fields = telling::line(&action.edits);
    let drift = if action.cause.contains(&crate::model::edit::Cause::Drift) {
        style.paint(Tone::Notice, &format!("  drift: {}", value::clean(&action.reason)))
    } else {
        String::new()
    };
    let text = format!("  {}  {}{drift}  {fields}", style.paint(tone, &address), style.paint(Tone::Faint, &kind));
    let _ = writeln!(out, "{}", text.trim_end());
    fields.rsplit(' ').next().is_some_and(|last| last.starts_with('+'))
}

fn write_head(out: &mut String, action: &Action, what: &str, style: Style) {
    let (sign, tone, _) = verb(action.action);
    let id = action.id.as_deref().map(|id| format!(" {}", value::text(id))).unwrap_or_default();
    let head = format!("{sign} {}", action.address);
    let tail = format!("{}{id}{what}", value::clean(&action.kind));
    let _ = writeln!(out, "  {}  {}", style.paint(tone, &head), style.paint(Tone::Faint, &tail));
}

fn write_action(out: &mut String, action: &Action, style: Style) {
    let causes: Vec<&str> = action.cause.iter().map(|one| cause(*one)).collect();
    write_head(out, action, &format!("  {}, {}", verb(action.action).2, causes.join(" and ")), style);
    if tells_more(action) {
        let _ = writeln!(out, "      {}", style.paint(Tone::Faint, &value::clean(&action.reason)));
    }
    if action.action == Verb::Create {
        for edit in &action.edits {
            let _ = writeln!(out, "      {}: {}", value::clean(&edit.field), value::line(&edit.to));
        }
    } else {
        action.edits.iter().for_each(|edit| write_edit(out, edit, style));
    }
}

fn write_edit(out: &mut String, edit: &Edit, style: Style) {
    let forced = if edit.replace { style.paint(Tone::Bad, "  forces the replacement") } else { String::new() };
    let why = style.paint(Tone::Faint, &format!("  ({})", causes(edit)));
    let _ = writeln!(out, "      {}: {}{why}{forced}", value::clean(&edit.field), value::change(&edit.from, &edit.to));
}

fn section(out: &mut String, style: Style, title: &str, rows: impl Iterator<Item = (String, String, Option<String>)>) {
    let mut first = true;
    for (name, reason, hint) in rows {
        if std::mem::take(&mut first) {
            let _ = writeln!(out, "\n{}", style.paint(Tone::Notice, title));
        }
        let _ = writeln!(out, "  {}: {}", value::clean(&name), value::clean(&reason));
        if let Some(hint) = hint.filter(|hint| !hint.is_empty()) {
            let _ = writeln!(out, "      {}", style.paint(Tone::Faint, &value::clean(&hint)));
        }
    }
}
