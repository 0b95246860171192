//! How far a backup or a restore is, for whoever looks at it meanwhile.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What is being done, and how many bytes of it are. Cheap to clone; clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<(Mutex<String>, AtomicU64)>);

impl Progress {
    /// A part of the work begins.
    pub fn begin(&self, what: &str) {
        what.clone_into(&mut self.0.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.1.store(0, Ordering::Relaxed);
    }

    /// So many bytes more.
    pub fn add(&self, bytes: usize) {
        self.0.1.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// The part that is under way, and its bytes so far.
    #[must_use]
    pub fn now(&self) -> (String, u64) {
        (self.0.0.lock().unwrap_or_else(PoisonError::into_inner).clone(), self.0.1.load(Ordering::Relaxed))
    }
}
