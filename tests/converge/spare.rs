//! The example estate with one object more of each kind, which nothing else needs: it can be changed, replaced and deleted by itself.

use reeve::kinds::{Row, aws::KINDS};
use serde_json::{Value, json};

use reeve::sandbox::ZONE;

use crate::support::{Estate, Ground, Wishes, at, example, wish};

/// Kinds of which there is one per account or per parent: the estate's own is used.
pub fn own(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "aws.ec2_defaults" => "fleet.defaults",
        "aws.service_linked_role" => "fleet.autoscaling",
        "aws.default_network_acl" => "vpc.default_acl",
        "aws.default_security_group" => "vpc.default_group",
        _ => return None,
    })
}

/// The address of the spare object of that kind.
pub fn address(row: &Row) -> String {
    own(row.name).map_or_else(|| format!("spare.{}", row.name.trim_start_matches("aws.")), str::to_owned)
}

pub fn to(address: &str) -> Value {
    json!(format!("${{ref(\"{address}\")}}"))
}

pub async fn estate(ground: &Ground) -> Estate {
    ground.estate("hostedehr", ZONE, wishes()).await
}

pub fn wishes() -> Wishes {
    let mut wishes = example("hostedehr", ZONE);
    let names: Vec<(String, &'static str)> =
        KINDS.iter().filter(|row| own(row.name).is_none()).map(|row| (address(row), row.name)).collect();
    for (address, kind) in &names {
        let spec = spec(&wishes, kind);
        wish(&mut wishes, address, kind, &spec);
    }
    // What some spares stand on, so that no spare is needed by another.
    let more = [
        ("spare.mounted", "aws.file_system", json!({})),
        (
            "spare.log_target",
            "aws.bucket",
            json!({ "policy": { "Version": "2012-10-17", "Statement": [
                { "Effect": "Allow", "Principal": { "Service": "logging.s3.amazonaws.com" }, "Action": "s3:PutObject",
                  "Resource": "${ref(\"spare.log_target\").arn}/*" }] } }),
        ),
        ("spare.nat_ip", "aws.elastic_ip", json!({})),
        ("spare.told", "aws.topic", json!({})),
        ("spare.wall", "aws.web_acl", json!({})),
        ("spare.front", "aws.load_balancer", changed(&wishes, "edge.alb", json!({ "deletion_protection": false }))),
        ("edge.spare_log_group", "aws.log_group", json!({ "log_group_name": "aws-waf-logs-hostedehr-spare" })),
        (
            "spare.validation",
            "aws.record",
            json!({ "zone": to("lookup.zone"), "type": "CNAME", "keep": true,
            "name": "${ref(\"spare.certificate\").validation_name}", "values": ["${ref(\"spare.certificate\").validation_value}"] }),
        ),
    ];
    for (address, kind, spec) in &more {
        wish(&mut wishes, address, kind, spec);
    }
    // So that its Performance Insights can be switched off by itself.
    wishes.get_mut(&at("database.server")).expect("a wish").spec["performance_insights_kms_key"] = Value::Null;
    wishes
}

/// A folder with two files, told by what is in them.
pub fn bundles() -> (String, [String; 2]) {
    use sha2::{Digest, Sha256};

    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("bundles");
    std::fs::create_dir_all(&folder).expect("a folder");
    let digests = ["one", "two"].map(|text| {
        let digest: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        std::fs::write(folder.join(format!("{digest}.tar.gz")), text).expect("a file");
        digest
    });
    (folder.display().to_string(), digests)
}

/// The wish at `address`, with other values.
fn changed(wishes: &Wishes, address: &str, values: Value) -> Value {
    let mut spec = wishes[&at(address)].spec.clone();
    for (name, value) in values.as_object().into_iter().flatten() {
        spec[name] = value.clone();
    }
    spec
}

/// A spec that does not collide with what the estate has already.
fn spec(wishes: &Wishes, kind: &str) -> Value {
    let (like, values) = match kind {
        "aws.access_point" => ("files.access_point", json!({ "root_directory": { "path": "/spare" } })),
        "aws.alarm" => ("observability.alarm/database-cpu", json!({})),
        "aws.association" => ("fleet.patching", json!({})),
        "aws.autoscaling_group" => ("fleet.workers", json!({ "desired_capacity": 1 })),
        "aws.backup_plan" => ("backup.plan", json!({})),
        "aws.backup_selection" => ("backup.selection", json!({ "selection_name": "spare" })),
        "aws.backup_vault" => ("backup.vault", json!({ "min_retention_days": null })),
        "aws.bucket" => return json!({ "versioning": true }),
        "aws.certificate" => ("edge.certificate", json!({ "domain_name": "spare.hostedehr.org", "subject_alternative_names": [] })),
        "aws.db_event_subscription" => ("database.events/instance", json!({ "sns_topic": to("spare.told") })),
        "aws.db_instance" => (
            "database.server",
            json!({ "deletion_protection": false, "log_groups": [], "allocated_storage": 400, "iops": 12_000, "storage_throughput": 500,
                "ca_certificate_identifier": "rds-ca-rsa2048-g1" }),
        ),
        "aws.db_parameter_group" => ("database.parameters", json!({})),
        "aws.db_subnet_group" => ("database.subnets", json!({})),
        "aws.elastic_ip" => return json!({}),
        "aws.file_system" => return json!({}),
        "aws.flow_log" => ("vpc.flow_log", json!({ "log_group": to("edge.web_acl_log_group") })),
        "aws.instance_profile" => ("fleet.profile", json!({})),
        "aws.internet_gateway" => return json!({}),
        "aws.key" => return json!({ "description": "spare" }),
        "aws.launch_template" => ("fleet.template", json!({})),
        "aws.listener" => ("edge.http", json!({ "port": 8080 })),
        "aws.load_balancer" => ("edge.alb", json!({ "deletion_protection": false })),
        "aws.log_group" => return json!({ "retention_in_days": 30 }),
        "aws.mount_target" => ("files.mount/a", json!({ "file_system": to("spare.mounted") })),
        "aws.nat_gateway" => ("vpc.nat/a", json!({ "allocation": to("spare.nat_ip") })),
        "aws.network_acl" => ("vpc.network_acl", json!({ "subnets": [] })),
        "aws.bundle" => {
            let (folder, [one, _]) = bundles();
            return json!({ "bucket": to("edge.logs"), "sha256": one, "folder": folder });
        }
        "aws.object" => return json!({ "bucket": to("edge.logs"), "key": "reeve/spare", "body": "spare" }),
        "aws.parameter" => return json!({ "value": "spare" }),
        "aws.policy" => ("fleet.policy", json!({})),
        "aws.record" => return json!({ "zone": to("lookup.zone"), "name": "spare.hostedehr.org", "type": "A", "values": ["192.0.2.1"] }),
        "aws.report_plan" => ("backup.report", json!({})),
        "aws.role" => ("fleet.role", json!({ "managed_policies": [to("vpc.flow_log_policy")] })),
        "aws.route_table" => ("vpc.public_routes", json!({ "subnets": [] })),
        "aws.security_group" => ("database.group", json!({})),
        "aws.subnet" => ("vpc.private/a", json!({ "cidr_block": "10.20.64.0/20" })),
        "aws.subscription" => ("observability.subscription", json!({ "endpoint": "spare@hostedehr.org" })),
        "aws.target_group" => ("edge.target", json!({})),
        "aws.topic" => return json!({}),
        "aws.trail" => ("observability.trail", json!({})),
        "aws.vpc" => return json!({ "cidr_block": "10.30.0.0/16" }),
        "aws.vpc_endpoint" => ("vpc.endpoint/sts", json!({ "service_name": "com.amazonaws.us-east-1.sns" })),
        "aws.web_acl" => ("edge.web_acl", json!({})),
        "aws.web_acl_association" => return json!({ "resource": to("spare.front"), "web_acl": to("spare.wall") }),
        "aws.web_acl_logging" => ("edge.web_acl_logging", json!({ "web_acl": to("spare.wall") })),
        other => panic!("{other} has no spare: give it one here"),
    };
    changed(wishes, like, values)
}
