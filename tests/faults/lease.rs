//! A lease that is lost in the middle of an apply.

use std::time::Duration;

use reeve::apply::Halt;
use reeve::model::report::{Do, Event, Stop};
use reeve::planes::aws::faults::{Fault, Faults, Rule};
use reeve::record::{Owner, Terms};
use reeve::session::{Held, Session};
use serde_json::json;
use tokio::sync::watch;

use crate::sorts::sorts;
use crate::support::{Wishes, World, at, carry_out, plan, small, walk};

/// The lease, held by who soon notices that it is lost.
async fn hold(session: &Session) -> Held {
    let record = session.record().with_terms(Terms { renew_every: Duration::from_millis(50), ..Terms::default() });
    let owner = Owner { who: "first".into(), command: "apply".into() };
    let lease = record.acquire(&owner).await.expect("the lease");
    Held { record, lease }
}

fn some(addresses: &[&str]) -> Wishes {
    sorts().into_iter().filter(|(address, _)| addresses.contains(&address.as_str())).collect()
}

#[tokio::test]
async fn a_lost_lease_stops_new_steps() {
    let mut world = World::new(small()).await;
    let (want, _) = world.clean().await;
    // Slow, so that the lease is lost in the middle.
    let faults = Faults::new(1).with(Rule::new("*", Fault::Delay(Duration::from_millis(400))).changes());
    let session = world.faulty(&faults).await;
    let held = hold(&session).await;
    let plan = plan(&session, &world.wishes).await;
    let (ask, taken) = tokio::sync::oneshot::channel();
    let (mut ask, record) = (Some(ask), world.record().await);
    let taker = async {
        taken.await.expect("a step is done");
        record.unlock("the test").await.expect("unlocked");
    };
    let (_halt, halt) = watch::channel(Halt::No);
    let work = walk(&session, &plan, &held, halt, |event| {
        if matches!(event, Event::Done { .. }) {
            ask.take().map(|ask| ask.send(()));
        }
    });
    let (report, ()) = tokio::join!(work, taker);
    let report = report.expect("an apply");
    assert_eq!(report.stopped, Some(Stop::LeaseLost), "{report:#?}");
    // What is made of several calls stops between two of them; nothing that needs it begins.
    assert!(report.failed.iter().all(|one| one.error.contains("the lease was lost")), "{report:#?}");
    let because = |text: &str| text.contains("lease was lost") || report.failed.iter().any(|one| text.starts_with(one.address.as_str()));
    assert!(report.skipped.iter().all(|one| because(&one.because)) && !report.skipped.is_empty(), "{report:#?}");
    world.apply_until_whole(&world.session().await, 1, "after a lost lease").await;
    world.is_converged(&want, "after a lost lease").await;
}

#[tokio::test]
async fn a_lease_that_is_lost_between_two_calls_of_one_step_lets_no_further_one_out() {
    let mut world = World::new(some(&["net.vpc", "net.app", "net.db", "store.bucket"])).await;
    assert!(world.apply(&world.session().await).await.1.is_whole());
    let rules = json!([{ "ip_protocol": "tcp", "from_port": 444, "to_port": 444, "cidr_ip": "10.9.0.0/24" }]);
    for (address, edits, during, next) in [
        ("net.db", vec![("ingress", rules)], "ec2.AuthorizeSecurityGroupIngress", "ec2.RevokeSecurityGroupIngress"),
        (
            "store.bucket",
            vec![("public_access_block", json!(false)), ("versioning", json!(false))],
            "s3.PutPublicAccessBlock",
            "s3.PutBucketVersioning",
        ),
    ] {
        for (field, value) in edits {
            world.spec(address)[field] = value;
        }
        let faults = Faults::new(1).with(Rule::new(during, Fault::Delay(Duration::from_millis(1500))));
        let session = world.faulty(&faults).await;
        let held = hold(&session).await;
        let plan = plan(&session, &world.wishes).await;
        let record = world.record().await;
        let taker = async {
            while faults.changes().is_empty() || faults.changes().last().is_none_or(|call| call != during) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            record.unlock("the test").await.expect("unlocked");
        };
        let (_halt, halt) = watch::channel(Halt::No);
        let (outcome, ()) = tokio::join!(carry_out(16, &session, &plan, &held, halt, |_| {}), taker);
        let outcome = outcome.expect("an apply");
        let (report, changes) = (outcome.report, faults.changes());
        assert_eq!(changes.last().map(String::as_str), Some(during), "{changes:?}");
        assert_eq!((report.stopped, outcome.exit_code), (Some(Stop::LeaseLost), 6), "{report:#?}");
        let failed: Vec<_> = report.failed.iter().map(|one| (one.address.as_str(), one.class.as_str())).collect();
        assert_eq!(failed, [(address, "lease lost")], "{report:#?}");
        for words in ["the lease was lost: the test released it", "run the same command again"] {
            assert!(report.failed[0].error.contains(words), "{report:#?}");
        }
        // The same command again: what was not sent then is sent now.
        let faults = Faults::new(1);
        assert!(world.apply(&world.faulty(&faults).await).await.1.is_whole());
        assert!(faults.changes().iter().any(|call| call == next), "{:?}", faults.changes());
    }
}

/// Loses the lease once a step waits, and is told within moments.
async fn ends_a_wait(world: &World, rule: Rule, waits: (&str, Do)) {
    let plan = plan(&world.session().await, &world.wishes).await;
    let session = world.faulty(&Faults::new(1).with(rule)).await;
    let (held, record) = (hold(&session).await, world.record().await);
    let (ask, waiting) = tokio::sync::oneshot::channel();
    let mut ask = Some(ask);
    let taker = async {
        waiting.await.expect("a step waits");
        record.unlock("the test").await.expect("unlocked");
        std::time::Instant::now()
    };
    let (_halt, halt) = watch::channel(Halt::No);
    let work = async {
        let report = walk(&session, &plan, &held, halt, |event| {
            if matches!(event, Event::Waiting { address, what, .. } if (address.as_str(), *what) == waits) {
                ask.take().map(|ask| ask.send(()));
            }
        })
        .await;
        (report.expect("an apply"), std::time::Instant::now())
    };
    let ((report, ended), lost) = tokio::join!(work, taker);
    assert_eq!(report.stopped, Some(Stop::LeaseLost), "{report:#?}");
    assert!(ended - lost < Duration::from_secs(5), "{:?}", ended - lost);
    let skipped = report.skipped.iter().any(|one| (one.address.as_str(), one.what) == waits && one.because.contains("lease was lost"));
    assert!(skipped || report.failed.iter().any(|one| (one.address.as_str(), one.what) == waits), "{report:#?}");
    assert!(world.apply(&world.session().await).await.1.is_whole());
}

#[tokio::test]
async fn nobody_waits_on_without_the_lease() {
    let mut world = World::new(some(&["net.vpc", "net.subnet", "net.ip", "net.gateway", "net.nat", "net.app", "net.db"])).await;
    let refuse = |code: &str| Fault::Refuse { status: 400, code: code.into() };
    ends_a_wait(&world, Rule::new("ec2.DescribeNatGateways", refuse("NatGatewayNotFound")), ("net.nat", Do::Ready)).await;
    world.wishes.remove(&at("net.app"));
    world.spec("net.db")["ingress"] = json!([]);
    ends_a_wait(&world, Rule::new("ec2.DeleteSecurityGroup", refuse("DependencyViolation")), ("net.app", Do::Delete)).await;
}
