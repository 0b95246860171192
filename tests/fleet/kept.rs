//! A tenant whose document is removed is served until a person has approved its end.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use reeve::sandbox::ZONE;

use crate::client::{Asks, ask};
use crate::fleet_ground::{Fleet, docker, plain, read, tenant, until};
use crate::host::Host;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_left_the_yaml_is_served_and_woken_until_somebody_approves_its_end() {
    let fleet = Fleet::start(1).await;
    let host = Host::of(&fleet, &["alpha", "beta"].map(|name| tenant(name, "")).concat()).await;
    let (folder, door) = (Path::new(host.word("DIR")), plain(fleet.engine().address));
    let first = host.run("reeve apply DIR --auto-approve").await;
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    let answer = async |tenant: &str| ask(&door, &format!("{tenant}.{ZONE}"), Asks::Page, "").await;

    let log = fleet.parts.folder().join("kept.log");
    let mut reeve = host.command("exec reeve run DIR --listen 127.0.0.1:0");
    reeve.stdout(Stdio::null()).stderr(fs::File::create(&log).unwrap());
    let mut reeve = reeve.spawn().unwrap();
    let says = |words: &str| read(&log).contains(words);
    until("it leads the edge", 120, async || says("this host wakes tenants")).await;

    // One leaves and one comes in the same commit.
    fs::write(folder.join("tenants.yaml"), ["alpha", "gamma"].map(|name| tenant(name, "")).concat()).unwrap();
    until("its end is held", 180, async || says("waiting for a person: ") && says("delete tenant/beta.service")).await;
    until("who is new is served", 120, async || answer("gamma").await.is_of("gamma")).await;
    assert!(answer("beta").await.is_of("beta") && answer("alpha").await.is_of("alpha"));

    let listed = host.run("reeve tenant list DIR").await;
    let said = String::from_utf8_lossy(&listed.stdout).into_owned();
    let beta = said.lines().find(|line| line.starts_with("beta")).unwrap_or_else(|| panic!("{said}"));
    assert!(listed.status.code() == Some(2) && beta.contains("running") && beta.contains("runbook tenant-leaves"), "{said}");

    // It may even sleep, and is woken.
    docker(fleet.engine(), &["service", "scale", "--detach", "hostedehr-tenant-beta-service=0"]).await;
    until("its page", 60, async || answer("beta").await.is_waiting_page()).await;
    until("it is woken", 120, async || answer("beta").await.is_of("beta")).await;
    assert!(!says("is left alone"), "{}", read(&log));

    // A person reads it and does it. What holds beta's data stays protected: that is refused, and the rest is done.
    until("it is approved", 90, async || {
        let held = host.run("reeve held DIR --out held.json").await;
        let said = String::from_utf8_lossy(&held.stderr).into_owned();
        held.status.code() == Some(2)
            && said.contains("delete tenant/beta.service")
            && matches!(host.run("reeve apply plans/held.json --auto-approve").await.status.code(), Some(0 | 5))
    })
    .await;
    until("nobody is there any more", 60, async || answer("beta").await.status == 404).await;
    assert!(answer("gamma").await.is_of("gamma"));
    reeve.start_kill().unwrap();
    reeve.wait().await.unwrap();
}
