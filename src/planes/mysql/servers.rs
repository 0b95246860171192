//! Which servers there are: the shared one, and those that tenants have for themselves.
//!
//! A tenant's own server is a DB instance of the stack whose mark is an address of a tenant. It is reached at its endpoint, with the login that RDS keeps
//! for it. What is on it has an id that begins with the instance's: `INSTANCE/SCHEMA`; what is on the shared one has its name for an id.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::Mysql;
use super::connect::Server;
use crate::model::access::Way;
use crate::planes::error::{Error, Result};
use crate::planes::lately::Lately;
use crate::planes::once::Once;
use crate::planes::vault::Instance;

/// The connections to tenants' own servers, by their secrets: a server that is made anew has another.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<BTreeMap<String, Connection>>);

#[derive(Debug, Clone, Default)]
struct Connection {
    lately: Lately,
    server: Arc<OnceCell<Server>>,
    prepared: Arc<OnceCell<()>>,
}

/// A tenant's own server in one pass.
struct Own {
    instance: Arc<Instance>,
    once: Arc<Once>,
}

/// The name of the object with that id, on whichever server it is.
#[must_use]
pub fn name_of(id: &str) -> &str {
    id.split_once('/').map_or(id, |(_, name)| name)
}

impl Mysql {
    /// What `read` finds on every server.
    ///
    /// # Errors
    /// When one of them cannot be read: what is known of the others is not the whole.
    pub async fn everywhere<T, F>(&self, read: impl Fn(Self) -> F) -> Result<Vec<T>>
    where
        F: Future<Output = Result<Vec<T>>>,
    {
        let own = self.own_servers().await?;
        let own = own.iter().filter_map(|one| self.one_of_a_tenant(one).transpose()).collect::<Result<Vec<_>>>()?;
        let found = futures::future::try_join_all([self.clone()].into_iter().chain(own).map(read)).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// The server that the object of that id is on, and the object's name there.
    ///
    /// # Errors
    /// `NotFound` when there is no such server, and so no such object; when the servers cannot be listed, or that one has no address.
    pub async fn at<'i>(&self, id: &'i str) -> Result<(Self, &'i str)> {
        match id.split_once('/') {
            Some((instance, name)) => Ok((self.of_instance(instance).await?, name)),
            None => Ok((self.clone(), id)),
        }
    }

    /// The DB instance of that id as a server of its own.
    ///
    /// # Errors
    /// `NotFound` when it is no tenant's own; when the servers cannot be listed, or it has no address.
    pub async fn of_instance(&self, instance: &str) -> Result<Self> {
        let message = || Error::not_found("rds.DescribeDBInstances", &format!("{instance} as a tenant's own database server"));
        self.find(instance).await?.ok_or_else(message)
    }

    /// The id of what has that name on this server.
    #[must_use]
    pub fn id(&self, name: &str) -> String {
        self.own.as_ref().map_or_else(|| name.to_owned(), |instance| format!("{}/{name}", instance.id))
    }

    /// Whether a tenant has it for itself.
    #[must_use]
    pub const fn is_own(&self) -> bool {
        self.own.is_some()
    }

    async fn find(&self, instance: &str) -> Result<Option<Self>> {
        let is = |one: &&Own| one.instance.id == instance;
        if let Some(own) = self.own_servers().await?.iter().find(is)
            && let Some(server) = self.one_of_a_tenant(own)?
        {
            return Ok(Some(server));
        }
        // It may have been made since this pass began.
        self.list().await?.iter().find(is).map_or(Ok(None), |own| self.one_of_a_tenant(own))
    }

    async fn own_servers(&self) -> Result<Arc<Vec<Own>>> {
        self.shared("rds.Servers", || self.list()).await
    }

    async fn list(&self) -> Result<Vec<Own>> {
        let all = self.vault.instances(self.ours.stack()).await?;
        let own = all.into_iter().filter(Instance::is_of_a_tenant);
        Ok(own.map(|instance| Own { instance: Arc::new(instance), once: Arc::default() }).collect())
    }

    /// `None`: it is being made or is on its way out, so that there is nothing on it.
    fn one_of_a_tenant(&self, own: &Own) -> Result<Option<Self>> {
        let Instance { id, status, endpoint, secret, .. } = &*own.instance;
        let (Some((host, port)), Some(secret)) = (endpoint, secret) else {
            return match status.as_str() {
                "creating" | "deleting" => Ok(None),
                _ => Err(Error::incomplete("rds.DescribeDBInstances", &format!("address and secret of {id} ({status})"))),
            };
        };
        if status == "deleting" {
            return Ok(None);
        }
        let connection = self.known.0.lock().unwrap_or_else(PoisonError::into_inner).entry(secret.clone()).or_default().clone();
        Ok(Some(Self {
            once: own.once.clone(),
            // A tunnel leads to whichever server it is told.
            address: match Way::parse(&self.address) {
                Way::Session(_) => self.address.clone(),
                _ => format!("{host}:{port}").into(),
            },
            own: Some(own.instance.clone()),
            lately: connection.lately,
            server: connection.server,
            prepared: connection.prepared,
            ..self.clone()
        }))
    }
}
