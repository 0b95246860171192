//! One object of each sort that a crash, or late visibility, can treat in its own way: small enough to be killed at every change.

use reeve::kinds::lookup;
use reeve::plan::Wished;
use serde_json::{Value, json};

use crate::support::{Wishes, at};

fn to(address: &str) -> String {
    format!("${{ref(\"{address}\")}}")
}

fn may_assume(service: &str) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "Service": service }, "Action": "sts:AssumeRole" }] })
}

pub fn sorts() -> Wishes {
    let logs = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
          "Resource": ["${ref(\"watch.logs\").arn}:*"] },
        { "Effect": "Allow", "Action": ["logs:DescribeLogGroups"], "Resource": ["*"] }] });
    let group = |other: &str| {
        json!({ "vpc": to("net.vpc"), "description": other, "ingress": [
            { "ip_protocol": "tcp", "from_port": 443, "to_port": 443, "group": to(other) }] })
    };
    let all = [
        // Made by one call that takes the tags and no token.
        ("net.vpc", "aws.vpc", json!({ "cidr_block": "10.9.0.0/16" })),
        ("net.subnet", "aws.subnet", json!({ "vpc": to("net.vpc"), "availability_zone": "us-east-1a", "cidr_block": "10.9.0.0/24" })),
        ("net.ip", "aws.elastic_ip", json!({})),
        ("net.gateway", "aws.internet_gateway", json!({ "vpc": to("net.vpc") })),
        // With a token.
        (
            "net.nat",
            "aws.nat_gateway",
            json!({ "subnet": to("net.subnet"), "allocation": to("net.ip"), "internet_gateway": to("net.gateway") }),
        ),
        ("files.system", "aws.file_system", json!({ "kms_key": to("files.key") })),
        // Of several calls.
        (
            "net.routes",
            "aws.route_table",
            json!({ "vpc": to("net.vpc"), "subnets": [to("net.subnet")],
                "routes": [{ "destination_cidr_block": "0.0.0.0/0", "gateway": to("net.gateway") }] }),
        ),
        ("files.key", "aws.key", json!({ "description": "files" })),
        ("store.bucket", "aws.bucket", json!({ "versioning": true })),
        // In a circle.
        ("net.app", "aws.security_group", group("net.db")),
        ("net.db", "aws.security_group", group("net.app")),
        // Always there.
        ("net.default_group", "aws.default_security_group", json!({ "vpc": to("net.vpc") })),
        ("net.defaults", "aws.ec2_defaults", json!({})),
        // Without tags, under a parent.
        (
            "files.mount",
            "aws.mount_target",
            json!({ "file_system": to("files.system"), "subnet": to("net.subnet"), "security_groups": [to("net.db")] }),
        ),
        (
            "watch.subscription",
            "aws.subscription",
            json!({ "topic": to("watch.topic"), "protocol": "email", "endpoint": "ops@hostedehr.org" }),
        ),
        // Known by their names, some with their marks in a description or beside them.
        ("watch.logs", "aws.log_group", json!({ "retention_in_days": 30 })),
        ("watch.policy", "aws.policy", json!({ "policy_document": logs })),
        (
            "watch.role",
            "aws.role",
            json!({ "description": "logs", "managed_policies": [to("watch.policy")],
                "assume_role_policy_document": may_assume("vpc-flow-logs.amazonaws.com") }),
        ),
        (
            "watch.flow",
            "aws.flow_log",
            json!({ "resource": to("net.vpc"), "log_group": to("watch.logs"), "deliver_logs_permission": to("watch.role") }),
        ),
        ("watch.topic", "aws.topic", json!({})),
        (
            "watch.alarm",
            "aws.alarm",
            json!({ "namespace": "AWS/EFS", "metric_name": "PercentIOLimit", "threshold": 90.0, "alarm_actions": [to("watch.topic")] }),
        ),
        ("store.object", "aws.object", json!({ "bucket": to("store.bucket"), "key": "reeve/one", "body": "one" })),
        (
            "store.record",
            "aws.record",
            json!({ "zone": "${ref(\"lookup.zone\")}", "name": "one.hostedehr.org", "type": "A", "values": ["192.0.2.1"] }),
        ),
        // A secret that is made with it.
        ("store.secret", "aws.parameter", json!({ "generate": { "length": 32 }, "kms_key": to("files.key") })),
    ];
    all.into_iter()
        .map(|(address, kind, spec)| {
            let kind = lookup(kind).unwrap_or_else(|| panic!("no kind {kind}"));
            let spec = (kind.canonical)(&spec).unwrap_or_else(|error| panic!("{address}: {error}"));
            assert_eq!((kind.check)(&spec), [], "{address}");
            (at(address), Wished { kind, spec, protect: false, moved_from: Vec::new() })
        })
        .collect()
}
