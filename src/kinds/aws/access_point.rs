//! AccessPoint.

use crate::kinds::Named;

/// AccessPoint.
#[derive(Debug)]
pub struct AccessPoint;

impl Named for AccessPoint {
    const NAME: &'static str = "aws.access_point";
}
