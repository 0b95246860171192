//! What a plan is called and what it comes to, in one line each.

use super::{count, verb};
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
        Self { title: if plan.destroy { "Destruction" } else { "Plan" }, summary: summary(plan) }
    }
}

/// What remains of a plan that shows only drift, and the words for it.
#[must_use]
pub fn drift(mut plan: Plan) -> (Plan, Words) {
    let all = plan.actions.len();
    let renewed = plan.actions.iter().filter(|action| action.action != Verb::NoOp && !drifted(action)).count();
    plan.actions.retain(drifted);
    for action in &mut plan.actions {
        action.edits.retain(Edit::is_drift);
        for edit in &mut action.edits {
            (edit.cause, edit.drifted) = (Cause::Drift, false);
        }
        action.cause = [Cause::Drift].into();
    }
    plan.leftovers.clear();
    let summary = drift_summary(&plan, all - plan.actions.len(), renewed);
    (plan, Words { title: "Drift", summary })
}

fn drifted(action: &Action) -> bool {
    action.cause.contains(&Cause::Drift)
}

fn drift_summary(plan: &Plan, others: usize, renewed: usize) -> String {
    let number = plan.actions.len();
    let mut text = match (number, others) {
        // What has vanished and was protected is among the refused.
        (0, _) if !plan.refusals.is_empty() => format!("Besides what is refused, no drift in {}", count(others, "resource")),
        (0, _) => format!("No drift in {}", count(others, "resource")),
        (_, 0) => format!("{} drifted", have(number)),
        _ => format!("{} drifted; the other {others} {} not", have(number), if others == 1 { "has" } else { "have" }),
    };
    if let Some(rest) = unsettled(plan) {
        text.push_str(&format!("; {rest}"));
    }
    text.push('.');
    if renewed > 0 {
        let they = if renewed == 1 { "differs because its YAML is" } else { "differ because their YAML is" };
        text.push_str(&format!(" {} {they} new: see `reeve plan`.", count(renewed, "other resource")));
    }
    text
}

fn have(number: usize) -> String {
    format!("{} {}", count(number, "resource"), if number == 1 { "has" } else { "have" })
}

/// The last line of a plan.
#[must_use]
pub fn summary(plan: &Plan) -> String {
    let mut parts: Vec<String> = tally(plan.changes()).into_iter().map(|(number, verb)| format!("{number} to {verb}")).collect();
    if !plan.leftovers.is_empty() {
        parts.push(format!("{} left over to drop", plan.leftovers.len()));
    }
    parts.extend(unsettled(plan));
    let same = plan.counts().get(&Verb::NoOp).copied().unwrap_or_default();
    // What was refused is left as it is, which is not as it should be.
    let idle: std::collections::BTreeSet<_> = plan.actions.iter().filter(|a| a.action == Verb::NoOp).map(|a| &a.address).collect();
    let refused = plan.refusals.iter().filter(|one| idle.contains(&one.address)).count();
    let same = same.saturating_sub(refused);
    let rest = match (plan.destroy, same) {
        (true, _) => format!("{} left as {} {}", count(same, "resource"), if same == 1 { "it" } else { "they" }, is(same)),
        (false, 1) => "1 resource is as it should be".to_owned(),
        (false, _) => format!("{same} resources are as they should be"),
    };
    if parts.is_empty() {
        return if plan.destroy { format!("Nothing to destroy: {rest}.") } else { format!("Nothing to change: {rest}.") };
    }
    if plan.destroy && same == 0 {
        return format!("{}.", parts.join(", "));
    }
    format!("{}; {rest}.", parts.join(", "))
}

/// Whether an action's reason says more than its edits do.
#[must_use]
pub fn tells_more(action: &Action) -> bool {
    let said = action.edits.iter().any(|edit| edit.replace) && action.reason.ends_with("cannot change in place");
    !action.reason.is_empty() && action.reason != "it is new" && !said
}

fn is(number: usize) -> &'static str {
    if number == 1 { "is" } else { "are" }
}

/// What is neither done nor in order.
fn unsettled(plan: &Plan) -> Option<String> {
    let of = [
        (plan.refusals.len(), "refused".to_owned()),
        (plan.waiting.len(), "waiting".to_owned()),
        (plan.unreadable.len(), format!("{} could not be read", if plan.unreadable.len() == 1 { "kind" } else { "kinds" })),
    ];
    let parts: Vec<String> = of.into_iter().filter(|(number, _)| *number > 0).map(|(number, word)| format!("{number} {word}")).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// How many of each verb, in the order in which people want to know.
#[must_use]
pub fn tally<'a>(actions: impl Iterator<Item = &'a Action>) -> Vec<(usize, &'static str)> {
    const ORDER: [Verb; 5] = [Verb::Create, Verb::Update, Verb::Replace, Verb::Delete, Verb::Adopt];
    let mut numbers = [0; ORDER.len()];
    for action in actions {
        if let Some(at) = ORDER.iter().position(|one| *one == action.action) {
            numbers[at] += 1;
        }
    }
    ORDER.into_iter().zip(numbers).filter(|(_, number)| *number > 0).map(|(one, number)| (number, verb(one).2)).collect()
}
