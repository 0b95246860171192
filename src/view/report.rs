//! What came of an apply, and what to do about it.

use std::fmt::Write as _;
use std::time::Duration;

use super::progress::doing;
use super::{Style, Tone, count, span};
use crate::model::report::{Report, Stop};

/// The report in words. `again` is the command that goes on from here.
#[must_use]
pub fn human(report: &Report, style: Style, took: Duration, again: &str) -> String {
    let mut out = String::new();
    if !report.failed.is_empty() {
        let _ = writeln!(out, "\n{}", style.paint(Tone::Bad, &format!("Failed: {}", count(report.failed.len(), "step"))));
        for failure in &report.failed {
            let _ = writeln!(out, "  {}: {} ({}): {}", failure.address, doing(failure.what), failure.class, failure.error);
            if let Some(advice) = advice(&failure.class) {
                let _ = writeln!(out, "      {}", style.paint(Tone::Faint, advice));
            }
        }
    }
    if !report.skipped.is_empty() {
        let _ = writeln!(out, "\n{}", style.paint(Tone::Notice, &format!("Not begun: {}", count(report.skipped.len(), "step"))));
        const SHOWN: usize = 20;
        for skipped in report.skipped.iter().take(SHOWN) {
            let _ = writeln!(out, "  {}: {}: {}", skipped.address, doing(skipped.what), skipped.because);
        }
        if report.skipped.len() > SHOWN {
            let _ = writeln!(out, "  and {} more", report.skipped.len() - SHOWN);
        }
    }
    if !report.unknown.is_empty() {
        let names: Vec<&str> = report.unknown.iter().map(crate::model::Address::as_str).collect();
        let _ = writeln!(out, "\nIn flight when it stopped, so it may have taken effect: {}", names.join(", "));
    }
    let finished = count(report.finished.len(), "resource");
    let _ = match (report.is_whole(), report.stopped) {
        (true, _) => writeln!(out, "\n{}", style.paint(Tone::Good, &format!("Applied: {finished} in {}.", span(took)))),
        (false, stopped) => {
            let why = match stopped {
                Some(Stop::Interrupted) => "Interrupted",
                Some(Stop::LeaseLost) => "Stopped because the lease was lost",
                Some(Stop::Journal) => "Stopped because the journal could not be written",
                None => "Applied in part",
            };
            writeln!(
                out,
                "\n{} after {}: {finished} done. To go on: {again} (see runbooks/partial-apply.md)",
                style.paint(Tone::Strong, why),
                span(took)
            )
        }
    };
    out
}

fn advice(class: &str) -> Option<&'static str> {
    Some(match class {
        "denied" => "the credentials may not do this: see runbooks/denied.md",
        "already exists" => "something of that name is there and is not ours: rename one, or `reeve adopt` it",
        "not found" => "something it needs was removed meanwhile: apply again, the next plan sees it",
        "in use" => "something still uses it: see runbooks/in-use.md",
        "throttled" => "AWS asked for fewer calls: apply again, with a lower --parallelism",
        "no answer" => "whether it took effect is not known; the next plan finds out",
        "lease lost" => "somebody else may be at work by now: see runbooks/locked.md",
        "unreachable" => "AWS could not be reached: see runbooks/unreachable.md",
        _ => return None,
    })
}
