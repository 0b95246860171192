//! What kinds of one service share: tags in its own type, and waiting until something is gone.

pub mod backup;
pub mod described;
pub mod efs;
pub mod elbv2;
pub mod entries;
pub mod iam;
pub mod protocol;
pub mod rds;
pub mod routes;
pub mod rules;
pub mod s3;
pub mod wafv2;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_ec2::types as ec2;

pub use self::protocol::Protocol;
use crate::model::marks::key;
use crate::model::{Cidr, Marks};
use crate::planes::Aws;
use crate::planes::error::{Absent, Error};

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
    let code = error.code().unwrap_or_default();
    let class = if code.contains("NotFound") {
        crate::planes::Class::NotFound
    } else if code.contains("AlreadyExists") {
        crate::planes::Class::AlreadyExists
    } else {
        crate::planes::Class::Invalid
    };
    let failed = crate::planes::Error::new(class, call, error.message().unwrap_or_default());
    Err(crate::planes::Error { code: code.to_owned(), ..failed })
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

/// Asks `Kind::ready` again and again until the object is not there, at most for `limit`.
///
/// # Errors
/// `InUse` when the time is up; what the plane answered otherwise.
pub async fn until_gone<K: crate::kinds::Kind<Plane = Aws>>(cx: &Aws, id: &str, limit: Duration) -> crate::planes::Result<()> {
    let end = tokio::time::Instant::now() + limit;
    let mut pause = Duration::from_millis(100);
    loop {
        match K::ready(cx, id).await {
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) => return Err(error),
            Ok(_) if tokio::time::Instant::now() >= end => {
                let message = format!("{id} is still there after {} s", limit.as_secs());
                return Err(crate::planes::Error::new(crate::planes::Class::InUse, K::NAME, message));
            }
            Ok(_) => tokio::time::sleep(pause).await,
        }
        pause = (pause * 3 / 2).min(Duration::from_secs(15));
    }
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

/// Repeats a call that was refused because a role, an instance profile or a policy that it leans on is too new to be known everywhere,
/// for a minute.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html#troubleshoot_general_eventual-consistency>
///
/// # Errors
/// What the call answered.
pub async fn once_known<T, F: Future<Output = crate::planes::Result<T>>>(call: impl Fn() -> F) -> crate::planes::Result<T> {
    for seconds in [1, 2, 4, 8, 15, 30] {
        match call().await {
            Err(error) if leans_on_what_is_too_new(&error) => {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            }
            other => return other,
        }
    }
    call().await
}

/// Each service says it in words of its own.
fn leans_on_what_is_too_new(error: &crate::planes::Error) -> bool {
    let (code, message) = (error.code.as_str(), error.message.to_lowercase());
    // KMS, S3 and EFS: a policy names a principal that IAM does not know.
    code.contains("Policy") && message.contains("principal")
        // RDS: a monitoring role without its rights.
        || message.contains("enhanced_monitoring")
        // EC2 ("Unable to assume given IAM role") and AWS Backup ("cannot be assumed").
        || message.contains("assume")
        // Auto Scaling: "Invalid IamInstanceProfile".
        || message.contains("instance profile")
        || message.contains("instanceprofile")
        // CloudTrail: its role, its log group, its bucket's policy, its key's.
        || matches!(
            code,
            "InvalidCloudWatchLogsRoleArnException"
                | "InvalidCloudWatchLogsLogGroupArnException"
                | "InsufficientS3BucketPolicyException"
                | "InsufficientEncryptionPolicyException"
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planes::{Class, Error};

    #[test]
    fn what_leans_on_something_too_new_is_known_by_each_service_s_words() {
        for (code, message, wait) in [
            ("MalformedPolicyDocumentException", "Policy contains a statement with one or more invalid principals.", true),
            ("MalformedPolicy", "Invalid principal in policy", true),
            (
                "InvalidParameterValue",
                "IAM role ARN value is invalid or does not include the required permissions for: ENHANCED_MONITORING",
                true,
            ),
            ("InvalidParameter", "Unable to assume given IAM role", true),
            ("InvalidParameterValueException", "IAM Role arn:aws:iam::1:role/x cannot be assumed by AWS Backup", true),
            ("ValidationError", "You must use a valid fully-formed launch template. Invalid IAM Instance Profile name", true),
            ("InvalidCloudWatchLogsRoleArnException", "Access denied. Check the trust relationships for your role.", true),
            ("InsufficientEncryptionPolicyException", "Insufficient permissions to access S3 bucket or KMS key.", true),
            ("MalformedPolicy", "Policy has invalid resource", false),
            ("ValidationError", "The subnet ID does not exist", false),
        ] {
            let error = Error { code: code.into(), ..Error::new(Class::Invalid, "x.Y", message) };
            assert_eq!(leans_on_what_is_too_new(&error), wait, "{code}: {message}");
        }
    }
}
