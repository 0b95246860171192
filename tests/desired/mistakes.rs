//! Every mistake that people make, and the words for it: a golden text, so that a change of wording is seen in review.

use crate::support::{file, problems, stack_with};
use reeve::desired::SourceFile;

/// A tenant of the smallest stack.
fn tenant(name: &str, rest: &str) -> String {
    format!(
        "apiVersion: reeve/v1\nkind: Tenant\nmetadata: {{ name: {name} }}\nspec:\n  distribution: refapp\n  country: US\n  admin_email: a@b.example\n{rest}"
    )
}

/// A stack that may hold data of the US, with lines in its `spec`.
fn stack(lines: &str) -> SourceFile {
    stack_with(&format!("  residency: {{ allow: [US, HT] }}\n{lines}"))
}

fn one(text: &str) -> Vec<SourceFile> {
    vec![stack(""), file("t.yaml", text)]
}

/// A module of one resource.
fn module(spec: &str) -> Vec<SourceFile> {
    vec![stack(""), file("m.yaml", &format!("apiVersion: reeve/v1\nkind: Module\nmetadata: {{ name: extra }}\nspec:\n{spec}"))]
}

fn mistakes() -> Vec<(&'static str, Vec<SourceFile>)> {
    let digest = "0123456789abcdef".repeat(4);
    vec![
        ("an unknown field of a section", vec![stack("  database: { multi_a: true }\n")]),
        ("an unknown field of the stack", vec![stack("  resindency: {}\n")]),
        ("an unknown field far from any", vec![stack("  database: { colour: red }\n")]),
        (
            "several at once",
            vec![stack(
                "  database:\n    multi_a: true\n    engine: postgres\n    storage_gib: many\n    backup_days: 90\n  vpc: { zones: [a] }\n",
            )],
        ),
        ("a number where text is meant", vec![stack("  database: { engine_version: 10.10 }\n")]),
        ("text where a number is meant", vec![stack("  database: { storage_gib: \"100\" }\n")]),
        ("one where a list is meant", vec![stack("  vpc: { zones: a }\n")]),
        ("no, on and octal numbers", vec![stack("  database: { multi_az: no, storage_gib: 0o144, backup_days: 035 }\n")]),
        ("the country of Norway", one(&tenant("a", "").replace("US", "NO"))),
        (
            "a fleet that is never quiet",
            vec![stack(
                "  scaling:\n    spare: 1.5\n    quiet: 1m\n    linger: 9d\n    join: 1m\n    worker_down: 30s\n    manager_down: 2 days\n    lingers: 1h\n",
            )],
        ),
        ("a unit that is none", vec![stack("  idle: { after: 2 weeks, wake_timeout: 900 }\n")]),
        ("a size that is none", one(&tenant("a", "  memory: { reserve: 1GB, limit: 2048 }\n"))),
        ("a limit below the reserve", one(&tenant("a", "  memory: { reserve: 3GiB }\n"))),
        ("a range with host bits", vec![stack("  vpc: { cidr: 10.20.0.1/16 }\n")]),
        ("a range that is none", vec![stack("  vpc: { cidr: 10.20/16 }\n")]),
        ("a zone that the region lacks", vec![stack("  vpc: { zones: [a, z] }\n")]),
        ("a zone twice", vec![stack("  vpc: { zones: [a, a] }\n")]),
        ("a region that does not exist", vec![file("s.yaml", &crate::support::SMALLEST.replace("us-east-1", "us-eats-1"))]),
        ("an instance type of another family", vec![stack("  fleet: { instance_type: t3.large }\n")]),
        ("a way in that is none", vec![stack("  access: { docker: \"tcp://10.0.0.1:2375\", mysql: db.example }\n")]),
        ("a way in that would be an option", vec![stack("  access: { docker: \"ssh://-oProxyCommand=x\" }\n")]),
        ("swap on EBS", vec![stack("  fleet: { swap: ebs }\n")]),
        ("a check over two inputs", vec![stack("  database: { storage_gib: 200, max_storage_gib: 100 }\n")]),
        ("an account that is none", vec![stack("  account: 123456789012\n")]),
        ("a name that is no label", one(&tenant("Clinic_One", ""))),
        ("a name that is a number", one(&tenant("12", ""))),
        ("a reserved name", one(&tenant("www", ""))),
        ("two tenants of one name", one(&format!("{}---\n{}", tenant("a", ""), tenant("a", "")))),
        ("a country that the stack may not hold", one(&tenant("a", "").replace("US", "DE"))),
        ("a stack that names no country", vec![stack_with(""), file("t.yaml", &tenant("a", ""))]),
        ("a distribution that does not exist", one(&tenant("a", "").replace("refapp", "refap"))),
        ("a state that does not exist", one(&tenant("a", "  state: achived\n"))),
        ("a tenant without country", one(&tenant("a", "").replace("  country: US\n", ""))),
        ("an image without digest", vec![file("s.yaml", &crate::support::SMALLEST.replace(&format!("@sha256:{digest}"), ":3.0"))]),
        ("an image with half a digest", vec![file("s.yaml", &crate::support::SMALLEST.replace(&digest, "0123"))]),
        ("a distribution that runs as root", vec![file("s.yaml", &format!("{}      user: \"0:0\"\n", crate::support::SMALLEST))]),
        ("a stack without its fields", vec![file("s.yaml", "apiVersion: reeve/v1\nkind: Stack\nmetadata: {}\nspec: {}\n")]),
        ("no stack", vec![file("s.yaml", "")]),
        ("two stacks", vec![stack(""), file("s2.yaml", crate::support::SMALLEST)]),
        ("a kind of document that does not exist", one("apiVersion: reeve/v1\nkind: Tennant\nmetadata: { name: a }\n")),
        ("a document without kind", one("metadata: { name: a }\n")),
        ("an expression in a stack", vec![stack("  database: { class: \"${x}\" }\n")]),
        ("a verb both in auto and in hold", vec![stack("  reconcile: { auto: [create], hold: [create] }\n")]),
        (
            "a policy that is no CEL",
            one("apiVersion: reeve/v1\nkind: Policy\nmetadata: { name: p }\nspec: { rule: 'a ==', message: no }\n"),
        ),
        ("YAML that is none", one("kind: Tenant\n  name: [a\n")),
        ("a tab", one("kind: Tenant\nmetadata:\n\tname: a\n")),
        ("a key twice", vec![stack("  vpc: { nat: single, nat: per-zone }\n")]),
        ("a merge key", vec![stack("  vpc: { <<: { nat: single } }\n")]),
        ("a tag", vec![stack("  vpc: { nat: !secret single }\n")]),
        ("a kind that does not exist", module("  resources: { a: { kind: aws.vcp, spec: {} } }\n")),
        ("an unknown field of a kind", module("  resources: { a: { kind: aws.vpc, spec: { cidr_blok: 10.0.0.0/16 } } }\n")),
        ("a kind's own check", module("  resources: { a: { kind: aws.vpc, spec: { cidr_block: 10.0.0.0/8 } } }\n")),
        ("a setting of the account twice", module("  resources: { a: { kind: aws.ec2_defaults, for_each: [x, y], spec: {} } }\n")),
        (
            "one object under two addresses",
            module(
                "  resources:\n    a: { kind: aws.topic, spec: {} }\n    b: { kind: aws.db_event_subscription, spec: { sns_topic: '${ref(\"extra.a\")}', source_type: db-proxy } }\n    c: { kind: aws.db_event_subscription, spec: { sns_topic: '${ref(\"extra.a\")}', source_type: db-proxy, enabled: false } }\n",
            ),
        ),
        ("a reference that dangles", module("  resources: { a: { kind: aws.log_group, spec: { kms_key: '${ref(\"vpc.vcp\")}' } } }\n")),
        ("a reference to another kind", module("  resources: { a: { kind: aws.log_group, spec: { kms_key: '${ref(\"vpc.vpc\")}' } } }\n")),
        ("an id instead of a reference", module("  resources: { a: { kind: aws.log_group, spec: { kms_key: alias/mine } } }\n")),
        ("a reference in plain text", module("  resources: { a: { kind: aws.vpc, spec: { cidr_block: '${ref(\"vpc.vpc\").arn}' } } }\n")),
        (
            "an attribute that does not exist",
            module("  resources: { a: { kind: aws.log_group, spec: { log_group_name: '${ref(\"vpc.logs/a\").arm}' } } }\n"),
        ),
        (
            "a look-up that does not exist",
            module("  resources: { a: { kind: aws.log_group, spec: { log_group_name: '${ref(\"lookup.zones\").id}' } } }\n"),
        ),
        (
            "a name that is not defined",
            module(
                "  inputs: { colour: { type: string, default: red } }\n  resources: { a: { kind: aws.vpc, spec: { cidr_block: '${color}' } } }\n",
            ),
        ),
        ("an expression that is none", module("  resources: { a: { kind: aws.vpc, spec: { cidr_block: '${1 +}' } } }\n")),
        ("an expression without end", module("  resources: { a: { kind: aws.vpc, spec: { cidr_block: 'x ${1' } } }\n")),
        ("a list in text", module("  resources: { a: { kind: aws.log_group, spec: { log_group_name: 'x-${stack.zones}' } } }\n")),
        (
            "a key that cannot be in an address",
            module("  resources: { a: { kind: aws.vpc, for_each: [A b], spec: { cidr_block: 10.0.0.0/16 } } }\n"),
        ),
        (
            "for_each over numbers",
            module("  resources: { a: { kind: aws.vpc, for_each: '${[1, 2]}', spec: { cidr_block: 10.0.0.0/16 } } }\n"),
        ),
        ("a default that its type refuses", module("  inputs: { n: { type: integer, default: many } }\n")),
        ("a type that does not exist", module("  inputs: { n: { type: int } }\n")),
        ("a section that is needed", module("  inputs: { n: { type: integer } }\n")),
        (
            "a mistake in the module of all tenants",
            vec![
                stack(""),
                file("t.yaml", &format!("{}---\n{}", tenant("a", ""), tenant("b", ""))),
                file(
                    "m.yaml",
                    "apiVersion: reeve/v1\nkind: Module\nmetadata: { name: tenant }\nspec: { resources: { log: { kind: aws.log_group, spec: { retention_in_days: 8 } } } }\n",
                ),
            ],
        ),
        (
            "two modules of one name",
            vec![
                stack(""),
                file(
                    "m.yaml",
                    "apiVersion: reeve/v1\nkind: Module\nmetadata: { name: tenant }\nspec: {}\n---\napiVersion: reeve/v1\nkind: Module\nmetadata: { name: tenant }\nspec: {}\n",
                ),
            ],
        ),
        (
            "a module with the name of a field",
            module("  resources: {}\n").into_iter().map(|f| file(&f.path, &f.text.replace("name: extra", "name: domain"))).collect(),
        ),
    ]
}

#[test]
fn each_mistake_has_its_words() {
    let text: String = mistakes().into_iter().map(|(what, files)| format!("## {what}\n{}\n\n", problems(&files))).collect();
    insta::assert_snapshot!("mistakes", text);
}

#[test]
fn each_mistake_is_found() {
    for (what, files) in mistakes() {
        assert_ne!(problems(&files), "no problem", "{what}");
    }
}

#[test]
fn a_circle_names_its_path() {
    let circle = "  resources:\n    a: { kind: aws.log_group, spec: { log_group_name: '${ref(\"extra.b\").name}' } }\n    b: { kind: aws.log_group, spec: { log_group_name: '${ref(\"extra.c\").name}' } }\n    c: { kind: aws.log_group, spec: { log_group_name: '${ref(\"extra.a\").name}' } }\n";
    let problems = problems(&module(circle));
    assert!(problems.contains("in a circle: extra.a -> extra.b -> extra.c -> extra.a"), "{problems}");
}
