//! The key that encrypts backups: an age identity, kept as an SSM SecureString, or files of one's own.

use std::path::Path;
use std::str::FromStr;

use age::secrecy::ExposeSecret;
use age::x25519::{Identity, Recipient};

use crate::kinds::aws::key::Key;
use crate::kinds::{Kind, Live};
use crate::model::Secret;
use crate::planes::Aws;
use crate::planes::error::{Class, Error, Result};

const CALL: &str = "tenant.key";
/// Where the key is that it is encrypted with.
const KMS_KEY: &str = "fleet.key";

/// The name of the stack's key in SSM.
#[must_use]
pub fn name(stack: &str) -> String {
    format!("/reeve/{stack}/backup-key")
}

/// The stack's key, made when there is none.
///
/// # Errors
/// What SSM answered.
pub async fn make(aws: &Aws) -> Result<Identity> {
    match read(aws).await {
        Err(error) if error.is_not_found() => {}
        answer => return answer,
    }
    let made = Identity::generate();
    let text = Secret::new(made.to_string().expose_secret().to_owned());
    let call = aws.ssm.put_parameter().name(name(&aws.estate.stack)).r#type(aws_sdk_ssm::types::ParameterType::SecureString);
    let call = call
        .key_id(encrypted_with(aws).await?)
        .description("opens the backups of this stack's tenants: without it they are lost")
        .value(text.expose());
    match call.send().await.map_err(Error::from) {
        Ok(_) => Ok(made),
        // Somebody else made it meanwhile: theirs counts.
        Err(error) if error.class == Class::AlreadyExists => read(aws).await,
        Err(error) => Err(error),
    }
}

/// The KMS key of the hosts' and the tenants' secrets. The account's default one would open it for whoever may only read parameters.
async fn encrypted_with(aws: &Aws) -> Result<String> {
    let keys = Key::fetch(aws).await?;
    let is = |key: &&Live<Key>| !key.marks.retiring && key.marks.address.as_ref().is_some_and(|address| address.as_str() == KMS_KEY);
    let missing = || Error::new(Class::NotFound, CALL, format!("{KMS_KEY} is not there: `reeve apply DIR` makes it"));
    keys.into_iter().find(|key| is(&key)).map(|key| key.id).ok_or_else(missing)
}

/// The stack's key.
///
/// # Errors
/// `NotFound` when there is none; what SSM answered.
pub async fn read(aws: &Aws) -> Result<Identity> {
    let vault = crate::planes::Vault::new(aws);
    let text = vault.parameter(&name(&aws.estate.stack)).await?;
    identity(&text).ok_or_else(|| Error::new(Class::Invalid, CALL, format!("{} is no age identity", name(&aws.estate.stack))))
}

/// The identity in a file, as `age-keygen` writes it.
///
/// # Errors
/// When there is none.
pub fn from_file(path: &Path) -> Result<Identity> {
    let wrong = |why: &str| Error::new(Class::Invalid, CALL, format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map(Secret::new).map_err(|error| wrong(&error.to_string()))?;
    identity(&text).ok_or_else(|| wrong("holds no line AGE-SECRET-KEY-1..."))
}

/// A recipient as it is written: `age1...`.
///
/// # Errors
/// When it is none.
pub fn recipient(text: &str) -> Result<Recipient> {
    Recipient::from_str(text).map_err(|why| Error::new(Class::Invalid, CALL, format!("{text:?} is no age recipient: {why}")))
}

fn identity(text: &Secret) -> Option<Identity> {
    text.expose().lines().map(str::trim).find(|line| line.starts_with("AGE-SECRET-KEY-")).and_then(|line| Identity::from_str(line).ok())
}
