//! A route table, its routes and the subnets that follow it.
//!
//! API: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRouteTable.html>.
//! Does not touch the VPC's local routes, routes that a gateway endpoint adds (`aws.vpc_endpoint` lists its tables) or a virtual
//! private gateway propagates, or the VPC's main table. Every other route in our table is ours: one added by hand is drift.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types as ec2;
use futures::future::try_join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::subnet::Subnet;
pub use super::support::routes::Route;
use super::support::{ec2_filter, ec2_mark, ec2_pairs, ec2_spec, routes, tagged_tables};
use super::vpc::Vpc;
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags};
use crate::model::Marks;
use crate::model::field::Ref;
use crate::planes::Aws;
use crate::planes::error::{Absent, Error, Result};

/// A route table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteTable {
    /// Its network.
    #[schemars(extend("x-replace" = true))]
    pub vpc: Ref<Vpc>,
    /// Where traffic to which destination goes, beside the VPC's own block. Default: nowhere.
    #[serde(default)]
    #[schemars(extend("x-need" = "ready", "x-holds" = false))]
    pub routes: BTreeSet<Route>,
    /// The subnets that follow it. A subnet follows one table. Default: none.
    #[serde(default)]
    #[schemars(extend("x-holds" = false))]
    pub subnets: BTreeSet<Ref<Subnet>>,
}

impl Named for RouteTable {
    const NAME: &'static str = "aws.route_table";
}

impl Kind for RouteTable {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRouteTable.html";
    const TAGS: Tags = Tags::Ec2;
    const MANY_CALLS: bool = true;

    fn check(&self) -> Vec<(String, String)> {
        routes::check(&self.routes)
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let tables = tagged_tables(cx).await?;
        let ours = tables.iter().filter_map(|table| Some((table, cx.marks(ec2_pairs(table.tags()))?)));
        ours.map(|(table, marks)| {
            let shape = Self {
                vpc: Ref::to(table.vpc_id().unwrap_or_default()),
                routes: routes::live(table.routes())?,
                subnets: followers(table).into_keys().map(Ref::to).collect(),
            };
            let id = table.route_table_id().map(str::to_owned).ok_or_else(|| Error::incomplete("ec2.DescribeRouteTables", "id"))?;
            Ok(Live { id, attributes: Attributes::new(), shape, marks, made_at: String::new() })
        })
        .collect()
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let tags = ec2_spec(ec2::ResourceType::RouteTable, &new.marks);
        let out = cx.ec2.create_route_table().vpc_id(new.want.vpc.id()).client_token(&new.token).tag_specifications(tags).send().await?;
        let id = out.route_table.and_then(|table| table.route_table_id);
        let id = id.ok_or_else(|| Error::incomplete("ec2.CreateRouteTable", "id"))?;
        Ok(Made { id, attributes: Attributes::new() })
    }

    /// Routes before subnets: a subnet that comes from another table then keeps its way out.
    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        let table = one(cx, &change.id).await?;
        if change.touches(&["routes"]) {
            routes::set(cx, &change.id, table.routes(), &change.want.routes).await?;
        }
        if change.touches(&["subnets"]) {
            follow(cx, &change.id, &followers(&table), &change.want.subnets).await?;
        }
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        let Some(table) = one(cx, &gone.id).await.absent_ok()? else { return Ok(()) };
        let associations = followers(&table);
        try_join_all(associations.values().map(|association| leave(cx, association))).await?;
        cx.ec2.delete_route_table().route_table_id(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        one(cx, id).await.map(|_| Ready::Yes(Attributes::new()))
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        ec2_mark(cx, id, marks).await
    }
}

async fn one(cx: &Aws, id: &str) -> Result<ec2::RouteTable> {
    let out = cx.ec2.describe_route_tables().route_table_ids(id).send().await?;
    out.route_tables.unwrap_or_default().into_iter().next().ok_or_else(|| Error::not_found("ec2.DescribeRouteTables", id))
}

/// The subnets that follow a table, and by which association.
fn followers(table: &ec2::RouteTable) -> BTreeMap<String, String> {
    use ec2::RouteTableAssociationStateCode::{Disassociated, Disassociating};
    let counts = |a: &&ec2::RouteTableAssociation| {
        !matches!(a.association_state().and_then(ec2::RouteTableAssociationState::state), Some(Disassociated | Disassociating))
    };
    let pair = |a: &ec2::RouteTableAssociation| Some((a.subnet_id()?.to_owned(), a.route_table_association_id()?.to_owned()));
    table.associations().iter().filter(counts).filter_map(pair).collect()
}

/// Subnets that follow another table are moved in one call, so that they are never without.
async fn follow(cx: &Aws, id: &str, have: &BTreeMap<String, String>, want: &BTreeSet<Ref<Subnet>>) -> Result<()> {
    let new: Vec<&str> = want.iter().map(Ref::id).filter(|subnet| !have.contains_key(*subnet)).collect();
    if !new.is_empty() {
        let call = cx.ec2.describe_route_tables().filters(ec2_filter("association.subnet-id", new.iter().copied())).into_paginator();
        let others: Vec<ec2::RouteTable> = call.items().send().collect::<std::result::Result<_, _>>().await?;
        let elsewhere: BTreeMap<String, String> = others.iter().flat_map(followers).collect();
        try_join_all(new.into_iter().map(|subnet| join(cx, id, subnet, elsewhere.get(subnet)))).await?;
    }
    let old = have.iter().filter(|(subnet, _)| !want.iter().any(|wanted| wanted.id() == subnet.as_str()));
    try_join_all(old.map(|(_, association)| leave(cx, association))).await?;
    Ok(())
}

async fn join(cx: &Aws, id: &str, subnet: &str, association: Option<&String>) -> Result<()> {
    match association {
        Some(association) => {
            cx.ec2.replace_route_table_association().association_id(association).route_table_id(id).send().await?;
        }
        None => {
            cx.ec2.associate_route_table().subnet_id(subnet).route_table_id(id).send().await?;
        }
    }
    Ok(())
}

async fn leave(cx: &Aws, association: &str) -> Result<()> {
    cx.ec2.disassociate_route_table().association_id(association).send().await.map_err(Error::from).absent_ok()?;
    Ok(())
}
