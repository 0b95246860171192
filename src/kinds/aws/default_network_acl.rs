//! A VPC's default network ACL, closed: a subnet that no other ACL lists is guarded by this one.
//!
//! API: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkAcls.html>.
//! AWS makes it with the VPC and drops it with the VPC: here it is only found, marked and set. It is reached through our VPC. Which
//! subnets it guards follows from the other ACLs and is not touched.

use std::collections::BTreeSet;

use aws_sdk_ec2::types as ec2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::support::entries::{self, Entry};
use super::support::{ec2_filter, ec2_mark, ec2_pairs, ec2_unmark, our_vpcs, tagged_acls};
use super::vpc::Vpc;
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags};
use crate::model::Marks;
use crate::model::field::Ref;
use crate::planes::Aws;
use crate::planes::error::{Error, Result};

/// The default network ACL of a VPC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DefaultNetworkAcl {
    /// Its network.
    #[schemars(extend("x-replace" = true))]
    pub vpc: Ref<Vpc>,
    /// What passes and what does not, lowest rule number first; what no entry matches is denied. Default: none.
    #[serde(default)]
    pub entries: BTreeSet<Entry>,
}

impl Named for DefaultNetworkAcl {
    const NAME: &'static str = "aws.default_network_acl";
}

impl Kind for DefaultNetworkAcl {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkAcls.html";
    const TAGS: Tags = Tags::Ec2;
    const KEY: &'static [&'static str] = &["vpc"];
    const SINGLETON: bool = true;
    const MANY_CALLS: bool = true;

    fn check(&self) -> Vec<(String, String)> {
        entries::check(&self.entries)
    }

    /// Also finds one that bears no mark yet, or has lost it: its VPC says that it is ours.
    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let vpcs = our_vpcs(cx).await?;
        if vpcs.is_empty() {
            return Ok(Vec::new());
        }
        // Those that bear our marks are in the stack's listing; only what is not yet ours, or not any more, costs a call.
        let mut acls: Vec<ec2::NetworkAcl> = tagged_acls(cx).await?.iter().filter(|acl| acl.is_default() == Some(true)).cloned().collect();
        let ids: BTreeSet<&str> = vpcs.iter().filter_map(ec2::Vpc::vpc_id).collect();
        acls.retain(|acl| acl.vpc_id().is_some_and(|vpc| ids.contains(vpc)));
        let missing: Vec<&str> = ids.into_iter().filter(|id| !acls.iter().any(|acl| acl.vpc_id() == Some(id))).collect();
        if !missing.is_empty() {
            acls.extend(defaults(cx, missing).await?);
        }
        if acls.len() < vpcs.len() {
            return Err(Error::incomplete("ec2.DescribeNetworkAcls", "default ACL for each VPC"));
        }
        let live = acls.iter().map(|acl| {
            let id = acl.network_acl_id().map(str::to_owned).ok_or_else(|| Error::incomplete("ec2.DescribeNetworkAcls", "id"))?;
            let shape = Self { vpc: Ref::to(acl.vpc_id().unwrap_or_default()), entries: entries::live(acl.entries())? };
            let marks = cx.marks(ec2_pairs(acl.tags())).unwrap_or_else(|| Marks::foreign(ec2_pairs(acl.tags())));
            Ok(Live { id, attributes: Attributes::new(), shape, marks, made_at: String::new() })
        });
        live.collect()
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let acls = defaults(cx, [new.want.vpc.id()]).await?;
        let id = acls.first().and_then(ec2::NetworkAcl::network_acl_id);
        let id = id.ok_or_else(|| Error::not_found("ec2.DescribeNetworkAcls", "the default ACL"))?.to_owned();
        ec2_mark(cx, &id, &new.marks).await?;
        Ok(Made { id, attributes: Attributes::new() })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        if change.touches(&["entries"]) {
            let acl = one(cx, &change.id).await?;
            entries::set(cx, &change.id, acl.entries(), &change.want.entries).await?;
        }
        Ok(())
    }

    /// It goes with its VPC, and until then is no longer ours.
    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        ec2_unmark(cx, &gone.id).await
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        one(cx, id).await.map(|_| Ready::Yes(Attributes::new()))
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        ec2_mark(cx, id, marks).await
    }
}

async fn defaults<'a>(cx: &Aws, vpcs: impl IntoIterator<Item = &'a str>) -> Result<Vec<ec2::NetworkAcl>> {
    let call = cx.ec2.describe_network_acls().filters(ec2_filter("vpc-id", vpcs)).filters(ec2_filter("default", ["true"]));
    let all: Vec<ec2::NetworkAcl> = call.into_paginator().items().send().collect::<std::result::Result<_, _>>().await?;
    Ok(all.into_iter().filter(|acl| acl.is_default() == Some(true)).collect())
}

async fn one(cx: &Aws, id: &str) -> Result<ec2::NetworkAcl> {
    let out = cx.ec2.describe_network_acls().network_acl_ids(id).send().await?;
    out.network_acls.unwrap_or_default().into_iter().next().ok_or_else(|| Error::not_found("ec2.DescribeNetworkAcls", id))
}
