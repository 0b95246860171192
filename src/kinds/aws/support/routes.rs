//! The routes of a route table: their comparable form, and how a table gets the ones that it should have.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types as ec2;
use futures::future::try_join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::live_cidr;
use crate::kinds::aws::internet_gateway::InternetGateway;
use crate::kinds::aws::nat_gateway::NatGateway;
use crate::model::Cidr;
use crate::model::field::Ref;
use crate::planes::Aws;
use crate::planes::error::{Absent, Error, Result};

/// One route: exactly one destination and exactly one target.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// An IPv4 block; `0.0.0.0/0` is everywhere else. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination_cidr_block: Option<Cidr>,
    /// An IPv6 block, as AWS writes it. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination_ipv6_cidr_block: Option<String>,
    /// A prefix list's id. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination_prefix_list: Option<String>,
    /// The internet gateway. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Ref<InternetGateway>>,
    /// The NAT gateway. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nat_gateway: Option<Ref<NatGateway>>,
    /// A transit gateway's id. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transit_gateway: Option<String>,
    /// A peering connection's id. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc_peering_connection: Option<String>,
    /// A network interface's id. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_interface: Option<String>,
}

impl Route {
    fn check(&self) -> Option<&'static str> {
        let to =
            [self.destination_cidr_block.is_some(), self.destination_ipv6_cidr_block.is_some(), self.destination_prefix_list.is_some()];
        let by = [
            self.gateway.is_some(),
            self.nat_gateway.is_some(),
            self.transit_gateway.is_some(),
            self.vpc_peering_connection.is_some(),
            self.network_interface.is_some(),
        ];
        let count = |set: &[bool]| set.iter().filter(|set| **set).count();
        if count(&to) != 1 {
            return Some("a route has exactly one destination");
        }
        (count(&by) != 1).then_some("a route has exactly one target, such as `gateway` or `nat_gateway`")
    }

    /// What it leads to, in one form: a table has at most one route to it.
    fn destination(&self) -> String {
        let block = self.destination_cidr_block.map(|cidr| cidr.to_string());
        block.or_else(|| self.destination_ipv6_cidr_block.clone()).or_else(|| self.destination_prefix_list.clone()).unwrap_or_default()
    }
}

/// Checks all routes of a table.
pub fn check(routes: &BTreeSet<Route>) -> Vec<(String, String)> {
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    for (at, route) in routes.iter().enumerate() {
        if let Some(problem) = route.check() {
            problems.push((format!("routes[{at}]"), problem.to_owned()));
        } else if !seen.insert(route.destination()) {
            problems.push((format!("routes[{at}]"), format!("a second route to {}", route.destination())));
        }
    }
    problems
}

/// The routes that are the table's own.
pub fn live(routes: &[ec2::Route]) -> Result<BTreeSet<Route>> {
    routes.iter().filter(|route| own(route)).map(shape).collect()
}

/// Neither the VPC's, nor propagated, nor a gateway endpoint's.
fn own(route: &ec2::Route) -> bool {
    let made = !matches!(route.origin(), Some(ec2::RouteOrigin::CreateRouteTable | ec2::RouteOrigin::EnableVgwRoutePropagation));
    made && !route.gateway_id().is_some_and(|id| id == "local" || id.starts_with("vpce-"))
}

fn shape(route: &ec2::Route) -> Result<Route> {
    let cidr = route.destination_cidr_block().filter(|text| !text.is_empty());
    let text = |id: Option<&str>| id.filter(|id| !id.is_empty()).map(str::to_owned);
    Ok(Route {
        destination_cidr_block: cidr.map(|cidr| live_cidr(Some(cidr), "ec2.DescribeRouteTables")).transpose()?,
        destination_ipv6_cidr_block: text(route.destination_ipv6_cidr_block()),
        destination_prefix_list: text(route.destination_prefix_list_id()),
        gateway: text(route.gateway_id()).map(Ref::to),
        nat_gateway: text(route.nat_gateway_id()).map(Ref::to),
        transit_gateway: text(route.transit_gateway_id()),
        vpc_peering_connection: text(route.vpc_peering_connection_id()),
        network_interface: text(route.network_interface_id()),
    })
}

/// Gives table `id`, which has the routes `have`, exactly the routes `want`. A destination that stays is switched in one call.
///
/// # Errors
/// What EC2 answered.
pub async fn set(cx: &Aws, id: &str, have: &[ec2::Route], want: &BTreeSet<Route>) -> Result<()> {
    let have: BTreeMap<String, Route> = live(have)?.into_iter().map(|route| (route.destination(), route)).collect();
    let put = want.iter().filter(|route| have.get(&route.destination()) != Some(*route));
    try_join_all(put.map(|route| put_route(cx, id, route, have.contains_key(&route.destination())))).await?;
    let wanted: BTreeSet<String> = want.iter().map(Route::destination).collect();
    let drop = have.iter().filter(|(destination, _)| !wanted.contains(*destination));
    try_join_all(drop.map(|(_, route)| drop_route(cx, id, route))).await?;
    Ok(())
}

async fn put_route(cx: &Aws, id: &str, route: &Route, there: bool) -> Result<()> {
    let block = route.destination_cidr_block.map(|cidr| cidr.to_string());
    let (gateway, nat) = (route.gateway.as_ref().map(|to| to.id().to_owned()), route.nat_gateway.as_ref().map(|to| to.id().to_owned()));
    if there {
        let call = cx.ec2.replace_route().route_table_id(id).set_destination_cidr_block(block);
        let call = call.set_destination_ipv6_cidr_block(route.destination_ipv6_cidr_block.clone());
        let call = call.set_destination_prefix_list_id(route.destination_prefix_list.clone()).set_gateway_id(gateway);
        let call = call.set_nat_gateway_id(nat).set_transit_gateway_id(route.transit_gateway.clone());
        let call = call.set_vpc_peering_connection_id(route.vpc_peering_connection.clone());
        call.set_network_interface_id(route.network_interface.clone()).send().await?;
    } else {
        let call = cx.ec2.create_route().route_table_id(id).set_destination_cidr_block(block);
        let call = call.set_destination_ipv6_cidr_block(route.destination_ipv6_cidr_block.clone());
        let call = call.set_destination_prefix_list_id(route.destination_prefix_list.clone()).set_gateway_id(gateway);
        let call = call.set_nat_gateway_id(nat).set_transit_gateway_id(route.transit_gateway.clone());
        let call = call.set_vpc_peering_connection_id(route.vpc_peering_connection.clone());
        call.set_network_interface_id(route.network_interface.clone()).send().await?;
    }
    Ok(())
}

async fn drop_route(cx: &Aws, id: &str, route: &Route) -> Result<()> {
    let call = cx.ec2.delete_route().route_table_id(id);
    let call = call.set_destination_cidr_block(route.destination_cidr_block.map(|cidr| cidr.to_string()));
    let call = call.set_destination_ipv6_cidr_block(route.destination_ipv6_cidr_block.clone());
    let call = call.set_destination_prefix_list_id(route.destination_prefix_list.clone());
    call.send().await.map_err(Error::from).absent_ok()?;
    Ok(())
}
