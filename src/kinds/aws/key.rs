//! Key.

use crate::kinds::Named;

/// Key.
#[derive(Debug)]
pub struct Key;

impl Named for Key {
    const NAME: &'static str = "aws.key";
}
