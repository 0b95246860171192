//! Connecting: TLS always, the certificate and the host's name verified, the administrator's login read just before.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts, SslOpts};

use super::Mysql;
use super::classify::{When, failed, silent};
use crate::model::access::Way;
use crate::planes::error::{Class, Error, Result};
use crate::planes::tunnel::Port;
use crate::planes::vault::Master;

/// The longest that a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// How many connections a run holds at most: tenants need the rest.
const MOST: usize = 4;
/// What every session of ours begins with, so that quoting means what it says whatever the server's settings are.
const SESSION: &str =
    "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION', lock_wait_timeout = 20, group_concat_max_len = 65536";

/// The server, connected once.
pub(super) struct Server {
    pool: Pool,
    pub mariadb: bool,
    /// What the way to it leads through.
    _port: Option<Port>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Server")
    }
}

impl Server {
    pub async fn connect(plane: &Mysql) -> Result<Self> {
        let call = "mysql.Connect";
        let (opts, port) = options(plane, call).await?;
        let server = Self { pool: Pool::new(opts), mariadb: false, _port: port };
        plane.ours.reads(call);
        let mut conn = server.lend(call).await?;
        let version: Option<String> = conn.query_first("SELECT VERSION()").await.map_err(failed(call, When::Connecting))?;
        let version = version.ok_or_else(|| Error::incomplete(call, "version"))?;
        drop(conn);
        Ok(Self { mariadb: version.to_ascii_lowercase().contains("mariadb"), ..server })
    }

    /// A connection of the pool.
    pub async fn lend(&self, call: &str) -> Result<Conn> {
        in_time(call, self.pool.get_conn()).await
    }
}

async fn in_time(call: &str, made: impl Future<Output = mysql_async::Result<Conn>>) -> Result<Conn> {
    match tokio::time::timeout(CONNECT, made).await {
        Ok(answer) => answer.map_err(failed(call, When::Connecting)),
        Err(_) => Err(Error { class: Class::Unreachable, ..silent(call, CONNECT) }),
    }
}

async fn options(plane: &Mysql, call: &str) -> Result<(Opts, Option<Port>)> {
    let invalid = |why: String| Error::new(Class::Invalid, call, why);
    let ca = plane.ca.clone().ok_or_else(|| {
        invalid(
            "the server's certificate cannot be verified: name the certificates of its authority (spec.access.mysql_ca; for RDS \
             https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem)"
                .into(),
        )
    })?;
    if let Err(error) = tokio::fs::metadata(&ca).await {
        return Err(invalid(format!("{}: {error}: it has to hold the certificates of the server's authority", ca.display())));
    }
    let mut tls = SslOpts::default().with_root_certs(vec![ca.into()]).with_disable_built_in_roots(true);
    let (login, server) = match (&plane.own, &plane.admin) {
        (None, Some(admin)) => (plane.vault.login(admin).await?, None),
        (own, _) => {
            let Master { login, host, port } = match own {
                Some(own) => plane.vault.login_to(own).await?,
                None => plane.vault.master(plane.ours.stack()).await?,
            };
            // The way in may be a tunnel: the certificate is the server's own all the same.
            tls = tls.with_danger_tls_hostname_override(Some(host.clone()));
            (login, Some((host, port)))
        }
    };
    let (host, port, through) = match (Way::parse(&plane.address), server) {
        (Way::Session(instance), Some((host, port))) => {
            let through = plane.tunnels.only(instance).port(&host, port).await?;
            ("localhost".to_owned(), through.number, Some(through))
        }
        (Way::Straight(address), _) => {
            let no_address = || invalid(format!("{address} is no host:port"));
            let (host, port) = address.rsplit_once(':').ok_or_else(no_address)?;
            (host.to_owned(), port.parse().map_err(|_| no_address())?, None)
        }
        _ => return Err(invalid(format!("{} is no way to a database server", plane.address))),
    };
    let pool = PoolOpts::default()
        .with_constraints(PoolConstraints::new(0, MOST).unwrap_or_default())
        .with_inactive_connection_ttl(Duration::from_secs(30));
    let builder = OptsBuilder::default()
        .ip_or_hostname(host)
        .tcp_port(port)
        .user(Some(login.user))
        .pass(Some(login.password.expose()))
        .ssl_opts(tls)
        .prefer_socket(false)
        .tcp_keepalive(Some(Duration::from_secs(30)))
        .setup(vec![SESSION])
        .pool_opts(pool);
    Ok((builder.into(), through))
}
