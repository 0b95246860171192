//! ReportPlan.

use crate::kinds::Named;

/// ReportPlan.
#[derive(Debug)]
pub struct ReportPlan;

impl Named for ReportPlan {
    const NAME: &'static str = "aws.report_plan";
}
