//! Object.

use crate::kinds::Named;

/// Object.
#[derive(Debug)]
pub struct Object;

impl Named for Object {
    const NAME: &'static str = "aws.object";
}
