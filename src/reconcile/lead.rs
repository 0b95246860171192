//! Exactly one of several instances does what the loop does: who holds the lead's lease. The others ask for it every few seconds.

use std::time::{Duration, Instant};

use tracing::{info, warn};

use crate::apply::LONGEST_CALL;
use crate::record::{Lease, Lock, Record, RecordError};
use crate::session::{Error, Session};

/// How often one that does not lead asks.
const ASKS: Duration = Duration::from_secs(5);

/// The lead, or the wish for it.
#[derive(Debug, Default)]
pub(super) struct Lead {
    lease: Option<Lease>,
    /// The record, made where it did not exist.
    record: Option<Record>,
    asked: Option<Instant>,
    /// Who was last said to lead.
    leader: String,
}

impl Lead {
    pub(super) fn lease(&self) -> Option<&Lease> {
        self.lease.as_ref()
    }

    /// The record, once it was asked for the lead.
    pub(super) fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    pub(super) fn is_held(&self) -> bool {
        self.lease.is_some()
    }

    /// Sees whether the lead is still held, and asks for it where it is not. Each change of `session` asks the lead's lease from then on.
    pub(super) async fn look(&mut self, session: &mut Session, line: &str) -> Result<(), Error> {
        if let Some(Err(error)) = self.lease.as_ref().map(Lease::check) {
            warn!("this instance does not lead any more: {error}");
            self.lease = None;
        }
        if self.lease.is_some() || self.asked.is_some_and(|asked| asked.elapsed() < ASKS) {
            return Ok(());
        }
        self.asked = Some(Instant::now());
        let record = match &self.record {
            Some(record) => record.clone(),
            None => self.record.insert(session.prepared(Lock::Loop).await?).clone(),
        };
        match record.acquire(&session.owner(line)).await {
            Ok(lease) => {
                info!("this instance leads");
                session.ask_also(Some(lease.gate(LONGEST_CALL)));
                self.leader.clear();
                self.lease = Some(lease);
                Ok(())
            }
            Err(RecordError::Leading(holder)) => {
                if self.leader != holder.id {
                    info!("standing by: {} leads", holder.describe());
                    self.leader.clone_from(&holder.id);
                }
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Gives the lead back.
    pub(super) async fn give_up(&mut self, session: &mut Session) -> Result<(), Error> {
        session.ask_also(None);
        self.record = None;
        match self.lease.take() {
            Some(lease) => Ok(lease.release().await?),
            None => Ok(()),
        }
    }
}
