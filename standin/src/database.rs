//! The tenant's schema: tables made at the first start, a pool that gets over lost connections.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts, SslOpts};
use tokio::time::{sleep, timeout};

use crate::random;
use crate::settings::Settings;

/// The pool.
#[derive(Clone)]
pub struct Database {
    pool: Pool,
    size: usize,
    epoch: Option<u64>,
}

/// How far the first start came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installed {
    /// There are no tables.
    No,
    /// It was interrupted: the next start goes on, as OpenMRS's change sets do.
    Half,
    /// All is there.
    Yes,
}

/// A patient, as far as the stand-in knows one.
pub struct Patient {
    /// The row's number.
    pub id: u64,
    /// Its uuid.
    pub uuid: String,
    /// The name.
    pub name: String,
}

/// How to connect: as a user to a schema, with or without TLS.
pub fn opts(settings: &Settings, schema: Option<&str>, tls: bool) -> OptsBuilder {
    let ssl =
        settings.ca.clone().filter(|_| tls).map(|ca| SslOpts::default().with_root_certs(vec![ca.into()]).with_disable_built_in_roots(true));
    OptsBuilder::default()
        .ip_or_hostname(settings.host.clone())
        .tcp_port(settings.port)
        .user(Some(settings.user.clone()))
        .pass(Some(settings.password.clone()))
        .db_name(schema)
        .prefer_socket(false)
        .ssl_opts(ssl)
}

impl Database {
    /// A pool of up to `STANDIN_POOL` connections, none of which is open yet.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let constraints = PoolConstraints::new(settings.pool.min(3), settings.pool).unwrap_or_default();
        let opts: Opts = opts(settings, Some(&settings.schema), true).pool_opts(PoolOpts::new().with_constraints(constraints)).into();
        Self { pool: Pool::new(opts), size: settings.pool, epoch: settings.epoch }
    }

    /// A connection that has just answered; those that do not are thrown away.
    ///
    /// # Errors
    /// When none comes about.
    pub async fn conn(&self) -> Result<Conn, String> {
        let mut last = String::from("no connection");
        for attempt in 0..=self.size {
            let tried = timeout(Duration::from_secs(5), async {
                let mut conn = self.pool.get_conn().await?;
                conn.ping().await?;
                Ok::<_, Error>(conn)
            });
            match tried.await {
                Ok(Ok(conn)) => return Ok(conn),
                Ok(Err(e)) => last = e.to_string(),
                Err(_) => return Err("the database does not answer".into()),
            }
            if attempt > 0 {
                sleep(Duration::from_millis(20)).await;
            }
        }
        Err(last)
    }

    /// How far the installation is.
    ///
    /// # Errors
    /// What the database says.
    pub async fn installed(&self, schema: &str) -> Result<Installed, String> {
        let mut conn = self.conn().await?;
        let tables: Vec<String> = conn
            .exec(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = ? AND table_name IN ('users', 'global_property')",
                (schema,),
            )
            .await
            .map_err(words)?;
        if tables.len() < 2 {
            return Ok(if tables.is_empty() { Installed::No } else { Installed::Half });
        }
        let done: Option<u8> =
            conn.query_first("SELECT 1 FROM global_property WHERE property = 'standin.installed'").await.map_err(words)?;
        Ok(if done.is_some() { Installed::Yes } else { Installed::Half })
    }

    /// Makes the tables, and the administrator with this password; goes on where it was interrupted.
    ///
    /// # Errors
    /// What the database says.
    pub async fn install(&self, admin_password: &str) -> Result<(), String> {
        let mut conn = self.conn().await?;
        for sql in [
            "CREATE TABLE IF NOT EXISTS users (username VARCHAR(50) PRIMARY KEY, salt CHAR(32) NOT NULL, password CHAR(128) NOT NULL)",
            "CREATE TABLE IF NOT EXISTS patient (patient_id BIGINT AUTO_INCREMENT PRIMARY KEY, uuid CHAR(36) NOT NULL UNIQUE, name VARCHAR(255) NOT NULL, epoch BIGINT UNSIGNED, made_at DATETIME(6) NOT NULL)",
            "CREATE TABLE IF NOT EXISTS obs (obs_id BIGINT AUTO_INCREMENT PRIMARY KEY, uuid CHAR(36) NOT NULL UNIQUE, value_complex VARCHAR(255) NOT NULL)",
            "CREATE TABLE IF NOT EXISTS global_property (property VARCHAR(255) PRIMARY KEY, property_value TEXT)",
        ] {
            conn.query_drop(sql).await.map_err(words)?;
        }
        let salt = random::hex(16)?;
        let hash = hash(admin_password, &salt);
        conn.exec_drop("INSERT IGNORE INTO users VALUES ('admin', ?, ?)", (&salt, hash)).await.map_err(words)?;
        conn.query_drop("INSERT INTO global_property VALUES ('standin.installed', UTC_TIMESTAMP(6))").await.map_err(words)
    }

    /// Whether that is the user's password.
    ///
    /// # Errors
    /// What the database says.
    pub async fn knows(&self, user: &str, password: &str) -> Result<bool, String> {
        let sql = "SELECT salt, password FROM users WHERE username = ?";
        let found: Option<(String, String)> = self.conn().await?.exec_first(sql, (user,)).await.map_err(words)?;
        Ok(found.is_some_and(|(salt, known)| hash(password, &salt) == known))
    }

    /// Adds a patient, which bears the epoch of this writer and the server's time.
    ///
    /// # Errors
    /// What the database says.
    pub async fn add_patient(&self, name: &str) -> Result<Patient, String> {
        let uuid = uuid()?;
        let mut conn = self.conn().await?;
        let sql = "INSERT INTO patient (uuid, name, epoch, made_at) VALUES (?, ?, ?, UTC_TIMESTAMP(6))";
        conn.exec_drop(sql, (&uuid, name, self.epoch)).await.map_err(words)?;
        let id = conn.last_insert_id().unwrap_or_default();
        Ok(Patient { id, uuid, name: name.to_owned() })
    }

    /// The last hundred patients whose name holds `part`, or the one with this uuid.
    ///
    /// # Errors
    /// What the database says.
    pub async fn patients(&self, part: &str, uuid: &str) -> Result<Vec<Patient>, String> {
        let sql = "SELECT patient_id, uuid, name FROM patient WHERE (? = '' OR LOCATE(?, name) > 0) AND (? = '' OR uuid = ?) ORDER BY patient_id DESC LIMIT 100";
        let mut conn = self.conn().await?;
        conn.exec_map(sql, (part, part, uuid, uuid), |(id, uuid, name)| Patient { id, uuid, name }).await.map_err(words)
    }

    /// Notes an uploaded file.
    ///
    /// # Errors
    /// What the database says.
    pub async fn add_obs(&self, file: &str) -> Result<String, String> {
        let uuid = uuid()?;
        self.conn().await?.exec_drop("INSERT INTO obs (uuid, value_complex) VALUES (?, ?)", (&uuid, file)).await.map_err(words)?;
        Ok(uuid)
    }

    /// Closes the pool.
    pub async fn close(self) {
        let _ = timeout(Duration::from_secs(2), self.pool.disconnect()).await;
    }
}

/// An error as text.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub fn words(error: Error) -> String {
    error.to_string()
}

fn uuid() -> Result<String, String> {
    let hex = random::hex(16)?;
    Ok(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}

/// As OpenMRS keeps passwords. Made here: what is sent to the server may stand in its logs.
fn hash(password: &str, salt: &str) -> String {
    use sha2::{Digest, Sha512};
    Sha512::digest(format!("{password}{salt}")).iter().map(|byte| format!("{byte:02x}")).collect()
}
