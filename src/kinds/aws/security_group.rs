//! A security group: the firewall around whatever bears it.
//!
//! API: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html>.
//! AWS gives every new group an egress rule to everywhere; ours has none unless the YAML says so. Rules added by hand are drift.

use std::collections::BTreeSet;

use aws_sdk_ec2::types as ec2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::support::rules::Rule;
use super::support::rules::{self, Way, described};
use super::support::{ec2_filter, ec2_mark, ec2_pairs, ec2_spec, tagged_groups};
use super::vpc::Vpc;
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags};
use crate::model::Marks;
use crate::model::field::Ref;
use crate::planes::Aws;
use crate::planes::error::{Absent, Class, Error, Result};

/// A security group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecurityGroup {
    /// Its network.
    #[schemars(extend("x-replace" = true))]
    pub vpc: Ref<Vpc>,
    /// What it is for; AWS never lets it change. Default: managed by reeve.
    #[serde(default = "words")]
    #[schemars(extend("x-replace" = true))]
    pub description: String,
    /// What may come in. Default: nothing.
    #[serde(default)]
    #[schemars(extend("x-need" = "settle"))]
    pub ingress: BTreeSet<Rule>,
    /// What may go out. Default: nothing.
    #[serde(default)]
    #[schemars(extend("x-need" = "settle"))]
    pub egress: BTreeSet<Rule>,
}

fn words() -> String {
    "managed by reeve".into()
}

impl Named for SecurityGroup {
    const NAME: &'static str = "aws.security_group";
}

impl Kind for SecurityGroup {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html";
    const TAGS: Tags = Tags::Ec2;
    const MANY_CALLS: bool = true;

    fn check(&self) -> Vec<(String, String)> {
        let mut problems = rules::check("ingress", &self.ingress);
        problems.extend(rules::check("egress", &self.egress));
        if self.description.is_empty() || self.description.len() > 255 || !self.description.chars().all(described) {
            let message = "has 1 to 255 letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*";
            problems.push(("description".into(), message.into()));
        }
        problems
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let groups = tagged_groups(cx).await?;
        // A VPC's default group may bear our marks too, but is a kind of its own.
        let ours = groups.iter().filter(|group| group.group_name() != Some("default"));
        ours.filter_map(|group| Some((group, cx.marks(ec2_pairs(group.tags()))?))).map(|(group, marks)| live(group, marks)).collect()
    }

    fn name_of(new: &New<Self>) -> Option<String> {
        let name = new.name(250);
        // AWS keeps names that begin like an id for itself.
        Some(if name.starts_with("sg-") { format!("g-{name}") } else { name })
    }

    async fn namesake(cx: &Aws, new: &New<Self>) -> Result<Option<String>> {
        let name = Self::name_of(new).unwrap_or_default();
        let call = cx.ec2.describe_security_groups().filters(ec2_filter("vpc-id", [new.want.vpc.id()]));
        let out = call.filters(ec2_filter("group-name", [name.as_str()])).send().await?;
        Ok(out.security_groups().first().and_then(ec2::SecurityGroup::group_id).map(str::to_owned))
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let name = Self::name_of(new).unwrap_or_default();
        let call = cx.ec2.create_security_group().group_name(name).description(&new.want.description).vpc_id(new.want.vpc.id());
        let out = call.tag_specifications(ec2_spec(ec2::ResourceType::SecurityGroup, &new.marks)).send().await?;
        let id = out.group_id.ok_or_else(|| Error::incomplete("ec2.CreateSecurityGroup", "id"))?;
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

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        match drop_group(cx, &gone.id).await {
            Err(error) if error.class == Class::InUse && unused(cx, &gone.id).await? => {}
            other => return other,
        }
        // Groups may name each other in a circle: nothing bears this one any more, so its own rules need not hold the others back.
        rules::set(cx, &gone.id, Way::Ingress, &BTreeSet::new()).await.absent_ok()?;
        rules::set(cx, &gone.id, Way::Egress, &BTreeSet::new()).await.absent_ok()?;
        drop_group(cx, &gone.id).await
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

fn live(group: &ec2::SecurityGroup, marks: Marks) -> Result<Live<SecurityGroup>> {
    let shape = SecurityGroup {
        vpc: Ref::to(group.vpc_id().unwrap_or_default()),
        description: group.description().unwrap_or_default().to_owned(),
        ingress: rules::live(group.ip_permissions())?,
        egress: rules::live(group.ip_permissions_egress())?,
    };
    let id = group.group_id().map(str::to_owned).ok_or_else(|| Error::incomplete("ec2.DescribeSecurityGroups", "id"))?;
    Ok(Live { id, attributes: Attributes::new(), shape, marks, made_at: String::new() })
}

async fn drop_group(cx: &Aws, id: &str) -> Result<()> {
    cx.ec2.delete_security_group().group_id(id).send().await.map_err(Error::from).absent_ok()?;
    Ok(())
}

/// Whether no network interface bears the group.
async fn unused(cx: &Aws, id: &str) -> Result<bool> {
    let out = cx.ec2.describe_network_interfaces().filters(ec2_filter("group-id", [id])).send().await?;
    Ok(out.network_interfaces().is_empty() && out.next_token().is_none_or(str::is_empty))
}
