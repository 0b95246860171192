//! VpcEndpoint.

use crate::kinds::Named;

/// VpcEndpoint.
#[derive(Debug)]
pub struct VpcEndpoint;

impl Named for VpcEndpoint {
    const NAME: &'static str = "aws.vpc_endpoint";
}
