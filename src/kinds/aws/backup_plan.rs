//! A backup plan: when recovery points are made, and how long they are kept.
//!
//! API: <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_CreateBackupPlan.html>. What is backed up is an
//! `aws.backup_selection`. Does not touch advanced (VSS), index and scan settings.

use std::collections::BTreeMap;

use aws_sdk_backup::types as bk;
use aws_smithy_types::error::operation::BuildError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::backup_vault::BackupVault;
use super::support::backup::{arn, mark, plans, tags};
use super::support::side_by_side;
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::{Marks, Ref, Text};
use crate::planes::Aws;
use crate::planes::error::{Absent, Class, Error, Result};

/// A backup plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupPlan {
    /// Its rules by name.
    pub rules: BTreeMap<String, Rule>,
}

/// One rule of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Where its recovery points are kept.
    pub target_backup_vault: Ref<BackupVault>,
    /// When: `cron(0 3 * * ? *)`.
    pub schedule_expression: String,
    /// The time zone of the schedule. Default: Etc/UTC.
    #[serde(default = "utc")]
    pub schedule_expression_timezone: String,
    /// Minutes within which a backup has to begin, 60 or more. Default: 480.
    #[serde(default = "eight_hours")]
    pub start_window_minutes: u32,
    /// Minutes within which it has to end. Default: 10080.
    #[serde(default = "week")]
    pub completion_window_minutes: u32,
    /// Days it is kept. Default: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_after_days: Option<u32>,
    /// Days after which it moves to cheaper storage, where it has to stay for 90 more. Default: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub move_to_cold_storage_after_days: Option<u32>,
    /// Every moment of the days it is kept (35 at most) can be restored, where the service can. Default: false.
    #[serde(default)]
    pub enable_continuous_backup: bool,
    /// Tags of its recovery points. Default: none but those of what is backed up.
    #[serde(default)]
    pub recovery_point_tags: BTreeMap<String, String>,
    /// Vaults, in this or another region, that get a copy: ARN and days it is kept there. Default: none.
    #[serde(default)]
    pub copy_actions: Vec<CopyAction>,
}

/// A copy in another vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CopyAction {
    /// The ARN of the other vault.
    pub destination_backup_vault: Text,
    /// Days the copy is kept. Default: a hundred years, the longest there is, however long the rule keeps its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_after_days: Option<u32>,
}

fn utc() -> String {
    "Etc/UTC".into()
}
fn eight_hours() -> u32 {
    480
}
fn week() -> u32 {
    10_080
}

impl Named for BackupPlan {
    const NAME: &'static str = "aws.backup_plan";
}

impl Kind for BackupPlan {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/aws-backup/latest/devguide/API_CreateBackupPlan.html";
    const TAGS: Tags = Tags::Backup("backup-plan");
    const ATTRIBUTES: &'static [&'static str] = &["arn"];

    fn check(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        if self.rules.is_empty() {
            wrong.push(("rules".into(), "a plan needs a rule".into()));
        }
        for (name, rule) in &self.rules {
            let mut say = |field: &str, message: &str| wrong.push((format!("rules.{name}.{field}"), message.to_owned()));
            if !rule.schedule_expression.starts_with("cron(") || !rule.schedule_expression.ends_with(')') {
                say("schedule_expression", "is written `cron(minute hour day month weekday year)`");
            }
            if rule.start_window_minutes < 60 {
                say("start_window_minutes", "is 60 or more");
            }
            if rule.completion_window_minutes < rule.start_window_minutes + 60 {
                say("completion_window_minutes", "is an hour more than `start_window_minutes`, or longer");
            }
            if let (Some(cold), Some(days)) = (rule.move_to_cold_storage_after_days, rule.delete_after_days)
                && days < cold + 90
            {
                say("delete_after_days", "is 90 days more than `move_to_cold_storage_after_days`, or longer");
            }
            if rule.copy_actions.iter().any(|copy| copy.delete_after_days.is_some_and(|days| days >= FOR_EVER)) {
                say("copy_actions", "have `delete_after_days` below 36500: leave it out for the longest there is");
            }
            if rule.enable_continuous_backup && !rule.delete_after_days.is_some_and(|days| (1..=35).contains(&days)) {
                say("delete_after_days", "is 1 to 35 with `enable_continuous_backup`");
            }
        }
        wrong
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let ours = plans(cx).await?;
        let read = ours.iter().map(|one| async move {
            let id = one.it.backup_plan_id().unwrap_or_default();
            let plan = get(cx, id).await?;
            let made_at = one.it.creation_date().map(ToString::to_string).unwrap_or_default();
            Ok::<_, Error>(Live { id: id.to_owned(), attributes: known(cx, id), shape: shape(&plan), marks: one.marks.clone(), made_at })
        });
        side_by_side(read).await
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let call = cx.backup.create_backup_plan().backup_plan(input(&new.name(50), &new.want)?).creator_request_id(&new.token);
        let out = call.set_backup_plan_tags(Some(tags(&new.marks))).send().await?;
        let id = out.backup_plan_id.ok_or_else(|| Error::incomplete("backup.CreateBackupPlan", "id"))?;
        Ok(Made { attributes: known(cx, &id), id })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        // A plan is replaced as a whole, and its name belongs to it.
        let name = get(cx, &change.id).await?.backup_plan_name;
        cx.backup.update_backup_plan().backup_plan_id(&change.id).backup_plan(input(&name, &change.want)?).send().await?;
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        cx.backup.delete_backup_plan().backup_plan_id(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        get(cx, id).await?;
        Ok(Ready::Yes(known(cx, id)))
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        mark(cx, &arn(cx, "backup-plan", id), marks).await
    }
}

async fn get(cx: &Aws, id: &str) -> Result<bk::BackupPlan> {
    let out = cx.backup.get_backup_plan().backup_plan_id(id).send().await?;
    // A deleted plan can still be read by its id.
    let plan = out.backup_plan.filter(|_| out.deletion_date.is_none());
    plan.ok_or_else(|| Error::not_found("backup.GetBackupPlan", id))
}

fn known(cx: &Aws, id: &str) -> Attributes {
    attributes([("arn", &arn(cx, "backup-plan", id))])
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn broken(error: BuildError) -> Error {
    Error::new(Class::Invalid, BackupPlan::NAME, error.to_string())
}

fn lifecycle(delete: Option<u32>, cold: Option<u32>) -> Option<bk::Lifecycle> {
    (delete.is_some() || cold.is_some()).then(|| {
        let days = bk::Lifecycle::builder().set_delete_after_days(delete.map(i64::from));
        days.set_move_to_cold_storage_after_days(cold.map(i64::from)).build()
    })
}

/// The longest that AWS Backup knows, a hundred years: a copy without a lifecycle, and one whose days are -1, goes with its source.
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/recov-point-create-a-copy.html>
const FOR_EVER: u32 = 36_500;

/// Days the copy is kept, as it is and as the rule's own points are.
fn copy_days(copy: Option<i64>, rule: Option<u32>) -> Option<u32> {
    copy.and_then(|days| u32::try_from(days).ok()).filter(|days| *days > 0).or(rule).filter(|days| *days < FOR_EVER)
}

fn input(name: &str, want: &BackupPlan) -> Result<bk::BackupPlanInput> {
    let mut plan = bk::BackupPlanInput::builder().backup_plan_name(name);
    for (name, rule) in &want.rules {
        let tags = (!rule.recovery_point_tags.is_empty()).then(|| rule.recovery_point_tags.clone().into_iter().collect());
        let mut built = bk::BackupRuleInput::builder()
            .rule_name(name)
            .target_backup_vault_name(rule.target_backup_vault.id())
            .schedule_expression(&rule.schedule_expression)
            .schedule_expression_timezone(&rule.schedule_expression_timezone)
            .start_window_minutes(rule.start_window_minutes.into())
            .completion_window_minutes(rule.completion_window_minutes.into())
            .enable_continuous_backup(rule.enable_continuous_backup)
            .set_lifecycle(lifecycle(rule.delete_after_days, rule.move_to_cold_storage_after_days))
            .set_recovery_point_tags(tags);
        for copy in &rule.copy_actions {
            let action = bk::CopyAction::builder().destination_backup_vault_arn(copy.destination_backup_vault.as_str());
            built = built
                .copy_actions(action.set_lifecycle(lifecycle(copy.delete_after_days.or(Some(FOR_EVER)), None)).build().map_err(broken)?);
        }
        plan = plan.rules(built.build().map_err(broken)?);
    }
    plan.build().map_err(broken)
}

fn shape(plan: &bk::BackupPlan) -> BackupPlan {
    let days = |days: Option<i64>| days.and_then(|days| u32::try_from(days).ok()).filter(|days| *days > 0);
    let minutes = |minutes: Option<i64>, default: u32| minutes.and_then(|minutes| minutes.try_into().ok()).unwrap_or(default);
    let rules = plan.rules().iter().map(|rule| {
        let life = rule.lifecycle();
        let kept = days(life.and_then(bk::Lifecycle::delete_after_days));
        let copies = rule.copy_actions().iter().map(|copy| CopyAction {
            destination_backup_vault: copy.destination_backup_vault_arn().into(),
            delete_after_days: copy_days(copy.lifecycle().and_then(bk::Lifecycle::delete_after_days), kept),
        });
        let shape = Rule {
            target_backup_vault: Ref::to(rule.target_backup_vault_name()),
            schedule_expression: rule.schedule_expression().unwrap_or_default().to_owned(),
            schedule_expression_timezone: rule.schedule_expression_timezone().map_or_else(utc, str::to_owned),
            start_window_minutes: minutes(rule.start_window_minutes(), eight_hours()),
            completion_window_minutes: minutes(rule.completion_window_minutes(), week()),
            delete_after_days: kept,
            move_to_cold_storage_after_days: days(life.and_then(bk::Lifecycle::move_to_cold_storage_after_days)),
            enable_continuous_backup: rule.enable_continuous_backup().unwrap_or_default(),
            recovery_point_tags: rule.recovery_point_tags().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect(),
            copy_actions: copies.collect(),
        };
        (rule.rule_name().to_owned(), shape)
    });
    BackupPlan { rules: rules.collect() }
}
