//! Trail.

use crate::kinds::Named;

/// Trail.
#[derive(Debug)]
pub struct Trail;

impl Named for Trail {
    const NAME: &'static str = "aws.trail";
}
