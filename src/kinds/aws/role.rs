//! Role.

use crate::kinds::Named;

/// Role.
#[derive(Debug)]
pub struct Role;

impl Named for Role {
    const NAME: &'static str = "aws.role";
}
