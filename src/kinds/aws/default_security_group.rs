//! DefaultSecurityGroup.

use crate::kinds::Named;

/// DefaultSecurityGroup.
#[derive(Debug)]
pub struct DefaultSecurityGroup;

impl Named for DefaultSecurityGroup {
    const NAME: &'static str = "aws.default_security_group";
}
