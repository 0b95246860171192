//! Policy.

use crate::kinds::Named;

/// Policy.
#[derive(Debug)]
pub struct Policy;

impl Named for Policy {
    const NAME: &'static str = "aws.policy";
}
