//! A piece of work on one resource that is no action of a plan: in the journal from before it begins until after it ended.

use super::{Error, Held, Session};
use crate::apply::class;
use crate::model::Address;
use crate::model::plan::Verb;
use crate::planes::{self, Class, Planes};
use crate::record::{self, Attempt, RunEnd, RunStart, Tally};

/// What the journal says of such work.
pub(super) struct Noted<'a> {
    /// What it is done to.
    pub address: &'a Address,
    /// The live object's id, where it is known.
    pub id: Option<&'a str>,
    /// What sort of change it is.
    pub verb: Verb,
    /// What it is called.
    pub step: &'a str,
}

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
        self.noted(held, Noted { address, id: None, verb: Verb::Update, step }, command, work).await
    }

    /// The same, for who has more to say of it.
    pub(super) async fn noted<T>(
        &self,
        held: &Held,
        Noted { address, id, verb, step }: Noted<'_>,
        command: &str,
        work: impl AsyncFnOnce(&Planes) -> planes::Result<T>,
    ) -> Result<T, Error> {
        let planes = self.gated(held);
        let loaded = held.record.history().await?;
        let start = RunStart { plan: String::new(), who: self.connection.caller.clone(), commit: None, command: command.to_owned() };
        let journal = held.record.begin(loaded.history, start).await?;
        journal.attempt(Attempt { address: address.clone(), verb, step: step.to_owned(), token: None }).await?;
        let done = work(&planes).await;
        let outcome = match &done {
            Ok(_) => record::Outcome::Ok { id: id.map(str::to_owned), applied: None, gone: false },
            Err(error) => record::Outcome::Failed {
                class: class(error.class).to_owned(),
                message: error.to_string(),
                unknown: error.class == Class::Ambiguous,
            },
        };
        let result = record::Event::Result { address: address.clone(), verb, step: step.to_owned(), unmarked: None, outcome };
        journal.append(vec![result]).await?;
        let ok = u64::from(done.is_ok());
        let tally = Tally { done: ok, failed: 1 - ok, ..Tally::default() };
        journal.finish(RunEnd { exit_code: i32::from(done.is_err()), tally, ..RunEnd::default() }).await?;
        Ok(done?)
    }
}
