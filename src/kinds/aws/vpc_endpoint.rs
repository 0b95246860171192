//! A VPC endpoint: an AWS service inside the network, without the internet.
//!
//! API: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcEndpoint.html>.
//! Its network interfaces are AWS's; DNS options and IPv6 are not touched.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types as ec2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::route_table::RouteTable;
use super::security_group::SecurityGroup;
use super::subnet::Subnet;
use super::support::{ec2_filter, ec2_mark, ec2_ours, ec2_pairs, ec2_spec, tagged_tables, unsuccessful};
use super::vpc::Vpc;
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags};
use crate::model::Marks;
use crate::model::field::{Document, Ref};
use crate::planes::Aws;
use crate::planes::error::{Absent, Error, Result};

/// A VPC endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VpcEndpoint {
    /// Its network.
    #[schemars(extend("x-replace" = true))]
    pub vpc: Ref<Vpc>,
    /// The service: `com.amazonaws.us-east-1.s3`.
    #[schemars(extend("x-replace" = true))]
    pub service_name: String,
    /// A gateway (a target in route tables) or an interface (addresses in subnets). Default: Gateway.
    #[serde(default)]
    #[schemars(extend("x-replace" = true))]
    pub vpc_endpoint_type: EndpointType,
    /// Who may do what through it. Default: everyone everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_document: Option<Document>,
    /// Of a gateway: the tables that lead to it. Default: none.
    #[serde(default)]
    pub route_tables: BTreeSet<Ref<RouteTable>>,
    /// Of an interface: the subnets that it has an address in, one per zone. Default: none.
    #[serde(default)]
    pub subnets: BTreeSet<Ref<Subnet>>,
    /// Of an interface: the groups around it. Default: the VPC's default group.
    #[serde(default)]
    pub security_groups: BTreeSet<Ref<SecurityGroup>>,
    /// Of an interface: the service's usual name leads to it inside the network. Default: false.
    #[serde(default)]
    pub private_dns_enabled: bool,
}

/// How an endpoint is reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EndpointType {
    /// Through routes; for S3 and DynamoDB.
    #[default]
    Gateway,
    /// Through addresses in subnets.
    Interface,
}

impl Named for VpcEndpoint {
    const NAME: &'static str = "aws.vpc_endpoint";
}

impl Kind for VpcEndpoint {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcEndpoint.html";
    const TAGS: Tags = Tags::Ec2;
    /// `prefix_list`: of a gateway, the id that rules of security groups name. `dns_name`: of an interface.
    const LATE: &'static [&'static str] = &["prefix_list", "dns_name"];
    const LINGERS: bool = true;

    fn check(&self) -> Vec<(String, String)> {
        let only = |field: &str, kind: &str| (field.to_owned(), format!("only an endpoint of type {kind} has it"));
        let mut problems = Vec::new();
        match self.vpc_endpoint_type {
            EndpointType::Gateway => {
                problems.extend((!self.subnets.is_empty()).then(|| only("subnets", "Interface")));
                problems.extend((!self.security_groups.is_empty()).then(|| only("security_groups", "Interface")));
                problems.extend(self.private_dns_enabled.then(|| only("private_dns_enabled", "Interface")));
            }
            EndpointType::Interface => problems.extend((!self.route_tables.is_empty()).then(|| only("route_tables", "Gateway"))),
        }
        problems
    }

    fn restate(have: &mut Self, want: &Self) {
        if want.policy_document.is_none() && have.policy_document.as_ref().is_some_and(is_open) {
            have.policy_document = None;
        }
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let call = cx.ec2.describe_vpc_endpoints().filters(ec2_ours(cx)).into_paginator();
        let endpoints: Vec<ec2::VpcEndpoint> = call.items().send().collect::<std::result::Result<_, _>>().await?;
        let alive = |endpoint: &&ec2::VpcEndpoint| {
            let state = endpoint.state().map(|state| state.as_str().to_ascii_lowercase());
            !matches!(state.as_deref(), Some("deleting" | "deleted"))
        };
        let ours: Vec<_> = endpoints.iter().filter(alive).filter_map(|e| Some((e, cx.marks(ec2_pairs(e.tags()))?))).collect();
        let lists = lists_of(cx, ours.iter().map(|(endpoint, _)| *endpoint)).await?;
        ours.into_iter().map(|(endpoint, marks)| live(endpoint, marks, &lists)).collect()
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let want = &new.want;
        let call = cx.ec2.create_vpc_endpoint().vpc_id(want.vpc.id()).service_name(&want.service_name);
        let call = call.client_token(&new.token).tag_specifications(ec2_spec(ec2::ResourceType::VpcEndpoint, &new.marks));
        let call = call.set_policy_document(want.policy_document.as_ref().map(Document::to_string));
        let call = match want.vpc_endpoint_type {
            EndpointType::Gateway => call.vpc_endpoint_type(ec2::VpcEndpointType::Gateway).set_route_table_ids(ids(&want.route_tables)),
            EndpointType::Interface => {
                let call = call.vpc_endpoint_type(ec2::VpcEndpointType::Interface).set_subnet_ids(ids(&want.subnets));
                call.set_security_group_ids(ids(&want.security_groups)).private_dns_enabled(want.private_dns_enabled)
            }
        };
        let id = call.send().await?.vpc_endpoint.and_then(|endpoint| endpoint.vpc_endpoint_id);
        Ok(Made { id: id.ok_or_else(|| Error::incomplete("ec2.CreateVpcEndpoint", "id"))?, attributes: Attributes::new() })
    }

    /// Compares with what is there by now, so that it can be repeated.
    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        let endpoint = one(cx, &change.id).await?;
        let (have, want) = (shape(&endpoint)?, &change.want);
        let mut call = cx.ec2.modify_vpc_endpoint().vpc_endpoint_id(&change.id);
        if change.touches(&["policy_document"]) {
            call = match &want.policy_document {
                Some(policy) => call.policy_document(policy.to_string()),
                None => call.reset_policy(true),
            };
        }
        if change.touches(&["route_tables"]) {
            call = call.set_add_route_table_ids(ids(want.route_tables.difference(&have.route_tables)));
            call = call.set_remove_route_table_ids(ids(have.route_tables.difference(&want.route_tables)));
        }
        if change.touches(&["subnets"]) {
            call = call.set_add_subnet_ids(ids(want.subnets.difference(&have.subnets)));
            call = call.set_remove_subnet_ids(ids(have.subnets.difference(&want.subnets)));
        }
        if change.touches(&["security_groups"]) {
            call = call.set_add_security_group_ids(ids(want.security_groups.difference(&have.security_groups)));
            call = call.set_remove_security_group_ids(ids(have.security_groups.difference(&want.security_groups)));
        }
        if change.touches(&["private_dns_enabled"]) {
            call = call.private_dns_enabled(want.private_dns_enabled);
        }
        call.send().await?;
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        let out = cx.ec2.delete_vpc_endpoints().vpc_endpoint_ids(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        if let Some(out) = out {
            unsuccessful("ec2.DeleteVpcEndpoints", out.unsuccessful()).absent_ok()?;
        }
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        let endpoint = one(cx, id).await?;
        // AWS writes these states with a small letter, its own list of them with a capital one.
        match endpoint.state().map(|state| state.as_str().to_ascii_lowercase()).unwrap_or_default().as_str() {
            "available" | "pendingacceptance" => {
                let lists = prefix_lists(cx, [&endpoint]).await?;
                Ok(Ready::Yes(known(&endpoint, &lists)))
            }
            "deleted" => Err(Error::not_found("ec2.DescribeVpcEndpoints", id)),
            "failed" | "rejected" | "expired" => {
                let why = endpoint.last_error().and_then(ec2::LastError::message).or(endpoint.failure_reason());
                Ok(Ready::Failed(why.unwrap_or("AWS does not say why").to_owned()))
            }
            state => Ok(Ready::NotYet(state.to_owned())),
        }
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        ec2_mark(cx, id, marks).await
    }
}

async fn one(cx: &Aws, id: &str) -> Result<ec2::VpcEndpoint> {
    let out = cx.ec2.describe_vpc_endpoints().vpc_endpoint_ids(id).send().await?;
    out.vpc_endpoints.unwrap_or_default().into_iter().next().ok_or_else(|| Error::not_found("ec2.DescribeVpcEndpoints", id))
}

/// Ids for a call; `None` when there are none, because EC2 refuses an empty list.
fn ids<'a, K: 'a>(references: impl IntoIterator<Item = &'a Ref<K>>) -> Option<Vec<String>> {
    let all: Vec<String> = references.into_iter().map(|one| one.id().to_owned()).collect();
    (!all.is_empty()).then_some(all)
}

/// The policy that AWS gives an endpoint without one.
fn is_open(policy: &Document) -> bool {
    let all = |version: &str| {
        let statement = json!({ "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*" });
        Document::new(json!({ "Version": version, "Statement": [statement] }))
    };
    *policy == all("2008-10-17") || *policy == all("2012-10-17")
}

/// The prefix lists of the gateways among `endpoints`, by the name of their service. The routes that AWS puts into a gateway's tables name
/// them; only what has no table of ours costs a call.
///
/// Source: <https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html>
async fn lists_of<'a>(cx: &Aws, endpoints: impl Iterator<Item = &'a ec2::VpcEndpoint>) -> Result<Lists> {
    let gateways: Vec<&ec2::VpcEndpoint> = endpoints.filter(|endpoint| is_gateway(endpoint)).collect();
    // When the tables cannot be read, it is them that are unreadable.
    let tables = if gateways.is_empty() { None } else { tagged_tables(cx).await.ok() };
    let routes: BTreeMap<&str, &str> = tables
        .iter()
        .flat_map(|tables| tables.iter().flat_map(ec2::RouteTable::routes))
        .filter_map(|route| Some((route.gateway_id()?, route.destination_prefix_list_id()?)))
        .collect();
    let mut lists = Lists::new();
    let mut unknown = Vec::new();
    for endpoint in gateways {
        match endpoint.vpc_endpoint_id().and_then(|id| routes.get(id)) {
            Some(list) => drop(lists.insert(endpoint.service_name().unwrap_or_default().to_owned(), (*list).to_owned())),
            None => unknown.push(endpoint),
        }
    }
    lists.extend(prefix_lists(cx, unknown).await?);
    Ok(lists)
}

/// Prefix lists by name, for the gateways among `endpoints`.
async fn prefix_lists<'a>(cx: &Aws, endpoints: impl IntoIterator<Item = &'a ec2::VpcEndpoint>) -> Result<Lists> {
    let gateways = endpoints.into_iter().filter(|endpoint| is_gateway(endpoint));
    let names: BTreeSet<&str> = gateways.filter_map(ec2::VpcEndpoint::service_name).collect();
    if names.is_empty() {
        return Ok(Lists::new());
    }
    let call = cx.ec2.describe_prefix_lists().filters(ec2_filter("prefix-list-name", names)).into_paginator();
    let found: Vec<ec2::PrefixList> = call.items().send().collect::<std::result::Result<_, _>>().await?;
    Ok(found.into_iter().filter_map(|list| Some((list.prefix_list_name?, list.prefix_list_id?))).collect())
}

/// Prefix lists by the name of their service.
type Lists = BTreeMap<String, String>;

fn is_gateway(endpoint: &ec2::VpcEndpoint) -> bool {
    endpoint.vpc_endpoint_type() == Some(&ec2::VpcEndpointType::Gateway)
}

fn known(endpoint: &ec2::VpcEndpoint, lists: &Lists) -> Attributes {
    let list = endpoint.service_name().and_then(|name| lists.get(name)).filter(|_| is_gateway(endpoint)).map(String::as_str);
    let name = endpoint.dns_entries().first().and_then(ec2::DnsEntry::dns_name);
    [("prefix_list", list), ("dns_name", name)].into_iter().filter_map(|(key, value)| Some((key, value?.to_owned()))).collect()
}

fn shape(endpoint: &ec2::VpcEndpoint) -> Result<VpcEndpoint> {
    let incomplete = |what| Error::incomplete("ec2.DescribeVpcEndpoints", what);
    let interface = endpoint.vpc_endpoint_type() == Some(&ec2::VpcEndpointType::Interface);
    let policy = endpoint.policy_document().filter(|text| !text.is_empty());
    Ok(VpcEndpoint {
        vpc: Ref::to(endpoint.vpc_id().unwrap_or_default()),
        service_name: endpoint.service_name().unwrap_or_default().to_owned(),
        vpc_endpoint_type: match endpoint.vpc_endpoint_type() {
            Some(ec2::VpcEndpointType::Interface) => EndpointType::Interface,
            Some(ec2::VpcEndpointType::Gateway) => EndpointType::Gateway,
            _ => return Err(incomplete("type that this kind makes")),
        },
        policy_document: policy.map(Document::parse).transpose().map_err(|_| incomplete("policy in JSON"))?,
        route_tables: endpoint.route_table_ids().iter().map(Ref::to).collect(),
        subnets: endpoint.subnet_ids().iter().map(Ref::to).collect(),
        security_groups: endpoint.groups().iter().filter_map(ec2::SecurityGroupIdentifier::group_id).map(Ref::to).collect(),
        private_dns_enabled: interface && endpoint.private_dns_enabled().unwrap_or_default(),
    })
}

fn live(endpoint: &ec2::VpcEndpoint, marks: Marks, lists: &Lists) -> Result<Live<VpcEndpoint>> {
    let id = endpoint.vpc_endpoint_id().map(str::to_owned).ok_or_else(|| Error::incomplete("ec2.DescribeVpcEndpoints", "id"))?;
    let made_at = endpoint.creation_timestamp().map(ToString::to_string).unwrap_or_default();
    Ok(Live { id, attributes: known(endpoint, lists), shape: shape(endpoint)?, marks, made_at })
}
