//! Drills of a database that is restored for real, run as an operator runs them on a host.

use std::process::Output;

use reeve::sandbox::parts::Options;
use serde_json::Value;

use crate::fleet_ground::{Fleet, read, tenant, told_by, until};
use crate::host::Host;

/// Two tenants that run, with spare servers for copies.
async fn started(fleet: &Fleet) -> Host<'_> {
    let host = applied(fleet, "").await;
    until("both tenants have tables", 120, async || fleet.sql(TABLES).await == "4").await;
    host
}

/// What a tenant that runs has two of.
const TABLES: &str = "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_NAME IN ('reeve_writer_log', 'global_property')";

/// Two tenants that were asked for, the second with more to say of it.
async fn applied<'f>(fleet: &'f Fleet, of_beta: &str) -> Host<'f> {
    let host = Host::of(fleet, &[tenant("alpha", ""), tenant("beta", of_beta)].concat()).await;
    let stack = std::path::Path::new(host.word("DIR")).join("stack.yaml");
    std::fs::write(&stack, read(&stack).replacen("record: s3", "record: local:record", 1)).unwrap();
    let first = host.run("reeve apply DIR --auto-approve").await;
    assert!(first.status.success(), "{}{}", text(&first.stderr), told_by(fleet.engine()).await);
    host
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

async fn signal(to: &tokio::process::Child, signal: &str) {
    let pid = to.id().expect("it runs").to_string();
    assert!(tokio::process::Command::new("kill").args(["-s", signal, &pid]).status().await.unwrap().success());
}

/// The schema of a tenant.
async fn schema(fleet: &Fleet, tenant: &str) -> String {
    fleet.sql(&format!("SELECT id FROM reeve.marks WHERE kind = 'schema' AND address = 'tenant/{tenant}.schema'")).await
}

/// The servers that RDS lists.
async fn servers(fleet: &Fleet) -> Vec<String> {
    let keys = aws_credential_types::provider::SharedCredentialsProvider::new(aws_credential_types::Credentials::new(
        "test", "test", None, None, "tests",
    ));
    let config = aws_types::SdkConfig::builder()
        .behavior_version(aws_sdk_rds::config::BehaviorVersion::latest())
        .credentials_provider(keys)
        .region(aws_types::region::Region::new("us-east-1"))
        .endpoint_url(&fleet.sandbox.endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    let listed = aws_sdk_rds::Client::new(&config).describe_db_instances().send().await.unwrap();
    listed.db_instances().iter().filter_map(|one| one.db_instance_identifier.clone()).collect()
}

/// What a person reads, and what stays: no password in any of it.
fn no_secret(fleet: &Fleet, host: &Host<'_>, outputs: &[&Output]) {
    let admin: Value = serde_json::from_str(&read(fleet.parts.admin())).unwrap();
    let password = admin["password"].as_str().unwrap();
    let told = outputs.iter().map(|one| text(&one.stdout) + &text(&one.stderr));
    let record = std::path::Path::new(host.word("DIR")).join("record");
    let mut folders = vec![record];
    let mut kept = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path => kept.push(read(path)),
            }
        }
    }
    assert!(kept.iter().any(|one| one.contains("drill begin")), "the journal is there");
    for one in told.chain(kept) {
        assert!(!one.contains(password), "the administrator's password is in {one}");
    }
}

#[tokio::test]
async fn a_drill_finds_every_tenants_tables_in_the_copy_and_leaves_the_live_server_as_it_was() {
    let fleet = Fleet::start_with(Options { servers: 2, ..Options::default() }).await;
    let host = started(&fleet).await;
    let before = servers(&fleet).await;
    let tables = "SELECT COUNT(*) FROM information_schema.TABLES";
    let of_live = fleet.sql(tables).await;
    let json = host.run("reeve drill DIR database --auto-approve --format json").await;
    assert_eq!(json.status.code(), Some(0), "{}{}", text(&json.stdout), text(&json.stderr));
    let told: Value = serde_json::from_slice(&json.stdout).expect("only JSON");
    let drill = &told["drills"][0];
    assert_eq!((&drill["outcome"], &drill["source"]), (&"whole".into(), &"hostedehr-database-server".into()), "{drill:#}");
    assert!(drill["data_age_seconds"].as_u64().unwrap() < 120 && drill["seconds"].as_u64().unwrap() >= 3, "{drill:#}");
    assert!(drill["found"][0].as_str().unwrap().starts_with("2 tenants with "), "{drill:#}");
    assert!(drill["found"].to_string().contains("the wrapper's newest row is of "), "{drill:#}");

    // It looked into a server of its own, which had the tenants' data.
    for tenant in ["alpha", "beta"] {
        let rows = format!("SELECT COUNT(*) FROM `{}`.reeve_writer_log", schema(&fleet, tenant).await);
        assert_eq!(fleet.sql_on(1, &rows).await, fleet.sql(&rows).await);
    }
    assert_eq!(fleet.sql(tables).await, of_live);
    until("the copy is gone", 30, async || servers(&fleet).await == before).await;

    let last = host.run("reeve drill DIR --last").await;
    assert!(text(&last.stdout).contains("last restore drill: database 20"), "{}", text(&last.stdout));
    let list = host.run("reeve tenant list DIR").await;
    let line = text(&list.stdout).lines().last().unwrap_or_default().to_owned();
    assert!(line.starts_with("last restore drill: database 20") && line.ends_with("old); files never"), "{line}");
    let listed: Value = serde_json::from_slice(&host.run("reeve tenant list DIR --format json").await.stdout).unwrap();
    assert_eq!(listed["restore_drills"]["database"]["whole"]["copy"], drill["copy"]);
    assert_eq!(listed["tenants"].as_array().map(Vec::len), Some(2));
    let plan = host.run("reeve plan DIR").await;
    assert_eq!(plan.status.code(), Some(0), "{}", text(&plan.stdout));
    no_secret(&fleet, &host, &[&json, &last, &list]);
}

#[tokio::test]
async fn a_server_that_a_tenant_has_for_itself_is_drilled_after_the_shared_one() {
    let fleet = Fleet::start_with(Options { servers: 4, ..Options::default() }).await;
    let host = applied(&fleet, "database: dedicated").await;
    until("both tenants have tables", 120, async || {
        (fleet.sql_on(0, TABLES).await, fleet.sql_on(1, TABLES).await) == ("2".into(), "2".into())
    })
    .await;
    let before = servers(&fleet).await;
    let own = before.iter().find(|one| one.contains("beta")).expect("beta has a server").clone();
    let json = host.run("reeve drill DIR database --auto-approve --format json").await;
    let told: Value = serde_json::from_slice(&json.stdout).expect("only JSON");
    let drill = &told["drills"][0];
    assert_eq!((json.status.code(), &drill["outcome"]), (Some(0), &"whole".into()), "{drill:#}{}", text(&json.stderr));
    assert_eq!(drill["source"], format!("hostedehr-database-server, {own}"));
    // Each has one of both: whoever takes the one server for the other misses a schema.
    for server in ["hostedehr-database-server", &own] {
        let found = drill["found"].as_array().unwrap().iter().filter_map(Value::as_str);
        let told = found.filter(|one| one.starts_with(&format!("{server}: 1 tenants with ")) && one.ends_with("each of them opened"));
        assert_eq!(told.count(), 1, "{server}: {drill:#}");
    }
    let said = text(&json.stderr);
    assert!(said.contains(&format!("restored from {own} to ")) && said.contains("one after the other"), "{said}");
    until("both copies are gone", 30, async || servers(&fleet).await == before).await;
    let list = text(&host.run("reeve tenant list DIR").await.stdout);
    assert!(list.contains("last restore drill: database 20"), "{list}");
    no_secret(&fleet, &host, &[&json]);
}

#[tokio::test]
async fn a_killed_drill_is_cleaned_up_by_the_next_which_names_the_tenant_that_the_copy_lacks() {
    let fleet = Fleet::start_with(Options { servers: 3, ..Options::default() }).await;
    let host = started(&fleet).await;
    let before = servers(&fleet).await;
    let mut killed = host.command("exec reeve drill DIR database --auto-approve").spawn().unwrap();
    until("the copy is listed", 120, async || servers(&fleet).await.len() > before.len()).await;
    let left: Vec<String> = servers(&fleet).await.into_iter().filter(|one| !before.contains(one)).collect();
    killed.kill().await.unwrap();
    // The estate is as it was, and the copy no part of it.
    assert_eq!(host.run("reeve plan DIR").await.status.code(), Some(0));
    assert!(servers(&fleet).await.contains(&left[0]), "nobody has deleted it");
    let locked = host.run("reeve drill DIR database --auto-approve").await;
    assert_eq!(locked.status.code(), Some(4), "{}", text(&locked.stderr));
    assert!(text(&locked.stderr).contains("a restore drill goes on, by "), "{}", text(&locked.stderr));
    let unlocked = host.run("reeve unlock DIR --drill").await;
    assert!(text(&unlocked.stderr).contains("released the lock of "), "{}", text(&unlocked.stderr));

    let beta = schema(&fleet, "beta").await;
    let next = host
        .command("exec reeve drill DIR database --auto-approve")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn();
    let mut next = next.unwrap();
    until("the next copy is listed, or the drill ended", 180, async || {
        let is_new = |one: &String| !before.contains(one) && !left.contains(one);
        servers(&fleet).await.iter().any(is_new) || next.try_wait().unwrap().is_some()
    })
    .await;
    // Listed is not filled. Whoever looks into the copy stands still until what it is to miss has come and gone.
    signal(&next, "STOP").await;
    let marks = "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'reeve' AND TABLE_NAME = 'marks'";
    until("the copy is filled", 60, async || fleet.sql_on(2, marks).await == "1").await;
    fleet.sql_on(2, &format!("DROP DATABASE `{beta}`")).await;
    signal(&next, "CONT").await;
    let next = next.wait_with_output().await.unwrap();
    let (out, err) = (text(&next.stdout), text(&next.stderr));
    assert_eq!(next.status.code(), Some(1), "{out}{err}");
    assert!(err.contains(&format!("deleting {}, which a drill that was cut off left", left[0])), "{err}");
    assert!(out.contains("database: not whole") && out.contains(&format!("beta: its schema {beta} is not in the copy")), "{out}");
    assert!(!out.contains("alpha: ") && err.contains("reeve runbook restore-drill"), "{out}{err}");
    until("no copy stands", 30, async || servers(&fleet).await == before).await;
    assert_eq!(fleet.sql(&format!("SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '{beta}'")).await, "1");
    let list = text(&host.run("reeve tenant list DIR").await.stdout);
    assert!(list.contains("(not whole), whole never; files never"), "{list}");
    no_secret(&fleet, &host, &[&next]);
}
