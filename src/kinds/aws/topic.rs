//! Topic.

use crate::kinds::Named;

/// Topic.
#[derive(Debug)]
pub struct Topic;

impl Named for Topic {
    const NAME: &'static str = "aws.topic";
}
