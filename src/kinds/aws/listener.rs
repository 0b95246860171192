//! Listener.

use crate::kinds::Named;

/// Listener.
#[derive(Debug)]
pub struct Listener;

impl Named for Listener {
    const NAME: &'static str = "aws.listener";
}
