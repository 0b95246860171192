//! A file in a bucket, told by what is in it: what hosts fetch to become hosts. Its SHA-256 is its name, so that a plan shows the digest and never
//! the bytes, and who fetches it can hold it against its name.
//!
//! API: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>. The file itself is read only when it is uploaded, from where
//! `reeve` runs; S3 holds what arrives against the digest. Lives under `bundles/` in a bucket of ours that is tagged as holding objects. A new
//! digest is a new object beside the old one, which goes once nobody refers to it; its versions stay.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::bucket::Bucket;
use super::support::objects;
use super::support::s3::{HOLDS_OBJECTS, buckets, tag};
use super::support::side_by_side;
use crate::kinds::{Change, Gone, Kind, Live, Made, Named, New, Ready, Tags};
use crate::model::{Marks, Ref};
use crate::planes::Aws;
use crate::planes::error::{Class, Error, Result};
use aws_sdk_s3::types as s3;

/// A file in a bucket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// The bucket.
    #[schemars(extend("x-replace" = true))]
    pub bucket: Ref<Bucket>,
    /// The file's SHA-256, 64 hexadecimal digits.
    #[schemars(extend("x-replace" = true))]
    pub sha256: String,
    /// The folder, from where `reeve` runs, in which who uploads it finds the file, as `SHA256.tar.gz` (`reeve host bundle` puts it there).
    /// It says nothing of the object and is not compared. Default: `bundles`.
    #[serde(default = "folder")]
    #[schemars(extend("x-order" = true))]
    pub folder: String,
}

fn folder() -> String {
    "bundles".into()
}

const FOLDER: &str = "bundles/";
const END: &str = ".tar.gz";

fn key(sha256: &str) -> String {
    format!("{FOLDER}{sha256}{END}")
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl Named for Bundle {
    const NAME: &'static str = "aws.bundle";
}

impl Kind for Bundle {
    type Plane = Aws;
    const PAGE: &'static str = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html";
    const TAGS: Tags = Tags::Object;
    const ATTRIBUTES: &'static [&'static str] = &["arn", "key", "url"];

    fn check(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        if !is_digest(&self.sha256) {
            wrong.push(("sha256".into(), "has to be 64 hexadecimal digits, in small letters".into()));
        }
        wrong
    }

    async fn fetch(cx: &Aws) -> Result<Vec<Live<Self>>> {
        let ours = buckets(cx).await?;
        let of_each = ours.iter().filter(|bucket| bucket.holds_objects).map(|bucket| async move {
            let items = cx.s3.list_objects_v2().bucket(&bucket.name).prefix(FOLDER).into_paginator().send();
            let pages: Vec<_> = items.collect::<std::result::Result<_, _>>().await?;
            let keys = pages.iter().flat_map(|page| page.contents());
            side_by_side(keys.map(|object| read(cx, &bucket.name, object))).await
        });
        Ok(side_by_side(of_each).await?.into_iter().flatten().flatten().collect())
    }

    fn name_of(new: &New<Self>) -> Option<String> {
        Some(objects::id(new.want.bucket.id(), &key(&new.want.sha256)))
    }

    async fn namesake(_: &Aws, new: &New<Self>) -> Result<Option<String>> {
        Ok(Self::name_of(new))
    }

    async fn create(cx: &Aws, new: &New<Self>) -> Result<Made> {
        let (bucket, want) = (new.want.bucket.id(), &new.want);
        let file = Path::new(&want.folder).join(format!("{}{END}", want.sha256));
        let missing = |error| wrong(format!("{}: {error}; `reeve host bundle` makes it, or fetch the release that has it", file.display()));
        let bytes = tokio::fs::read(&file).await.map_err(missing)?;
        let digest = Sha256::digest(&bytes);
        let found: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        if found != want.sha256 {
            let text = format!("{} has the SHA-256 {found}: it is not what its name says; make or fetch it again", file.display());
            return Err(wrong(text));
        }
        tag(cx, bucket, [(HOLDS_OBJECTS, "true".to_owned())]).await?;
        let key = key(&want.sha256);
        let call = cx.s3.put_object().bucket(bucket).key(&key).content_type("application/gzip").tagging(objects::tagging(&new.marks));
        let call = call.checksum_sha256(STANDARD.encode(digest)).if_none_match("*");
        let put = call.body(bytes.into()).send().await.map(drop).map_err(Error::from);
        objects::made(put, cx, bucket, &key)
    }

    async fn update(cx: &Aws, change: &Change<Self>) -> Result<()> {
        Self::mark(cx, &change.id, &change.marks).await
    }

    async fn delete(cx: &Aws, gone: &Gone<Self>) -> Result<()> {
        objects::delete(cx, gone.have.bucket.id(), &key(&gone.have.sha256)).await
    }

    async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
        objects::ready(cx, id).await
    }

    async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
        objects::mark(cx, id, marks).await
    }
}

fn wrong(text: String) -> Error {
    Error::new(Class::Invalid, "s3.PutObject", text)
}

async fn read(cx: &Aws, bucket: &str, object: &s3::Object) -> Result<Option<Live<Bundle>>> {
    let key = object.key().unwrap_or_default();
    let digest = key.strip_prefix(FOLDER).and_then(|name| name.strip_suffix(END)).filter(|name| is_digest(name));
    let Some(digest) = digest else { return Ok(None) };
    let Some(marks) = objects::marks(cx, Bundle::NAME, bucket, key).await? else { return Ok(None) };
    let shape = Bundle { bucket: Ref::to(bucket), sha256: digest.to_owned(), folder: folder() };
    let made_at = object.last_modified().map(ToString::to_string).unwrap_or_default();
    Ok(Some(Live { id: objects::id(bucket, key), attributes: objects::known(cx, bucket, key), shape, marks, made_at }))
}
