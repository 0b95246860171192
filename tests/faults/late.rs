//! What was just made is not visible everywhere yet, of every kind: an apply waits for it, or the next one finds it; it is not made again.

use reeve::planes::aws::faults::{Fault, Faults, Rule};

use crate::sorts::sorts;
use crate::support::{Wishes, World, whole};

/// Applies while each new object is hidden from the next `reads` reads that name it, and each listing answers from before it.
async fn becomes_visible_late(wishes: Wishes, reads: u32, asked_at_least: usize) {
    let mut world = World::new(wishes).await;
    let (want, _) = world.clean().await;
    let mut hidden = std::collections::BTreeSet::new();
    for turn in 1..=3 {
        // By the next apply, time has passed: it begins with its own view.
        let faults = Faults::new(turn).with(Rule::new("*", Fault::Late { reads, names: "hostedehr".into() }));
        let (plan, report) = world.apply(&world.faulty(&faults).await).await;
        hidden.extend(faults.hidden());
        if report.is_whole() && plan.waiting.is_empty() && plan.unreadable.is_empty() {
            eprintln!("late: {turn} applies, {} reads were told that something is not there: {hidden:?}", hidden.len());
            assert!(hidden.len() >= asked_at_least, "few asked about what was new: {hidden:?}");
            return world.is_converged(&want, "late visibility").await;
        }
        eprintln!("late: turn {turn}: {:#?}", report.failed);
    }
    panic!("not whole after three applies");
}

#[tokio::test]
async fn one_of_each_sort_becomes_visible_late() {
    becomes_visible_late(sorts(), 3, 8).await;
}

#[tokio::test]
async fn the_whole_estate_becomes_visible_late() {
    becomes_visible_late(whole(), 2, 15).await;
}
