//! The entries of a network ACL: their comparable form, and how an ACL gets the ones that it should have.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types as ec2;
use futures::future::try_join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Protocol, live_cidr};
use crate::model::Cidr;
use crate::planes::Aws;
use crate::planes::error::{Absent, Error, Result};

/// The number of the last entry, which denies all and cannot be changed.
const LAST: i32 = 32767;

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its place, 1 to 32766: the lowest that matches decides.
    pub rule_number: i32,
    /// Whether it is about traffic that leaves. Default: false.
    #[serde(default)]
    pub egress: bool,
    /// What happens to traffic that matches.
    pub rule_action: Action,
    /// `tcp`, `udp`, `icmp`, `icmpv6`, `all` or a protocol's number. Default: all.
    #[serde(default = "all")]
    pub protocol: Protocol,
    /// An IPv4 block: where it comes from, or goes to. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cidr_block: Option<Cidr>,
    /// An IPv6 block, as AWS writes it. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6_cidr_block: Option<String>,
    /// First port; for ICMP the type, -1 for all. Left out for other protocols. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_port: Option<i32>,
    /// Last port; for ICMP the code, -1 for all. Left out for other protocols. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_port: Option<i32>,
}

fn all() -> Protocol {
    Protocol::ALL
}

/// What happens to traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It passes.
    Allow,
    /// It is dropped.
    Deny,
}

type Place = (bool, i32);

impl Entry {
    fn place(&self) -> Place {
        (self.egress, self.rule_number)
    }

    fn check(&self) -> Option<&'static str> {
        if !(1..LAST).contains(&self.rule_number) {
            return Some("`rule_number` is from 1 to 32766");
        }
        if self.cidr_block.is_some() == self.ipv6_cidr_block.is_some() {
            return Some("an entry has exactly one of `cidr_block` and `ipv6_cidr_block`");
        }
        let wants = self.protocol.has_ports() || self.protocol.is_icmp();
        match (self.from_port, self.to_port) {
            (Some(from), Some(to)) if self.protocol.has_ports() && !(0 <= from && from <= to && to <= 65535) => {
                Some("ports are from 0 to 65535, the first not above the last")
            }
            (Some(_), Some(_)) | (None, None) if wants != self.from_port.is_some() => {
                Some("`from_port` and `to_port` are for tcp, udp and icmp, which need them")
            }
            (Some(_), None) | (None, Some(_)) => Some("`from_port` and `to_port` go together"),
            _ => None,
        }
    }
}

/// Checks all entries of an ACL.
pub fn check(entries: &BTreeSet<Entry>) -> Vec<(String, String)> {
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    for (at, entry) in entries.iter().enumerate() {
        if let Some(problem) = entry.check() {
            problems.push((format!("entries[{at}]"), problem.to_owned()));
        } else if !seen.insert(entry.place()) {
            problems.push((format!("entries[{at}]"), format!("a second entry with number {} that way", entry.rule_number)));
        }
    }
    problems
}

/// All entries but the last one, which AWS adds each way.
pub fn live(entries: &[ec2::NetworkAclEntry]) -> Result<BTreeSet<Entry>> {
    entries.iter().filter(|entry| entry.rule_number().is_some_and(|number| number < LAST)).map(shape).collect()
}

fn shape(entry: &ec2::NetworkAclEntry) -> Result<Entry> {
    let incomplete = |what| Error::incomplete("ec2.DescribeNetworkAcls", what);
    let protocol = Protocol::parse(entry.protocol().unwrap_or("-1")).map_err(|_| incomplete("known protocol"))?;
    let range = entry.port_range().filter(|_| protocol.has_ports());
    let icmp = entry.icmp_type_code().filter(|_| protocol.is_icmp());
    let cidr = entry.cidr_block().filter(|text| !text.is_empty());
    Ok(Entry {
        rule_number: entry.rule_number().unwrap_or_default(),
        egress: entry.egress().unwrap_or_default(),
        rule_action: match entry.rule_action() {
            Some(ec2::RuleAction::Allow) => Action::Allow,
            Some(ec2::RuleAction::Deny) => Action::Deny,
            _ => return Err(incomplete("rule action")),
        },
        cidr_block: cidr.map(|cidr| live_cidr(Some(cidr), "ec2.DescribeNetworkAcls")).transpose()?,
        ipv6_cidr_block: entry.ipv6_cidr_block().filter(|text| !text.is_empty()).map(str::to_owned),
        from_port: range.and_then(ec2::PortRange::from).or_else(|| icmp.and_then(ec2::IcmpTypeCode::r#type)),
        to_port: range.and_then(ec2::PortRange::to).or_else(|| icmp.and_then(ec2::IcmpTypeCode::code)),
        protocol,
    })
}

/// Gives ACL `id`, which has the entries `have`, exactly the entries `want`. A number that stays is switched in one call.
///
/// # Errors
/// What EC2 answered.
pub async fn set(cx: &Aws, id: &str, have: &[ec2::NetworkAclEntry], want: &BTreeSet<Entry>) -> Result<()> {
    let have: BTreeMap<Place, Entry> = live(have)?.into_iter().map(|entry| (entry.place(), entry)).collect();
    let put = want.iter().filter(|entry| have.get(&entry.place()) != Some(*entry));
    try_join_all(put.map(|entry| put_entry(cx, id, entry, have.contains_key(&entry.place())))).await?;
    let wanted: BTreeSet<Place> = want.iter().map(Entry::place).collect();
    let drop = have.keys().filter(|place| !wanted.contains(*place));
    try_join_all(drop.map(|place| drop_entry(cx, id, *place))).await?;
    Ok(())
}

async fn put_entry(cx: &Aws, id: &str, entry: &Entry, there: bool) -> Result<()> {
    let block = entry.cidr_block.map(|cidr| cidr.to_string());
    let action = if entry.rule_action == Action::Allow { ec2::RuleAction::Allow } else { ec2::RuleAction::Deny };
    let ports = entry.from_port.zip(entry.to_port);
    let range = ports.filter(|_| entry.protocol.has_ports()).map(|(from, to)| ec2::PortRange::builder().from(from).to(to).build());
    let icmp = ports.filter(|_| entry.protocol.is_icmp());
    let icmp = icmp.map(|(kind, code)| ec2::IcmpTypeCode::builder().r#type(kind).code(code).build());
    if there {
        let call = cx.ec2.replace_network_acl_entry().network_acl_id(id).rule_number(entry.rule_number).egress(entry.egress);
        let call = call.protocol(entry.protocol.number()).rule_action(action).set_cidr_block(block);
        let call = call.set_ipv6_cidr_block(entry.ipv6_cidr_block.clone()).set_port_range(range).set_icmp_type_code(icmp);
        call.send().await?;
    } else {
        let call = cx.ec2.create_network_acl_entry().network_acl_id(id).rule_number(entry.rule_number).egress(entry.egress);
        let call = call.protocol(entry.protocol.number()).rule_action(action).set_cidr_block(block);
        let call = call.set_ipv6_cidr_block(entry.ipv6_cidr_block.clone()).set_port_range(range).set_icmp_type_code(icmp);
        call.send().await?;
    }
    Ok(())
}

async fn drop_entry(cx: &Aws, id: &str, (egress, number): Place) -> Result<()> {
    let call = cx.ec2.delete_network_acl_entry().network_acl_id(id).egress(egress).rule_number(number);
    call.send().await.map_err(Error::from).absent_ok()?;
    Ok(())
}
