//! Restore drills in words: what one showed, and when the last ones were.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::value::clean;
use crate::model::drill::{Drill, Last, Outcome, Part};

/// What drills showed, a block each.
#[must_use]
pub fn results(all: &[Drill]) -> String {
    let mut out = String::new();
    for drill in all {
        let _ = writeln!(out, "{}: {}", drill.part, word(drill.outcome));
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(out, "  {name:<12}  {}", clean(value));
        };
        line("from", &drill.source);
        line("copy", &drill.copy);
        line("took", &span(drill.seconds));
        line("data of", &format!("{:.0}, {} before the drill", drill.data_at, span(drill.data_age_seconds)));
        drill.found.iter().for_each(|one| line("found", one));
        drill.wrong.iter().for_each(|one| line("wrong", one));
        drill.unseen.iter().for_each(|one| line("not seen", one));
    }
    out.trim_end().to_owned()
}

/// When the last drills were, in one line.
#[must_use]
pub fn last_line(last: &[(Part, Last)]) -> String {
    let parts: Vec<String> = last.iter().map(|(part, last)| format!("{part} {}", last_words(last))).collect();
    format!("last restore drill: {}", parts.join("; "))
}

/// The same with all that is known of them.
#[must_use]
pub fn last(last: &[(Part, Last)]) -> String {
    let mut out = format!("{}\n", last_line(last));
    let known: Vec<Drill> = last.iter().filter_map(|(_, last)| last.last.clone()).collect();
    if !known.is_empty() {
        let _ = writeln!(out, "\n{}", results(&known));
    }
    for (part, last) in last {
        if let Some(drill) = &last.last {
            let _ = writeln!(out, "{part}: by {}", clean(&drill.by));
        }
    }
    out.trim_end().to_owned()
}

fn last_words(last: &Last) -> String {
    match (&last.last, &last.whole) {
        (None, _) => "never".to_owned(),
        (Some(drill), _) if drill.outcome == Outcome::Whole => {
            format!("{:.0} (whole, {}, data {} old)", drill.at, span(drill.seconds), span(drill.data_age_seconds))
        }
        (Some(drill), None) => format!("{:.0} ({}), whole never", drill.at, word(drill.outcome)),
        (Some(drill), Some(whole)) => format!("{:.0} ({}), whole {:.0}", drill.at, word(drill.outcome), whole.at),
    }
}

/// The document of drills that were just made.
#[must_use]
pub fn json(all: &[Drill]) -> String {
    format!("{:#}", json!({ "format_version": 1, "drills": all }))
}

/// The document of what is remembered.
#[must_use]
pub fn last_json(last: &[(Part, Last)]) -> String {
    format!("{:#}", json!({ "format_version": 1, "restore_drills": by_part(last) }))
}

/// What is remembered, by part.
#[must_use]
pub fn by_part(last: &[(Part, Last)]) -> Value {
    last.iter().map(|(part, last)| (part.to_string(), json!(last))).collect::<serde_json::Map<_, _>>().into()
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Whole => "whole",
        Outcome::Incomplete => "restored, and not everything could be looked into",
        Outcome::Broken => "not whole",
    }
}

/// Seconds in words.
fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
