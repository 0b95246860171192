//! Who is counted as what. Every number of resources that a person or `--stats` is told comes from here.
//!
//! A *resource* is an address. What shares its address with the one that counts, an *old object* that an interrupted apply left over, is
//! none: it is counted by itself, and so are kinds that could not be read.
//!
//! In a **plan** each resource that it speaks of is in exactly one class, the first that fits:
//!
//! | class | the resource |
//! | --- | --- |
//! | refused by a policy | breaks one: nothing of the plan is applied |
//! | create, update, replace, delete, adopt | is changed so |
//! | refused | is left alone because a protection says so |
//! | waiting | is left alone until something else is done or can be read |
//! | same | is as it should be (on a destruction: is left) |
//!
//! Seen for **drift**, what is changed has *drifted*, also if its YAML is new besides, or is *renewed*: only its YAML is new.
//!
//! After an **apply** each resource that its plan changes is in exactly one class, again the first that fits:
//!
//! | class | the resource |
//! | --- | --- |
//! | done | had all its steps |
//! | failed | had a step that failed |
//! | in flight | was being worked on when the walk was told to stop at once |
//! | begun | had some of its steps; the rest was not begun |
//! | not begun | had none |

use std::collections::{BTreeMap, BTreeSet};

use super::Address;
use super::edit::Cause;
use super::plan::{Action, By, Plan, Verb};
use super::report::Report;

/// What a resource of a plan is counted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// It is changed so. Never [`Verb::NoOp`].
    Changes(Verb),
    /// Nothing is done about it, because that was refused.
    Refused,
    /// Nothing is done about it yet.
    Waiting,
    /// It is as it should be.
    Same,
}

/// The class of each resource of a plan.
#[must_use]
pub fn classes(plan: &Plan) -> BTreeMap<&Address, Class> {
    let mut classes: BTreeMap<&Address, Class> = BTreeMap::new();
    for refusal in plan.refusals.iter().filter(|refusal| refusal.by == By::Policy) {
        classes.insert(&refusal.address, Class::Refused);
    }
    for action in plan.changes() {
        classes.entry(&action.address).or_insert(Class::Changes(action.action));
    }
    for refusal in &plan.refusals {
        classes.entry(&refusal.address).or_insert(Class::Refused);
    }
    for waiting in &plan.waiting {
        classes.entry(&waiting.address).or_insert(Class::Waiting);
    }
    for action in &plan.actions {
        classes.entry(&action.address).or_insert(Class::Same);
    }
    classes
}

/// How many there are of each class.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Census {
    /// Resources that are changed, by how.
    pub changes: BTreeMap<Verb, usize>,
    /// Resources that were refused.
    pub refused: usize,
    /// Resources that wait.
    pub waiting: usize,
    /// Resources that are as they should be.
    pub same: usize,
    /// Old objects that are dropped.
    pub dropped: usize,
    /// Old objects that are kept though they are of no use, beside a resource that is changed.
    pub kept: usize,
}

impl Census {
    /// Of a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let classes = classes(plan);
        let changes = |address: &Address| matches!(classes.get(address), Some(Class::Changes(_)));
        let spoken = plan.refusals.iter().map(|one| &one.address).chain(plan.waiting.iter().map(|one| &one.address));
        let mut census = Self { dropped: plan.leftovers.len(), kept: spoken.filter(|one| changes(one)).count(), ..Self::default() };
        for class in classes.values() {
            census.add(*class);
        }
        census
    }

    /// Of some actions of a plan, by the classes of all of it.
    #[must_use]
    pub fn among<'a>(classes: &BTreeMap<&Address, Class>, actions: impl Iterator<Item = &'a Action>) -> Self {
        let mut census = Self::default();
        actions.filter_map(|action| classes.get(&action.address)).for_each(|class| census.add(*class));
        census
    }

    fn add(&mut self, class: Class) {
        match class {
            Class::Changes(verb) => *self.changes.entry(verb).or_default() += 1,
            Class::Refused => self.refused += 1,
            Class::Waiting => self.waiting += 1,
            Class::Same => self.same += 1,
        }
    }

    /// How many resources there are.
    #[must_use]
    pub fn total(&self) -> usize {
        self.changes.values().sum::<usize>() + self.refused + self.waiting + self.same
    }
}

/// How many resources drifted, and what the others are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drifted {
    /// They are not as they were last applied.
    pub drifted: usize,
    /// They differ only because their YAML is new.
    pub renewed: usize,
    /// They were refused.
    pub refused: usize,
    /// They wait.
    pub waiting: usize,
    /// They are as they should be.
    pub same: usize,
}

impl Drifted {
    /// Of a plan with everything in it.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let acts: BTreeMap<&Address, &Action> = plan.changes().map(|action| (&action.address, action)).collect();
        let mut drifted = Self::default();
        for (address, class) in classes(plan) {
            let number = match (acts.get(address), class) {
                (Some(action), _) if action.cause.contains(&Cause::Drift) => &mut drifted.drifted,
                (Some(_), _) => &mut drifted.renewed,
                (None, Class::Refused) => &mut drifted.refused,
                (None, Class::Waiting) => &mut drifted.waiting,
                (None, _) => &mut drifted.same,
            };
            *number += 1;
        }
        drifted
    }
}

/// What became of the resources that a plan changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Applied {
    /// All is done.
    pub done: usize,
    /// Something failed.
    pub failed: usize,
    /// It may have taken effect.
    pub in_flight: usize,
    /// Some is done.
    pub begun: usize,
    /// Nothing is done.
    pub not_begun: usize,
    /// Old objects that were dropped.
    pub dropped: usize,
    /// Old objects that should have been dropped and were not.
    pub left: usize,
}

impl Applied {
    /// Of an apply of `plan`.
    #[must_use]
    pub fn of(plan: &Plan, report: &Report) -> Self {
        let failed: BTreeSet<&Address> = report.failed.iter().map(|one| &one.address).collect();
        let mut applied = Self { dropped: report.dropped, left: plan.leftovers.len().saturating_sub(report.dropped), ..Self::default() };
        for Action { address, .. } in plan.changes() {
            let number = match address {
                one if report.finished.contains(one) => &mut applied.done,
                one if failed.contains(one) => &mut applied.failed,
                one if report.unknown.contains(one) => &mut applied.in_flight,
                one if report.begun.contains(one) => &mut applied.begun,
                _ => &mut applied.not_begun,
            };
            *number += 1;
        }
        applied
    }

    /// How many resources the plan changes.
    #[must_use]
    pub fn total(&self) -> usize {
        self.done + self.failed + self.in_flight + self.begun + self.not_begun
    }
}
