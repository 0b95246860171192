//! LogGroup.

use crate::kinds::Named;

/// LogGroup.
#[derive(Debug)]
pub struct LogGroup;

impl Named for LogGroup {
    const NAME: &'static str = "aws.log_group";
}
