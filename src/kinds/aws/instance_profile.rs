//! InstanceProfile.

use crate::kinds::Named;

/// InstanceProfile.
#[derive(Debug)]
pub struct InstanceProfile;

impl Named for InstanceProfile {
    const NAME: &'static str = "aws.instance_profile";
}
