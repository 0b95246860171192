//! How to have back what AWS is going to delete.

use crate::kinds::lookup;
use crate::model::runbook::DELETION_SCHEDULED;

/// The hint of how to have back what AWS is going to delete.
pub(super) fn reprieve(kind: &str, id: &str) -> String {
    let command = lookup(kind).map(|row| row.reprieve.replace("ID", id)).unwrap_or_default();
    format!("have it back while it is there: {command} (see {DELETION_SCHEDULED})")
}
