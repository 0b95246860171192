//! What takes long holds up nobody else.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::fleet_ground::{Fleet, docker, read, tenant, until};
use crate::host::Host;

const STATE: [&str; 5] = ["service", "ps", "--format", "{{.CurrentState}}", "hostedehr-tenant-alpha-service"];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn while_a_first_start_goes_on_the_loop_makes_others_and_leaves_the_lock_to_whoever_wants_it() {
    let fleet = Fleet::start(1).await;
    let host = Host::of(&fleet, &tenant("alpha", "")).await;
    let folder = Path::new(host.word("DIR"));
    let stack = read(folder.join("stack.yaml"));
    let slow = stack.replacen("STANDIN_FIRST_START_SECONDS: \"2\"", "STANDIN_FIRST_START_SECONDS: \"75\"", 1);
    assert_ne!(slow, stack);
    fs::write(folder.join("stack.yaml"), slow).unwrap();

    let log = fleet.parts.folder().join("slow.log");
    let into = fs::File::create(&log).unwrap();
    let mut reeve = host.command("exec reeve run DIR --listen 127.0.0.1:0");
    reeve.stdout(Stdio::null()).stderr(into);
    let mut reeve = reeve.spawn().unwrap();
    let says = |words: &str| read(&log).contains(words);
    let waits = "not ready yet, and looked after from now on: tenant/alpha.service";
    until("the loop hands it over", 150, async || says(waits)).await;

    // Beside it nobody holds the lock, and who is new is made.
    let lock = async || String::from_utf8(host.run("reeve unlock DIR").await.stderr).unwrap();
    until("nobody applies", 30, async || lock().await.contains("nobody held the lock")).await;
    let tenants = [tenant("alpha", ""), tenant("beta", "")].concat();
    fs::write(folder.join("tenants.yaml"), tenants).unwrap();
    let beta = "SELECT COUNT(*) FROM reeve.marks WHERE address = 'tenant/beta.schema'";
    until("beta is made", 60, async || fleet.sql(beta).await == "1").await;
    let state = docker(fleet.engine(), &STATE).await;
    assert!(state.starts_with("Starting"), "alpha is not there yet: {state}");

    until("alpha is ready", 120, async || says("tenant/alpha.service is ready")).await;
    until("and beta", 120, async || says("tenant/beta.service is ready")).await;
    assert!(!says("will never be ready") && !says("is left alone"), "{}", read(&log));
    reeve.start_kill().unwrap();
    reeve.wait().await.unwrap();
    let plan = host.run("reeve plan DIR").await;
    assert_eq!(plan.status.code(), Some(0), "{}", String::from_utf8_lossy(&plan.stdout));
    let journal = String::from_utf8(host.run("reeve journal list DIR").await.stdout).unwrap();
    assert!(journal.contains("waiting until something is ready") && !journal.contains("failed"), "{journal}");
}
