//! Data on stdout, talk on stderr; machine forms; colour.

use reeve::record::{canonical, plan_digest};
use serde_json::Value;

use std::process::Stdio;

use crate::support::{Ran, Stack};

#[tokio::test]
async fn json_is_canonical_and_the_same_document_as_the_file() {
    let stack = Stack::new("forms").await;
    let ran = stack.ends(2, &["plan", stack.dir(), "--format", "json", "--out", "plans/p.json", "--stats"]);
    let file = std::fs::read_to_string(stack.path("plans/p.json")).unwrap();
    assert_eq!(ran.out, file);
    let plan: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(ran.out.trim_end().as_bytes(), canonical(&plan).unwrap());
    assert_eq!(plan["digest"], plan_digest(&plan).unwrap());
    let stats = ran.stats();
    for (document, keys) in [
        (&plan, "format_version stack digest made complete actions waiting refusals unreadable"),
        (&plan["made"], "by at commit"),
        (&plan["actions"][0], "address kind action cause reason edits"),
        (&plan["actions"][0]["edits"][0], "field from to replace cause"),
        (&stats, "format_version wall_ms calls retries throttles actions peak_memory_bytes"),
    ] {
        for key in keys.split(' ') {
            assert!(document.get(key).is_some(), "no {key} in {document}");
        }
    }
    assert_eq!((&plan["format_version"], &plan["stack"], &plan["complete"]), (&1.into(), &"forms".into(), &true.into()));

    // Two plans of one world do the same, whenever they were made.
    let again: Value = serde_json::from_str(&stack.ends(2, &["plan", stack.dir(), "--format", "json"]).out).unwrap();
    assert_eq!(again["digest"], plan["digest"]);
    let shown = stack.ends(0, &["show", "plans/p.json", "--format", "json"]);
    assert_eq!(shown.out, file);
}

#[tokio::test]
async fn a_stdout_that_takes_nothing_is_an_error_and_a_closed_pipe_is_none() {
    let stack = Stack::new("full").await;
    let dir = stack.dir();
    stack.ends(2, &["plan", dir, "--target", "vpc.vpc", "--out", "plans/p.json"]);
    for line in [
        vec!["plan", dir, "--target", "vpc.vpc"],
        vec!["drift", dir],
        vec!["show", "plans/p.json"],
        vec!["schema"],
        vec!["graph", dir],
        vec!["why", dir, "vpc.vpc"],
        vec!["journal", "list", dir],
        vec!["completions", "bash"],
        vec!["man"],
        vec!["help"],
        vec!["plan", "--help"],
        vec!["--version"],
        vec!["apply", dir, "--target", "vpc.vpc", "--auto-approve", "--format", "json"],
    ] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let ran = Ran::of(stack.command(&line).stdout(full).output().unwrap(), &line);
        assert_eq!(ran.code, Some(1), "{line:?}: {}", ran.err);
        ran.says(&["error: cannot write to standard output: No space left on device"]);
    }
    // The apply had touched nothing. Now its reader goes away, and so does who hears it talk: it is done all the same.
    assert!(!stack.path("record/journal").exists());
    let apply = ["apply", dir, "--target", "vpc.vpc", "--auto-approve", "--format", "json"];
    let mut child = stack.command(&apply).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    stack.ends(0, &["plan", dir, "--target", "vpc.vpc"]);
}

#[tokio::test]
async fn stats_are_the_last_line_also_of_a_failure() {
    let mut stack = Stack::new("failing").await;
    stack.endpoint = "http://127.0.0.1:9".into();
    let ran = stack.ends(1, &["plan", stack.dir(), "--format", "json", "--stats"]);
    assert_eq!(ran.stats()["format_version"], 1);
    assert_eq!(ran.out, "");
    stack.write("stack.yaml", "kind: [");
    assert_eq!(stack.ends(1, &["plan", stack.dir(), "--stats"]).stats()["calls"], serde_json::json!({}));
}

#[tokio::test]
async fn colour_only_when_it_is_wanted() {
    let stack = Stack::new("colour").await;
    let colourful = |args: &[&str]| stack.run(args).out.contains('\u{1b}');
    assert!(!colourful(&["plan", stack.dir(), "--target", "vpc.vpc"]));
    assert!(!colourful(&["plan", stack.dir(), "--target", "vpc.vpc", "--color", "never"]));
    assert!(colourful(&["--color", "always", "plan", stack.dir(), "--target", "vpc.vpc"]));
}

#[tokio::test]
async fn an_apply_speaks_in_plain_lines_and_puts_another_format_on_stdout() {
    let stack = Stack::new("plain").await;
    let ran = stack.ends(0, &["apply", stack.dir(), "--target", "vpc.private/a", "--auto-approve", "--format", "json"]);
    let plan: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(plan["actions"].as_array().unwrap().len(), 2);
    assert!(!ran.err.contains(['\u{1b}', '\r']), "{}", ran.err);
    let lines: Vec<&str> = ran.err.lines().filter(|line| line.starts_with('✓')).collect();
    assert_eq!(lines.len(), 2, "one line for each: {}", ran.err);
    assert!(lines[0].contains("vpc.vpc: created vpc-") && lines[1].contains("vpc.private/a: created subnet-"), "{}", ran.err);
}

#[tokio::test]
async fn drift_shows_drift_and_counts_the_rest() {
    let stack = Stack::new("drifted").await;
    stack.ends(0, &["apply", stack.dir(), "--target", "vpc.private", "--auto-approve"]);
    let plan: Value = serde_json::from_str(&stack.run(&["plan", stack.dir(), "--format", "json"]).out).unwrap();
    let subnet = plan["seen"]["vpc.private/a"]["id"].as_str().unwrap();
    stack.account().await.ec2.delete_subnet().subnet_id(subnet).send().await.unwrap();

    let scope = ["--target", "vpc.private"];
    let ran = stack.ends(2, &[&["drift", stack.dir()][..], &scope].concat());
    assert!(ran.out.contains("vpc.private/a") && ran.out.contains("vanished"), "{}", ran.out);
    assert!(ran.out.contains("1 resource has drifted; 3 resources are as they should be.\n"), "{}", ran.out);
    assert!(!ran.out.contains("vpc.private/b"), "{}", ran.out);
    let json: Value = serde_json::from_str(&stack.run(&["drift", stack.dir(), "--format", "json", scope[0], scope[1]]).out).unwrap();
    assert_eq!(json["actions"].as_array().unwrap().len(), 1);
    assert_eq!(json["digest"], plan_digest(&json).unwrap());

    // What is merely new in the YAML is no drift.
    let whole = stack.ends(2, &["drift", stack.dir()]);
    assert!(
        whole.out.contains("1 resource has drifted") && whole.out.contains(&format!("(see `reeve plan {}`)", stack.dir())),
        "{}",
        whole.out
    );
    stack.ends(0, &["apply", stack.dir(), "--target", "vpc.private", "--auto-approve"]);
    assert!(stack.ends(0, &["drift", stack.dir(), scope[0], scope[1]]).out.contains("No drift"));
}

#[tokio::test]
async fn what_is_protected_and_has_vanished_is_refused_by_drift_and_apply() {
    let stack = Stack::new("vanished").await;
    let scope = [stack.dir(), "--target", "edge.logs"];
    let run = |code: i32, command: &str, more: &[&str]| stack.ends(code, &[&[command][..], &scope, more].concat());
    run(0, "apply", &["--auto-approve"]);
    let plan: Value = serde_json::from_str(&run(0, "plan", &["--format", "json"]).out).unwrap();
    let s3 = &stack.account().await.s3;
    s3.delete_bucket().bucket(plan["seen"]["edge.logs"]["id"].as_str().unwrap()).send().await.unwrap();

    let told = "edge.logs: it was there, holds what cannot be made again, and has vanished: a new one would be empty";
    for (command, more) in [("drift", &[][..]), ("plan", &[]), ("apply", &["--auto-approve"])] {
        let ran = run(5, command, more);
        assert!(format!("{}{}", ran.out, ran.err).contains(told), "{command}: {} {}", ran.out, ran.err);
    }
    let drift = run(5, "drift", &[]);
    assert!(drift.out.contains("Besides what is refused, no drift") && drift.out.contains("reeve runbook vanished"), "{}", drift.out);
    assert!(s3.list_buckets().send().await.unwrap().buckets().iter().all(|one| !one.name().unwrap().contains("edge-logs")));
    run(0, "apply", &["--allow-delete", "edge.logs", "--auto-approve"]);
    run(0, "drift", &[]);
}
