//! What the kinds of objects in S3 share: their ids, their marks, and the calls that do not depend on what is in them.

use crate::kinds::{Attributes, Made, Ready, attributes};
use crate::model::Marks;
use crate::planes::Aws;
use crate::planes::error::{Absent, Class, Error, Result};

use super::s3::{merged, pairs};

/// An object's id: bucket and key.
pub fn id(bucket: &str, key: &str) -> String {
    format!("{bucket}/{key}")
}

/// The bucket and the key of an id.
pub fn parts(id: &str) -> Result<(&str, &str)> {
    id.split_once('/').ok_or_else(|| Error::new(Class::Invalid, "s3", format!("`{id}` is no bucket and key")))
}

/// What is known of an object.
pub fn known(cx: &Aws, bucket: &str, key: &str) -> Attributes {
    let arn = format!("arn:{}:s3:::{bucket}/{key}", cx.estate.partition);
    attributes([("arn", &arn), ("key", key), ("url", &format!("s3://{bucket}/{key}"))])
}

/// Marks as the header of the call that puts an object.
pub fn tagging(marks: &Marks) -> String {
    let pairs = marks.to_tags().into_iter().map(|(key, value)| format!("{}={}", encode(key), encode(&value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// The tagging header is a query string.
fn encode(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        })
        .collect()
}

/// What came of putting an object where nothing was to be: another's of that name is not overwritten.
pub fn made(put: Result<()>, cx: &Aws, bucket: &str, key: &str) -> Result<Made> {
    match put {
        Err(error) if error.code == "PreconditionFailed" => Err(Error { class: Class::AlreadyExists, ..error }),
        other => other.map(|()| Made { id: id(bucket, key), attributes: known(cx, bucket, key) }),
    }
}

/// The marks of an object; `None` when it is not there, or not ours, which is noted.
pub async fn marks(cx: &Aws, kind: &'static str, bucket: &str, key: &str) -> Result<Option<Marks>> {
    let tags = cx.s3.get_object_tagging().bucket(bucket).key(key).send().await.map_err(Error::from).absent_ok()?;
    let name = id(bucket, key);
    Ok(tags.and_then(|tags| cx.marks_or_stranger(kind, (&name, &name), pairs(tags.tag_set()))))
}

/// Deletes an object; its versions stay.
pub async fn delete(cx: &Aws, bucket: &str, key: &str) -> Result<()> {
    cx.s3.delete_object().bucket(bucket).key(key).send().await.map_err(Error::from).absent_ok()?;
    Ok(())
}

/// Whether it is there.
pub async fn ready(cx: &Aws, id: &str) -> Result<Ready> {
    let (bucket, key) = parts(id)?;
    cx.s3.head_object().bucket(bucket).key(key).send().await?;
    Ok(Ready::Yes(known(cx, bucket, key)))
}

/// Writes its marks beside the tags that it has.
pub async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
    let (bucket, key) = parts(id)?;
    let old = cx.s3.get_object_tagging().bucket(bucket).key(key).send().await?;
    let tags = merged(old.tag_set(), marks.to_tags())?;
    cx.s3.put_object_tagging().bucket(bucket).key(key).tagging(tags).send().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_tagging_header_is_a_query_string() {
        assert_eq!(super::encode("reeve:applied=v1:a+b c"), "reeve%3Aapplied%3Dv1%3Aa%2Bb%20c");
    }
}
