//! Subnet.

use crate::kinds::Named;

/// Subnet.
#[derive(Debug)]
pub struct Subnet;

impl Named for Subnet {
    const NAME: &'static str = "aws.subnet";
}
