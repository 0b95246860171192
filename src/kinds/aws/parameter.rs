//! Parameter.

use crate::kinds::Named;

/// Parameter.
#[derive(Debug)]
pub struct Parameter;

impl Named for Parameter {
    const NAME: &'static str = "aws.parameter";
}
