//! A DB parameter group: the settings of a database server.
//!
//! API: <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBParameterGroup.html>.
//! Only the parameters that someone set are compared; what the engine's family says by default is AWS's. Static parameters
//! take effect at the server's next restart, which is never made from here.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::support::rds::{arn, mark_named, marks_of, may_be_ours, tags};
use super::support::side_by_side;
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::Marks;
use crate::planes::Aws;
use crate::planes::error::{Absent, Error, Result};
use aws_sdk_rds::types as rds;

/// Settings of a database server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DbParameterGroup {
    /// Engine and major version: `mariadb10.11`, `mysql8.4`.
    #[schemars(extend("x-replace" = true))]
    pub db_parameter_group_family: String,
    /// What it is for. Default: `Made by reeve`.
    #[serde(default = "description")]
    #[schemars(extend("x-replace" = true))]
    pub description: String,
    /// Parameters by name, as text. Default: none.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
}

fn description() -> String {
    "Made by reeve".into()
}

/// RDS takes this many parameters in one call.
const AT_ONCE: usize = 20;

impl Named for DbParameterGroup {
    const NAME: &'static str = "aws.db_parameter_group";
}

impl Kind for DbParameterGroup {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBParameterGroup.html";
    const TAGS: Tags = Tags::Rds("pg");
    const NAME_LIMIT: usize = 255;
    const ATTRIBUTES: &'static [&'static str] = &["arn", "name"];
    const MANY_CALLS: bool = true;

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let items = cx.rds.describe_db_parameter_groups().into_paginator().items().send();
        let groups: Vec<rds::DbParameterGroup> = items.collect::<std::result::Result<_, _>>().await?;
        let named = groups.iter().filter(|group| may_be_ours(cx, group.db_parameter_group_name().unwrap_or_default()));
        let all = named.map(|group| async move {
            let name = group.db_parameter_group_name().unwrap_or_default();
            let (marks, parameters) = futures::try_join!(marks_of(cx, Self::NAME, "pg", name), user_set(cx, name))?;
            let shape = Self {
                db_parameter_group_family: group.db_parameter_group_family().unwrap_or_default().to_owned(),
                description: group.description().unwrap_or_default().to_owned(),
                parameters,
            };
            Ok::<_, Error>(marks.map(|marks| Live {
                id: name.to_owned(),
                attributes: known(cx, name),
                shape,
                marks,
                made_at: String::new(),
            }))
        });
        Ok(side_by_side(all).await?.into_iter().flatten().collect())
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let name = new.name(Self::NAME_LIMIT);
        cx.rds
            .create_db_parameter_group()
            .db_parameter_group_name(&name)
            .db_parameter_group_family(&new.want.db_parameter_group_family)
            .description(&new.want.description)
            .set_tags(Some(tags(&new.marks)))
            .send()
            .await?;
        Ok(Made { attributes: known(cx, &name), id: name })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        let is = user_set(cx, &change.id).await?;
        let wished = &change.want.parameters;
        let gone: Vec<&str> = is.keys().filter(|name| !wished.contains_key(*name)).map(String::as_str).collect();
        let set: Vec<(&str, &str)> = wished
            .iter()
            .filter(|(name, value)| is.get(*name) != Some(value))
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        if gone.is_empty() && set.is_empty() {
            return Ok(());
        }
        let dynamic = dynamic(cx, &change.id).await?;
        let parameter = |name: &str, value: Option<&str>| {
            let method = if dynamic.contains(name) { rds::ApplyMethod::Immediate } else { rds::ApplyMethod::PendingReboot };
            rds::Parameter::builder().parameter_name(name).set_parameter_value(value.map(str::to_owned)).apply_method(method).build()
        };
        for some in set.chunks(AT_ONCE) {
            let parameters = some.iter().map(|(name, value)| parameter(name, Some(value))).collect();
            cx.rds.modify_db_parameter_group().db_parameter_group_name(&change.id).set_parameters(Some(parameters)).send().await?;
        }
        for some in gone.chunks(AT_ONCE) {
            let parameters = some.iter().map(|name| parameter(name, None)).collect();
            let call = cx.rds.reset_db_parameter_group().db_parameter_group_name(&change.id).reset_all_parameters(false);
            call.set_parameters(Some(parameters)).send().await?;
        }
        Ok(())
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        cx.rds.delete_db_parameter_group().db_parameter_group_name(&gone.id).send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        let out = cx.rds.describe_db_parameter_groups().db_parameter_group_name(id).send().await?;
        match out.db_parameter_groups().first() {
            Some(_) => Ok(Ready::Yes(known(cx, id))),
            None => Err(Error::not_found("rds.DescribeDBParameterGroups", id)),
        }
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        mark_named(cx, "pg", id, marks).await
    }
}

/// The parameters that someone set.
async fn user_set(cx: &Aws, name: &str) -> Result<BTreeMap<String, String>> {
    let items = cx.rds.describe_db_parameters().db_parameter_group_name(name).source("user").into_paginator().items().send();
    let parameters: Vec<rds::Parameter> = items.collect::<std::result::Result<_, _>>().await?;
    Ok(parameters.into_iter().filter_map(|p| Some((p.parameter_name?, p.parameter_value?))).collect())
}

/// The parameters that take effect at once: `immediate` is refused for all others.
async fn dynamic(cx: &Aws, name: &str) -> Result<BTreeSet<String>> {
    let items = cx.rds.describe_db_parameters().db_parameter_group_name(name).into_paginator().items().send();
    let parameters: Vec<rds::Parameter> = items.collect::<std::result::Result<_, _>>().await?;
    let dynamic = parameters.into_iter().filter(|p| p.apply_type() == Some("dynamic"));
    Ok(dynamic.filter_map(|p| p.parameter_name).collect())
}

fn known(cx: &Aws, name: &str) -> Attributes {
    attributes([("arn", &arn(&cx.estate, "pg", name)), ("name", name)])
}
