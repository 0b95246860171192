//! An S3 object: a small text that others read, such as a script for hosts. Never a secret: it is shown in plans.
//!
//! API: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>.
//! Lives under `reeve/` in a bucket of ours; the bucket is tagged as holding objects, so that buckets of logs are never listed.
//! Deleting it leaves its versions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bucket::Bucket;
use super::support::objects;
use super::support::s3::{HOLDS_OBJECTS, buckets, tag};
use super::support::side_by_side;
use crate::kinds::{Change, Gone, Kind, Live, Made, Named, New, Ready, Tags};
use crate::model::{Marks, Ref, Text};
use crate::planes::Aws;
use crate::planes::error::{Class, Error, Result};
use aws_sdk_s3::types as s3;

/// A text in a bucket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Object {
    /// The bucket.
    #[schemars(extend("x-replace" = true))]
    pub bucket: Ref<Bucket>,
    /// Its key, which begins with `reeve/`.
    #[schemars(extend("x-replace" = true))]
    pub key: String,
    /// What it says; 8 MB at most.
    pub body: Text,
    /// Its media type. Default: `text/plain; charset=utf-8`.
    #[serde(default = "plain")]
    pub content_type: String,
}

fn plain() -> String {
    "text/plain; charset=utf-8".into()
}

const FOLDER: &str = "reeve/";
const LIMIT: usize = 8 << 20;

impl Named for Object {
    const NAME: &'static str = "aws.object";
}

impl Kind for Object {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html";
    const TAGS: Tags = Tags::Object;
    const ATTRIBUTES: &'static [&'static str] = &["arn", "key", "url"];

    fn check(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        if !self.key.starts_with(FOLDER) || self.key.len() == FOLDER.len() {
            wrong.push(("key".into(), format!("has to begin with `{FOLDER}`: only that folder is searched for objects of ours")));
        }
        if self.body.as_str().len() > LIMIT {
            wrong.push(("body".into(), "is more than 8 MB".into()));
        }
        wrong
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let ours = buckets(cx).await?;
        let of_each = ours.iter().filter(|bucket| bucket.holds_objects).map(|bucket| async move {
            let items = cx.s3.list_objects_v2().bucket(&bucket.name).prefix(FOLDER).into_paginator().send();
            let pages: Vec<_> = items.collect::<std::result::Result<_, _>>().await?;
            let keys = pages.iter().flat_map(|page| page.contents()).filter_map(s3::Object::key);
            side_by_side(keys.map(|key| read(cx, &bucket.name, key))).await
        });
        Ok(side_by_side(of_each).await?.into_iter().flatten().flatten().collect())
    }

    fn name_of(new: &New<Self>) -> Option<String> {
        Some(objects::id(new.want.bucket.id(), &new.want.key))
    }

    async fn namesake(_: &Aws, new: &New<Self>) -> Result<Option<String>> {
        Ok(Self::name_of(new))
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let bucket = new.want.bucket.id();
        // First the tag: an object in a bucket without it would not be found again.
        tag(cx, bucket, [(HOLDS_OBJECTS, "true".to_owned())]).await?;
        let put = put(cx, &new.want, &new.marks, true).await;
        objects::made(put, cx, bucket, &new.want.key)
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        put(cx, &change.want, &change.marks, false).await
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        objects::delete(cx, gone.have.bucket.id(), &gone.have.key).await
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        objects::ready(cx, id).await
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        objects::mark(cx, id, marks).await
    }
}

async fn read(cx: &Aws, bucket: &str, key: &str) -> Result<Option<Live<Object>>> {
    let Some(marks) = objects::marks(cx, Object::NAME, bucket, key).await? else { return Ok(None) };
    let out = cx.s3.get_object().bucket(bucket).key(key).send().await?;
    let made_at = out.last_modified().map(ToString::to_string).unwrap_or_default();
    let content_type = out.content_type().unwrap_or_default().to_owned();
    let body = out.body.collect().await.map_err(|error| Error::new(Class::Ambiguous, "s3.GetObject", error.to_string()))?;
    let body = String::from_utf8_lossy(&body.into_bytes()).into_owned();
    let shape = Object { bucket: Ref::to(bucket), key: key.to_owned(), body: Text(body), content_type };
    Ok(Some(Live { id: objects::id(bucket, key), attributes: objects::known(cx, bucket, key), shape, marks, made_at }))
}

/// Writes the object with its marks in the same call; with `new`, only where nothing is.
async fn put(cx: &Aws, want: &Object, marks: &Marks, new: bool) -> Result<()> {
    cx.s3
        .put_object()
        .bucket(want.bucket.id())
        .key(&want.key)
        .body(want.body.as_str().as_bytes().to_vec().into())
        .content_type(&want.content_type)
        .tagging(objects::tagging(marks))
        .set_if_none_match(new.then(|| "*".to_owned()))
        .send()
        .await?;
    Ok(())
}
