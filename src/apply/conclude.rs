//! What came of a walk, in a report and in words.

use std::collections::BTreeMap;

use super::perform::Performer;
use super::walk::{State, Walk};
use crate::model::Address;
use crate::model::plan::{Action, Plan, Verb};
use crate::model::report::{Awaited, Do, Report, Skipped, Stop};
use crate::planes::Class;
use crate::record::DROP;

impl Walk<'_> {
    /// What was done and what was not.
    pub(super) fn conclude(mut self, performer: &Performer<'_>) -> Report {
        self.report.unknown = self.in_flight();
        if self.report.stopped == Some(Stop::Waits) {
            // Done as the waiting ended: whether it gets ready is for others to see, too.
            let done = |at: usize| self.steps[at].needs.iter().all(|need| self.state[*need] == State::Done);
            let late =
                (0..self.steps.len()).filter(|at| self.steps[*at].what == Do::Ready && self.state[*at] == State::Pending && done(*at));
            let late = late.filter_map(|at| {
                let step = &self.steps[at];
                let id = performer.id_of(step)?;
                Some(Awaited { address: step.address.clone(), kind: step.kind.name.to_owned(), id, done: true })
            });
            let late: Vec<Awaited> = late.collect();
            self.report.awaited.extend(late);
        }
        // Steps that were done, and all of them.
        let mut steps: BTreeMap<&Address, (usize, usize)> = BTreeMap::new();
        for (step, state) in self.steps.iter().zip(&self.state) {
            let done = usize::from(*state == State::Done);
            if step.leftover.is_some() {
                self.report.dropped += done;
            } else if step.action != Verb::NoOp {
                // What was only waited for is no resource that this plan changes.
                let (have, all) = steps.entry(&step.address).or_default();
                (*have, *all) = (*have + done, *all + 1);
            }
            if *state == State::Pending {
                let because = match self.report.stopped {
                    Some(Stop::LeaseLost) => "the lease was lost before it began",
                    Some(Stop::Journal) => "the journal could not be written",
                    Some(Stop::Waits) => "what it needs is not ready yet",
                    _ => "stopped before it began",
                };
                self.report.skipped.push(Skipped { address: step.address.clone(), what: step.what, because: because.to_owned() });
            }
        }
        for (address, (have, all)) in steps {
            if have == all {
                self.report.finished.push(address.clone());
            } else if have > 0 && !self.report.begun.contains(address) {
                self.report.begun.push(address.clone());
            }
        }
        self.report
    }
}

/// Why a step was left.
pub(super) fn left(why: Stop, begun: bool) -> &'static str {
    match (why, begun) {
        (Stop::LeaseLost, true) => "the lease was lost while it was waited for",
        (Stop::LeaseLost, false) => "the lease was lost before it began",
        (Stop::Waits, _) => "not waited for any longer",
        (_, true) => "stopped while it was waited for",
        (_, false) => "stopped before it began",
    }
}

/// What is renamed, and what its address was.
pub(super) fn moved(plan: &Plan) -> BTreeMap<Address, Address> {
    let renamed = |action: &Action| {
        let from = plan.seen.get(&action.address)?.marks.address.clone()?;
        (from != action.address).then(|| (action.address.clone(), from))
    };
    plan.changes().filter_map(renamed).collect()
}

pub(super) fn word(what: Do) -> &'static str {
    match what {
        Do::Retire => "retire",
        Do::Create => "create",
        Do::Settle => "settle",
        Do::Update => "update",
        Do::Ready => "ready",
        Do::Cut => "cut",
        Do::Delete => DROP,
    }
}

/// A class in words, for the report and the journal.
#[must_use]
pub fn class(class: Class) -> &'static str {
    match class {
        Class::NotFound => "not found",
        Class::AlreadyExists => "already exists",
        Class::InUse => "in use",
        Class::Early => "too early",
        Class::Throttled => "throttled",
        Class::Ambiguous => "no answer",
        Class::Denied => "denied",
        Class::Unreachable => "unreachable",
        Class::LeaseLost => "lease lost",
        Class::Invalid => "invalid",
    }
}
