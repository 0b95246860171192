//! Two hosts, each with its own HAProxy and its own edge; one leads.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use reeve::edge::{Entry, Rules, Said};
use tokio::process::Child;

use crate::client::{Asks, ask};
use crate::fleet_ground::{Fleet, docker, plain, tenant, until};
use crate::ground::{Edge, book, door, host, slow_upload};
use crate::host::Host;
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

    the_leader_is_killed(&fleet, &doors).await;
}

/// A `reeve run` on each host. The one that leads is killed while two wait: who came to the other host is answered all the time, that one takes over in little more than a
/// minute, and starts them in the order in which they came.
async fn the_leader_is_killed(fleet: &Fleet, doors: &[String; 2]) {
    let tenants = ["alpha", "beta"].map(|name| tenant(name, "")).concat();
    let shell = Host::of(fleet, &tenants).await;
    let logs = [1, 2].map(|number| fleet.parts.folder().join(format!("reeve{number}.log")));
    let mut runs: Vec<Child> = Vec::new();
    for (engine, log) in fleet.parts.engines().iter().zip(&logs) {
        let log = std::fs::File::create(log).expect("a file");
        let mut reeve = shell.command("exec reeve run DIR --listen 127.0.0.1:0");
        reeve.env("REEVE_HOST", &engine.host).env("DOCKER_HOST", format!("unix://{}", engine.docker.display()));
        runs.push(reeve.stdout(log.try_clone().expect("a file")).stderr(log).spawn().expect("it starts"));
    }
    let says = |log: &PathBuf, words: &str| std::fs::read_to_string(log).unwrap_or_default().contains(words);
    const LEADS: &str = "this host wakes tenants";
    let is_settled =
        async || logs.iter().filter(|log| says(log, LEADS)).count() == 1 && logs.iter().any(|log| says(log, "and does not start them"));
    until("one leads and the other does not", 120, is_settled).await;
    let leader = logs.iter().position(|log| says(log, LEADS)).expect("one leads");
    let (mut killed, mut other) = (runs.remove(leader), runs.remove(0));
    let (log, door) = (&logs[1 - leader], &doors[1 - leader]);

    killed.start_kill().expect("it runs");
    killed.wait().await.expect("it ends");
    let begun = Instant::now();
    stop(fleet, &["alpha", "beta"]).await;
    let wanted = async |tenant: &str| {
        let service = format!("hostedehr-tenant-{tenant}-service");
        docker(fleet.engine(), &["service", "inspect", "--format", "{{index .Spec.Labels \"reeve-wake\"}}", &service]).await
    };
    for tenant in ["beta", "alpha"] {
        until("it is in the queue", 30, async || {
            let answer = ask(door, &host(tenant), Asks::Page, "").await;
            assert!(answer.is_waiting_page() || answer.says_soon(), "{answer:?}");
            !wanted(tenant).await.is_empty()
        })
        .await;
    }
    let queue = [wanted("beta").await, wanted("alpha").await];
    for tenant in ["beta", "alpha"] {
        until(&format!("{tenant} is started by the other: {}", log.display()), 100, async || {
            let answer = ask(door, &host(tenant), Asks::Page, "").await;
            assert!(answer.is_waiting_page() || answer.is_of(tenant), "{answer:?}");
            if !says(log, LEADS) {
                assert_eq!([wanted("beta").await, wanted("alpha").await], queue, "each keeps its place");
            }
            answer.is_of(tenant)
        })
        .await;
    }
    println!("the other has taken over and started two within {:?}", begun.elapsed());
    let text = std::fs::read_to_string(log).expect("a log");
    let at = |tenant: &str| text.find(&format!("{tenant} is being started")).unwrap_or_else(|| panic!("{tenant} was not started: {text}"));
    assert!(at("beta") < at("alpha"), "who came first is first: {text}");
    other.start_kill().expect("it runs");
    other.wait().await.expect("it ends");
}
