//! BackupPlan.

use crate::kinds::Named;

/// BackupPlan.
#[derive(Debug)]
pub struct BackupPlan;

impl Named for BackupPlan {
    const NAME: &'static str = "aws.backup_plan";
}
