//! The first administrator's password of a tenant: made of its secret, handed to a person once.

use super::rotate::secret_at;
use super::task::Noted;
use super::{Error, Held, Session};
use crate::kinds::aws::parameter::{Delivery, deliver, delivery};
use crate::model::plan::Verb;
use crate::model::{Address, Secret};
use crate::planes::{Planes, Vault};

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
        let id = secret_at(&planes.aws, address).await?;
        match delivery(&planes.aws, &id).await? {
            Delivery::Rotated => return Ok(Password::Rotated),
            Delivery::Done(at) if !again => return Ok(Password::Given(at)),
            _ => {}
        }
        let noted = Noted { address, id: Some(&id), verb: Verb::NoOp, step: "first password" };
        let secret = self.noted(held, noted, command, async |planes: &Planes| {
            // Written down first: it is better to have to ask for it again than to hand it out unseen.
            deliver(&planes.aws, &id, &self.clock.now().to_string()).await?;
            Vault::new(&planes.aws).parameter(&id).await
        });
        Ok(Password::Here(secret.await?.derived(FIELD)))
    }
}
