//! A VPC's default security group, closed: whatever forgets to name a group bears this one.
//!
//! API: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroups.html>.
//! AWS makes it with the VPC and drops it with the VPC: here it is only found, marked and set. It is reached through our VPC.

use std::collections::BTreeSet;

use aws_sdk_ec2::types as ec2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::support::rules::{self, Rule, Way};
use super::support::{ec2_filter, ec2_mark, ec2_pairs, ec2_unmark, our_vpcs, tagged_groups};
use super::vpc::Vpc;
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags};
use crate::model::Marks;
use crate::model::field::Ref;
use crate::planes::Aws;
use crate::planes::error::{Error, Result};

/// The default security group of a VPC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DefaultSecurityGroup {
    /// Its network.
    #[schemars(extend("x-replace" = true))]
    pub vpc: Ref<Vpc>,
    /// What may come in. Default: nothing.
    #[serde(default)]
    #[schemars(extend("x-need" = "settle"))]
    pub ingress: BTreeSet<Rule>,
    /// What may go out. Default: nothing.
    #[serde(default)]
    #[schemars(extend("x-need" = "settle"))]
    pub egress: BTreeSet<Rule>,
}

impl Named for DefaultSecurityGroup {
    const NAME: &'static str = "aws.default_security_group";
}

impl Kind for DefaultSecurityGroup {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroups.html";
    const TAGS: Tags = Tags::Ec2;
    const KEY: &'static [&'static str] = &["vpc"];
    const SINGLETON: bool = true;
    const MANY_CALLS: bool = true;

    fn check(&self) -> Vec<(String, String)> {
        let mut problems = rules::check("ingress", &self.ingress);
        problems.extend(rules::check("egress", &self.egress));
        problems
    }

    /// Also finds one that bears no mark yet, or has lost it: its VPC says that it is ours.
    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let vpcs = our_vpcs(cx).await?;
        if vpcs.is_empty() {
            return Ok(Vec::new());
        }
        // Those that bear our marks are in the stack's listing; only what is not yet ours, or not any more, costs a call.
        let mut groups: Vec<ec2::SecurityGroup> =
            tagged_groups(cx).await?.iter().filter(|group| group.group_name() == Some("default")).cloned().collect();
        let ids: BTreeSet<&str> = vpcs.iter().filter_map(ec2::Vpc::vpc_id).collect();
        groups.retain(|group| group.vpc_id().is_some_and(|vpc| ids.contains(vpc)));
        let missing: Vec<&str> = ids.into_iter().filter(|id| !groups.iter().any(|group| group.vpc_id() == Some(id))).collect();
        if !missing.is_empty() {
            let call = cx.ec2.describe_security_groups().filters(ec2_filter("vpc-id", missing));
            let call = call.filters(ec2_filter("group-name", ["default"])).into_paginator();
            let more: Vec<_> = call.items().send().collect::<std::result::Result<_, _>>().await?;
            groups.extend(more);
        }
        if groups.len() < vpcs.len() {
            return Err(Error::incomplete("ec2.DescribeSecurityGroups", "default group for each VPC"));
        }
        groups
            .iter()
            .map(|group| live(group, cx.marks(ec2_pairs(group.tags())).unwrap_or_else(|| Marks::foreign(ec2_pairs(group.tags())))))
            .collect()
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let call = cx.ec2.describe_security_groups().filters(ec2_filter("vpc-id", [new.want.vpc.id()]));
        let out = call.filters(ec2_filter("group-name", ["default"])).send().await?;
        let id = out.security_groups().first().and_then(ec2::SecurityGroup::group_id);
        let id = id.ok_or_else(|| Error::not_found("ec2.DescribeSecurityGroups", "the default group"))?.to_owned();
        ec2_mark(cx, &id, &new.marks).await?;
        Ok(Made { id, attributes: Attributes::new() })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        if change.touches(&["ingress"]) {
            rules::set(cx, &change.id, Way::Ingress, &change.want.ingress).await?;
        }
        if change.touches(&["egress"]) {
            rules::set(cx, &change.id, Way::Egress, &change.want.egress).await?;
        }
        Ok(())
    }

    /// It goes with its VPC, and until then is no longer ours.
    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        ec2_unmark(cx, &gone.id).await
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        let out = cx.ec2.describe_security_groups().group_ids(id).send().await?;
        match out.security_groups().first() {
            Some(_) => Ok(Ready::Yes(Attributes::new())),
            None => Err(Error::not_found("ec2.DescribeSecurityGroups", id)),
        }
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        ec2_mark(cx, id, marks).await
    }
}

fn live(group: &ec2::SecurityGroup, marks: Marks) -> Result<Live<DefaultSecurityGroup>> {
    let shape = DefaultSecurityGroup {
        vpc: Ref::to(group.vpc_id().unwrap_or_default()),
        ingress: rules::live(group.ip_permissions())?,
        egress: rules::live(group.ip_permissions_egress())?,
    };
    let id = group.group_id().map(str::to_owned).ok_or_else(|| Error::incomplete("ec2.DescribeSecurityGroups", "id"))?;
    Ok(Live { id, attributes: Attributes::new(), shape, marks, made_at: String::new() })
}
