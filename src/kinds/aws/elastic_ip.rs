//! An Elastic IP: a public address that stays the same, for NAT gateways.
//!
//! API: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AllocateAddress.html>.
//! What it is associated with is the user's business (`aws.nat_gateway`).

use aws_sdk_ec2::types as ec2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::support::{ec2_mark, ec2_ours, ec2_pairs, ec2_spec};
use crate::kinds::{Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::Marks;
use crate::planes::Aws;
use crate::planes::error::{Absent, Error, Result};

/// An Elastic IP.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ElasticIp {
    /// The pool of one's own addresses that it is taken from (`ipv4pool-ec2-...`). Default: Amazon's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-replace" = true))]
    pub public_ipv4_pool: Option<String>,
}

impl Named for ElasticIp {
    const NAME: &'static str = "aws.elastic_ip";
}

impl Kind for ElasticIp {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AllocateAddress.html";
    const TAGS: Tags = Tags::Ec2;
    const ATTRIBUTES: &'static [&'static str] = &["public_ip"];

    /// One call: AWS does not page addresses.
    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let out = cx.ec2.describe_addresses().filters(ec2_ours(cx)).send().await?;
        let ours = out.addresses().iter().filter_map(|address| Some((address, cx.marks(ec2_pairs(address.tags()))?)));
        ours.map(|(address, marks)| {
            let id = address.allocation_id().map(str::to_owned).ok_or_else(|| Error::incomplete("ec2.DescribeAddresses", "id"))?;
            let pool = address.public_ipv4_pool().filter(|pool| *pool != "amazon" && !pool.is_empty());
            let attributes = attributes([("public_ip", address.public_ip().unwrap_or_default())]);
            Ok(Live { id, attributes, shape: Self { public_ipv4_pool: pool.map(str::to_owned) }, marks, made_at: String::new() })
        })
        .collect()
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let call = cx.ec2.allocate_address().domain(ec2::DomainType::Vpc).set_public_ipv4_pool(new.want.public_ipv4_pool.clone());
        let out = call.tag_specifications(ec2_spec(ec2::ResourceType::ElasticIp, &new.marks)).send().await?;
        let attributes = attributes([("public_ip", out.public_ip().unwrap_or_default())]);
        let id = out.allocation_id.ok_or_else(|| Error::incomplete("ec2.AllocateAddress", "id"))?;
        Ok(Made { id, attributes })
    }

    /// Nothing of it changes in place.
    async fn update(_: &Aws, _: &Change<Self>) -> Result<()> {
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        cx.ec2.release_address().allocation_id(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        let out = cx.ec2.describe_addresses().allocation_ids(id).send().await?;
        let address = out.addresses().first().ok_or_else(|| Error::not_found("ec2.DescribeAddresses", id))?;
        Ok(Ready::Yes(attributes([("public_ip", address.public_ip().unwrap_or_default())])))
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        ec2_mark(cx, id, marks).await
    }
}
