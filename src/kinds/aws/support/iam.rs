//! What the kinds of IAM share. Everything of ours lives under the path `/reeve/STACK/`, so that one listing finds it and a
//! permissions boundary can name it.

use aws_sdk_iam::types as iam;

use crate::model::Marks;
use crate::planes::Aws;
use crate::planes::error::{Error, Result};

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
                    _ => {}
                }
            }
            details.policies.extend(page.policies.unwrap_or_default().into_iter().filter(|policy| policy.path() == Some(&*ours)));
        }
        Ok(details)
    })
    .await
}

/// RFC 3339 of a time, which orders as text; empty when there is none.
pub fn time(at: Option<&aws_smithy_types::DateTime>) -> String {
    at.and_then(|at| at.fmt(aws_smithy_types::date_time::Format::DateTime).ok()).unwrap_or_default()
}
