//! What the kinds of IAM share. Everything of ours lives under the path `/reeve/STACK/`, so that one listing finds it and a
//! permissions boundary can name it.

use aws_sdk_iam::types as iam;

use crate::kinds::Named;
use crate::kinds::aws::policy::Policy;
use crate::kinds::aws::role::Role;
use crate::model::{Marks, Whose};
use crate::planes::Aws;
use crate::planes::error::{Class, Error, Result};

/// The path of the roles that AWS services have in an account; then comes the service.
pub const SERVICE_LINKED: &str = "/aws-service-role/";

/// The path of everything of this stack.
pub fn path(cx: &Aws) -> String {
    format!("/reeve/{}/", cx.estate.stack)
}

/// Marks as IAM tags.
///
/// # Errors
/// Never in practice: key and value are always set.
pub fn tags(marks: &Marks) -> Result<Vec<iam::Tag>> {
    marks
        .to_tags()
        .into_iter()
        .map(|(key, value)| iam::Tag::builder().key(key).value(value).build())
        .collect::<std::result::Result<_, _>>()
        .map_err(|_| Error::incomplete("iam.Tag", "key"))
}

/// IAM tags as pairs.
pub fn pairs(tags: &[iam::Tag]) -> impl Iterator<Item = (&str, &str)> {
    tags.iter().map(|tag| (tag.key(), tag.value()))
}

/// The name in an ARN: what follows the last `/`.
pub fn name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// Our roles and policies with their documents, attachments and, for roles, tags; and the roles of AWS services.
#[derive(Debug, Default)]
pub struct Details {
    /// Roles under our path.
    pub roles: Vec<iam::RoleDetail>,
    /// Roles of AWS services.
    pub service_linked: Vec<iam::RoleDetail>,
    /// Customer managed policies under our path.
    pub policies: Vec<iam::ManagedPolicyDetail>,
}

/// Reads [`Details`] once in a pass.
///
/// # Errors
/// A failed read.
pub async fn details(cx: &Aws) -> Result<std::sync::Arc<Details>> {
    cx.once("iam.GetAccountAuthorizationDetails", || async {
        let ours = path(cx);
        let mut details = Details::default();
        let mut pages = cx
            .iam
            .get_account_authorization_details()
            .filter(iam::EntityType::Role)
            .filter(iam::EntityType::LocalManagedPolicy)
            .max_items(1000)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page?;
            for role in page.role_detail_list.unwrap_or_default() {
                match role.path() {
                    Some(path) if path == ours => details.roles.push(role),
                    Some(path) if path.starts_with(SERVICE_LINKED) => details.service_linked.push(role),
                    _ => elsewhere(cx, Role::NAME, role.role_name(), role.arn()),
                }
            }
            for policy in page.policies.unwrap_or_default() {
                match policy.path() {
                    Some(path) if path == ours => details.policies.push(policy),
                    _ => elsewhere(cx, Policy::NAME, policy.policy_name(), policy.arn()),
                }
            }
        }
        Ok(details)
    })
    .await
}

/// A name of IAM is taken whatever its path is; what is not under our path is never looked for again.
fn elsewhere(cx: &Aws, kind: &'static str, name: Option<&str>, arn: Option<&str>) {
    if let (Some(name), Some(arn)) = (name.filter(|name| name.starts_with(&*cx.estate.stack)), arn) {
        cx.stranger(kind, (name, arn), Whose::OutOfReach(format!("ours are under the path {}", path(cx))));
    }
}

/// Refuses to mark what would not be found again.
///
/// # Errors
/// `Invalid` when `arn` is not under our path.
pub fn found_by_path(cx: &Aws, call: &str, arn: &str) -> Result<()> {
    let ours = path(cx);
    if arn.contains(&ours) {
        return Ok(());
    }
    let why =
        format!("{arn} cannot be taken over: ours are found under the path {ours}, and IAM cannot move it there; let a new one be made");
    Err(Error::new(Class::Invalid, call, why))
}

/// RFC 3339 of a time, which orders as text; empty when there is none.
pub fn time(at: Option<&aws_smithy_types::DateTime>) -> String {
    at.and_then(|at| at.fmt(aws_smithy_types::date_time::Format::DateTime).ok()).unwrap_or_default()
}
