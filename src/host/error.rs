//! What goes wrong while a host is made.

use std::io;
use std::path::PathBuf;

/// Why a step could not look or act. The text is safe to show.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program could not be started or did not succeed.
    #[error("`{line}`: {said}")]
    Program {
        /// The command line.
        line: String,
        /// The end of what it said.
        said: String,
    },
    /// A file could not be read or written.
    #[error("{path}: {cause}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The settings make no sense.
    #[error("{path}: {said}")]
    Settings {
        /// Where they are.
        path: PathBuf,
        /// What is wrong.
        said: String,
    },
    /// AWS, the metadata service or the engine refused.
    #[error(transparent)]
    Plane(#[from] crate::planes::Error),
    /// The machine is not what a host can be made of, or not yet.
    #[error("{0}")]
    Unfit(String),
}

/// A result of a step.
pub type Result<T> = std::result::Result<T, Error>;
