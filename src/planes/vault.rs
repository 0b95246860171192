//! Secrets as they are handed over: read from AWS just before, and dropped just after.

use std::path::Path;

use aws_sdk_rds::types::{DbInstance, Endpoint};
use serde::Deserialize;

use super::Aws;
use super::error::{Class, Error, Result};
use crate::model::Secret;
use crate::model::marks::key;

/// Reads secrets.
#[derive(Debug, Clone)]
pub struct Vault {
    ssm: aws_sdk_ssm::Client,
    secrets: aws_sdk_secretsmanager::Client,
    rds: aws_sdk_rds::Client,
}

/// Who may log in, and with what.
#[derive(Debug, Clone)]
pub struct Login {
    /// The user.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// A database server of the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// What RDS calls it.
    pub id: String,
    /// The address that its mark names.
    pub address: String,
    /// It is being replaced, and goes.
    pub retiring: bool,
    /// `available`, `creating`, `deleting`...
    pub status: String,
    /// Host and port; `None` while it is being made.
    pub endpoint: Option<(String, u16)>,
    /// The ARN of the secret that holds its administrator's login; `None` while it is being made.
    pub secret: Option<String>,
}

/// The stack's database server as RDS knows it.
#[derive(Debug, Clone)]
pub struct Master {
    /// Who administers it.
    pub login: Login,
    /// Its name, which its certificate bears.
    pub host: String,
    /// Its port.
    pub port: u16,
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
        Self { ssm: aws.ssm.clone(), secrets: aws.secrets.clone(), rds: aws.rds.clone() }
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

    /// The value that `source` names: `file:PATH` (its first line) or `ssm:NAME`.
    ///
    /// # Errors
    /// When it cannot be read; never with a word of it.
    pub async fn value(&self, source: &str) -> Result<Secret> {
        let wrong = |why: &str| Error::new(Class::Invalid, "vault.value", format!("{source}: {why}"));
        if let Some(name) = source.strip_prefix("ssm:") {
            return self.parameter(name).await;
        }
        let path = source.strip_prefix("file:").ok_or_else(|| wrong("has to be file:PATH or ssm:NAME"))?;
        let text = Secret::new(tokio::fs::read_to_string(Path::new(path)).await.map_err(|error| wrong(&error.to_string()))?);
        Ok(Secret::new(text.expose().lines().next().unwrap_or_default().trim().to_owned()))
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

    /// The stack's server, with the login that RDS keeps for its administrator.
    ///
    /// # Errors
    /// When the stack has no server, or several and none at `database.server`; what AWS answered.
    pub async fn master(&self, stack: &str) -> Result<Master> {
        let call = "rds.DescribeDBInstances";
        let mut ours = self.instances(stack).await?;
        ours.retain(|one| !one.retiring && !one.is_of_a_tenant());
        if ours.len() > 1 {
            ours.retain(|one| one.address == "database.server");
        }
        let one = ours.into_iter().next().ok_or_else(|| Error::not_found(call, "the stack's database server"))?;
        self.login_to(&one).await
    }

    /// The login that RDS keeps for the administrator of that server.
    ///
    /// # Errors
    /// When it is being made still; what AWS answered.
    pub async fn login_to(&self, one: &Instance) -> Result<Master> {
        let incomplete = |what: &str| Error::incomplete("rds.DescribeDBInstances", &format!("{what} of {}", one.id));
        let arn = one.secret.as_ref().ok_or_else(|| incomplete("secret"))?;
        let (host, port) = one.endpoint.clone().ok_or_else(|| incomplete("endpoint"))?;
        Ok(Master { login: self.login(&format!("secretsmanager:{arn}")).await?, host, port })
    }

    /// The stack's database servers, as RDS lists them.
    ///
    /// # Errors
    /// What AWS answered.
    pub async fn instances(&self, stack: &str) -> Result<Vec<Instance>> {
        let all = self.rds.describe_db_instances().into_paginator().items().send();
        let all = all.collect::<std::result::Result<Vec<_>, _>>().await?;
        Ok(all.iter().filter(|one| tag(one, key::STACK) == Some(stack)).map(Instance::from).collect())
    }
}

impl Instance {
    /// Whether a tenant has it for itself.
    #[must_use]
    pub fn is_of_a_tenant(&self) -> bool {
        self.address.starts_with("tenant/")
    }
}

impl From<&DbInstance> for Instance {
    fn from(one: &DbInstance) -> Self {
        let at = |endpoint: &Endpoint| Some((endpoint.address()?.to_owned(), u16::try_from(endpoint.port()?).ok()?));
        Self {
            id: one.db_instance_identifier().unwrap_or_default().to_owned(),
            address: tag(one, key::ADDRESS).unwrap_or_default().to_owned(),
            retiring: tag(one, key::RETIRING) == Some("true"),
            status: one.db_instance_status().unwrap_or_default().to_owned(),
            endpoint: one.endpoint().and_then(at),
            secret: one.master_user_secret().and_then(|secret| secret.secret_arn()).map(str::to_owned),
        }
    }
}

fn tag<'a>(one: &'a DbInstance, name: &str) -> Option<&'a str> {
    one.tag_list().iter().find(|tag| tag.key() == Some(name)).and_then(|tag| tag.value())
}
