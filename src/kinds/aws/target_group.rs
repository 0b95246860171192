//! A target group: where a load balancer sends requests, and how it finds out who is well.
//!
//! API: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html>.
//! Does not touch its members: an `aws.autoscaling_group` registers its own instances.

use aws_sdk_elasticloadbalancingv2::types as elb;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::support::elbv2::{balancing, full_name, mark, tags};
use super::support::side_by_side;
use super::vpc::Vpc;
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::{Marks, Ref};
use crate::planes::Aws;
use crate::planes::error::{Absent, Error, Result};

/// A target group of an application load balancer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetGroup {
    /// The VPC of its targets.
    #[schemars(extend("x-replace" = true))]
    pub vpc: Ref<Vpc>,
    /// How targets are spoken to. Default: HTTPS.
    #[serde(default)]
    #[schemars(extend("x-replace" = true))]
    pub protocol: Protocol,
    /// The version of HTTP that targets are spoken to in. Default: HTTP1.
    #[serde(default)]
    #[schemars(extend("x-replace" = true))]
    pub protocol_version: ProtocolVersion,
    /// The port of the targets. Default: 443.
    #[serde(default = "https_port")]
    #[schemars(extend("x-replace" = true))]
    pub port: u16,
    /// What its targets are. Default: instance.
    #[serde(default)]
    #[schemars(extend("x-replace" = true))]
    pub target_type: TargetType,
    /// How health is asked for. Default: HTTPS.
    #[serde(default)]
    pub health_check_protocol: Protocol,
    /// The port where health is asked for. Default: the port of the targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check_port: Option<u16>,
    /// The path where health is asked for. Default: /.
    #[serde(default = "root")]
    pub health_check_path: String,
    /// Seconds between two checks, 5 to 300. Default: 30.
    #[serde(default = "thirty")]
    pub health_check_interval_seconds: u32,
    /// Seconds without an answer that fail a check, 2 to 120, less than the interval. Default: 5.
    #[serde(default = "five")]
    pub health_check_timeout_seconds: u32,
    /// Checks in a row that make a target healthy, 2 to 10. Default: 5.
    #[serde(default = "five")]
    pub healthy_threshold_count: u32,
    /// Failed checks in a row that make a target unhealthy, 2 to 10. Default: 2.
    #[serde(default = "two")]
    pub unhealthy_threshold_count: u32,
    /// The HTTP statuses of health: `200`, `200,202`, `200-299`. Default: 200.
    #[serde(default = "ok")]
    pub matcher: String,
    /// Seconds that a leaving target may still answer, 0 to 3600. Default: 300.
    #[serde(default = "five_minutes")]
    pub deregistration_delay_seconds: u32,
    /// Seconds over which a new target's share grows; 0 is at once, otherwise 30 to 900. Default: 0.
    #[serde(default)]
    pub slow_start_seconds: u32,
    /// How the next target is chosen. Default: round_robin.
    #[serde(default)]
    pub load_balancing_algorithm: Algorithm,
}

/// A protocol.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "AWS's own words")]
pub enum Protocol {
    Http,
    #[default]
    Https,
}

impl Protocol {
    /// As the SDK says it.
    #[must_use]
    pub fn sdk(self) -> elb::ProtocolEnum {
        match self {
            Self::Http => elb::ProtocolEnum::Http,
            Self::Https => elb::ProtocolEnum::Https,
        }
    }

    /// As AWS answers it.
    #[must_use]
    pub fn read(protocol: Option<&elb::ProtocolEnum>) -> Self {
        if protocol == Some(&elb::ProtocolEnum::Http) { Self::Http } else { Self::Https }
    }
}

/// A version of HTTP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "AWS's own words")]
pub enum ProtocolVersion {
    #[default]
    HTTP1,
    HTTP2,
    GRPC,
}

/// What targets are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "AWS's own words")]
pub enum TargetType {
    #[default]
    Instance,
    Ip,
}

/// How the next target is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "AWS's own words")]
pub enum Algorithm {
    #[default]
    RoundRobin,
    LeastOutstandingRequests,
}

fn https_port() -> u16 {
    443
}
fn root() -> String {
    "/".into()
}
fn ok() -> String {
    "200".into()
}
fn two() -> u32 {
    2
}
fn five() -> u32 {
    5
}
fn thirty() -> u32 {
    30
}
fn five_minutes() -> u32 {
    300
}

impl Named for TargetGroup {
    const NAME: &'static str = "aws.target_group";
}

impl Kind for TargetGroup {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html";
    const TAGS: Tags = Tags::Elbv2;
    const NAME_LIMIT: usize = 32;
    const ATTRIBUTES: &'static [&'static str] = &["arn", "name", "full_name"];
    const MANY_CALLS: bool = true;
    const LINGERS: bool = true;

    fn check(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        let mut range = |field: &str, value: u32, range: std::ops::RangeInclusive<u32>| {
            if !range.contains(&value) {
                wrong.push((field.to_owned(), format!("is {} to {}", range.start(), range.end())));
            }
        };
        range("health_check_interval_seconds", self.health_check_interval_seconds, 5..=300);
        range("health_check_timeout_seconds", self.health_check_timeout_seconds, 2..=120);
        range("healthy_threshold_count", self.healthy_threshold_count, 2..=10);
        range("unhealthy_threshold_count", self.unhealthy_threshold_count, 2..=10);
        range("deregistration_delay_seconds", self.deregistration_delay_seconds, 0..=3600);
        if self.slow_start_seconds != 0 {
            range("slow_start_seconds", self.slow_start_seconds, 30..=900);
        }
        if self.health_check_timeout_seconds >= self.health_check_interval_seconds {
            wrong.push(("health_check_timeout_seconds".into(), "has to be less than `health_check_interval_seconds`".into()));
        }
        if !self.health_check_path.starts_with('/') {
            wrong.push(("health_check_path".into(), "begins with a slash".into()));
        }
        wrong
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let ours = &balancing(cx).await?.target_groups;
        let read = ours.iter().map(|one| async move {
            let arn = one.it.target_group_arn().unwrap_or_default().to_owned();
            let out = cx.elbv2.describe_target_group_attributes().target_group_arn(&arn).send().await?;
            let shape = shape(&one.it, out.attributes());
            Ok::<_, Error>(Live { id: arn, attributes: known(&one.it), shape, marks: one.marks.clone(), made_at: String::new() })
        });
        side_by_side(read).await
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let want = &new.want;
        let call = cx
            .elbv2
            .create_target_group()
            .name(new.name(Self::NAME_LIMIT))
            .vpc_id(want.vpc.id())
            .protocol(want.protocol.sdk())
            .protocol_version(format!("{:?}", want.protocol_version))
            .port(want.port.into())
            .target_type(match want.target_type {
                TargetType::Instance => elb::TargetTypeEnum::Instance,
                TargetType::Ip => elb::TargetTypeEnum::Ip,
            })
            .health_check_enabled(true)
            .health_check_protocol(want.health_check_protocol.sdk())
            .health_check_path(&want.health_check_path)
            .set_tags(Some(tags(&new.marks)));
        let out = call.send().await?;
        let made = out.target_groups().first().ok_or_else(|| Error::incomplete("elbv2.CreateTargetGroup", "target group"))?;
        Ok(Made { id: made.target_group_arn().unwrap_or_default().to_owned(), attributes: known(made) })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        let want = &change.want;
        if change.fields.iter().any(|field| field.starts_with("health") || field.starts_with("unhealthy") || field == "matcher") {
            cx.elbv2
                .modify_target_group()
                .target_group_arn(&change.id)
                .health_check_enabled(true)
                .health_check_protocol(want.health_check_protocol.sdk())
                .health_check_port(want.health_check_port.map_or_else(|| TRAFFIC.to_owned(), |port| port.to_string()))
                .health_check_path(&want.health_check_path)
                .health_check_interval_seconds(int(want.health_check_interval_seconds))
                .health_check_timeout_seconds(int(want.health_check_timeout_seconds))
                .healthy_threshold_count(int(want.healthy_threshold_count))
                .unhealthy_threshold_count(int(want.unhealthy_threshold_count))
                .matcher(match want.protocol_version {
                    ProtocolVersion::GRPC => elb::Matcher::builder().grpc_code(&want.matcher).build(),
                    _ => elb::Matcher::builder().http_code(&want.matcher).build(),
                })
                .send()
                .await?;
        }
        let algorithm = match want.load_balancing_algorithm {
            Algorithm::RoundRobin => "round_robin",
            Algorithm::LeastOutstandingRequests => LEAST,
        };
        let settings = [
            ("deregistration_delay_seconds", DELAY, want.deregistration_delay_seconds.to_string()),
            ("slow_start_seconds", SLOW, want.slow_start_seconds.to_string()),
            ("load_balancing_algorithm", ALGORITHM, algorithm.to_owned()),
        ];
        let settings: Vec<_> = settings
            .into_iter()
            .filter(|(field, ..)| change.touches(&[field]))
            .map(|(_, key, value)| elb::TargetGroupAttribute::builder().key(key).value(value).build())
            .collect();
        if !settings.is_empty() {
            cx.elbv2.modify_target_group_attributes().target_group_arn(&change.id).set_attributes(Some(settings)).send().await?;
        }
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        cx.elbv2.delete_target_group().target_group_arn(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        let out = cx.elbv2.describe_target_groups().target_group_arns(id).send().await?;
        let one = out.target_groups().first().ok_or_else(|| Error::not_found("elbv2.DescribeTargetGroups", id))?;
        Ok(Ready::Yes(known(one)))
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        mark(cx, id, marks).await
    }
}

const TRAFFIC: &str = "traffic-port";
const DELAY: &str = "deregistration_delay.timeout_seconds";
const SLOW: &str = "slow_start.duration_seconds";
const ALGORITHM: &str = "load_balancing.algorithm.type";
const LEAST: &str = "least_outstanding_requests";

fn int(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

fn known(one: &elb::TargetGroup) -> Attributes {
    let arn = one.target_group_arn().unwrap_or_default();
    attributes([("arn", arn), ("full_name", full_name(arn)), ("name", one.target_group_name().unwrap_or_default())])
}

fn shape(one: &elb::TargetGroup, settings: &[elb::TargetGroupAttribute]) -> TargetGroup {
    let get = |key: &str| settings.iter().find(|a| a.key() == Some(key)).and_then(elb::TargetGroupAttribute::value);
    let seconds = |key: &str, default: u32| get(key).and_then(|value| value.parse().ok()).unwrap_or(default);
    let number = |value: Option<i32>| value.and_then(|value| u32::try_from(value).ok()).unwrap_or_default();
    let matcher = one.matcher();
    TargetGroup {
        vpc: Ref::to(one.vpc_id().unwrap_or_default()),
        protocol: Protocol::read(one.protocol()),
        protocol_version: match one.protocol_version() {
            Some("HTTP2") => ProtocolVersion::HTTP2,
            Some("GRPC") => ProtocolVersion::GRPC,
            _ => ProtocolVersion::HTTP1,
        },
        port: one.port().and_then(|port| port.try_into().ok()).unwrap_or_default(),
        target_type: if one.target_type() == Some(&elb::TargetTypeEnum::Ip) { TargetType::Ip } else { TargetType::Instance },
        health_check_protocol: Protocol::read(one.health_check_protocol()),
        health_check_port: one.health_check_port().and_then(|port| port.parse().ok()),
        health_check_path: one.health_check_path().unwrap_or_default().to_owned(),
        health_check_interval_seconds: number(one.health_check_interval_seconds()),
        health_check_timeout_seconds: number(one.health_check_timeout_seconds()),
        healthy_threshold_count: number(one.healthy_threshold_count()),
        unhealthy_threshold_count: number(one.unhealthy_threshold_count()),
        matcher: matcher.and_then(|m| m.http_code().or(m.grpc_code())).unwrap_or_default().to_owned(),
        deregistration_delay_seconds: seconds(DELAY, five_minutes()),
        slow_start_seconds: seconds(SLOW, 0),
        load_balancing_algorithm: match get(ALGORITHM) {
            Some(LEAST) => Algorithm::LeastOutstandingRequests,
            _ => Algorithm::RoundRobin,
        },
    }
}
