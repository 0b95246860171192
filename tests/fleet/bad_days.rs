//! Bad days: each made real with the real parts, told with address and runbook, the rest done, and finished by the next apply.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reeve::model::plan::{Plan, Scope, Verb};
use reeve::model::report::Report;
use serde_json::json;
use tokio::process::Command;

use crate::fleet_ground::{Fleet, docker, read, tenant, until};
use crate::program::Program;
use crate::support::{Estate, at, changes, wish};

/// What could not be read, in words.
async fn partly(estate: &Estate) -> (Plan, String) {
    let (plan, _) = estate.session.plan(&estate.wishes, Scope::default(), false, None).await.expect("a plan");
    let words: Vec<String> = plan.unreadable.iter().map(|one| format!("{}: {}", one.kind, one.error)).collect();
    assert!(!words.is_empty(), "everything could be read: {:#?}", changes(&plan));
    let lost = plan.changes().find(|one| matches!(one.action, Verb::Delete | Verb::Replace));
    assert!(lost.is_none(), "what cannot be read is not lost: {:#?}", changes(&plan));
    (plan, words.join("\n"))
}

fn failures(report: &Report) -> String {
    let words: Vec<String> =
        report.failed.iter().map(|one| format!("{} {:?} {}: {}", one.address, one.what, one.class, one.error)).collect();
    words.join("\n")
}

fn is_finished(report: &Report, address: &str) -> bool {
    report.finished.contains(&at(address))
}

fn waits(plan: &Plan, address: &str) -> bool {
    plan.waiting.iter().any(|one| one.address == at(address))
}

async fn answers(fleet: &Fleet) {
    let host = format!("unix://{}", fleet.engine().docker.display());
    until("the engine leads its swarm again", 60, async || {
        let asked = Command::new("/usr/bin/docker").args(["-H", &host, "node", "ls"]).output().await.expect("docker.io");
        asked.status.success()
    })
    .await;
    fleet.parts.network_again(0).await.unwrap_or_else(|error| panic!("{error}"));
}

/// Something new on AWS, which has nothing to do with the bad day.
fn and_a_topic(estate: &mut Estate) {
    wish(&mut estate.wishes, "spare.topic", "aws.topic", &json!({}));
}

#[tokio::test]
async fn docker_down() {
    let fleet = Fleet::start(1).await;
    let mut estate = fleet.estate(fleet.wishes(&tenant("alpha", ""))).await;
    estate.apply().await;
    let engine = Program::docker(&fleet);
    engine.stop().await;

    estate.wishes = fleet.wishes(&[tenant("alpha", ""), tenant("beta", "")].concat());
    and_a_topic(&mut estate);
    let (plan, words) = partly(&estate).await;
    assert!(words.contains("docker.service: ") && words.contains("see reeve runbook docker-down"), "{words}");
    assert!(waits(&plan, "tenant/beta.service"), "{:#?}", plan.waiting);
    let report = estate.walk(&plan, async |_| {}).await;
    assert_eq!(failures(&report), "");
    for address in ["spare.topic", "tenant/beta.secret", "tenant/beta.schema", "tenant/beta.user", "tenant/beta.folder"] {
        assert!(is_finished(&report, address), "{address}: {:#?}", report.finished);
    }

    // A session that begins now says where it looked.
    let estate = fleet.again(estate).await;
    let (_, words) = partly(&estate).await;
    assert!(words.contains(&fleet.engine().docker.display().to_string()), "{words}");

    let _engine = engine.start().await;
    answers(&fleet).await;
    estate.apply().await;
    estate.is_converged().await;
}

#[tokio::test]
async fn docker_dies_in_the_middle() {
    let fleet = Fleet::start(1).await;
    let mut estate = fleet.estate(fleet.wishes("")).await;
    estate.apply().await;
    estate.wishes = fleet.wishes(&[tenant("alpha", ""), tenant("beta", "")].concat());
    and_a_topic(&mut estate);
    let engine = Program::docker(&fleet);
    let plan = estate.plan().await;
    let killed = AtomicBool::new(false);
    let report = estate
        .walk(&plan, async |event| {
            let text = format!("{event:?}");
            if text.contains("Started") && text.contains("tenant/alpha.service") && !killed.swap(true, Ordering::Relaxed) {
                engine.kill().await;
            }
        })
        .await;
    let words = failures(&report);
    assert!(words.contains("tenant/alpha.service") && words.contains("see reeve runbook docker-down"), "{words}");
    assert!(is_finished(&report, "spare.topic") && is_finished(&report, "tenant/beta.schema"), "{:#?}", report.finished);

    let _engine = engine.start().await;
    answers(&fleet).await;
    estate.apply().await;
    estate.is_converged().await;
}

#[tokio::test]
async fn mysql_refusing() {
    let fleet = Fleet::start(1).await;
    let mut estate = fleet.estate(fleet.wishes(&tenant("alpha", ""))).await;
    estate.apply().await;

    // It does not know the administrator.
    let right = read(fleet.parts.admin());
    let mut wrong: serde_json::Value = serde_json::from_str(&right).expect("JSON");
    wrong["password"] = "Wr0ng".into();
    fs::write(fleet.parts.admin(), wrong.to_string()).expect("a file");
    let estate_of = async |estate: Estate| fleet.again(estate).await;
    estate = estate_of(estate).await;
    let (_, words) = partly(&estate).await;
    assert!(words.contains("mysql.schema: ") && words.contains("1045") && words.contains("reeve runbook mysql-refusing"), "{words}");
    assert!(!words.contains("Wr0ng"), "{words}");
    fs::write(fleet.parts.admin(), right).expect("a file");

    // It is not there.
    let server = Program::database(&fleet);
    server.stop().await;
    estate.wishes = fleet.wishes(&[tenant("alpha", ""), tenant("beta", "")].concat());
    and_a_topic(&mut estate);
    estate = estate_of(estate).await;
    let (plan, words) = partly(&estate).await;
    assert!(words.contains("mysql.schema: ") && words.contains("reeve runbook mysql-refusing"), "{words}");
    for address in ["tenant/beta.schema", "tenant/beta.user", "tenant/beta.service"] {
        assert!(waits(&plan, address), "{address}: {:#?}", plan.waiting);
    }
    let report = estate.walk(&plan, async |_| {}).await;
    assert_eq!(failures(&report), "");
    for address in ["spare.topic", "tenant/beta.secret", "tenant/beta.folder"] {
        assert!(is_finished(&report, address), "{address}: {:#?}", report.finished);
    }

    let _server = server.start().await;
    until("the database takes connections", 60, async || tokio::net::TcpStream::connect(fleet.parts.database()).await.is_ok()).await;
    estate.apply().await;
    estate.is_converged().await;
}

#[tokio::test]
async fn an_image_is_missing_a_container_unhealthy_and_no_host_has_room() {
    let fleet = Fleet::start(1).await;
    let tenants = [tenant("alpha", ""), tenant("beta", "")].concat();
    let mut estate = fleet.estate(fleet.wishes(&tenant("alpha", ""))).await;
    estate.apply().await;

    let (name, _) = fleet.images[0].split_once('@').expect("a digest");
    let missing = format!("{name}@sha256:{}", "0".repeat(64));
    let mut files = fleet.files(&fleet.images[0], &tenants);
    let broken = files[0].text.split_once("  distributions:\n").map(|(_, text)| text.to_owned()).expect("a catalogue");
    let other = broken.replacen("    refapp:", "    other:", 1).replace(&fleet.images[0], &missing);
    files[0].text.push_str(&other);
    files[1].text = files[1].text.replacen(
        "distribution: refapp\n  country: US\n  admin_email: admin@beta",
        "distribution: other\n  country: US\n  admin_email: admin@beta",
        1,
    );
    estate.wishes = crate::support::wishes(&files);
    and_a_topic(&mut estate);
    let plan = estate.plan().await;
    let report = estate.walk(&plan, async |_| {}).await;
    let words = failures(&report);
    assert!(words.starts_with("tenant/beta.service ") && words.contains("see reeve runbook image-missing"), "{words}");
    assert_eq!(report.failed.len(), 1, "{words}");
    assert!(is_finished(&report, "spare.topic"), "{:#?}", report.finished);

    // The image is right, its application ends at once.
    let mut files = fleet.files(&fleet.images[0], &tenants);
    files[1].text =
        files[1].text.replacen("admin_email: admin@beta.example", "admin_email: admin@beta.example\n  env: { STANDIN_PORT: nonsense }", 1);
    estate.wishes = crate::support::wishes(&files);
    and_a_topic(&mut estate);
    let plan = estate.plan().await;
    let report = estate.walk(&plan, async |_| {}).await;
    let words = failures(&report);
    assert!(words.starts_with("tenant/beta.service ") && words.contains("see reeve runbook unhealthy"), "{words}");

    // It wants more memory than any host has.
    estate.wishes = fleet.wishes(&[tenant("alpha", ""), tenant("beta", "memory: { reserve: 500GiB, limit: 500GiB }")].concat());
    and_a_topic(&mut estate);
    let plan = estate.plan().await;
    let report = estate.walk(&plan, async |_| {}).await;
    let words = failures(&report);
    assert!(words.starts_with("tenant/beta.service ") && words.contains("see reeve runbook no-room"), "{words}");
    assert_eq!(report.failed.len(), 1, "{words}");

    estate.wishes = fleet.wishes(&tenants);
    and_a_topic(&mut estate);
    estate.apply().await;
    estate.is_converged().await;
    let services = docker(fleet.engine(), &["service", "ls", "--format", "{{.Name}} {{.Replicas}}"]).await;
    assert!(services.lines().filter(|line| line.contains(" 1/1")).count() == 2, "{services}");
}

#[tokio::test]
async fn a_name_is_taken() {
    let fleet = Fleet::start(1).await;
    let mut estate = fleet.estate(fleet.wishes(&tenant("alpha", ""))).await;
    estate.apply().await;

    let engine = fleet.engine();
    let made = ["service", "create", "--quiet", "--detach", "--replicas", "0", "--name", "hostedehr-tenant-beta-service", &fleet.images[0]];
    docker(engine, &made).await;
    let file = fleet.parts.folder().join("theirs");
    fs::write(&file, "theirs").expect("a file");
    docker(engine, &["secret", "create", "hostedehr-tenant-gamma-credentials", &file.display().to_string()]).await;
    fleet.sql("CREATE DATABASE `hostedehr-tenant-delta-schema`").await;
    let folder = fleet.parts.folder().join("tenants/epsilon");
    fs::create_dir(&folder).expect("a folder");

    let tenants: Vec<String> = ["alpha", "beta", "gamma", "delta", "epsilon"].iter().map(|name| tenant(name, "")).collect();
    estate.wishes = fleet.wishes(&tenants.concat());
    and_a_topic(&mut estate);
    let plan = estate.plan().await;
    let refused =
        |address: &str| plan.refusals.iter().find(|one| one.address == at(address)).unwrap_or_else(|| panic!("{:#?}", plan.refusals));
    for address in ["tenant/beta.service", "tenant/gamma.credentials", "tenant/delta.schema", "tenant/epsilon.folder"] {
        let one = refused(address);
        assert!(one.reason.contains("is there already and bears no mark of ours"), "{one:#?}");
        assert!(one.hint.contains(&format!("reeve adopt DIR {address} ")) && one.hint.contains("see reeve runbook lost-mark"), "{one:#?}");
    }
    assert_eq!(plan.refusals.len(), 4, "{:#?}", plan.refusals);
    let report = estate.walk(&plan, async |_| {}).await;
    assert_eq!(failures(&report), "");
    for address in ["spare.topic", "tenant/beta.schema", "tenant/gamma.user", "tenant/delta.secret"] {
        assert!(is_finished(&report, address), "{address}: {:#?}", report.finished);
    }

    // Their owner takes them away.
    docker(engine, &["service", "rm", "hostedehr-tenant-beta-service"]).await;
    docker(engine, &["secret", "rm", "hostedehr-tenant-gamma-credentials"]).await;
    fleet.sql("DROP DATABASE `hostedehr-tenant-delta-schema`").await;
    fs::remove_dir(&folder).expect("it is empty");
    estate.apply().await;
    estate.is_converged().await;
}

#[tokio::test]
async fn a_disk_is_full() {
    let fleet = Fleet::start(1).await;
    let place = fleet.parts.folder().join("small");
    fs::create_dir(&place).expect("a folder");
    let mount = async |options: &str| {
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&place).status().await.expect("mount");
        assert!(done.success(), "mount -o {options}");
    };
    mount("size=4k").await;
    // Archived tenants have a folder and no container.
    let names = ["alpha", "beta", "gamma"];
    let tenants: Vec<String> = names.iter().map(|name| tenant(name, "state: archived")).collect();
    let estate = fleet.estate_with_files(&place, fleet.wishes(&tenants.concat())).await;
    let plan = estate.plan().await;
    let report = estate.walk(&plan, async |_| {}).await;
    let words = failures(&report);
    assert!(words.contains(".folder ") && words.contains("see reeve runbook disk-full"), "{words}");
    assert!(names.iter().all(|name| is_finished(&report, &format!("tenant/{name}.user"))), "{:#?}", report.finished);

    mount("remount,size=4m").await;
    estate.apply().await;
    estate.is_converged().await;
    let done = Command::new("umount").arg(&place).status().await.expect("umount");
    assert!(done.success(), "umount");
}

/// Somebody changes the service again and again: an update that meets another's reads anew, and neither is lost.
#[tokio::test]
async fn versions_conflict() {
    let fleet = Fleet::start(1).await;
    let mut estate = fleet.estate(fleet.wishes(&tenant("alpha", ""))).await;
    estate.apply().await;
    let stop = Arc::new(AtomicBool::new(false));
    let socket = format!("unix://{}", fleet.engine().docker.display());
    let busy = tokio::spawn(busy(socket, stop.clone()));
    let before = updates(&estate);
    let mut walks = 0;
    // Some walk meets them.
    while updates(&estate) == before + walks && walks < 20 {
        walks += 1;
        estate.wishes = fleet.wishes(&tenant("alpha", &format!("memory: {{ reserve: 32MiB, limit: {}MiB }}", 256 + walks)));
        let (plan, _) = estate.session.plan(&estate.wishes, Scope::default(), false, None).await.expect("a plan");
        let report = estate.walk(&plan, async |_| {}).await;
        assert_eq!(failures(&report), "");
    }
    stop.store(true, Ordering::Relaxed);
    let theirs = busy.await.expect("it ended");
    assert!(updates(&estate) > before + walks, "{walks} walks and {theirs} changes of somebody else's met nowhere");
    let limit = docker(
        fleet.engine(),
        &["service", "inspect", "--format", "{{.Spec.TaskTemplate.Resources.Limits.MemoryBytes}}", "hostedehr-tenant-alpha-service"],
    )
    .await;
    assert_eq!(limit, ((256 + walks) << 20).to_string());
    estate.apply().await;
    estate.is_converged().await;
}

fn updates(estate: &Estate) -> u64 {
    estate.session.connection.stats.calls().get("docker.ServiceUpdate").copied().unwrap_or_default()
}

/// Writes a label of its own, as fast as it can; how often.
async fn busy(socket: String, stop: Arc<AtomicBool>) -> u64 {
    let engine = reeve::planes::docker::connect(&socket, None).await.expect("the engine");
    let mut number = 0;
    loop {
        let ends = stop.load(Ordering::Relaxed);
        let now = engine.inspect_service("hostedehr-tenant-alpha-service", None).await.expect("the service");
        let version = now.version.and_then(|version| version.index).and_then(|index| i32::try_from(index).ok()).expect("a version");
        let mut spec = now.spec.expect("a spec");
        let labels = spec.labels.get_or_insert_default();
        if ends {
            labels.remove("busy")
        } else {
            labels.insert("busy".into(), number.to_string())
        };
        let options = bollard::query_parameters::UpdateServiceOptionsBuilder::default().version(version).build();
        let written = engine.update_service("hostedehr-tenant-alpha-service", spec, options, None).await.is_ok();
        number += u64::from(written);
        if ends && written {
            return number;
        }
    }
}
