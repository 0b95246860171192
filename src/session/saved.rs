//! Saved plans: what is written, what is read back, and whether the world is still as one saw it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Error;
use crate::kinds::{AnyLive, lookup};
use crate::model::Address;
use crate::model::plan::{FORMAT_VERSION, Plan, Verb};
use crate::observe::Observed;
use crate::plan::fingerprint;
use crate::record::{RecordError, SavedPlan, read_plan, seal_plan};

/// The plan as the document that is printed, saved and digested.
///
/// # Errors
/// When it has no canonical form.
pub fn seal(plan: &Plan) -> Result<SavedPlan, Error> {
    let value = serde_json::to_value(plan).map_err(|error| RecordError::NotCanonical { why: error.to_string() })?;
    Ok(seal_plan(value)?)
}

/// Reads a saved plan back, whole and unaltered.
///
/// # Errors
/// When it is no plan that reeve wrote, or one of another version.
pub fn read_saved(path: &Path) -> Result<Plan, Error> {
    let saved = read_plan(path)?.plan;
    let bad = |why: String| Error::Record(RecordError::Plan { path: path.to_owned(), why });
    let version = &saved["format_version"];
    if *version != FORMAT_VERSION {
        return Err(bad(format!("it has format version {version}, this reeve knows {FORMAT_VERSION}")));
    }
    let mut plan: Plan = serde_json::from_value(saved).map_err(|error| bad(error.to_string()))?;
    // Every kind that it acts on; the kinds of look-ups are no rows.
    let kinds = plan.actions.iter().map(|one| &one.kind).chain(plan.leftovers.iter().map(|one| &one.seen.kind));
    let objects = plan.wishes.values().map(|one| &one.kind);
    if let Some(kind) = kinds.chain(objects).find(|kind| lookup(kind).is_none()) {
        return Err(bad(format!("this reeve has no kind {kind}")));
    }
    // In canonical JSON a whole number has lost its point (`1.0`): what was seen is held against what is, and has to be in the form that its kind writes.
    for seen in plan.seen.values_mut().chain(plan.leftovers.iter_mut().map(|left| &mut left.seen)) {
        if let (Some(kind), Some(shape)) = (lookup(&seen.kind), &mut seen.shape)
            && let Ok(canonical) = (kind.canonical)(shape)
        {
            *shape = canonical;
        }
    }
    Ok(plan)
}

/// What is no longer as `plan` saw it, one line each.
#[must_use]
pub fn stale(plan: &Plan, observed: &Observed) -> Vec<String> {
    let all = observed.live.iter().chain(&observed.lookups);
    let live: BTreeMap<(&str, &str), &AnyLive> = all.map(|one| ((one.kind, one.id.as_str()), one)).collect();
    let mut stale = Vec::new();
    let mut known: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (address, seen) in plan.seen.iter().chain(plan.leftovers.iter().map(|left| (&left.address, &left.seen))) {
        // Nobody looked at it: it is as those say that use it, and those have been seen.
        if seen.fingerprint.is_empty() {
            continue;
        }
        known.insert((&seen.kind, &seen.id));
        match live.get(&(seen.kind.as_str(), seen.id.as_str())) {
            None => stale.push(format!("{address} ({}) is gone", seen.id)),
            Some(one) if fingerprint(one) != seen.fingerprint => stale.push(format!("{address} ({}) has changed", seen.id)),
            Some(_) => {}
        }
    }
    // What a plan would tell from what it saw: one more at an address that it makes, or that has an object.
    let made = plan.actions.iter().filter(|action| action.action == Verb::Create).map(|action| &action.address);
    let looked_at = || plan.seen.iter().filter(|(_, seen)| !seen.fingerprint.is_empty());
    let marked = looked_at().filter_map(|(_, seen)| seen.marks.address.as_ref());
    let taken: BTreeSet<&Address> = made.chain(looked_at().map(|(address, _)| address)).chain(marked).collect();
    for one in observed.live.iter().filter(|one| !known.contains(&(one.kind, one.id.as_str()))) {
        if let Some(address) = one.marks.address.as_ref().filter(|address| taken.contains(address)) {
            stale.push(format!("{address} is there by now ({})", one.id));
        }
    }
    stale
}
