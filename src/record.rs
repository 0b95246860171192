//! The stack's record: who works on it now (lease), what was done (journal), what each address was last made of
//! (history), and the plans that were applied. It lives in a local folder or in the stack's own bucket, and is no
//! state file: losing it costs labels and the audit trail, never the estate.
//!
//! ```text
//! lease.json                    one writer at a time
//! journal/<run>/<sequence>.json what was tried and what came of it, hash-chained, never overwritten
//! history.json                  address -> mark last applied, folded from the journal
//! applied/<digest>.json         saved plans that were applied
//! drills/...                    restore drills of the database and the file system, and the lease that one runs under
//! loop/edges/<instance>.json     when tenants were last used on each host
//! loop/reconcile.json           which instance of the loop leads
//! held/<digest>.json            plans of the loop that wait for a person; held.json names the one that waits now
//! notices.json                  what people were told of the loop
//! tenants/<name>/...            backups of a tenant, and restores that showed that they can be read
//! ```

mod applied;
mod bucket;
mod clock;
mod digest;
mod drills;
mod durable;
mod edges;
mod entry;
mod error;
mod heart;
mod held;
mod history;
mod journal;
mod lease;
mod lease_file;
mod local;
mod location;
mod plan_file;
mod s3;
mod store;
mod tenants;
mod verify;

pub use applied::AppliedPlan;
pub use bucket::{Bucket, RECORD_TAG};
pub use clock::Clock;
pub use digest::{canonical, sha256};
pub use edges::Edge;
pub use entry::{Attempt, Batch, DROP, Entry, Event, FORMAT_VERSION, Outcome, RunEnd, RunStart, Tally};
pub use error::RecordError;
pub use held::HeldPlan;
pub use history::{Head, History, Loaded, Unmarked};
pub use journal::{Journal, Pending};
pub use lease::{Lease, Lock, Lost, Terms, Unlocked};
pub use lease_file::{LeaseFile, Owner, Released, host};
pub use local::LocalFolder;
pub use location::Location;
pub use plan_file::{SavedPlan, plan_digest, plan_path, read_plan, seal_plan, write_plan};
pub use s3::S3Bucket;
pub use store::{Object, Put, Store, Version};
pub use tenants::{Backup, Drill};
pub use verify::{Problem, RunSummary, Verified};

use crate::planes::Aws;

/// A stack's record, opened. Opening writes nothing and asks nothing: a record that does not exist yet reads as empty.
#[derive(Debug, Clone)]
pub struct Record {
    store: Store,
    clock: Clock,
    terms: Terms,
    lock: Lock,
}

impl Record {
    /// The record in `store`, with the system's clock and the usual lease of a minute.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store, clock: Clock::system(), terms: Terms::default(), lock: Lock::default() }
    }

    /// A stack's record, for reading: makes no call and nothing else.
    #[must_use]
    pub fn open(location: &Location, aws: &Aws) -> Self {
        Self::new(match location {
            Location::Local(folder) => Store::Local(LocalFolder::new(folder.clone())),
            Location::S3 => Store::S3(Bucket::of(&aws.estate).open(aws.s3.clone())),
        })
    }

    /// A stack's record, for applying: the first time, its bucket is made. (A folder is made by its first write.)
    ///
    /// # Errors
    /// [`RecordError::ForeignBucket`] when the bucket's name is taken by anybody else; [`RecordError::S3`].
    pub async fn prepare(location: &Location, aws: &Aws) -> Result<Self, RecordError> {
        if *location == Location::S3 {
            Bucket::of(&aws.estate).ensure(&aws.s3).await?;
        }
        Ok(Self::open(location, aws))
    }

    /// The same record with another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The same record with other lease times.
    #[must_use]
    pub fn with_terms(mut self, terms: Terms) -> Self {
        self.terms = terms;
        self
    }

    /// The same record, whose lease is that on `lock`.
    #[must_use]
    pub fn with_lock(mut self, lock: Lock) -> Self {
        self.lock = lock;
        self
    }

    /// Where the record is kept.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Takes the lease: from here on nobody else applies to this stack.
    ///
    /// # Errors
    /// [`RecordError::Held`] when someone else has it; else what the store answered.
    pub async fn acquire(&self, owner: &Owner) -> Result<Lease, RecordError> {
        Lease::acquire(&self.store, &self.clock, self.terms, self.lock, owner).await
    }

    /// Who holds the lease at the moment, if anybody does.
    ///
    /// # Errors
    /// What the store answered, or a lease that cannot be read.
    pub async fn holder(&self) -> Result<Option<LeaseFile>, RecordError> {
        lease::holder(&self.store, &self.clock, self.terms, self.lock).await
    }

    /// Takes the lease from whoever holds it, by force; `by` says who did it.
    ///
    /// # Errors
    /// What the store answered.
    pub async fn unlock(&self, by: &str) -> Result<Unlocked, RecordError> {
        lease::unlock(&self.store, &self.clock, self.lock, by).await
    }

    /// What was last applied to each address, and what a crashed run left open: one read and one listing.
    ///
    /// # Errors
    /// What the store answered. A missing or damaged history is not an error but a warning.
    pub async fn history(&self) -> Result<Loaded, RecordError> {
        history::load(&self.store).await
    }

    /// Begins a run: its first entry is durable when this returns. Only the holder of the lease may.
    ///
    /// # Errors
    /// What the store answered.
    pub async fn begin(&self, history: History, start: RunStart) -> Result<Journal, RecordError> {
        Journal::begin(self.store.clone(), self.clock.clone(), history, start).await
    }

    /// Reads the whole journal, checks its chain and sums its runs up.
    ///
    /// # Errors
    /// What the store answered; what is wrong with the journal is in the result.
    pub async fn verify(&self) -> Result<Verified, RecordError> {
        verify::verify(&self.store).await
    }

    /// Remembers that the saved plan with this digest is being applied by `run`.
    ///
    /// # Errors
    /// [`RecordError::AlreadyApplied`] when it was remembered before.
    pub async fn mark_plan_applied(&self, digest: &str, run: &str) -> Result<(), RecordError> {
        applied::mark(&self.store, &self.clock, digest, run).await
    }

    /// Remembers that nothing came of it: no step of the plan was done by `run`, which applied it. It may be applied again.
    ///
    /// # Errors
    /// What the store answered, or a note that cannot be read.
    pub async fn was_in_vain(&self, digest: &str, run: &str) -> Result<(), RecordError> {
        applied::in_vain(&self.store, digest, run).await
    }

    /// Makes `plan` the one that waits for a person, with what of it waits in words; `None`: none does. Nothing is written where it is so
    /// already.
    ///
    /// # Errors
    /// What the store answered.
    pub async fn hold_plan(&self, plan: Option<(&SavedPlan, Vec<String>)>) -> Result<(), RecordError> {
        held::hold(&self.store, &self.clock, plan).await
    }

    /// Which plan waits for a person, if one does.
    ///
    /// # Errors
    /// What the store answered, or a note that cannot be read.
    pub async fn held_plan(&self) -> Result<Option<HeldPlan>, RecordError> {
        held::held(&self.store).await
    }

    /// The text of a plan that waits, as [`write_plan`] would write it.
    ///
    /// # Errors
    /// What the store answered, or that it is not there.
    pub async fn held_plan_text(&self, digest: &str) -> Result<Vec<u8>, RecordError> {
        held::plan(&self.store, digest).await
    }

    /// The run that applied the saved plan with this digest, if one did.
    ///
    /// # Errors
    /// What the store answered, or a note that cannot be read.
    pub async fn was_applied(&self, digest: &str) -> Result<Option<AppliedPlan>, RecordError> {
        applied::find(&self.store, digest).await
    }
}
