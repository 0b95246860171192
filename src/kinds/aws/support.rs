//! What kinds of one service share: tags in its own type, listings that several kinds read, names.

pub mod backup;
pub mod described;
pub mod efs;
pub mod elbv2;
pub mod entries;
pub mod iam;
pub mod objects;
pub mod protocol;
pub mod rds;
pub mod routes;
pub mod rules;
pub mod s3;
pub mod wafv2;

use std::future::Future;
use std::sync::Arc;

use aws_sdk_ec2::types as ec2;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

pub use self::protocol::Protocol;
use crate::model::marks::key;
use crate::model::{Cidr, Document, Marks};
use crate::planes::Aws;
use crate::planes::aws::refused;
use crate::planes::error::{Absent, Error};

/// Reads that one listing has on their way at a time.
const READS: usize = 16;

/// The answers to all of `reads`, in their order, a few asked at a time: an account can hold any number of what a listing has to ask about.
///
/// # Errors
/// What one of them answered.
pub fn side_by_side<T, F>(reads: impl IntoIterator<Item = F>) -> impl Future<Output = crate::planes::Result<Vec<T>>>
where
    F: Future<Output = crate::planes::Result<T>>,
{
    let reads: Vec<F> = reads.into_iter().collect();
    stream::iter(reads).buffered(READS).try_collect()
}

/// What a policy's statements say, without their labels.
pub fn unlabelled(policy: &Document) -> Value {
    let mut statements = policy.value().get("Statement").cloned().unwrap_or_default();
    for statement in statements.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        statement.remove("Sid");
    }
    statements
}

/// The filter that every EC2 listing of ours begins with.
pub fn ec2_ours(cx: &Aws) -> ec2::Filter {
    ec2::Filter::builder().name(format!("tag:{}", key::STACK)).values(&cx.estate.stack).build()
}

/// Any filter of an EC2 listing.
pub fn ec2_filter<'a>(name: &str, values: impl IntoIterator<Item = &'a str>) -> ec2::Filter {
    ec2::Filter::builder().name(name).set_values(Some(values.into_iter().map(str::to_owned).collect())).build()
}

/// The stack's VPCs, read once in a pass: what has no marks of its own is reached through them.
///
/// # Errors
/// What EC2 answered.
pub async fn our_vpcs(cx: &Aws) -> crate::planes::Result<Arc<Vec<ec2::Vpc>>> {
    let read = || async {
        let call = cx.ec2.describe_vpcs().filters(ec2_ours(cx)).into_paginator();
        let all: Vec<ec2::Vpc> = call.items().send().collect::<Result<_, _>>().await?;
        Ok(all.into_iter().filter(|vpc| cx.marks(ec2_pairs(vpc.tags())).is_some()).collect())
    };
    cx.once("ec2.DescribeVpcs", read).await
}

/// Security groups with the stack's tag, read once in a pass: its own kind, and default groups that bear our marks.
///
/// # Errors
/// What EC2 answered.
pub async fn tagged_groups(cx: &Aws) -> crate::planes::Result<Arc<Vec<ec2::SecurityGroup>>> {
    let read = || async {
        let call = cx.ec2.describe_security_groups().filters(ec2_ours(cx)).into_paginator();
        Ok(call.items().send().collect::<Result<_, _>>().await?)
    };
    cx.once("ec2.DescribeSecurityGroups", read).await
}

/// Network ACLs with the stack's tag, read once in a pass: its own kind, and default ACLs that bear our marks.
///
/// # Errors
/// What EC2 answered.
pub async fn tagged_acls(cx: &Aws) -> crate::planes::Result<Arc<Vec<ec2::NetworkAcl>>> {
    let read = || async {
        let call = cx.ec2.describe_network_acls().filters(ec2_ours(cx)).into_paginator();
        Ok(call.items().send().collect::<Result<_, _>>().await?)
    };
    cx.once("ec2.DescribeNetworkAcls", read).await
}

/// Route tables with the stack's tag, read once in a pass: its own kind, and gateway endpoints, whose routes name their prefix lists.
///
/// # Errors
/// What EC2 answered.
pub async fn tagged_tables(cx: &Aws) -> crate::planes::Result<Arc<Vec<ec2::RouteTable>>> {
    let read = || async {
        let call = cx.ec2.describe_route_tables().filters(ec2_ours(cx)).into_paginator();
        Ok(call.items().send().collect::<Result<_, _>>().await?)
    };
    cx.once("ec2.DescribeRouteTables", read).await
}

/// Some EC2 calls answer with success and a list of what failed: its first item as an error.
///
/// # Errors
/// When there is one.
pub fn unsuccessful(call: &str, items: &[ec2::UnsuccessfulItem]) -> crate::planes::Result<()> {
    let Some(error) = items.iter().find_map(ec2::UnsuccessfulItem::error) else { return Ok(()) };
    Err(refused(call, error.code().unwrap_or_default(), error.message().unwrap_or_default()))
}

/// A block as AWS returns it.
///
/// # Errors
/// When it is none; `call` is what returned it.
pub fn live_cidr(text: Option<&str>, call: &str) -> crate::planes::Result<Cidr> {
    Cidr::parse(text.unwrap_or_default()).map_err(|_| crate::planes::Error::incomplete(call, "IPv4 block"))
}

/// Marks as EC2 tags, with the `Name` that the console shows.
pub fn ec2_tags(marks: &Marks) -> Vec<ec2::Tag> {
    let name = marks.address.as_ref().map(|address| ("Name", format!("{} {address}", marks.stack)));
    name.into_iter().chain(marks.to_tags()).map(|(key, value)| ec2::Tag::builder().key(key).value(value).build()).collect()
}

/// Marks for the tag-on-create field of an EC2 call.
pub fn ec2_spec(kind: ec2::ResourceType, marks: &Marks) -> ec2::TagSpecification {
    ec2::TagSpecification::builder().resource_type(kind).set_tags(Some(ec2_tags(marks))).build()
}

/// EC2 tags as pairs.
pub fn ec2_pairs(tags: &[ec2::Tag]) -> impl Iterator<Item = (&str, &str)> {
    tags.iter().filter_map(|tag| Some((tag.key()?, tag.value()?)))
}

/// Rewrites the marks of any EC2 object.
pub async fn ec2_mark(cx: &Aws, id: &str, marks: &Marks) -> crate::planes::Result<()> {
    cx.ec2.create_tags().resources(id).set_tags(Some(ec2_tags(marks))).send().await?;
    Ok(())
}

/// Takes the marks off what stays and is no longer ours; one that is gone bears none.
pub async fn ec2_unmark(cx: &Aws, id: &str) -> crate::planes::Result<()> {
    let marks = [key::STACK, key::ADDRESS, key::APPLIED, key::PROTECT, key::ATTEMPT, key::RETIRING];
    let keys = marks.map(|key| ec2::Tag::builder().key(key).build()).to_vec();
    cx.ec2.delete_tags().resources(id).set_tags(Some(keys)).send().await.map_err(Error::from).absent_ok()?;
    Ok(())
}

/// Refuses to mark what would not be found again: ours of these kinds are listed by how their names begin.
///
/// # Errors
/// `Invalid` when `name` does not begin with the stack's name and a hyphen.
pub fn found_by_name(cx: &Aws, call: &str, name: &str) -> crate::planes::Result<()> {
    let stack = &cx.estate.stack;
    if name.strip_prefix(stack.as_str()).is_some_and(|rest| rest.starts_with('-')) {
        return Ok(());
    }
    let why = format!("{name} cannot be taken over: ours are found by names that begin with `{stack}-`; let a new one be made");
    Err(crate::planes::Error::new(crate::planes::Class::Invalid, call, why))
}

/// The default of switches that are on unless someone says otherwise.
pub fn yes() -> bool {
    true
}
