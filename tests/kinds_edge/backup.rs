//! Vault, plan, selection and report.

use reeve::kinds::aws::backup_plan::BackupPlan;
use reeve::kinds::aws::backup_selection::BackupSelection;
use reeve::kinds::aws::backup_vault::BackupVault;
use reeve::kinds::aws::report_plan::ReportPlan;
use serde_json::json;

use super::spec;
use super::support::{Life, account};

const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-4000-8000-000000000000";

#[tokio::test]
async fn a_vault_is_locked_and_unlocked() {
    let aws = account("vaults").await;
    let life = Life { aws: &aws, address: "backup.vault" };
    let made = life
        .lives(&[
            spec::<BackupVault>(json!({ "encryption_key": KEY, "min_retention_days": 7 })),
            spec(json!({ "encryption_key": KEY, "min_retention_days": 30, "max_retention_days": 400 })),
            spec(json!({ "encryption_key": KEY })),
        ])
        .await;
    life.dies::<BackupVault>(&made.id).await;
}

#[tokio::test]
async fn a_plan_selects_what_it_backs_up() {
    let aws = account("plans").await;
    let vault = Life { aws: &aws, address: "backup.vault" }.create(&spec::<BackupVault>(json!({ "encryption_key": KEY }))).await;
    let life = Life { aws: &aws, address: "backup.plan" };
    let daily = json!({ "target_backup_vault": vault.id, "schedule_expression": "cron(0 3 * * ? *)", "delete_after_days": 35 });
    let monthly = json!({ "target_backup_vault": vault.id, "schedule_expression": "cron(0 4 1 * ? *)", "delete_after_days": 400,
        "move_to_cold_storage_after_days": 30, "start_window_minutes": 60, "completion_window_minutes": 600,
        "schedule_expression_timezone": "Africa/Nairobi", "recovery_point_tags": { "kept": "monthly" },
        "copy_actions": [{ "destination_backup_vault": "arn:aws:backup:eu-west-1:123456789012:backup-vault:far", "delete_after_days": 90 }] });
    let made = life
        .lives(&[
            spec::<BackupPlan>(json!({ "rules": { "daily": daily } })),
            spec(json!({ "rules": { "daily": daily, "monthly": monthly } })),
            spec(json!({ "rules": { "monthly": monthly } })),
        ])
        .await;

    let selection = Life { aws: &aws, address: "backup.selection" };
    let want = spec::<BackupSelection>(json!({ "backup_plan": made.id, "selection_name": "estate",
        "iam_role": "arn:aws:iam::123456789012:role/reeve/backup",
        "resources": ["arn:aws:rds:us-east-1:123456789012:db:one", "arn:aws:elasticfilesystem:us-east-1:123456789012:file-system/fs-1"],
        "list_of_tags": { "reeve:stack": "plans" } }));
    let selected = selection.lives(&[want]).await;
    selection.dies::<BackupSelection>(&selected.id).await;
    let tagged = spec::<BackupSelection>(json!({ "backup_plan": made.id, "selection_name": "tagged",
        "iam_role": "arn:aws:iam::123456789012:role/reeve/backup", "resources": ["arn:aws:rds:*:*:db:*"],
        "conditions": { "reeve:stack": "plans" } }));
    let selected = selection.lives(&[tagged]).await;
    selection.dies::<BackupSelection>(&selected.id).await;
    life.dies::<BackupPlan>(&made.id).await;
}

#[tokio::test]
async fn a_copy_that_is_to_stay_for_ever_says_so_and_does_not_take_its_source_s_end() {
    let aws = account("copies").await;
    let vault = Life { aws: &aws, address: "backup.vault" }.create(&spec::<BackupVault>(json!({ "encryption_key": KEY }))).await;
    let life = Life { aws: &aws, address: "backup.plan" };
    let far = "arn:aws:backup:eu-west-1:123456789012:backup-vault:far";
    let want =
        spec::<BackupPlan>(json!({ "rules": { "daily": { "target_backup_vault": vault.id, "schedule_expression": "cron(0 3 * * ? *)",
        "delete_after_days": 35, "copy_actions": [{ "destination_backup_vault": far }] } } }));
    let made = life.lives(std::slice::from_ref(&want)).await;
    let written = aws.backup.get_backup_plan().backup_plan_id(&made.id).send().await.unwrap().backup_plan.unwrap();
    let copy = written.rules()[0].copy_actions()[0].lifecycle().expect("it is said");
    assert_eq!((copy.delete_after_days(), copy.move_to_cold_storage_after_days()), (Some(36_500), None));

    // One that somebody wrote without a word goes with its source, and that is another thing.
    let bare = aws_sdk_backup::types::CopyAction::builder().destination_backup_vault_arn(far).build().unwrap();
    let life_of_rule = aws_sdk_backup::types::Lifecycle::builder().delete_after_days(35).build();
    let rule =
        aws_sdk_backup::types::BackupRuleInput::builder().rule_name("daily").target_backup_vault_name(&vault.id).lifecycle(life_of_rule);
    let rule = rule.schedule_expression("cron(0 3 * * ? *)").copy_actions(bare).build().unwrap();
    let plan = aws_sdk_backup::types::BackupPlanInput::builder().backup_plan_name(written.backup_plan_name()).rules(rule).build().unwrap();
    aws.backup.update_backup_plan().backup_plan_id(&made.id).backup_plan(plan).send().await.unwrap();
    let live = life.live::<BackupPlan>(&made.id).await.unwrap().shape;
    assert_eq!(live.rules["daily"].copy_actions[0].delete_after_days, Some(35));
    assert_ne!(live, want);
}

#[tokio::test]
async fn a_report_is_written_to_a_bucket() {
    let aws = account("reports").await;
    let life = Life { aws: &aws, address: "backup.report" };
    let made = life
        .lives(&[
            spec::<ReportPlan>(json!({ "s3_bucket": "one" })),
            spec(json!({ "s3_bucket": "two", "s3_key_prefix": "reports", "formats": ["CSV", "JSON"], "report_template": "RESTORE_JOB_REPORT" })),
        ])
        .await;
    assert!(!made.id.contains('-'), "{}", made.id);
    life.dies::<ReportPlan>(&made.id).await;
}
