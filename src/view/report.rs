//! What came of an apply, and what to do about it. Who is counted as what: [`crate::model::census`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use super::progress::doing;
use super::value::clean;
use super::{Style, Tone, count, span};
use crate::model::census::Applied;
use crate::model::plan::Plan;
use crate::model::report::{Failure, Report, Skipped, Stop};
use crate::model::runbook::{DENIED, IN_USE, LOCKED, LOST_MARK, PARTIAL_APPLY, UNREACHABLE};
use crate::model::{Address, Whose};

/// How many resources of one sort are named.
const SHOWN: usize = 20;

/// The report in words. `again` is the command that goes on from here.
#[must_use]
pub fn human(plan: &Plan, report: &Report, style: Style, took: Duration, again: &str) -> String {
    let mut out = String::new();
    let failed: BTreeSet<&Address> = report.failed.iter().map(|one| &one.address).collect();
    if !failed.is_empty() {
        let _ = writeln!(out, "\n{}", style.paint(Tone::Bad, &format!("Failed: {}", count(failed.len(), "resource"))));
        for failure in &report.failed {
            let _ = writeln!(out, "  {}: {} ({}): {}", failure.address, doing(failure.what), failure.class, clean(&failure.error));
            if let Some(advice) = advice(failure) {
                let _ = writeln!(out, "      {}", style.paint(Tone::Faint, &clean(&advice)));
            }
        }
    }
    // Of each resource the first step that was not begun, unless something worse is said of it.
    let mut skipped: BTreeMap<&Address, &Skipped> = BTreeMap::new();
    for one in report.skipped.iter().filter(|one| !failed.contains(&one.address) && !report.unknown.contains(&one.address)) {
        skipped.entry(&one.address).or_insert(one);
    }
    let (begun, not_begun): (Vec<&Skipped>, Vec<&Skipped>) = skipped.into_values().partition(|one| report.begun.contains(&one.address));
    list(&mut out, style, "Begun, not finished", &begun);
    list(&mut out, style, "Not begun", &not_begun);
    if !report.unknown.is_empty() {
        let names: Vec<&str> = report.unknown.iter().map(Address::as_str).collect();
        let _ = writeln!(out, "\nIn flight when it stopped, so it may have taken effect: {}", names.join(", "));
    }
    let sum = sum(&Applied::of(plan, report));
    let _ = match (report.is_whole(), report.stopped) {
        (true, _) => writeln!(out, "\n{}", style.paint(Tone::Good, &format!("Applied: {sum} in {}.", span(took)))),
        (false, stopped) => {
            let why = match stopped {
                Some(Stop::Interrupted) => "Interrupted",
                Some(Stop::LeaseLost) => "Stopped because the lease was lost",
                Some(Stop::Journal) => "Stopped because the journal could not be written",
                Some(Stop::Waits) => "Stopped where nothing was left but to wait",
                None => "Applied in part",
            };
            let why = style.paint(Tone::Strong, why);
            writeln!(out, "\n{why} after {}: {sum} (see {PARTIAL_APPLY}).\nTo go on: {again}", span(took))
        }
    };
    out
}

fn list(out: &mut String, style: Style, title: &str, rows: &[&Skipped]) {
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", style.paint(Tone::Notice, &format!("{title}: {}", count(rows.len(), "resource"))));
    for one in rows.iter().take(SHOWN) {
        let _ = writeln!(out, "  {}: {}: {}", one.address, doing(one.what), clean(&one.because));
    }
    if rows.len() > SHOWN {
        let _ = writeln!(out, "  and {} more", rows.len() - SHOWN);
    }
}

/// How many came to what end: `12 of 96 resources done, 1 failed, 83 not begun`.
fn sum(applied: &Applied) -> String {
    let Applied { done, failed, in_flight, begun, not_begun, dropped, left } = *applied;
    let mut parts = Vec::new();
    match applied.total() {
        0 => {}
        all if all == done => parts.push(format!("{} done", count(done, "resource"))),
        all => parts.push(format!("{done} of {} done", count(all, "resource"))),
    }
    let rest = [(failed, "failed"), (in_flight, "in flight"), (begun, "begun"), (not_begun, "not begun")];
    parts.extend(rest.into_iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} {what}")));
    if dropped > 0 {
        parts.push(format!("{} dropped", count(dropped, "old object")));
    }
    if left > 0 {
        parts.push(format!("{} still to drop", count(left, "old object")));
    }
    parts.join(", ")
}

fn advice(failure: &Failure) -> Option<String> {
    // What the planes inside say names its runbook by itself.
    if failure.error.contains("reeve runbook ") {
        return None;
    }
    let text = match failure.class.as_str() {
        "denied" => return Some(format!("the credentials may not do this: see {DENIED}")),
        "already exists" => return Some(taken(failure)),
        "not found" => "something it needs was removed meanwhile: apply again, the next plan sees it",
        "in use" => return Some(format!("something still uses it: see {IN_USE}")),
        "throttled" => "AWS asked for fewer calls: apply again, with a lower --parallelism",
        "no answer" => "whether it took effect is not known; the next plan finds out",
        "lease lost" => return Some(format!("somebody else may be at work by now: see {LOCKED}")),
        "unreachable" => return Some(format!("AWS could not be reached: see {UNREACHABLE}")),
        _ => return None,
    };
    Some(text.to_owned())
}

/// What to do about a name that is taken: by whom decides.
fn taken(failure: &Failure) -> String {
    match failure.namesake.as_ref().map(|one| (&one.whose, &one.id)) {
        Some((Whose::Nobody, id)) => format!(
            "it bears no mark. If it is this stack's (made by hand, or its mark was lost): reeve adopt DIR {} {id}; if it is somebody else's, \
             choose another name, or have it taken away (see {LOST_MARK})",
            failure.address
        ),
        Some((Whose::Stack(stack), id)) => {
            format!("{id} is the stack {stack}'s: take it out of that one, or choose another name here")
        }
        Some((Whose::OutOfReach(why), id)) => format!("{id} cannot become ours ({why}): choose another name, or have it taken away"),
        None => "something of that name is there that reeve cannot take over: find out whose it is (it may be this stack's, made under another address), or choose \
                 another name"
            .to_owned(),
    }
}
