//! What EFS's kinds share: the listing of file systems, tags, and ids out of ARNs.

use std::sync::Arc;

use aws_sdk_efs::types as efs;

use crate::model::Marks;
use crate::planes::Aws;
use crate::planes::error::{Error, Result};

/// The stack's file systems that are not going away, with their marks. Read once in a pass.
pub async fn file_systems(cx: &Aws) -> Result<Arc<Vec<(efs::FileSystemDescription, Marks)>>> {
    cx.once("efs.DescribeFileSystems", || async {
        let items = cx.efs.describe_file_systems().into_paginator().items().send();
        let all: Vec<efs::FileSystemDescription> = items.collect::<std::result::Result<_, _>>().await?;
        let standing = all.into_iter().filter(|one| !is_going(&one.life_cycle_state));
        Ok(standing.filter_map(|one| cx.marks(pairs(&one.tags)).map(|marks| (one, marks))).collect())
    })
    .await
}

/// Whether it is on its way out or gone.
pub fn is_going(state: &efs::LifeCycleState) -> bool {
    matches!(state, efs::LifeCycleState::Deleting | efs::LifeCycleState::Deleted)
}

/// Marks as EFS tags, with the `Name` that the console shows.
pub fn tags(marks: &Marks) -> Result<Vec<efs::Tag>> {
    let name = marks.address.as_ref().map(|address| ("Name", format!("{} {address}", marks.stack)));
    let tag = |(key, value): (&str, String)| efs::Tag::builder().key(key).value(value).build();
    let tags = name.into_iter().chain(marks.to_tags()).map(tag).collect::<std::result::Result<_, _>>();
    tags.map_err(|_| Error::incomplete("efs.TagResource", "value"))
}

/// EFS tags as pairs.
pub fn pairs(tags: &[efs::Tag]) -> impl Iterator<Item = (&str, &str)> {
    tags.iter().map(|tag| (tag.key(), tag.value()))
}

/// Rewrites the marks of a file system or an access point.
pub async fn mark(cx: &Aws, id: &str, marks: &Marks) -> Result<()> {
    cx.efs.tag_resource().resource_id(id).set_tags(Some(tags(marks)?)).send().await?;
    Ok(())
}
