//! A public NAT gateway: the way out for private subnets.
//!
//! API: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNatGateway.html>.
//! Secondary addresses and private NAT gateways are not touched.

use aws_sdk_ec2::types as ec2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::elastic_ip::ElasticIp;
use super::internet_gateway::{self, InternetGateway};
use super::subnet::Subnet;
use super::support::{ec2_filter, ec2_mark, ec2_ours, ec2_pairs, ec2_spec};
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::Marks;
use crate::model::field::Ref;
use crate::planes::Aws;
use crate::planes::error::{Absent, Error, Result};

/// A public NAT gateway.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NatGateway {
    /// The public subnet that it stands in.
    #[schemars(extend("x-replace" = true))]
    pub subnet: Ref<Subnet>,
    /// Its public address.
    #[schemars(extend("x-replace" = true))]
    pub allocation: Ref<ElasticIp>,
    /// The internet gateway of its VPC: AWS makes no NAT gateway before that one is attached, and detaches none before this one is gone.
    /// Default: not said, and then not compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-need" = "ready"))]
    pub internet_gateway: Option<Ref<InternetGateway>>,
}

impl Named for NatGateway {
    const NAME: &'static str = "aws.nat_gateway";
}

impl Kind for NatGateway {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNatGateway.html";
    const TAGS: Tags = Tags::Ec2;
    const LATE: &'static [&'static str] = &["public_ip"];
    /// The new one cannot have the address while the old one stands.
    const DROP_FIRST: bool = true;
    const LINGERS: bool = true;

    fn restate(have: &mut Self, want: &Self) {
        if want.internet_gateway.is_none() {
            have.internet_gateway = None;
        }
    }

    /// Dead ones stay listed for an hour; failed ones never come to life.
    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let call = cx.ec2.describe_nat_gateways().filter(ec2_ours(cx)).filter(ec2_filter("state", ["pending", "available"]));
        let listing = async { Ok(call.into_paginator().items().send().collect::<std::result::Result<Vec<_>, _>>().await?) };
        let (gateways, internet): (Vec<ec2::NatGateway>, _) = futures::try_join!(listing, internet_gateway::listed(cx))?;
        let ours = gateways.iter().filter_map(|gateway| Some((gateway, cx.marks(ec2_pairs(gateway.tags()))?)));
        ours.filter(|(gateway, _)| matches!(gateway.state(), Some(ec2::NatGatewayState::Pending | ec2::NatGatewayState::Available)))
            .map(|(gateway, marks)| live(gateway, &internet, marks))
            .collect()
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let tags = ec2_spec(ec2::ResourceType::Natgateway, &new.marks);
        let call = cx.ec2.create_nat_gateway().subnet_id(new.want.subnet.id()).allocation_id(new.want.allocation.id());
        let out = call.client_token(&new.token).tag_specifications(tags).send().await?;
        let id = out.nat_gateway.and_then(|gateway| gateway.nat_gateway_id);
        let id = id.ok_or_else(|| Error::incomplete("ec2.CreateNatGateway", "id"))?;
        Ok(Made { id, attributes: Attributes::new() })
    }

    /// Nothing of it changes in place: its internet gateway is a fact of its VPC.
    async fn update(_: &Aws, _: &Change<Self>) -> Result<()> {
        Ok(())
    }

    /// Until it is gone, its address cannot be released nor its subnet deleted.
    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        cx.ec2.delete_nat_gateway().nat_gateway_id(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        let out = cx.ec2.describe_nat_gateways().nat_gateway_ids(id).send().await?;
        let gateway = out.nat_gateways().first().ok_or_else(|| Error::not_found("ec2.DescribeNatGateways", id))?;
        match gateway.state() {
            Some(ec2::NatGatewayState::Available) => Ok(Ready::Yes(known(gateway))),
            Some(ec2::NatGatewayState::Failed) => {
                let why = gateway.failure_message().or(gateway.failure_code()).unwrap_or("AWS does not say why");
                Ok(Ready::Failed(why.to_owned()))
            }
            Some(ec2::NatGatewayState::Deleted) | None => Err(Error::not_found("ec2.DescribeNatGateways", id)),
            Some(state) => Ok(Ready::NotYet(state.to_string())),
        }
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        ec2_mark(cx, id, marks).await
    }
}

/// The first address; the others are secondary.
fn primary(gateway: &ec2::NatGateway) -> Option<&ec2::NatGatewayAddress> {
    let all = gateway.nat_gateway_addresses();
    all.iter().find(|address| address.is_primary() == Some(true)).or_else(|| all.first())
}

fn known(gateway: &ec2::NatGateway) -> Attributes {
    attributes([("public_ip", primary(gateway).and_then(ec2::NatGatewayAddress::public_ip).unwrap_or_default())])
}

fn live(gateway: &ec2::NatGateway, internet: &[ec2::InternetGateway], marks: Marks) -> Result<Live<NatGateway>> {
    let vpc = gateway.vpc_id();
    let way_out = internet.iter().find(|one| vpc.is_some() && internet_gateway::attached(one) == vpc);
    let shape = NatGateway {
        subnet: Ref::to(gateway.subnet_id().unwrap_or_default()),
        allocation: Ref::to(primary(gateway).and_then(ec2::NatGatewayAddress::allocation_id).unwrap_or_default()),
        internet_gateway: way_out.and_then(ec2::InternetGateway::internet_gateway_id).map(Ref::to),
    };
    let id = gateway.nat_gateway_id().map(str::to_owned).ok_or_else(|| Error::incomplete("ec2.DescribeNatGateways", "id"))?;
    let made_at = gateway.create_time().map(ToString::to_string).unwrap_or_default();
    Ok(Live { id, attributes: known(gateway), shape, marks, made_at })
}
