//! The environment that OpenMRS's image reads, as far as reeve relies on it, and the stand-in's own switches.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::random;

/// What it was started with.
#[derive(Clone)]
pub struct Settings {
    /// `OMRS_DB_HOSTNAME`.
    pub host: String,
    /// `OMRS_DB_PORT`.
    pub port: u16,
    /// `OMRS_DB_NAME`: the tenant's schema. Stands in every answer.
    pub schema: String,
    /// The database's user.
    pub user: String,
    /// Its password.
    pub password: String,
    /// The CA of `serverSslCert` in `OMRS_DB_EXTRA_ARGS` when `sslMode` demands TLS; without it nothing is encrypted.
    pub ca: Option<PathBuf>,
    /// `OMRS_CREATE_TABLES`.
    pub create_tables: bool,
    /// `OMRS_ADMIN_USER_PASSWORD`, with OpenMRS's default, which reeve must never leave.
    pub admin_password: String,
    /// `STANDIN_VERSION`: stands in every answer.
    pub version: String,
    /// `STANDIN_FIRST_START_SECONDS`.
    pub first_start: Duration,
    /// `STANDIN_START_SECONDS`.
    pub start: Duration,
    /// `STANDIN_PORT`.
    pub listen: u16,
    /// `STANDIN_DATA`: the data folder.
    pub data: PathBuf,
    /// `STANDIN_POOL`: so many connections to the database at most.
    pub pool: usize,
    /// `STANDIN_MAIL`: `host:port` of the mail server.
    pub mail: Option<String>,
    /// `REEVE_EPOCH`: which writer of its database it is; stands in every patient that it makes.
    pub epoch: Option<u64>,
    /// `STANDIN_WRITES_MS`: it makes a patient by itself so often; without it none.
    pub writes: Option<Duration>,
}

/// The file with what the first start settled.
pub const PROPERTIES: &str = "openmrs-runtime.properties";

impl Settings {
    /// Reads them from `var`.
    ///
    /// # Errors
    /// When a number is none, or no database is named.
    pub fn read(var: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let text = |name: &str, default: &str| var(name).filter(|v| !v.is_empty()).unwrap_or_else(|| default.to_owned());
        let number = |name: &str, default: &str| text(name, default).parse::<f64>().map_err(|_| format!("{name} is no number"));
        let seconds = |name: &str, default: &str| {
            number(name, default).and_then(|n| Duration::try_from_secs_f64(n).map_err(|e| format!("{name}: {e}")))
        };
        let port = |name: &str, default: &str| text(name, default).parse::<u16>().map_err(|_| format!("{name} is no port"));
        let extra = arguments(&text("OMRS_DB_EXTRA_ARGS", &text("OMRS_DB_ARGS", "")));
        let encrypted =
            extra.get("sslmode").is_some_and(|mode| ["verify-full", "verify_full", "verify_identity"].contains(&&*mode.to_lowercase()));
        let mut settings = Self {
            host: var("OMRS_DB_HOSTNAME").ok_or("OMRS_DB_HOSTNAME is not set")?,
            port: port("OMRS_DB_PORT", "3306")?,
            schema: text("OMRS_DB_NAME", "openmrs"),
            user: text("OMRS_DB_USERNAME", "openmrs"),
            password: text("OMRS_DB_PASSWORD", "openmrs"),
            ca: if encrypted { Some(extra.get("serversslcert").ok_or("sslMode without serverSslCert")?.into()) } else { None },
            create_tables: text("OMRS_CREATE_TABLES", "false") == "true",
            admin_password: text("OMRS_ADMIN_USER_PASSWORD", "Admin123"),
            version: text("STANDIN_VERSION", env!("CARGO_PKG_VERSION")),
            first_start: seconds("STANDIN_FIRST_START_SECONDS", "8")?,
            start: seconds("STANDIN_START_SECONDS", "2")?,
            listen: port("STANDIN_PORT", "8080")?,
            data: text("STANDIN_DATA", "/openmrs/data").into(),
            pool: usize::from(port("STANDIN_POOL", "10")?).max(1),
            mail: var("STANDIN_MAIL").filter(|v| !v.is_empty()),
            epoch: var("REEVE_EPOCH").and_then(|epoch| epoch.parse().ok()),
            writes: var("STANDIN_WRITES_MS").and_then(|ms| ms.parse().ok()).map(Duration::from_millis),
        };
        settings.overlay(var);
        Ok(settings)
    }

    /// As with OpenMRS, the file of the first start wins over `OMRS_DB_*`, and only `OMRS_EXTRA_CONNECTION_*` over the file.
    fn overlay(&mut self, var: impl Fn(&str) -> Option<String>) {
        let file = properties(&self.data.join(PROPERTIES));
        for (field, name, property) in [
            (&mut self.user, "OMRS_EXTRA_CONNECTION_USERNAME", "connection.username"),
            (&mut self.password, "OMRS_EXTRA_CONNECTION_PASSWORD", "connection.password"),
        ] {
            if let Some(value) = var(name).or_else(|| file.get(property).cloned()) {
                *field = value;
            }
        }
    }

    /// Writes the file where there is none, with a new encryption key.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write_properties(&self) -> Result<(), String> {
        let path = self.data.join(PROPERTIES);
        if path.exists() {
            return Ok(());
        }
        let text = format!(
            "# written by the stand-in for OpenMRS at its first start\nconnection.username={}\nconnection.password={}\n\
             connection.url=jdbc:mariadb://{}:{}/{}\nencryption.key={}\nencryption.vector={}\n",
            self.user,
            self.password,
            self.host,
            self.port,
            self.schema,
            random::hex(16)?,
            random::hex(16)?
        );
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|e| format!("{}: {e}", path.display()))
    }
}

/// `a=b` pairs of a JDBC address, names in small letters.
fn arguments(text: &str) -> BTreeMap<String, String> {
    text.split(['&', '?']).filter_map(|pair| pair.split_once('=')).map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect()
}

/// A properties file; one that is not there has none.
fn properties(path: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| line.split_once('=')).map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
}
