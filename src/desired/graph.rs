//! Checks resources against each other: that what they refer to exists, is of the right kind, has the attribute; that nobody waits for
//! itself; and that no two are one object to AWS.

use std::collections::{BTreeMap, HashMap};

use super::expand::{Expanded, RefUse, Resource};
use crate::kinds::Row;
use crate::kinds::aws::lookups::LOOKUPS;
use crate::kinds::info::Need;
use crate::model::Address;
use crate::model::problem::{Problem, Problems, nearest, suggest};

/// After so many problems nothing is suggested any more: each suggestion is a comparison with every address, and one mistake in a template
/// may be there once for each of ten thousand tenants.
const MOST_SUGGESTIONS: usize = 200;

/// Checks all resources.
pub fn check(expanded: &Expanded, problems: &mut Problems) {
    for resource in expanded.resources.values() {
        for used in &resource.refs {
            let spared = problems.count() >= MOST_SUGGESTIONS;
            problems.extend(check_one(expanded, resource, used, spared));
        }
    }
    cycles(&expanded.resources, problems);
    twins(expanded, problems);
    moves(&expanded.resources, problems);
}

/// What bears no tags is known by its key, and a setting that is always there by its kind: a second wish for it would never find its own.
fn twins(expanded: &Expanded, problems: &mut Problems) {
    let mut first: HashMap<(&str, String), &Resource> = HashMap::new();
    for resource in expanded.resources.values().filter(|one| one.kind.singleton || !one.kind.key.is_empty()) {
        let row = resource.kind;
        if row.key.iter().any(|field| expanded.is_flawed(&resource.address, field)) {
            continue;
        }
        let key: Vec<String> = row.key.iter().map(|field| resource.spec.get(*field).cloned().unwrap_or_default().to_string()).collect();
        let Some(other) = first.insert((row.name, key.join("\n")), resource) else { continue };
        let of = if row.key.is_empty() { "account and region".to_owned() } else { row.key.join(" and ") };
        let message = format!("`{}` and `{}` are one object: there is one {} for each {of}", generic(other), generic(resource), row.name);
        let help = if row.key.is_empty() { "take one of them out" } else { "take one of them out, or let them differ in that" };
        problems.push(Problem::at(&resource.place, message).help(help));
    }
}

/// An address has moved to one place, and nothing stands at it any more: else nobody could tell whose the live object is.
fn moves(resources: &BTreeMap<Address, Resource>, problems: &mut Problems) {
    let mut first: HashMap<&Address, &Resource> = HashMap::new();
    for resource in resources.values() {
        for from in &resource.moved_from {
            if let Some(there) = resources.get(from) {
                let message = format!("`{}` cannot have moved from `{from}`, which is still wished", generic(resource));
                let help = if there.address == resource.address { "take it out of `moved`" } else { "take one of them out" };
                problems.push(Problem::at(&resource.place, message).help(help));
            } else if from.is_lookup() {
                let message = format!("`{}` cannot have moved from `{from}`, which is looked up and never made", generic(resource));
                problems.push(Problem::at(&resource.place, message).help("take it out of `moved`"));
            } else if let Some(other) = first.insert(from, resource).filter(|other| other.address != resource.address) {
                let message = format!("`{from}` cannot have moved both to `{}` and to `{}`", generic(other), generic(resource));
                problems.push(Problem::at(&resource.place, message).help("take it out of one `moved`"));
            }
        }
    }
}

fn check_one(expanded: &Expanded, user: &Resource, used: &RefUse, spared: bool) -> Option<Problem> {
    let address = &used.address;
    if address.is_lookup() {
        return lookup(used);
    }
    if let Some(target) = expanded.resources.get(address) {
        return fits(used, target.kind);
    }
    let unknown = expanded.may_lack && !expanded.resources.keys().any(|known| known.module() == address.module());
    if unknown || expanded.unsure.iter().any(|name| address.is_under(name)) {
        return None;
    }
    let problem = Problem::at(&used.place, format!("`{}` of {} refers to `{address}`, which does not exist", used.field, generic(user)));
    if spared {
        return Some(problem);
    }
    let known = expanded.resources.keys().map(Address::as_str);
    let close = known.filter(|known| known.len().abs_diff(address.as_str().len()) <= 3);
    let help = nearest(address.as_str(), close).map(|near| format!("did you mean `{near}`?"));
    Some(problem.maybe_help(help))
}

/// The address of a resource in a message; a mistake in the module `tenant` is one mistake, not one per tenant.
fn generic(resource: &Resource) -> String {
    let address = resource.address.as_str();
    match address.strip_prefix("tenant/").and_then(|rest| rest.split_once('.')) {
        Some((_, name)) => format!("tenant/NAME.{name}"),
        None => address.to_owned(),
    }
}

fn fits(used: &RefUse, row: &Row) -> Option<Problem> {
    if let Some(kind) = used.kind.as_deref().filter(|kind| *kind != row.name) {
        return Some(Problem::at(
            &used.place,
            format!("`{}` wants a resource of kind {kind}, but `{}` is of kind {}", used.field, used.address, row.name),
        ));
    }
    let attribute = used.attribute.as_deref().filter(|name| !row.has_attribute(name))?;
    let known: Vec<&str> = row.attributes.iter().chain(row.late).copied().chain(["id"]).collect();
    let message = format!("`{}` ({}) has no `{attribute:.60}`", used.address, row.name);
    Some(Problem::at(&used.place, message).maybe_help(suggest(attribute, known)))
}

fn lookup(used: &RefUse) -> Option<Problem> {
    let Some(known) = LOOKUPS.iter().find(|lookup| lookup.address == used.address.as_str()) else {
        let help = suggest(used.address.as_str(), LOOKUPS.iter().map(|lookup| lookup.address));
        return Some(Problem::at(&used.place, format!("there is no look-up `{}`", used.address)).maybe_help(help));
    };
    if let Some(kind) = used.kind.as_deref().filter(|kind| *kind != known.kind) {
        return Some(Problem::at(
            &used.place,
            format!("`{}` wants a resource of kind {kind}, but `{}` is of kind {}", used.field, used.address, known.kind),
        ));
    }
    let attribute = used.attribute.as_deref().filter(|name| *name != "id" && !known.attributes.contains(name))?;
    let names: Vec<&str> = known.attributes.iter().copied().chain(["id"]).collect();
    Some(Problem::at(&used.place, format!("`{}` has no `{attribute:.60}`", used.address)).maybe_help(suggest(attribute, names)))
}

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    Open,
    Done,
}

/// Names each circle of references that need their targets made or ready. Iterative: chains may be long.
fn cycles(resources: &BTreeMap<Address, Resource>, problems: &mut Problems) {
    let mut marks: BTreeMap<&Address, Mark> = BTreeMap::new();
    for start in resources.keys() {
        if marks.contains_key(start) {
            continue;
        }
        let mut path: Vec<(&Address, usize)> = vec![(start, 0)];
        marks.insert(start, Mark::Open);
        while let Some((at, next)) = path.last_mut() {
            let resource = resources.get(*at);
            let Some(used) = resource.and_then(|resource| resource.refs.get(*next)) else {
                marks.insert(at, Mark::Done);
                path.pop();
                continue;
            };
            *next += 1;
            if used.need == Need::Settle || used.address.is_lookup() {
                continue;
            }
            let Some((target, _)) = resources.get_key_value(&used.address) else { continue };
            match marks.get(target) {
                Some(Mark::Done) => {}
                Some(Mark::Open) => problems.push(circle(&path, target, used)),
                None => {
                    marks.insert(target, Mark::Open);
                    path.push((target, 0));
                }
            }
        }
    }
}

fn circle(path: &[(&Address, usize)], target: &Address, used: &RefUse) -> Problem {
    let from = path.iter().position(|(address, _)| *address == target).unwrap_or(0);
    let round: Vec<&str> = path[from..].iter().map(|(address, _)| address.as_str()).chain([target.as_str()]).collect();
    Problem::at(&used.place, format!("these need each other in a circle: {}", round.join(" -> ")))
        .help("one of them has to do without the other")
}
