//! The database servers: a few connections to each as its administrator, over TLS, opened when it is first asked.
//!
//! Most tenants share one; those that have one of their own are found by its address ([`servers`]). A value of [`Mysql`] is one server.
//! Runs on MariaDB (10.6 and newer) and MySQL 8, with the rights that RDS gives its administrator: no `SUPER`, no `SET GLOBAL`. Ownership is a
//! table in a schema of reeve's own, `reeve.marks` ([`marks`]). Names are always quoted ([`quote`]).

mod classify;
mod connect;
pub mod marks;
pub mod quote;
pub mod servers;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mysql_async::prelude::{FromRow, Queryable};
use mysql_async::{Conn, Params, Row};
use tokio::sync::OnceCell;

use super::aws::gate::Gate;
use super::aws::owner::Owned;
use super::error::{Absent, Class, Error, Result};
use super::lately::Lately;
use super::once::Once;
use super::ours::Ours;
use super::tunnel::Tunnels;
use super::vault::{Instance, Login};
use super::{Facts, Reach, Vault};
use crate::model::Access;
use classify::{When, failed, silent};
use connect::Server;
use servers::Known;

/// The longest that one statement may take. A lease outlasts it.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Mysql {
    /// On whose behalf.
    pub ours: Ours,
    /// Where secrets are read.
    pub vault: Vault,
    /// What this pass has read already.
    pub once: Arc<Once>,
    /// `host:port`, or `ssm://[instance]`.
    pub address: Arc<str>,
    /// The certificates that its own is held against.
    pub ca: Option<PathBuf>,
    /// Who administers it ([`Vault::login`]); `None`: whom RDS manages for it.
    pub admin: Option<String>,
    /// The DB instance that it is, where a tenant has it for itself; `None`: the shared one.
    own: Option<Arc<Instance>>,
    known: Arc<Known>,
    tunnels: Tunnels,
    lately: Lately,
    server: Arc<OnceCell<Server>>,
    prepared: Arc<OnceCell<()>>,
}

/// The way to the server.
#[must_use]
pub fn reach(access: &Access, facts: Option<&Facts>, ours: Ours, vault: &Vault, tunnels: &Tunnels) -> Reach<Mysql> {
    let local = facts.and_then(|facts| facts.mysql.as_ref());
    let address = local.map(|server| server.address.as_str()).or(access.mysql.as_deref());
    match address {
        Some(address) => Reach::Open(Mysql {
            ours,
            vault: vault.clone(),
            once: Arc::default(),
            address: address.into(),
            ca: local.map(|server| server.ca.clone()).or_else(|| access.mysql_ca.as_ref().map(PathBuf::from)),
            admin: local.map(|server| server.admin.clone()),
            own: None,
            known: Arc::default(),
            tunnels: tunnels.clone(),
            lately: Lately::default(),
            server: Arc::default(),
            prepared: Arc::default(),
        }),
        None => Reach::Closed("this is no host of the fleet, and the stack names no way in (spec.access.mysql)".to_owned()),
    }
}

impl Mysql {
    /// The same for a new pass.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self { ours: self.ours.fresh(), once: Arc::default(), ..self.clone() }
    }

    /// The same, each change asking `gate` first.
    #[must_use]
    pub fn gated(&self, gate: &Gate) -> Self {
        Self { ours: self.ours.gated(gate.clone()), ..self.clone() }
    }

    /// Another server, whose certificate is of the same authority, at `host:port`, with an administrator of its own ([`Vault::login`]).
    #[must_use]
    pub fn beside(&self, address: &str, admin: &str) -> Self {
        let (server, prepared, lately) = (Arc::default(), Arc::default(), Lately::default());
        Self { address: address.into(), admin: Some(admin.to_owned()), server, prepared, lately, ..self.fresh() }
    }

    /// Whether it is MariaDB; else it is MySQL.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn is_mariadb(&self) -> Result<bool> {
        Ok(self.server().await?.mariadb)
    }

    /// The rows that a statement which only reads returns.
    ///
    /// # Errors
    /// What the server answered; a row that is not of the form `T`.
    pub async fn rows<T: FromRow>(&self, call: &str, sql: &str, values: impl Into<Params> + Send) -> Result<Vec<T>> {
        let values = values.into();
        self.ours.reads(call);
        let rows = match self.read(call, sql, values.clone()).await {
            // A connection that lay idle may be gone: nothing was changed, so that it is asked once more.
            Err(error) if error.class == Class::Ambiguous => self.read(call, sql, values).await,
            answer => answer,
        };
        let rows =
            rows.map_err(|error| if error.class == Class::Ambiguous { Error { class: Class::Unreachable, ..error } } else { error })?;
        rows.into_iter().map(|row| T::from_row_opt(row).map_err(|_| Error::incomplete(call, "row of the form that is expected"))).collect()
    }

    /// A statement that changes something.
    ///
    /// # Errors
    /// What the server answered, `Ambiguous` when it did not; `LeaseLost` when it was not sent.
    pub async fn change(&self, call: &str, sql: &str, values: impl Into<Params> + Send) -> Result<()> {
        let values = values.into();
        let mut conn = self.living(call).await?;
        self.ours.changes(call).await?;
        run(&mut conn, call, sql, values).await.map(|_| ())
    }

    /// The same for a statement that holds a secret: nothing of the statement is in the error.
    ///
    /// # Errors
    /// As [`Mysql::change`].
    pub async fn change_with_secret(&self, call: &str, sql: &str) -> Result<()> {
        self.change(call, sql, ()).await.map_err(|error| match error.code.as_str() {
            // A syntax error quotes the statement.
            "1064" => Error { message: "the server does not take the statement (its words are left out: they quote it)".into(), ..error },
            _ => error,
        })
    }

    /// Reads something that several kinds need once in a pass.
    ///
    /// # Errors
    /// What `read` answered.
    pub async fn shared<T, F>(&self, what: &'static str, read: impl FnOnce() -> F + Send) -> Result<Arc<T>>
    where
        T: Send + Sync + 'static,
        F: Future<Output = Result<T>> + Send,
    {
        self.once.read(what, read).await
    }

    /// Whose the object of that noun (`schema`, `user`) and id is.
    ///
    /// # Errors
    /// What the server answered.
    pub async fn owner(&self, noun: &str, id: &str) -> Result<Owned> {
        let (server, name) = self.at(id).await?;
        let all = server.marks_table().await?;
        let stack = all.get(noun, name).map(|row| row.stack.clone()).filter(|stack| !stack.is_empty());
        Ok(stack.map_or(Owned::No, Owned::By))
    }

    /// Ends all connections of a user. RDS keeps the right to do so behind a procedure of its own.
    ///
    /// # Errors
    /// What the server answered.
    pub async fn disconnect(&self, user: &str) -> Result<()> {
        let listed = self.rows("mysql.Processes", "SELECT ID FROM information_schema.PROCESSLIST WHERE USER = ?", (user,)).await?;
        for (id,) in listed.into_iter().map(|(id,): (u64,)| (id,)) {
            let killed = match self.change("mysql.Kill", &format!("KILL CONNECTION {id}"), ()).await {
                Err(error) if error.code == "1095" => self.change("mysql.Kill", &format!("CALL mysql.rds_kill({id})"), ()).await,
                answer => answer,
            };
            killed.absent_ok()?;
        }
        Ok(())
    }

    /// How the administrator logs in: for programs that speak to the server by themselves.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn administrator(&self) -> Result<Login> {
        match (&self.own, &self.admin) {
            (Some(own), _) => Ok(self.vault.login_to(own).await?.login),
            (None, Some(admin)) => self.vault.login(admin).await,
            (None, None) => Ok(self.vault.master(self.ours.stack()).await?.login),
        }
    }

    async fn read(&self, call: &str, sql: &str, values: Params) -> Result<Vec<Row>> {
        let mut conn = self.connection(call).await?;
        run(&mut conn, call, sql, values).await
    }

    async fn connection(&self, call: &str) -> Result<Conn> {
        self.server().await?.lend(call).await
    }

    /// A connection that has just answered: what follows was not sent into the void.
    async fn living(&self, call: &str) -> Result<Conn> {
        let mut conn = self.connection(call).await?;
        match tokio::time::timeout(TIMEOUT, conn.ping()).await {
            Ok(Ok(())) => Ok(conn),
            _ => {
                drop(conn.disconnect().await);
                self.connection(call).await
            }
        }
    }

    async fn server(&self) -> Result<&Server> {
        // Boxed: what waits for this is deep already.
        let asked = Instant::now();
        let connected = self.server.get_or_try_init(|| Box::pin(self.lately.tried(asked, Server::connect(self)))).await;
        // There may be several: which of them it was.
        connected.map_err(|error| match error.call.as_str() {
            "mysql.Connect" => Error { message: format!("{}: {}", self.address, error.message), ..error },
            _ => error,
        })
    }
}

async fn run(conn: &mut Conn, call: &str, sql: &str, values: Params) -> Result<Vec<Row>> {
    let asked = async {
        match values {
            Params::Empty => conn.query::<Row, _>(sql).await,
            values => conn.exec::<Row, _, _>(sql, values).await,
        }
    };
    match tokio::time::timeout(TIMEOUT, asked).await {
        Ok(answer) => answer.map_err(failed(call, When::Sent)),
        Err(_) => Err(silent(call, TIMEOUT)),
    }
}
