//! Alarm.

use crate::kinds::Named;

/// Alarm.
#[derive(Debug)]
pub struct Alarm;

impl Named for Alarm {
    const NAME: &'static str = "aws.alarm";
}
