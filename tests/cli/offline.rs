//! What works without a network: here no endpoint, no credentials, no region is given.

use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use reeve::model::Address;
use reeve::model::report::{Do, Event, Failure, Report, Skipped};
use reeve::record::{seal_plan, write_plan};
use reeve::session::read_saved;
use reeve::view::plan::{Detail, human};
use reeve::view::progress::Progress;
use reeve::view::words::{Words, drift};
use reeve::view::{Style, failure, markdown::markdown, report};
use serde_json::{Value, json};

use crate::golden::many;
use crate::support::{Ran, bare, example};

fn offline(code: i32, args: &[&str]) -> Ran {
    // A proxy that leads nowhere, should anything try.
    let output = bare(args).env("HTTPS_PROXY", "http://127.0.0.1:9").env("HTTP_PROXY", "http://127.0.0.1:9").output().unwrap();
    let ran = Ran::of(output, args);
    assert_eq!(ran.code, Some(code), "reeve {}\n{}", args.join(" "), ran.err);
    ran
}

fn save(folder: &Path, name: &str, plan: &impl serde::Serialize) -> String {
    let path = folder.join(name);
    write_plan(&path, &seal_plan(serde_json::to_value(plan).unwrap()).unwrap()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn validate_graph_and_schema() {
    let example = example();
    let dir = example.to_str().unwrap();
    assert!(offline(0, &["validate", dir]).err.contains("hostedehr is valid: 129 resources"));
    let dot = offline(0, &["graph", dir]).out;
    assert!(dot.starts_with("digraph \"hostedehr\"") && dot.contains("\"vpc.private/a\" -> \"vpc.vpc\";"));
    assert!(offline(0, &["graph", dir, "--format", "mermaid"]).out.starts_with("flowchart LR\n"));

    let files: Value = serde_json::from_str(&offline(0, &["schema"]).out).unwrap();
    assert!(files["$schema"].as_str().unwrap().contains("2020-12"));
    let vpc: Value = serde_json::from_str(&offline(0, &["schema", "aws.vpc"]).out).unwrap();
    assert_eq!(vpc["properties"]["cidr_block"]["type"], "string");
    assert!(vpc["x-attributes"].as_array().unwrap().contains(&json!("id")));
    assert!(offline(64, &["schema", "aws.vcp"]).err.contains("did you mean `aws.vpc`?"));
}

#[test]
fn runbooks_and_modules_need_no_folder() {
    let texts = |what: &str, folder: &str, ending: &str| {
        let list = offline(0, &[what]).out;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for line in list.lines() {
            let (name, title) = line.split_once("  ").unwrap();
            assert!(!title.trim().is_empty(), "{list}");
            let file = std::fs::read_to_string(folder.join(format!("{name}.{ending}"))).unwrap();
            assert_eq!(offline(0, &[what, name]).out.trim_end(), file.trim_end());
        }
        list.lines().count()
    };
    assert!(texts("runbook", "runbooks", "md") >= 13 && texts("module", "modules", "yaml") == 9);
    assert!(offline(0, &["runbook", "runbooks/stale-plan.md"]).out.starts_with("# "));
    assert!(offline(64, &["runbook", "stale"]).err.contains("did you mean `stale-plan`?"));
    assert!(offline(64, &["module", "vcp"]).err.contains("did you mean `vpc`?"));

    // A copy of a module beside a stack is taken in its place.
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(example().join("stack.yaml"), dir.path().join("stack.yaml")).unwrap();
    std::fs::write(dir.path().join("vpc.yaml"), offline(0, &["module", "vpc"]).out.replace("aws.flow_log\n", "aws.flow_lgo\n")).unwrap();
    assert!(offline(1, &["validate", dir.path().to_str().unwrap()]).err.contains("did you mean `aws.flow_log`?"));
}

#[test]
fn every_property_of_every_schema_says_what_it_is() {
    let mut silent = Vec::new();
    let mut number = properties("", &serde_json::from_str(&offline(0, &["schema"]).out).unwrap(), &mut silent);
    for row in reeve::kinds::rows() {
        let schema: Value = serde_json::from_str(&offline(0, &["schema", row.name]).out).unwrap();
        assert!(schema["description"].as_str().is_some_and(|text| !text.is_empty()), "{}", row.name);
        number += properties(row.name, &schema, &mut silent);
    }
    assert!(silent.is_empty(), "no description:\n{}", silent.join("\n"));
    assert!(number > 500, "only {number} properties were found");
}

#[test]
fn why_explains_the_yaml_without_aws() {
    let example = example();
    let dir = example.to_str().unwrap();
    let ran = offline(0, &["why", dir, "database.server"]);
    for words in [
        "aws.db_instance",
        "<reeve module database>:",
        "database.subnets  (db_subnet_group)",
        "live         not read: sts.GetCallerIdentity",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    assert!(!ran.out.contains("live         no\n"), "{}", ran.out);
    let tenant = offline(0, &["why", dir, "tenant/ckwc.secret"]).out;
    assert!(
        tenant.contains("asked for at ") && tenant.contains("/tenants/clinics.yaml:3:19") && tenant.contains("<reeve module tenant>:"),
        "{tenant}"
    );
    assert!(offline(1, &["why", dir, "database.sever"]).err.contains("GetCallerIdentity"));
}

#[test]
fn the_man_page_has_every_command_with_its_flags() {
    let page = offline(0, &["man"]).out;
    for words in [".SS reeve plan", ".SS reeve apply", ".SS reeve journal verify", ".SS reeve sandbox"] {
        assert!(page.contains(words), "{words}");
    }
    let plan = page.split(".SS reeve plan\n").nth(1).unwrap().split(".SS ").next().unwrap().replace('\\', "");
    for flag in ["--out", "--target", "--exclude", "--allow-delete", "--format", "--stats", "DIR"] {
        assert!(plan.contains(flag), "{flag}: {plan}");
    }
}

/// Walks a schema: counts its properties and names those without a description.
fn properties(path: &str, schema: &Value, silent: &mut Vec<String>) -> usize {
    let mut number = 0;
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        number += 1;
        if field["description"].as_str().is_none_or(|text| text.trim().is_empty()) {
            silent.push(format!("{path}/{name}"));
        }
    }
    // What stands in these are values, not schemas.
    let inside =
        schema.as_object().into_iter().flatten().filter(|(key, _)| !["default", "const", "enum", "examples"].contains(&key.as_str()));
    number += inside.map(|(key, part)| properties(&format!("{path}/{key}"), part, silent)).sum::<usize>();
    number
        + schema
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
            .map(|(at, part)| properties(&format!("{path}/{at}"), part, silent))
            .sum::<usize>()
}

#[test]
fn show_and_diff() {
    let folder = tempfile::tempdir().unwrap();
    let plan = many().plan();
    let first = save(folder.path(), "a.json", &plan);
    assert_eq!(offline(0, &["show", &first]).out, human(&plan, Style::default(), &Words::plan(&plan), Detail::Telling));
    assert!(offline(0, &["show", &first, "--format", "markdown"]).out.contains("#### `vpc`"));
    assert!(offline(0, &["diff", &first, &first]).err.contains("do the same"));

    let mut world = many();
    world.spec("files.file_system")["throughput_mode"] = json!("bursting");
    let second = save(folder.path(), "b.json", &world.plan());
    let diff = offline(2, &["diff", &first, &second]).out;
    assert!(diff.contains("\n+      throughput_mode:"), "{diff}");
}

/// Any value inside `plan` that `path` leads to.
fn at<'a>(plan: &'a mut Value, path: &[prop::sample::Index]) -> &'a mut Value {
    let mut here = plan;
    for step in path {
        let size = match here {
            Value::Object(fields) => fields.len(),
            Value::Array(items) => items.len(),
            _ => 0,
        };
        if size == 0 {
            break;
        }
        here = match here {
            Value::Object(fields) => fields.values_mut().nth(step.index(size)).unwrap(),
            Value::Array(items) => &mut items[step.index(size)],
            _ => unreachable!(),
        };
    }
    here
}

fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof!["[ -~]{0,20}", "\\PC{0,20}", Just("\u{1b}[2J\u{202e}".to_owned()), Just("${ref(\"a.b\").c".to_owned())];
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!([{ "a": [1, "${ref(\"vpc.vpc\")}"] }])),
    ]
}

#[test]
fn what_aws_answers_moves_no_cursor() {
    let strange = || "no\u{1b}[2J\r\u{202e}".to_owned();
    let (address, what) = (Address::parse("vpc.vpc").unwrap(), Do::Create);
    let mut progress = Progress::new(Style::default(), true);
    let mut heard = Vec::new();
    for event in [Event::Started { address: address.clone(), what }, Event::Waiting { address: address.clone(), what, state: strange() }] {
        heard.extend(progress.event(&event, Duration::ZERO));
    }
    heard.push(progress.status(Duration::from_secs(1), 200));
    for event in [
        Event::Done { address: address.clone(), what, id: strange() },
        Event::Failed { address: address.clone(), what, error: strange() },
        Event::Stopping { reason: strange(), in_flight: Vec::new() },
    ] {
        heard.extend(progress.event(&event, Duration::from_secs(1)));
    }
    let report = Report {
        failed: vec![Failure { address: address.clone(), what, class: "denied".into(), error: strange(), namesake: None }],
        skipped: vec![Skipped { address: Address::parse("vpc.other").unwrap(), what, because: strange() }],
        ..Report::default()
    };
    heard.push(report::human(&many().plan(), &report, Style::default(), Duration::ZERO, "reeve apply DIR"));
    heard.push(failure::human(&format!("two\n{}", strange()), None, Style::default()));
    assert_eq!(heard.len(), 6, "{heard:#?}");
    for text in heard {
        assert!(text.contains("no") && !text.contains(['\u{1b}', '\u{202e}', '\r']), "{text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    // Sealed again after the change, so that more than the digest is tried.
    #[test]
    fn a_strange_plan_is_refused_or_shown_and_never_panics(
        changes in prop::collection::vec((prop::collection::vec(any::<prop::sample::Index>(), 1..7), value()), 1..4),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut plan = serde_json::to_value(many().plan()).unwrap();
        for (path, value) in changes {
            *at(&mut plan, &path) = value;
        }
        let path = folder.path().join("p.json");
        if plan.is_object() && seal_plan(plan.clone()).is_ok_and(|sealed| write_plan(&path, &sealed).is_ok())
            && let Ok(plan) = read_saved(&path)
        {
            for detail in [Detail::Telling, Detail::All] {
                let text = human(&plan, Style::default(), &Words::plan(&plan), detail);
                prop_assert!(!text.contains(['\u{1b}', '\u{202e}', '\r']), "{text}");
            }
            let _ = markdown(&plan, &Words::plan(&plan));
            let (plan, words) = drift(plan);
            let _ = human(&plan, Style { color: true }, &words, Detail::All);
        }
    }

    #[test]
    fn a_file_that_is_no_plan_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.json");
        std::fs::write(&path, bytes).unwrap();
        prop_assert!(read_saved(&path).is_err());
    }
}
