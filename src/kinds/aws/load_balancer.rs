//! LoadBalancer.

use crate::kinds::Named;

/// LoadBalancer.
#[derive(Debug)]
pub struct LoadBalancer;

impl Named for LoadBalancer {
    const NAME: &'static str = "aws.load_balancer";
}
