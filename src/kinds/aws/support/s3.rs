//! What S3's kinds share: the stack's buckets with their tags.

use std::sync::Arc;

use aws_sdk_s3::types as s3;

use super::side_by_side;
use crate::kinds::Named;
use crate::kinds::aws::bucket::Bucket;
use crate::model::Marks;
use crate::model::marks::key;
use crate::planes::Aws;
use crate::planes::aws::TagSet;
use crate::planes::error::{Absent, Class, Error, Result};

/// A bucket of the stack.
#[derive(Debug)]
pub struct Ours {
    /// Its name.
    pub name: String,
    /// Its marks.
    pub marks: Marks,
    /// When it was made.
    pub made_at: String,
    /// Whether objects that are resources of their own are in it.
    pub holds_objects: bool,
}

/// A tag that says of a bucket that it holds objects of ours, so that other buckets (of logs, by the million) are never listed.
pub const HOLDS_OBJECTS: &str = "reeve:holds-objects";

/// The stack's buckets in its region. The listing has no tags, so only names that begin as ours do are asked for them. Read
/// once in a pass.
pub async fn buckets(cx: &Aws) -> Result<Arc<Vec<Ours>>> {
    cx.once("s3.ListBuckets", || async {
        let call = cx.s3.list_buckets().prefix(prefix(cx)).bucket_region(&cx.estate.region).max_buckets(1000);
        let listed: Vec<s3::Bucket> = call.into_paginator().items().send().collect::<std::result::Result<_, _>>().await?;
        let all = listed.into_iter().map(|bucket| async move {
            let name = bucket.name.unwrap_or_default();
            let tags = tags_of(cx, &name).await?;
            let holds_objects = tags.iter().any(|tag| tag.key() == HOLDS_OBJECTS);
            let made_at = bucket.creation_date.map(|at| at.to_string()).unwrap_or_default();
            // One without any tag may be what an attempt left that ended before it could tag it.
            let marks = match (tags.is_empty(), stem(cx, &name)) {
                (false, Some(stem)) => cx.marks_or_stranger(Bucket::NAME, (stem, &name), pairs(&tags)),
                _ => cx.marks(pairs(&tags)),
            };
            Ok::<_, Error>(marks.map(|marks| Ours { name, marks, made_at, holds_objects }))
        });
        Ok(side_by_side(all).await?.into_iter().flatten().collect())
    })
    .await
}

/// What the names of all buckets of the stack begin with.
pub fn prefix(cx: &Aws) -> String {
    format!("{}-", cx.estate.stack)
}

/// The name of a bucket that reeve made, without the account at its end: names of buckets are the whole world's.
fn stem<'a>(cx: &Aws, name: &'a str) -> Option<&'a str> {
    name.strip_suffix(cx.estate.account.as_str())?.strip_suffix('-')
}

/// A bucket's tags: none when it has none or is not there.
pub async fn tags_of(cx: &Aws, name: &str) -> Result<Vec<s3::Tag>> {
    let out = cx.s3.get_bucket_tagging().bucket(name).send().await.map_err(Error::from).absent_ok()?;
    Ok(out.map(|out| out.tag_set).unwrap_or_default())
}

/// S3 tags as pairs.
pub fn pairs(tags: &[s3::Tag]) -> impl Iterator<Item = (&str, &str)> {
    tags.iter().map(|tag| (tag.key(), tag.value()))
}

/// `new` over `old`: S3 only takes whole sets of tags.
pub fn merged<'a>(old: &[s3::Tag], new: impl IntoIterator<Item = (&'a str, String)>) -> Result<s3::Tagging> {
    let mut all: TagSet = pairs(old).map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    all.extend(new.into_iter().map(|(key, value)| (key.to_owned(), value)));
    tagging(all)
}

fn tagging(all: TagSet) -> Result<s3::Tagging> {
    let tag = |(key, value): (String, String)| s3::Tag::builder().key(key).value(value).build();
    let tags: std::result::Result<Vec<s3::Tag>, _> = all.into_iter().map(tag).collect();
    let lacks = |_| Error::incomplete("s3.PutBucketTagging", "value");
    s3::Tagging::builder().set_tag_set(Some(tags.map_err(lacks)?)).build().map_err(lacks)
}

/// Puts tags on a bucket beside those it has. The bucket's own step and the steps of what it holds do this at the same time, and S3 shows
/// what was written with a delay: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel>.
pub async fn tag(cx: &Aws, name: &str, new: impl IntoIterator<Item = (&str, String)>) -> Result<()> {
    let mut written = cx.tag_set(name).await;
    let mut all: TagSet = pairs(&tags_of(cx, name).await?).map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    all.extend(written.clone());
    all.extend(new.into_iter().map(|(key, value)| (key.to_owned(), value)));
    // Ours always bear a mark. Without one, the tags that are there are not visible yet, and would be lost.
    if !all.contains_key(key::STACK) {
        return Err(Error::new(Class::InUse, "s3.PutBucketTagging", format!("the tags of {name} are not visible yet")));
    }
    cx.s3.put_bucket_tagging().bucket(name).tagging(tagging(all.clone())?).send().await?;
    *written = all;
    Ok(())
}
