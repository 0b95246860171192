//! The controls that the default modules satisfy, under the ids of the public catalogue (Prowler, and AWS FSBP where it has one).
//!
//! Each row of [`table::controls`] is held against the smallest stack and against the example; and each is shown to notice the one change
//! of the estate that would break it, so that no row holds by being blind.
#![allow(clippy::expect_used, reason = "a test ends where something is not as it should be")]

mod estate;
mod host;
mod table;

use std::collections::BTreeSet;

use estate::Estate;
use table::controls;

fn broken(estate: &Estate) -> Vec<String> {
    controls().flat_map(|row| (row.fails)(estate).into_iter().map(|why| format!("{}: {why}", row.ids))).collect()
}

#[test]
fn the_smallest_stack_satisfies_every_control() {
    assert_eq!(broken(&Estate::smallest()), Vec::<String>::new());
}

#[test]
fn the_example_satisfies_every_control() {
    assert_eq!(broken(&Estate::example()), Vec::<String>::new());
}

#[test]
fn hosts_that_come_with_their_bundle_satisfy_every_control() {
    assert_eq!(broken(&Estate::bundled(&"0123456789abcdef".repeat(4))), Vec::<String>::new());
}

#[test]
fn every_control_notices_what_breaks_it() {
    let example = Estate::example();
    let blind = controls().filter(|row| {
        let mut estate = example.clone();
        let (address, pointer, value) = row.broken_by;
        estate.set(address, pointer, value);
        (row.fails)(&estate).is_empty()
    });
    assert_eq!(blind.map(|row| row.ids).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn no_control_is_listed_twice() {
    let mut seen = BTreeSet::new();
    let ids = controls().flat_map(|row| row.ids.split(", "));
    assert_eq!(ids.filter(|id| !seen.insert(*id)).collect::<Vec<_>>(), Vec::<&str>::new());
}
