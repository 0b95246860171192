//! What a pass has seen, for whoever tells people. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::backoff::Backoff;
use super::pass::{End, Passed};
use crate::model::Address;
use crate::model::edit::Cause;
use crate::model::plan::{Action, Plan, Verb};
use crate::model::report::Report;
use crate::notify::{Ledger, Seen};

/// What fails that is no resource.
const YAML: &str = "the YAML";
const POLICIES: &str = "the policies";
const KIND: &str = "kind ";

/// How many changes a notice names.
const NAMED: usize = 8;

/// What a pass has seen. `trouble` is what failed as a whole, by its name; `ledger` says what failed before.
pub(super) fn seen(passed: &Passed, resting: &Backoff<Address>, trouble: &[(&str, &str)], ledger: &Ledger) -> Seen {
    let plan = passed.plan.as_ref().filter(|_| !passed.is_blind());
    let mut failing: BTreeMap<String, String> = resting.failing().map(|(address, why)| (address.to_string(), why.to_owned())).collect();
    failing.extend(trouble.iter().map(|(part, why)| ((*part).to_owned(), (*why).to_owned())));
    if let End::Refused(why) = &passed.end {
        failing.insert(POLICIES.to_owned(), why.clone());
    }
    if let Some(plan) = plan {
        failing.extend(plan.unreadable.iter().map(|one| (format!("{KIND}{}", one.kind), one.error.clone())));
        // Nobody but a person ends it.
        for one in &plan.refusals {
            failing.entry(one.address.to_string()).or_insert_with(|| format!("refused: {}: {}", one.reason, one.hint));
        }
    }
    let unknown = ledger.failing().filter(|subject| !is_well(subject, plan, passed)).map(str::to_owned).collect();
    Seen {
        plan: plan.map(|plan| plan.digest.clone()),
        drifted: plan.map(drifted),
        done: passed.report.iter().flat_map(done).map(ToString::to_string).collect(),
        held: plan.filter(|_| passed.is_settled()).map(|plan| held(passed, plan)),
        failing,
        unknown,
        rewritten: None,
    }
}

/// What was done to the end, or to where only waiting is left.
fn done(report: &Report) -> impl Iterator<Item = &Address> {
    report.finished.iter().chain(report.awaited.iter().filter(|one| one.done).map(|one| &one.address))
}

/// What is seen while the YAML is wrong: nothing else.
pub(super) fn wrong(why: &str, ledger: &Ledger) -> Seen {
    let unknown: BTreeSet<String> = ledger.failing().map(str::to_owned).collect();
    Seen { failing: [(YAML.to_owned(), why.to_owned())].into(), unknown, ..Seen::default() }
}

/// Whether what failed before is known to be well, given that it does not fail now.
fn is_well(subject: &str, plan: Option<&Plan>, passed: &Passed) -> bool {
    match (Address::parse(subject), plan) {
        // A resource is well when there is nothing to do about it.
        (Ok(address), Some(plan)) => {
            let is_open =
                plan.waiting.iter().map(|one| &one.address).chain(plan.refusals.iter().map(|one| &one.address)).any(|one| *one == address);
            !passed.is_to_do(&address) && !is_open
        }
        (Ok(_), None) => false,
        (Err(_), plan) => plan.is_some() || subject == YAML,
    }
}

fn drifted(plan: &Plan) -> BTreeMap<String, String> {
    let drift = plan.changes().filter(|action| action.cause.contains(&Cause::Drift));
    drift.map(|action| (action.address.to_string(), how(action))).collect()
}

/// How something has drifted, in words. Never with a value: a field may hold what not everybody may read.
fn how(action: &Action) -> String {
    let fields: Vec<&str> =
        action.edits.iter().filter(|edit| edit.cause == Cause::Drift || edit.drifted).map(|edit| edit.field.as_str()).collect();
    match action.action {
        Verb::Update | Verb::Replace if !fields.is_empty() => format!("changed behind reeve's back: {}", fields.join(", ")),
        _ => action.reason.clone(),
    }
}

/// A change that is held, in words.
pub(super) fn change(verb: Verb, address: &Address) -> String {
    let word = match verb {
        Verb::Create => "create",
        Verb::Update => "update",
        Verb::Replace => "replace",
        Verb::Delete => "delete",
        Verb::Adopt => "adopt",
        Verb::NoOp => "keep",
    };
    format!("{word} {address}")
}

/// Fingerprint and words of what is held.
fn held(passed: &Passed, plan: &Plan) -> (String, String) {
    let decision = &passed.decision;
    if decision.held.is_empty() {
        return (String::new(), String::new());
    }
    let named: Vec<String> = decision.held.iter().take(NAMED).map(|(address, verb)| change(*verb, address)).collect();
    let more = decision.held.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let words = format!(
        "waiting for a person: {}{more}. `reeve held DIR --out FILE` shows and saves the plan, `reeve apply FILE` does it",
        named.join(", ")
    );
    (decision.fingerprint(plan), words)
}
