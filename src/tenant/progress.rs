//! How far a backup or a restore is, for whoever looks at it meanwhile; and whether that one wants it to stop.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long nothing may move. One statement of an archive makes a large index in less.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// What is being done, and how many bytes of it are. Cheap to clone; clones are the same.
#[derive(Debug, Clone)]
pub struct Progress(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    what: Mutex<String>,
    bytes: AtomicU64,
    moves: AtomicU64,
    asked: AtomicU32,
    patience: Duration,
}

impl Default for Progress {
    fn default() -> Self {
        Self::patient(PATIENCE)
    }
}

impl Progress {
    /// Work that is ended when nothing moves for so long.
    #[must_use]
    pub fn patient(patience: Duration) -> Self {
        Self(Arc::new(Shared {
            what: Mutex::default(),
            bytes: AtomicU64::new(0),
            moves: AtomicU64::new(0),
            asked: AtomicU32::new(0),
            patience,
        }))
    }

    /// A part of the work begins.
    pub fn begin(&self, what: &str) {
        what.clone_into(&mut self.0.what.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.bytes.store(0, Ordering::Relaxed);
        self.moves();
    }

    /// So many bytes more.
    pub fn add(&self, bytes: usize) {
        self.0.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.moves();
    }

    /// It goes on, also where no bytes are counted.
    pub(super) fn moves(&self) {
        self.0.moves.fetch_add(1, Ordering::Relaxed);
    }

    /// Changes as long as it goes on.
    pub(super) fn moved(&self) -> u64 {
        self.0.moves.load(Ordering::Relaxed)
    }

    /// The part that is under way, and its bytes so far.
    #[must_use]
    pub fn now(&self) -> (String, u64) {
        (self.0.what.lock().unwrap_or_else(PoisonError::into_inner).clone(), self.0.bytes.load(Ordering::Relaxed))
    }

    /// Asks the work to stop, and answers how often that was asked by now: at the first time it ends, and a restore brings back what was there before; at
    /// the second it leaves that too.
    pub fn stop(&self) -> u32 {
        self.0.asked.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// How often it was asked to stop.
    #[must_use]
    pub fn asked(&self) -> u32 {
        self.0.asked.load(Ordering::Relaxed)
    }

    pub(super) fn patience(&self) -> Duration {
        self.0.patience
    }
}
