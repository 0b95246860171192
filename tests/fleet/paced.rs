//! An apply starts no more containers at a time than may start.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::fleet_ground::{Fleet, docker, read, tenant, until};
use crate::host::Host;

/// Three that are new, then the same three changed beside another new one, then two new ones by the loop. The saved plan knows how many may start, whatever the YAML says by then.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_more_containers_start_at_a_time_than_may() {
    let fleet = Fleet::start(1).await;
    let host = Host::of(&fleet, "").await;
    let folder = Path::new(host.word("DIR"));
    let stack = read(folder.join("stack.yaml"));
    let one = stack.replacen("max_waking: 4", "max_waking: 1", 1);
    assert_ne!(one, stack);
    let all = |more: &str, new: &[&str]| {
        let changed = ["alpha", "beta", "gamma"].map(|name| tenant(name, more)).concat();
        fs::write(folder.join("tenants.yaml"), changed + &new.iter().map(|name| tenant(name, "")).collect::<String>()).unwrap();
    };
    let log = fleet.parts.folder().join("paced.log");
    for (more, new) in [("", &[][..]), ("cpus: 0.5", &["aaron"])] {
        all(more, new);
        fs::write(folder.join("stack.yaml"), &one).unwrap();
        assert_eq!(host.run("reeve plan DIR --out DIR/plan.json").await.status.code(), Some(2));
        fs::write(folder.join("stack.yaml"), &stack).unwrap();
        let mut apply = host.command("exec reeve apply DIR/plan.json --auto-approve");
        let mut apply = apply.stderr(fs::File::create(&log).unwrap()).spawn().unwrap();
        one_at_a_time(&fleet, async || apply.try_wait().unwrap().is_some()).await;
        assert!(apply.wait().await.unwrap().success(), "{}", read(&log));
        until("all run", 30, async || containers(&fleet, "healthy").await == 3 + new.len()).await;
    }
    // Who is used comes before who is new.
    let at = |words: &str| read(&log).find(words).unwrap_or_else(|| panic!("no {words}: {}", read(&log)));
    assert!(
        ["alpha", "beta", "gamma"].iter().all(|name| at(&format!("tenant/{name}.service: updated")) < at("tenant/aaron.service: created"))
    );
    assert_eq!(host.run("reeve plan DIR").await.status.code(), Some(0));

    // Each start takes longer than a pass waits: what an earlier pass began counts.
    fs::write(folder.join("stack.yaml"), &one).unwrap();
    all("cpus: 0.5", &["aaron", "delta", "epsilon"]);
    let mut reeve = host.command("exec reeve run DIR --listen 127.0.0.1:0");
    let mut reeve = reeve.stderr(fs::File::create(&log).unwrap()).spawn().unwrap();
    one_at_a_time(&fleet, async || containers(&fleet, "healthy").await == 6).await;
    assert!(read(&log).contains("not ready yet, and looked after from now on: tenant/delta.service"), "{}", read(&log));
    reeve.start_kill().unwrap();
    reeve.wait().await.unwrap();
}

async fn containers(fleet: &Fleet, health: &str) -> usize {
    docker(fleet.engine(), &["ps", "--quiet", "--filter", &format!("health={health}")]).await.lines().count()
}

/// Until that is over.
async fn one_at_a_time(fleet: &Fleet, mut is_over: impl AsyncFnMut() -> bool) {
    let (mut most, mut seen) = (0, 0);
    let ended = async {
        while !is_over().await {
            let starting = containers(fleet, "starting").await;
            (most, seen) = (most.max(starting), seen + usize::from(starting > 0));
        }
    };
    tokio::time::timeout(Duration::from_secs(240), ended).await.expect("it ends");
    assert!(most == 1 && seen > 2, "{most} started at a time, seen {seen} times");
}
