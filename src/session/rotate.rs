//! Another value for a secret. What uses it sees another fingerprint, and the next apply moves it.

use super::{Error, Held, Session};
use crate::apply::class;
use crate::kinds::Kind;
use crate::kinds::aws::parameter::{Parameter, rotate};
use crate::model::Address;
use crate::model::plan::Verb;
use crate::planes::Class;
use crate::record::{self, Attempt, RunEnd, RunStart, Tally};

impl Session {
    /// Writes another value into the parameter at `address`, and answers its fingerprint.
    ///
    /// # Errors
    /// When it is not there, or what the record or AWS answered.
    pub async fn rotate(&self, held: &Held, address: &Address, command: &str) -> Result<String, Error> {
        let planes = self.gated(held);
        let live = Parameter::fetch(&planes.aws).await?;
        let id = live.into_iter().find(|one| one.marks.address.as_ref() == Some(address)).map(|one| one.id);
        let id = id.ok_or_else(|| crate::planes::Error::not_found("ssm.DescribeParameters", address.as_str()))?;
        let loaded = held.record.history().await?;
        let start = RunStart { plan: String::new(), who: self.connection.caller.clone(), commit: None, command: command.to_owned() };
        let journal = held.record.begin(loaded.history, start).await?;
        let step = "rotate".to_owned();
        journal.attempt(Attempt { address: address.clone(), verb: Verb::Update, step: step.clone(), token: None }).await?;
        let rotated = rotate(&planes.aws, &id).await;
        let outcome = match &rotated {
            Ok(_) => record::Outcome::Ok { id: Some(id), applied: None, gone: false },
            Err(error) => record::Outcome::Failed {
                class: class(error.class).to_owned(),
                message: error.to_string(),
                unknown: error.class == Class::Ambiguous,
            },
        };
        let result = record::Event::Result { address: address.clone(), verb: Verb::Update, step, unmarked: None, outcome };
        journal.append(vec![result]).await?;
        let done = u64::from(rotated.is_ok());
        let tally = Tally { done, failed: 1 - done, ..Tally::default() };
        journal.finish(RunEnd { exit_code: i32::from(rotated.is_err()), interrupted: false, tally }).await?;
        Ok(rotated?)
    }
}
