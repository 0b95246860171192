//! A DB subnet group: the subnets in which RDS may place a server.
//!
//! API: <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup.html>.
//! Its listing bears no tags, so it is found by the beginning of its name.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::subnet::Subnet;
use super::support::rds::{arn, mark_named, marks_of, may_be_ours, tags};
use super::support::side_by_side;
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::{Marks, Ref};
use crate::planes::Aws;
use crate::planes::error::{Absent, Error, Result};
use aws_sdk_rds::types as rds;

/// Subnets for a database server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DbSubnetGroup {
    /// What it is for. Default: `Made by reeve`.
    #[serde(default = "description")]
    pub db_subnet_group_description: String,
    /// Its subnets, in at least two zones.
    pub subnets: BTreeSet<Ref<Subnet>>,
}

fn description() -> String {
    "Made by reeve".into()
}

impl Named for DbSubnetGroup {
    const NAME: &'static str = "aws.db_subnet_group";
}

impl Kind for DbSubnetGroup {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup.html";
    const TAGS: Tags = Tags::Rds("subgrp");
    const NAME_LIMIT: usize = 255;
    const ATTRIBUTES: &'static [&'static str] = &["arn", "name"];

    fn check(&self) -> Vec<(String, String)> {
        match self.subnets.len() {
            0 | 1 => vec![("subnets".into(), "RDS wants subnets in at least two zones".into())],
            _ => Vec::new(),
        }
    }

    /// RDS refuses subnets of another VPC, and a group that shares no subnet with the wish is of another VPC.
    fn must_replace(have: &Self, want: &Self, changed: &BTreeSet<String>) -> bool {
        changed.contains("subnets") && have.subnets.is_disjoint(&want.subnets)
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let items = cx.rds.describe_db_subnet_groups().into_paginator().items().send();
        let groups: Vec<rds::DbSubnetGroup> = items.collect::<std::result::Result<_, _>>().await?;
        let named = groups.iter().filter(|group| may_be_ours(cx, group.db_subnet_group_name().unwrap_or_default()));
        let all = named.map(|group| async move {
            let name = group.db_subnet_group_name().unwrap_or_default();
            let Some(marks) = marks_of(cx, Self::NAME, "subgrp", name).await? else { return Ok(None) };
            let shape = Self {
                db_subnet_group_description: group.db_subnet_group_description().unwrap_or_default().to_owned(),
                subnets: group.subnets().iter().filter_map(|subnet| subnet.subnet_identifier()).map(Ref::to).collect(),
            };
            Ok::<_, Error>(Some(Live { id: name.to_owned(), attributes: known(cx, name), shape, marks, made_at: String::new() }))
        });
        Ok(side_by_side(all).await?.into_iter().flatten().collect())
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let name = new.name(Self::NAME_LIMIT);
        cx.rds
            .create_db_subnet_group()
            .db_subnet_group_name(&name)
            .db_subnet_group_description(&new.want.db_subnet_group_description)
            .set_subnet_ids(Some(ids(&new.want)))
            .set_tags(Some(tags(&new.marks)))
            .send()
            .await?;
        Ok(Made { attributes: known(cx, &name), id: name })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        cx.rds
            .modify_db_subnet_group()
            .db_subnet_group_name(&change.id)
            .db_subnet_group_description(&change.want.db_subnet_group_description)
            .set_subnet_ids(Some(ids(&change.want)))
            .send()
            .await?;
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        cx.rds.delete_db_subnet_group().db_subnet_group_name(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        let out = cx.rds.describe_db_subnet_groups().db_subnet_group_name(id).send().await?;
        match out.db_subnet_groups().first() {
            Some(_) => Ok(Ready::Yes(known(cx, id))),
            None => Err(Error::not_found("rds.DescribeDBSubnetGroups", id)),
        }
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        mark_named(cx, "subgrp", id, marks).await
    }
}

fn ids(want: &DbSubnetGroup) -> Vec<String> {
    want.subnets.iter().map(|subnet| subnet.id().to_owned()).collect()
}

fn known(cx: &Aws, name: &str) -> Attributes {
    attributes([("arn", &arn(&cx.estate, "subgrp", name)), ("name", name)])
}
