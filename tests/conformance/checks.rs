//! The program itself, started against an emulated AWS as `make conformance` starts it: whole, refused, interrupted.

use std::process::{Output, Stdio};
use std::time::Duration;

use reeve::sandbox::{Sandbox, ZONE};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::support::{Ground, Wishes};

/// All of them, one after the other. A word on the command line that names none of them leaves them out, as the harness would.
pub async fn all() -> Result<(), String> {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str()));
    let names =
        ["it_says_what_is_missing", "without_a_yes_nothing_is_made", "the_whole_life_of_an_estate", "interrupted_it_leaves_nothing"];
    for name in names.into_iter().filter(|name| is_wanted(name)) {
        eprintln!("test conformance::{name}");
        match name {
            "it_says_what_is_missing" => it_says_what_is_missing().await,
            "without_a_yes_nothing_is_made" => without_a_yes_nothing_is_made().await,
            "the_whole_life_of_an_estate" => the_whole_life_of_an_estate().await,
            _ => interrupted_it_leaves_nothing().await,
        }
    }
    Ok(())
}

/// This program, with nothing of this environment that it would take for an account.
fn program(mode: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
        command.env_remove(name);
    }
    command.env("REEVE_CONFORMANCE", mode).env_remove("YES").env_remove("RUN").env("REEVE_CONFORMANCE_DOMAIN", ZONE);
    // No profile of the one who runs the tests, and no role of the machine.
    command.env("AWS_CONFIG_FILE", "/nonexistent").env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent");
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

async fn ends(mut command: Command, success: bool) -> String {
    let output = command.output().await.expect("it starts");
    let text = text(&output);
    assert_eq!(output.status.success(), success, "{text}");
    text
}

async fn sandbox() -> Sandbox {
    Sandbox::start(reeve::sandbox::Options::default()).await.expect("the sandbox starts (make setup)")
}

/// Nothing at all bears a mark of a run: seen without knowing the run's name.
async fn is_empty(sandbox: &Sandbox) {
    let ground = Ground::at(&sandbox.endpoint);
    let aws = ground.estate("anybody", ZONE, Wishes::new()).await.session.connection.aws;
    let vpcs = aws.ec2.describe_vpcs().send().await.expect("VPCs");
    let ours: Vec<_> = vpcs.vpcs().iter().filter(|one| !one.tags().is_empty()).collect();
    assert!(ours.is_empty(), "{ours:?}");
    let servers = aws.rds.describe_db_instances().send().await.expect("servers");
    assert!(servers.db_instances().is_empty(), "{servers:?}");
    let snapshots = aws.rds.describe_db_snapshots().snapshot_type("manual").send().await.expect("snapshots");
    assert!(snapshots.db_snapshots().is_empty(), "{snapshots:?}");
    let backups = aws.rds.describe_db_instance_automated_backups().send().await.expect("backups");
    assert!(backups.db_instance_automated_backups().is_empty(), "{backups:?}");
    let buckets = aws.s3.list_buckets().send().await.expect("buckets");
    assert!(buckets.buckets().is_empty(), "{buckets:?}");
    let balancers = aws.elbv2.describe_load_balancers().send().await.expect("load balancers");
    assert!(balancers.load_balancers().is_empty(), "{balancers:?}");
    let roles = aws.iam.list_roles().send().await.expect("roles");
    let ours: Vec<_> = roles.roles().iter().filter(|one| one.role_name().contains("conformance")).collect();
    assert!(ours.is_empty(), "{ours:?}");
    let file_systems = aws.efs.describe_file_systems().send().await.expect("file systems");
    assert!(file_systems.file_systems().is_empty(), "{file_systems:?}");
}

async fn it_says_what_is_missing() {
    let told = ends(program("1"), false).await;
    assert!(told.contains("no credentials were found") && told.contains("AWS_PROFILE"), "{told}");
    let mut command = program("1");
    command.env_remove("REEVE_CONFORMANCE_DOMAIN");
    let told = ends(command, false).await;
    assert!(told.contains("set REEVE_CONFORMANCE_DOMAIN"), "{told}");
    for run in ["", "hostedehr", "conformance-", "conformance-1x"] {
        let mut command = program("clean");
        command.env("RUN", run);
        let told = ends(command, false).await;
        assert!(told.contains("nothing else is ever destroyed"), "{run}: {told}");
    }
}

async fn without_a_yes_nothing_is_made() {
    let sandbox = sandbox().await;
    let mut command = program("1");
    command.envs(sandbox.environment());
    let told = ends(command, false).await;
    for words in
        ["account  123456789012", "caller   arn:aws:", "NAT gateway", "host, r5d.large", "together", "set YES=1; nothing was touched"]
    {
        assert!(told.contains(words), "{words}: {told}");
    }
    is_empty(&sandbox).await;
}

async fn the_whole_life_of_an_estate() {
    let sandbox = sandbox().await;
    let mut command = program("1");
    command.envs(sandbox.environment()).env("YES", "1");
    let told = ends(command, true).await;
    assert!(told.contains("nothing else of conformance-") && told.contains("scheduled:"), "{told}");
    is_empty(&sandbox).await;
}

async fn interrupted_it_leaves_nothing() {
    let sandbox = sandbox().await;
    let mut command = program("1");
    command.envs(sandbox.environment()).env("YES", "1");
    let mut child = command.spawn().expect("it starts");
    let mut lines = BufReader::new(child.stderr.take().expect("its words")).lines();
    let mut told = String::new();
    let mut sent = false;
    while let Some(line) = lines.next_line().await.expect("a line") {
        told.push_str(&line);
        told.push('\n');
        if !sent && line.contains("applying all of it") {
            sent = true;
            // Far enough that there is something to destroy.
            tokio::time::sleep(Duration::from_secs(5)).await;
            let id = child.id().expect("it runs").to_string();
            assert!(std::process::Command::new("kill").args(["-INT", &id]).status().expect("kill").success());
        }
    }
    assert!(!child.wait().await.expect("its end").success(), "{told}");
    assert!(told.contains("interrupted: what is in flight is finished") && told.contains("destroying, round 1"), "{told}");
    assert!(told.contains("nothing else of conformance-"), "{told}");
    is_empty(&sandbox).await;
}
