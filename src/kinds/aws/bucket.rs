//! Bucket.

use crate::kinds::Named;

/// Bucket.
#[derive(Debug)]
pub struct Bucket;

impl Named for Bucket {
    const NAME: &'static str = "aws.bucket";
}
