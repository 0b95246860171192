//! What a real Docker Engine tells begins a pass; what the waker does to services does not.

use reeve::sandbox::parts::{Image, Options, Parts};
use std::process::Command;
use std::time::Duration;

use crate::ground::{Running, SOON, logs, stack, wish, within};

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_somebody_changed_is_looked_at_soon_and_one_that_wakes_is_not() {
    let parts = Parts::start(Options::default()).await.unwrap_or_else(|error| panic!("{error}"));
    let engine = format!("unix://{}", parts.engines()[0].docker.display());
    let docker = |args: &[&str]| {
        let out = Command::new("/usr/bin/docker").args(["-H", &engine]).args(args).output().unwrap();
        assert!(out.status.success(), "docker {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    };
    let stack = stack("events", "  reconcile: { every: 1h }\n", &logs(&["a"])).await;
    let facts = stack.path("host.json");
    std::fs::write(&facts, format!("{{ \"docker\": \"{engine}\" }}")).unwrap();
    let running = Running::on(&stack, &[stack.dir()], &[("REEVE_HOST", facts.to_str().unwrap())]);
    running.says("applied 1, 0 failed");
    // The first pass, and the one that sees that all is well.
    let passes = || running.metric("reeve_passes_total{result=\"ok\"}").unwrap_or_default();
    within(SOON, || (passes() >= 2.0).then_some(())).expect("two passes");
    let before = passes();

    docker(&[
        "service",
        "create",
        "--quiet",
        "--detach",
        "--no-resolve-image",
        "--replicas",
        "0",
        "--name",
        "one",
        "nowhere.invalid/none:1",
    ]);
    within(SOON, || (passes() > before).then_some(())).expect("a pass begins, though an hour is not over");
    // How many run is the waker's, and so is what it says on the service. Swarms of events are one pass at most in ten seconds.
    tokio::time::sleep(Duration::from_secs(11)).await;
    let before = passes();
    docker(&["service", "scale", "--detach", "one=1"]);
    docker(&["service", "scale", "--detach", "one=0"]);
    for label in ["reeve-wake", "reeve-restoring", "reeve-leaving"] {
        docker(&["service", "update", "--quiet", "--detach", "--label-add", &format!("{label}=x"), "one"]);
        docker(&["service", "update", "--quiet", "--detach", "--label-rm", label, "one"]);
    }
    tokio::time::sleep(Duration::from_secs(13)).await;
    assert!((passes() - before).abs() < 1e-9, "{} passes more", passes() - before);
    docker(&["service", "update", "--quiet", "--detach", "--label-add", "another=x", "one"]);
    within(SOON, || (passes() > before).then_some(())).expect("a pass begins: that label is nobody's of reeve");
    tokio::time::sleep(Duration::from_secs(11)).await;
    let before = passes();
    docker(&["service", "rm", "one"]);
    within(SOON, || (passes() > before).then_some(())).expect("another pass");
    assert_eq!(running.stop().0, Some(0));
}

/// Whoever waits for it in vain tells people that it failed; that nothing is left to change does not make it well.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_never_gets_ready_is_not_told_as_well_again() {
    let parts = Parts::start(Options::default()).await.unwrap_or_else(|error| panic!("{error}"));
    let images = parts.standin().await.unwrap_or_else(|error| panic!("{error}")).expect("the stand-in is built (make setup)");
    let (name, digest) = images[0].split_once("@sha256:").expect("an image by its digest");
    let missing = format!("{name}@sha256:{}", "0".repeat(digest.len()));
    let engine = format!("unix://{}", parts.engines()[0].docker.display());
    let wishes = |suspended: bool| service(&missing, 32, suspended);
    let stack = stack("unready", "  reconcile: { every: 10s }\n", &wishes(false)).await;
    let facts = stack.path("host.json");
    let text = serde_json::json!({ "docker": engine, "lib": parts.folder().join("lib") });
    std::fs::write(&facts, text.to_string()).unwrap();
    let running = Running::on(&stack, &[stack.dir()], &[("REEVE_HOST", facts.to_str().unwrap())]);
    running.says_within("1 failed", Duration::from_secs(150));
    // Passes that find nothing to change.
    within(Duration::from_secs(60), || (running.metric("reeve_passes_total{result=\"partial\"}") >= Some(3.0)).then_some(()))
        .expect("passes");
    assert_eq!((running.count("well again"), running.metric("reeve_backing_off_resources")), (0, Some(1.0)), "{:#?}", running.log());
    wish(&stack, &wishes(true));
    running.says_within("well again", Duration::from_secs(120));
    assert_eq!(running.stop().0, Some(0));
}

/// No pass waits for long, so what takes long holds nobody up; that it will never get ready is told all the same.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ready_yet_holds_nobody_up_and_is_told_when_it_never_will_be() {
    let parts = Parts::start(Options::default()).await.unwrap_or_else(|error| panic!("{error}"));
    let images = parts.standin().await.unwrap_or_else(|error| panic!("{error}")).expect("the stand-in is built (make setup)");
    // No host has that much: the engine goes on looking for one.
    let wishes = |suspended: bool| service(&images[0], 1 << 20, suspended);
    let stack = stack("pending", "  reconcile: { every: 1h }\n", &wishes(false)).await;
    let facts = stack.path("host.json");
    let engine = format!("unix://{}", parts.engines()[0].docker.display());
    std::fs::write(&facts, serde_json::json!({ "docker": engine, "lib": parts.folder().join("lib") }).to_string()).unwrap();
    let running = Running::on(&stack, &[stack.dir()], &[("REEVE_HOST", facts.to_str().unwrap())]);
    running.says("not ready yet, and looked after from now on: extra.slow");
    running.says("applied 1, 0 failed");

    wish(&stack, &(wishes(false) + &logs(&["a"])));
    running.says("extra.a: Create done");
    assert_eq!(running.count("it will never be ready"), 0, "it was made meanwhile: {:#?}", running.log());
    stack.ends(0, &["unlock", stack.dir()]);
    running.says_within("extra.slow: it will never be ready: ", Duration::from_secs(120));
    // It is told once, and asked no more than others that fail.
    let told = || running.count("\"notice\":\"failed\"");
    within(SOON, || (told() == 1).then_some(())).expect("people are told");
    running.metric_is("reeve_backing_off_resources", 1.0);
    wish(&stack, &(wishes(true) + &logs(&["a"])));
    running.says_within("well again", Duration::from_secs(60));
    assert_eq!((told(), running.stop().0), (1, Some(0)));
}

/// A network and a service of that image, which reserves so many MiB.
fn service(image: &str, reserve: u64, suspended: bool) -> String {
    format!(
        "    net: {{ kind: docker.network, spec: {{}} }}\n    \
         slow: {{ kind: docker.service, spec: {{ tenant: slow, image: '{image}', command: ['{command}'], network: '${{ref(\"extra.net\")}}', \
         port: 8080, memory_reservation: {reserve}, memory_limit: {limit}, \
         suspended: {suspended}, health: {{ ready: /openmrs/health/started, live: /openmrs/health/alive, start_seconds: 60 }} }} }}\n",
        command = Image::command("standin"),
        reserve = reserve << 20,
        limit = reserve.max(256) << 20,
    )
}
