//! A piece of work on one resource that is no action of a plan: in the journal from before it begins until after it ended.

use super::{Error, Held, Session};
use crate::apply::class;
use crate::model::Address;
use crate::model::plan::Verb;
use crate::planes::{self, Class, Planes};
use crate::record::{self, Attempt, RunEnd, RunStart, Tally};

impl Session {
    /// Does `work` under the lease, and writes down that it was tried and what came of it.
    ///
    /// # Errors
    /// What `work` answered; when the journal cannot be written, before which nothing was done.
    pub async fn task<T>(
        &self,
        held: &Held,
        (address, step): (&Address, &str),
        command: &str,
        work: impl AsyncFnOnce(&Planes) -> planes::Result<T>,
    ) -> Result<T, Error> {
        let planes = self.gated(held);
        let loaded = held.record.history().await?;
        let start = RunStart { plan: String::new(), who: self.connection.caller.clone(), commit: None, command: command.to_owned() };
        let journal = held.record.begin(loaded.history, start).await?;
        let (verb, step) = (Verb::Update, step.to_owned());
        journal.attempt(Attempt { address: address.clone(), verb, step: step.clone(), token: None }).await?;
        let done = work(&planes).await;
        let outcome = match &done {
            Ok(_) => record::Outcome::Ok { id: None, applied: None, gone: false },
            Err(error) => record::Outcome::Failed {
                class: class(error.class).to_owned(),
                message: error.to_string(),
                unknown: error.class == Class::Ambiguous,
            },
        };
        journal.append(vec![record::Event::Result { address: address.clone(), verb, step, unmarked: None, outcome }]).await?;
        let ok = u64::from(done.is_ok());
        let tally = Tally { done: ok, failed: 1 - ok, ..Tally::default() };
        journal.finish(RunEnd { exit_code: i32::from(done.is_err()), interrupted: false, tally }).await?;
        Ok(done?)
    }
}
