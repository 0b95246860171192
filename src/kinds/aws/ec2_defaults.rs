//! Ec2Defaults.

use crate::kinds::Named;

/// Ec2Defaults.
#[derive(Debug)]
pub struct Ec2Defaults;

impl Named for Ec2Defaults {
    const NAME: &'static str = "aws.ec2_defaults";
}
