//! What people are told: each thing once, by a webhook and by SNS, also when the leader changes.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::ground::{Running, SOON, group, logs, stack, wish, within};

/// A receiver of webhooks that can refuse.
struct Receiver {
    url: String,
    bodies: Arc<Mutex<Vec<String>>>,
    refuses: Arc<AtomicBool>,
}

impl Receiver {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/T0KEN", listener.local_addr().unwrap());
        let (bodies, refuses) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (into, refused) = (Arc::clone(&bodies), Arc::clone(&refuses));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let mut heard = Vec::new();
                let mut piece = [0; 4096];
                while let Ok(got) = stream.read(&mut piece) {
                    heard.extend_from_slice(&piece[..got]);
                    let text = String::from_utf8_lossy(&heard).into_owned();
                    let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                    let length =
                        head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse::<usize>().ok());
                    if got == 0 || body.len() >= length.unwrap_or_default() {
                        let refuse = refused.load(Ordering::SeqCst);
                        if !refuse {
                            into.lock().unwrap().push(body.to_owned());
                        }
                        let status = if refuse { "503 Service Unavailable" } else { "200 OK" };
                        let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                        break;
                    }
                }
            }
        });
        Self { url, bodies, refuses }
    }

    fn bodies(&self) -> Vec<String> {
        self.bodies.lock().unwrap().clone()
    }

    /// Kind and subject of all that arrived.
    fn notices(&self) -> Vec<(String, String)> {
        let all = self
            .bodies()
            .iter()
            .flat_map(|body| serde_json::from_str::<Value>(body).unwrap()["notices"].as_array().unwrap().clone())
            .collect::<Vec<_>>();
        all.iter().map(|one| (one["kind"].as_str().unwrap().to_owned(), one["subject"].as_str().unwrap().to_owned())).collect()
    }

    fn gets(&self, kind: &str, subject: &str) {
        let there = || self.notices().contains(&(kind.to_owned(), subject.to_owned())).then_some(());
        assert!(within(SOON, there).is_some(), "no {kind} {subject}: {:#?}", self.notices());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_thing_is_told_once_and_a_new_leader_repeats_nothing() {
    let hook = Receiver::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    std::fs::write(&file, format!("{}\n", hook.url)).unwrap();
    let more = format!("  reconcile: {{ every: 1h }}\n  notify: {{ webhook: 'file:{}' }}\n", file.display());
    let stack = stack("tells", &more, &logs(&["a", "b"])).await;
    let running = Running::start(&stack, &["--parallelism", "4"]);
    running.says("applied 2, 0 failed");

    let aws = stack.account().await.logs;
    aws.put_retention_policy().log_group_name(group(&stack, "a")).retention_in_days(1).send().await.unwrap();
    running.signal("-HUP");
    hook.gets("drift", "extra.a");
    hook.gets("mended", "extra.a");
    assert!(hook.bodies()[0].contains("retention_in_days") && hook.bodies()[0].contains("\"text\""), "{:#?}", hook.bodies());

    wish(
        &stack,
        &format!(
            "{}{}",
            logs(&["a"]),
            "    bad: { kind: aws.log_group, protect: false, spec: { log_group_name: /elsewhere/bad, retention_in_days: 365 } }\n"
        ),
    );
    hook.gets("held", "approval");
    hook.gets("failed", "extra.bad");
    wish(&stack, "    a: no resource\n");
    hook.gets("failed", "the YAML");
    wish(&stack, &logs(&["a"]));
    hook.gets("recovered", "the YAML");
    hook.gets("recovered", "extra.bad");

    // Another one leads: what is held is still held, and nobody is told again.
    assert_eq!(running.stop().0, Some(0));
    let next = Running::start(&stack, &[]);
    next.metric_is("reeve_held_actions", 1.0);
    next.metric_is("reeve_passes_total{result=\"ok\"}", 1.0);
    let mut all = hook.notices();
    all.sort();
    let mut once = all.clone();
    once.dedup();
    assert_eq!(all, once);
    assert_eq!(next.metric("reeve_notices_total{kind=\"held\"}"), None);

    // The receiver is away for a while: it gets what it missed. The URL is nowhere in the log or the record.
    hook.refuses.store(true, Ordering::SeqCst);
    aws.delete_log_group().log_group_name(group(&stack, "a")).send().await.unwrap();
    next.signal("-HUP");
    next.says("the webhook took no notices");
    let away = "reeve_deliveries_total{channel=\"webhook\",result=\"failed\"}";
    assert!(next.metric(away).is_some_and(|times| times >= 1.0), "{:?}", next.metric(away));
    hook.refuses.store(false, Ordering::SeqCst);
    let times = |kind: &str| hook.notices().iter().filter(|one| **one == (kind.into(), "extra.a".into())).count();
    within(SOON, || (times("mended") == 2).then_some(())).expect("it gets what it missed");
    assert_eq!(times("drift"), 2);
    let (code, log) = next.stop();
    assert_eq!(code, Some(0));
    let ledger = std::fs::read_to_string(stack.path("record/notices.json")).unwrap();
    assert!(!log.join("\n").contains("T0KEN") && !ledger.contains("T0KEN"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_is_told_too() {
    let inbox = Receiver::start();
    let stack = stack("topics", "", &logs(&["a"])).await;
    let sns = stack.account().await.sns;
    let topic = sns.create_topic().name("topics-told").send().await.unwrap().topic_arn.unwrap();
    sns.subscribe().topic_arn(&topic).protocol("http").endpoint(&inbox.url).send().await.unwrap();
    let yaml =
        crate::support::yaml("topics", "local:record") + &format!("  reconcile: {{ every: 10s }}\n  notify: {{ topic: '{topic}' }}\n");
    stack.write("stack.yaml", &yaml);
    let running = Running::start(&stack, &[]);
    running.says("applied 1, 0 failed");
    wish(&stack, &logs(&["b"]));
    let body = within(SOON, || inbox.bodies().into_iter().find(|body| body.contains("held"))).expect("a message");
    let message: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(message["Subject"], "reeve topics: held");
    let text = message["Message"].as_str().unwrap();
    assert!(text.contains("waiting for a person: delete extra.a") && text.contains("reeve held DIR --out FILE"), "{text}");
    assert_eq!(running.stop().0, Some(0));
}
