//! Creations of which nobody knows, or nobody wrote down, what came of them.

use reeve::apply::Halt;
use reeve::model::report::{Event, Stop};
use reeve::planes::aws::faults::{Fault, Faults, Rule};
use reeve::session::{Command, Held, Session};
use tokio::sync::watch;

use crate::crash::killed;
use crate::sorts::sorts;
use crate::support::{World, at, carry_out, plan, walk};

/// One address, made by one call that takes the tags and no token.
async fn one_address() -> World {
    let wishes = sorts().into_iter().filter(|(address, _)| address.as_str() == "net.ip").collect();
    World::new(wishes).await
}

/// The ids of the addresses that there are, and the attempt that each bears.
async fn addresses(session: &Session) -> Vec<(String, String)> {
    let out = session.connection.aws.ec2.describe_addresses().send().await.expect("addresses");
    let of = |one: &aws_sdk_ec2::types::Address| {
        let attempt = one.tags().iter().find(|tag| tag.key() == Some("reeve:attempt")).and_then(|tag| tag.value());
        (one.allocation_id().unwrap_or_default().to_owned(), attempt.unwrap_or_default().to_owned())
    };
    out.addresses().iter().map(of).collect()
}

async fn pending(session: &Session) -> Vec<(String, Option<String>)> {
    let history = session.record().history().await.expect("the history").history;
    history.pending.into_iter().map(|(address, attempt)| (address.to_string(), attempt.token)).collect()
}

/// A world in which a killed apply has made the address and not written that down; the attempt's name.
async fn killed_after_the_creation() -> (World, String) {
    let world = one_address().await;
    killed(&world, &Faults::new(1).crash_after(1).freezing()).await;
    world.record().await.unlock("the test").await.expect("unlocked");
    let session = world.session().await;
    let made = addresses(&session).await;
    assert_eq!(made.len(), 1);
    assert_eq!(pending(&session).await, [("net.ip".to_owned(), Some(made[0].1.clone()))]);
    (world, made[0].1.clone())
}

/// What was made goes behind our back, and is made anew: as another attempt.
async fn is_made_anew_as_another(world: &World, first: &str) {
    let session = world.session().await;
    let (id, _) = addresses(&session).await.remove(0);
    session.connection.aws.ec2.release_address().allocation_id(id).send().await.expect("released by hand");
    assert!(world.apply(&session).await.1.is_whole());
    let now = addresses(&session).await;
    assert_eq!(now.len(), 1);
    assert_ne!(now[0].1, first, "a token comes back only while nobody knows what came of it");
}

#[tokio::test]
async fn a_creation_that_is_found_is_closed_by_the_next_run() {
    let (mut world, first) = killed_after_the_creation().await;
    // Something else is to be done.
    world.wishes.extend(sorts().into_iter().filter(|(address, _)| address.as_str() == "watch.topic"));
    assert!(world.apply(&world.session().await).await.1.is_whole());
    assert_eq!(pending(&world.session().await).await, []);
    assert_eq!(world.record().await.verify().await.expect("a journal").problems, vec![]);
    is_made_anew_as_another(&world, &first).await;
}

#[tokio::test]
async fn a_creation_that_is_found_is_closed_also_when_there_is_nothing_to_do() {
    let (world, first) = killed_after_the_creation().await;
    let session = world.session().await;
    let held = session.hold("test").await.expect("the lease");
    let told = plan(&session, &world.wishes).await;
    assert!(told.is_empty());
    let command = Command { line: "test".into(), commit: None, once: false };
    for runs in [2, 2] {
        session.close_what_is_open(&told, &held, &command).await.expect("closed");
        let found = held.record.verify().await.expect("a journal");
        assert_eq!((found.problems, found.runs.len()), (vec![], runs), "the second time there is nothing to close");
    }
    assert_eq!(pending(&session).await, []);
    held.release().await.expect("the lease goes back");
    is_made_anew_as_another(&world, &first).await;
}

#[tokio::test]
async fn a_creation_that_is_not_there_is_called_the_same_again() {
    let world = one_address().await;
    killed(&world, &Faults::new(1).crash_before(1).freezing()).await;
    world.record().await.unlock("the test").await.expect("unlocked");
    let session = world.session().await;
    let open = pending(&session).await;
    assert!(world.apply(&session).await.1.is_whole());
    let made = addresses(&session).await;
    assert_eq!(open, [("net.ip".to_owned(), Some(made[0].1.clone()))]);
    assert_eq!(pending(&session).await, []);
}

/// Applies what a session without faults has planned; what failed, and as what.
async fn applied_with(world: &World, faults: &Faults) -> Vec<(String, String)> {
    let clean = world.session().await;
    let told = plan(&clean, &world.wishes).await;
    let session = world.faulty(faults).await;
    let held = session.hold("test").await.expect("the lease");
    let (_halt, halt) = watch::channel(Halt::No);
    let report = walk(&session, &told, &held, halt, |_| {}).await.expect("an apply");
    held.release().await.expect("the lease goes back");
    report.failed.into_iter().map(|one| (one.class, one.error)).collect()
}

#[tokio::test]
async fn what_a_lost_answer_made_stays_open_when_it_cannot_be_looked_for() {
    let world = one_address().await;
    let denied = Fault::Refuse { status: 403, code: "UnauthorizedOperation".into() };
    let faults = Faults::new(1).with(Rule::new("ec2.AllocateAddress", Fault::LostReply)).with(Rule::new("ec2.DescribeAddresses", denied));
    let failed = applied_with(&world, &faults).await;
    assert!(failed.len() == 1 && failed[0].0 == "no answer" && failed[0].1.contains("AllocateAddress"), "{failed:?}");
    let session = world.session().await;
    let made = addresses(&session).await;
    assert_eq!(made.len(), 1, "where it cannot be looked for, it is not made a second time");
    assert_eq!(pending(&session).await, [("net.ip".to_owned(), Some(made[0].1.clone()))]);
    assert!(world.apply(&session).await.1.is_whole());
    assert_eq!(addresses(&session).await, made);
}

#[tokio::test]
async fn after_a_lost_answer_a_refusal_does_not_say_that_nothing_was_made() {
    let world = one_address().await;
    let denied = Fault::Refuse { status: 403, code: "UnauthorizedOperation".into() };
    let faults =
        Faults::new(1).with(Rule::new("ec2.AllocateAddress", Fault::Timeout).times(1)).with(Rule::new("ec2.AllocateAddress", denied));
    let failed = applied_with(&world, &faults).await;
    assert!(failed.len() == 1 && failed[0].0 == "no answer" && failed[0].1.contains("UnauthorizedOperation"), "{failed:?}");
    assert_eq!(pending(&world.session().await).await.len(), 1);
}

#[tokio::test]
async fn an_apply_whose_last_result_cannot_be_written_is_no_success() {
    let world = one_address().await;
    let session = world.session().await;
    let told = plan(&session, &world.wishes).await;
    let held: Held = session.hold("test").await.expect("the lease");
    let journal = world.record.path().join("journal");
    let (_halt, halt) = watch::channel(Halt::No);
    let outcome = carry_out(1, &session, &told, &held, halt, |event| {
        // Its attempt is written; its result will not be.
        if matches!(event, Event::Started { address, .. } if *address == at("net.ip")) && journal.is_dir() {
            std::fs::rename(&journal, world.record.path().join("away")).expect("moved away");
            std::fs::write(&journal, "in the way").expect("a file");
        }
    })
    .await
    .expect("an apply");
    assert_eq!((outcome.report.stopped, outcome.exit_code), (Some(Stop::Journal), 6), "{outcome:#?}");
    assert_eq!(outcome.report.finished, [at("net.ip")]);
    assert!(outcome.warnings.iter().any(|one| one.contains("cannot be written")), "{:?}", outcome.warnings);
}
