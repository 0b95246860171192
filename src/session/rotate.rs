//! Another value for a secret. What uses it sees another fingerprint, and the next apply moves it.

use super::task::Noted;
use super::{Error, Held, Session};
use crate::kinds::Kind;
use crate::kinds::aws::parameter::{Parameter, rotate};
use crate::model::Address;
use crate::model::plan::Verb;
use crate::planes::{self, Aws, Planes};

impl Session {
    /// Writes another value into the parameter at `address`, and answers its fingerprint.
    ///
    /// # Errors
    /// When it is not there, or what the record or AWS answered.
    pub async fn rotate(&self, held: &Held, address: &Address, command: &str) -> Result<String, Error> {
        let id = secret_at(&self.gated(held).aws, address).await?;
        let noted = Noted { address, id: Some(&id), verb: Verb::Update, step: "rotate" };
        self.noted(held, noted, command, async |planes: &Planes| rotate(&planes.aws, &id).await).await
    }
}

/// The id of the parameter that bears that address.
pub(super) async fn secret_at(aws: &Aws, address: &Address) -> planes::Result<String> {
    let live = Parameter::fetch(aws).await?;
    let found = live.into_iter().find(|one| one.marks.address.as_ref() == Some(address));
    found.map(|one| one.id).ok_or_else(|| planes::Error::not_found("ssm.DescribeParameters", address.as_str()))
}
