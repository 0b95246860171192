//! TargetGroup.

use crate::kinds::Named;

/// TargetGroup.
#[derive(Debug)]
pub struct TargetGroup;

impl Named for TargetGroup {
    const NAME: &'static str = "aws.target_group";
}
