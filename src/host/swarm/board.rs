//! What hosts tell each other about the swarm, in the Parameter Store: `/reeve/STACK/swarm/ATTEMPT/...`, all of it encrypted.
//!
//! `claim` (an instance's id), `id` (the swarm's), `manager-token`, `worker-token`, `managers/INSTANCE` and `workers/INSTANCE` (address and id
//! of the node). A claim is a `PutParameter` that does not overwrite, which AWS lets succeed once:
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime};

use aws_sdk_ssm::types::ParameterType;
use zeroize::Zeroizing;

use super::decide::Role;
use crate::host::{HostConfig, Result};
use crate::planes::Aws;
use crate::planes::error::{Absent, Class, Error};

/// A token that lets a host in. Its value is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Zeroizing<String>);

impl Token {
    /// From its text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Its text, for the engine.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// Who makes the swarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The instance.
    pub instance: String,
    /// For how long already.
    pub age: Duration,
}

/// A host of the swarm, as it published itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Where managers are reached: `address:2377`.
    pub address: String,
    /// The id of its node.
    pub node: String,
}

/// One attempt at a swarm.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attempt {
    /// Whose it is.
    pub claim: Option<Claim>,
    /// The swarm's id.
    pub swarm: Option<String>,
    /// Lets managers in.
    pub manager_token: Option<Token>,
    /// Lets workers in.
    pub worker_token: Option<Token>,
    /// By instance.
    pub managers: BTreeMap<String, Known>,
    /// By instance.
    pub workers: BTreeMap<String, Known>,
}

impl Attempt {
    /// Whether a host can join.
    #[must_use]
    pub fn is_published(&self) -> bool {
        self.swarm.is_some() && self.has_tokens() && !self.managers.is_empty()
    }

    /// Whether both tokens are there.
    #[must_use]
    pub fn has_tokens(&self) -> bool {
        self.manager_token.is_some() && self.worker_token.is_some()
    }

    /// Whether that instance made the claim.
    #[must_use]
    pub fn claimed_by(&self, instance: &str) -> bool {
        self.claim.as_ref().is_some_and(|claim| claim.instance == instance)
    }

    /// The token for a role.
    #[must_use]
    pub fn token(&self, role: Role) -> Option<&Token> {
        match role {
            Role::Manager => self.manager_token.as_ref(),
            Role::Worker => self.worker_token.as_ref(),
        }
    }

    /// Who published itself in that role.
    #[must_use]
    pub fn of(&self, role: Role) -> &BTreeMap<String, Known> {
        match role {
            Role::Manager => &self.managers,
            Role::Worker => &self.workers,
        }
    }
}

/// All attempts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Board {
    /// By number.
    pub attempts: BTreeMap<u32, Attempt>,
}

impl Board {
    /// The number of the one that counts.
    #[must_use]
    pub fn newest(&self) -> Option<u32> {
        self.attempts.keys().next_back().copied()
    }

    /// Every instance that the newest attempt names.
    #[must_use]
    pub fn instances(&self) -> Vec<String> {
        let newest = self.attempts.values().next_back();
        let named = newest.iter().flat_map(|attempt| {
            attempt.claim.iter().map(|claim| &claim.instance).chain(attempt.managers.keys()).chain(attempt.workers.keys())
        });
        named.cloned().collect()
    }

    /// Takes in one parameter: its name after the folder, its value, and how long ago it was written.
    fn take(&mut self, name: &str, value: &str, age: Duration) {
        let mut parts = name.splitn(3, '/');
        let (Some(Ok(n)), Some(what)) = (parts.next().map(str::parse::<u32>), parts.next()) else { return };
        let attempt = self.attempts.entry(n).or_default();
        let known = || value.split_once(' ').map(|(address, node)| Known { address: address.into(), node: node.into() });
        match (what, parts.next()) {
            ("claim", None) => attempt.claim = Some(Claim { instance: value.into(), age }),
            ("id", None) => attempt.swarm = Some(value.into()),
            ("manager-token", None) => attempt.manager_token = Some(Token::new(value)),
            ("worker-token", None) => attempt.worker_token = Some(Token::new(value)),
            ("managers", Some(instance)) => attempt.managers.extend(known().map(|known| (instance.to_owned(), known))),
            ("workers", Some(instance)) => attempt.workers.extend(known().map(|known| (instance.to_owned(), known))),
            _ => {}
        }
    }
}

/// The board's place.
#[derive(Debug)]
pub struct Store<'a> {
    aws: &'a Aws,
    folder: String,
    key: Option<&'a str>,
}

impl<'a> Store<'a> {
    /// The board of the stack that the settings are of.
    #[must_use]
    pub fn of(aws: &'a Aws, config: &'a HostConfig) -> Self {
        Self { aws, folder: format!("/reeve/{}/swarm/", config.stack), key: config.key.as_deref() }
    }

    /// All of it.
    ///
    /// # Errors
    /// What AWS answered.
    pub async fn read(&self) -> Result<Board> {
        let path = self.folder.trim_end_matches('/');
        let pages = self.aws.ssm.get_parameters_by_path().path(path).recursive(true).with_decryption(true).into_paginator().send();
        let pages: Vec<_> = pages.collect::<std::result::Result<_, _>>().await.map_err(Error::from)?;
        let mut board = Board::default();
        let now = SystemTime::now();
        for item in pages.iter().flat_map(|page| page.parameters()) {
            let written = item.last_modified_date().and_then(|at| SystemTime::try_from(*at).ok());
            let age = written.and_then(|at| now.duration_since(at).ok()).unwrap_or_default();
            if let (Some(name), Some(value)) = (item.name().and_then(|name| name.strip_prefix(&self.folder)), item.value()) {
                board.take(name, value, age);
            }
        }
        Ok(board)
    }

    /// Claims an attempt. False: somebody else was faster.
    ///
    /// # Errors
    /// What AWS answered.
    pub async fn claim(&self, attempt: u32, instance: &str) -> Result<bool> {
        match self.put(&format!("{attempt}/claim"), instance, false).await {
            Ok(()) => Ok(true),
            Err(error) if error.class == Class::AlreadyExists || error.code == "ParameterAlreadyExists" => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes what is there already, or is not.
    ///
    /// # Errors
    /// What AWS answered.
    pub async fn set(&self, attempt: u32, name: &str, value: &str) -> Result<()> {
        Ok(self.put(&format!("{attempt}/{name}"), value, true).await?)
    }

    async fn put(&self, name: &str, value: &str, overwrite: bool) -> crate::planes::Result<()> {
        let call = self.aws.ssm.put_parameter().name(format!("{}{name}", self.folder)).value(value).overwrite(overwrite);
        call.r#type(ParameterType::SecureString).set_key_id(self.key.map(str::to_owned)).send().await?;
        Ok(())
    }

    /// Forgets an entry; one that is not there is fine.
    ///
    /// # Errors
    /// What AWS answered.
    pub async fn forget(&self, attempt: u32, name: &str) -> Result<()> {
        let call = self.aws.ssm.delete_parameter().name(format!("{}{attempt}/{name}", self.folder));
        call.send().await.map_err(Error::from).absent_ok()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hosts_publish_is_read_again() {
        let mut board = Board::default();
        let age = Duration::from_secs(3);
        for (name, value) in [("1/claim", "i-1"), ("2/claim", "i-2"), ("2/id", "s"), ("2/managers/i-2", "10.0.0.2:2377 n2"), ("junk", "x")]
        {
            board.take(name, value, age);
        }
        assert_eq!(board.newest(), Some(2));
        let newest = &board.attempts[&2];
        assert_eq!(newest.managers["i-2"], Known { address: "10.0.0.2:2377".into(), node: "n2".into() });
        assert!(newest.claimed_by("i-2") && !newest.is_published(), "without tokens nobody can join");
        assert_eq!(board.instances(), ["i-2", "i-2"]);
    }

    #[test]
    fn a_token_is_not_shown() {
        assert_eq!(format!("{:?}", Token::new("SWMTKN-1-secret")), "Token(..)");
    }
}
