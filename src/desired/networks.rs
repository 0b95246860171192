//! Address ranges that do not fit into each other, or overlap: AWS refuses them one call at a time, this names all before any.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;

use super::expand::{Expanded, Resource};
use crate::model::problem::{Problem, Problems};
use crate::model::{Address, Cidr};

/// Each subnet has to lie in its VPC, and no two of one VPC may overlap.
pub fn check(expanded: &Expanded, problems: &mut Problems) {
    let mut by_vpc: BTreeMap<&Address, Vec<(Ipv4Net, &Resource)>> = BTreeMap::new();
    let block = |resource: &Resource| if expanded.is_flawed(&resource.address, "cidr_block") { None } else { block(resource) };
    for subnet in expanded.resources.values().filter(|resource| resource.kind.name == "aws.subnet") {
        let vpc = subnet.refs.iter().find(|used| used.field == "vpc").map(|used| &used.address);
        if let (Some(vpc), Some(net)) = (vpc, block(subnet)) {
            by_vpc.entry(vpc).or_default().push((net, subnet));
        }
    }
    for (vpc, mut subnets) in by_vpc {
        if let Some(whole) = expanded.resources.get(vpc).and_then(block) {
            for (net, subnet) in subnets.iter().filter(|(net, _)| !whole.contains(net)) {
                problems.push(Problem::at(
                    subnet.value_place("cidr_block"),
                    format!("{net} of `{}` does not fit into {whole} of `{vpc}`", subnet.address),
                ));
            }
        }
        subnets.sort_by_key(|(net, _)| (net.network(), net.prefix_len()));
        // Sorted by start, a range overlaps a later one only if it overlaps the widest before it.
        let mut widest: Option<(Ipv4Net, &Resource)> = None;
        for (net, subnet) in subnets {
            if let Some((other, first)) = widest.filter(|(other, _)| other.contains(&net)) {
                let message = format!("{net} of `{}` overlaps {other} of `{}`", subnet.address, first.address);
                problems.push(Problem::at(subnet.value_place("cidr_block"), message));
            } else {
                widest = Some((net, subnet));
            }
        }
    }
}

fn block(resource: &Resource) -> Option<Ipv4Net> {
    Cidr::parse(resource.spec.get("cidr_block")?.as_str()?).ok().map(Cidr::net)
}
