//! What stands on a tenant's service: that its data is being restored, and that its container is about to end.

use std::sync::Arc;
use std::time::Duration;

use age::x25519::Identity;
use jiff::Timestamp;
use reeve::edge::{Entry, Rules, Said};
use reeve::kinds::docker::service::restoring;
use reeve::planes::{Class, Docker, Plane};
use reeve::tenant::backup::backup;
use reeve::tenant::place::Place;
use reeve::tenant::progress::Progress;
use reeve::tenant::restore::{Checked, finished, restore, was_cut_off};
use serde_json::json;

use crate::client::{Asks, ask};
use crate::fleet_ground::{Fleet, docker, tenant, until};
use crate::ground::{Edge, book, door, host};
use crate::rest::runs;
use crate::wake::stop;

fn service(tenant: &str) -> String {
    format!("hostedehr-tenant-{tenant}-service")
}

async fn labels(fleet: &Fleet, tenant: &str) -> String {
    docker(fleet.engine(), &["service", "inspect", "--format", "{{json .Spec.Labels}}", &service(tenant)]).await
}

/// Writes or takes away a label, and nothing else: `docker service update` would sort the mounts, and Swarm would start another container.
async fn label(cx: &Docker, tenant: &str, name: &str, text: Option<&str>) {
    let mut whole = cx.whole_service("test", &service(tenant)).await.expect("it is there");
    let version = whole["Version"]["Index"].as_i64().and_then(|index| i32::try_from(index).ok()).expect("a version");
    let mut spec = whole["Spec"].take();
    let labels = spec["Labels"].as_object_mut().expect("labels");
    match text {
        Some(text) => labels.insert(name.to_owned(), text.into()),
        None => labels.remove(name),
    };
    cx.put_whole_service("test", &service(tenant), version, &spec).await.expect("written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_edge_follows_what_stands_on_the_service() {
    let fleet = Fleet::start(1).await;
    let names = ["alpha", "beta"];
    let estate = fleet.estate(fleet.wishes(&names.map(|name| tenant(name, "")).concat())).await;
    estate.apply().await;
    let door = door(&fleet);
    let mut edge = Edge::leads(&fleet, &estate, book(&names.map(|name| (name, Entry::default())), Rules::default())).await;
    for name in names {
        until(name, 60, async || ask(&door, &host(name), Asks::Page, "").await.is_of(name)).await;
    }

    // A container that is about to end gets nothing more, though it runs and everybody comes for it; when it is not any more, it does.
    let cx = Docker::of(estate.session.planes()).expect("a way in").clone();
    let task = docker(fleet.engine(), &["service", "ps", "--quiet", "--no-trunc", &service("beta")]).await;
    let leaving = json!({ "since": Timestamp::now(), "tasks": [task] });
    label(&cx, "beta", "reeve-leaving", Some(&leaving.to_string())).await;
    until("beta is left alone", 10, async || ask(&door, &host("beta"), Asks::Page, "").await.is_waiting_page()).await;
    for _ in 0..20 {
        let answer = ask(&door, &host("beta"), Asks::Page, "").await;
        assert!(answer.is_waiting_page(), "it was given back to HAProxy: {answer:?}");
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    label(&cx, "beta", "reeve-leaving", None).await;
    until("beta is back", 10, async || ask(&door, &host("beta"), Asks::Page, "").await.is_of("beta")).await;
    assert_eq!(docker(fleet.engine(), &["service", "ps", "--quiet", "--no-trunc", &service("beta")]).await, task);

    // A restore that breaks off says so on the service and in the database; until it was done whole nobody is started, whoever comes.
    stop(&fleet, &["alpha"]).await;
    let folder = tempfile::tempdir().unwrap();
    let (identity, path) = (Arc::new(Identity::generate()), folder.path().join("alpha.age"));
    estate
        .held(async |held| {
            let planes = estate.session.under(held);
            let place = Place::find(&planes, "alpha").await.expect("it is there");
            let to = vec![identity.to_public()];
            backup(&planes, &place, &path, to, Timestamp::now(), &Progress::default()).await.expect("a backup");
            let archive = Checked::read(&path, identity.clone(), &Progress::default()).await.expect("whole");
            let stopped = Progress::default();
            stopped.stop();
            restore(&planes, &place, &archive, None, &stopped).await.expect_err("it was stopped");
            assert!(was_cut_off(&planes, "alpha").await.expect("an answer"));
            assert!(labels(&fleet, "alpha").await.contains("reeve-restoring"));
            until("it says so", 30, async || ask(&door, &host("alpha"), Asks::Page, "").await.body.contains("being restored")).await;
            edge.said();
            tokio::time::sleep(Duration::from_secs(8)).await;
            assert!(!runs(&fleet, "alpha").await, "{:?}", edge.said());

            restore(&planes, &place, &archive, None, &Progress::default()).await.expect("restored");
            assert!(!runs(&fleet, "alpha").await, "not before it is said that all of it is done");
            finished(&planes, &place).await.expect("written down");
            assert!(!was_cut_off(&planes, "alpha").await.expect("an answer"));
            // One that runs is not said to be restored.
            let refused = restoring::say(Docker::of(&planes).expect("a way in"), "beta").await.expect_err("it runs");
            assert_eq!(refused.class, Class::InUse, "{refused}");
            assert!(!labels(&fleet, "beta").await.contains("reeve-restoring"));
        })
        .await;
    until("alpha", 120, async || ask(&door, &host("alpha"), Asks::Page, "").await.is_of("alpha")).await;
    assert!(!labels(&fleet, "alpha").await.contains("reeve-restoring"));

    // The label is enough: nobody asks the database, for which hosts have no rights.
    stop(&fleet, &["beta"]).await;
    label(&cx, "beta", "reeve-restoring", Some("x")).await;
    until("it says so", 30, async || ask(&door, &host("beta"), Asks::Page, "").await.body.contains("being restored")).await;
    edge.said();
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert!(!runs(&fleet, "beta").await);
    assert!(!edge.said().iter().any(|said| matches!(said, Said::Starts { tenant } if tenant == "beta")));
    label(&cx, "beta", "reeve-restoring", None).await;
    until("beta", 120, async || ask(&door, &host("beta"), Asks::Page, "").await.is_of("beta")).await;
    edge.stop().await;
}
