//! Subscription.

use crate::kinds::Named;

/// Subscription.
#[derive(Debug)]
pub struct Subscription;

impl Named for Subscription {
    const NAME: &'static str = "aws.subscription";
}
