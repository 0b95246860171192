//! Secrets as they are handed over: read from AWS just before, and dropped just after.

use std::path::Path;

use serde::Deserialize;

use super::Aws;
use super::error::{Class, Error, Result};
use crate::model::Secret;

/// Reads secrets.
#[derive(Debug, Clone)]
pub struct Vault {
    ssm: aws_sdk_ssm::Client,
    secrets: aws_sdk_secretsmanager::Client,
}

/// Who may log in, and with what.
#[derive(Debug, Clone)]
pub struct Login {
    /// The user.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// The form of a login at rest, as RDS writes it into Secrets Manager too.
#[derive(Deserialize)]
struct Written {
    #[serde(alias = "username")]
    user: String,
    password: String,
}

impl Vault {
    /// The secrets of that account.
    #[must_use]
    pub fn new(aws: &Aws) -> Self {
        Self { ssm: aws.ssm.clone(), secrets: aws.secrets.clone() }
    }

    /// The value of an SSM parameter, by its name.
    ///
    /// # Errors
    /// What SSM answered.
    pub async fn parameter(&self, name: &str) -> Result<Secret> {
        let out = self.ssm.get_parameter().name(name).with_decryption(true).send().await?;
        let value = out.parameter.and_then(|one| one.value).ok_or_else(|| Error::incomplete("ssm.GetParameter", "value"))?;
        Ok(Secret::new(value))
    }

    /// The login that `source` names: `file:PATH` or `secretsmanager:ARN`.
    ///
    /// # Errors
    /// When it cannot be read, or is no login; never with a word of it.
    pub async fn login(&self, source: &str) -> Result<Login> {
        let wrong = |why: &str| Error::new(Class::Invalid, "vault.login", format!("{source}: {why}"));
        let text = if let Some(path) = source.strip_prefix("file:") {
            let read = tokio::fs::read_to_string(Path::new(path)).await;
            Secret::new(read.map_err(|error| wrong(&error.to_string()))?)
        } else if let Some(arn) = source.strip_prefix("secretsmanager:") {
            let out = self.secrets.get_secret_value().secret_id(arn).send().await?;
            Secret::new(out.secret_string.ok_or_else(|| Error::incomplete("secretsmanager.GetSecretValue", "text"))?)
        } else {
            return Err(wrong("has to be file:PATH or secretsmanager:ARN"));
        };
        let written: Written = serde_json::from_str(text.expose()).map_err(|_| wrong("is no JSON with `user` and `password`"))?;
        Ok(Login { user: written.user, password: Secret::new(written.password) })
    }
}
