//! The way to the tenant's database: TLS with one CA and the host's name verified, nothing read from it longer than told, and errors in
//! words that hold no secret.

use std::fmt;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, DriverError, Error, IoError, Opts, OptsBuilder, SslOpts};
use tokio::time::timeout;

use crate::settings::{Secret, Settings};

/// Why something at the database did not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It will not get better by itself: a wrong password, no TLS, no such schema.
    Refused(String),
    /// It may be better in a moment: nobody answers, a connection broke.
    Down(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Refused(words) | Self::Down(words)) = self;
        f.write_str(words)
    }
}

/// The server's codes for: access denied (to the server, the schema, a table), no such schema, TLS demanded of the account, account locked.
const FOR_GOOD: [u16; 7] = [1044, 1045, 1049, 1142, 3118, 3159, 4151];

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error {
            Error::Server(e) if FOR_GOOD.contains(&e.code) => {
                Self::Refused(format!("the database refuses: {} (error {})", e.message, e.code))
            }
            Error::Server(e) => Self::Down(format!("the database answers: {} (error {})", e.message, e.code)),
            Error::Driver(DriverError::NoClientSslFlagFromServer) => Self::Refused("the database does not speak TLS".into()),
            Error::Io(IoError::Tls(e)) => Self::Refused(format!("TLS with the database: {e}")),
            Error::Io(IoError::Io(e)) if e.kind() == std::io::ErrorKind::InvalidData => {
                Self::Refused(format!("TLS with the database: {e}"))
            }
            Error::Io(IoError::Io(e)) => Self::Down(e.to_string()),
            Error::Driver(DriverError::ConnectionClosed) => Self::Down("the connection was closed".into()),
            Error::Driver(e) => Self::Down(e.to_string()),
            Error::Url(_) | Error::Other(_) => Self::Down("the connection failed".into()),
        }
    }
}

/// Runs what asks the database, and no longer than `limit`.
///
/// # Errors
/// Its own, or that there was no answer.
pub async fn within<T>(limit: Duration, what: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    timeout(limit, what).await.unwrap_or_else(|_| Err(Trouble::Down(format!("no answer within {} ms", limit.as_millis()))))
}

/// Where the database is and who we are there.
pub struct Database {
    opts: Opts,
    session: Duration,
    /// `host:port`, to be said.
    pub place: String,
    /// The schema's name, quoted.
    pub schema: String,
    /// The schema's name as an SQL text.
    pub schema_text: String,
}

impl Database {
    /// From the settings and the secret; `None` when the settings name no host.
    ///
    /// # Errors
    /// When the secret lacks a field or the CA cannot be read.
    pub fn of(settings: &Settings, secret: &Secret) -> Result<Option<Self>, String> {
        let Some(host) = &settings.host else { return Ok(None) };
        let ca = std::fs::read(&settings.ca).map_err(|e| format!("the CA {} cannot be read: {e}", settings.ca.display()))?;
        let tls = SslOpts::default().with_root_certs(vec![ca.into()]).with_disable_built_in_roots(true);
        let opts = OptsBuilder::default()
            .ip_or_hostname(host.clone())
            .tcp_port(settings.port)
            .user(Some(secret.field("user")?))
            .pass(Some(secret.field("password")?))
            // Both have a value so that nothing is asked of the server for them.
            .max_allowed_packet(Some(1 << 20))
            .wait_timeout(Some(usize::MAX))
            .prefer_socket(false)
            .tcp_nodelay(true)
            .ssl_opts(tls);
        Ok(Some(Self {
            opts: opts.into(),
            session: settings.session(),
            place: format!("{host}:{}", settings.port),
            schema: format!("`{}`", settings.schema.replace('`', "``")),
            schema_text: format!("'{}'", settings.schema.replace('\\', "\\\\").replace('\'', "''")),
        }))
    }

    /// A new session. It names no schema of its own, and the server ends it when it says nothing for the session's time.
    ///
    /// # Errors
    /// When it does not come about within `limit`.
    pub async fn connect(&self, limit: Duration) -> Result<Conn, Trouble> {
        within(limit, async {
            let mut conn = Conn::new(self.opts.clone()).await?;
            let seconds = self.session.as_secs();
            conn.query_drop(format!(
                "SET SESSION wait_timeout = {seconds}, SESSION innodb_lock_wait_timeout = 2, SESSION autocommit = 1, SESSION time_zone = '+00:00'"
            ))
            .await?;
            Ok(conn)
        })
        .await
    }
}
