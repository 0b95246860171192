//! How soon HAProxy sends straight to a tenant that is ready, and how many wake in a minute.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use reeve::edge::{Entry, Pace, Rules, Said};

use crate::client::{Asks, ask};
use crate::fleet_ground::{Fleet, docker, tenant, until};
use crate::ground::{Edge, book, door, host};
use crate::numbers::{median, worst};

const TENANTS: usize = 12;
/// So many times each of them wakes alone.
const ROUNDS: usize = 2;
const MAX_WAKING: usize = 4;

/// A wake that was watched, in milliseconds.
#[derive(Debug)]
struct Wake {
    /// From the container being healthy, as its engine tells, to its first answer through HAProxy.
    from_healthy: f64,
    /// From Swarm's own time of the task's RUNNING.
    from_running: f64,
}

/// Both figures.
pub async fn measure() -> String {
    let names: Vec<String> = (1..=TENANTS).map(|number| format!("clinic{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let fleet = Fleet::start(1).await;
    let estate = fleet.estate(fleet.wishes(&names.iter().map(|name| tenant(name, "")).collect::<String>())).await;
    estate.apply().await;
    let entries: Vec<(&str, Entry)> = names.iter().map(|name| (*name, Entry::default())).collect();
    let rules = Rules { max_waking: MAX_WAKING, ..Rules::default() };
    let mut edge = Edge::leads_at(&fleet, &estate, book(&entries, rules), Pace::default()).await;
    let door = door(&fleet);
    for name in &names {
        until(name, 60, async || ask(&door, &host(name), Asks::Page, "").await.is_of(name)).await;
    }
    let mut wakes = Vec::new();
    for _ in 0..ROUNDS {
        for name in &names {
            stop(&fleet, &[name]).await;
            let wake = watched(&fleet, &door, name).await;
            eprintln!("{name}: {wake:?}");
            wakes.push(wake);
        }
    }
    stop(&fleet, &names).await;
    edge.said();
    let begun = Instant::now();
    for name in &names {
        assert!(ask(&door, &host(name), Asks::Page, "").await.is_waiting_page());
    }
    for name in &names {
        until(name, 300, async || ask(&door, &host(name), Asks::Page, "").await.is_of(name)).await;
    }
    let took = begun.elapsed().as_secs_f64();
    let said = edge.said();
    let starts: Vec<f64> = said
        .iter()
        .filter_map(|said| if let Said::Arrived { seconds, .. } = said { Some(u32::try_from(*seconds).ok()?.into()) } else { None })
        .collect();
    assert_eq!(starts.len(), TENANTS, "{said:?}");
    edge.stop().await;
    let of = |what: fn(&Wake) -> f64| (median(wakes.iter().map(what)), worst(wakes.iter().map(what)));
    let ((healthy, latest_healthy), (running, latest_running)) = (of(|wake| wake.from_healthy), of(|wake| wake.from_running));
    format!(
        "| From ready to the first direct answer, {} wakes | Median | Worst |\n| --- | ---: | ---: |\n\
         | since the engine told that the container is healthy | {healthy:.0} ms | {latest_healthy:.0} ms |\n\
         | since Swarm says that its task runs | {running:.0} ms | {latest_running:.0} ms |\n\n\
         Asked through HAProxy every 10 ms; the edge at its own pace. With `max_waking: {MAX_WAKING}`, {TENANTS} that are asked for at the same time were all there after {took:.0} s: {:.0} wakes a minute. A start took {:.0} s (the median), most \
         of it until the engine asks for the first time whether the container is ready: Debian 12's does so at the interval of its checks, an engine from 25.0 on each second. That and `max_waking` bound \
         the number, not reeve.\n",
        wakes.len(),
        f64::from(u32::try_from(TENANTS).expect("few")) * 60.0 / took,
        median(starts.into_iter()),
    )
}

/// Stops containers past reeve and waits until they are gone.
async fn stop(fleet: &Fleet, tenants: &[&str]) {
    let service = |tenant: &&str| format!("hostedehr-tenant-{tenant}-service");
    let zero: Vec<String> = tenants.iter().map(|tenant| format!("{}=0", service(tenant))).collect();
    let arguments: Vec<&str> = ["service", "scale", "--detach"].into_iter().chain(zero.iter().map(String::as_str)).collect();
    docker(fleet.engine(), &arguments).await;
    until("they have ended", 60, async || {
        let names = docker(fleet.engine(), &["ps", "--format", "{{.Names}}"]).await;
        names.lines().all(|name| !tenants.iter().any(|tenant| name.starts_with(&format!("{}.", service(tenant)))))
    })
    .await;
    // The edge has heard of it, and of the next second nothing is left over.
    tokio::time::sleep(Duration::from_secs(1)).await;
}

/// Somebody comes for a tenant that sleeps, and asks until it answers itself.
async fn watched(fleet: &Fleet, door: &str, name: &str) -> Wake {
    let begun = Timestamp::now();
    let answered = loop {
        let answer = ask(door, &host(name), Asks::Page, "").await;
        let now = Timestamp::now();
        if answer.is_of(name) {
            break now;
        }
        assert!(answer.is_waiting_page(), "{answer:?}");
        assert!(now.duration_since(begun).as_secs() < 120, "{name} does not wake");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let service = format!("hostedehr-tenant-{name}-service");
    let since = |at: Timestamp| answered.duration_since(at).as_secs_f64() * 1000.0;
    let (from, to) = (format!("{}", begun.as_second()), format!("{}", answered.as_second() + 1));
    let label = format!("label=com.docker.swarm.service.name={service}");
    let events = [
        ["events", "--since", &from, "--until", &to].as_slice(),
        &["--filter", "event=health_status", "--filter", &label],
        &["--format", "{{.TimeNano}} {{.Status}}"],
    ]
    .concat();
    let events = docker(fleet.engine(), &events).await;
    let healthy = events.lines().find_map(|line| line.strip_suffix(" health_status: healthy")).unwrap_or_else(|| panic!("{events}"));
    let healthy = Timestamp::from_nanosecond(healthy.parse().expect("nanoseconds")).expect("a time");
    let task = docker(fleet.engine(), &["service", "ps", "--no-trunc", "--quiet", "--filter", "desired-state=running", &service]).await;
    let running = docker(fleet.engine(), &["inspect", "--format", "{{json .Status.Timestamp}}", &task]).await;
    Wake { from_healthy: since(healthy), from_running: since(running.trim_matches('"').parse().expect("a time")) }
}
