//! Several instances, pipelines beside them, and how they end.

use std::time::Duration;

use reeve::record::{LocalFolder, Owner, Record, Store};

use crate::ground::{OFTEN, Running, SOON, group, groups, logs, record, stack, wish, within};

/// Longer than a lease of a killed process lasts.
const TAKEN_OVER: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread")]
async fn of_two_one_leads_and_the_other_takes_over_also_after_a_kill() {
    let stack = stack("leads", OFTEN, &logs(&["a"])).await;
    let first = Running::start(&stack, &[]);
    first.says("this instance leads");
    let mut second = Running::start(&stack, &[]);
    second.says("standing by: ");
    first.says("a: Create done");
    assert_eq!((first.metric("reeve_leader"), second.metric("reeve_leader")), (Some(1.0), Some(0.0)));
    assert_eq!(second.get("/readyz"), (200, "it stands by\n".to_owned()));

    // Given back: the next one has it within seconds.
    assert_eq!(first.stop().0, Some(0));
    second.says("this instance leads");
    wish(&stack, &logs(&["a", "b"]));
    second.says("b: Create done");

    // Killed: nothing is given back, and the lease has to end.
    let third = Running::start(&stack, &[]);
    third.says("standing by: ");
    second.signal("-KILL");
    second.ends();
    stack.account().await.logs.delete_log_group().log_group_name(group(&stack, "a")).send().await.unwrap();
    third.says_within("this instance leads", TAKEN_OVER);
    third.says("a: Create done");
    assert_eq!(second.count("standing by"), 1);
    assert_eq!(third.stop().0, Some(0));
    stack.ends(0, &["journal", "verify", stack.dir()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_that_holds_the_lock_has_its_turn() {
    let stack = stack("turns", OFTEN, &logs(&["a"])).await;
    let pipeline = Record::new(Store::Local(LocalFolder::new(stack.path("record"))));
    let lease = pipeline.acquire(&Owner { who: "ci".into(), command: "apply".into() }).await.unwrap();
    let running = Running::start(&stack, &[]);
    running.says("put off: ci on ");
    running.metric_is("reeve_passes_total{result=\"put_off\"}", 2.0);
    assert_eq!((running.count("put off: "), groups(&stack).await.len()), (1, 0));
    lease.release().await.unwrap();
    running.says("applied 1, 0 failed");
    // Between its passes nobody is kept waiting.
    stack.ends(0, &["apply", stack.dir(), "--auto-approve"]);
    assert_eq!(running.stop().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_in_the_middle_of_an_apply_finishes_what_runs_and_begins_nothing_more() {
    let names: Vec<String> = (0..150).map(|n| format!("g{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let stack = stack("ends", OFTEN, &logs(&names)).await;
    let running = Running::start(&stack, &["--parallelism", "1"]);
    running.says("Create done");
    let (code, log) = running.stop();
    assert_eq!(code, Some(0), "{log:#?}");
    let line = |words: &str| log.iter().find(|line| line.contains(words)).unwrap_or_else(|| panic!("no `{words}`: {log:#?}"));
    assert!(line("applied ").contains("were not begun"), "{log:#?}");
    line("asked to stop");
    let made = groups(&stack).await.len();
    assert!(made > 0 && made < names.len(), "{made}");
    for key in ["lease.json", "loop/reconcile.json"] {
        assert!(record(&stack, key).unwrap()["released"].is_object(), "{key}");
    }
    stack.ends(0, &["journal", "verify", stack.dir()]);
    // The next instance goes on where that one left.
    let next = Running::start(&stack, &[]);
    within(SOON * 2, || (next.metric("reeve_resources{action=\"no-op\"}") == Some(150.0)).then_some(())).expect("all of them");
    assert_eq!(next.stop().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aws_that_does_not_answer_is_left_alone_longer_and_longer() {
    let mut stack = stack("silent", OFTEN, &logs(&["a"])).await;
    let there = std::mem::replace(&mut stack.endpoint, "http://127.0.0.1:9".into());
    let running = Running::start(&stack, &[]);
    running.says("connecting failed, tried again in ");
    tokio::time::sleep(Duration::from_secs(12)).await;
    let tried = running.count("connecting failed");
    assert!((1..=4).contains(&tried), "{:#?}", running.log());
    assert_eq!((running.get("/readyz").0, running.get("/healthz").0), (503, 200));
    assert!(running.get("/readyz").1.contains("connecting failed: sts.GetCallerIdentity"), "{}", running.get("/readyz").1);
    assert_eq!(running.stop().0, Some(0));
    stack.endpoint = there;
}
