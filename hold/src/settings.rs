//! What the wrapper is told: `REEVE_HOLD` in its environment, and the secret file that it names.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

/// The environment variable with the settings, as JSON.
pub const VARIABLE: &str = "REEVE_HOLD";

/// The settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The tenant, for what is said.
    #[serde(default)]
    pub tenant: String,
    /// The database's host name, which its certificate must bear. Without one there is no lock.
    pub host: Option<String>,
    /// Its port.
    #[serde(default = "port")]
    pub port: u16,
    /// The tenant's schema.
    #[serde(default)]
    pub schema: String,
    /// The certificates that the server's must come from (PEM).
    #[serde(default)]
    pub ca: PathBuf,
    /// The secret: a JSON object of texts.
    pub secret: Option<PathBuf>,
    /// What is added to the application's environment; `{field}` is replaced from the secret, and so are `{host}`, `{port}`, `{schema}` and `{ca}`
    /// from these settings; `{empty}` by `true` while the schema has no tables but the wrapper's own, else by `false`.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// How long the server keeps the lock of a session that says nothing, in seconds.
    #[serde(default = "wait_timeout")]
    pub wait_timeout_s: u64,
    /// How often the lock is looked at, in milliseconds.
    #[serde(default = "ping")]
    pub ping_ms: u64,
    /// How long the answer may take, in milliseconds.
    #[serde(default = "timeout")]
    pub timeout_ms: u64,
    /// How long nobody else may have connected before the application starts after a take-over, in milliseconds.
    #[serde(default = "quiet")]
    pub quiet_ms: u64,
    /// How long a stopped application waits for its database before it is given up, in seconds.
    #[serde(default = "patience")]
    pub patience_s: u64,
}

/// Stands in the environment for whether the schema is empty, until that is known.
pub const EMPTY: &str = "{empty}";

const fn port() -> u16 {
    3306
}
const fn wait_timeout() -> u64 {
    15
}
const fn ping() -> u64 {
    3_000
}
const fn timeout() -> u64 {
    2_000
}
const fn quiet() -> u64 {
    2_000
}
const fn patience() -> u64 {
    300
}

impl Settings {
    /// Reads them. `text` is what stands in the environment; without it there is nothing to hold and nothing to add.
    ///
    /// # Errors
    /// What is wrong, in words that name the field.
    pub fn read(text: Option<&str>) -> Result<Self, String> {
        let settings: Self = serde_json::from_str(text.unwrap_or("{}")).map_err(|e| format!("{VARIABLE} is not what it should be: {e}"))?;
        if settings.host.is_some() {
            for (name, empty) in
                [("schema", settings.schema.is_empty()), ("ca", settings.ca.as_os_str().is_empty()), ("secret", settings.secret.is_none())]
            {
                if empty {
                    return Err(format!("{VARIABLE} names a host and no {name}"));
                }
            }
        }
        let (ping, timeout, session) = (settings.ping_ms, settings.timeout_ms, settings.wait_timeout_s.saturating_mul(1000));
        if ping == 0 || timeout == 0 || ping + 2 * timeout > session {
            return Err(format!(
                "{VARIABLE}: a ping every {ping} ms with {timeout} ms for its answer (twice) does not fit into a session of {session} ms"
            ));
        }
        Ok(settings)
    }

    /// How often the lock is looked at.
    pub const fn ping(&self) -> Duration {
        Duration::from_millis(self.ping_ms)
    }

    /// How long an answer may take.
    pub const fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// How long the server keeps the lock of a silent session.
    pub const fn session(&self) -> Duration {
        Duration::from_secs(self.wait_timeout_s)
    }

    /// How long nobody else may have connected.
    pub const fn quiet(&self) -> Duration {
        Duration::from_millis(self.quiet_ms)
    }

    /// How long a stopped application waits.
    pub const fn patience(&self) -> Duration {
        Duration::from_secs(self.patience_s)
    }
}

/// The secret: texts by name. What it prints as shows the names alone.
#[derive(Clone, Default)]
pub struct Secret(BTreeMap<String, String>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Secret {
    /// Reads the file that the settings name.
    ///
    /// # Errors
    /// In words that hold nothing of what stands in the file.
    pub fn read(settings: &Settings) -> Result<Self, String> {
        let Some(path) = &settings.secret else { return Ok(Self::default()) };
        let text = std::fs::read(path).map_err(|e| format!("the secret {} cannot be read: {e}", path.display()))?;
        serde_json::from_slice(&text)
            .map(Self)
            .map_err(|e| format!("the secret {} is no JSON object of texts (line {}, column {})", path.display(), e.line(), e.column()))
    }

    /// One field.
    ///
    /// # Errors
    /// When it is not there.
    pub fn field(&self, name: &str) -> Result<&str, String> {
        self.0.get(name).map(String::as_str).ok_or_else(|| format!("the secret has no field {name}"))
    }

    /// The environment of `settings` with this secret's values in their places.
    ///
    /// # Errors
    /// When a place names a field that is not there, or is not closed.
    pub fn complete(&self, settings: &Settings) -> Result<Vec<(String, String)>, String> {
        settings
            .env
            .iter()
            .map(|(name, template)| {
                self.fill(template, settings).map(|value| (name.clone(), value)).map_err(|e| format!("env.{name}: {e}"))
            })
            .collect()
    }

    fn fill(&self, template: &str, settings: &Settings) -> Result<String, String> {
        let (mut out, mut rest) = (String::new(), template);
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or("a { without its }")?;
            out.push_str(before);
            match (name, &settings.host) {
                ("host", Some(host)) => out.push_str(host),
                ("port", Some(_)) => out.push_str(&settings.port.to_string()),
                ("schema", Some(_)) => out.push_str(&settings.schema),
                ("ca", Some(_)) => out.push_str(&settings.ca.display().to_string()),
                // Known when the lock is held.
                ("empty", Some(_)) => out.push_str(EMPTY),
                _ => out.push_str(self.field(name)?),
            }
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        Secret(serde_json::from_str(r#"{"user":"u1","password":"geheim"}"#).unwrap())
    }

    #[test]
    fn the_environment_is_completed_from_the_secret() {
        let settings = Settings::read(Some(r#"{"env":{"A":"{user}:{password}","B":"plain"}}"#)).unwrap();
        let env = secret().complete(&settings).unwrap();
        assert_eq!(env, [("A".into(), "u1:geheim".into()), ("B".into(), "plain".into())]);
    }

    #[test]
    fn what_the_settings_say_stands_there_too() {
        let settings =
            r#"{"host":"db","port":3307,"schema":"s","ca":"/ca","secret":"/x","env":{"A":"{host}:{port}/{schema} {ca} {empty}"}}"#;
        let env = secret().complete(&Settings::read(Some(settings)).unwrap()).unwrap();
        assert_eq!(env, [("A".into(), "db:3307/s /ca {empty}".into())]);
    }

    #[test]
    fn a_field_that_is_missing_is_named_and_nothing_of_the_secret_is_shown() {
        let settings = Settings::read(Some(r#"{"env":{"A":"{pass}"}}"#)).unwrap();
        assert_eq!(secret().complete(&settings).unwrap_err(), "env.A: the secret has no field pass");
        assert!(!format!("{:?}", secret()).contains("geheim"));
    }

    #[test]
    fn a_host_without_a_ca_is_refused() {
        let error = Settings::read(Some(r#"{"host":"db","schema":"s","secret":"/s"}"#)).unwrap_err();
        assert_eq!(error, "REEVE_HOLD names a host and no ca");
    }

    #[test]
    fn times_that_do_not_fit_into_the_session_are_refused() {
        assert!(Settings::read(Some(r#"{"wait_timeout_s":5}"#)).unwrap_err().contains("does not fit"));
    }
}
