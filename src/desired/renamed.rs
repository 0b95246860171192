//! What the stack's `moved` says was renamed: each resource under the new name has the old address among those that it had before.

use std::collections::BTreeSet;

use super::expand::Expanded;
use super::stack::Moved;
use crate::model::problem::{Problem, Problems};
use crate::model::{Address, Node};

/// Gives the resources their old addresses; the first rule that fits comes first. `document` is the stack's, for the places of mistakes.
pub fn follow(moved: &[Moved], expanded: &mut Expanded, document: &Node, problems: &mut Problems) {
    let mut heeded: Vec<&Moved> = Vec::new();
    for (at, rule) in moved.iter().enumerate() {
        let at = at.to_string();
        let wrong = |field: &str, message: String| Problem::at(&document.deepest(["spec", "moved", &at, field]).place, message);
        for (field, text) in [("from", &rule.from), ("to", &rule.to)] {
            if !Address::is_scope(text) {
                problems.push(wrong(field, format!("`{text:.80}` is no address and no front part of one")).help("such as tenant/ckwc"));
            }
        }
        if Address::is_scope(&rule.to) && under(&rule.from, &rule.to) {
            problems.push(wrong(
                "from",
                format!("`{:.80}` lies under `{:.80}`, so what is there now would have moved on and on", rule.from, rule.to),
            ));
            continue;
        }
        if let Some((old, new)) = still_there(rule, expanded) {
            let message = format!("`{old}` is still wished, so it cannot have moved to `{new}`");
            problems.push(wrong("from", message).help("take the line out: what was moved once stays moved"));
            continue;
        }
        heeded.push(rule);
        // What could not be expanded may lie there.
        let whole = !expanded.may_lack && expanded.unsure.is_empty();
        let led_on = moved.iter().any(|other| other.from == rule.to);
        if whole && !led_on && !expanded.resources.keys().chain(expanded.flaws.keys()).any(|address| address.is_under(&rule.to)) {
            let message = format!("nothing is called `{:.80}`, so nothing can have moved there", rule.to);
            problems.push(wrong("to", message).help("correct it, or take the line out: once it was applied it is not needed any more"));
        }
    }
    let mut many = false;
    for (address, resource) in &mut expanded.resources {
        let was = before(address, &heeded);
        many |= was.len() > MOST;
        resource.moved_from.extend(was.into_iter().take(MOST));
    }
    if many {
        let message = format!("leads some resources back to more than {MOST} old addresses");
        problems.push(Problem::at(&document.deepest(["spec", "moved"]).place, message).help("take out what was applied long ago"));
    }
}

/// A resource that the rule says was renamed and that is wished under both names.
fn still_there(rule: &Moved, expanded: &Expanded) -> Option<(Address, Address)> {
    let both = |old: &Address| {
        let new = Address::parse(&format!("{}{}", rule.to, &old.as_str()[rule.from.len()..])).ok()?;
        expanded.resources.contains_key(&new).then(|| (old.clone(), new))
    };
    expanded.resources.keys().filter(|old| old.is_under(&rule.from)).find_map(both)
}

/// The most old addresses of one resource.
const MOST: usize = 64;

/// Whether `address`, or a front part of one, lies under `scope`, or is it.
fn under(address: &str, scope: &str) -> bool {
    address.strip_prefix(scope).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/']))
}

/// All that the rules say it was called, also by way of one another: each of them once on a way.
fn before(address: &Address, moved: &[&Moved]) -> Vec<Address> {
    let mut all: Vec<Address> = Vec::new();
    let mut seen: BTreeSet<Address> = [address.clone()].into();
    let mut todo = vec![(address.clone(), BTreeSet::new())];
    while let Some((now, gone)) = todo.pop().filter(|_| all.len() <= MOST) {
        for (at, rule) in moved.iter().enumerate().filter(|(at, rule)| !gone.contains(at) && now.is_under(&rule.to)) {
            let was = Address::parse(&format!("{}{}", rule.from, &now.as_str()[rule.to.len()..]));
            if let Ok(was) = was
                && seen.insert(was.clone())
            {
                all.push(was.clone());
                let mut gone: BTreeSet<usize> = gone.clone();
                gone.insert(at);
                todo.push((was, gone));
            }
        }
    }
    all
}
