//! A host in words: one line for each step, and what is off with it.

use serde_json::json;

use super::count;
use crate::model::host::{Finding, State};

/// One step.
#[must_use]
pub fn line(one: &Finding) -> String {
    let (sign, lines): (&str, Vec<String>) = match &one.state {
        State::Right => ("ok     ", Vec::new()),
        State::Made(off) => ("made so", off.iter().map(|text| format!("was off: {text}")).collect()),
        State::Off(off) => ("off    ", off.clone()),
        State::Failed(why) => ("failed ", vec![why.clone()]),
        State::Waiting(step) => ("waits  ", vec![format!("{step} has to be right first")]),
    };
    let mut text = format!("{sign}  {:13}  {}", one.step, one.about);
    lines.iter().for_each(|line| text.push_str(&format!("\n{:24}{line}", "")));
    text
}

/// All of them in one sentence.
#[must_use]
pub fn summary(all: &[Finding]) -> String {
    let off = all.iter().filter(|one| !one.is_right()).count();
    let made = all.iter().filter(|one| matches!(one.state, State::Made(_))).count();
    match (off, made) {
        (0, 0) => format!("this machine is a host: {} are right", count(all.len(), "step")),
        (0, made) => format!("this machine is a host: {} made so, the rest was", count(made, "step")),
        (off, _) => format!("this machine is no whole host: {} of {} not right", off, count(all.len(), "step")),
    }
}

/// The document.
#[must_use]
pub fn json(all: &[Finding]) -> String {
    format!("{:#}", json!({ "format_version": 1, "right": all.iter().all(Finding::is_right), "steps": all }))
}

/// What the stack says of a bundle.
#[must_use]
pub fn bundle(folder: &str, digest: &str) -> String {
    format!("  fleet:\n    bundle: {{ sha256: \"{digest}\", folder: {folder} }}")
}
