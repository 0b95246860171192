//! MountTarget.

use crate::kinds::Named;

/// MountTarget.
#[derive(Debug)]
pub struct MountTarget;

impl Named for MountTarget {
    const NAME: &'static str = "aws.mount_target";
}
