//! A daily report of AWS Backup, written to a bucket: the proof that backups are made.
//!
//! API: <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_CreateReportPlan.html>.
//! Does not touch frameworks, and reports on other accounts and regions.

use std::collections::BTreeSet;

use aws_sdk_backup::types as bk;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bucket::Bucket;
use super::support::backup::{mark, owned, tags};
use super::support::described;
use super::support::elbv2::Owned;
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::{Marks, Ref};
use crate::planes::Aws;
use crate::planes::error::{Absent, Class, Error, Result};

/// A daily report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportPlan {
    /// The bucket that it is written to.
    pub s3_bucket: Ref<Bucket>,
    /// First part of each key. Default: none.
    #[serde(default)]
    pub s3_key_prefix: String,
    /// As what it is written. Default: CSV.
    #[serde(default = "csv")]
    pub formats: BTreeSet<Format>,
    /// What it reports on. Default: BACKUP_JOB_REPORT.
    #[serde(default)]
    pub report_template: Template,
}

/// As what a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "AWS's own words")]
pub enum Format {
    Csv,
    Json,
}

/// What a report is on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(clippy::enum_variant_names, missing_docs, reason = "AWS's own words")]
pub enum Template {
    #[default]
    BackupJobReport,
    CopyJobReport,
    RestoreJobReport,
}

impl Template {
    fn word(self) -> &'static str {
        match self {
            Self::BackupJobReport => "BACKUP_JOB_REPORT",
            Self::CopyJobReport => "COPY_JOB_REPORT",
            Self::RestoreJobReport => "RESTORE_JOB_REPORT",
        }
    }
}

fn csv() -> BTreeSet<Format> {
    BTreeSet::from([Format::Csv])
}

impl Named for ReportPlan {
    const NAME: &'static str = "aws.report_plan";
}

impl Kind for ReportPlan {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/aws-backup/latest/devguide/API_CreateReportPlan.html";
    const TAGS: Tags = Tags::ReportPlan;
    const ATTRIBUTES: &'static [&'static str] = &["arn", "name"];

    fn check(&self) -> Vec<(String, String)> {
        if self.formats.is_empty() { vec![("formats".into(), "a report needs a format".into())] } else { Vec::new() }
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let pages: Vec<_> = cx.backup.list_report_plans().into_paginator().send().collect::<std::result::Result<_, _>>().await?;
        let all: Vec<bk::ReportPlan> = pages.into_iter().flat_map(|page| page.report_plans.unwrap_or_default()).collect();
        // The listing shows descriptions but no tags; only those of a plan whose description someone wrote over cost a call.
        let (told, mute): (Vec<_>, Vec<_>) = all.into_iter().partition(|plan| in_description(cx, plan).is_some());
        let told = told.into_iter().filter_map(|it| in_description(cx, &it).map(|marks| Owned { it, marks }));
        let tagged = owned(cx, mute, bk::ReportPlan::report_plan_arn, |plan| Some((Self::NAME, plan.report_plan_name()?))).await?;
        told.chain(tagged)
            .map(|one| {
                let id = one.it.report_plan_name().unwrap_or_default().to_owned();
                let made_at = one.it.creation_time().map(ToString::to_string).unwrap_or_default();
                Ok(Live { id, attributes: known(&one.it), shape: shape(&one.it)?, marks: one.marks, made_at })
            })
            .collect()
    }

    /// Names of report plans have underscores, not hyphens.
    fn name_of(new: &New<Self>) -> Option<String> {
        Some(new.name(256).replace('-', "_"))
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let id = Self::name_of(new).unwrap_or_default();
        let call = cx.backup.create_report_plan().report_plan_name(&id).report_delivery_channel(channel(&new.want)?);
        let call = call.report_setting(setting(&new.want)?).report_plan_description(described::with_marks("", &new.marks));
        let call = call.idempotency_token(&new.token).set_report_plan_tags(Some(tags(&new.marks)));
        let out = call.send().await?;
        let arn = out.report_plan_arn.unwrap_or_default();
        Ok(Made { attributes: attributes([("arn", &arn), ("name", &id)]), id })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        let call = cx.backup.update_report_plan().report_plan_name(&change.id).report_delivery_channel(channel(&change.want)?);
        let call = call.report_setting(setting(&change.want)?).report_plan_description(described::with_marks("", &change.marks));
        call.idempotency_token(&change.token).send().await?;
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        cx.backup.delete_report_plan().report_plan_name(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        let plan = get(cx, id).await?;
        Ok(match plan.deployment_status() {
            Some(state @ ("CREATE_IN_PROGRESS" | "UPDATE_IN_PROGRESS" | "DELETE_IN_PROGRESS")) => Ready::NotYet(state.to_owned()),
            _ => Ready::Yes(known(&plan)),
        })
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        let plan = get(cx, id).await?;
        mark(cx, plan.report_plan_arn().unwrap_or_default(), marks).await?;
        let description = described::with_marks("", marks);
        if plan.report_plan_description() != Some(&description) {
            cx.backup.update_report_plan().report_plan_name(id).report_plan_description(description).send().await?;
        }
        Ok(())
    }
}

fn in_description(cx: &Aws, plan: &bk::ReportPlan) -> Option<Marks> {
    described::split(cx, plan.report_plan_description().unwrap_or_default()).1
}

async fn get(cx: &Aws, name: &str) -> Result<bk::ReportPlan> {
    let out = cx.backup.describe_report_plan().report_plan_name(name).send().await?;
    out.report_plan.ok_or_else(|| Error::not_found("backup.DescribeReportPlan", name))
}

fn known(plan: &bk::ReportPlan) -> Attributes {
    attributes([("arn", plan.report_plan_arn().unwrap_or_default()), ("name", plan.report_plan_name().unwrap_or_default())])
}

fn broken(error: impl std::fmt::Display) -> Error {
    Error::new(Class::Invalid, ReportPlan::NAME, error.to_string())
}

fn channel(want: &ReportPlan) -> Result<bk::ReportDeliveryChannel> {
    let formats = want.formats.iter().map(|format| if *format == Format::Csv { "CSV".to_owned() } else { "JSON".to_owned() }).collect();
    bk::ReportDeliveryChannel::builder()
        .s3_bucket_name(want.s3_bucket.id())
        .set_s3_key_prefix((!want.s3_key_prefix.is_empty()).then(|| want.s3_key_prefix.clone()))
        .set_formats(Some(formats))
        .build()
        .map_err(broken)
}

fn setting(want: &ReportPlan) -> Result<bk::ReportSetting> {
    bk::ReportSetting::builder().report_template(want.report_template.word()).build().map_err(broken)
}

fn shape(plan: &bk::ReportPlan) -> Result<ReportPlan> {
    let channel = plan.report_delivery_channel().ok_or_else(|| Error::incomplete("backup.ListReportPlans", "delivery channel"))?;
    let template = plan.report_setting().map(bk::ReportSetting::report_template).unwrap_or_default();
    Ok(ReportPlan {
        s3_bucket: Ref::to(channel.s3_bucket_name()),
        s3_key_prefix: channel.s3_key_prefix().unwrap_or_default().to_owned(),
        formats: channel.formats().iter().map(|format| if format == "JSON" { Format::Json } else { Format::Csv }).collect(),
        report_template: match template {
            "COPY_JOB_REPORT" => Template::CopyJobReport,
            "RESTORE_JOB_REPORT" => Template::RestoreJobReport,
            _ => Template::BackupJobReport,
        },
    })
}
