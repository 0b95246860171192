//! RDS, EFS, KMS and Backup.

use super::{Control, row};
use crate::estate::{anybody, holds, items, only_tls, statements};

pub const CONTROLS: &[Control] = &[
    // RDS
    row(
        "rds_instance_storage_encrypted, RDS.3",
        |e| e.each("aws.db_instance", |s| s["storage_encrypted"] == true && s["kms_key"].is_string()),
        ("database.server", "/storage_encrypted", "false"),
    ),
    row(
        "rds_instance_multi_az, RDS.5",
        |e| e.each("aws.db_instance", |s| s["multi_az"] == true),
        ("database.server", "/multi_az", "false"),
    ),
    row(
        "rds_instance_backup_enabled, RDS.11",
        |e| e.each("aws.db_instance", |s| s["backup_retention_period"] == 35),
        ("database.server", "/backup_retention_period", "0"),
    ),
    row(
        "rds_instance_no_public_access, RDS.2",
        |e| e.each("aws.db_instance", |s| s["publicly_accessible"] == false),
        ("database.server", "/publicly_accessible", "true"),
    ),
    row(
        "rds_instance_integration_cloudwatch_logs, RDS.9",
        |e| e.each("aws.db_instance", |s| items(s, "enable_cloudwatch_logs_exports").count() > 0),
        ("database.server", "/enable_cloudwatch_logs_exports", "[]"),
    ),
    row(
        "rds_instance_transport_encrypted, RDS.38, RDS.39",
        |e| e.each("aws.db_parameter_group", |s| s["parameters"]["require_secure_transport"] == "1"),
        ("database.parameters", "/parameters/require_secure_transport", "\"ON\""),
    ),
    row(
        "rds_instance_deletion_protection, RDS.8",
        |e| e.each("aws.db_instance", |s| s["deletion_protection"] == true),
        ("database.server", "/deletion_protection", "false"),
    ),
    row(
        "rds_instance_iam_authentication_enabled, RDS.10",
        |e| e.each("aws.db_instance", |s| s["enable_iam_database_authentication"] == true),
        ("database.server", "/enable_iam_database_authentication", "false"),
    ),
    row(
        "rds_instance_minor_version_upgrade_enabled, RDS.13",
        |e| e.each("aws.db_instance", |s| s["auto_minor_version_upgrade"] == true),
        ("database.server", "/auto_minor_version_upgrade", "false"),
    ),
    row(
        "rds_instance_copy_tags_to_snapshots, RDS.17",
        |e| e.each("aws.db_instance", |s| s["copy_tags_to_snapshot"] == true),
        ("database.server", "/copy_tags_to_snapshot", "false"),
    ),
    row(
        "rds_instance_enhanced_monitoring_enabled, RDS.6",
        |e| e.each("aws.db_instance", |s| s["monitoring_interval"].as_u64() > Some(0) && s["monitoring_role"].is_string()),
        ("database.server", "/monitoring_interval", "0"),
    ),
    row(
        "rds_instance_default_admin, RDS.25",
        |e| {
            e.each("aws.db_instance", |s| {
                !["admin", "postgres", "root", "mysql"].contains(&s["master_username"].as_str().unwrap_or("admin"))
            })
        },
        ("database.server", "/master_username", "\"admin\""),
    ),
    row(
        "rds_instance_non_default_port, RDS.23",
        |e| e.each("aws.db_instance", |s| s["port"].as_u64().is_some_and(|port| port != 3306)),
        ("database.server", "/port", "3306"),
    ),
    row(
        "rds_instance_critical_event_subscription, RDS.20",
        |e| {
            e.any("aws.db_event_subscription", |s| {
                s["source_type"] == "db-instance"
                    && ["maintenance", "configuration change", "failure"].iter().all(|one| holds(&s["event_categories"], one))
            })
        },
        ("database.events/instance", "/event_categories", "[\"failure\"]"),
    ),
    row(
        "rds_instance_event_subscription_parameter_groups, RDS.21",
        |e| {
            e.any("aws.db_event_subscription", |s| {
                s["source_type"] == "db-parameter-group" && holds(&s["event_categories"], "configuration change")
            })
        },
        ("database.events/parameter-group", "/event_categories", "[]"),
    ),
    row(
        "rds_instance_event_subscription_security_groups, RDS.22",
        |e| {
            e.any("aws.db_event_subscription", |s| {
                s["source_type"] == "db-security-group"
                    && ["configuration change", "failure"].iter().all(|one| holds(&s["event_categories"], one))
            })
        },
        ("database.events/security-group", "/event_categories", "[]"),
    ),
    row(
        "rds_instance_protected_by_backup_plan",
        |e| e.unnamed("aws.db_instance", "aws.backup_selection", "resources"),
        ("backup.selection", "/resources", "[]"),
    ),
    row(
        "rds_instance_inside_vpc, RDS.18",
        |e| {
            e.each("aws.db_subnet_group", |s| {
                items(s, "subnets").count() > 1 && items(s, "subnets").all(|one| one.to_string().contains("vpc.private/"))
            })
        },
        ("database.subnets", "/subnets/-", "\"${ref(\\\"vpc.public/a\\\")}\""),
    ),
    row(
        "performance insights with a customer key",
        |e| e.each("aws.db_instance", |s| s["enable_performance_insights"] == true && s["performance_insights_kms_key"].is_string()),
        ("database.server", "/performance_insights_kms_key", "null"),
    ),
    // EFS
    row(
        "efs_encryption_at_rest_enabled, EFS.1",
        |e| e.each("aws.file_system", |s| s["encrypted"] == true && s["kms_key"].is_string()),
        ("files.file_system", "/encrypted", "false"),
    ),
    row(
        "efs_have_backup_enabled, EFS.2",
        |e| {
            let mut all = e.each("aws.file_system", |s| s["backup"] == true);
            all.extend(e.unnamed("aws.file_system", "aws.backup_selection", "resources"));
            all
        },
        ("files.file_system", "/backup", "false"),
    ),
    row(
        "efs_not_publicly_accessible",
        |e| e.each("aws.file_system", |s| only_tls(s, "policy") && !statements(s, "policy").any(anybody)),
        ("files.file_system", "/policy/Statement/0/Principal", "\"*\""),
    ),
    row(
        "efs_mount_target_not_publicly_accessible",
        |e| e.each("aws.mount_target", |s| s["subnet"].to_string().contains("vpc.private/")),
        ("files.mount/a", "/subnet", "\"${ref(\\\"vpc.public/a\\\")}\""),
    ),
    row(
        "efs_multi_az_enabled",
        |e| e.unnamed("aws.subnet", "aws.mount_target", "subnet").into_iter().filter(|at| at.starts_with("vpc.private/")).collect(),
        ("files.mount/a", "/subnet", "null"),
    ),
    row(
        "efs_access_point_enforce_root_directory",
        |e| e.each("aws.access_point", |s| s["root_directory"]["path"].as_str().is_some_and(|path| path != "/")),
        ("files.access_point", "/root_directory/path", "\"/\""),
    ),
    row(
        "efs_access_point_enforce_user_identity",
        |e| e.each("aws.access_point", |s| s["posix_user"]["uid"].as_u64() > Some(0)),
        ("files.access_point", "/posix_user", "null"),
    ),
    // KMS
    row(
        "kms_cmk_rotation_enabled, KMS.4",
        |e| e.each("aws.key", |s| s["enable_key_rotation"] == true),
        ("files.key", "/enable_key_rotation", "false"),
    ),
    row(
        "kms_key_not_publicly_accessible, KMS.5",
        |e| e.each("aws.key", |s| !statements(s, "policy").any(anybody)),
        ("fleet.key", "/policy/Statement/0/Principal", "\"*\""),
    ),
    // Backup
    row(
        "backup_vaults_exist, backup_vaults_encrypted",
        |e| e.each("aws.backup_vault", |s| s["encryption_key"].is_string()),
        ("backup.vault", "/encryption_key", "null"),
    ),
    row(
        "the backup vault is locked",
        |e| e.each("aws.backup_vault", |s| s["min_retention_days"].as_u64() > Some(0)),
        ("backup.vault", "/min_retention_days", "null"),
    ),
    row(
        "backup_plans_exist",
        |e| e.each("aws.backup_plan", |s| s["rules"].as_object().is_some_and(|rules| !rules.is_empty())),
        ("backup.plan", "/rules", "{}"),
    ),
    row("backup_reportplans_exist", |e| e.each("aws.report_plan", |s| s["s3_bucket"].is_string()), ("backup.report", "/s3_bucket", "null")),
    row(
        "backups name resources by tag as well",
        |e| e.any("aws.backup_selection", |s| s["conditions"]["reeve:stack"].is_string()),
        ("backup.tagged", "/conditions", "{}"),
    ),
];
