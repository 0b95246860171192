//! FileSystem.

use crate::kinds::Named;

/// FileSystem.
#[derive(Debug)]
pub struct FileSystem;

impl Named for FileSystem {
    const NAME: &'static str = "aws.file_system";
}
