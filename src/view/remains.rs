//! What a destruction leaves, and the one command that would take what is protected too.

use std::fmt::Write as _;

use super::{Style, Tone, count, value};
use crate::model::plan::{By, Plan};

/// What no plan holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remains {
    /// The command that takes what is protected too.
    pub all: String,
    /// Where the journal and the history are.
    pub record: String,
    /// Settings of the account that stay as they were set, and what the whole account shares: addresses.
    pub settings: Vec<String>,
    /// What was looked up and is nobody's to drop: in words.
    pub looked_up: Vec<String>,
    /// What a deletion leaves behind: words, and the addresses.
    pub behind: Vec<(String, Vec<String>)>,
}

/// What stays, and how to have that gone too.
#[must_use]
pub fn human(plan: &Plan, remains: &Remains, style: Style) -> String {
    let mut out = format!("\n{}\n", style.paint(Tone::Notice, "What stays"));
    let protected = plan.refusals.iter().filter(|one| one.by == By::Protection).count();
    if protected > 0 {
        let needed = match plan.waiting.len() {
            0 => String::new(),
            number => format!(", and {} that they need or that waits", count(number, "resource")),
        };
        let _ = writeln!(out, "  {} protected{needed}. To take these too, if their loss is meant:", count(protected, "resource"));
        let _ = writeln!(out, "      {}", style.paint(Tone::Faint, &value::clean(&remains.all)));
    }
    for (words, addresses) in &remains.behind {
        let _ = writeln!(out, "  {}: {words}", addresses.join(", "));
    }
    if !remains.settings.is_empty() {
        let _ = writeln!(out, "  {}: what the whole account shares stays as it was set", remains.settings.join(", "));
    }
    for one in &remains.looked_up {
        let _ = writeln!(out, "  {}: it was looked up, and was never ours", value::clean(one));
    }
    let _ = writeln!(
        out,
        "  {}: the record of what was done is in no plan; delete it by hand when nobody needs it",
        value::clean(&remains.record)
    );
    out
}
