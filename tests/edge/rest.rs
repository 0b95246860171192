//! A tenant that nobody uses.

use std::time::{Duration, Instant};

use reeve::edge::{Entry, Rules};

use crate::client::{Asks, Load, ask};
use crate::fleet_ground::{Fleet, docker, tenant, until};
use crate::ground::{Edge, PACE, book, door, host};
use crate::units::{Haproxy, Of};

/// Times are noted in whole seconds.
const SECOND: Duration = Duration::from_secs(1);

/// Whether its container is to run.
pub async fn runs(fleet: &Fleet, tenant: &str) -> bool {
    let service = format!("hostedehr-tenant-{tenant}-service");
    docker(fleet.engine(), &["service", "inspect", "--format", "{{.Spec.Mode.Replicated.Replicas}}", &service]).await == "1"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_comes() {
    let fleet = Fleet::start(1).await;
    let names = ["alpha", "beta", "gamma", "delta"];
    let mut estate = fleet.estate(fleet.wishes(&names.map(|name| tenant(name, "")).concat())).await;
    estate.apply().await;
    let door = door(&fleet);
    let rules = Rules { after: Duration::from_secs(6), ..Rules::default() };
    let awake = Entry { keep_awake: true, ..Entry::default() };
    let entries = [("alpha", Entry::default()), ("beta", Entry::default()), ("gamma", awake), ("delta", Entry::default())];
    let mut edge = Edge::leads(&fleet, &estate, book(&entries, rules.clone())).await;
    for name in names {
        until(name, 60, async || ask(&door, &host(name), Asks::Page, "").await.is_of(name)).await;
    }

    // An open tab keeps nobody awake, somebody who works does, and so does a request that goes on.
    let tab = Load::start(&door, &host("alpha"), &[Asks::Poll]);
    let work = Load::start(&door, &host("beta"), &[Asks::Write]);
    let (slow_door, slow_host) = (door.clone(), host("delta"));
    let slow = tokio::spawn(async move { crate::ground::slow_upload(&slow_door, &slow_host, Duration::from_secs(25)).await });
    until("alpha rests", 60, async || !runs(&fleet, "alpha").await).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(!runs(&fleet, "alpha").await, "what a tab asks by itself wakes nobody");
    assert!(runs(&fleet, "beta").await && runs(&fleet, "gamma").await && runs(&fleet, "delta").await, "{:?}", edge.said());
    let (tab, work) = (tab.stop().await, work.stop().await);
    assert!(
        tab.iter().all(|answer| answer.is_of("alpha") && answer.status == 200 || answer.says_soon()),
        "{:?}",
        tab.iter().find(|one| !one.is_good() && !one.says_soon())
    );
    assert!(work.iter().all(|answer| answer.is_good() && answer.is_of("beta")));
    let uploaded = slow.await.expect("a client");
    assert!(uploaded.starts_with("http/1.1 2"), "{uploaded}");
    until("beta and delta rest", 60, async || !runs(&fleet, "beta").await && !runs(&fleet, "delta").await).await;
    assert!(runs(&fleet, "gamma").await, "it is kept awake");

    // When they were last used outlives reeve and HAProxy, of which a start knows nothing: beta, which nobody has used for long, is not counted anew, and alpha, which
    // was used just before, not too early.
    edge.stop().await;
    estate = fleet.again(estate).await;
    let edge = Edge::leads(&fleet, &estate, book(&entries, Rules::default())).await;
    for name in ["alpha", "beta"] {
        until(name, 60, async || ask(&door, &host(name), Asks::Page, "").await.is_of(name)).await;
    }
    assert!(ask(&door, &host("beta"), Asks::Write, "last").await.is_good());
    let beta = Instant::now();
    tokio::time::sleep(Duration::from_secs(14)).await;
    assert!(ask(&door, &host("alpha"), Asks::Write, "last").await.is_good());
    let alpha = Instant::now();
    // So long it takes until that is noted.
    tokio::time::sleep(PACE.quiet + 2 * PACE.note).await;
    edge.stop().await;
    let haproxy = Haproxy::of(&fleet);
    haproxy.kill(Of::All).await;
    let _haproxy = haproxy.begin();
    let anew = Instant::now();
    estate = fleet.again(estate).await;
    let after = Duration::from_secs(22);
    let edge = Edge::leads(&fleet, &estate, book(&entries, Rules { after, ..rules })).await;
    until("beta rests", 60, async || !runs(&fleet, "beta").await).await;
    assert!(
        beta.elapsed() >= after - SECOND && anew.elapsed() < after,
        "{:?}, and {:?} since HAProxy's start",
        beta.elapsed(),
        anew.elapsed()
    );
    until("alpha rests", 60, async || !runs(&fleet, "alpha").await).await;
    assert!(alpha.elapsed() >= after - SECOND, "{:?}", alpha.elapsed());
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn turns_are_seen_by_nobody() {
    let turns: usize = std::env::var("REEVE_TURNS").ok().and_then(|turns| turns.parse().ok()).unwrap_or(6);
    // A long run is shortened by more tenants that turn at the same time.
    let tenants = if turns < 100 { 3 } else { 12 };
    let names: Vec<String> = (1..=tenants).map(|number| format!("clinic{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let fleet = Fleet::start(1).await;
    let estate = fleet.estate(fleet.wishes(&names.iter().map(|name| tenant(name, "")).collect::<String>())).await;
    estate.apply().await;
    let rules = Rules { after: Duration::from_secs(1), max_waking: tenants, ..Rules::default() };
    let entries: Vec<(&str, Entry)> = names.iter().map(|name| (*name, Entry::default())).collect();
    let mut edge = Edge::leads(&fleet, &estate, book(&entries, rules)).await;
    let outcome = crate::ground::turns(&door(&fleet), &names, turns, &mut edge).await;
    println!("{outcome:?}");
    assert_eq!(outcome.wrong, Vec::<String>::new());
    assert!(outcome.rests >= turns, "{outcome:?}");
    edge.stop().await;
}
