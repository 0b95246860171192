//! What a plan is called and what it comes to, in one line each.

use super::{count, verb};
use crate::model::census::{Census, Drifted};
use crate::model::edit::{Cause, Edit};
use crate::model::plan::{Action, Plan, Verb};

/// A plan's name and its sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// `Plan`, `Drift`.
    pub title: &'static str,
    /// The last line.
    pub summary: String,
}

impl Words {
    /// Of a plan, or of a destruction.
    #[must_use]
    pub fn plan(plan: &Plan) -> Self {
        let title = if plan.drift {
            DRIFT
        } else if plan.destroy {
            "Destruction"
        } else {
            "Plan"
        };
        Self { title, summary: summary(plan) }
    }
}

const DRIFT: &str = "Drift";

/// What remains of a plan that shows only drift, and the words for it.
#[must_use]
pub fn drift(mut plan: Plan) -> (Plan, Words) {
    let words = Words { title: DRIFT, summary: drift_summary(&plan) };
    plan.actions.retain(|action| action.cause.contains(&Cause::Drift));
    for action in &mut plan.actions {
        action.edits.retain(Edit::is_drift);
        for edit in &mut action.edits {
            (edit.cause, edit.drifted) = (Cause::Drift, false);
        }
        action.cause = [Cause::Drift].into();
    }
    plan.leftovers.clear();
    plan.drift = true;
    (plan, words)
}

/// The last line of what drifted, from the plan with everything in it.
fn drift_summary(plan: &Plan) -> String {
    let Drifted { drifted, renewed, refused, waiting, same } = Drifted::of(plan);
    let mut parts = Vec::new();
    if same > 0 {
        parts.push(as_it_should_be(same));
    }
    if renewed > 0 {
        let they = if renewed == 1 { "differs only because its YAML is" } else { "differ only because their YAML is" };
        parts.push(format!("{} {they} new (see `reeve plan DIR`)", count(renewed, "resource")));
    }
    parts.extend(unsettled(plan, refused, waiting));
    let head = match drifted {
        // What has vanished and was protected is among the refused.
        0 if refused > 0 => "Besides what is refused, no drift".to_owned(),
        0 => "No drift".to_owned(),
        1 => "1 resource has drifted".to_owned(),
        _ => format!("{drifted} resources have drifted"),
    };
    match parts.as_slice() {
        [] => format!("{head}."),
        parts => format!("{head}{} {}.", if drifted == 0 { ":" } else { ";" }, parts.join(", ")),
    }
}

/// The last line of a plan.
#[must_use]
pub fn summary(plan: &Plan) -> String {
    let census = Census::of(plan);
    let mut parts = tally(&census);
    if census.dropped > 0 {
        parts.push(format!("{} left over to drop", count(census.dropped, "old object")));
    }
    if census.kept > 0 {
        parts.push(format!("{} kept", count(census.kept, "old object")));
    }
    parts.extend(unsettled(plan, census.refused, census.waiting));
    let rest = match (census.same, plan.destroy) {
        (0, _) => None,
        (same, true) => Some(format!("{} left as {} {}", count(same, "resource"), if same == 1 { "it" } else { "they" }, is(same))),
        (same, false) => Some(as_it_should_be(same)),
    };
    match (parts.is_empty(), rest) {
        (true, rest) => {
            let nothing = if plan.destroy { "Nothing to destroy" } else { "Nothing to change" };
            rest.map_or_else(|| format!("{nothing}."), |rest| format!("{nothing}: {rest}."))
        }
        (false, None) => format!("{}.", parts.join(", ")),
        (false, Some(rest)) => format!("{}; {rest}.", parts.join(", ")),
    }
}

/// Whether an action's reason says more than its edits do.
#[must_use]
pub fn tells_more(action: &Action) -> bool {
    let said = action.edits.iter().any(|edit| edit.replace) && action.reason.ends_with("cannot change in place");
    !action.reason.is_empty() && action.reason != "it is new" && !said
}

fn as_it_should_be(number: usize) -> String {
    let they = if number == 1 { "is as it" } else { "are as they" };
    format!("{} {they} should be", count(number, "resource"))
}

fn is(number: usize) -> &'static str {
    if number == 1 { "is" } else { "are" }
}

/// What is neither done nor in order.
fn unsettled(plan: &Plan, refused: usize, waiting: usize) -> Vec<String> {
    let kinds = if plan.unreadable.len() == 1 { "kind" } else { "kinds" };
    let of =
        [(refused, "refused".to_owned()), (waiting, "waiting".to_owned()), (plan.unreadable.len(), format!("{kinds} could not be read"))];
    of.into_iter().filter(|(number, _)| *number > 0).map(|(number, word)| format!("{number} {word}")).collect()
}

/// How many are changed how, in the order in which people want to know: `3 to create`.
#[must_use]
pub fn tally(census: &Census) -> Vec<String> {
    const ORDER: [Verb; 5] = [Verb::Create, Verb::Update, Verb::Replace, Verb::Delete, Verb::Adopt];
    ORDER.into_iter().filter_map(|one| Some(format!("{} to {}", census.changes.get(&one)?, verb(one).2))).collect()
}

/// The same of the actions of one module, which a policy may have refused.
#[must_use]
pub fn tally_of_module(census: &Census) -> String {
    let mut parts = tally(census);
    if census.refused > 0 {
        parts.push(format!("{} refused", census.refused));
    }
    parts.join(", ")
}

/// What `--stats` says of a plan: resources by class, as far as there are any.
#[must_use]
pub fn statistics(plan: &Plan) -> Vec<(&'static str, usize)> {
    let census = Census::of(plan);
    let changes = census.changes.iter().map(|(one, number)| (verb(*one).2, *number));
    let rest = [(verb(Verb::NoOp).2, census.same), ("refused", census.refused), ("waiting", census.waiting)];
    changes.chain(rest).filter(|(_, number)| *number > 0).collect()
}
