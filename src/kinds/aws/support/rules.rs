//! The rules of security groups: their comparable form, and how a group gets the ones that it should have.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types as ec2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Protocol, live_cidr};
use crate::kinds::aws::security_group::SecurityGroup;
use crate::model::Cidr;
use crate::model::field::{Ref, Text};
use crate::planes::Aws;
use crate::planes::error::{Error, Result};

/// One rule: what may come from (or go to) exactly one of a block, a group or a prefix list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// `tcp`, `udp`, `icmp`, `icmpv6`, `all` or a protocol's number. Default: tcp.
    #[serde(default = "tcp")]
    pub ip_protocol: Protocol,
    /// First port; for ICMP the type, -1 for all. Left out for `all` and for protocols without ports. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_port: Option<i32>,
    /// Last port; for ICMP the code, -1 for all. Left out for `all` and for protocols without ports. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_port: Option<i32>,
    /// An IPv4 block. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cidr_ip: Option<Cidr>,
    /// An IPv6 block, as AWS writes it: `::/0`. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cidr_ipv6: Option<String>,
    /// A security group: whatever bears it. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Ref<SecurityGroup>>,
    /// A prefix list's id, such as that of a gateway endpoint: `${ref("vpc.endpoint/s3").prefix_list}`. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix_list: Option<Text>,
    /// What it is for. Default: empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
}

fn tcp() -> Protocol {
    Protocol::TCP
}

/// Which way a rule lets traffic pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// In.
    Ingress,
    /// Out.
    Egress,
}

impl Rule {
    /// What its types cannot say.
    pub fn check(&self) -> Option<&'static str> {
        let targets = [self.cidr_ip.is_some(), self.cidr_ipv6.is_some(), self.group.is_some(), self.prefix_list.is_some()];
        let ports = (self.from_port, self.to_port);
        if targets.into_iter().filter(|set| *set).count() != 1 {
            return Some("a rule has exactly one of `cidr_ip`, `cidr_ipv6`, `group` and `prefix_list`");
        }
        if self.description.len() > 255 || !self.description.chars().all(described) {
            return Some("a description has at most 255 letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*");
        }
        match ports {
            (None, None) if self.ip_protocol.has_ports() => Some("`from_port` and `to_port` are missing"),
            (None, None) if self.ip_protocol.is_icmp() => Some("`from_port` (the type) and `to_port` (the code) are missing; -1 is all"),
            (None, None) => None,
            _ if !self.ip_protocol.has_ports() && !self.ip_protocol.is_icmp() => Some("this protocol has no ports"),
            (Some(from), Some(to)) if self.ip_protocol.has_ports() && !(0 <= from && from <= to && to <= 65535) => {
                Some("ports are from 0 to 65535, the first not above the last")
            }
            (Some(_), Some(_)) => None,
            _ => Some("`from_port` and `to_port` go together"),
        }
    }

    /// The rule without its words: what AWS takes for the same rule.
    fn bare(&self) -> Self {
        Self { description: String::new(), ..self.clone() }
    }

    fn permission(&self) -> ec2::IpPermission {
        let words = || (!self.description.is_empty()).then(|| self.description.clone());
        let block = |cidr: &Cidr| ec2::IpRange::builder().cidr_ip(cidr.to_string()).set_description(words()).build();
        let block6 = |cidr: &String| ec2::Ipv6Range::builder().cidr_ipv6(cidr).set_description(words()).build();
        let group = |group: &Ref<_>| ec2::UserIdGroupPair::builder().group_id(group.id()).set_description(words()).build();
        let list = |list: &Text| ec2::PrefixListId::builder().prefix_list_id(list.as_str()).set_description(words()).build();
        ec2::IpPermission::builder()
            .ip_protocol(self.ip_protocol.name())
            .set_from_port(self.from_port)
            .set_to_port(self.to_port)
            .set_ip_ranges(self.cidr_ip.as_ref().map(|cidr| vec![block(cidr)]))
            .set_ipv6_ranges(self.cidr_ipv6.as_ref().map(|cidr| vec![block6(cidr)]))
            .set_user_id_group_pairs(self.group.as_ref().map(|id| vec![group(id)]))
            .set_prefix_list_ids(self.prefix_list.as_ref().map(|id| vec![list(id)]))
            .build()
    }
}

/// Characters that AWS takes in a description.
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpRange.html>
pub fn described(c: char) -> bool {
    c.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(c)
}

/// Checks a whole set; `field` names it.
pub fn check(field: &str, rules: &BTreeSet<Rule>) -> Vec<(String, String)> {
    rules.iter().enumerate().filter_map(|(at, rule)| Some((format!("{field}[{at}]"), rule.check()?.to_owned()))).collect()
}

/// AWS groups rules by protocol and ports; here each stands alone.
pub fn live(permissions: &[ec2::IpPermission]) -> Result<BTreeSet<Rule>> {
    let mut rules = BTreeSet::new();
    for permission in permissions {
        let ip_protocol = Protocol::parse(permission.ip_protocol().unwrap_or("-1"))
            .map_err(|_| Error::incomplete("ec2.DescribeSecurityGroups", "known protocol"))?;
        let ports = ip_protocol.has_ports() || ip_protocol.is_icmp();
        let bare = Rule {
            from_port: permission.from_port().filter(|_| ports),
            to_port: permission.to_port().filter(|_| ports),
            ip_protocol,
            cidr_ip: None,
            cidr_ipv6: None,
            group: None,
            prefix_list: None,
            description: String::new(),
        };
        let said = |words: Option<&str>| words.unwrap_or_default().to_owned();
        for range in permission.ip_ranges() {
            let cidr = live_cidr(range.cidr_ip(), "ec2.DescribeSecurityGroups")?;
            rules.insert(Rule { cidr_ip: Some(cidr), description: said(range.description()), ..bare.clone() });
        }
        for range in permission.ipv6_ranges() {
            let cidr = range.cidr_ipv6().map(str::to_owned);
            rules.insert(Rule { cidr_ipv6: cidr, description: said(range.description()), ..bare.clone() });
        }
        for pair in permission.user_id_group_pairs() {
            let group = pair.group_id().map(Ref::to);
            rules.insert(Rule { group, description: said(pair.description()), ..bare.clone() });
        }
        for list in permission.prefix_list_ids() {
            let id = list.prefix_list_id().map(Text::from);
            rules.insert(Rule { prefix_list: id, description: said(list.description()), ..bare.clone() });
        }
    }
    Ok(rules)
}

/// Gives group `id` exactly the rules `want`: new ones first, so that nothing that stays allowed is cut in between.
///
/// # Errors
/// What EC2 answered.
pub async fn set(cx: &Aws, id: &str, way: Way, want: &BTreeSet<Rule>) -> Result<()> {
    let out = cx.ec2.describe_security_groups().group_ids(id).send().await?;
    let group = out.security_groups().first().ok_or_else(|| Error::not_found("ec2.DescribeSecurityGroups", id))?;
    let have = live(if way == Way::Ingress { group.ip_permissions() } else { group.ip_permissions_egress() })?;
    let by_bare = |rules: &BTreeSet<Rule>| rules.iter().map(|rule| (rule.bare(), rule.description.clone())).collect::<BTreeMap<_, _>>();
    let (is, should) = (by_bare(&have), by_bare(want));
    let new = permissions(want.iter().filter(|rule| !is.contains_key(&rule.bare())));
    let reworded = permissions(want.iter().filter(|rule| is.get(&rule.bare()).is_some_and(|words| *words != rule.description)));
    let old = permissions(have.iter().filter(|rule| !should.contains_key(&rule.bare())));
    allow(cx, id, way, new).await?;
    describe(cx, id, way, reworded).await?;
    revoke(cx, id, way, old).await
}

fn permissions<'a>(rules: impl Iterator<Item = &'a Rule>) -> Option<Vec<ec2::IpPermission>> {
    let all: Vec<_> = rules.map(Rule::permission).collect();
    (!all.is_empty()).then_some(all)
}

async fn allow(cx: &Aws, id: &str, way: Way, rules: Option<Vec<ec2::IpPermission>>) -> Result<()> {
    match (way, rules) {
        (_, None) => {}
        (Way::Ingress, rules) => {
            cx.ec2.authorize_security_group_ingress().group_id(id).set_ip_permissions(rules).send().await?;
        }
        (Way::Egress, rules) => {
            cx.ec2.authorize_security_group_egress().group_id(id).set_ip_permissions(rules).send().await?;
        }
    }
    Ok(())
}

async fn describe(cx: &Aws, id: &str, way: Way, rules: Option<Vec<ec2::IpPermission>>) -> Result<()> {
    match (way, rules) {
        (_, None) => {}
        (Way::Ingress, rules) => {
            cx.ec2.update_security_group_rule_descriptions_ingress().group_id(id).set_ip_permissions(rules).send().await?;
        }
        (Way::Egress, rules) => {
            cx.ec2.update_security_group_rule_descriptions_egress().group_id(id).set_ip_permissions(rules).send().await?;
        }
    }
    Ok(())
}

async fn revoke(cx: &Aws, id: &str, way: Way, rules: Option<Vec<ec2::IpPermission>>) -> Result<()> {
    match (way, rules) {
        (_, None) => {}
        (Way::Ingress, rules) => {
            cx.ec2.revoke_security_group_ingress().group_id(id).set_ip_permissions(rules).send().await?;
        }
        (Way::Egress, rules) => {
            cx.ec2.revoke_security_group_egress().group_id(id).set_ip_permissions(rules).send().await?;
        }
    }
    Ok(())
}
