//! The record against a real folder, real processes and an S3 that we did not write.

#[path = "record/support.rs"]
mod support;

#[path = "record/bucket.rs"]
mod bucket;
#[path = "record/history.rs"]
mod history;
#[path = "record/journal.rs"]
mod journal;
#[path = "record/lease.rs"]
mod lease;
#[path = "record/plans.rs"]
mod plans;
#[path = "record/processes.rs"]
mod processes;
#[path = "record/tamper.rs"]
mod tamper;
