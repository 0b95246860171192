//! A network ACL, its entries and the subnets that it guards: the second wall, which forgets what it let through.
//!
//! API: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkAcl.html>.
//! A subnet that is taken from ours goes back to the VPC's default one (`aws.default_network_acl`). Entries added by hand are drift.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types as ec2;
use futures::future::try_join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::subnet::Subnet;
pub use super::support::entries::Entry;
use super::support::{ec2_filter, ec2_mark, ec2_pairs, ec2_spec, entries, tagged_acls};
use super::vpc::Vpc;
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags};
use crate::model::Marks;
use crate::model::field::Ref;
use crate::planes::Aws;
use crate::planes::error::{Absent, Error, Result};

/// A network ACL.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkAcl {
    /// Its network.
    #[schemars(extend("x-replace" = true))]
    pub vpc: Ref<Vpc>,
    /// What passes and what does not, lowest rule number first; what no entry matches is denied. Default: none.
    #[serde(default)]
    pub entries: BTreeSet<Entry>,
    /// The subnets that it guards. A subnet has one network ACL. Default: none.
    #[serde(default)]
    #[schemars(extend("x-holds" = false))]
    pub subnets: BTreeSet<Ref<Subnet>>,
}

impl Named for NetworkAcl {
    const NAME: &'static str = "aws.network_acl";
}

impl Kind for NetworkAcl {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkAcl.html";
    const TAGS: Tags = Tags::Ec2;
    const MANY_CALLS: bool = true;

    fn check(&self) -> Vec<(String, String)> {
        entries::check(&self.entries)
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let acls = tagged_acls(cx).await?;
        // A VPC's default ACL may bear our marks too, but is a kind of its own.
        let ours = acls.iter().filter(|acl| acl.is_default() != Some(true)).filter_map(|acl| Some((acl, cx.marks(ec2_pairs(acl.tags()))?)));
        ours.map(|(acl, marks)| {
            let shape = Self {
                vpc: Ref::to(acl.vpc_id().unwrap_or_default()),
                entries: entries::live(acl.entries())?,
                subnets: guarded(acl).into_keys().map(Ref::to).collect(),
            };
            let id = acl.network_acl_id().map(str::to_owned).ok_or_else(|| Error::incomplete("ec2.DescribeNetworkAcls", "id"))?;
            Ok(Live { id, attributes: Attributes::new(), shape, marks, made_at: String::new() })
        })
        .collect()
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let tags = ec2_spec(ec2::ResourceType::NetworkAcl, &new.marks);
        let out = cx.ec2.create_network_acl().vpc_id(new.want.vpc.id()).client_token(&new.token).tag_specifications(tags).send().await?;
        let id = out.network_acl.and_then(|acl| acl.network_acl_id).ok_or_else(|| Error::incomplete("ec2.CreateNetworkAcl", "id"))?;
        Ok(Made { id, attributes: Attributes::new() })
    }

    /// Entries before subnets: a new ACL lets nothing through before it has any.
    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        let acl = one(cx, &change.id).await?;
        if change.touches(&["entries"]) {
            entries::set(cx, &change.id, acl.entries(), &change.want.entries).await?;
        }
        if change.touches(&["subnets"]) {
            let want: BTreeSet<&str> = change.want.subnets.iter().map(Ref::id).collect();
            guard(cx, &acl, &want).await?;
        }
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        let Some(acl) = one(cx, &gone.id).await.absent_ok()? else { return Ok(()) };
        guard(cx, &acl, &BTreeSet::new()).await?;
        cx.ec2.delete_network_acl().network_acl_id(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        one(cx, id).await.map(|_| Ready::Yes(Attributes::new()))
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        ec2_mark(cx, id, marks).await
    }
}

async fn listed(cx: &Aws, filter: ec2::Filter) -> Result<Vec<ec2::NetworkAcl>> {
    let call = cx.ec2.describe_network_acls().filters(filter).into_paginator();
    Ok(call.items().send().collect::<std::result::Result<_, _>>().await?)
}

async fn one(cx: &Aws, id: &str) -> Result<ec2::NetworkAcl> {
    let out = cx.ec2.describe_network_acls().network_acl_ids(id).send().await?;
    out.network_acls.unwrap_or_default().into_iter().next().ok_or_else(|| Error::not_found("ec2.DescribeNetworkAcls", id))
}

/// The subnets that an ACL guards, and by which association.
fn guarded(acl: &ec2::NetworkAcl) -> BTreeMap<String, String> {
    let pair = |a: &ec2::NetworkAclAssociation| Some((a.subnet_id()?.to_owned(), a.network_acl_association_id()?.to_owned()));
    acl.associations().iter().filter_map(pair).collect()
}

/// Makes `acl` guard exactly `want`. Every subnet always has an ACL: what is taken comes from another, what is left goes to the default one.
async fn guard(cx: &Aws, acl: &ec2::NetworkAcl, want: &BTreeSet<&str>) -> Result<()> {
    let (id, vpc) = (acl.network_acl_id().unwrap_or_default(), acl.vpc_id().unwrap_or_default());
    let have = guarded(acl);
    let new: Vec<&str> = want.iter().copied().filter(|subnet| !have.contains_key(*subnet)).collect();
    let old: Vec<&String> = have.iter().filter(|(subnet, _)| !want.contains(subnet.as_str())).map(|(_, association)| association).collect();
    if !new.is_empty() {
        let others = listed(cx, ec2_filter("association.subnet-id", new.iter().copied())).await?;
        let elsewhere: BTreeMap<String, String> = others.iter().flat_map(guarded).collect();
        let moves = new.into_iter().map(|subnet| async {
            let association = elsewhere.get(subnet).ok_or_else(|| Error::not_found("ec2.DescribeNetworkAcls", subnet))?;
            hand_over(cx, association, id).await
        });
        try_join_all(moves).await?;
    }
    if !old.is_empty() {
        let call = cx.ec2.describe_network_acls().filters(ec2_filter("vpc-id", [vpc])).filters(ec2_filter("default", ["true"]));
        let out = call.send().await?;
        let default = out.network_acls().iter().find(|acl| acl.is_default() == Some(true)).and_then(ec2::NetworkAcl::network_acl_id);
        let default = default.ok_or_else(|| Error::incomplete("ec2.DescribeNetworkAcls", "default ACL of the VPC"))?;
        try_join_all(old.into_iter().map(|association| hand_over(cx, association, default))).await?;
    }
    Ok(())
}

async fn hand_over(cx: &Aws, association: &str, to: &str) -> Result<()> {
    cx.ec2.replace_network_acl_association().association_id(association).network_acl_id(to).send().await?;
    Ok(())
}
