//! The lease: one writer at a time, taken and renewed by conditional writes, and lost in time to stop.
//!
//! Two clocks never agree, so the two sides round in opposite directions: the holder counts from before each renewal
//! was sent (on its wall clock and on its monotonic one, whichever leaves less), and a taker waits a grace longer than
//! the lease says. A lease that is given back is not deleted but marked so: who last held it stays readable.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::heart::{GiveBack, Heart, Span};
use super::lease_file::{LeaseFile, Owner, Released};
use super::store::{Object, Put, Store};
use super::{Clock, RecordError, canonical};
use crate::planes::aws::gate::{Gate, May};

/// How often a write that somebody else's crossed is tried anew.
pub(super) const TRIES: usize = 8;

/// What a lease is on. They know nothing of each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Lock {
    /// The estate and its journal: who holds it may change them.
    #[default]
    Stack,
    /// Waking tenants and putting them to rest: one of all hosts does so.
    Edge,
    /// Restore drills, which last for hours and change nothing of the estate: one at a time, while others apply.
    Drill,
    /// The reconcile loop: of several instances one does what it does, and holds this for as long as it runs. It applies under the stack's lease like
    /// everybody else.
    Loop,
}

impl Lock {
    /// Where its lease is.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Stack => "lease.json",
            Self::Edge => "loop/edge.json",
            Self::Drill => "drills/lease.json",
            Self::Loop => "loop/reconcile.json",
        }
    }

    fn held(self, holder: LeaseFile) -> RecordError {
        match self {
            Self::Stack => RecordError::Held(Box::new(holder)),
            Self::Edge => RecordError::Led(Box::new(holder)),
            Self::Drill => RecordError::Drilling(Box::new(holder)),
            Self::Loop => RecordError::Leading(Box::new(holder)),
        }
    }
}

/// How long a lease lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// From one renewal until it ends.
    pub lasts: Duration,
    /// From one renewal to the next.
    pub renew_every: Duration,
    /// How long one renewal may take. One that is not answered by then is sent again.
    pub answer: Duration,
    /// How much longer than it lasts another process waits before it takes over: more than two clocks differ.
    pub grace: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        let (lasts, renew_every) = (Duration::from_secs(60), Duration::from_secs(15));
        Self { lasts, renew_every, answer: Duration::from_secs(15), grace: Duration::from_secs(10) }
    }
}

/// Why a lease was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// It could not be renewed in time; the last error is named.
    Expired(String),
    /// Someone else took it over.
    Taken(Box<LeaseFile>),
    /// Someone released it with `reeve unlock`.
    Unlocked(String),
    /// The lease's object is gone or unreadable.
    Gone,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired(why) => write!(f, "it could not be renewed in time ({why})"),
            Self::Taken(by) => write!(f, "it was taken over by {}", by.describe()),
            Self::Unlocked(by) => write!(f, "{by} released it with `reeve unlock`"),
            Self::Gone => f.write_str("its object is gone from the record"),
        }
    }
}

impl Lost {
    /// What is said of a change that was therefore not sent, or not sent again.
    #[must_use]
    pub fn unsent(&self) -> String {
        format!(
            "the lease was lost: {self}. So this was not sent (again): make sure that nobody else applies, then run the same command again"
        )
    }
}

/// What `unlock` found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unlocked {
    /// Nobody held the lease.
    Nothing,
    /// It was taken from this holder.
    Removed(Box<LeaseFile>),
    /// What lay there could not be read; it was replaced.
    Damaged,
}

/// A lease that is held. A task renews it until it is released or dropped; dropped without release, it just expires,
/// as after a crash.
#[derive(Debug)]
pub struct Lease {
    span: watch::Receiver<Span>,
    lost: watch::Receiver<Option<Lost>>,
    clock: Clock,
    stop: Option<oneshot::Sender<GiveBack>>,
    heart: JoinHandle<()>,
    file: LeaseFile,
}

impl Lease {
    /// See [`super::Record::acquire`].
    pub(super) async fn acquire(store: &Store, clock: &Clock, terms: Terms, lock: Lock, owner: &Owner) -> Result<Self, RecordError> {
        let mut file = LeaseFile::new(owner, clock.now(), clock.now());
        for _ in 0..TRIES {
            let seen = store.get(lock.key()).await?;
            if let Some(holder) = seen.as_ref().map(|object| parse(store, lock, object)).transpose()?
                && !is_free(&holder, clock, terms)
            {
                return Err(lock.held(holder));
            }
            let until = file.renew(clock, terms);
            let put = match &seen {
                None => store.put_new(lock.key(), canonical(&file)?).await?,
                Some(object) => store.put_over(lock.key(), canonical(&file)?, &object.version).await?,
            };
            if let Put::Written(version) = put {
                return Ok(Self::start(Heart { store: store.clone(), clock: clock.clone(), terms, lock, file, version }, until));
            }
        }
        // Others wrote all the time: whoever is there now has it.
        match store.get(lock.key()).await? {
            Some(object) => Err(lock.held(parse(store, lock, &object)?)),
            None => Err(RecordError::LeaseLost(Lost::Gone)),
        }
    }

    fn start(heart: Heart, until: Span) -> Self {
        let (span_in, span) = watch::channel(until);
        let (lost_in, lost) = watch::channel(None);
        let (stop, stopped) = oneshot::channel();
        let (clock, file) = (heart.clock.clone(), heart.file.clone());
        let heart = tokio::spawn(heart.beat(span_in, lost_in, stopped));
        Self { span, lost, clock, stop: Some(stop), heart, file }
    }

    /// The lease as others see it (but for its renewals).
    #[must_use]
    pub fn file(&self) -> &LeaseFile {
        &self.file
    }

    /// How long it surely lasts still; zero once it is lost.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        if self.lost.borrow().is_some() { Duration::ZERO } else { self.span.borrow().remaining(&self.clock) }
    }

    /// Whether a call that may take `longest` can start and still end within the lease.
    #[must_use]
    pub fn covers(&self, longest: Duration) -> bool {
        self.remaining() > longest
    }

    /// Asked before each attempt of a call that may take `longest`: it is open while the lease covers that, and shut for good once the lease
    /// is lost or given back.
    #[must_use]
    pub fn gate(&self, longest: Duration) -> Gate {
        let (span, lost, clock) = (self.span.clone(), self.lost.clone(), self.clock.clone());
        Gate::new(move || {
            if let Some(why) = &*lost.borrow() {
                May::Never(why.unsent())
            } else if lost.has_changed().is_err() {
                May::Never("the lease was given back already, so this was not sent".to_owned())
            } else if span.borrow().remaining(&clock) > longest {
                May::Send
            } else {
                May::NotYet
            }
        })
    }

    /// Turns to the reason once the lease is lost. Nothing new may be started then.
    #[must_use]
    pub fn lost(&self) -> watch::Receiver<Option<Lost>> {
        self.lost.clone()
    }

    /// [`RecordError::LeaseLost`] once it is lost.
    ///
    /// # Errors
    /// When the lease is lost.
    pub fn check(&self) -> Result<(), RecordError> {
        match &*self.lost.borrow() {
            Some(lost) => Err(RecordError::LeaseLost(lost.clone())),
            None => Ok(()),
        }
    }

    /// Gives the lease back. One that was lost meanwhile is left to whoever has it.
    ///
    /// # Errors
    /// What the store answered; the lease then ends by itself.
    pub async fn release(mut self) -> Result<(), RecordError> {
        let (answer_in, answer) = oneshot::channel();
        let asked = self.stop.take().is_some_and(|stop| stop.send(answer_in).is_ok());
        // A heart that has stopped had lost the lease.
        if asked { answer.await.unwrap_or(Ok(())) } else { Ok(()) }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.heart.abort();
    }
}

fn is_free(lease: &LeaseFile, clock: &Clock, terms: Terms) -> bool {
    lease.released.is_some() || clock.now() > later(lease.expires, terms.grace)
}

/// `time` plus `more`; at the end of time, that.
pub(super) fn later(time: Timestamp, more: Duration) -> Timestamp {
    time.saturating_add(more).unwrap_or(Timestamp::MAX)
}

pub(super) fn parse(store: &Store, lock: Lock, object: &Object) -> Result<LeaseFile, RecordError> {
    serde_json::from_slice(&object.body).map_err(|error| RecordError::Damaged {
        place: store.place(lock.key()),
        why: error.to_string(),
        hint: match lock {
            Lock::Stack => "Make sure that nobody applies to this stack, then `reeve unlock DIR`",
            Lock::Edge => "Delete it: whoever runs takes it anew",
            Lock::Drill => "Make sure that no restore drill goes on, then `reeve unlock DIR --drill`",
            Lock::Loop => "Make sure that no `reeve run` goes on, then `reeve unlock DIR --loop`",
        },
    })
}

/// See [`super::Record::holder`].
pub(super) async fn holder(store: &Store, clock: &Clock, terms: Terms, lock: Lock) -> Result<Option<LeaseFile>, RecordError> {
    let Some(object) = store.get(lock.key()).await? else { return Ok(None) };
    Ok(Some(parse(store, lock, &object)?).filter(|lease| !is_free(lease, clock, terms)))
}

/// See [`super::Record::unlock`].
pub(super) async fn unlock(store: &Store, clock: &Clock, lock: Lock, by: &str) -> Result<Unlocked, RecordError> {
    let released = || Some(Released { at: clock.now(), forced_by: Some(by.to_owned()) });
    loop {
        let Some(object) = store.get(lock.key()).await? else { return Ok(Unlocked::Nothing) };
        let (mut file, found) = match parse(store, lock, &object) {
            Ok(file) if file.released.is_some() => return Ok(Unlocked::Nothing),
            Ok(file) => (file.clone(), Unlocked::Removed(Box::new(file))),
            Err(_) => {
                let owner = Owner { who: by.to_owned(), command: "unlock".to_owned() };
                (LeaseFile::new(&owner, clock.now(), clock.now()), Unlocked::Damaged)
            }
        };
        file.released = released();
        // Refused: its holder renewed it at this very moment.
        if let Put::Written(_) = store.put_over(lock.key(), canonical(&file)?, &object.version).await? {
            return Ok(found);
        }
    }
}
