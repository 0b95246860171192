//! What a receiver of traces is told, and that nothing hangs on it.

use std::time::{Duration, Instant};

use crate::ground::{OFTEN, Running, SOON, groups, logs, stack, wish, within};
use crate::receiver::{Receiver, Span};

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
/// Handed over so often, in milliseconds.
const SWIFT: (&str, &str) = ("OTEL_BSP_SCHEDULE_DELAY", "200");
/// A header of the exporter, which nobody may read but the receiver.
const CANARY: &str = "canaryExporterToken0123456789";
/// The key to AWS.
const KEY: &str = "canarySecretAccessKey0123456789abcdefghij";

fn names(spans: &[Span]) -> Vec<&str> {
    let mut names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    names.sort_unstable();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_is_one_trace_with_its_plan_and_each_change() {
    let receiver = Receiver::start().await;
    let bad = "    bad: { kind: aws.log_group, protect: false, spec: { log_group_name: /elsewhere/bad, retention_in_days: 365 } }\n";
    let hidden = "    key: { kind: aws.key, protect: false, spec: { description: traced } }
    hidden: { kind: aws.parameter, protect: false, spec: { generate: {}, kms_key: '${ref(\"extra.key\")}' } }\n";
    let mut stack = stack("traced", OFTEN, &format!("{}{hidden}", logs(&["a", "b"]))).await;
    stack.secret = KEY.to_owned();
    let header = format!("authorization=Bearer {CANARY}");
    let environment =
        [(ENDPOINT, receiver.url.as_str()), SWIFT, ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"), (HEADERS, &header)];
    let running = Running::on(&stack, &[stack.dir()], &environment);
    let line: serde_json::Value = serde_json::from_str(&running.says("applied 4, 0 failed")).unwrap();

    let pass = receiver.span(|span| span.name == "reconcile" && span.attribute("reeve.plan.create") == Some("4"));
    assert_eq!((pass.service.as_str(), pass.parent.len(), &pass.error), ("reeve", 0, &None), "{pass:#?}");
    assert_eq!(pass.attribute("reeve.stack"), Some("traced"), "{pass:#?}");
    assert_eq!(pass.attribute("reeve.result"), Some("ok"), "{pass:#?}");
    let children = receiver.under(&pass);
    // Looked at once to plan, and once more under the lock.
    assert_eq!(names(&children), ["apply", "observe", "observe", "plan"], "{children:#?}");
    let apply = children.iter().find(|span| span.name == "apply").unwrap();
    assert_eq!(apply.attribute("reeve.plan.id"), line["plan"].as_str());
    assert_eq!(apply.attribute("reeve.run"), line["run"].as_str());
    assert_eq!(pass.attribute("reeve.plan.id"), line["plan"].as_str());
    let changes = receiver.under(apply);
    let created: Vec<&Span> = changes.iter().filter(|span| span.name == "create aws.log_group").collect();
    assert_eq!(created.len(), 2, "{changes:#?}");
    assert!(created.iter().all(|span| span.attribute("reeve.outcome") == Some("done") && span.error.is_none()), "{created:#?}");
    let addresses: std::collections::BTreeSet<_> = created.iter().filter_map(|span| span.attribute("reeve.address")).collect();
    assert_eq!(addresses.into_iter().collect::<Vec<_>>(), ["extra.a", "extra.b"]);

    // What fails says so at each level, in a trace of its own.
    wish(&stack, &format!("{}{hidden}{bad}", logs(&["a", "b"])));
    let failed =
        receiver.span(|span| span.attribute("reeve.address") == Some("extra.bad") && span.attribute("reeve.outcome") == Some("failed"));
    assert!(failed.error.as_deref().is_some_and(|why| !why.is_empty()) && failed.attribute("error.type").is_some(), "{failed:#?}");
    assert_ne!(failed.trace, pass.trace);
    let apply = receiver.span(|span| span.id == failed.parent);
    assert!(apply.error.as_deref().is_some_and(|why| why.starts_with("1 failed")), "{apply:#?}");
    let pass = receiver.span(|span| span.id == apply.parent);
    assert_eq!((pass.name.as_str(), pass.attribute("error.type")), ("reconcile", Some("partial")), "{pass:#?}");

    // The header reached the receiver, and is in nothing that was written.
    assert!(receiver.header("authorization").iter().all(|value| value.contains(CANARY)));
    assert!(!receiver.header("authorization").is_empty());
    let (code, log) = running.stop();
    assert_eq!(code, Some(0), "{log:#?}");
    assert!(!log.join("\n").contains(CANARY), "{log:#?}");
    // No credential and no generated secret is in what was handed over.
    let ssm = stack.account().await.ssm;
    let secret = ssm.get_parameter().name("/reeve/traced/extra.hidden").with_decryption(true).send().await.unwrap();
    let secret = secret.parameter().and_then(|one| one.value()).unwrap().to_owned();
    assert!(receiver.text().contains("extra.hidden") && secret.len() == 32, "{secret}");
    for secret in [CANARY, KEY, &secret] {
        assert!(!receiver.text().contains(secret), "{secret} was handed over");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_at_sigterm_is_handed_over() {
    let receiver = Receiver::start().await;
    let stack = stack("flushed", OFTEN, &logs(&["a"])).await;
    // By itself it would hand over in an hour.
    let running = Running::on(&stack, &[stack.dir()], &[(ENDPOINT, &receiver.url), ("OTEL_BSP_SCHEDULE_DELAY", "3600000")]);
    running.says("applied 1, 0 failed");
    assert!(receiver.spans().is_empty(), "{:#?}", receiver.spans());
    assert_eq!(running.stop().0, Some(0));
    assert!(receiver.spans().iter().any(|span| span.name == "create aws.log_group"), "{:#?}", receiver.spans());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_dead_or_slow_stops_nothing_and_is_said_once() {
    let dead = {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://user:{CANARY}@{}/{CANARY}", socket.local_addr().unwrap())
    };
    let slow = Receiver::slow(Duration::from_secs(60)).await;
    for (name, url, limit) in [("dead", dead.as_str(), "10000"), ("slow", slow.url.as_str(), "300")] {
        let stack = stack(name, OFTEN, &logs(&["a"])).await;
        let environment = [(ENDPOINT, url), SWIFT, (HEADERS, &format!("x-key={CANARY}")), ("OTEL_EXPORTER_OTLP_TIMEOUT", limit)];
        let running = Running::on(&stack, &[stack.dir()], &environment);
        running.says("applied 1, 0 failed");
        running.says("traces do not reach");
        // Several passes later it still is said once, and passes go on.
        for pass in 2..5 {
            running.signal("-HUP");
            let more = || running.metric("reeve_passes_total{result=\"ok\"}").filter(|count| *count >= f64::from(pass));
            within(SOON, more).unwrap_or_else(|| panic!("{name}: {:#?}", running.log()));
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(running.count("traces do not reach"), 1, "{:#?}", running.log());
        assert_eq!(groups(&stack).await.len(), 1);
        let asked = Instant::now();
        let (code, log) = running.stop();
        assert_eq!(code, Some(0), "{log:#?}");
        assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
        let log = log.join("\n");
        assert!(log.matches("traces do not reach").count() == 1 && !log.contains(CANARY), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_one_trace_and_its_output_is_as_without() {
    let receiver = Receiver::start().await;
    let stack = stack("commanded", OFTEN, &logs(&["a"])).await;
    let run = |args: &[&str], url: &str| stack.command(args).env(ENDPOINT, url).output().unwrap();
    let plan = run(&["plan", stack.dir()], &receiver.url);
    assert_eq!(plan.status.code(), Some(2));
    let command = receiver.span(|span| span.name == "reeve plan");
    assert_eq!(
        (command.attribute("process.exit.code"), names(&receiver.under(&command))),
        (Some("2"), vec!["observe", "plan"]),
        "{command:#?}"
    );
    let applied = run(&["apply", stack.dir(), "--auto-approve"], &receiver.url);
    assert_eq!(applied.status.code(), Some(0));
    let command = receiver.span(|span| span.name == "reeve apply");
    assert!(names(&receiver.under(&command)).contains(&"apply"), "{:#?}", receiver.spans());
    // Nobody there: it says so at its end, and ends as ever.
    let plan = run(&["plan", stack.dir()], "http://127.0.0.1:9");
    let talk = String::from_utf8(plan.stderr).unwrap();
    assert_eq!(plan.status.code(), Some(0), "{talk}");
    assert!(talk.contains("warning: traces do not reach 127.0.0.1:9"), "{talk}");
    let plan = stack.command(&["plan", stack.dir()]).output().unwrap();
    assert!(!String::from_utf8(plan.stderr).unwrap().contains("traces"));
}
