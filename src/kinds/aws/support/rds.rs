//! What RDS's kinds share: ARNs, tags, and finding ours among groups whose listings bear no tags.

use aws_sdk_rds::types as rds;

use crate::model::Marks;
use crate::planes::error::{Absent, Class, Error, Result};
use crate::planes::{Aws, aws::Estate};

/// The ARN of an RDS object: `what` is `db`, `subgrp`, `pg` or `es`.
///
/// Source: <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Tagging.ARN.Constructing.html>
pub fn arn(estate: &Estate, what: &str, name: &str) -> String {
    format!("arn:{}:rds:{}:{}:{what}:{name}", estate.partition, estate.region, estate.account)
}

/// Marks as RDS tags.
pub fn tags(marks: &Marks) -> Vec<rds::Tag> {
    marks.to_tags().into_iter().map(|(key, value)| rds::Tag::builder().key(key).value(value).build()).collect()
}

/// RDS tags as pairs.
pub fn pairs(tags: &[rds::Tag]) -> impl Iterator<Item = (&str, &str)> {
    tags.iter().filter_map(|tag| Some((tag.key()?, tag.value()?)))
}

/// Whether a name can be one of ours: RDS lists groups without their tags, and asking for the tags of each group of an
/// account would cost a call a group. So a name that [`crate::kinds::New::name`] made says whom to ask.
pub fn may_be_ours(cx: &Aws, name: &str) -> bool {
    name.strip_prefix(cx.estate.stack.as_str()).is_some_and(|rest| rest.starts_with('-'))
}

/// The marks of the thing `what` of that name, when it is ours; else it is noted as a stranger of `kind`. One call.
pub async fn marks_of(cx: &Aws, kind: &'static str, what: &str, name: &str) -> Result<Option<Marks>> {
    let call = cx.rds.list_tags_for_resource().resource_name(arn(&cx.estate, what, name));
    let out = call.send().await.map_err(Error::from).absent_ok()?;
    Ok(out.and_then(|out| cx.marks_or_stranger(kind, (name, name), pairs(out.tag_list()))))
}

/// Rewrites the marks of an RDS object that is found by its tags.
pub async fn mark(cx: &Aws, arn: &str, marks: &Marks) -> Result<()> {
    cx.rds.add_tags_to_resource().resource_name(arn).set_tags(Some(tags(marks))).send().await?;
    Ok(())
}

/// Rewrites the marks of a group; one whose name would not be found again is refused.
pub async fn mark_named(cx: &Aws, what: &str, name: &str, marks: &Marks) -> Result<()> {
    if !may_be_ours(cx, name) {
        let stack = &cx.estate.stack;
        let message = format!(
            "{name} cannot be taken over: RDS lists such groups without tags, so ours are found by names that begin with `{stack}-`; let a new one be made"
        );
        return Err(Error::new(Class::Invalid, "rds.AddTagsToResource", message));
    }
    mark(cx, &arn(&cx.estate, what, name), marks).await
}
