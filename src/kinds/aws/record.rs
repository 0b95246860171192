//! Record.

use crate::kinds::Named;

/// Record.
#[derive(Debug)]
pub struct Record;

impl Named for Record {
    const NAME: &'static str = "aws.record";
}
