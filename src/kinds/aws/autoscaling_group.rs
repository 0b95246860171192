//! AutoscalingGroup.

use crate::kinds::Named;

/// AutoscalingGroup.
#[derive(Debug)]
pub struct AutoscalingGroup;

impl Named for AutoscalingGroup {
    const NAME: &'static str = "aws.autoscaling_group";
}
