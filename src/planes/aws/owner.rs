//! Who owns an object that is not known to be ours: asked before one is adopted.

use super::Aws;
use crate::model::marks::key;
use crate::planes::error::Result;

/// Whose an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owned {
    /// Nobody's: it bears no owner mark.
    No,
    /// The stack of that name.
    By(String),
    /// Objects of this kind bear no mark of their own.
    Unknown,
}

/// Reads the tags of an object of `kind` by its id.
///
/// # Errors
/// What AWS answered.
pub async fn owner(aws: &Aws, kind: &str, id: &str) -> Result<Owned> {
    let tags: Vec<(String, String)> = match kind {
        _ if is_ec2_id(id) && !id.starts_with("fs") => {
            let filter = aws_sdk_ec2::types::Filter::builder().name("resource-id").values(id).build();
            let out = aws.ec2.describe_tags().filters(filter).send().await?;
            out.tags().iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned()))).collect()
        }
        "aws.file_system" | "aws.access_point" => {
            let out = aws.efs.list_tags_for_resource().resource_id(id).send().await?;
            out.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect()
        }
        "aws.load_balancer" | "aws.target_group" | "aws.listener" => {
            let out = aws.elbv2.describe_tags().resource_arns(id).send().await?;
            let tags = out.tag_descriptions().iter().flat_map(|one| one.tags());
            tags.filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned()))).collect()
        }
        "aws.key" => {
            let out = aws.kms.list_resource_tags().key_id(id).send().await?;
            out.tags().iter().map(|tag| (tag.tag_key().to_owned(), tag.tag_value().to_owned())).collect()
        }
        "aws.certificate" => {
            let out = aws.acm.list_tags_for_certificate().certificate_arn(id).send().await?;
            out.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().unwrap_or_default().to_owned())).collect()
        }
        "aws.db_instance" | "aws.db_subnet_group" | "aws.db_parameter_group" => {
            let noun = match kind {
                "aws.db_instance" => "db",
                "aws.db_subnet_group" => "subgrp",
                _ => "pg",
            };
            let estate = &aws.estate;
            let arn = format!("arn:{}:rds:{}:{}:{noun}:{id}", estate.partition, estate.region, estate.account);
            let out = aws.rds.list_tags_for_resource().resource_name(arn).send().await?;
            out.tag_list().iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned()))).collect()
        }
        "aws.bucket" => match aws.s3.get_bucket_tagging().bucket(id).send().await {
            Ok(out) => out.tag_set().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect(),
            Err(error) if error.as_service_error().and_then(|e| e.meta().code()) == Some("NoSuchTagSet") => Vec::new(),
            Err(error) => return Err(error.into()),
        },
        "aws.topic" => {
            let out = aws.sns.list_tags_for_resource().resource_arn(id).send().await?;
            out.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect()
        }
        "aws.role" => {
            let name = id.rsplit('/').next().unwrap_or(id);
            let out = aws.iam.list_role_tags().role_name(name).send().await?;
            out.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect()
        }
        "aws.policy" => {
            let out = aws.iam.list_policy_tags().policy_arn(id).send().await?;
            out.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect()
        }
        "aws.web_acl" => {
            let out = aws.wafv2.list_tags_for_resource().resource_arn(id).send().await?;
            let tags = out.tag_info_for_resource().map(|info| info.tag_list()).unwrap_or_default();
            tags.iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect()
        }
        "aws.log_group" => {
            let estate = &aws.estate;
            let arn = format!("arn:{}:logs:{}:{}:log-group:{id}", estate.partition, estate.region, estate.account);
            let out = aws.logs.list_tags_for_resource().resource_arn(arn).send().await?;
            out.tags.unwrap_or_default().into_iter().collect()
        }
        "aws.parameter" => {
            let noun = aws_sdk_ssm::types::ResourceTypeForTagging::Parameter;
            let out = aws.ssm.list_tags_for_resource().resource_type(noun).resource_id(id).send().await?;
            out.tag_list().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect()
        }
        "aws.instance_profile" => {
            let out = aws.iam.list_instance_profile_tags().instance_profile_name(id).send().await?;
            out.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect()
        }
        "aws.autoscaling_group" => {
            let filter = aws_sdk_autoscaling::types::Filter::builder().name("auto-scaling-group").values(id).build();
            let out = aws.autoscaling.describe_tags().filters(filter).send().await?;
            out.tags().iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned()))).collect()
        }
        _ => return Ok(Owned::Unknown),
    };
    Ok(tags.into_iter().find(|(name, _)| name == key::STACK).map_or(Owned::No, |(_, stack)| Owned::By(stack)))
}

/// `vpc-0123456789abcdef0`: letters, a hyphen, hex digits.
fn is_ec2_id(id: &str) -> bool {
    let Some((prefix, rest)) = id.rsplit_once('-') else { return false };
    !prefix.contains([':', '/']) && rest.len() >= 8 && rest.bytes().all(|b| b.is_ascii_hexdigit())
}
