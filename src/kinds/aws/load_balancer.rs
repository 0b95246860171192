//! An application load balancer: the only thing of the estate that faces the internet.
//!
//! API: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html>; its attributes:
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html>.
//! Does not touch listeners (`aws.listener`), network and gateway load balancers, or IPv6 pools.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_elasticloadbalancingv2::types as elb;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bucket::Bucket;
use super::security_group::SecurityGroup;
use super::subnet::Subnet;
use super::support::elbv2::{balancing, full_name, mark, tags};
use super::support::{side_by_side, yes};
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::{Marks, Ref};
use crate::planes::Aws;
use crate::planes::error::{Absent, Error, Result};

/// An application load balancer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadBalancer {
    /// Its subnets, in two zones or more.
    pub subnets: BTreeSet<Ref<Subnet>>,
    /// Its security groups.
    pub security_groups: BTreeSet<Ref<SecurityGroup>>,
    /// Where it is reached from. Default: internal.
    #[serde(default)]
    #[schemars(extend("x-replace" = true))]
    pub scheme: Scheme,
    /// Addresses it answers on. Default: ipv4.
    #[serde(default)]
    pub ip_address_type: IpAddressType,
    /// AWS refuses its deletion until this is off; reeve switches it off when a plan deletes it. Default: true.
    #[serde(default = "yes")]
    pub deletion_protection: bool,
    /// Headers that are no valid HTTP are dropped. Default: true.
    #[serde(default = "yes")]
    pub drop_invalid_header_fields: bool,
    /// What becomes of requests that could be smuggled. Default: defensive.
    #[serde(default)]
    pub desync_mitigation_mode: Desync,
    /// An idle connection is closed after this many seconds, 1 to 4000. Default: 60.
    #[serde(default = "sixty")]
    pub idle_timeout: u32,
    /// Clients may speak HTTP/2. Default: true.
    #[serde(default = "yes")]
    pub http2: bool,
    /// The Host header reaches the target as the client sent it. Default: false.
    #[serde(default)]
    pub preserve_host_header: bool,
    /// What becomes of X-Forwarded-For. Default: append.
    #[serde(default)]
    pub xff_header_processing_mode: Xff,
    /// Requests pass when WAF does not answer. Default: false.
    #[serde(default)]
    pub waf_fail_open: bool,
    /// Where each request is logged. Default: nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-need" = "ready"))]
    pub access_logs: Option<AccessLogs>,
}

/// Where requests are logged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessLogs {
    /// A bucket whose policy lets the load balancer write, encrypted with SSE-S3: nothing else works.
    pub bucket: Ref<Bucket>,
    /// First part of each key, without slashes at its ends. Default: none.
    #[serde(default)]
    pub prefix: String,
}

/// Where a load balancer is reached from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "AWS's own words")]
pub enum Scheme {
    #[default]
    Internal,
    InternetFacing,
}

/// Addresses a load balancer answers on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "AWS's own words")]
pub enum IpAddressType {
    #[default]
    Ipv4,
    Dualstack,
}

/// What becomes of requests that could be smuggled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "AWS's own words")]
pub enum Desync {
    #[default]
    Defensive,
    Strictest,
    Monitor,
}

/// What becomes of X-Forwarded-For.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "AWS's own words")]
pub enum Xff {
    #[default]
    Append,
    Preserve,
    Remove,
}

fn sixty() -> u32 {
    60
}

impl Named for LoadBalancer {
    const NAME: &'static str = "aws.load_balancer";
}

impl Kind for LoadBalancer {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html";
    const TAGS: Tags = Tags::Elbv2;
    const NAME_LIMIT: usize = 32;
    const ATTRIBUTES: &'static [&'static str] = &["arn", "name", "full_name", "dns_name", "zone_id"];
    const MANY_CALLS: bool = true;
    const LINGERS: bool = true;

    fn check(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        if self.subnets.len() < 2 {
            wrong.push(("subnets".into(), "an application load balancer wants subnets in two zones or more".into()));
        }
        if !(1..=4000).contains(&self.idle_timeout) {
            wrong.push(("idle_timeout".into(), "is 1 to 4000 seconds".into()));
        }
        if self.access_logs.as_ref().is_some_and(|logs| logs.prefix.starts_with('/') || logs.prefix.ends_with('/')) {
            wrong.push(("access_logs.prefix".into(), "has no slash at its ends".into()));
        }
        wrong
    }

    /// Subnets and groups can each change in place, but not into another VPC, where all of both are new.
    fn must_replace(have: &Self, want: &Self, changed: &BTreeSet<String>) -> bool {
        let others = changed.contains("subnets") && changed.contains("security_groups");
        let moved = have.subnets == want.subnets || have.subnets.is_disjoint(&want.subnets);
        let groups = have.security_groups == want.security_groups || have.security_groups.is_disjoint(&want.security_groups);
        others && moved && groups
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let ours = &balancing(cx).await?.load_balancers;
        let application = ours.iter().filter(|one| one.it.r#type() == Some(&elb::LoadBalancerTypeEnum::Application));
        let read = application.map(|one| async move {
            let arn = one.it.load_balancer_arn().unwrap_or_default();
            let settings = cx.elbv2.describe_load_balancer_attributes().load_balancer_arn(arn).send().await?;
            let pairs = settings.attributes().iter().filter_map(|a| Some((a.key()?.to_owned(), a.value()?.to_owned()))).collect();
            let made_at = one.it.created_time().map(ToString::to_string).unwrap_or_default();
            let shape = shape(&one.it, &pairs);
            Ok::<_, Error>(Live { id: arn.to_owned(), attributes: known(&one.it), shape, marks: one.marks.clone(), made_at })
        });
        side_by_side(read).await
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let want = &new.want;
        let out = cx
            .elbv2
            .create_load_balancer()
            .name(new.name(Self::NAME_LIMIT))
            .r#type(elb::LoadBalancerTypeEnum::Application)
            .scheme(match want.scheme {
                Scheme::Internal => elb::LoadBalancerSchemeEnum::Internal,
                Scheme::InternetFacing => elb::LoadBalancerSchemeEnum::InternetFacing,
            })
            .ip_address_type(addresses(want.ip_address_type))
            .set_subnets(Some(want.subnets.iter().map(|subnet| subnet.id().to_owned()).collect()))
            .set_security_groups(Some(want.security_groups.iter().map(|group| group.id().to_owned()).collect()))
            .set_tags(Some(tags(&new.marks)))
            .send()
            .await?;
        let made = out.load_balancers().first().ok_or_else(|| Error::incomplete("elbv2.CreateLoadBalancer", "load balancer"))?;
        Ok(Made { id: made.load_balancer_arn().unwrap_or_default().to_owned(), attributes: known(made) })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        let (arn, have, want) = (&change.id, &change.have, &change.want);
        // These three are set by the creation, after which `have` is `want`.
        if change.touches(&["subnets"]) && have.subnets != want.subnets {
            let subnets = want.subnets.iter().map(|subnet| subnet.id().to_owned()).collect();
            cx.elbv2.set_subnets().load_balancer_arn(arn).set_subnets(Some(subnets)).send().await?;
        }
        if change.touches(&["security_groups"]) && have.security_groups != want.security_groups {
            let groups = want.security_groups.iter().map(|group| group.id().to_owned()).collect();
            cx.elbv2.set_security_groups().load_balancer_arn(arn).set_security_groups(Some(groups)).send().await?;
        }
        if change.touches(&["ip_address_type"]) && have.ip_address_type != want.ip_address_type {
            cx.elbv2.set_ip_address_type().load_balancer_arn(arn).ip_address_type(addresses(want.ip_address_type)).send().await?;
        }
        let settings =
            settings(want).into_iter().filter(|(field, ..)| change.touches(&[field])).map(|(_, key, value)| attribute(key, value));
        let settings: Vec<_> = settings.collect();
        if !settings.is_empty() {
            cx.elbv2.modify_load_balancer_attributes().load_balancer_arn(arn).set_attributes(Some(settings)).send().await?;
        }
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        let off = attribute("deletion_protection.enabled", "false".into());
        let call = cx.elbv2.modify_load_balancer_attributes().load_balancer_arn(&gone.id).attributes(off);
        if call.send().await.map_err(Error::from).absent_ok()?.is_none() {
            return Ok(());
        }
        cx.elbv2.delete_load_balancer().load_balancer_arn(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        // Its network interfaces hold the subnets and groups for a while longer than it is listed: those who drop them are told `InUse`.
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        let out = cx.elbv2.describe_load_balancers().load_balancer_arns(id).send().await?;
        let one = out.load_balancers().first().ok_or_else(|| Error::not_found("elbv2.DescribeLoadBalancers", id))?;
        let state = one.state();
        Ok(match state.and_then(elb::LoadBalancerState::code) {
            Some(elb::LoadBalancerStateEnum::Active | elb::LoadBalancerStateEnum::ActiveImpaired) => Ready::Yes(known(one)),
            Some(elb::LoadBalancerStateEnum::Failed) => {
                Ready::Failed(state.and_then(elb::LoadBalancerState::reason).unwrap_or("failed").to_owned())
            }
            other => Ready::NotYet(other.map_or("provisioning", elb::LoadBalancerStateEnum::as_str).to_owned()),
        })
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        mark(cx, id, marks).await
    }
}

fn known(one: &elb::LoadBalancer) -> Attributes {
    let arn = one.load_balancer_arn().unwrap_or_default();
    attributes([
        ("arn", arn),
        ("full_name", full_name(arn)),
        ("name", one.load_balancer_name().unwrap_or_default()),
        ("dns_name", one.dns_name().unwrap_or_default()),
        ("zone_id", one.canonical_hosted_zone_id().unwrap_or_default()),
    ])
}

fn addresses(addresses: IpAddressType) -> elb::IpAddressType {
    match addresses {
        IpAddressType::Ipv4 => elb::IpAddressType::Ipv4,
        IpAddressType::Dualstack => elb::IpAddressType::Dualstack,
    }
}

fn attribute(key: &str, value: String) -> elb::LoadBalancerAttribute {
    elb::LoadBalancerAttribute::builder().key(key).value(value).build()
}

/// Field, AWS's key and its value, for each setting.
fn settings(want: &LoadBalancer) -> Vec<(&'static str, &'static str, String)> {
    let desync = match want.desync_mitigation_mode {
        Desync::Defensive => "defensive",
        Desync::Strictest => "strictest",
        Desync::Monitor => "monitor",
    };
    let xff = match want.xff_header_processing_mode {
        Xff::Append => "append",
        Xff::Preserve => "preserve",
        Xff::Remove => "remove",
    };
    let mut all = vec![
        ("deletion_protection", "deletion_protection.enabled", want.deletion_protection.to_string()),
        ("drop_invalid_header_fields", "routing.http.drop_invalid_header_fields.enabled", want.drop_invalid_header_fields.to_string()),
        ("desync_mitigation_mode", "routing.http.desync_mitigation_mode", desync.to_owned()),
        ("idle_timeout", "idle_timeout.timeout_seconds", want.idle_timeout.to_string()),
        ("http2", "routing.http2.enabled", want.http2.to_string()),
        ("preserve_host_header", "routing.http.preserve_host_header.enabled", want.preserve_host_header.to_string()),
        ("xff_header_processing_mode", "routing.http.xff_header_processing.mode", xff.to_owned()),
        ("waf_fail_open", "waf.fail_open.enabled", want.waf_fail_open.to_string()),
        ("access_logs", "access_logs.s3.enabled", want.access_logs.is_some().to_string()),
    ];
    if let Some(logs) = &want.access_logs {
        all.push(("access_logs", "access_logs.s3.bucket", logs.bucket.id().to_owned()));
        all.push(("access_logs", "access_logs.s3.prefix", logs.prefix.clone()));
    }
    all
}

fn shape(one: &elb::LoadBalancer, settings: &BTreeMap<String, String>) -> LoadBalancer {
    let get = |key: &str| settings.get(key).map(String::as_str).unwrap_or_default();
    let on = |key: &str, default: bool| settings.get(key).map_or(default, |value| value == "true");
    LoadBalancer {
        subnets: one.availability_zones().iter().filter_map(elb::AvailabilityZone::subnet_id).map(Ref::to).collect(),
        security_groups: one.security_groups().iter().map(Ref::to).collect(),
        scheme: if one.scheme() == Some(&elb::LoadBalancerSchemeEnum::InternetFacing) { Scheme::InternetFacing } else { Scheme::Internal },
        ip_address_type: match one.ip_address_type() {
            Some(elb::IpAddressType::Ipv4) | None => IpAddressType::Ipv4,
            Some(_) => IpAddressType::Dualstack,
        },
        deletion_protection: on("deletion_protection.enabled", false),
        drop_invalid_header_fields: on("routing.http.drop_invalid_header_fields.enabled", false),
        desync_mitigation_mode: match get("routing.http.desync_mitigation_mode") {
            "strictest" => Desync::Strictest,
            "monitor" => Desync::Monitor,
            _ => Desync::Defensive,
        },
        idle_timeout: get("idle_timeout.timeout_seconds").parse().unwrap_or(sixty()),
        http2: on("routing.http2.enabled", true),
        preserve_host_header: on("routing.http.preserve_host_header.enabled", false),
        xff_header_processing_mode: match get("routing.http.xff_header_processing.mode") {
            "preserve" => Xff::Preserve,
            "remove" => Xff::Remove,
            _ => Xff::Append,
        },
        waf_fail_open: on("waf.fail_open.enabled", false),
        access_logs: on("access_logs.s3.enabled", false)
            .then(|| AccessLogs { bucket: Ref::to(get("access_logs.s3.bucket")), prefix: get("access_logs.s3.prefix").to_owned() }),
    }
}
