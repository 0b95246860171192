//! Auto Scaling, logs, S3, IAM, CloudTrail, SNS, SSM.

use super::{Control, row};
use crate::estate::{anybody, holds, items, only_tls, statements};

pub const CONTROLS: &[Control] = &[
    // Auto Scaling
    row(
        "autoscaling_group_multiple_az, AutoScaling.2",
        |e| e.each("aws.autoscaling_group", |s| items(s, "subnets").count() > 1),
        ("fleet.workers", "/subnets", "[]"),
    ),
    row(
        "autoscaling_group_using_ec2_launch_template",
        |e| e.each("aws.autoscaling_group", |s| s["launch_template"].is_string()),
        ("fleet.workers", "/launch_template", "null"),
    ),
    row(
        "hosts may start with volumes under the stack's key",
        |e| {
            e.any("aws.key", |s| {
                statements(s, "policy")
                    .any(|one| one["Principal"].to_string().contains("fleet.autoscaling") && holds(&one["Action"], "kms:CreateGrant"))
            })
        },
        ("fleet.key", "/policy", "null"),
    ),
    row(
        "hosts are patched (S15)",
        |e| e.any("aws.association", |s| s["name"] == "AWS-RunPatchBaseline"),
        ("fleet.patching", "/name", "\"other\""),
    ),
    // Logs, S3, IAM, CloudTrail, SNS, SSM
    row(
        "cloudwatch_log_group_kms_encryption_enabled",
        |e| e.each("aws.log_group", |s| s["kms_key"].is_string()),
        ("fleet.log_group", "/kms_key", "null"),
    ),
    row(
        "cloudwatch_log_group_retention_policy_specific_days_enabled (six years by default)",
        |e| e.each("aws.log_group", |s| s["retention_in_days"] == 2192),
        ("fleet.log_group", "/retention_in_days", "30"),
    ),
    row(
        "s3_bucket_level_public_access_block, s3_bucket_public_access",
        |e| e.each("aws.bucket", |s| s["public_access_block"] == true && !statements(s, "policy").any(anybody)),
        ("edge.logs", "/public_access_block", "false"),
    ),
    row("s3_bucket_object_versioning", |e| e.each("aws.bucket", |s| s["versioning"] == true), ("edge.logs", "/versioning", "false")),
    row("s3_bucket_secure_transport_policy", |e| e.each("aws.bucket", |s| only_tls(s, "policy")), ("edge.logs", "/policy", "null")),
    row(
        "s3_bucket_kms_encryption (but for the logs of load balancers, which support SSE-S3 only)",
        |e| {
            e.of("aws.bucket")
                .into_iter()
                .filter(|(at, s)| *at != "edge.logs" && !s["kms_key"].is_string())
                .map(|(at, _)| at.to_owned())
                .collect()
        },
        ("observability.trail_bucket", "/kms_key", "null"),
    ),
    row(
        "s3_bucket_server_access_logging_enabled (but for the bucket that the records go to)",
        |e| {
            e.of("aws.bucket")
                .into_iter()
                .filter(|(at, s)| *at != "edge.logs" && s["logging"]["target_bucket"] != "${ref(\"edge.logs\")}")
                .map(|(at, _)| at.to_owned())
                .collect()
        },
        ("observability.trail_bucket", "/logging", "null"),
    ),
    row(
        "iam_inline_policy_no_administrative_privileges (no inline policies)",
        |e| e.each("aws.role", |s| items(s, "inline_policies").count() == 0),
        ("fleet.role", "/inline_policies/-", "\"x\""),
    ),
    row(
        "iam_customer_attached_policy_no_administrative_privileges",
        |e| {
            e.each("aws.policy", |s| {
                statements(s, "policy_document")
                    .all(|one| !items(one, "Action").any(|action| action == "*" || action.as_str().unwrap_or_default().ends_with(":*")))
            })
        },
        ("fleet.policy", "/policy_document/Statement/0/Action", "[\"*\"]"),
    ),
    row(
        "cloudtrail_multi_region_enabled",
        |e| {
            e.each("aws.trail", |s| {
                s["is_multi_region_trail"] == true && s["include_global_service_events"] == true && s["logging"] == true
            })
        },
        ("observability.trail", "/is_multi_region_trail", "false"),
    ),
    row(
        "cloudtrail_log_file_validation_enabled",
        |e| e.each("aws.trail", |s| s["enable_log_file_validation"] == true),
        ("observability.trail", "/enable_log_file_validation", "false"),
    ),
    row(
        "cloudtrail_kms_encryption_enabled",
        |e| e.each("aws.trail", |s| s["kms_key"].is_string()),
        ("observability.trail", "/kms_key", "null"),
    ),
    row(
        "cloudtrail_cloudwatch_logging_enabled",
        |e| e.each("aws.trail", |s| s["cloud_watch_logs_log_group"].is_string()),
        ("observability.trail", "/cloud_watch_logs_log_group", "null"),
    ),
    row(
        "sns_topics_kms_encryption_at_rest_enabled",
        |e| e.each("aws.topic", |s| s["kms_master_key"].is_string()),
        ("observability.topic", "/kms_master_key", "null"),
    ),
];
