//! A subnet: the part of a VPC in one zone.
//!
//! API: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSubnet.html>.
//! Its route table and network ACL list it (`aws.route_table`, `aws.network_acl`); IPv6 blocks are not touched.

use aws_sdk_ec2::types as ec2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::support::{ec2_mark, ec2_ours, ec2_pairs, ec2_spec, live_cidr};
use super::vpc::Vpc;
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::field::Ref;
use crate::model::{Cidr, Marks};
use crate::planes::Aws;
use crate::planes::error::{Absent, Error, Result};

/// A subnet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Subnet {
    /// Its network.
    #[schemars(extend("x-replace" = true))]
    pub vpc: Ref<Vpc>,
    /// Its zone: `us-east-1a`.
    #[schemars(extend("x-replace" = true))]
    pub availability_zone: String,
    /// Its IPv4 block, /16 to /28, inside the VPC's.
    #[schemars(extend("x-replace" = true))]
    pub cidr_block: Cidr,
    /// Whatever starts in it gets a public address. Default: false.
    #[serde(default)]
    pub map_public_ip_on_launch: bool,
}

impl Named for Subnet {
    const NAME: &'static str = "aws.subnet";
}

impl Kind for Subnet {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSubnet.html";
    const TAGS: Tags = Tags::Ec2;
    const ATTRIBUTES: &'static [&'static str] = &["availability_zone", "cidr_block"];
    const MANY_CALLS: bool = true;
    /// Two subnets of one VPC cannot share a block.
    const DROP_FIRST: bool = true;
    const BESIDE: &'static [&'static str] = &["vpc"];

    fn check(&self) -> Vec<(String, String)> {
        match self.cidr_block.net().prefix_len() {
            16..=28 => Vec::new(),
            _ => vec![("cidr_block".into(), "a subnet's block is /16 to /28".into())],
        }
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let subnets: Vec<ec2::Subnet> =
            cx.ec2.describe_subnets().filters(ec2_ours(cx)).into_paginator().items().send().collect::<std::result::Result<_, _>>().await?;
        subnets.iter().filter_map(|subnet| Some((subnet, cx.marks(ec2_pairs(subnet.tags()))?))).map(|(s, marks)| live(s, marks)).collect()
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let Self { vpc, availability_zone, cidr_block, .. } = &new.want;
        let call = cx.ec2.create_subnet().vpc_id(vpc.id()).availability_zone(availability_zone).cidr_block(cidr_block.to_string());
        let out = call.tag_specifications(ec2_spec(ec2::ResourceType::Subnet, &new.marks)).send().await?;
        let subnet = out.subnet.ok_or_else(|| Error::incomplete("ec2.CreateSubnet", "subnet"))?;
        let id = subnet.subnet_id().ok_or_else(|| Error::incomplete("ec2.CreateSubnet", "id"))?.to_owned();
        Ok(Made { id, attributes: known(&subnet) })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        if change.touches(&["map_public_ip_on_launch"]) {
            let value = ec2::AttributeBooleanValue::builder().value(change.want.map_public_ip_on_launch).build();
            cx.ec2.modify_subnet_attribute().subnet_id(&change.id).map_public_ip_on_launch(value).send().await?;
        }
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        cx.ec2.delete_subnet().subnet_id(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        let out = cx.ec2.describe_subnets().subnet_ids(id).send().await?;
        let subnet = out.subnets().first().ok_or_else(|| Error::not_found("ec2.DescribeSubnets", id))?;
        Ok(match subnet.state() {
            Some(ec2::SubnetState::Pending) => Ready::NotYet("pending".into()),
            _ => Ready::Yes(known(subnet)),
        })
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        ec2_mark(cx, id, marks).await
    }
}

fn known(subnet: &ec2::Subnet) -> Attributes {
    attributes([
        ("availability_zone", subnet.availability_zone().unwrap_or_default()),
        ("cidr_block", subnet.cidr_block().unwrap_or_default()),
    ])
}

fn live(subnet: &ec2::Subnet, marks: Marks) -> Result<Live<Subnet>> {
    let shape = Subnet {
        vpc: Ref::to(subnet.vpc_id().unwrap_or_default()),
        availability_zone: subnet.availability_zone().unwrap_or_default().to_owned(),
        cidr_block: live_cidr(subnet.cidr_block(), "ec2.DescribeSubnets")?,
        map_public_ip_on_launch: subnet.map_public_ip_on_launch().unwrap_or_default(),
    };
    let id = subnet.subnet_id().map(str::to_owned).ok_or_else(|| Error::incomplete("ec2.DescribeSubnets", "id"))?;
    Ok(Live { id, attributes: known(subnet), shape, marks, made_at: String::new() })
}
