//! The journal, a run a paragraph.

use std::fmt::Write as _;

/// One run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Its name.
    pub run: String,
    /// When it began.
    pub at: String,
    /// Who.
    pub who: String,
    /// The command line.
    pub command: String,
    /// The plan's digest.
    pub plan: String,
    /// What came of it.
    pub outcome: String,
}

/// All runs, oldest first.
#[must_use]
pub fn list(rows: &[Row]) -> String {
    let mut out = String::new();
    for row in rows {
        let _ = writeln!(out, "{}  {}\n  {}\n  {}\n  {}\n  {}", row.run, row.at, row.who, row.command, row.plan, row.outcome);
    }
    out
}
