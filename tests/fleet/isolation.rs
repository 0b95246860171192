//! Isolation, shown by attack: a tenant whose application was broken into tries what it can against the host, the fleet and the other tenants. Nothing of
//! it works, and the other tenant answers all the while. Each attack is made once more without the wall that it ran against, and then it does work:
//! so each of them can fail.

mod attacker;
mod database;
mod files;
mod network;
mod resources;
mod watch;

use attacker::Attacker;
use watch::Watch;

use crate::fleet_ground::{Fleet, docker, tenant, until};

/// The tenant that was broken into, and the other one.
const MALLORY: &str = "mallory";
const CLINIC: &str = "clinic";

#[tokio::test]
async fn a_tenant_that_was_broken_into_harms_nobody() {
    let fleet = Fleet::start(1).await;
    let mut files = fleet.files(&fleet.images[0], &[tenant(MALLORY, ""), tenant(CLINIC, "")].concat());
    files[0].text = files[0].text.replace("      read_only: true\n", "      read_only: true\n      tmpfs: { /tmp: 16MiB }\n");
    let estate = fleet.estate(crate::support::wishes(&files)).await;
    estate.apply().await;
    estate.is_converged().await;
    let mut mallory = Attacker::of(&fleet, &estate, MALLORY).await;
    let clinic = Attacker::of(&fleet, &estate, CLINIC).await;
    let watch = Watch::over(&fleet, CLINIC).await;

    files::nothing_of_others_is_seen(&fleet, &mallory).await;
    files::it_is_nobody(&fleet, &mallory).await;
    database::only_its_own_is_there(&fleet, &mallory).await;
    network::nothing_is_reached(&fleet, &mallory, &clinic).await;
    let ended = mallory.container().await;
    resources::it_takes_no_more_than_its_own(&fleet, &mallory).await;
    mallory.comes_back(&estate, &ended).await;
    let (asked, failed) = watch.end().await;
    assert!(failed.is_empty(), "{CLINIC} did not answer {} of {asked} times: {failed:#?}", failed.len());
    assert!(asked > 50, "{CLINIC} was asked only {asked} times");
    estate.session.follow().await.expect("HAProxy hears where it runs now");
    estate.is_converged().await;

    // Without limits it has no limits, and whoever watches sees a tenant that does not answer.
    let open = ["--limit-pids", "0", "--limit-memory", "0", "--log-driver", "json-file", "--log-opt", "max-size=1g"];
    mallory.changed(&estate, &open).await;
    resources::without_limits(&fleet, &mallory).await;
    let watch = Watch::over(&fleet, CLINIC).await;
    docker(&clinic.engine, &["service", "scale", "--detach", &format!("{}=0", clinic.service())]).await;
    until("it is gone", 30, async || clinic.container().await.is_empty()).await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert!(!watch.end().await.1.is_empty(), "nobody saw that {CLINIC} does not answer");
}

/// Four tenants on three hosts: two of them share one.
#[tokio::test]
async fn no_tenant_reaches_another_on_any_host() {
    let fleet = Fleet::start(3).await;
    let names = ["alpha", "beta", "gamma", "delta"];
    let tenants: Vec<String> = names.iter().map(|name| tenant(name, "")).collect();
    let estate = fleet.estate(fleet.wishes(&tenants.concat())).await;
    estate.apply().await;
    let mut all = Vec::new();
    for name in names {
        all.push(Attacker::of(&fleet, &estate, name).await);
    }
    let hosts: std::collections::BTreeSet<&str> = all.iter().map(|one| one.engine.space.as_str()).collect();
    assert_eq!(hosts.len(), 3, "each host has one");
    let mut ways = 0;
    for from in &all {
        for other in all.iter().filter(|other| other.tenant != from.tenant) {
            let aims = network::ways_to(from, other).await;
            ways += aims.len();
            for (aim, tried) in network::try_all(from, &aims).await {
                assert_eq!(tried["connected"], false, "{} to {}: {aim}: {tried}", from.tenant, other.tenant);
            }
        }
        for engine in fleet.parts.engines() {
            let mut aims = network::of_the_host(&fleet, engine.address);
            aims.retain(|(_, _, port)| *port == 2377);
            for (aim, tried) in network::try_all(from, &aims).await {
                assert_eq!(tried["connected"], false, "{}: {aim}: {tried}", from.tenant);
            }
        }
    }
    assert!(ways >= 24, "only {ways} ways were tried");

    // Without the firewall of its own host, it reaches the other hosts.
    let (from, other) = (&all[0], all.iter().find(|other| other.engine.space != all[0].engine.space).expect("another host"));
    network::open(from, "-I").await;
    let aims = [
        ("another host's tenant", other.engine.address.to_string(), other.port()),
        ("its manager", other.engine.address.to_string(), 2377),
    ];
    for (aim, tried) in network::try_all(from, &aims).await {
        assert_eq!(tried["connected"], true, "without the firewall, {aim}: {tried}");
    }
}
