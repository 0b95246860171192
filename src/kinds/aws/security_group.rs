//! SecurityGroup.

use crate::kinds::Named;

/// SecurityGroup.
#[derive(Debug)]
pub struct SecurityGroup;

impl Named for SecurityGroup {
    const NAME: &'static str = "aws.security_group";
}
