//! The way to the inner planes from outside the fleet, as a stack's `access` names it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `ssh://[user@]host[:port]`, `ssm://[instance]` or `unix:///path`. A host never begins with a dash: it is handed to `ssh`.
const DOCKER: &str = r"^(ssh://([A-Za-z0-9_][A-Za-z0-9._-]*@)?([A-Za-z0-9_][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?|ssm://(i-[0-9a-f]{8}([0-9a-f]{9})?)?|unix:///.+)$";

/// `host:port` or `ssm://[instance]`.
const MYSQL: &str = r"^([^:/\s]+:[0-9]{1,5}|ssm://(i-[0-9a-f]{8}([0-9a-f]{9})?)?)$";

/// The way to the inner planes from outside. On a host of the fleet they are local, and nothing of this is used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// The Docker engine of a manager: `ssm://`, by Session Manager through any manager of the stack that runs, or `ssm://INSTANCE` through that one;
    /// `ssh://[user@]host[:port]`, by the program `ssh` with its own settings; `unix:///path`. Default: none, so that it is not observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = DOCKER), extend("x-form" = "`ssm://`, `ssm://i-0123456789abcdef0`, `ssh://user@host:port` or `unix:///path`"))]
    pub docker: Option<String>,
    /// The database server: `ssm://` or `ssm://INSTANCE`, by Session Manager through a manager to the stack's own server; `host:port`. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = MYSQL), extend("x-form" = "`ssm://`, `ssm://i-0123456789abcdef0` or `host:port`"))]
    pub mysql: Option<String>,
    /// The certificates of the authority that signed the database server's, a PEM file; for RDS Amazon's `global-bundle.pem`. It goes with
    /// `mysql`. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mysql_ca: Option<String>,
}

impl Access {
    /// Whether it names no way at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.docker.is_none() && self.mysql.is_none()
    }
}

/// A way, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// `ssh://`: through that host.
    Ssh(Login),
    /// `ssm://`: by Session Manager through that instance, or through any manager.
    Session(Option<String>),
    /// Straight there: `unix:///path`, or `host:port`.
    Straight(String),
}

/// Whom `ssh` goes to. What is left out is up to its own settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Login {
    /// The user.
    pub user: Option<String>,
    /// The host's name or address; one of IPv6 without its brackets.
    pub host: String,
    /// The port.
    pub port: Option<String>,
}

impl Way {
    /// The way that a text of the forms above names.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if let Some(rest) = text.strip_prefix("ssh://") {
            return Self::Ssh(Login::parse(rest));
        }
        match text.strip_prefix("ssm://") {
            Some("") => Self::Session(None),
            Some(instance) => Self::Session(Some(instance.to_owned())),
            None => Self::Straight(text.to_owned()),
        }
    }
}

impl Login {
    fn parse(text: &str) -> Self {
        let (user, place) = text.rsplit_once('@').map_or((None, text), |(user, place)| (Some(user.to_owned()), place));
        let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, rest)) => (host, rest.strip_prefix(':')),
            None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
        };
        Self { user, host: host.to_owned(), port: port.map(str::to_owned) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_are_read() {
        let ssh = |user: Option<&str>, host: &str, port: Option<&str>| {
            Way::Ssh(Login { user: user.map(Into::into), host: host.into(), port: port.map(Into::into) })
        };
        for (text, way) in [
            ("ssh://manager", ssh(None, "manager", None)),
            ("ssh://ops@10.0.0.1:2222", ssh(Some("ops"), "10.0.0.1", Some("2222"))),
            ("ssh://ops@[fd00::1]:22", ssh(Some("ops"), "fd00::1", Some("22"))),
            ("ssm://", Way::Session(None)),
            ("ssm://i-0123456789abcdef0", Way::Session(Some("i-0123456789abcdef0".into()))),
            ("unix:///run/docker.sock", Way::Straight("unix:///run/docker.sock".into())),
            ("db.example:3306", Way::Straight("db.example:3306".into())),
        ] {
            assert_eq!(Way::parse(text), way, "{text}");
            let form = regex::Regex::new(if text.starts_with("db") { MYSQL } else { DOCKER }).unwrap();
            assert!(form.is_match(text), "{text}");
        }
    }

    #[test]
    fn what_would_be_an_option_of_ssh_is_no_host() {
        let form = regex::Regex::new(DOCKER).unwrap();
        for text in
            ["ssh://-oProxyCommand=x", "ssh://a@-oProxyCommand=x", "ssh://-l@host", "ssh://", "ssm://manager", "ssh://a b", "ssh://h/p"]
        {
            assert!(!form.is_match(text), "{text}");
        }
    }
}
