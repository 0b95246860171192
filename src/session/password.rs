//! The first administrator's password of a tenant: made of its secret, handed to a person once.

use super::{Error, Held, Session};
use crate::apply::class;
use crate::kinds::Kind;
use crate::kinds::aws::parameter::{Delivery, Parameter, deliver, delivery};
use crate::model::plan::Verb;
use crate::model::{Address, Secret};
use crate::record::{self, Attempt, RunEnd, RunStart, Tally};

/// The field of the tenant's credentials that the password is made for.
const FIELD: &str = "admin_password";

/// What came of asking for it.
#[derive(Debug)]
pub enum Password {
    /// Here it is. It is written down that it was handed out.
    Here(Secret),
    /// It was handed out at that time.
    Given(String),
    /// The secret was rotated since: nobody knows it any more.
    Rotated,
}

impl Session {
    /// The first administrator's password that is made of the secret at `address`; once, unless `again`.
    ///
    /// # Errors
    /// When the secret is not there, or what the record or AWS answered.
    pub async fn first_password(&self, held: &Held, address: &Address, again: bool, command: &str) -> Result<Password, Error> {
        let planes = self.gated(held);
        let live = Parameter::fetch(&planes.aws).await?;
        let id = live.into_iter().find(|one| one.marks.address.as_ref() == Some(address)).map(|one| one.id);
        let id = id.ok_or_else(|| crate::planes::Error::not_found("ssm.DescribeParameters", address.as_str()))?;
        match delivery(&planes.aws, &id).await? {
            Delivery::Rotated => return Ok(Password::Rotated),
            Delivery::Done(at) if !again => return Ok(Password::Given(at)),
            _ => {}
        }
        let loaded = held.record.history().await?;
        let start = RunStart { plan: String::new(), who: self.connection.caller.clone(), commit: None, command: command.to_owned() };
        let journal = held.record.begin(loaded.history, start).await?;
        let step = "first password".to_owned();
        journal.attempt(Attempt { address: address.clone(), verb: Verb::NoOp, step: step.clone(), token: None }).await?;
        // Written down first: it is better to have to ask for it again than to hand it out unseen.
        let told = async {
            deliver(&planes.aws, &id, &self.clock.now().to_string()).await?;
            crate::planes::Vault::new(&planes.aws).parameter(&id).await
        };
        let told = told.await;
        let outcome = match &told {
            Ok(_) => record::Outcome::Ok { id: Some(id), applied: None, gone: false },
            Err(error) => record::Outcome::Failed { class: class(error.class).to_owned(), message: error.to_string(), unknown: false },
        };
        let result = record::Event::Result { address: address.clone(), verb: Verb::NoOp, step, unmarked: None, outcome };
        journal.append(vec![result]).await?;
        let done = u64::from(told.is_ok());
        let tally = Tally { done, failed: 1 - done, ..Tally::default() };
        journal.finish(RunEnd { exit_code: i32::from(told.is_err()), interrupted: false, tally }).await?;
        Ok(Password::Here(told?.derived(FIELD)))
    }
}
