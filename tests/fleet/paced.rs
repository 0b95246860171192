//! An apply starts no more containers at a time than may start.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tokio::process::Command;

use crate::fleet_ground::{Fleet, docker, read, tenant, until};
use crate::host::Host;

/// Three that are new, then the same three changed. The saved plan knows how many may start, whatever the YAML says by then.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_more_containers_start_at_a_time_than_may() {
    let fleet = Fleet::start(1).await;
    let host = Host::of(&fleet, "").await;
    let folder = Path::new(host.word("DIR"));
    let stack = read(folder.join("stack.yaml"));
    let one = stack.replacen("max_waking: 4", "max_waking: 1", 1);
    assert_ne!(one, stack);
    for more in ["", "cpus: 0.5"] {
        let tenants = ["alpha", "beta", "gamma"].map(|name| tenant(name, more));
        fs::write(folder.join("tenants.yaml"), tenants.concat()).unwrap();
        fs::write(folder.join("stack.yaml"), &one).unwrap();
        assert_eq!(host.run("reeve plan DIR --out DIR/plan.json").await.status.code(), Some(2));
        fs::write(folder.join("stack.yaml"), &stack).unwrap();
        one_at_a_time(&fleet, host.command("exec reeve apply DIR/plan.json --auto-approve")).await;
    }
    assert_eq!(host.run("reeve plan DIR").await.status.code(), Some(0));
}

async fn one_at_a_time(fleet: &Fleet, mut apply: Command) {
    let containers = async |health: &str| docker(fleet.engine(), &["ps", "--quiet", "--filter", health]).await.lines().count();
    let mut apply = apply.spawn().unwrap();
    let (mut most, mut seen) = (0, 0);
    let ended = async {
        while apply.try_wait().unwrap().is_none() {
            let starting = containers("health=starting").await;
            (most, seen) = (most.max(starting), seen + usize::from(starting > 0));
        }
    };
    tokio::time::timeout(Duration::from_secs(240), ended).await.expect("it ends");
    assert!(apply.wait().await.unwrap().success());
    assert!(most == 1 && seen > 2, "{most} started at a time, seen {seen} times");
    until("all run", 30, async || containers("health=healthy").await == 3).await;
}
