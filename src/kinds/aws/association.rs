//! Association.

use crate::kinds::Named;

/// Association.
#[derive(Debug)]
pub struct Association;

impl Named for Association {
    const NAME: &'static str = "aws.association";
}
