//! BackupSelection.

use crate::kinds::Named;

/// BackupSelection.
#[derive(Debug)]
pub struct BackupSelection;

impl Named for BackupSelection {
    const NAME: &'static str = "aws.backup_selection";
}
