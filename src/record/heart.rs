//! The heartbeat of a lease: the task that renews it in time, finds out when it is lost, and gives it back.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{oneshot, watch};

use super::lease::{Lock, Lost, TRIES, Terms, later, parse};
use super::lease_file::{LeaseFile, Released};
use super::store::{Put, Store, Version};
use super::{Clock, RecordError, canonical};

/// The question to give the lease back, and where to answer it.
pub(super) type GiveBack = oneshot::Sender<Result<(), RecordError>>;

/// Until when the lease surely lasts, by both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    wall: Timestamp,
    monotonic: Instant,
}

/// The task that renews a lease.
pub(super) struct Heart {
    pub store: Store,
    pub clock: Clock,
    pub terms: Terms,
    pub lock: Lock,
    pub file: LeaseFile,
    pub version: Version,
}

/// What a renewal came to.
enum Beat {
    Renewed(Span),
    /// An earlier renewal of ours, whose answer came too late, was written after all.
    Again,
    Lost(Lost),
}

impl Heart {
    pub(super) async fn beat(
        mut self,
        span: watch::Sender<Span>,
        lost: watch::Sender<Option<Lost>>,
        mut stop: oneshot::Receiver<GiveBack>,
    ) {
        let mut trouble = String::from("the process was held up");
        let mut pause = self.terms.renew_every;
        let reason = loop {
            tokio::select! {
                asked = &mut stop => {
                    if let Ok(answer) = asked {
                        // Whoever asked may have gone away; the lease is given back all the same.
                        let _ = answer.send(self.give_back().await);
                    }
                    return;
                }
                () = tokio::time::sleep(pause) => {}
            }
            let left = span.borrow().remaining(&self.clock);
            if left.is_zero() {
                break Lost::Expired(trouble);
            }
            match tokio::time::timeout(left.min(self.terms.answer), self.renew()).await {
                Ok(Ok(Beat::Renewed(until))) => {
                    span.send_replace(until);
                    pause = self.terms.renew_every;
                }
                Ok(Ok(Beat::Again)) => pause = Duration::ZERO,
                Ok(Ok(Beat::Lost(reason))) => break reason,
                Ok(Err(error)) => {
                    trouble = error.to_string();
                    pause = (self.terms.renew_every / 5).min(left);
                }
                Err(_) => {
                    trouble = String::from("the record did not answer");
                    pause = Duration::ZERO;
                }
            }
        };
        lost.send_replace(Some(reason));
    }

    async fn renew(&mut self) -> Result<Beat, RecordError> {
        let until = self.file.renew(&self.clock, self.terms);
        match self.store.put_over(self.lock.key(), canonical(&self.file)?, &self.version).await? {
            Put::Written(version) => {
                self.version = version;
                Ok(Beat::Renewed(until))
            }
            Put::Refused => self.find_out().await,
        }
    }

    /// The lease is not as we left it: an earlier renewal of ours came through late, or it is ours no more.
    async fn find_out(&mut self) -> Result<Beat, RecordError> {
        let Some(object) = self.store.get(self.lock.key()).await? else { return Ok(Beat::Lost(Lost::Gone)) };
        let Ok(there) = parse(&self.store, self.lock, &object) else { return Ok(Beat::Lost(Lost::Gone)) };
        if there.id != self.file.id {
            return Ok(Beat::Lost(Lost::Taken(Box::new(there))));
        }
        if let Some(released) = there.released {
            return Ok(Beat::Lost(Lost::Unlocked(released.forced_by.unwrap_or_else(|| "somebody".to_owned()))));
        }
        self.version = object.version;
        Ok(Beat::Again)
    }

    async fn give_back(&mut self) -> Result<(), RecordError> {
        self.file.released = Some(Released { at: self.clock.now(), forced_by: None });
        for _ in 0..TRIES {
            if let Put::Written(_) = self.store.put_over(self.lock.key(), canonical(&self.file)?, &self.version).await? {
                break;
            }
            if !matches!(self.find_out().await?, Beat::Again) {
                break;
            }
        }
        Ok(())
    }
}

impl LeaseFile {
    /// Counts from now, that is from before the renewal is sent.
    pub(super) fn renew(&mut self, clock: &Clock, terms: Terms) -> Span {
        let now = clock.now();
        self.renewed = now;
        self.expires = later(now, terms.lasts);
        Span { wall: self.expires, monotonic: Instant::now() + terms.lasts }
    }
}

impl Span {
    pub(super) fn remaining(&self, clock: &Clock) -> Duration {
        let wall = Duration::try_from(self.wall.duration_since(clock.now())).unwrap_or_default();
        wall.min(self.monotonic.saturating_duration_since(Instant::now()))
    }
}
