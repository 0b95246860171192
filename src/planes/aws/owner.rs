//! Who owns an object that is not known to be ours: asked before one is adopted.

use super::Aws;
use crate::model::marks::key;
use crate::planes::error::{Error, Result};

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

/// Which call reads an object's tags by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tags {
    /// It bears none of its own: its parent does, or something beside it.
    None,
    /// `ec2.DescribeTags`.
    Ec2,
    /// `efs.ListTagsForResource`.
    Efs,
    /// `elbv2.DescribeTags`, by ARN.
    Elbv2,
    /// `kms.ListResourceTags`.
    Kms,
    /// `acm.ListTagsForCertificate`.
    Acm,
    /// `rds.ListTagsForResource`; the noun in its ARN.
    Rds(&'static str),
    /// `s3.GetBucketTagging`.
    Bucket,
    /// `s3.GetObjectTagging`; the id is `BUCKET/KEY`.
    Object,
    /// `sns.ListTagsForResource`.
    Sns,
    /// `iam.ListRoleTags`.
    Role,
    /// `iam.ListPolicyTags`.
    Policy,
    /// `iam.ListInstanceProfileTags`.
    InstanceProfile,
    /// `wafv2.ListTagsForResource`.
    Wafv2,
    /// `logs.ListTagsForResource`.
    Logs,
    /// `ssm.ListTagsForResource`, of a parameter.
    Parameter,
    /// `ssm.ListTagsForResource`, of an association.
    Association,
    /// `autoscaling.DescribeTags`.
    Autoscaling,
    /// `cloudwatch.ListTagsForResource`, and the last line of its description.
    Alarm,
    /// `cloudtrail.ListTags`, by ARN.
    Trail,
    /// `backup.ListTags`; the noun in its ARN.
    Backup(&'static str),
    /// `backup.ListTags`, by the ARN that `backup.DescribeReportPlan` tells.
    ReportPlan,
    /// The TXT record beside a record ([`beside`]); the id is `ZONE/NAME/TYPE`.
    Record,
    /// Labels of a Docker object; its noun.
    Labels(&'static str),
    /// A row of reeve's own table on the database server; the noun.
    Table(&'static str),
    /// The `.reeve` file of a folder.
    File,
    /// A comment in HAProxy's configuration.
    Comment,
}

type Pairs = Vec<(String, String)>;

/// Whose the object of that id on AWS is.
///
/// # Errors
/// What AWS answered.
pub async fn owner(aws: &Aws, tags: Tags, id: &str) -> Result<Owned> {
    let Some(tags) = read(aws, tags, id).await? else { return Ok(Owned::Unknown) };
    Ok(tags.into_iter().find(|(name, stack)| name == key::STACK && !stack.is_empty()).map_or(Owned::No, |(_, stack)| Owned::By(stack)))
}

/// `None` where there are none to read.
async fn read(aws: &Aws, tags: Tags, id: &str) -> Result<Option<Pairs>> {
    Ok(Some(match tags {
        Tags::None | Tags::Labels(_) | Tags::Table(_) | Tags::File | Tags::Comment => return Ok(None),
        Tags::Ec2 => {
            let filter = aws_sdk_ec2::types::Filter::builder().name("resource-id").values(id).build();
            let out = aws.ec2.describe_tags().filters(filter).send().await?;
            out.tags().iter().filter_map(|tag| maybe(tag.key(), tag.value())).collect()
        }
        Tags::Efs => {
            let out = aws.efs.list_tags_for_resource().resource_id(id).send().await?;
            out.tags().iter().map(|tag| pair(tag.key(), tag.value())).collect()
        }
        Tags::Elbv2 => {
            let out = aws.elbv2.describe_tags().resource_arns(id).send().await?;
            out.tag_descriptions().iter().flat_map(|one| one.tags()).filter_map(|tag| maybe(tag.key(), tag.value())).collect()
        }
        Tags::Kms => {
            let out = aws.kms.list_resource_tags().key_id(id).send().await?;
            out.tags().iter().map(|tag| pair(tag.tag_key(), tag.tag_value())).collect()
        }
        Tags::Acm => {
            let out = aws.acm.list_tags_for_certificate().certificate_arn(id).send().await?;
            out.tags().iter().map(|tag| pair(tag.key(), tag.value().unwrap_or_default())).collect()
        }
        Tags::Rds(noun) => {
            let out = aws.rds.list_tags_for_resource().resource_name(arn(aws, "rds", noun, id)).send().await?;
            out.tag_list().iter().filter_map(|tag| maybe(tag.key(), tag.value())).collect()
        }
        Tags::Bucket | Tags::Object => of_s3(aws, id).await?,
        Tags::Sns => {
            let out = aws.sns.list_tags_for_resource().resource_arn(id).send().await?;
            out.tags().iter().map(|tag| pair(tag.key(), tag.value())).collect()
        }
        Tags::Role => {
            let out = aws.iam.list_role_tags().role_name(id.rsplit('/').next().unwrap_or(id)).send().await?;
            out.tags().iter().map(|tag| pair(tag.key(), tag.value())).collect()
        }
        Tags::Policy => {
            let out = aws.iam.list_policy_tags().policy_arn(id).send().await?;
            out.tags().iter().map(|tag| pair(tag.key(), tag.value())).collect()
        }
        Tags::InstanceProfile => {
            let out = aws.iam.list_instance_profile_tags().instance_profile_name(id).send().await?;
            out.tags().iter().map(|tag| pair(tag.key(), tag.value())).collect()
        }
        Tags::Wafv2 => {
            let out = aws.wafv2.list_tags_for_resource().resource_arn(id).send().await?;
            let tags = out.tag_info_for_resource().map(|info| info.tag_list()).unwrap_or_default();
            tags.iter().map(|tag| pair(tag.key(), tag.value())).collect()
        }
        Tags::Logs => {
            let out = aws.logs.list_tags_for_resource().resource_arn(arn(aws, "logs", "log-group", id)).send().await?;
            out.tags.unwrap_or_default().into_iter().collect()
        }
        Tags::Parameter => of_ssm(aws, aws_sdk_ssm::types::ResourceTypeForTagging::Parameter, id).await?,
        Tags::Association => of_ssm(aws, aws_sdk_ssm::types::ResourceTypeForTagging::Association, id).await?,
        Tags::Autoscaling => {
            let filter = aws_sdk_autoscaling::types::Filter::builder().name("auto-scaling-group").values(id).build();
            let out = aws.autoscaling.describe_tags().filters(filter).send().await?;
            out.tags().iter().filter_map(|tag| maybe(tag.key(), tag.value())).collect()
        }
        Tags::Alarm => of_alarm(aws, id).await?,
        Tags::Trail => {
            let out = aws.cloudtrail.list_tags().resource_id_list(id).send().await?;
            let tags = out.resource_tag_list().iter().flat_map(|one| one.tags_list());
            tags.map(|tag| pair(tag.key(), tag.value().unwrap_or_default())).collect()
        }
        Tags::Backup(noun) => of_backup(aws, &arn(aws, "backup", noun, id)).await?,
        Tags::Record => of_record(aws, id).await?,
        Tags::ReportPlan => {
            let out = aws.backup.describe_report_plan().report_plan_name(id).send().await?;
            let arn = out.report_plan.and_then(|plan| plan.report_plan_arn);
            of_backup(aws, &arn.ok_or_else(|| Error::not_found("backup.DescribeReportPlan", id))?).await?
        }
    }))
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn maybe(name: Option<&str>, value: Option<&str>) -> Option<(String, String)> {
    Some(pair(name?, value?))
}

fn arn(aws: &Aws, service: &str, noun: &str, name: &str) -> String {
    let estate = &aws.estate;
    format!("arn:{}:{service}:{}:{}:{noun}:{name}", estate.partition, estate.region, estate.account)
}

/// Of a bucket, or of an object in one. A bucket that never had a tag answers with an error that says so.
async fn of_s3(aws: &Aws, id: &str) -> Result<Pairs> {
    let tags = match id.split_once('/') {
        Some((bucket, name)) => aws.s3.get_object_tagging().bucket(bucket).key(name).send().await?.tag_set,
        None => match aws.s3.get_bucket_tagging().bucket(id).send().await {
            Ok(out) => out.tag_set,
            Err(error) if error.as_service_error().and_then(|e| e.meta().code()) == Some("NoSuchTagSet") => Vec::new(),
            Err(error) => return Err(error.into()),
        },
    };
    Ok(tags.iter().map(|tag| pair(tag.key(), tag.value())).collect())
}

async fn of_ssm(aws: &Aws, noun: aws_sdk_ssm::types::ResourceTypeForTagging, id: &str) -> Result<Pairs> {
    let out = aws.ssm.list_tags_for_resource().resource_type(noun).resource_id(id).send().await?;
    Ok(out.tag_list().iter().map(|tag| pair(tag.key(), tag.value())).collect())
}

async fn of_backup(aws: &Aws, arn: &str) -> Result<Pairs> {
    Ok(aws.backup.list_tags().resource_arn(arn).send().await?.tags.unwrap_or_default().into_iter().collect())
}

/// An alarm is found by its description, so that what stands there counts first.
async fn of_alarm(aws: &Aws, id: &str) -> Result<Pairs> {
    let out = aws.cloudwatch.describe_alarms().alarm_names(id).send().await?;
    let alarm = out.metric_alarms().first().ok_or_else(|| Error::not_found("cloudwatch.DescribeAlarms", id))?;
    let last = alarm.alarm_description().unwrap_or_default().lines().next_back().unwrap_or_default();
    let told: Pairs = last.split(' ').filter_map(|word| word.split_once('=')).map(|(name, value)| pair(name, value)).collect();
    let tags = aws.cloudwatch.list_tags_for_resource().resource_arn(alarm.alarm_arn().unwrap_or_default()).send().await?;
    Ok(told.into_iter().chain(tags.tags().iter().filter_map(|tag| maybe(tag.key(), tag.value()))).collect())
}

/// The name of the TXT record that says whose a DNS record is.
#[must_use]
pub fn beside(name: &str, r#type: &str) -> String {
    let name = name.strip_prefix("*.").map_or_else(|| name.to_owned(), |rest| format!("_wildcard.{rest}"));
    format!("_reeve-{}.{name}", r#type.to_ascii_lowercase())
}

/// A TXT value as one text: its strings, of 255 characters at most, without their quotes.
#[must_use]
pub fn unquoted(value: &str) -> String {
    value.trim_matches('"').replace("\" \"", "")
}

/// Each value of the TXT record holds the marks of one stack; where there are several, this stack's count first.
async fn of_record(aws: &Aws, id: &str) -> Result<Pairs> {
    let (zone, rest) = id.split_once('/').unwrap_or_default();
    let (name, r#type) = rest.rsplit_once('/').unwrap_or_default();
    let beside = beside(name, r#type);
    let call = aws.route53.list_resource_record_sets().hosted_zone_id(zone).start_record_name(&beside);
    let page = call.start_record_type(aws_sdk_route53::types::RrType::Txt).max_items(1).send().await?;
    let there = page.resource_record_sets().iter().find(|set| set.name().trim_end_matches('.').replace("\\052", "*") == beside);
    let values = there.map(|set| set.resource_records()).unwrap_or_default();
    let mut stacks: Vec<Pairs> = values
        .iter()
        .map(|one| {
            unquoted(one.value()).split(' ').filter_map(|word| word.split_once('=')).map(|(name, value)| pair(name, value)).collect()
        })
        .collect();
    stacks.sort_by_key(|marks: &Pairs| !marks.contains(&pair(key::STACK, &aws.estate.stack)));
    Ok(stacks.concat())
}
