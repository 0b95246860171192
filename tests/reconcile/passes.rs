//! What a pass does by itself, what it holds, and what it leaves alone.

use std::time::Duration;

use crate::ground::{OFTEN, Running, SOON, group, groups, logs, record, stack, wish, within};

#[tokio::test(flavor = "multi_thread")]
async fn it_makes_what_is_missing_mends_drift_by_itself_and_ends_clean_on_sigterm() {
    let stack = stack("mends", OFTEN, &logs(&["a", "b"])).await;
    let running = Running::start(&stack, &[]);
    running.says("applied 2, 0 failed");
    running.metric_is("reeve_resources{action=\"no-op\"}", 2.0);
    assert_eq!((running.get("/healthz").0, running.get("/readyz")), (200, (200, "it leads\n".to_owned())));

    // Behind its back: one is changed, one is deleted.
    let aws = stack.account().await.logs;
    aws.put_retention_policy().log_group_name(group(&stack, "a")).retention_in_days(1).send().await.unwrap();
    aws.delete_log_group().log_group_name(group(&stack, "b")).send().await.unwrap();
    running.signal("-HUP");
    let mended = within(SOON, || (running.count("applied 2, 0 failed") == 2).then_some(()));
    assert!(mended.is_some(), "{:#?}", running.log());
    let all = groups(&stack).await;
    for name in ["a", "b"] {
        assert!(all.contains(&(name.to_owned(), Some(365))), "{all:?}");
    }

    // The same plan and run in the log and in the journal.
    let line: serde_json::Value = serde_json::from_str(&running.says("applied 2, 0 failed")).unwrap();
    assert!(line["plan"].as_str().unwrap().starts_with("sha256:"), "{line}");
    assert!(stack.path("record/journal").join(line["run"].as_str().unwrap()).is_dir(), "{line}");
    let (code, log) = running.stop();
    assert_eq!(code, Some(0), "{log:#?}");
    // Both leases are given back.
    for key in ["lease.json", "loop/reconcile.json"] {
        assert!(record(&stack, key).unwrap()["released"].is_object(), "{key}");
    }
    stack.ends(0, &["plan", stack.dir()]);
    stack.ends(0, &["journal", "verify", stack.dir()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_that_keeps_failing_rests_and_the_others_go_on() {
    // Log groups of such a name are refused by the engine, as AWS refuses others: for good.
    let bad = "    bad: { kind: aws.log_group, protect: false, spec: { log_group_name: /elsewhere/bad, retention_in_days: 365 } }\n";
    let both = &format!("{}{bad}", logs(&["good"]));
    let stack = stack("rests", OFTEN, both).await;
    let running = Running::start(&stack, &[]);
    running.says("applied 1, 1 failed");
    running.says("extra.bad is left alone for");
    running.metric_is("reeve_backing_off_resources", 1.0);
    // It is tried again, later and later, and what else is wished is made meanwhile.
    wish(&stack, &format!("{bad}{}", logs(&["good", "a"])));
    running.says("extra.a: Create done");
    let attempts = running.count("extra.bad: Create failed");
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(running.count("extra.bad: Create failed"), attempts, "{:#?}", running.log());
    within(SOON, || (running.count("extra.bad: Create failed") > attempts).then_some(())).expect("tried again");
    assert!(running.metric("reeve_passes_total{result=\"partial\"}").unwrap() >= 2.0);
    // Somebody mends the YAML: it is made at once.
    wish(&stack, &both.replace("/elsewhere/", "/reeve/rests/"));
    running.says("extra.bad: Create done");
    running.metric_is("reeve_backing_off_resources", 0.0);
    assert_eq!(running.stop().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_may_not_do_is_held_and_what_needs_that_waits() {
    let stack = stack("holds", OFTEN, &logs(&["a", "b"])).await;
    let running = Running::start(&stack, &[]);
    running.says("applied 2, 0 failed");
    wish(&stack, &logs(&["a", "c"]));
    running.says("extra.c: Create done");
    running.metric_is("reeve_held_actions", 1.0);
    let names: Vec<String> = groups(&stack).await.into_iter().map(|(name, _)| name).collect();
    assert!(names.contains(&"b".to_owned()), "{names:?}");
    // A person looks, and does it by the ordinary command.
    within(SOON, || record(&stack, "held.json")).expect("it is kept");
    let shown = stack.ends(2, &["held", stack.dir(), "--out", "plans/held.json"]);
    assert!(shown.out.contains("extra.b") && shown.err.contains("delete extra.b"), "{shown:?}");
    stack.ends(0, &["apply", "plans/held.json", "--auto-approve"]);
    running.metric_is("reeve_held_actions", 0.0);
    within(SOON, || record(&stack, "held.json").filter(|note| note["digest"] == "")).expect("nothing waits");
    stack.ends(0, &["held", stack.dir()]);
    assert!(groups(&stack).await.iter().all(|(name, _)| name != "b"));
    assert_eq!(running.stop().0, Some(0));
}

/// What only a person can end is told by its name: a quiet log would be taken for a whole estate.
#[tokio::test(flavor = "multi_thread")]
async fn what_it_refuses_is_told_once_and_is_no_success() {
    let one = "    a: { kind: aws.log_group, protect: true, spec: { log_group_name: '/reeve/${stack.name}/a', retention_in_days: 365 } }\n";
    let stack = stack("refuses", OFTEN, one).await;
    let running = Running::start(&stack, &[]);
    running.says("applied 1, 0 failed");
    running.metric_is("reeve_passes_total{result=\"ok\"}", 2.0);
    wish(&stack, &logs(&["b"]));
    running.says("extra.b: Create done");
    let told = running.says("\"subject\":\"extra.a\"");
    assert!(told.contains("WARN") && told.contains("refused: ") && told.contains("--allow-delete extra.a"), "{told}");
    running.metric_is("reeve_refused_resources", 1.0);
    let ok = running.metric("reeve_passes_total{result=\"ok\"}");
    let passes = || running.metric("reeve_passes_total{result=\"partial\"}");
    let before = passes();
    within(SOON, || (passes() > before).then_some(())).expect("another pass");
    assert_eq!(
        (running.metric("reeve_passes_total{result=\"ok\"}"), running.count("\"notice\":\"failed\"")),
        (ok, 1),
        "{:#?}",
        running.log()
    );
    wish(&stack, &(one.to_owned() + &logs(&["b"])));
    running.says("it is well again");
    running.metric_is("reeve_refused_resources", 0.0);
    assert_eq!(running.stop().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_yaml_is_said_and_nothing_is_applied_until_it_is_right() {
    let stack = stack("wrong", OFTEN, &logs(&["a"])).await;
    let running = Running::start(&stack, &[]);
    running.metric_is("reeve_resources{action=\"no-op\"}", 1.0);
    wish(&stack, "    a: { kind: aws.no_such_kind, spec: {} }\n");
    running.says("the YAML is wrong, nothing is applied until it is right");
    assert!(running.says("the YAML is wrong").contains("no_such_kind"));
    assert_eq!(running.get("/readyz").0, 503);
    assert_eq!(running.get("/healthz").0, 200);
    stack.account().await.logs.delete_log_group().log_group_name(group(&stack, "a")).send().await.unwrap();
    running.signal("-HUP");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(groups(&stack).await.iter().all(|(name, _)| name != "a"));
    wish(&stack, &logs(&["a", "b"]));
    running.says("applied 2, 0 failed");
    within(SOON, || (running.get("/readyz").0 == 200).then_some(())).expect("ready again");
    assert_eq!(running.stop().0, Some(0));
}

/// It serves on and says so; whoever looks is not left to think that all is applied.
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_a_policy_refuses_is_no_plain_readiness() {
    let stack = stack("forbidden", OFTEN, &logs(&["a"])).await;
    stack.write(
        "policy.yaml",
        "apiVersion: reeve/v1\nkind: Policy\nmetadata: { name: no-b }\nspec: { rule: 'address != \"extra.b\"', message: b is nothing for us }\n",
    );
    let running = Running::start(&stack, &[]);
    running.says("applied 1, 0 failed");
    wish(&stack, &logs(&["a", "b", "c"]));
    running.says("a policy of the stack refuses the plan, nothing of it is applied");
    let ready = within(SOON, || Some(running.get("/readyz")).filter(|(_, words)| words.contains("it leads, but"))).expect("it is said");
    assert!(
        ready.0 == 200 && ready.1.contains("a policy of the stack refuses the plan") && ready.1.contains("b is nothing for us"),
        "{ready:?}"
    );
    assert!(groups(&stack).await.iter().all(|(name, _)| name == "a"), "it is refused whole");
    std::fs::remove_file(stack.path("policy.yaml")).unwrap();
    running.says("extra.c: Create done");
    within(SOON, || (running.get("/readyz").1 == "it leads\n").then_some(())).expect("ready again");
    assert_eq!(running.stop().0, Some(0));
}
