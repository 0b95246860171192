//! One look names every mistake: none hides another, and none makes another.

use crate::support::{example, file, stack_with};
use reeve::desired::{self, SourceFile};

const DIGEST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// What is said of these files, over the modules of the program.
fn said(files: &[SourceFile]) -> String {
    desired::load_sources(files).map_or_else(|problems| problems.to_string(), |_| "no problem".to_owned())
}

/// Where each problem stands and its first words, in order.
fn heads(said: &str) -> Vec<&str> {
    said.split("\n\n").filter_map(|problem| problem.lines().next()).collect()
}

/// A tenant of the distribution `refapp`.
fn tenant(name: &str, more: &str) -> String {
    format!(
        "---\napiVersion: reeve/v1\nkind: Tenant\nmetadata: {{ name: {name} }}\nspec: {{ distribution: refapp, country: US, admin_email: a@b.example }}\n"
    )
    .replace("country: US", if more.is_empty() { "country: US" } else { more })
}

/// A folder with a mistake of every sort, in several files.
fn folder() -> Vec<SourceFile> {
    let stack = format!(
        "apiVersion: reeve/v1
kind: Stack
metadata: {{ name: clinics }}
spec:
  region: us-west-2
  domain: clinics.example.org
  residency: {{ allow: [US, HT] }}
  idle: {{ after: 2 weeks }}
  vpc:
    cidr: 10.20.0.1/16
    zones: [a, b, h]
    endpoints: [kms, s4]
  database:
    multi_a: true
    storage_gib: many
    administrator: rdsrepladmin
  fleet:
    instance_type: m5.large
    swap: ebs
  blocks:
    subnets: {{ a: 10.20.64.0/24, b: 10.20.64.128/25 }}
  distributions:
    refapp: {{ image: \"openmrs/backend@sha256:{DIGEST}\", memory: {{ reserve: 3GiB }} }}
    loose:
      image: openmrs/backend:3.0
"
    );
    let tenants = [
        tenant("one", "country: DE"),
        tenant("two", "country: XX"),
        tenant("two", ""),
        tenant("three", "country: US, state: achived").replace("refapp", "refap"),
    ];
    let blocks = "apiVersion: reeve/v1
kind: Module
metadata: { name: blocks }
spec:
  inputs:
    subnets: { type: map, values: { type: cidr }, default: {} }
  resources:
    net:
      for_each: ${subnets}
      kind: aws.subnet
      spec: { vpc: '${ref(\"vpc.vpc\")}', availability_zone: us-west-2a, cidr_block: '${each.value}' }
    log:
      kind: aws.log_group
      whem: true
      spec: { log_group_name: '${nmae}', retention_in_days: 8 }
";
    let of_tenants = "apiVersion: reeve/v1
kind: Module
metadata: { name: tenant }
spec:
  resources:
    secret:
      kind: aws.parameter
      spec: { generate: { length: 32 }, kms_key: '${ref(\"fleet.kye\")}' }
";
    let policies = "kind: Policy
metadata: { name: [
---
apiVersion: reeve/v1
kind: Policy
metadata: { name: q }
spec: { rule: acton == \"delete\" }
";
    vec![
        file("stack.yaml", &stack),
        file("tenants.yaml", &tenants.concat()),
        file("modules/blocks.yaml", blocks),
        file("modules/tenant.yaml", of_tenants),
        file("policies.yaml", policies),
    ]
}

#[test]
fn mistakes_of_every_sort_in_several_files_are_named_in_one_look_each_once() {
    let said = said(&folder());
    let wanted = [
        "modules/blocks.yaml:14:7: unknown field `whem`",
        "modules/blocks.yaml:15:34: `nmae` is not defined",
        "modules/blocks.yaml:15:61: `retention_in_days`: is one of 1, 3, 5",
        "modules/tenant.yaml:8:50: `kms_key` of tenant/NAME.secret refers to `fleet.kye`, which does not exist",
        "policies.yaml:2:19: this is no YAML",
        "policies.yaml:7:1: `spec` has no `message`",
        "policies.yaml:7:15: `acton == \"delete\"`: `acton` is not defined",
        "stack.yaml:8:18: `after`: `2 weeks` is no duration",
        "stack.yaml:10:11: `cidr`: `10.20.0.1/16` has host bits set",
        "stack.yaml:11:12: `zones` names a zone that the region does not have",
        "stack.yaml:12:22: an item of `endpoints` cannot be `s4`",
        "stack.yaml:14:5: unknown field `multi_a`",
        "stack.yaml:15:18: `storage_gib` wants a whole number, not text",
        "stack.yaml:16:20: `master_username`: RDS keeps `rdsrepladmin` for itself",
        "stack.yaml:18:20: `instance_type` cannot be `m5.large`",
        "stack.yaml:19:11: `swap` has to be `instance-store` or `none`",
        "stack.yaml:21:14: 10.20.64.128/25 of `blocks.net/b` overlaps 10.20.64.0/24 of `blocks.net/a`",
        "stack.yaml:23:121: the limit of 2GiB is below the reserve of 3GiB",
        "stack.yaml:25:14: the image is not pinned by digest",
        "tenants.yaml:5:40: data of `DE` may not be held in this stack",
        "tenants.yaml:10:40: there is no country `XX` in ISO 3166",
        "tenants.yaml:14:19: there are two of the tenant `two`",
        "tenants.yaml:20:23: there is no distribution `refap`",
        "tenants.yaml:20:50: `state` cannot be `achived`",
    ];
    let heads = heads(&said);
    for (at, wanted) in wanted.iter().enumerate() {
        assert!(heads.get(at).is_some_and(|head| head.starts_with(wanted)), "{at}: {wanted}\n{said}");
    }
    assert!(said.ends_with(&format!("\n{} problems", wanted.len())), "{said}");
    for help in
        ["did you mean `multi_az`?", "did you mean `s3`?", "did you mean `10.20.0.0/16`?", "did you mean `fleet.key`?", "3 tenants have"]
    {
        assert!(said.contains(help), "{help}\n{said}");
    }
}

#[test]
fn each_mistake_of_the_folder_is_also_found_alone() {
    // Mended one after the other, the number falls by one each time: nothing was hidden, and nothing was a consequence.
    let mend = [
        ("idle: { after: 2 weeks }", "idle: { after: 14d }"),
        ("10.20.0.1/16", "10.20.0.0/16"),
        ("[a, b, h]", "[a, b, c]"),
        ("[kms, s4]", "[kms]"),
        ("multi_a:", "multi_az:"),
        ("storage_gib: many", "storage_gib: 200"),
        ("rdsrepladmin", "keeper"),
        ("m5.large", "r5d.large"),
        ("swap: ebs", "swap: none"),
        ("10.20.64.128/25", "10.20.65.0/24"),
        ("reserve: 3GiB", "reserve: 1GiB"),
        ("backend:3.0", &format!("backend@sha256:{DIGEST}")),
        ("country: DE", "country: HT"),
        ("country: XX", "country: US"),
        ("refap,", "refapp,"),
        ("achived", "archived"),
        ("fleet.kye", "fleet.key"),
        ("whem:", "when:"),
        ("retention_in_days: 8", "retention_in_days: 7"),
        ("${nmae}", "/${stack.name}"),
        ("acton", "action"),
        ("\"delete\" }", "\"delete\", message: x }"),
        ("{ name: [", "{ name: p }"),
        ("name: two", "name: two-too"),
    ];
    let mut files = folder();
    let count = |files: &[SourceFile]| desired::load_sources(files).map_or_else(|problems| problems.count(), |_| 0);
    let mut left = count(&files);
    for (wrong, right) in mend {
        let with = files.iter_mut().find(|file| file.text.contains(wrong)).unwrap_or_else(|| panic!("{wrong}"));
        with.text = with.text.replacen(wrong, right, 1);
        let now = count(&files);
        // The broken policy is no policy yet: once it is YAML, what it lacks is named.
        let expected = if wrong == "{ name: [" { left + 1 } else { left - 1 };
        assert_eq!(now, expected, "{wrong} -> {right}\n{}", said(&files));
        left = now;
    }
    assert_eq!(left, 2, "the mended policy has no apiVersion and no spec\n{}", said(&files));
}

#[test]
fn a_missing_field_is_one_problem() {
    let whole = format!(
        "apiVersion: reeve/v1\nkind: Stack\nmetadata: {{ name: s }}\nspec:\n  region: us-east-1\n  domain: s.example\n  distributions: {{ a: {{ image: \"x@sha256:{DIGEST}\" }} }}\n"
    );
    assert_eq!(said(&[file("s.yaml", &whole)]), "no problem");
    for (line, words) in [
        ("metadata: { name: s }\n", "`metadata` is missing"),
        ("  region: us-east-1\n", "`spec` has no `region`"),
        ("  domain: s.example\n", "`spec` has no `domain`"),
    ] {
        let said = said(&[file("s.yaml", &whole.replace(line, ""))]);
        assert!(said.contains(words) && said.ends_with("\n1 problem"), "{said}");
    }
    let misspelt = said(&[file("s.yaml", &whole.replace("domain:", "domian:"))]);
    assert!(misspelt.contains("did you mean `domain`?") && misspelt.ends_with("\n1 problem"), "{misspelt}");
}

#[test]
fn what_a_broken_file_may_hold_is_not_missed() {
    let tail = "  colour: red\n  vcp: {}\n  more: { days: 3 }\n";
    let stack = stack_with(tail);
    // Whatever module the file may have held, `vcp` is a misspelt `vpc`.
    let unknown = said(&[stack.clone(), file("m.yaml", "kind: [\n")]);
    assert_eq!(heads(&unknown).iter().map(|head| &head[..6]).collect::<Vec<_>>(), ["m.yaml", "s.yaml", "2 prob"], "{unknown}");
    // It was the module `more`: `colour` is no field of anything.
    let named = said(&[stack, file("m.yaml", "kind: Module\nmetadata: { name: more }\nspec: [\n")]);
    assert!(named.contains("unknown field `vcp`") && !named.contains("`more`"), "{named}");
    // A broken stack is no missing stack, and its tenants are read as far as they go.
    let tenants = said(&[file("s.yaml", "kind: Stack\n  x: ["), file("t.yaml", &tenant("a", "country: US, stat: active"))]);
    assert!(tenants.contains("unknown field `stat`") && tenants.ends_with("\n2 problems"), "{tenants}");
    // What stands behind another `---` of the same file is read.
    let behind = said(&[stack_with(""), file("t.yaml", &format!("kind: Tenant\n x: [\n{}", tenant("a", "country: USA")))]);
    assert!(behind.contains("t.yaml:7:40: `country` cannot be `USA`"), "{behind}");
}

#[test]
fn a_limit_below_the_reserve_is_one_problem_however_many_tenants_have_it() {
    let stack = stack_with("      memory: { reserve: 3GiB }\n  residency: { allow: [US] }\n");
    let stack = file("s.yaml", &stack.text);
    let tenants: String = (0..1000).map(|n| tenant(&format!("t{n}"), "")).collect();
    let said_of = said(&[stack.clone(), file("t.yaml", &tenants)]);
    assert!(said_of.contains("below the reserve of 3GiB") && said_of.contains("1000 tenants have this distribution"), "{said_of}");
    assert!(said_of.ends_with("\n1 problem"), "{said_of}");
    let own = tenant("own", "country: US, memory: { reserve: 4GiB, limit: 3GiB }");
    let said_of = said(&[stack, file("t.yaml", &format!("{tenants}{own}"))]);
    assert!(said_of.contains("the limit of 3GiB is below the reserve of 4GiB") && said_of.ends_with("\n2 problems"), "{said_of}");
}

#[test]
fn thousands_of_problems_are_counted_and_the_first_are_shown() {
    let tenants: String = (0..3000).map(|n| tenant(&format!("t{n}"), "country: DE")).collect();
    let said = said(&[stack_with("  residency: { allow: [US] }\n"), file("t.yaml", &tenants)]);
    assert_eq!(heads(&said).len(), 51);
    assert!(said.ends_with("3000 problems; these are the first 50, and 2950 more follow"), "{said}");
}

#[test]
fn a_wrong_value_makes_nothing_else_wrong() {
    // Each alone in the example: one problem, though half of the estate takes some of these.
    for (from, to) in [
        ("cidr: 10.20.0.0/16", "cidr: 10.20/16"),
        ("cidr: 10.20.0.0/16", "cidr: [10.20.0.0/16]"),
        ("zones: [a, b, c]", "zones: a"),
        ("zones: [a, b, c]", "zones: [a]"),
        ("zones: [a, b, c]", "zones: [a, b, 3]"),
        ("zones: [a, b, c]", "zones: {}"),
        ("region: us-east-1", "region: us-eats-1"),
        ("region: us-east-1", "region: [us-east-1]"),
        ("domain: ", "domain: -"),
        ("name: hostedehr", "name: 7"),
        ("class: db.r6g.large", "class: [db.r6g.large]"),
        ("backup_days: 35", "backup_days: x"),
        ("  vpc:\n", "  vpc: x\n  edgy:\n"),
    ] {
        let mut files = vec![example("stack.yaml"), example("tenants/clinics.yaml")];
        assert!(files[0].text.contains(from), "{from}");
        files[0].text = files[0].text.replacen(from, to, 1);
        let said = said(&files);
        let expected = if to.contains("edgy") { "\n2 problems" } else { "\n1 problem" };
        assert!(said.ends_with(expected), "{from} -> {to}\n{said}");
    }
}
