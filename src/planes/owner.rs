//! Who owns an object that is not known to be ours, on whichever plane: asked before one is adopted.

use super::aws::owner::{Owned, Tags, owner as of_aws};
use super::error::Result;
use super::{Docker, Files, Haproxy, Mysql, Plane, Planes};

/// Whose the object of that id is.
///
/// # Errors
/// What the plane answered.
pub async fn owner(planes: &Planes, tags: Tags, id: &str) -> Result<Owned> {
    match tags {
        Tags::Labels(noun) => Docker::of(planes)?.owner(noun, id).await,
        Tags::Table(noun) => Mysql::of(planes)?.owner(noun, id).await,
        Tags::File => Files::of(planes)?.owner(id).await,
        Tags::Comment => Haproxy::of(planes)?.owner().await,
        _ => of_aws(&planes.aws, tags, id).await,
    }
}
