//! BackupVault.

use crate::kinds::Named;

/// BackupVault.
#[derive(Debug)]
pub struct BackupVault;

impl Named for BackupVault {
    const NAME: &'static str = "aws.backup_vault";
}
