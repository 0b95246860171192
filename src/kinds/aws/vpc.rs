//! A VPC: the network that holds the estate.
//!
//! API: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpc.html>.
//! Does not touch the VPC's default group and network ACL (`aws.default_security_group`, `aws.default_network_acl`), its DHCP options, or
//! secondary and IPv6 blocks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::support::{ec2_mark, ec2_pairs, ec2_spec, our_vpcs, side_by_side, yes};
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags};
use crate::model::{Cidr, Marks};
use crate::planes::Aws;
use crate::planes::error::{Absent, Error, Result};
use aws_sdk_ec2::types as ec2;

/// A virtual private cloud.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vpc {
    /// Its IPv4 block, /16 to /28.
    #[schemars(extend("x-replace" = true))]
    pub cidr_block: Cidr,
    /// Instances get public DNS names when they have public addresses. Default: true.
    #[serde(default = "yes")]
    pub enable_dns_hostnames: bool,
    /// The VPC's resolver answers. Default: true.
    #[serde(default = "yes")]
    pub enable_dns_support: bool,
}

impl Named for Vpc {
    const NAME: &'static str = "aws.vpc";
}

impl Kind for Vpc {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpc.html";
    const TAGS: Tags = Tags::Ec2;
    const MANY_CALLS: bool = true;

    fn check(&self) -> Vec<(String, String)> {
        match self.cidr_block.net().prefix_len() {
            16..=28 => Vec::new(),
            _ => vec![("cidr_block".into(), "a VPC's block is /16 to /28".into())],
        }
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let vpcs = our_vpcs(cx).await?;
        // The two DNS settings are only read one VPC at a time; a stack has one.
        let all = vpcs.iter().filter_map(|vpc| Some((vpc, cx.marks(ec2_pairs(vpc.tags()))?))).map(|(vpc, marks)| async move {
            let id = vpc.vpc_id().unwrap_or_default();
            let (hostnames, support) = futures::try_join!(
                dns(cx, id, ec2::VpcAttributeName::EnableDnsHostnames),
                dns(cx, id, ec2::VpcAttributeName::EnableDnsSupport)
            )?;
            let cidr_block =
                Cidr::parse(vpc.cidr_block().unwrap_or_default()).map_err(|_| Error::incomplete("ec2.DescribeVpcs", "block"))?;
            let shape = Self { cidr_block, enable_dns_hostnames: hostnames, enable_dns_support: support };
            Ok::<_, Error>(Live { id: id.to_owned(), attributes: Attributes::new(), shape, marks, made_at: String::new() })
        });
        side_by_side(all).await
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let tags = ec2_spec(ec2::ResourceType::Vpc, &new.marks);
        let out = cx.ec2.create_vpc().cidr_block(new.want.cidr_block.to_string()).tag_specifications(tags).send().await?;
        let id = out.vpc.and_then(|vpc| vpc.vpc_id).ok_or_else(|| Error::incomplete("ec2.CreateVpc", "id"))?;
        Ok(Made { id, attributes: Attributes::new() })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        set_dns(cx, &change.id, &change.want).await
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        cx.ec2.delete_vpc().vpc_id(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        let out = cx.ec2.describe_vpcs().vpc_ids(id).send().await?;
        Ok(match out.vpcs().first().and_then(ec2::Vpc::state) {
            Some(ec2::VpcState::Available) => Ready::Yes(Attributes::new()),
            Some(state) => Ready::NotYet(state.to_string()),
            None => return Err(Error::not_found("ec2.DescribeVpcs", id)),
        })
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        ec2_mark(cx, id, marks).await
    }
}

async fn dns(cx: &Aws, id: &str, attribute: ec2::VpcAttributeName) -> Result<bool> {
    let out = cx.ec2.describe_vpc_attribute().vpc_id(id).attribute(attribute.clone()).send().await?;
    let value = if attribute == ec2::VpcAttributeName::EnableDnsSupport { out.enable_dns_support } else { out.enable_dns_hostnames };
    value.and_then(|v| v.value).ok_or_else(|| Error::incomplete("ec2.DescribeVpcAttribute", "value"))
}

/// EC2 takes one attribute a call, and host names need the resolver.
async fn set_dns(cx: &Aws, id: &str, want: &Vpc) -> Result<()> {
    let on = |value| ec2::AttributeBooleanValue::builder().value(value).build();
    cx.ec2.modify_vpc_attribute().vpc_id(id).enable_dns_support(on(want.enable_dns_support)).send().await?;
    cx.ec2.modify_vpc_attribute().vpc_id(id).enable_dns_hostnames(on(want.enable_dns_hostnames)).send().await?;
    Ok(())
}
