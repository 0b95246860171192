//! An S3 bucket.
//!
//! API: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html>.
//! Its name is made of stack, address and account, because names are taken world-wide. What AWS guarantees of every new bucket
//! (its owner owns all objects, access lists are off) is not read again. Does not touch replication, notifications, object
//! lock, CORS or web sites. A bucket that still holds objects is never deleted.

mod settings;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::key::Key;
use super::support::s3::{buckets, prefix, tag, tags_of};
use super::support::{side_by_side, yes};
use crate::kinds::{Attributes, Change, Gone, Kind, Live, Made, Named, New, Ready, Tags, attributes};
use crate::model::{Document, Marks, Ref};
use crate::planes::Aws;
use crate::planes::error::{Absent, Class, Error, Result};
use aws_sdk_s3::types as s3;

/// Cheaper places for objects that are seldom read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StorageClass {
    /// Infrequent access.
    StandardIa,
    /// Moves objects by itself.
    IntelligentTiering,
    /// Glacier, read within milliseconds.
    GlacierIr,
    /// Glacier, read within minutes to hours.
    Glacier,
    /// Glacier, read within half a day.
    DeepArchive,
}

/// What becomes of objects as they age.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Only objects whose keys begin so. Default: all.
    #[serde(default)]
    pub prefix: String,
    /// Days after which an object goes. Default: it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_days: Option<i32>,
    /// Days after which an overwritten or deleted version goes. Default: it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noncurrent_expiration_days: Option<i32>,
    /// Days after which an upload that was not finished goes. Default: it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abort_incomplete_multipart_upload_days: Option<i32>,
    /// Storage class to days after which an object moves there. Default: none.
    #[serde(default)]
    pub transitions: BTreeMap<StorageClass, i32>,
}

/// Where a record of each access goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Logging {
    /// The bucket; its policy has to let `logging.s3.amazonaws.com` write.
    pub target_bucket: Ref<Bucket>,
    /// What the keys begin with. Default: nothing.
    #[serde(default)]
    pub target_prefix: String,
}

/// A bucket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// Overwritten and deleted objects are kept as versions. Default: true.
    #[serde(default = "yes")]
    pub versioning: bool,
    /// The key of its objects (SSE-KMS, with a bucket key). Default: none, S3's own keys (SSE-S3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<Ref<Key>>,
    /// No policy and no access list can make anything in it public. Default: true.
    #[serde(default = "yes")]
    pub public_access_block: bool,
    /// Who may do what. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-need" = "settle"))]
    pub policy: Option<Document>,
    /// What becomes of objects as they age, by the rule's name. Default: none.
    #[serde(default)]
    pub lifecycle_rules: BTreeMap<String, Rule>,
    /// Where a record of each access goes. Default: nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logging: Option<Logging>,
}

impl Named for Bucket {
    const NAME: &'static str = "aws.bucket";
}

impl Kind for Bucket {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html";
    const TAGS: Tags = Tags::Bucket;
    /// Without the account at its end, which has twelve digits.
    const NAME_LIMIT: usize = 50;
    const ATTRIBUTES: &'static [&'static str] = &["arn", "name", "domain_name"];
    const STATEFUL: bool = true;
    const MANY_CALLS: bool = true;

    fn check(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        for (name, rule) in &self.lifecycle_rules {
            if rule.prefix == settings::NARROWED {
                wrong.push((format!("lifecycle_rules.{name}.prefix"), "is what AWS's own tools wrote, not the beginning of a key".into()));
            }
            let days = [rule.expiration_days, rule.noncurrent_expiration_days, rule.abort_incomplete_multipart_upload_days];
            if days.iter().all(Option::is_none) && rule.transitions.is_empty() {
                wrong.push((format!("lifecycle_rules.{name}"), "says nothing: give it an expiration or a transition".into()));
            }
            if days.into_iter().flatten().chain(rule.transitions.values().copied()).any(|days| days < 1) {
                wrong.push((format!("lifecycle_rules.{name}"), "days are 1 or more".into()));
            }
        }
        wrong
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let ours = buckets(cx).await?;
        let all = ours.iter().map(|bucket| async move {
            let shape = settings::read(cx, &bucket.name).await?;
            let attributes = known(cx, &bucket.name);
            let (marks, made_at) = (bucket.marks.clone(), bucket.made_at.clone());
            Ok::<_, Error>(Live { id: bucket.name.clone(), attributes, shape, marks, made_at })
        });
        side_by_side(all).await
    }

    async fn namesake(cx: &Aws, new: &New<Self>) -> Result<Option<String>> {
        let name = full_name(cx, new);
        // Only our account's can be tagged by us.
        let ours = cx.s3.head_bucket().bucket(&name).expected_bucket_owner(&cx.estate.account).send().await;
        Ok(ours.is_ok().then_some(name))
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let name = full_name(cx, new);
        let region = &cx.estate.region;
        let place = s3::CreateBucketConfiguration::builder().location_constraint(region.as_str().into()).build();
        let place = (region != "us-east-1").then_some(place);
        match cx.s3.create_bucket().bucket(&name).set_create_bucket_configuration(place).send().await.map_err(Error::from) {
            Ok(_) => {}
            // Made by an attempt that ended before it could be tagged: it bears no tags at all.
            Err(error) if error.code == "BucketAlreadyOwnedByYou" && tags_of(cx, &name).await?.is_empty() => {}
            Err(error) => return Err(error),
        }
        // In us-east-1, S3 also says yes to a bucket that is there already.
        if !tags_of(cx, &name).await?.is_empty() {
            let message = format!("{name} is there already, with tags of its own");
            return Err(Error::new(Class::AlreadyExists, "s3.CreateBucket", message));
        }
        // A bucket that holds something was somebody's: only an empty one can be what an earlier attempt left.
        if cx.s3.list_objects_v2().bucket(&name).max_keys(1).send().await?.key_count().unwrap_or_default() > 0 {
            let message = format!("{name} is there already, holds objects and bears no mark");
            return Err(Error::new(Class::AlreadyExists, "s3.CreateBucket", message));
        }
        // One of that name that was here before is gone, with its tags.
        cx.tag_set(&name).await.clear();
        tag(cx, &name, new.marks.to_tags()).await?;
        Ok(Made { attributes: known(cx, &name), id: name })
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        settings::write(cx, change).await
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        match cx.s3.delete_bucket().bucket(&gone.id).send().await.map_err(Error::from).absent_ok() {
            Err(error) if error.code == "BucketNotEmpty" => {
                let message = format!(
                    "{0} still holds objects, or versions of them, and reeve never deletes those. If nobody needs them: choose `Empty` for \
                     {0} in the S3 console (`aws s3 rm` leaves the versions), then run this again",
                    gone.id
                );
                Err(Error { class: Class::Invalid, message, ..error })
            }
            other => other.map(|_| ()),
        }
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        cx.s3.head_bucket().bucket(id).send().await?;
        Ok(Ready::Yes(known(cx, id)))
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        if !id.starts_with(&prefix(cx)) {
            let begin = prefix(cx);
            let message = format!(
                "{id} cannot be taken over: S3 lists buckets without tags, so ours are found by names that begin with `{begin}`; let a new one be made"
            );
            return Err(Error::new(Class::Invalid, "s3.PutBucketTagging", message));
        }
        tag(cx, id, marks.to_tags()).await
    }
}

fn full_name(cx: &Aws, new: &New<Bucket>) -> String {
    format!("{}-{}", Bucket::name_of(new).unwrap_or_default(), cx.estate.account)
}

fn known(cx: &Aws, name: &str) -> Attributes {
    let arn = format!("arn:{}:s3:::{name}", cx.estate.partition);
    let suffix = if cx.estate.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
    attributes([("arn", &arn), ("name", name), ("domain_name", &format!("{name}.s3.{}.{suffix}", cx.estate.region))])
}
