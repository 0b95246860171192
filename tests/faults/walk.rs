//! One failure, Ctrl-C and a long wait in the middle of an apply.

use std::collections::BTreeSet;
use std::time::Duration;

use reeve::apply::Halt;
use reeve::model::edit::Cause;
use reeve::model::plan::{Plan, Verb};
use reeve::model::report::{Do, Event, Report, Stop};
use reeve::planes::aws::faults::{Fault, Faults, Rule};
use reeve::record::RecordError;
use reeve::session::{Error, Session};
use tokio::sync::watch;

use crate::sorts::sorts;
use crate::support::{World, at, carry_out, plan, run, small, walk, whole};

#[tokio::test]
async fn one_failure_stops_what_depends_on_it_and_nothing_else() {
    let mut world = World::new(whole()).await;
    let (want, _) = world.clean().await;
    let denied = Fault::Refuse { status: 403, code: "AccessDenied".into() };
    let faults = Faults::new(1).with(Rule::new("rds.CreateDBInstance", denied));
    let session = world.faulty(&faults).await;
    let (first, report) = world.apply(&session).await;
    let failed: Vec<_> = report.failed.iter().map(|one| (one.address.to_string(), one.what, one.class.as_str())).collect();
    assert_eq!(failed, [("database.server".to_owned(), Do::Create, "denied")], "{report:#?}");
    assert!(report.failed[0].error.contains("AccessDenied"), "{report:#?}");
    assert!(!report.skipped.is_empty());
    for one in &report.skipped {
        assert!(one.because.contains("database.server failed"), "{one:?}");
        assert!(one.address == at("database.server") || needs(&world, &one.address.to_string(), "database.server"), "{one:?}");
    }
    let skipped: BTreeSet<_> = report.skipped.iter().map(|one| &one.address).collect();
    for one in first.changes().filter(|one| one.action == Verb::Create && !skipped.contains(&one.address)) {
        assert!(report.finished.contains(&one.address), "{} has nothing to do with the server", one.address);
    }
    world.apply_until_whole(&world.session().await, 1, "after one failure").await;
    world.is_converged(&want, "after one failure").await;
}

/// Whether `address` refers to `target`, directly or not.
fn needs(world: &World, address: &str, target: &str) -> bool {
    let mut refers = BTreeSet::new();
    if let Some(wish) = world.wishes.get(&at(address)) {
        reeve::plan::references(wish.kind.info(), &wish.spec, |_, hole| {
            refers.insert(hole.address.to_string());
        });
    }
    refers.contains(target) || refers.iter().any(|one| needs(world, one, target))
}

/// Applies, and asks to stop when `done` steps are done. The events from then on are kept.
async fn halted(session: &Session, plan: &Plan, level: Halt, done: usize) -> (Report, Vec<Event>) {
    let held = session.hold("test").await.expect("the lease");
    let (ask, halt) = watch::channel(Halt::No);
    let (mut count, mut after) = (0, Vec::new());
    let report = walk(session, plan, &held, halt, |event| {
        count += usize::from(matches!(event, Event::Done { .. }));
        if count >= done {
            ask.send_replace(level);
            after.push(event.clone());
        }
    })
    .await
    .expect("an apply");
    held.release().await.expect("the lease goes back");
    (report, after)
}

#[tokio::test]
async fn ctrl_c_finishes_what_is_in_flight_and_begins_nothing_more() {
    let mut world = World::new(small()).await;
    let (want, _) = world.clean().await;
    for done in [1, 9, 17] {
        let session = world.session().await;
        let plan = plan(&session, &world.wishes).await;
        let (report, after) = halted(&session, &plan, Halt::Soon, done).await;
        assert_eq!(report.stopped, Some(Stop::Interrupted), "{report:#?}");
        assert!(report.unknown.is_empty() && report.failed.is_empty() && !report.skipped.is_empty(), "{report:#?}");
        let stopping = after.iter().position(|event| matches!(event, Event::Stopping { .. })).expect("it says that it stops");
        let begun: Vec<_> = after[stopping..].iter().filter(|event| matches!(event, Event::Started { .. })).collect();
        assert!(begun.is_empty(), "{begun:?}");
        world.apply_until_whole(&world.session().await, 1, "after Ctrl-C").await;
        world.is_converged(&want, "after Ctrl-C").await;
        world.reset().await;
    }
}

#[tokio::test]
async fn a_second_ctrl_c_names_what_was_in_flight() {
    let mut world = World::new(small()).await;
    let (want, _) = world.clean().await;
    // Slow, so that something is in flight at any time.
    let faults = Faults::new(1).with(Rule::new("*", Fault::Delay(Duration::from_millis(300))).changes());
    let session = world.faulty(&faults).await;
    let plan = plan(&session, &world.wishes).await;
    let (report, _) = halted(&session, &plan, Halt::Now, 6).await;
    assert_eq!(report.stopped, Some(Stop::Interrupted), "{report:#?}");
    assert!(!report.unknown.is_empty(), "{report:#?}");
    world.apply_until_whole(&world.session().await, 1, "after two Ctrl-C").await;
    world.is_converged(&want, "after two Ctrl-C").await;
}

#[tokio::test]
async fn a_second_apply_is_told_who_holds_the_lease() {
    let world = World::new(small()).await;
    let session = world.session().await;
    let held = session.hold("reeve apply estate").await.expect("the lease");
    match run(&world.session().await, &world.wishes).await {
        Err(Error::Record(RecordError::Held(by))) => {
            assert_eq!((by.who.as_str(), by.command.as_str()), (session.connection.caller.as_str(), "reeve apply estate"));
        }
        other => panic!("{other:?}"),
    }
    held.release().await.expect("the lease goes back");
    assert!(run(&world.session().await, &world.wishes).await.expect("an apply").1.is_whole());
}

#[tokio::test]
async fn what_waits_for_its_users_to_let_go_leaves_its_place_to_others() {
    let mut world = World::new(sorts()).await;
    assert!(world.apply(&world.session().await).await.1.is_whole());
    world.wishes.remove(&at("net.app"));
    world.wishes.remove(&at("store.object"));
    world.spec("net.db")["ingress"] = serde_json::json!([]);
    // EC2 says for a while that something still uses the group.
    let busy = Fault::Refuse { status: 400, code: "DependencyViolation".into() };
    let session = world.faulty(&Faults::new(1).with(Rule::new("ec2.DeleteSecurityGroup", busy).times(6))).await;
    let plan = plan(&session, &world.wishes).await;
    let held = session.hold("test").await.expect("the lease");
    let mut told = Vec::new();
    let report = carry_out(1, &session, &plan, &held, watch::channel(Halt::No).1, |event| match event {
        Event::Waiting { address, what: Do::Delete, .. } => told.push(format!("waits {address}")),
        Event::Done { address, what: Do::Delete, .. } => told.push(format!("done {address}")),
        _ => {}
    })
    .await
    .expect("an apply")
    .report;
    held.release().await.expect("the lease goes back");
    assert!(report.is_whole(), "{report:#?}");
    let place = |line: &str| told.iter().position(|one| one == line).unwrap_or_else(|| panic!("no `{line}` in {told:?}"));
    assert!(place("waits net.app") < place("done store.object") && place("done store.object") < place("done net.app"), "{told:?}");
}

#[tokio::test]
async fn what_another_change_of_the_same_object_is_in_the_way_of_is_tried_again() {
    let mut world = World::new(sorts()).await;
    world.wishes.retain(|address, _| ["watch.topic", "watch.logs", "store.secret", "files.key"].contains(&address.as_str()));
    let mut faults = Faults::new(1);
    for (call, code) in [
        ("sns.CreateTopic", "ConcurrentAccess"),
        ("logs.CreateLogGroup", "OperationAbortedException"),
        ("logs.PutRetentionPolicy", "OperationAbortedException"),
        ("ssm.PutParameter", "TooManyUpdates"),
    ] {
        faults = faults.with(Rule::new(call, Fault::Refuse { status: 400, code: code.into() }).times(2));
    }
    let (_, report) = world.apply(&world.faulty(&faults).await).await;
    assert!(report.is_whole(), "{report:#?}");
    assert_eq!(faults.struck(), [2; 4]);
}

#[tokio::test]
async fn what_stopped_between_two_calls_for_one_field_is_no_drift() {
    let mut world = World::new(sorts()).await;
    world.wishes.retain(|address, _| ["net.vpc", "net.app", "net.db"].contains(&address.as_str()));
    assert!(world.apply(&world.session().await).await.1.is_whole());
    world.spec("net.db")["ingress"] =
        serde_json::json!([{ "ip_protocol": "tcp", "from_port": 444, "to_port": 444, "cidr_ip": "10.9.0.0/24" }]);
    let denied = Fault::Refuse { status: 403, code: "UnauthorizedOperation".into() };
    let faults = Faults::new(1).with(Rule::new("ec2.RevokeSecurityGroupIngress", denied));
    let (_, report) = world.apply(&world.faulty(&faults).await).await;
    assert_eq!(report.failed.len(), 1, "{report:#?}");
    assert!(faults.changes().contains(&"ec2.AuthorizeSecurityGroupIngress".to_owned()), "half of it is done: {:?}", faults.changes());
    let told = plan(&world.session().await, &world.wishes).await;
    let causes: Vec<_> = told.changes().map(|one| (one.address.as_str(), one.cause.iter().copied().collect::<Vec<_>>())).collect();
    assert_eq!(causes, [("net.db", vec![Cause::Change])], "nobody but reeve has touched it");
    assert!(told.changes().all(|one| one.edits.iter().all(|edit| !edit.is_drift())), "{told:#?}");
    world.apply_until_whole(&world.session().await, 1, "after half a change").await;
}

#[tokio::test]
async fn what_lingers_after_its_deletion_is_waited_for_without_a_place_and_not_beyond_ctrl_c() {
    let mut world = World::new(sorts()).await;
    let keep = ["net.vpc", "net.subnet", "net.ip", "net.gateway", "net.nat", "store.bucket", "store.object"];
    world.wishes.retain(|address, _| keep.contains(&address.as_str()));
    assert!(world.apply(&world.session().await).await.1.is_whole());
    let whole = world.wishes.clone();
    world.wishes.retain(|address, _| !["net.nat", "net.ip", "store.object"].contains(&address.as_str()));
    let session = world.session().await;
    let first = plan(&session, &world.wishes).await;
    let held = session.hold("test").await.expect("the lease");
    let mut told = Vec::new();
    let report = carry_out(1, &session, &first, &held, watch::channel(Halt::No).1, |event| match event {
        Event::Waiting { address, what: Do::Delete, state } => told.push(format!("waits {address} {state}")),
        Event::Started { address, what: Do::Delete } => told.push(format!("begins {address}")),
        Event::Done { address, what: Do::Delete, .. } => told.push(format!("done {address}")),
        _ => {}
    })
    .await
    .expect("an apply")
    .report;
    held.release().await.expect("the lease goes back");
    assert!(report.is_whole(), "{report:#?}");
    let place = |line: &str| told.iter().position(|one| one == line).unwrap_or_else(|| panic!("no `{line}` in {told:?}"));
    let gone = place("done net.nat");
    assert!(place("waits net.nat deleting") < gone && place("done store.object") < gone, "its place is another's meanwhile: {told:?}");
    assert!(gone < place("begins net.ip"), "who needs it gone begins then: {told:?}");

    world.wishes = whole;
    assert!(world.apply(&session).await.1.is_whole());
    world.wishes.retain(|address, _| !["net.nat", "net.ip"].contains(&address.as_str()));
    let plan = plan(&session, &world.wishes).await;
    let held = session.hold("test").await.expect("the lease");
    let (ask, halt) = watch::channel(Halt::No);
    let report = walk(&session, &plan, &held, halt, |event| {
        if matches!(event, Event::Waiting { address, what: Do::Delete, .. } if address.as_str() == "net.nat") {
            ask.send_replace(Halt::Soon);
        }
    })
    .await
    .expect("an apply");
    held.release().await.expect("the lease goes back");
    assert_eq!(report.stopped, Some(Stop::Interrupted), "{report:#?}");
    assert!(report.failed.is_empty(), "{report:#?}");
    let why = |address: &str| report.skipped.iter().find(|one| one.address.as_str() == address).map(|one| one.because.as_str());
    assert_eq!((why("net.nat"), why("net.ip")), (Some("stopped while it was waited for"), Some("stopped before it began")));
    assert_eq!(report.begun, [at("net.nat")], "it is on its way out");
    let history = session.record().history().await.expect("the history").history;
    assert!(!history.applied.contains_key(&at("net.nat")), "no later plan is to miss what was told to go");
    assert!(history.applied.contains_key(&at("net.gateway")));
    world.apply_until_whole(&world.session().await, 1, "after Ctrl-C").await;
}

#[tokio::test]
async fn what_leans_on_something_new_is_tried_for_longer_than_what_leans_on_nothing() {
    let mut world = World::new(sorts()).await;
    let keep = ["net.vpc", "net.subnet", "files.key", "store.secret", "watch.role", "watch.policy", "watch.logs"];
    world.wishes.retain(|address, _| keep.contains(&address.as_str()));
    let mut faults = Faults::new(1);
    for (call, code) in [
        ("ec2.CreateSubnet", "InvalidVpcID.NotFound"),
        ("iam.AttachRolePolicy", "NoSuchEntity"),
        // A key of which another service does not know yet.
        ("ssm.PutParameter", "InvalidKeyId"),
    ] {
        faults = faults.with(Rule::new(call, Fault::Refuse { status: 400, code: code.into() }).times(6));
    }
    let (_, report) = world.apply(&world.faulty(&faults).await).await;
    assert!(report.is_whole(), "{report:#?}");
    assert_eq!(faults.struck(), [6; 3]);

    world.wishes = sorts();
    world.wishes.retain(|address, _| address.as_str() == "net.ip");
    let faults = Faults::new(1).with(Rule::new("ec2.AllocateAddress", Fault::Refuse { status: 400, code: "InvalidID.NotFound".into() }));
    let session = world.faulty(&faults).await;
    let (_, report) = world.apply(&session).await;
    assert_eq!(report.failed.first().map(|one| one.class.as_str()), Some("not found"), "{report:#?}");
    assert_eq!(faults.struck(), [4]);
}
