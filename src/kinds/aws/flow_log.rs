//! A flow log: which traffic a VPC let through and which it did not, written to CloudWatch Logs.
//!
//! API: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateFlowLogs.html>.
//! Nothing of it can change in place. That its records do not arrive is drift, which a plan names until they do.

use aws_sdk_ec2::types as ec2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::log_group::LogGroup;
use super::role::Role;
use super::support::{ec2_mark, ec2_ours, ec2_pairs, ec2_spec, unsuccessful};
use super::vpc::Vpc;
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags};
use crate::model::Marks;
use crate::model::field::Ref;
use crate::planes::Aws;
use crate::planes::error::{Absent, Class, Error, Result};

/// A flow log of a VPC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FlowLog {
    /// The network whose traffic it logs.
    #[schemars(extend("x-replace" = true))]
    pub resource: Ref<Vpc>,
    /// The log group that it writes to.
    #[schemars(extend("x-replace" = true))]
    pub log_group: Ref<LogGroup>,
    /// The role that lets it write there.
    #[schemars(extend("x-replace" = true))]
    pub deliver_logs_permission: Ref<Role>,
    /// Which traffic. Default: ALL.
    #[serde(default)]
    #[schemars(extend("x-replace" = true))]
    pub traffic_type: Traffic,
    /// The fields of a record. Default: AWS's own, `${version} ${account-id} ... ${action} ${log-status}`.
    /// Fields: <https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html>
    #[serde(default = "records")]
    #[schemars(extend("x-replace" = true))]
    pub log_format: String,
    /// Seconds that a record covers: 60 or 600. Default: 600.
    #[serde(default = "ten_minutes")]
    #[schemars(extend("x-replace" = true))]
    pub max_aggregation_interval: i32,
    /// Whether its records arrive, as AWS says. Always SUCCESS: that they do not is drift.
    #[serde(default)]
    pub deliver_logs_status: Delivery,
}

/// Whether records arrive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Delivery {
    /// They do.
    #[default]
    Success,
    /// They do not.
    Failed,
}

/// Which traffic is logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Traffic {
    /// All of it.
    #[default]
    All,
    /// What was let through.
    Accept,
    /// What was not.
    Reject,
}

fn records() -> String {
    "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} ${bytes} ${start} ${end} \
     ${action} ${log-status}"
        .into()
}

fn ten_minutes() -> i32 {
    600
}

impl Named for FlowLog {
    const NAME: &'static str = "aws.flow_log";
}

impl Kind for FlowLog {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateFlowLogs.html";
    const TAGS: Tags = Tags::Ec2;
    /// AWS refuses a second one of the same network and the same group.
    const DROP_FIRST: bool = true;

    fn check(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        if ![60, 600].contains(&self.max_aggregation_interval) {
            wrong.push(("max_aggregation_interval".into(), "is 60 or 600".into()));
        }
        if self.deliver_logs_status == Delivery::Failed {
            wrong.push(("deliver_logs_status".into(), "stays SUCCESS: it says what AWS reports, and nobody can wish otherwise".into()));
        }
        wrong
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let call = cx.ec2.describe_flow_logs().filter(ec2_ours(cx)).into_paginator();
        let logs: Vec<ec2::FlowLog> = call.items().send().collect::<std::result::Result<_, _>>().await?;
        logs.iter().filter_map(|log| Some((log, cx.marks(ec2_pairs(log.tags()))?))).map(|(log, marks)| live(log, marks)).collect()
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let id = start(cx, new).await?;
        Ok(Made { id, attributes: Attributes::new() })
    }

    /// What keeps its records from arriving is mended elsewhere (the role, its policy, the group): here it is only asked whether it is.
    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        match undelivered(&describe(cx, &change.id).await?) {
            Some(why) => {
                let message = format!("{why}; AWS says otherwise after its next attempt, within ten minutes: plan again then");
                Err(Error::new(Class::Invalid, "ec2.DescribeFlowLogs", message))
            }
            None => Ok(()),
        }
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        let out = cx.ec2.delete_flow_logs().flow_log_ids(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        if let Some(out) = out {
            unsuccessful("ec2.DeleteFlowLogs", out.unsuccessful()).absent_ok()?;
        }
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        Ok(undelivered(&describe(cx, id).await?).map_or_else(|| Ready::Yes(Attributes::new()), Ready::Failed))
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        ec2_mark(cx, id, marks).await
    }
}

async fn describe(cx: &Aws, id: &str) -> Result<ec2::FlowLog> {
    let out = cx.ec2.describe_flow_logs().flow_log_ids(id).send().await?;
    out.flow_logs.unwrap_or_default().pop().ok_or_else(|| Error::not_found("ec2.DescribeFlowLogs", id))
}

/// Why records do not arrive, where that is ours to mend: what was too much at once (`Rate limited`) arrives in part, and what failed inside AWS
/// (`Unknown error`) passes.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_FlowLog.html>
fn undelivered(log: &ec2::FlowLog) -> Option<String> {
    let why = log.deliver_logs_error_message().unwrap_or("AWS does not say why");
    (log.deliver_logs_status() == Some("FAILED") && !matches!(why, "Rate limited" | "Unknown error")).then(|| {
        let role = log.deliver_logs_permission_arn().unwrap_or_default();
        format!("its records do not arrive ({why}): see what {role} may do, and whether the log group and its key let it")
    })
}

async fn start(cx: &Aws, new: &New<FlowLog>) -> Result<String> {
    let want = &new.want;
    let traffic = match want.traffic_type {
        Traffic::All => ec2::TrafficType::All,
        Traffic::Accept => ec2::TrafficType::Accept,
        Traffic::Reject => ec2::TrafficType::Reject,
    };
    let call = cx.ec2.create_flow_logs().resource_type(ec2::FlowLogsResourceType::Vpc).resource_ids(want.resource.id());
    let call = call.log_destination_type(ec2::LogDestinationType::CloudWatchLogs).log_group_name(want.log_group.id());
    let call = call.deliver_logs_permission_arn(want.deliver_logs_permission.id()).traffic_type(traffic);
    let call = call.log_format(&want.log_format).max_aggregation_interval(want.max_aggregation_interval);
    let call = call.client_token(&new.token).tag_specifications(ec2_spec(ec2::ResourceType::VpcFlowLog, &new.marks));
    let out = call.send().await?;
    unsuccessful("ec2.CreateFlowLogs", out.unsuccessful())?;
    out.flow_log_ids().first().cloned().ok_or_else(|| Error::incomplete("ec2.CreateFlowLogs", "id"))
}

fn live(log: &ec2::FlowLog, marks: Marks) -> Result<Live<FlowLog>> {
    let incomplete = |what| Error::incomplete("ec2.DescribeFlowLogs", what);
    let shape = FlowLog {
        resource: Ref::to(log.resource_id().unwrap_or_default()),
        log_group: Ref::to(log.log_group_name().unwrap_or_default()),
        deliver_logs_permission: Ref::to(log.deliver_logs_permission_arn().unwrap_or_default()),
        traffic_type: match log.traffic_type() {
            Some(ec2::TrafficType::All) => Traffic::All,
            Some(ec2::TrafficType::Accept) => Traffic::Accept,
            Some(ec2::TrafficType::Reject) => Traffic::Reject,
            _ => return Err(incomplete("traffic type")),
        },
        log_format: log.log_format().unwrap_or_default().to_owned(),
        max_aggregation_interval: log.max_aggregation_interval().unwrap_or(600),
        deliver_logs_status: if undelivered(log).is_some() { Delivery::Failed } else { Delivery::Success },
    };
    let id = log.flow_log_id().map(str::to_owned).ok_or_else(|| incomplete("id"))?;
    let made_at = log.creation_time().map(ToString::to_string).unwrap_or_default();
    Ok(Live { id, attributes: Attributes::new(), shape, marks, made_at })
}
