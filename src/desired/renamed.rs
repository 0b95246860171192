//! What the stack's `moved` says was renamed: each resource under the new name has the old address among those that it had before.

use std::collections::BTreeSet;

use super::expand::Expanded;
use super::stack::Moved;
use crate::model::problem::{Problem, Problems};
use crate::model::{Address, Node};

/// Gives the resources their old addresses; the first rule that fits comes first. `document` is the stack's, for the places of mistakes.
pub fn follow(moved: &[Moved], expanded: &mut Expanded, document: &Node, problems: &mut Problems) {
    for (at, rule) in moved.iter().enumerate() {
        let at = at.to_string();
        let wrong = |field: &str, message: String| Problem::at(&document.deepest(["spec", "moved", &at, field]).place, message);
        for (field, text) in [("from", &rule.from), ("to", &rule.to)] {
            if !Address::is_scope(text) {
                problems.push(wrong(field, format!("`{text:.80}` is no address and no front part of one")).help("such as tenant/ckwc"));
            }
        }
        // What could not be expanded may lie there.
        let whole = !expanded.may_lack && expanded.unsure.is_empty();
        let led_on = moved.iter().any(|other| other.from == rule.to);
        if whole && !led_on && !expanded.resources.keys().chain(expanded.flaws.keys()).any(|address| address.is_under(&rule.to)) {
            let message = format!("nothing is called `{:.80}`, so nothing can have moved there", rule.to);
            problems.push(wrong("to", message).help("correct it, or take the line out: once it was applied it is not needed any more"));
        }
    }
    for (address, resource) in &mut expanded.resources {
        resource.moved_from.extend(before(address, moved));
    }
}

/// All that the rules say it was called, also by way of one another.
fn before(address: &Address, moved: &[Moved]) -> Vec<Address> {
    let mut all: Vec<Address> = Vec::new();
    let mut seen: BTreeSet<Address> = [address.clone()].into();
    let mut todo = vec![address.clone()];
    while let Some(now) = todo.pop() {
        for rule in moved.iter().filter(|rule| now.is_under(&rule.to)) {
            let was = Address::parse(&format!("{}{}", rule.from, &now.as_str()[rule.to.len()..]));
            if let Ok(was) = was
                && seen.insert(was.clone())
            {
                all.push(was.clone());
                todo.push(was);
            }
        }
    }
    all
}
