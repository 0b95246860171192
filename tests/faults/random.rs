//! Seeded faults on every kind's calls, and each create of the estate struck once.

use std::collections::BTreeSet;
use std::time::Duration;

use reeve::planes::aws::faults::{Fault, Faults, Rule};

use crate::support::{World, whole};

/// Verbs with which the estate's objects are made.
const MAKES: &[&str] = &["Create", "Allocate", "Run", "Request", "Put", "Associate", "Subscribe", "Authorize"];

fn creates(changes: &[String]) -> BTreeSet<&String> {
    changes
        .iter()
        .filter(|call| call.split_once('.').is_some_and(|(_, operation)| MAKES.iter().any(|verb| operation.starts_with(verb))))
        .collect()
}

/// Applies under `faults` until whole, and looks at what is there then.
async fn survives(name: &str, rules: impl Fn(Faults, &[String]) -> Faults, tries: usize) {
    let mut world = World::new(whole()).await;
    let (want, changes) = world.clean().await;
    let faults = rules(Faults::new(2026), &changes);
    let session = world.faulty(&faults).await;
    let turns = world.apply_until_whole(&session, tries, name).await;
    let struck: u32 = faults.struck().iter().sum();
    eprintln!("{name}: {struck} faults, {turns} applies");
    assert!(struck > 0, "{name}: no fault struck");
    world.is_converged(&want, name).await;
}

/// Each create that the estate uses is struck once.
fn every_create(fault: Fault) -> impl Fn(Faults, &[String]) -> Faults {
    move |faults, changes| creates(changes).into_iter().fold(faults, |faults, call| faults.with(Rule::new(call, fault.clone()).times(1)))
}

#[tokio::test]
async fn every_create_loses_its_reply_once() {
    survives("lost replies", every_create(Fault::LostReply), 3).await;
}

#[tokio::test]
async fn every_create_is_done_and_answered_with_a_servers_fault_once() {
    survives("500 after effect", every_create(Fault::ServerErrorAfter(500)), 3).await;
}

#[tokio::test]
async fn throttles_everywhere() {
    survives("throttles", |faults, _| faults.with(Rule::new("*", Fault::Throttle).chance(0.1)), 3).await;
}

#[tokio::test]
async fn servers_faults_everywhere() {
    survives("server's faults", |faults, _| faults.with(Rule::new("*", Fault::ServerError(503)).chance(0.05)), 3).await;
}

#[tokio::test]
async fn lost_replies_everywhere() {
    survives("lost replies everywhere", |faults, _| faults.with(Rule::new("*", Fault::LostReply).chance(0.05)), 3).await;
}

#[tokio::test]
async fn no_answers_in_time() {
    survives("time-outs", |faults, _| faults.with(Rule::new("*", Fault::Timeout).chance(0.04)), 3).await;
}

/// Within one apply, each read is answered from before the last change once or twice. By the next apply, time has passed.
#[tokio::test]
async fn listings_lag_behind() {
    let mut world = World::new(whole()).await;
    let (want, _) = world.clean().await;
    for turn in 1..=3 {
        let session = world.faulty(&Faults::new(turn).with(Rule::new("*.Describe*", Fault::Stale { reads: 2 }))).await;
        let (_, report) = world.apply(&session).await;
        if report.is_whole() {
            return world.is_converged(&want, "stale listings").await;
        }
        eprintln!("stale: turn {turn}: {:#?}", report.failed);
    }
    panic!("not whole after three applies");
}

#[tokio::test]
async fn slow_answers_arrive_in_any_order() {
    let delay = Fault::Delay(Duration::from_millis(300));
    survives("delays", move |faults, _| faults.with(Rule::new("*", delay.clone()).chance(0.1)), 2).await;
}
