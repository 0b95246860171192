//! What becomes of an estate when the ground under it is replaced: its VPC, or one of its subnets.

use std::collections::BTreeSet;

use reeve::model::plan::{Plan, Scope, Verb};
use reeve::plan::order::steps;
use reeve::sandbox::ZONE;
use serde_json::json;

use crate::spare::{self, to};
use crate::support::{Estate, Ground, at, changes, example_with};

fn verb(plan: &Plan, address: &str) -> Option<Verb> {
    plan.actions.iter().find(|one| one.address == at(address)).map(|one| one.action)
}

/// The plan refuses `address`, says which of `named` it is because of, and its apply touches nothing that the network stands on.
async fn is_refused(estate: &Estate, plan: &Plan, address: &str, named: &str) {
    let refusal = plan.refusals.iter().find(|one| one.address == at(address)).unwrap_or_else(|| panic!("{address}: {:#?}", plan.refusals));
    assert!(refusal.reason.contains(named) && !refusal.hint.is_empty(), "{refusal:#?}");
    steps(plan).expect("no circle");
    let before: BTreeSet<String> = estate.live().await.into_iter().map(|one| format!("{} {}", one.kind, one.id)).collect();
    estate.apply_plan(plan).await;
    let after: BTreeSet<String> = estate.live().await.into_iter().map(|one| format!("{} {}", one.kind, one.id)).collect();
    assert_eq!(before, after, "nothing is made and nothing is dropped");
}

#[tokio::test]
async fn another_network_is_refused_because_of_the_database_and_with_leave_the_whole_estate_moves() {
    let ground = Ground::emulated().await;
    let mut estate = ground.example().await;
    estate.apply().await;
    estate.wishes = example_with("hostedehr", ZONE, |text| text.replace("cidr: 10.20.0.0/16", "cidr: 10.40.0.0/16"));
    let plan = estate.plan().await;
    is_refused(&estate, &plan, "database.server", "protected").await;
    for kept in ["vpc.vpc", "vpc.private/a", "database.subnets", "database.group"] {
        let waits = plan.waiting.iter().any(|one| one.address == at(kept) && one.reason.contains("needs it"));
        assert!(waits, "{kept} is kept for the database: {:#?}", plan.waiting);
    }
    assert!(plan.changes().all(|one| one.action == Verb::Update), "{:#?}", changes(&plan));

    // A new server has another name, and its logs are new ones: what the old ones say is lost only by name as well.
    let logs = ["database.log/error", "database.log/slowquery"].map(at);
    let mut scope = Scope { allow_delete: ["database.server".to_owned()].into(), ..Scope::default() };
    let plan = estate.plan_with(scope.clone(), false).await;
    assert_eq!(plan.refusals.iter().map(|one| one.address.clone()).collect::<Vec<_>>(), logs, "{:#?}", plan.refusals);
    scope.allow_delete.extend(logs.map(|log| log.to_string()));
    let plan = estate.plan_with(scope, false).await;
    assert_eq!((plan.refusals.len(), plan.waiting.len()), (0, 0), "{:#?} {:#?}", plan.refusals, plan.waiting);
    for moved in [
        "vpc.vpc",
        "vpc.private/a",
        "database.subnets",
        "database.server",
        "files.mount/a",
        "edge.alb",
        "fleet.workers",
        "vpc.internet_gateway",
    ] {
        assert_eq!(verb(&plan, moved), Some(Verb::Replace), "{moved}: {:#?}", changes(&plan));
    }
    let before = plan.seen.clone();
    estate.apply_plan(&plan).await;
    estate.is_converged().await;
    let live = estate.live().await;
    for gone in ["vpc.vpc", "vpc.private/a", "database.server", "files.mount/a"] {
        assert!(live.iter().all(|one| one.id != before[&at(gone)].id), "the old {gone} is still there");
    }
    assert!(live.iter().any(|one| one.id == before[&at("files.file_system")].id), "the files are where they were");
    let now = estate.plan().await.seen;
    for log in ["error", "slowquery"] {
        let group = &now[&at(&format!("database.log/{log}"))].id;
        assert_eq!(*group, format!("/aws/rds/instance/{}/{log}", now[&at("database.server")].id), "the new server's logs have a group");
    }
}

#[tokio::test]
async fn who_stands_in_a_subnet_follows_it_where_it_can() {
    let ground = Ground::emulated().await;
    let mut estate = spare::estate(&ground).await;
    estate.spec("spare.mount_target")["subnet"] = to("spare.subnet");
    estate.spec("spare.nat_gateway")["subnet"] = to("spare.subnet");
    let route = json!([{ "destination_cidr_block": "0.0.0.0/0", "nat_gateway": to("spare.nat_gateway") }]);
    estate.spec("spare.route_table")["routes"] = route;
    estate.spec("spare.route_table")["subnets"] = json!([to("spare.subnet")]);
    estate.apply().await;
    estate.is_converged().await;
    estate.spec("spare.subnet")["availability_zone"] = json!("us-east-1b");
    let plan = estate.plan().await;
    assert_eq!((plan.refusals.len(), plan.waiting.len()), (0, 0), "{:#?} {:#?}", plan.refusals, plan.waiting);
    for (address, expected) in [
        ("spare.subnet", Verb::Replace),
        ("spare.mount_target", Verb::Replace),
        ("spare.nat_gateway", Verb::Replace),
        ("spare.route_table", Verb::Update),
    ] {
        assert_eq!(verb(&plan, address), Some(expected), "{address}: {:#?}", changes(&plan));
    }
    estate.apply_plan(&plan).await;
    estate.is_converged().await;
}

#[tokio::test]
async fn a_subnet_that_others_hold_on_to_is_not_replaced_and_they_stay() {
    let ground = Ground::emulated().await;
    let mut estate = ground.example().await;
    estate.apply().await;
    estate.spec("vpc.private/a")["availability_zone"] = json!("us-east-1d");
    estate.spec("vpc.public/a")["cidr_block"] = json!("10.20.240.0/20");
    let plan = estate.plan().await;
    assert_eq!(changes(&plan), Vec::<String>::new());
    is_refused(&estate, &plan, "vpc.private/a", "database.subnets").await;
    is_refused(&estate, &plan, "vpc.public/a", "edge.alb").await;
}
