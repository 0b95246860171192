//! The programs `mariadb-dump` and `mariadb`.
//!
//! Why these and no SQL of our own: they know routines, triggers, events, views that need each other, generated columns and character sets of each
//! version of the server, and what they write can be read without reeve. They get the login from a file that has no name and is gone when we
//! are: arguments and environments can be read by others.

use std::fs::{File, Permissions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};

use super::watch::Guarded;
use crate::planes::Mysql;
use crate::planes::error::{Class, Error, Result};
use crate::planes::vault::Login;

/// A program's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    /// Writes a schema as SQL.
    Dump,
    /// Runs SQL.
    Client,
}

/// A login in a file that has no name: whoever is killed leaves nothing of it. Programs that are started meanwhile have it open.
#[derive(Debug)]
pub(super) struct OptionFile(File);

impl OptionFile {
    pub fn write(mysql: &Mysql, login: &Login) -> Result<Self> {
        let (host, port) = mysql.address.rsplit_once(':').unwrap_or((&mysql.address, "3306"));
        let ca = mysql.ca.as_ref().map(|ca| ca.display().to_string()).unwrap_or_default();
        let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let text = zeroize::Zeroizing::new(format!(
            "[client]\nhost={}\nport={port}\nprotocol=tcp\nuser={}\npassword={}\nssl-ca={}\nssl-verify-server-cert\n",
            quoted(host),
            quoted(&login.user),
            quoted(login.password.expose()),
            quoted(&ca)
        ));
        let written = || {
            let mut file = File::from(rustix::fs::memfd_create("reeve-login", rustix::fs::MemfdFlags::empty())?);
            // The programs read no option file that others may write.
            file.set_permissions(Permissions::from_mode(0o600))?;
            file.write_all(text.as_bytes())?;
            Ok::<_, std::io::Error>(Self(file))
        };
        written().map_err(|error| Error::new(Class::Invalid, "tenant.login", format!("no file for the login: {error}")))
    }

    /// Where a program finds it that was started while it is open.
    fn path(&self) -> String {
        format!("/dev/fd/{}", self.0.as_raw_fd())
    }
}

impl Program {
    const fn name(self) -> &'static str {
        match self {
            Self::Dump => "mariadb-dump",
            Self::Client => "mariadb",
        }
    }

    /// Starts it. Nothing of our environment reaches it but where programs are.
    pub fn start(self, login: &OptionFile, schema: &str) -> Result<Child> {
        let mut command = Command::new(self.name());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("LC_ALL", "C.UTF-8");
        command.arg(format!("--defaults-file={}", login.path()));
        command.args(["--default-character-set=utf8mb4", "--max-allowed-packet=512M"]);
        command.stderr(Stdio::piped());
        match self {
            Self::Dump => {
                // One transaction with one view of the data; nobody is locked out meanwhile.
                command.args([
                    "--single-transaction",
                    "--quick",
                    "--skip-lock-tables",
                    "--no-tablespaces",
                    "--skip-comments",
                    "--hex-blob",
                ]);
                command.args(["--routines", "--triggers", "--events"]);
                // Who wrote when belongs to the place and not to the data: the wrapper makes them anew.
                command.args(["reeve_writer", "reeve_writer_log"].map(|table| format!("--ignore-table={schema}.{table}")));
                command.stdin(Stdio::null()).stdout(Stdio::piped());
            }
            Self::Client => {
                // What stands in an archive runs no program and reads no file here.
                command.args(["--batch", "--sandbox"]).arg(format!("--database={schema}"));
                command.stdin(Stdio::piped()).stdout(Stdio::null());
            }
        }
        if self == Self::Dump {
            command.arg(schema);
        }
        command.spawn().map_err(|error| Error::new(Class::Invalid, self.name(), format!("it does not start: {error}")))
    }

    /// Waits for its end.
    pub fn end(self, program: Guarded) -> Result<()> {
        let (status, said) = program.end().map_err(|error| Error::new(Class::Ambiguous, self.name(), error.to_string()))?;
        if status.success() {
            return Ok(());
        }
        // A client quotes the statement that failed, which is a patient's data: only the error's number and state are told.
        let last = said.lines().rfind(|line| line.contains("rror")).unwrap_or_default();
        let told = match self {
            Self::Dump => last.to_owned(),
            Self::Client => last.split_once("):").map_or(last, |(head, _)| head).chars().take(60).collect(),
        };
        Err(Error::new(Class::Invalid, self.name(), format!("it failed ({status}): {}", told.trim())))
    }
}
