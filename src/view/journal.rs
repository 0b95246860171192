//! The journal, a run a paragraph.

use std::fmt::Write as _;

use super::count;

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

/// What came of a run: resources done, failed, in flight when it was told to stop at once, begun and not finished, and not begun; the last two may only wait for what is not ready yet.
#[must_use]
pub fn outcome(exit: i32, interrupted: bool, waits: bool, [done, failed, unknown, begun, rest]: [u64; 5]) -> String {
    let all = done + failed + unknown + begun + rest;
    let mut text =
        format!("exit {exit}{}: {done} of {} done", if interrupted { ", interrupted" } else { "" }, count(all as usize, "resource"));
    for (number, what) in [(failed, "failed"), (unknown, "in flight"), (begun, "begun and not finished"), (rest, "not begun")] {
        if number > 0 {
            let _ = write!(text, ", {number} {what}");
        }
    }
    if waits {
        text.push_str("; the rest is waiting until something is ready");
    }
    text
}

/// That nothing is wrong with a journal, and what that does not say.
#[must_use]
pub fn whole(runs: usize, open_end: Option<&str>) -> String {
    match (runs, open_end) {
        (0, _) => "the record has no journal: nothing was applied yet, or the whole record was removed, which it cannot tell".to_owned(),
        (_, None) => format!("the journal is whole: {}", count(runs, "run")),
        (_, Some(why)) => format!(
            "no entry of the journal is altered or missing before its last: {}. Whether any is missing behind that cannot be told: {why}",
            count(runs, "run")
        ),
    }
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
