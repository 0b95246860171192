//! Certificate.

use crate::kinds::Named;

/// Certificate.
#[derive(Debug)]
pub struct Certificate;

impl Named for Certificate {
    const NAME: &'static str = "aws.certificate";
}
