//! `record:` in `stack.yaml`: `s3`, or `local:PATH` relative to the stack's folder.

use std::path::{Path, PathBuf};

use super::RecordError;

/// Where a stack's record is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In the bucket that the first apply makes.
    S3,
    /// In this folder.
    Local(PathBuf),
}

impl Location {
    /// Reads the setting; `folder` is the stack's.
    ///
    /// # Errors
    /// [`RecordError::Setting`] for anything but `s3` and `local:PATH`.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, RecordError> {
        match text.strip_prefix("local:").map(str::trim) {
            _ if text == "s3" => Ok(Self::S3),
            Some("") => Err(RecordError::Setting { text: text.to_owned(), why: "names no folder: write `local:PATH`" }),
            Some(path) => Ok(Self::Local(folder.join(path))),
            None => Err(RecordError::Setting { text: text.to_owned(), why: "is neither `s3` nor `local:PATH`" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_path_is_relative_to_the_stack() {
        let at = |text| Location::parse(text, Path::new("/srv/estate"));
        assert_eq!(at("s3").unwrap(), Location::S3);
        assert_eq!(at("local:.reeve").unwrap(), Location::Local("/srv/estate/.reeve".into()));
        assert_eq!(at("local:/var/lib/x").unwrap(), Location::Local("/var/lib/x".into()));
        assert!(at("local:").unwrap_err().to_string().contains("local:PATH"));
        assert!(at("gcs").unwrap_err().to_string().contains("neither"));
    }
}
