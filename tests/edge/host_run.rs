//! `reeve host run`, the real program: all that a host has is what the stack tells its hosts.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::process::Child;

use crate::client::{Asks, ask};
use crate::fleet_ground::{Fleet, docker, tenant, until};
use crate::ground::{door, host};
use crate::host::Host;
use crate::wake::stop;

/// All planes but the one that each host sees to itself.
const APPLY: &str = "reeve apply DIR --plane aws,docker,mysql,files --auto-approve";

/// Has the stack's hosts come with a bundle, and its record in S3.
fn with_bundle(shell: &Host<'_>) {
    let stack = Path::new(shell.word("DIR")).join("stack.yaml");
    let digest: String = Sha256::digest(b"a bundle").iter().map(|byte| format!("{byte:02x}")).collect();
    let folder = stack.with_file_name("bundles");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join(format!("{digest}.tar.gz")), "a bundle").unwrap();
    let line = format!("    bundle: {{ sha256: \"{digest}\", folder: \"{}\" }}\n    managers: 3\n", folder.display());
    let text = fs::read_to_string(&stack).unwrap();
    assert!(text.contains("record: s3") && text.contains("    managers: 3\n"), "{text}");
    fs::write(&stack, text.replace("    managers: 3\n", &line)).unwrap();
}

/// Where the stack's hosts find what it tells them.
async fn orders(fleet: &Fleet) -> String {
    let estate = fleet.estate(fleet.wishes("")).await;
    let buckets = estate.session.connection.aws.s3.list_buckets().send().await.unwrap();
    let name = buckets.buckets().iter().filter_map(|bucket| bucket.name()).find(|name| name.contains("fleet")).unwrap();
    format!("s3://{name}/reeve/hosts.json")
}

/// The lease of whoever wakes tenants, as it lies in the stack's record.
async fn lead(fleet: &Fleet) -> serde_json::Value {
    let estate = fleet.estate(fleet.wishes("")).await;
    let s3 = &estate.session.connection.aws.s3;
    let buckets = s3.list_buckets().send().await.unwrap();
    for bucket in buckets.buckets().iter().filter_map(|bucket| bucket.name()) {
        if let Ok(found) = s3.get_object().bucket(bucket).key("loop/edge.json").send().await {
            return serde_json::from_slice(&found.body.collect().await.unwrap().into_bytes()).unwrap();
        }
    }
    panic!("nobody has led")
}

fn run(shell: &Host<'_>, machine: &Path, log: &Path) -> Child {
    run_at(shell, machine, log, None)
}

/// The same, AWS being there.
fn run_at(shell: &Host<'_>, machine: &Path, log: &Path, aws: Option<&str>) -> Child {
    let line = format!(
        "exec reeve host run --config {} --root {} --listen 127.0.0.1:0",
        machine.join("host-config.json").display(),
        machine.display()
    );
    let log = File::options().create(true).append(true).open(log).expect("a file");
    let mut command = shell.command(&line);
    if let Some(aws) = aws {
        command.env("AWS_ENDPOINT_URL", aws);
    }
    command.stdout(log.try_clone().expect("a file")).stderr(log).spawn().expect("it starts")
}

async fn ends_well(mut child: Child, log: &Path) {
    let id = child.id().expect("it runs").to_string();
    let sent = tokio::process::Command::new("kill").args(["-TERM", &id]).status().await.expect("kill");
    assert!(sent.success());
    let ended = tokio::time::timeout(Duration::from_secs(60), child.wait()).await.expect("it ends").expect("it ran");
    assert_eq!(ended.code(), Some(0), "{}", fs::read_to_string(log).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_host_without_the_estates_yaml_routes_and_wakes_as_it_is_told() {
    let fleet = Fleet::start(1).await;
    let shell = Host::of(&fleet, &["alpha", "beta"].map(|name| tenant(name, "")).concat()).await;
    with_bundle(&shell);
    let applied = shell.run(APPLY).await;
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    let folder = tempfile::tempdir().unwrap();
    let (machine, log) = (folder.path().join("machine"), folder.path().join("log"));
    fs::create_dir(&machine).unwrap();
    let config = json!({
        "stack": "hostedehr", "region": "eu-central-1", "orders": orders(&fleet).await,
        "docker": format!("unix://{}", fleet.engine().docker.display()),
    });
    fs::write(machine.join("host-config.json"), config.to_string()).unwrap();
    let logged = || fs::read_to_string(&log).unwrap();

    // HAProxy comes to be, and leads to whoever runs.
    let running = run(&shell, &machine, &log);
    for name in ["alpha", "beta"] {
        until(name, 90, async || ask(&door(&fleet), &host(name), Asks::Page, "").await.is_of(name)).await;
    }
    // Nothing is left for a plan to do to it, on this host.
    let plan = shell.run("reeve plan DIR --plane haproxy").await;
    assert_eq!(plan.status.code(), Some(0), "{}{}", String::from_utf8_lossy(&plan.stdout), logged());

    // It wakes.
    stop(&fleet, &["alpha"]).await;
    until("a page", 30, async || ask(&door(&fleet), &host("alpha"), Asks::Page, "").await.is_waiting_page()).await;
    until("alpha", 90, async || ask(&door(&fleet), &host("alpha"), Asks::Page, "").await.is_of("alpha")).await;
    assert!(logged().contains("alpha answers after"), "{}", logged());

    // What is new in the YAML comes when it was applied, and not before.
    let tenants = Path::new(shell.word("DIR")).join("tenants.yaml");
    let both = fs::read_to_string(&tenants).unwrap();
    fs::write(&tenants, format!("{both}{}", tenant("gamma", ""))).unwrap();
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_eq!(ask(&door(&fleet), &host("gamma"), Asks::Page, "").await.status, 404);
    let applied = shell.run(APPLY).await;
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    until("gamma", 90, async || ask(&door(&fleet), &host("gamma"), Asks::Page, "").await.is_of("gamma")).await;

    // What leaves the YAML leaves by a plan from a file, too.
    fs::write(&tenants, ["alpha", "gamma"].map(|name| tenant(name, "")).concat()).unwrap();
    let plan = shell.run("reeve plan DIR --plane docker --out gone.json").await;
    // What it holds is protected, and stays.
    assert_eq!(plan.status.code(), Some(5), "{}", String::from_utf8_lossy(&plan.stderr));
    let applied = shell.run("reeve apply plans/gone.json --auto-approve").await;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(applied.status.code(), Some(5), "{}{}", said(&applied.stdout), said(&applied.stderr));
    let services = docker(fleet.engine(), &["service", "ls", "--format", "{{.Name}}"]).await;
    assert!(!services.contains("beta") && services.contains("gamma"), "{services}");

    // What somebody writes into HAProxy's configuration by hand does not stay there.
    let written = fleet.parts.folder().join("engine1/haproxy/haproxy.cfg");
    let right = fs::read_to_string(&written).unwrap();
    fs::write(&written, format!("{right}# by hand\n")).unwrap();
    until("it is as it was", 40, async || fs::read_to_string(&written).unwrap() == right).await;

    // Asked to end, it gives the lead back: another one need not wait for the lease's end.
    assert!(lead(&fleet).await["released"].is_null());
    ends_well(running, &log).await;
    assert!(lead(&fleet).await["released"].is_object(), "{}", logged());

    // Orders that cannot be had are no reason to forget those that it has.
    let away = config.to_string().replace("/reeve/hosts.json", "/reeve/none.json");
    fs::write(machine.join("host-config.json"), away).unwrap();
    fs::write(&written, format!("{right}# by hand\n")).unwrap();
    let running = run(&shell, &machine, &log);
    until("it is as it was", 40, async || fs::read_to_string(&written).unwrap() == right).await;
    until("it says so", 40, async || logged().contains("none.json is not there yet: `reeve apply` writes it")).await;
    ends_well(running, &log).await;

    // Nor is AWS that is away as a whole: whoever runs is served, also after a start.
    fs::write(&written, format!("{right}# by hand\n")).unwrap();
    let running = run_at(&shell, &machine, &log, Some("http://127.0.0.1:9"));
    until("it is as it was", 40, async || fs::read_to_string(&written).unwrap() == right).await;
    until("it says so", 60, async || logged().contains("nobody answers at http://127.0.0.1:9")).await;
    assert!(ask(&door(&fleet), &host("gamma"), Asks::Page, "").await.is_of("gamma"));
    ends_well(running, &log).await;
    assert!(!logged().contains("panicked"), "{}", logged());
}
