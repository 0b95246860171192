//! For each field of each kind a value that differs from the spare object's: what can change in place and what forces a replacement.

use serde_json::{Value, json};

use crate::spare::to;

/// Field to value, given the spec as it is.
pub fn others(kind: &str, was: &Value) -> Value {
    let flip = |field: &str| json!(!was[field].as_bool().unwrap_or_default());
    let policy = |resource: &str| {
        json!({ "Version": "2012-10-17", "Statement": [
            { "Sid": "Changed", "Effect": "Allow", "Action": ["logs:PutLogEvents"], "Resource": [resource] }] })
    };
    let trusts = |service: &str| {
        json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Principal": { "Service": [service] }, "Action": ["sts:AssumeRole"] }] })
    };
    let guarded = |action: &str, resource: &str| {
        json!({ "Version": "2012-10-17", "Statement": [
            { "Sid": "Own", "Effect": "Allow", "Principal": { "AWS": ["123456789012"] }, "Action": [action],
              "Resource": [resource] }] })
    };
    let private = |zones: &[&str]| zones.iter().map(|zone| to(&format!("vpc.private/{zone}"))).collect::<Vec<_>>();
    let rule = json!({ "ip_protocol": "tcp", "from_port": 8443, "to_port": 8444, "cidr_ip": "10.99.0.0/16", "description": "changed" });
    let entry = json!({ "rule_number": 77, "rule_action": "deny", "egress": false, "protocol": "tcp", "from_port": 22, "to_port": 22,
        "cidr_block": "0.0.0.0/0" });
    match kind {
        "aws.access_point" => json!({ "file_system": to("spare.mounted"), "posix_user": { "uid": 2002, "gid": 2002 },
            "root_directory": { "path": "/changed" } }),
        "aws.alarm" => {
            json!({ "actions_enabled": flip("actions_enabled"), "alarm_actions": [], "alarm_description": "changed", "comparison_operator": "LessThanThreshold",
            "dimensions": { "DBInstanceIdentifier": "changed" }, "evaluation_periods": 7, "metric_name": "FreeableMemory", "namespace": "AWS/Other",
            "ok_actions": [], "period": 600, "statistic": "Maximum", "threshold": 12.5,
            "treat_missing_data": "breaching" })
        }
        "aws.association" => json!({ "apply_only_at_cron_interval": flip("apply_only_at_cron_interval"), "max_concurrency": "2",
            "max_errors": "1", "name": "AWS-UpdateSSMAgent", "parameters": { "Operation": ["Scan"] }, "schedule_expression": "rate(7 days)" }),
        "aws.autoscaling_group" => json!({ "desired_capacity": 2, "health_check_grace_period": 120, "health_check_type": "ELB",
            "launch_template": to("spare.launch_template"), "launch_template_version": "$Latest", "max_instance_lifetime": 604_800, "max_size": 4,
            "min_size": 1, "refresh_min_healthy_percentage": 75, "subnets": private(&["a"]), "target_groups": [to("edge.target")] }),
        "aws.backup_plan" => {
            let mut rules = was["rules"].clone();
            rules["daily"]["delete_after_days"] = json!(40);
            rules["daily"]["schedule_expression"] = json!("cron(0 3 * * ? *)");
            json!({ "rules": rules })
        }
        "aws.backup_selection" => json!({ "backup_plan": to("spare.backup_plan"), "conditions": { "reeve:stack": "hostedehr" },
            "iam_role": to("spare.role"), "list_of_tags": { "backup": "yes" }, "resources": [to("spare.file_system").as_str().map(|t| t.replace("\")}", "\").arn}"))],
            "selection_name": "changed" }),
        "aws.backup_vault" => json!({ "encryption_key": to("spare.key"), "max_retention_days": 400, "min_retention_days": 7 }),
        "aws.bucket" => json!({ "kms_key": to("files.key"), "lifecycle_rules": { "old": { "expiration_days": 30 } },
            "logging": { "target_bucket": to("spare.log_target"), "target_prefix": "changed/" },
            "policy": guarded("s3:ListBucket", "${ref(\"spare.bucket\").arn}"),
            "public_access_block": flip("public_access_block"), "versioning": flip("versioning") }),
        "aws.certificate" => json!({ "domain_name": "changed.hostedehr.org", "key_algorithm": "EC_prime256v1",
            "subject_alternative_names": ["*.spare.hostedehr.org"] }),
        "aws.db_event_subscription" => {
            json!({ "enabled": flip("enabled"), "event_categories": ["failover"], "sns_topic": to("spare.topic"),
            "source_type": "db-parameter-group" })
        }
        "aws.db_instance" => json!({ "allocated_storage": 500, "auto_minor_version_upgrade": flip("auto_minor_version_upgrade"),
            "backup_retention_period": 14, "ca_certificate_identifier": "rds-ca-ecc384-g1", "copy_tags_to_snapshot": flip("copy_tags_to_snapshot"),
            "db_instance_class": "db.r6g.xlarge", "db_parameter_group": to("spare.db_parameter_group"), "db_subnet_group": to("spare.db_subnet_group"),
            "deletion_protection": flip("deletion_protection"), "enable_cloudwatch_logs_exports": ["error"],
            "enable_iam_database_authentication": flip("enable_iam_database_authentication"),
            "engine": "mysql", "engine_version": "11.4", "iops": 13_000,
            "kms_key": to("files.key"), "master_user_secret_kms_key": to("files.key"), "master_username": "changed",
            "max_allocated_storage": 2000, "monitoring_interval": 30, "monitoring_role": to("spare.role"), "multi_az": flip("multi_az"),
            "performance_insights_kms_key": to("files.key"), "performance_insights_retention_period": 31, "port": 3308,
            "preferred_backup_window": "03:00-04:00", "preferred_maintenance_window": "mon:05:00-mon:06:00",
            "publicly_accessible": flip("publicly_accessible"), "storage_encrypted": flip("storage_encrypted"), "storage_throughput": 600,
            "storage_type": "io2", "vpc_security_groups": [to("spare.security_group")] }),
        "aws.db_parameter_group" => json!({ "db_parameter_group_family": "mariadb11.4", "description": "changed",
            "parameters": { "long_query_time": "9", "max_connections": "100" } }),
        "aws.db_subnet_group" => json!({ "db_subnet_group_description": "changed", "subnets": private(&["a", "b"]) }),
        "aws.default_network_acl" => json!({ "entries": [entry], "vpc": to("spare.vpc") }),
        "aws.default_security_group" => json!({ "egress": [rule], "ingress": [rule], "vpc": to("spare.vpc") }),
        "aws.ec2_defaults" => json!({ "ebs_encryption_by_default": flip("ebs_encryption_by_default"),
            "http_tokens_required": flip("http_tokens_required"), "image_block_public_access": flip("image_block_public_access"),
            "snapshot_block_public_access": flip("snapshot_block_public_access") }),
        "aws.elastic_ip" => json!({ "public_ipv4_pool": "ipv4pool-ec2-012345" }),
        "aws.file_system" => json!({ "backup": flip("backup"), "encrypted": flip("encrypted"), "kms_key": to("files.key"),
            "lifecycle_policies": { "transition_to_ia": "AFTER_60_DAYS" }, "performance_mode": "maxIO",
            "policy": guarded("elasticfilesystem:ClientMount", "${ref(\"spare.file_system\").arn}"),
            "provisioned_throughput_in_mibps": 64.0, "throughput_mode": "provisioned" }),
        "aws.flow_log" => json!({ "deliver_logs_permission": to("spare.role"), "log_format": "${version} ${srcaddr}",
            "log_group": to("spare.log_group"), "max_aggregation_interval": 600, "resource": to("spare.vpc"), "traffic_type": "REJECT" }),
        "aws.instance_profile" => json!({ "role": to("spare.role") }),
        "aws.internet_gateway" => json!({ "vpc": to("spare.vpc") }),
        "aws.key" => json!({ "description": "changed", "enabled": flip("enabled"), "multi_region": flip("multi_region"),
            "policy": {
                "Version": "2012-10-17",
                "Statement": [
                    { "Sid": "Own", "Effect": "Allow", "Principal": { "AWS": ["123456789012"] }, "Action": ["kms:*"],
                      "Resource": ["*"] },
                    { "Sid": "Changed", "Effect": "Allow", "Principal": { "Service": ["logs.us-east-1.amazonaws.com"] },
                      "Action": ["kms:Decrypt"], "Resource": ["*"] },
                ],
            },
            "rotation_period_in_days": 180 }),
        "aws.launch_template" => json!({ "associate_public_ip_address": flip("associate_public_ip_address"),
            "block_device_mappings": [{ "device_name": "/dev/sdf", "volume_size": 20, "encrypted": true }],
            "http_put_response_hop_limit": 2, "http_tokens": "optional", "iam_instance_profile": to("spare.instance_profile"),
            "image_id": "ami-0123456789abcdef0", "instance_type": "r5d.2xlarge", "monitoring": flip("monitoring"),
            "security_groups": [to("spare.security_group")], "user_data": "#!/bin/sh\necho changed\n" }),
        "aws.listener" => json!({ "certificate": to("edge.certificate"), "default_action": { "type": "fixed-response",
            "fixed_response": { "status_code": 503, "content_type": "text/plain", "message_body": "changed" } },
            "load_balancer": to("spare.load_balancer"), "port": 8443, "protocol": "HTTPS", "ssl_policy": "ELBSecurityPolicy-TLS13-1-2-2021-06" }),
        "aws.load_balancer" => json!({ "access_logs": { "bucket": to("edge.logs"), "prefix": "changed" },
            "deletion_protection": flip("deletion_protection"), "desync_mitigation_mode": "strictest",
            "drop_invalid_header_fields": flip("drop_invalid_header_fields"), "http2": flip("http2"), "idle_timeout": 90,
            "ip_address_type": "dualstack", "preserve_host_header": flip("preserve_host_header"), "scheme": "internal",
            "security_groups": [to("spare.security_group")], "subnets": [to("vpc.public/a"), to("vpc.public/b")],
            "waf_fail_open": flip("waf_fail_open"), "xff_header_processing_mode": "preserve" }),
        "aws.log_group" => {
            json!({ "kms_key": to("observability.key"), "log_group_name": "/reeve/hostedehr/changed", "retention_in_days": 90 })
        }
        "aws.mount_target" => json!({ "file_system": to("spare.file_system"), "security_groups": [to("spare.security_group")],
            "subnet": to("vpc.private/b") }),
        "aws.nat_gateway" => json!({ "allocation": to("spare.elastic_ip"), "internet_gateway": null, "subnet": to("vpc.public/b") }),
        "aws.network_acl" => json!({ "entries": [entry], "subnets": [to("spare.subnet")], "vpc": to("spare.vpc") }),
        "aws.bundle" => json!({ "bucket": to("spare.bucket"), "sha256": crate::spare::bundles().1[1] }),
        "aws.object" => {
            json!({ "body": "changed", "bucket": to("spare.bucket"), "content_type": "application/json", "key": "reeve/changed" })
        }
        "aws.parameter" => json!({ "value": "changed" }),
        "aws.policy" => json!({ "policy_document": policy("*") }),
        "aws.record" => json!({ "keep": flip("keep"), "name": "changed.hostedehr.org", "ttl": 60, "type": "TXT", "values": ["192.0.2.7"] }),
        "aws.report_plan" => json!({ "formats": ["JSON"], "report_template": "COPY_JOB_REPORT", "s3_bucket": to("spare.bucket"),
            "s3_key_prefix": "changed" }),
        "aws.role" => json!({ "assume_role_policy_document": trusts("ecs-tasks.amazonaws.com"),
            "aws_managed_policies": ["CloudWatchAgentServerPolicy"], "description": "changed", "inline_policies": [],
            "managed_policies": [to("spare.policy")], "max_session_duration": 7200,
            "permissions_boundary": "arn:aws:iam::aws:policy/ReadOnlyAccess" }),
        "aws.route_table" => json!({ "routes": [{ "destination_cidr_block": "198.51.100.0/24", "gateway": to("vpc.internet_gateway") }],
            "subnets": [to("spare.subnet")], "vpc": to("spare.vpc") }),
        "aws.security_group" => json!({ "description": "changed", "egress": [rule], "ingress": [rule], "vpc": to("spare.vpc") }),
        "aws.service_linked_role" => json!({ "aws_service_name": "rds.amazonaws.com" }),
        "aws.subnet" => json!({ "availability_zone": "us-east-1b", "cidr_block": "10.20.80.0/20",
            "map_public_ip_on_launch": flip("map_public_ip_on_launch"), "vpc": to("spare.vpc") }),
        "aws.subscription" => json!({ "endpoint": "changed@hostedehr.org", "protocol": "https", "topic": to("spare.topic") }),
        "aws.target_group" => {
            json!({ "deregistration_delay_seconds": 30, "health_check_interval_seconds": 20, "health_check_path": "/changed",
            "health_check_port": 8444, "health_check_protocol": "HTTP", "health_check_timeout_seconds": 7, "healthy_threshold_count": 4,
            "load_balancing_algorithm": "round_robin", "matcher": "200-204", "port": 8443, "protocol": "HTTP", "protocol_version": "HTTP2",
            "slow_start_seconds": 60, "target_type": "ip", "unhealthy_threshold_count": 6, "vpc": to("spare.vpc") })
        }
        "aws.topic" => {
            json!({ "kms_master_key": to("observability.key"), "policy": guarded("sns:Publish", "${ref(\"spare.topic\").arn}") })
        }
        "aws.trail" => json!({ "cloud_watch_logs_log_group": to("spare.log_group"), "cloud_watch_logs_role": to("spare.role"),
            "enable_log_file_validation": flip("enable_log_file_validation"),
            "include_global_service_events": flip("include_global_service_events"), "is_multi_region_trail": flip("is_multi_region_trail"),
            "kms_key": to("files.key"), "logging": flip("logging"), "s3_bucket": to("spare.bucket") }),
        "aws.vpc" => json!({ "cidr_block": "10.31.0.0/16", "enable_dns_hostnames": flip("enable_dns_hostnames"),
            "enable_dns_support": flip("enable_dns_support") }),
        "aws.vpc_endpoint" => json!({ "policy_document": guarded("sns:Publish", "*"), "private_dns_enabled": flip("private_dns_enabled"),
            "security_groups": [to("spare.security_group")],
            "service_name": "com.amazonaws.us-east-1.sqs", "subnets": private(&["a"]), "vpc": to("spare.vpc"),
            "vpc_endpoint_type": "Gateway" }),
        "aws.web_acl" => {
            let mut rules = was["rules"].clone();
            rules[0]["rate_based"]["limit"] = json!(5000);
            json!({ "default_action": "block", "rules": rules, "sampled_requests_enabled": flip("sampled_requests_enabled") })
        }
        "aws.web_acl_association" => json!({ "resource": to("spare.load_balancer"), "web_acl": to("spare.web_acl") }),
        "aws.web_acl_logging" => json!({ "log_group": to("edge.spare_log_group"), "redact_query_string": flip("redact_query_string"),
            "redacted_headers": ["authorization"], "web_acl": to("spare.web_acl") }),
        _ => json!({}),
    }
}

/// What has to change along with a field, because the kind does not take its other value alone.
pub fn along(kind: &str, field: &str) -> Value {
    match (kind, field) {
        ("aws.db_instance", "storage_encrypted") => json!({ "kms_key": null }),
        ("aws.file_system", "performance_mode") => json!({ "throughput_mode": "bursting" }),
        ("aws.subnet", "vpc") => json!({ "cidr_block": "10.30.16.0/20" }),
        ("aws.subscription", "protocol") => json!({ "endpoint": "https://changed.hostedehr.org/alarms" }),
        ("aws.vpc_endpoint", "vpc_endpoint_type") => json!({ "private_dns_enabled": false, "security_groups": [], "subnets": [],
            "service_name": "com.amazonaws.us-east-1.dynamodb" }),
        _ => json!({}),
    }
}

/// The same for fields that the spare object cannot have: address, field, value.
pub fn elsewhere(kind: &str) -> Vec<(&'static str, &'static str, Value)> {
    match kind {
        // Switched off, it has no retention: so the spare server keeps it.
        "aws.db_instance" => vec![("database.server", "enable_performance_insights", json!(false))],
        // Without rotation there is no period, so the spare key keeps it.
        "aws.key" => vec![("files.key", "enable_key_rotation", json!(false))],
        "aws.vpc_endpoint" => vec![("vpc.endpoint/s3", "route_tables", json!([to("vpc.public_routes")]))],
        "aws.parameter" => {
            vec![("tenant/ckwc.secret", "generate", json!({ "length": 40 })), ("tenant/ckwc.secret", "kms_key", to("files.key"))]
        }
        "aws.record" => vec![(
            "edge.apex",
            "alias",
            json!({ "dns_name": "${ref(\"spare.front\").dns_name}", "zone_id": "${ref(\"spare.front\").zone_id}",
                "evaluate_target_health": false }),
        )],
        _ => Vec::new(),
    }
}
