//! NatGateway.

use crate::kinds::Named;

/// NatGateway.
#[derive(Debug)]
pub struct NatGateway;

impl Named for NatGateway {
    const NAME: &'static str = "aws.nat_gateway";
}
