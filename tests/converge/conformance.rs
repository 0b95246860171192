//! The whole life of an estate: nothing, applied, unchanged, drifted, mended, destroyed. By default on an emulated AWS; with
//! `REEVE_CONFORMANCE=1` on the account of the environment's credentials (`make conformance`), which costs money.

use std::env::var;

use reeve::model::edit::Cause;
use reeve::model::plan::Scope;
use serde_json::json;

use crate::support::{Estate, Ground, at, changes, example};

async fn live_and_die(estate: &Estate) {
    estate.apply().await;
    estate.is_converged().await;
    let group = estate.object("fleet.group").await;
    let ec2 = &estate.session.connection.aws.ec2;
    ec2.authorize_security_group_ingress()
        .group_id(&group.id)
        .ip_protocol("tcp")
        .from_port(22)
        .to_port(22)
        .cidr_ip("0.0.0.0/0")
        .send()
        .await
        .expect("somebody opens a port");
    let plan = estate.plan().await;
    assert!(plan.changes().any(|one| one.address == at("fleet.group") && one.cause == [Cause::Drift].into()), "{:#?}", changes(&plan));
    assert_eq!(plan.changes().count(), 1, "{:#?}", changes(&plan));
    estate.apply_plan(&plan).await;
    estate.is_converged().await;
}

/// Until nothing is left, or until trying again changes nothing.
async fn destroy(estate: &Estate) {
    let protected = estate.wishes.iter().filter(|(_, wish)| wish.protect).map(|(address, _)| address.clone()).collect();
    let scope = Scope { allow_delete: protected, ..Scope::default() };
    for _ in 0..3 {
        let plan = estate.plan_with(scope.clone(), true).await;
        if plan.is_empty() {
            return;
        }
        estate.walk(&plan, async |_| {}).await;
    }
    let plan = estate.plan_with(scope, true).await;
    assert!(plan.is_empty(), "left behind, to be removed by hand:\n{}", changes(&plan).join("\n"));
}

#[tokio::test]
async fn the_whole_life_of_an_estate() {
    let real = var("REEVE_CONFORMANCE").is_ok_and(|value| value == "1");
    let (ground, estate) = if real {
        let domain = var("REEVE_CONFORMANCE_DOMAIN").expect("REEVE_CONFORMANCE_DOMAIN: a domain whose public zone is in the account");
        let (ground, wishes) = (Ground::real(), example("reeve-conformance", &domain));
        let estate = ground.estate("reeve-conformance", &domain, small(wishes)).await;
        (ground, estate)
    } else {
        let ground = Ground::emulated().await;
        let estate = ground.example().await;
        (ground, estate)
    };
    // Whatever goes wrong, it is destroyed before this test ends.
    let outcome = futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(live_and_die(&estate))).await;
    destroy(&estate).await;
    drop(ground);
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

/// The same estate on the smallest machines, without what outlives a destruction (a vault's lock) or changes the account's settings.
fn small(mut wishes: crate::support::Wishes) -> crate::support::Wishes {
    let set = |wishes: &mut crate::support::Wishes, address: &str, field: &str, value: serde_json::Value| {
        if let Some(wish) = wishes.get_mut(&at(address)) {
            wish.spec[field] = value;
        }
    };
    set(&mut wishes, "database.server", "db_instance_class", json!("db.t4g.medium"));
    set(&mut wishes, "database.server", "multi_az", json!(false));
    set(&mut wishes, "database.server", "allocated_storage", json!(20));
    set(&mut wishes, "fleet.managers", "min_size", json!(0));
    set(&mut wishes, "fleet.managers", "max_size", json!(0));
    set(&mut wishes, "backup.vault", "min_retention_days", json!(null));
    wishes.remove(&at("fleet.defaults"));
    wishes
}
