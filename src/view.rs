//! The only home of words and layout. Text in, text out: no clock, no terminal, no SDK.

pub mod drill;
pub mod failure;
pub mod graph;
pub mod host;
pub mod journal;
pub mod markdown;
pub mod plan;
pub mod progress;
pub mod remains;
pub mod report;
pub mod telling;
pub mod tenants;
pub mod value;
pub mod why;
pub mod words;

use std::time::Duration;

use crate::model::edit::{Cause, Edit};
use crate::model::plan::Verb;

/// How text may look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// Colours are wanted.
    pub color: bool,
}

/// A colour by what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Something is made.
    Good,
    /// Something changes.
    Change,
    /// Something is lost, or failed.
    Bad,
    /// Something to look at.
    Notice,
    /// Of lesser weight.
    Faint,
    /// A heading.
    Strong,
}

impl Style {
    /// `text` in `tone`, when colours are wanted.
    #[must_use]
    pub fn paint(self, tone: Tone, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Change => "33",
            Tone::Bad => "31",
            Tone::Notice => "36",
            Tone::Faint => "2",
            Tone::Strong => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// The sign, the tone and the word of a verb.
#[must_use]
pub fn verb(verb: Verb) -> (&'static str, Tone, &'static str) {
    match verb {
        Verb::Create => ("+", Tone::Good, "create"),
        Verb::Update => ("~", Tone::Change, "update"),
        Verb::Replace => ("±", Tone::Bad, "replace"),
        Verb::Delete => ("-", Tone::Bad, "delete"),
        Verb::Adopt => ("@", Tone::Notice, "adopt"),
        Verb::NoOp => (" ", Tone::Faint, "no-op"),
    }
}

/// The word of a cause.
#[must_use]
pub fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Change => "change",
        Cause::Drift => "drift",
        Cause::Follows => "follows",
    }
}

/// Why a field differs: `change`, `drift`, `follows`, or `change and drift`.
#[must_use]
pub fn causes(edit: &Edit) -> &'static str {
    if edit.drifted && edit.cause == Cause::Change { "change and drift" } else { cause(edit.cause) }
}

/// A time span as people say it: `8s`, `3m10s`, `1h02m`.
#[must_use]
pub fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m{s:02}s"),
        (h, m, _) => format!("{h}h{m:02}m"),
    }
}

/// `1 resource`, `2 resources`.
#[must_use]
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
