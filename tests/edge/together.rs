//! Two hosts, each with its own HAProxy and its own edge; one leads.

use std::time::Duration;

use reeve::edge::{Entry, Rules, Said};

use crate::client::{Asks, ask};
use crate::fleet_ground::{Fleet, docker, plain, tenant, until};
use crate::ground::{Edge, book, door, host, slow_upload};
use crate::wake::stop;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_comes_to_the_other_host_is_heard_and_nobody_is_put_to_rest_behind_its_back() {
    let fleet = Fleet::start(2).await;
    let estate = fleet.estate(fleet.wishes(&["alpha", "beta"].map(|name| tenant(name, "")).concat())).await;
    estate.apply().await;
    let other = fleet.beside(1, &estate).await;
    other.apply().await;
    let doors = [door(&fleet), plain(fleet.parts.engines()[1].address)];
    let entries = || [("alpha", Entry::default()), ("beta", Entry::default())];
    let long = Rules::default();
    let mut leads = Edge::leads(&fleet, &estate, book(&entries(), long.clone())).await;
    let mut stands_by = Edge::stands_by(&fleet, 1, &other, book(&entries(), long)).await;
    for door in &doors {
        for tenant in ["alpha", "beta"] {
            until(tenant, 60, async || ask(door, &host(tenant), Asks::Page, "").await.is_of(tenant)).await;
        }
    }

    // Somebody comes to the host that does not lead.
    stop(&fleet, &["alpha", "beta"]).await;
    until("a page", 30, async || ask(&doors[1], &host("alpha"), Asks::Page, "").await.is_waiting_page()).await;
    for door in &doors {
        until("alpha", 90, async || ask(door, &host("alpha"), Asks::Page, "").await.is_of("alpha")).await;
    }
    assert!(leads.said().contains(&Said::Starts { tenant: "alpha".into() }));
    assert!(!stands_by.said().iter().any(|said| matches!(said, Said::Starts { .. })), "one leads");

    // While the other host says nothing, nobody is put to rest: it may have requests under way.
    leads.stop().await;
    stands_by.stop().await;
    let short = Rules { after: Duration::from_secs(4), ..Rules::default() };
    let mut leads = Edge::leads(&fleet, &estate, book(&entries(), short.clone())).await;
    // Its last note counts for as long as a host may be silent; from then on it is not known to be alive.
    let said = tokio::time::timeout(Duration::from_secs(15), async {
        loop {
            let said = leads.said();
            if said.iter().any(|said| matches!(said, Said::Rests { .. })) {
                return said;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    });
    assert!(said.await.is_err(), "it was put to rest without the other host's word");

    // An upload through the other host keeps it awake for as long as it lasts; then both take their hands off it, and it rests.
    let stands_by = Edge::stands_by(&fleet, 1, &other, book(&entries(), short)).await;
    let upload = slow_upload(&doors[1], &host("alpha"), Duration::from_secs(15)).await;
    assert!(upload.starts_with("http/1.1 2"), "{upload}");
    until("it rests", 60, async || leads.said().contains(&Said::Rests { tenant: "alpha".into() })).await;
    let replicas = ["service", "inspect", "--format", "{{.Spec.Mode.Replicated.Replicas}}", "hostedehr-tenant-alpha-service"];
    assert_eq!(docker(fleet.engine(), &replicas).await, "0");
    leads.stop().await;
    stands_by.stop().await;
}
