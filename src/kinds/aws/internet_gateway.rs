//! InternetGateway.

use crate::kinds::Named;

/// InternetGateway.
#[derive(Debug)]
pub struct InternetGateway;

impl Named for InternetGateway {
    const NAME: &'static str = "aws.internet_gateway";
}
