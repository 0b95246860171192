//! A bucket's settings: six calls to read them side by side, and one to write each.

use std::collections::BTreeMap;

use aws_sdk_s3::types as s3;

use super::{Bucket, Logging, Rule};
use crate::kinds::Change;
use crate::model::{Document, Ref};
use crate::planes::Aws;
use crate::planes::error::{Absent, Error, Result};

/// Stands for a lifecycle rule's filter that is more than a prefix.
pub const NARROWED: &str = "(by tag or size)";

/// Reads them. What was never set answers an error code, not an empty answer.
pub async fn read(cx: &Aws, name: &str) -> Result<Bucket> {
    let (versioning, encryption, block, policy, lifecycle, logging) = futures::try_join!(
        async { Ok::<_, Error>(cx.s3.get_bucket_versioning().bucket(name).send().await?) },
        async { cx.s3.get_bucket_encryption().bucket(name).send().await.map_err(Error::from).absent_ok() },
        async { cx.s3.get_public_access_block().bucket(name).send().await.map_err(Error::from).absent_ok() },
        async { cx.s3.get_bucket_policy().bucket(name).send().await.map_err(Error::from).absent_ok() },
        async { cx.s3.get_bucket_lifecycle_configuration().bucket(name).send().await.map_err(Error::from).absent_ok() },
        async { Ok(cx.s3.get_bucket_logging().bucket(name).send().await?) },
    )?;
    let encryption = encryption.and_then(|out| out.server_side_encryption_configuration);
    let by_default =
        encryption.as_ref().and_then(|all| all.rules().first()).and_then(|rule| rule.apply_server_side_encryption_by_default());
    let policy = policy.and_then(|out| out.policy).map(|text| Document::parse(&text)).transpose();
    Ok(Bucket {
        versioning: versioning.status() == Some(&s3::BucketVersioningStatus::Enabled),
        kms_key: by_default.and_then(|rule| rule.kms_master_key_id()).map(Ref::to),
        public_access_block: block.and_then(|out| out.public_access_block_configuration).as_ref().is_some_and(blocks_all),
        policy: policy.map_err(|_| Error::incomplete("s3.GetBucketPolicy", "policy that is JSON"))?,
        lifecycle_rules: lifecycle.map(|out| rules_in(out.rules())).unwrap_or_default(),
        logging: logging.logging_enabled.map(|to| Logging { target_bucket: Ref::to(to.target_bucket), target_prefix: to.target_prefix }),
    })
}

fn blocks_all(block: &s3::PublicAccessBlockConfiguration) -> bool {
    [block.block_public_acls, block.ignore_public_acls, block.block_public_policy, block.restrict_public_buckets] == [Some(true); 4]
}

/// Writes those that differ. The policy goes last: it may take away the right to do the rest.
pub async fn write(cx: &Aws, change: &Change<Bucket>) -> Result<()> {
    let (name, want) = (&change.id, &change.want);
    let lacks = |_| Error::incomplete("s3.PutBucket", "field that it must have");
    if change.touches(&["public_access_block"]) {
        let on = want.public_access_block;
        let block = s3::PublicAccessBlockConfiguration::builder().block_public_acls(on).ignore_public_acls(on);
        let block = block.block_public_policy(on).restrict_public_buckets(on).build();
        cx.s3.put_public_access_block().bucket(name).public_access_block_configuration(block).send().await?;
    }
    if change.touches(&["versioning"]) {
        // A bucket that was never versioned is `off`, one that was is `suspended`: both read the same.
        let status = if want.versioning { s3::BucketVersioningStatus::Enabled } else { s3::BucketVersioningStatus::Suspended };
        let versioning = s3::VersioningConfiguration::builder().status(status).build();
        cx.s3.put_bucket_versioning().bucket(name).versioning_configuration(versioning).send().await?;
    }
    if change.touches(&["kms_key"]) {
        let by_default = match &want.kms_key {
            Some(key) => {
                s3::ServerSideEncryptionByDefault::builder().sse_algorithm(s3::ServerSideEncryption::AwsKms).kms_master_key_id(key.id())
            }
            None => s3::ServerSideEncryptionByDefault::builder().sse_algorithm(s3::ServerSideEncryption::Aes256),
        };
        let rule = s3::ServerSideEncryptionRule::builder()
            .apply_server_side_encryption_by_default(by_default.build().map_err(lacks)?)
            .bucket_key_enabled(want.kms_key.is_some())
            .build();
        let all = s3::ServerSideEncryptionConfiguration::builder().rules(rule).build().map_err(lacks)?;
        cx.s3.put_bucket_encryption().bucket(name).server_side_encryption_configuration(all).send().await?;
    }
    if change.touches(&["lifecycle_rules"]) {
        if want.lifecycle_rules.is_empty() {
            cx.s3.delete_bucket_lifecycle().bucket(name).send().await.map_err(Error::from).absent_ok()?;
        } else {
            let rules = want.lifecycle_rules.iter().map(|(id, rule)| rule_out(id, rule)).collect::<Result<_>>()?;
            let all = s3::BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build().map_err(lacks)?;
            cx.s3.put_bucket_lifecycle_configuration().bucket(name).lifecycle_configuration(all).send().await?;
        }
    }
    if change.touches(&["logging"]) {
        let to = want.logging.as_ref().map(|to| {
            s3::LoggingEnabled::builder().target_bucket(to.target_bucket.id()).target_prefix(&to.target_prefix).build().map_err(lacks)
        });
        let status = s3::BucketLoggingStatus::builder().set_logging_enabled(to.transpose()?).build();
        cx.s3.put_bucket_logging().bucket(name).bucket_logging_status(status).send().await?;
    }
    if change.touches(&["policy"]) {
        match &want.policy {
            Some(policy) => {
                cx.s3.put_bucket_policy().bucket(name).policy(policy.to_string()).send().await?;
            }
            None => {
                cx.s3.delete_bucket_policy().bucket(name).send().await.map_err(Error::from).absent_ok()?;
            }
        }
    }
    Ok(())
}

fn rules_in(rules: &[s3::LifecycleRule]) -> BTreeMap<String, Rule> {
    let enabled = rules.iter().filter(|rule| rule.status() == &s3::ExpirationStatus::Enabled);
    let rule = |rule: &s3::LifecycleRule| Rule {
        prefix: prefix(rule),
        expiration_days: rule.expiration().and_then(|expiration| expiration.days()).filter(|days| *days > 0),
        noncurrent_expiration_days: rule.noncurrent_version_expiration().and_then(|expiration| expiration.noncurrent_days()),
        abort_incomplete_multipart_upload_days: rule.abort_incomplete_multipart_upload().and_then(|abort| abort.days_after_initiation()),
        transitions: rule
            .transitions()
            .iter()
            .filter_map(|one| Some((serde_json::from_value(one.storage_class()?.as_str().into()).ok()?, one.days()?)))
            .collect(),
    };
    enabled.map(|one| (one.id().unwrap_or_default().to_owned(), rule(one))).collect()
}

/// What the keys begin with that a rule is for. One that goes by tags or sizes reads as a prefix that no wish has.
fn prefix(rule: &s3::LifecycleRule) -> String {
    let Some(filter) = rule.filter() else {
        // Rules of the oldest form have it outside of any filter.
        #[allow(deprecated)]
        return rule.prefix().unwrap_or_default().to_owned();
    };
    let more = filter.tag().is_some() || filter.object_size_greater_than().is_some() || filter.object_size_less_than().is_some();
    if more || filter.and().is_some() { NARROWED.to_owned() } else { filter.prefix().unwrap_or_default().to_owned() }
}

fn rule_out(id: &str, rule: &Rule) -> Result<s3::LifecycleRule> {
    let class = |class| serde_json::to_value(class).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default();
    let transition = |(to, days): (_, &i32)| s3::Transition::builder().storage_class(class(to).as_str().into()).days(*days).build();
    let transitions: Vec<_> = rule.transitions.iter().map(transition).collect();
    let noncurrent = |days| s3::NoncurrentVersionExpiration::builder().noncurrent_days(days).build();
    let abort = |days| s3::AbortIncompleteMultipartUpload::builder().days_after_initiation(days).build();
    s3::LifecycleRule::builder()
        .id(id)
        .status(s3::ExpirationStatus::Enabled)
        .filter(s3::LifecycleRuleFilter::builder().prefix(&rule.prefix).build())
        .set_expiration(rule.expiration_days.map(|days| s3::LifecycleExpiration::builder().days(days).build()))
        .set_noncurrent_version_expiration(rule.noncurrent_expiration_days.map(noncurrent))
        .set_abort_incomplete_multipart_upload(rule.abort_incomplete_multipart_upload_days.map(abort))
        .set_transitions((!transitions.is_empty()).then_some(transitions))
        .build()
        .map_err(|_| Error::incomplete("s3.PutBucketLifecycleConfiguration", "status"))
}
