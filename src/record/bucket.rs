//! The bucket of a stack's record. The first apply makes it, outside the graph: it is never planned and never
//! destroyed. Private, versioned, TLS only, encrypted by S3's own keys (the stack's key may not exist yet).
//!
//! Its tags are set last, so a bucket with our name, in our account, empty and without tags is one whose making was
//! interrupted, and is finished; one with anybody else's marks or content is refused.
//! [CreateBucket](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html)

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{BuildError, ProvideErrorMetadata};
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, PublicAccessBlockConfiguration, ServerSideEncryption,
    ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule, Tag, Tagging, VersioningConfiguration,
};
use serde_json::json;

use super::RecordError;
use super::s3::{S3Bucket, failure};
use crate::model::record_bucket;
use crate::planes::aws::Estate;

/// The tag that marks the record's bucket as no resource of the graph.
pub const RECORD_TAG: &str = "reeve:record";
/// Its value: how the bucket is laid out.
const LAYOUT: &str = "v1";
/// The tag that every object of a stack bears.
const STACK_TAG: &str = "reeve:stack";

/// Which bucket it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// The stack.
    pub stack: String,
    /// The account that must own it.
    pub account: String,
    /// The region it is made in.
    pub region: String,
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: String,
}

/// What was found under the bucket's name.
enum Found {
    Nothing,
    Ours,
    /// In our account, without tags.
    Unmarked,
}

impl Bucket {
    /// The bucket for a stack's record.
    #[must_use]
    pub fn of(estate: &Estate) -> Self {
        let Estate { stack, account, region, partition, .. } = estate.clone();
        Self { stack, account, region, partition }
    }

    /// The bucket's name.
    #[must_use]
    pub fn name(&self) -> String {
        record_bucket::name(&self.account, &self.region, &self.stack)
    }

    /// The record in it, whether or not it exists. Makes no call.
    #[must_use]
    pub fn open(&self, client: Client) -> S3Bucket {
        S3Bucket::new(client, self.name(), Some(self.account.clone()))
    }

    /// Makes the bucket unless it is there, and finishes one whose making was interrupted. One call when all is well.
    ///
    /// # Errors
    /// [`RecordError::ForeignBucket`] when the name is taken by anybody else; [`RecordError::S3`].
    pub async fn ensure(&self, client: &Client) -> Result<S3Bucket, RecordError> {
        let record = self.open(client.clone());
        match self.look(client).await? {
            Found::Ours => return Ok(record),
            Found::Nothing => self.create(client).await?,
            Found::Unmarked if record.list("", None).await?.is_empty() => {}
            Found::Unmarked => return Err(self.foreign("it holds objects and has no `reeve:stack` tag".to_owned())),
        }
        self.settle(client).await?;
        Ok(record)
    }

    async fn look(&self, client: &Client) -> Result<Found, RecordError> {
        let sent = client.get_bucket_tagging().bucket(self.name()).expected_bucket_owner(&self.account).send();
        let tags = match sent.await {
            Ok(answer) => answer.tag_set,
            Err(error) => {
                return match error.code() {
                    Some("NoSuchBucket") => Ok(Found::Nothing),
                    Some("NoSuchTagSet") => Ok(Found::Unmarked),
                    Some("PermanentRedirect") => Err(self.foreign("it is in another region".to_owned())),
                    _ => Err(failure("GetBucketTagging", self.name(), &error)),
                };
            }
        };
        let value = |key: &str| tags.iter().find(|tag| tag.key() == key).map(Tag::value);
        match (value(STACK_TAG), value(RECORD_TAG)) {
            (Some(stack), Some(LAYOUT)) if stack == self.stack => Ok(Found::Ours),
            (Some(stack), _) if stack != self.stack => Err(self.foreign(format!("its tag `{STACK_TAG}` says {stack}"))),
            (_, Some(layout)) if layout != LAYOUT => Err(self.foreign(format!("its tag `{RECORD_TAG}` says {layout}, not {LAYOUT}"))),
            _ => Err(self.foreign(format!("it lacks the tags `{STACK_TAG}: {}` and `{RECORD_TAG}: {LAYOUT}`", self.stack))),
        }
    }

    async fn create(&self, client: &Client) -> Result<(), RecordError> {
        let mut call = client.create_bucket().bucket(self.name());
        // us-east-1 is the one region that must not be named.
        if self.region != "us-east-1" {
            let place = BucketLocationConstraint::from(self.region.as_str());
            call = call.create_bucket_configuration(CreateBucketConfiguration::builder().location_constraint(place).build());
        }
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.code() {
                // Another first apply was quicker: what follows is the same for both.
                Some("BucketAlreadyOwnedByYou") => Ok(()),
                Some("BucketAlreadyExists") => Err(self.foreign("another account owns it".to_owned())),
                _ => Err(failure("CreateBucket", self.name(), &error)),
            },
        }
    }

    /// Sets everything but the name; tags last. One after the other: S3 refuses changes of one bucket that meet.
    async fn settle(&self, client: &Client) -> Result<(), RecordError> {
        let (name, owner) = (self.name(), &self.account);
        let block = PublicAccessBlockConfiguration::builder()
            .block_public_acls(true)
            .ignore_public_acls(true)
            .block_public_policy(true)
            .restrict_public_buckets(true)
            .build();
        let call = client.put_public_access_block().bucket(&name).expected_bucket_owner(owner).public_access_block_configuration(block);
        call.send().await.map_err(|error| failure("PutPublicAccessBlock", name.clone(), &error))?;

        let versions = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        let call = client.put_bucket_versioning().bucket(&name).expected_bucket_owner(owner).versioning_configuration(versions);
        call.send().await.map_err(|error| failure("PutBucketVersioning", name.clone(), &error))?;

        let encryption = encryption().map_err(|error| self.unbuilt("PutBucketEncryption", &error))?;
        let call = client.put_bucket_encryption().bucket(&name).expected_bucket_owner(owner);
        let call = call.server_side_encryption_configuration(encryption);
        call.send().await.map_err(|error| failure("PutBucketEncryption", name.clone(), &error))?;

        let call = client.put_bucket_policy().bucket(&name).expected_bucket_owner(owner).policy(self.policy());
        call.send().await.map_err(|error| failure("PutBucketPolicy", name.clone(), &error))?;

        let tags = tagging(&[(STACK_TAG, &self.stack), (RECORD_TAG, LAYOUT)]);
        let tags = tags.map_err(|error| self.unbuilt("PutBucketTagging", &error))?;
        let call = client.put_bucket_tagging().bucket(&name).expected_bucket_owner(owner).tagging(tags);
        call.send().await.map_err(|error| failure("PutBucketTagging", name.clone(), &error))?;
        Ok(())
    }

    /// Nobody may use the bucket without TLS.
    fn policy(&self) -> String {
        let arn = format!("arn:{}:s3:::{}", self.partition, self.name());
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [arn, format!("{arn}/*")],
                "Condition": { "Bool": { "aws:SecureTransport": "false" } },
            }],
        })
        .to_string()
    }

    fn foreign(&self, why: String) -> RecordError {
        let hint = "rename the stack, or keep the record elsewhere with `record: local:PATH`";
        RecordError::ForeignBucket { bucket: self.name(), why, hint }
    }

    fn unbuilt(&self, call: &'static str, error: &BuildError) -> RecordError {
        RecordError::S3 { call, place: self.name(), why: error.to_string(), hint: "" }
    }
}

fn encryption() -> Result<ServerSideEncryptionConfiguration, BuildError> {
    let default = ServerSideEncryptionByDefault::builder().sse_algorithm(ServerSideEncryption::Aes256).build()?;
    let rule = ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(default).build();
    ServerSideEncryptionConfiguration::builder().rules(rule).build()
}

fn tagging(tags: &[(&str, &str)]) -> Result<Tagging, BuildError> {
    let tags: Result<Vec<Tag>, BuildError> = tags.iter().map(|(key, value)| Tag::builder().key(*key).value(*value).build()).collect();
    Tagging::builder().set_tag_set(Some(tags?)).build()
}
