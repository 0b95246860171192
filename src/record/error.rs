//! What can go wrong with a record, each with what to do about it.

use std::path::PathBuf;

use super::applied::AppliedPlan;
use super::lease_file::LeaseFile;

/// An error of the record. Never carries what was to be written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RecordError {
    /// Someone else holds the lease.
    #[error("the stack is locked by {}. Wait until it is done; if that process is surely dead, `reeve unlock DIR` releases it", .0.describe())]
    Held(Box<LeaseFile>),
    /// Another host wakes tenants and puts them to rest.
    #[error("another edge leads: {}", .0.describe())]
    Led(Box<LeaseFile>),
    /// Another restore drill goes on.
    #[error("a restore drill goes on, by {}. Wait until it is done; if that process is surely dead, `reeve unlock DIR --drill` lets another begin", .0.describe())]
    Drilling(Box<LeaseFile>),
    /// Another instance of the loop leads.
    #[error("another instance leads, {}. This one stands by; if that process is surely dead, `reeve unlock DIR --loop` lets this one lead", .0.describe())]
    Leading(Box<LeaseFile>),
    /// The saved plan was applied before.
    #[error("this plan was already applied by run {} at {}: make a new one", .0.run, .0.at)]
    AlreadyApplied(Box<AppliedPlan>),
    /// The lease was lost while work went on.
    #[error(
        "the lease on the stack was lost: {0}. What was running was finished or named; nothing new was started. Run the same command again"
    )]
    LeaseLost(super::lease::Lost),
    /// A file could not be read or written.
    #[error("cannot {verb} {}: {why}", path.display())]
    File {
        /// What was tried, such as `write`.
        verb: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// S3 refused or did not answer.
    #[error("{call} on {place} failed: {why}{hint}")]
    S3 {
        /// The call.
        call: &'static str,
        /// Bucket and key.
        place: String,
        /// Error code and message.
        why: String,
        /// What to do, or nothing.
        hint: &'static str,
    },
    /// The bucket's name is taken by somebody who is not this stack.
    #[error("the bucket {bucket} is not this stack's record: {why}. Nothing was written to it; {hint}")]
    ForeignBucket {
        /// The bucket.
        bucket: String,
        /// What shows it.
        why: String,
        /// What to do.
        hint: &'static str,
    },
    /// Something in the record cannot be understood.
    #[error("{place} is damaged: {why}. {hint}")]
    Damaged {
        /// Where it is.
        place: String,
        /// What is wrong with it.
        why: String,
        /// What to do.
        hint: &'static str,
    },
    /// The journal cannot be written any more, so nothing may be done any more.
    #[error("the journal of run {run} cannot be written, so no further step was started: {why}")]
    JournalStopped {
        /// The run.
        run: String,
        /// The first failure.
        why: String,
    },
    /// A saved plan is not what reeve wrote.
    #[error("{} is not a plan as reeve wrote it: {why}. Make a new one with `reeve plan DIR --out FILE`", path.display())]
    Plan {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A document that canonical JSON cannot hold exactly.
    #[error("this document has no canonical form: {why}")]
    NotCanonical {
        /// Why.
        why: String,
    },
    /// A setting of the record that cannot be used.
    #[error("`record: {text}` {why}")]
    Setting {
        /// What was written.
        text: String,
        /// What is wrong and what to write instead.
        why: &'static str,
    },
}

impl RecordError {
    /// An error of the file system.
    pub(super) fn file(verb: &'static str, path: &std::path::Path, why: &std::io::Error) -> Self {
        Self::File { verb, path: path.to_owned(), why: why.to_string() }
    }
}
