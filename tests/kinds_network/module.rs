//! What the module `vpc` makes of a stack, held against the controls that it is there for.

use std::collections::BTreeMap;

use reeve::desired::{SourceFile, load_sources};
use reeve::model::Address;
use serde_json::{Value, json};

/// What the module refers to in its neighbours, and nothing else of them.
const NEIGHBOURS: &str = r#"
apiVersion: reeve/v1
kind: Module
metadata: { name: observability }
spec:
  inputs:
    log_retention_days: { type: integer, default: 2192 }
  resources:
    key:
      kind: aws.key
      spec: {}
---
apiVersion: reeve/v1
kind: Module
metadata: { name: fleet }
spec:
  resources:
    group:
      kind: aws.security_group
      spec:
        vpc: ${ref("vpc.vpc")}
"#;

fn expand(section: &str) -> Result<BTreeMap<Address, (String, Value)>, String> {
    let digest = "0123456789abcdef".repeat(4);
    let stack = format!(
        "apiVersion: reeve/v1\nkind: Stack\nmetadata: {{ name: small }}\nspec:\n  region: us-east-1\n  domain: small.example\n  \
         vpc: {section}\n  distributions:\n    refapp:\n      image: openmrs/backend@sha256:{digest}\n"
    );
    let file = |path: &str, text: String| SourceFile { path: path.into(), text };
    let mut files = vec![file("neighbours.yaml", NEIGHBOURS.into()), file("stack.yaml", stack)];
    files.push(file("vpc.yaml", include_str!("../../modules/vpc.yaml").into()));
    for name in ["edge", "database", "files", "backup", "tenant"] {
        files
            .push(file(&format!("{name}.yaml"), format!("apiVersion: reeve/v1\nkind: Module\nmetadata: {{ name: {name} }}\nspec: {{}}\n")));
    }
    let desired = load_sources(&files).map_err(|problems| problems.to_string())?;
    Ok(desired.resources.into_iter().map(|(at, resource)| (at, (resource.kind.name.to_owned(), resource.spec))).collect())
}

fn of<'a>(all: &'a BTreeMap<Address, (String, Value)>, kind: &str) -> Vec<(&'a str, &'a Value)> {
    all.iter().filter(|(_, (one, _))| one == kind).map(|(at, (_, spec))| (at.as_str(), spec)).collect()
}

#[test]
fn each_zone_has_a_public_and_a_private_subnet_and_nothing_gets_a_public_address() {
    let all = expand("{}").unwrap();
    let subnets = of(&all, "aws.subnet");
    let names: Vec<&str> = subnets.iter().map(|(at, _)| *at).collect();
    assert_eq!(names, ["vpc.private/a", "vpc.private/b", "vpc.private/c", "vpc.public/a", "vpc.public/b", "vpc.public/c"]);
    assert!(subnets.iter().all(|(_, spec)| spec["map_public_ip_on_launch"] == json!(false)));
    assert_eq!(of(&all, "aws.nat_gateway").len(), 3);
    let default = &all[&Address::parse("vpc.default_group").unwrap()].1;
    assert_eq!((&default["ingress"], &default["egress"]), (&json!([]), &json!([])));
}

#[test]
fn a_zone_more_moves_no_other_and_a_single_nat_serves_all() {
    let (two, three) = (expand("{ zones: [a, c], nat: single }").unwrap(), expand("{ zones: [c, b, a], nat: single }").unwrap());
    for (at, spec) in of(&two, "aws.subnet") {
        assert_eq!(three[&Address::parse(at).unwrap()].1, *spec, "{at}");
    }
    assert_eq!(of(&two, "aws.nat_gateway"), of(&three, "aws.nat_gateway"));
    for (_, table) in of(&three, "aws.route_table").iter().filter(|(at, _)| at.starts_with("vpc.private_routes/")) {
        assert_eq!(table["routes"][0]["nat_gateway"], json!("${ref(\"vpc.nat/a\")}"));
    }
}

#[test]
fn no_acl_lets_the_world_reach_ssh_or_remote_desktop() {
    let all = expand("{}").unwrap();
    let acl = &all[&Address::parse("vpc.network_acl").unwrap()].1;
    assert_eq!(acl["subnets"].as_array().unwrap().len(), 6, "every subnet is guarded");
    let world = |entry: &&Value| entry["cidr_block"] == "0.0.0.0/0" && entry["egress"] == false && entry["rule_action"] == "allow";
    let mut open = 0;
    for entry in acl["entries"].as_array().unwrap().iter().filter(world) {
        assert_ne!(entry["protocol"], "all");
        let (from, to) = (entry["from_port"].as_i64().unwrap(), entry["to_port"].as_i64().unwrap());
        for port in [22, 3389] {
            assert!(entry["protocol"] != "tcp" || !(from..=to).contains(&port), "{entry}");
        }
        open += 1;
    }
    assert!(open >= 4, "the load balancer and answers get in");
    let default = &all[&Address::parse("vpc.default_acl").unwrap()].1;
    assert_eq!(default["entries"], json!([]));
}

#[test]
fn endpoints_stand_in_every_zone_and_serve_the_own_account() {
    let all = expand("{ zones: [a, b], endpoints: [ec2, ssm] }").unwrap();
    let endpoints = of(&all, "aws.vpc_endpoint");
    assert_eq!(endpoints.iter().map(|(at, _)| *at).collect::<Vec<_>>(), ["vpc.endpoint/ec2", "vpc.endpoint/s3", "vpc.endpoint/ssm"]);
    for (at, spec) in endpoints {
        let places = if at.ends_with("s3") { &spec["route_tables"] } else { &spec["subnets"] };
        assert_eq!(places.as_array().unwrap().len(), 2, "{at}");
        for statement in spec["policy_document"]["Statement"].as_array().unwrap() {
            let text = statement["Condition"]["StringEquals"].to_string();
            assert!(text.contains("lookup.account") || text.contains("vpc.vpc"), "{at}: {statement}");
        }
    }
}

#[test]
fn flow_logs_are_encrypted_and_kept() {
    let all = expand("{}").unwrap();
    let group = &all[&Address::parse("vpc.flow_log_group").unwrap()].1;
    assert_eq!(group["kms_key"], json!("${ref(\"observability.key\")}"));
    assert_eq!(group["retention_in_days"], json!(2192));
    assert_eq!(all[&Address::parse("vpc.flow_log").unwrap()].1["traffic_type"], json!("ALL"));
}

#[test]
fn sections_that_make_no_sense_are_named() {
    assert!(expand("{ zones: [a] }").unwrap_err().contains("zones"));
    assert!(expand("{ zones: [a, h] }").unwrap_err().contains("zone that the region does not have"));
    assert!(expand("{ cidr: 10.20.0.0/24 }").unwrap_err().contains("/16 to /20"));
    assert!(expand("{ nat: none }").unwrap_err().contains("per-zone"));
}
