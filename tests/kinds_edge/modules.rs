//! The modules `edge` and `backup`, with the least of the others that they refer to.

use std::fmt::Write as _;

use reeve::desired::{Desired, SourceFile, load_sources};
use serde_json::{Value, json};

const STACK: &str = r#"
apiVersion: reeve/v1
kind: Stack
metadata: { name: hostedehr }
spec:
  region: us-east-1
  domain: hostedehr.org
  distributions:
    refapp: { image: "openmrs/backend@sha256:5d3c1c8a6f0e3f2b9a7d4e8c1b0f6a5d4c3b2a19087f6e5d4c3b2a1908f7e6d5" }
"#;

const OTHERS: &str = r#"
apiVersion: reeve/v1
kind: Module
metadata: { name: vpc, doc: least }
spec:
  inputs: { zones: { type: list, items: { type: string }, default: [a, b], doc: zones } }
  resources:
    vpc: { kind: aws.vpc, spec: { cidr_block: 10.0.0.0/16 } }
    public:
      for_each: ${zones}
      kind: aws.subnet
      spec: { vpc: '${ref("vpc.vpc")}', availability_zone: '${stack.region}${each.key}', cidr_block: '${cidrsubnet("10.0.0.0/16", 4, "ab".indexOf(each.key))}' }
---
apiVersion: reeve/v1
kind: Module
metadata: { name: fleet, doc: least }
spec: { resources: { group: { kind: aws.security_group, spec: { vpc: '${ref("vpc.vpc")}' } } } }
---
apiVersion: reeve/v1
kind: Module
metadata: { name: files, doc: least }
spec: { resources: { key: { kind: aws.key, spec: {} }, file_system: { kind: aws.file_system, spec: { kms_key: '${ref("files.key")}' } } } }
---
apiVersion: reeve/v1
kind: Module
metadata: { name: database, doc: least }
spec: { resources: { server: { kind: aws.file_system, spec: { kms_key: '${ref("files.key")}' } } } }
---
apiVersion: reeve/v1
kind: Module
metadata: { name: tenant, doc: least }
spec: { resources: { key: { kind: aws.key, spec: {} } } }
---
apiVersion: reeve/v1
kind: Module
metadata: { name: observability, doc: least }
spec:
  inputs: { log_retention_days: { type: integer, default: 2192, doc: days } }
  resources: { key: { kind: aws.key, spec: {} } }
"#;

fn load(sections: &str) -> Result<Desired, String> {
    let file = |path: &str, text: String| SourceFile { path: path.to_owned(), text };
    let modules = ["edge", "backup"].map(|name| {
        let path = format!("{}/modules/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
        file(&format!("{name}.yaml"), std::fs::read_to_string(path).expect("the module"))
    });
    let mut files = vec![file("stack.yaml", format!("{STACK}{sections}")), file("others.yaml", OTHERS.to_owned())];
    files.extend(modules);
    load_sources(&files).map_err(|problems| {
        problems.iter().fold(String::new(), |mut all, one| {
            let _ = writeln!(all, "{one:?}");
            all
        })
    })
}

fn at(desired: &Desired, address: &str) -> Value {
    let found = desired.resources.values().find(|one| one.address.as_str() == address);
    found.unwrap_or_else(|| panic!("{address} is not there")).spec.clone()
}

#[test]
fn the_default_edge_is_what_the_controls_ask_for() {
    let desired = load("").unwrap_or_else(|problems| panic!("{problems}"));
    let alb = at(&desired, "edge.alb");
    assert_eq!(alb["subnets"], json!(["${ref(\"vpc.public/a\")}", "${ref(\"vpc.public/b\")}"]));
    assert_eq!((&alb["deletion_protection"], &alb["drop_invalid_header_fields"]), (&json!(true), &json!(true)));
    assert_eq!(alb["idle_timeout"], 300);
    let rules = at(&desired, "edge.web_acl")["rules"].clone();
    let names: Vec<&str> = rules.as_array().expect("rules").iter().filter_map(|rule| rule["name"].as_str()).collect();
    assert_eq!(names, ["rate", "known-bad-inputs", "sql", "ip-reputation", "common", "anonymous-ip"]);
    assert_eq!(rules[4]["managed_rule_group"]["rule_action_overrides"], json!({ "SizeRestrictions_BODY": "count" }));
    assert_eq!((&rules[4]["action"], &rules[5]["action"]), (&json!("block"), &json!("count")));
    assert_eq!(at(&desired, "edge.https")["ssl_policy"], "ELBSecurityPolicy-TLS13-1-2-FIPS-PQ-2025-09");
    assert_eq!(at(&desired, "edge.http")["default_action"]["type"], "redirect");
    assert_eq!(at(&desired, "edge.validation")["keep"], true);
    assert_eq!(at(&desired, "backup.vault")["min_retention_days"], 35);
    assert_eq!(at(&desired, "backup.selection")["resources"].as_array().map(Vec::len), Some(2));
}

#[test]
fn what_contradicts_itself_is_refused() {
    let both = load("  edge: { waf: { block: [common], count: [common] } }\n").expect_err("a group in both lists");
    assert!(both.contains("`waf.count` names a group that `waf.block` names too"), "{both}");
    let old = load("  edge: { tls_policy: ELBSecurityPolicy-2016-08 }\n").expect_err("an old policy");
    assert!(old.contains("TLS 1.3"), "{old}");
    let short = load("  backup: { monthly_days: 120, cold_after_days: 60 }\n").expect_err("too short for cold storage");
    assert!(short.contains("cold_after_days"), "{short}");
    let unlocked = load("  backup: { locked: false }\n").unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(at(&unlocked, "backup.vault").get("min_retention_days"), None);
}
