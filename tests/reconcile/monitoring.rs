//! The alert rules and the dashboard of `docs/monitoring`: what they say, said of what the program really tells.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::ground::{OFTEN, Running, logs, stack};

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/monitoring").join(name)
}

fn promtool(args: &[&str], input: Option<&str>) -> String {
    let mut command = Command::new("promtool");
    command.args(args).current_dir(file(""));
    let out = match input {
        None => command.output().expect("promtool (make setup)"),
        Some(text) => {
            let input = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(input.path(), text).unwrap();
            command.stdin(std::fs::File::open(input.path()).unwrap()).output().expect("promtool (make setup)")
        }
    };
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "promtool {args:?}: {said}");
    said
}

#[test]
fn the_rules_are_right_and_fire_when_they_should() {
    assert!(promtool(&["check", "rules", "reeve.rules.yaml"], None).contains("rules found"));
    promtool(&["test", "rules", "reeve.rules.test.yaml"], None);
}

/// The names of our metrics in a text.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours = words.filter(|word| (word.starts_with("reeve_") || word.starts_with("process_")) && word.len() > "process_".len());
    ours.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_that_they_name_is_told_and_named_as_prometheus_asks_for() {
    let stack = stack("metrics", OFTEN, &logs(&["a"])).await;
    let running = Running::start(&stack, &[]);
    // One of each: something is done, something is held and told.
    running.says("applied 1, 0 failed");
    crate::ground::wish(&stack, &logs(&["b"]));
    running.metric_is("reeve_held_actions", 1.0);
    running.metric_is("reeve_notices_total{kind=\"held\"}", 1.0);
    let text = running.get("/metrics").1;
    let told = names(&text);
    let rules = std::fs::read_to_string(file("reeve.rules.yaml")).unwrap();
    let expressions: String = rules.lines().filter(|line| line.trim_start().starts_with("expr:")).collect();
    let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(file("dashboard.json")).unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let drawn: String = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().unwrap())
        .map(|one| one["expr"].as_str().unwrap())
        .collect::<Vec<_>>()
        .join(" ");
    for (what, named) in [("the rules", names(&expressions)), ("the dashboard", names(&drawn))] {
        assert!(named.len() > 3, "{what}: {named:?}");
        let unknown: Vec<_> = named.difference(&told).collect();
        assert!(unknown.is_empty(), "{what} name {unknown:?}, which is not told:\n{text}");
    }
    // What Prometheus' own linter says of the names.
    promtool(&["check", "metrics"], Some(&text));
    assert_eq!(running.stop().0, Some(0));
}
