//! An internet gateway and its attachment: what public subnets route to.
//!
//! API: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateInternetGateway.html>.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_sdk_ec2::types as ec2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::support::{ec2_mark, ec2_ours, ec2_pairs, ec2_spec};
use super::vpc::Vpc;
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags};
use crate::model::Marks;
use crate::model::field::Ref;
use crate::planes::Aws;
use crate::planes::error::{Absent, Error, Result};

/// An internet gateway.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InternetGateway {
    /// The network that it is attached to. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc: Option<Ref<Vpc>>,
}

impl Named for InternetGateway {
    const NAME: &'static str = "aws.internet_gateway";
}

impl Kind for InternetGateway {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateInternetGateway.html";
    const TAGS: Tags = Tags::Ec2;
    const MANY_CALLS: bool = true;

    /// It leaves no VPC that still has public addresses, and the new one wants it before those have moved: each VPC gets its own.
    fn must_replace(have: &Self, want: &Self, changed: &BTreeSet<String>) -> bool {
        changed.contains("vpc") && have.vpc.is_some() && want.vpc.is_some()
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let gateways = listed(cx).await?;
        let ours = gateways.iter().filter_map(|gateway| Some((gateway, cx.marks(ec2_pairs(gateway.tags()))?)));
        ours.map(|(gateway, marks)| {
            let id = gateway.internet_gateway_id().map(str::to_owned);
            let id = id.ok_or_else(|| Error::incomplete("ec2.DescribeInternetGateways", "id"))?;
            let shape = Self { vpc: attached(gateway).map(Ref::to) };
            Ok(Live { id, attributes: Attributes::new(), shape, marks, made_at: String::new() })
        })
        .collect()
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let tags = ec2_spec(ec2::ResourceType::InternetGateway, &new.marks);
        let out = cx.ec2.create_internet_gateway().tag_specifications(tags).send().await?;
        let id = out.internet_gateway.and_then(|gateway| gateway.internet_gateway_id);
        let id = id.ok_or_else(|| Error::incomplete("ec2.CreateInternetGateway", "id"))?;
        Ok(Made { id, attributes: Attributes::new() })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        let gateway = one(cx, &change.id).await?;
        let (have, want) = (attached(&gateway), change.want.vpc.as_ref().map(Ref::id));
        if have == want {
            return Ok(());
        }
        detach(cx, &change.id, have).await?;
        if let Some(vpc) = want {
            cx.ec2.attach_internet_gateway().internet_gateway_id(&change.id).vpc_id(vpc).send().await?;
        }
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        let Some(gateway) = one(cx, &gone.id).await.absent_ok()? else { return Ok(()) };
        detach(cx, &gone.id, attached(&gateway)).await?;
        cx.ec2.delete_internet_gateway().internet_gateway_id(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        let gateway = one(cx, id).await?;
        Ok(match gateway.attachments().iter().filter_map(ec2::InternetGatewayAttachment::state).next() {
            Some(ec2::AttachmentStatus::Attaching) => Ready::NotYet("attaching".into()),
            _ => Ready::Yes(Attributes::new()),
        })
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        ec2_mark(cx, id, marks).await
    }
}

/// Our internet gateways, read once in a pass: NAT gateways look theirs up here.
pub(super) async fn listed(cx: &Aws) -> Result<Arc<Vec<ec2::InternetGateway>>> {
    let read = || async {
        let call = cx.ec2.describe_internet_gateways().filters(ec2_ours(cx)).into_paginator();
        Ok(call.items().send().collect::<std::result::Result<Vec<_>, _>>().await?)
    };
    cx.once("ec2.DescribeInternetGateways", read).await
}

/// The VPC that a gateway is attached to.
pub(super) fn attached(gateway: &ec2::InternetGateway) -> Option<&str> {
    use ec2::AttachmentStatus::{Detached, Detaching};
    let counts = |a: &&ec2::InternetGatewayAttachment| !matches!(a.state(), Some(Detached | Detaching));
    gateway.attachments().iter().filter(counts).find_map(ec2::InternetGatewayAttachment::vpc_id)
}

async fn one(cx: &Aws, id: &str) -> Result<ec2::InternetGateway> {
    let out = cx.ec2.describe_internet_gateways().internet_gateway_ids(id).send().await?;
    out.internet_gateways.unwrap_or_default().into_iter().next().ok_or_else(|| Error::not_found("ec2.DescribeInternetGateways", id))
}

/// AWS refuses while something in the VPC still has a public address: that is tried again later.
async fn detach(cx: &Aws, id: &str, vpc: Option<&str>) -> Result<()> {
    let Some(vpc) = vpc else { return Ok(()) };
    let answer = cx.ec2.detach_internet_gateway().internet_gateway_id(id).vpc_id(vpc).send().await;
    match answer.map_err(Error::from) {
        Err(error) if error.code == "Gateway.NotAttached" => Ok(()),
        answer => answer.absent_ok().map(drop),
    }
}
