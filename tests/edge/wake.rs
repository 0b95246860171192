//! A request for a tenant that does not run.

use std::time::Duration;

use reeve::edge::{Entry, Rules, Said};

use crate::client::{Asks, ask};
use crate::fleet_ground::{Fleet, docker, tenant, until};
use crate::ground::{Edge, book, door, host};

/// Stops a tenant's container past reeve, and waits until it is gone.
pub async fn stop(fleet: &Fleet, tenants: &[&str]) {
    for tenant in tenants {
        docker(fleet.engine(), &["service", "scale", "--detach", &format!("hostedehr-tenant-{tenant}-service=0")]).await;
    }
    until("they have ended", 60, async || containers(fleet).await.iter().all(|name| !tenants.iter().any(|tenant| name.contains(tenant))))
        .await;
}

/// Names of containers that exist, also of those that have ended.
pub async fn containers(fleet: &Fleet) -> Vec<String> {
    docker(fleet.engine(), &["ps", "--format", "{{.Names}}"]).await.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn somebody_comes() {
    let fleet = Fleet::start(1).await;
    let active = ["alpha", "beta", "gamma"];
    let all = active.iter().map(|name| tenant(name, "")).chain([tenant("omega", "state: suspended")]).collect::<String>();
    let estate = fleet.estate(fleet.wishes(&all)).await;
    estate.apply().await;
    let door = door(&fleet);
    let suspended = Entry { suspended: true, ..Entry::default() };
    let entries: Vec<(&str, Entry)> = active.iter().map(|name| (*name, Entry::default())).chain([("omega", suspended)]).collect();
    let mut edge = Edge::leads(&fleet, &estate, book(&entries, Rules { max_waking: 1, ..Rules::default() })).await;
    until("alpha answers", 60, async || ask(&door, &host("alpha"), Asks::Page, "").await.is_of("alpha")).await;
    stop(&fleet, &active).await;

    // Who wakes nobody is told the truth and leaves everything as it is.
    let poll = ask(&door, &host("alpha"), Asks::Poll, "").await;
    assert!(poll.says_soon() && poll.body.contains("\"state\":\"asleep\""), "{poll:?}");
    let checker = crate::fleet_ground::get_with(&door, &host("alpha"), "/", &["--user-agent", "ELB-HealthChecker/2.0"]).await;
    assert_eq!(checker.0, 503, "{}", checker.1);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(edge.said(), [], "nobody was woken");

    // A thousand at once: pages at once, words for programs, and one container.
    let begun = std::time::Instant::now();
    let crowd = (0..1000).map(|number| {
        let (door, asks) = (door.clone(), if number % 4 == 0 { Asks::Api } else { Asks::Page });
        tokio::spawn(async move { ask(&door, &host("alpha"), asks, "").await })
    });
    let answers: Vec<_> = futures::future::join_all(crowd).await.into_iter().map(|answer| answer.expect("an answer")).collect();
    println!("a thousand answers within {:?}", begun.elapsed());
    for answer in &answers {
        let right = if answer.asks == Asks::Page { answer.is_waiting_page() } else { answer.says_soon() };
        assert!(right || answer.is_of("alpha"), "{answer:?}");
    }
    for tenant in ["beta", "gamma"] {
        assert!(ask(&door, &host(tenant), Asks::Page, "").await.is_waiting_page());
    }

    // One after the other, in the order in which they came; then HAProxy sends straight to them.
    for tenant in active {
        until(tenant, 120, async || ask(&door, &host(tenant), Asks::Page, "").await.is_of(tenant)).await;
    }
    let names = containers(&fleet).await;
    assert_eq!(names.iter().filter(|name| name.contains("tenant-alpha")).count(), 1, "{names:?}");
    let said = edge.said();
    let order: Vec<String> = said
        .iter()
        .filter_map(|said| match said {
            Said::Starts { tenant } => Some(format!("+{tenant}")),
            Said::Arrived { tenant, .. } => Some(format!("-{tenant}")),
            _ => None,
        })
        .collect();
    assert_eq!(order, ["+alpha", "-alpha", "+beta", "-beta", "+gamma", "-gamma"], "{said:?}");
    let labels =
        docker(fleet.engine(), &["service", "inspect", "--format", "{{json .Spec.Labels}}", "hostedehr-tenant-alpha-service"]).await;
    assert!(!labels.contains("reeve-wake"), "nothing is wanted of it any more: {labels}");
    estate.is_converged().await;

    // Honest about who does not exist, and who is suspended.
    let nobody = ask(&door, &host("nobody"), Asks::Page, "").await;
    assert_eq!(nobody.status, 404, "{nobody:?}");
    let suspended = ask(&door, &host("omega"), Asks::Page, "").await;
    assert!(suspended.body.contains("suspended") && suspended.head.contains("no-store"), "{suspended:?}");

    // A container that is killed past everybody comes back without reeve's doing, and nobody sees an error.
    docker(fleet.engine(), &["kill", names.iter().find(|name| name.contains("tenant-beta")).expect("it runs")]).await;
    until("beta is back", 120, async || {
        let answer = ask(&door, &host("beta"), Asks::Page, "").await;
        assert!(answer.is_of("beta") || answer.is_waiting_page() || answer.says_soon(), "{answer:?}");
        answer.is_of("beta")
    })
    .await;

    // Without reeve, who runs goes on, and who does not is said to be back some day.
    stop(&fleet, &["gamma"]).await;
    edge.stop().await;
    assert!(ask(&door, &host("alpha"), Asks::Write, "x").await.is_good());
    until("HAProxy speaks for itself", 10, async || {
        let answer = ask(&door, &host("gamma"), Asks::Page, "").await;
        assert!(answer.says_soon(), "{answer:?}");
        answer.body.contains("gamma is asleep")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_start_that_fails_is_told_and_tried_again() {
    let fleet = Fleet::start(1).await;
    let estate = fleet.estate(fleet.wishes(&[tenant("alpha", ""), tenant("beta", "")].concat())).await;
    estate.apply().await;
    stop(&fleet, &["alpha", "beta"]).await;
    let door = door(&fleet);
    let rules = Rules { max_waking: 1, wake_timeout: Duration::from_secs(20), ..Rules::default() };
    let entries = [("alpha", Entry::default()), ("beta", Entry::default())];
    // Its node takes nobody: no start comes to an end.
    let node = docker(fleet.engine(), &["node", "ls", "--quiet"]).await;
    docker(fleet.engine(), &["node", "update", "--availability", "drain", &node]).await;
    let mut edge = Edge::leads(&fleet, &estate, book(&entries, rules)).await;
    until("it is wanted", 30, async || ask(&door, &host("alpha"), Asks::Page, "").await.is_waiting_page()).await;
    let mut said = Vec::new();
    until("it is given up", 90, async || {
        said.extend(edge.said());
        said.iter().any(|said| matches!(said, Said::GaveUp { tenant, .. } if tenant == "alpha"))
    })
    .await;
    let page = ask(&door, &host("alpha"), Asks::Page, "").await;
    assert!(page.is_waiting_page() && page.body.contains("could not be started"), "{page:?}");
    let words = ask(&door, &host("alpha"), Asks::Api, "").await;
    assert!(words.says_soon() && words.body.contains("\"state\":\"failed\""), "{words:?}");

    // Its place is free for others meanwhile, and it is tried again by itself.
    docker(fleet.engine(), &["node", "update", "--availability", "active", &node]).await;
    until("beta", 120, async || ask(&door, &host("beta"), Asks::Page, "").await.is_of("beta")).await;
    until("alpha", 180, async || ask(&door, &host("alpha"), Asks::Poll, "").await.is_of("alpha")).await;
    edge.stop().await;
}
