//! `reeve sandbox`: the emulated AWS and the local parts in the foreground, until Ctrl-C or SIGTERM.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::stop::Stop;
use super::terminal::Terminal;
use super::{Exit, Failure, code};
use crate::desired::schema::is_label;
use crate::sandbox::parts::{self, Parts};
use crate::sandbox::{ACCOUNT, Options, Sandbox as Emulated, ZONE};

/// An emulated AWS on this machine, with a Docker Engine, a database and a registry that are real, until Ctrl-C.
#[derive(Debug, Args)]
pub struct Sandbox {
    /// The port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 4566)]
    port: u16,
    /// A public hosted zone that exists from the start; may be given again.
    #[arg(long = "zone", value_name = "NAME", default_value = ZONE, value_parser = zone)]
    zones: Vec<String>,
    /// Where its messages go.
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Whether Docker, MariaDB and a registry start too; they need root, and `make setup` installs them.
    #[arg(long, value_enum, default_value_t = When::Auto)]
    parts: When,
    /// The port of the database servers, as the stack names it.
    #[arg(long, value_name = "PORT", default_value_t = 3307)]
    mysql_port: u16,
    /// Database servers, 1 to 4: each instance that RDS makes or restores gets the next one; one without a server has an address that leads nowhere.
    #[arg(long, value_name = "N", default_value_t = 1)]
    servers: u8,
}

/// Whether the local parts start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum When {
    /// Where they can.
    Auto,
    /// Or it is an error.
    Always,
    /// Only the emulated AWS.
    Never,
}

/// A name that Route 53 takes for a zone: two DNS labels or more.
fn zone(name: &str) -> Result<String, String> {
    let labels = name.split('.').filter(|label| is_label(label)).count();
    if labels < 2 || labels != name.split('.').count() || name.len() > 253 {
        return Err(format!("a zone is a DNS name in small letters, such as {ZONE}"));
    }
    Ok(name.to_owned())
}

impl Sandbox {
    pub async fn run(self, terminal: &mut Terminal) -> Exit {
        let failed = |message: String| Failure::new(code::ERROR, message);
        Emulated::possible(self.port).map_err(|error| failed(error.to_string()))?;
        let parts = self.parts(terminal).await.map_err(|error| failed(error.to_string()))?;
        let names = self.zones.join(", ");
        let database = parts.as_ref().map(Parts::behind_rds);
        let options = Options { port: self.port, zones: self.zones, log: self.log, database, ..Options::default() };
        let mut sandbox = Emulated::start(options).await.map_err(|error| failed(error.to_string()))?;
        terminal.say(&format!("emulated AWS at {} (account {ACCOUNT}, hosted zones: {names}); Ctrl-C ends it", sandbox.endpoint));
        terminal.say(&format!("messages: {}", sandbox.log.display()));
        for (name, value) in sandbox.environment() {
            terminal.data(&format!("export {name}={value}"))?;
        }
        for (name, value) in parts.iter().flat_map(Parts::environment) {
            terminal.data(&format!("export {name}={value}"))?;
        }
        if let Some(parts) = &parts
            && let Some(images) = parts.standin().await.map_err(|error| failed(error.to_string()))?
        {
            // A stand-in for OpenMRS, which no registry is needed for; a stack's catalogue may name it.
            for (number, image) in images.iter().enumerate() {
                terminal.data(&format!("export REEVE_STANDIN_{}={image}", number + 1))?;
            }
        }
        let mut stop = Stop::listen()?;
        tokio::select! {
            () = stop.asked() => Ok(code::DONE),
            ended = sandbox.wait() => Err(failed(match ended {
                Ok(status) => format!("the emulated AWS ended by itself ({status}); see {}", sandbox.log.display()),
                Err(error) => format!("the emulated AWS cannot be waited for: {error}"),
            })),
        }
    }

    /// Starts the local parts, or says why there are none.
    async fn parts(&self, terminal: &mut Terminal) -> Result<Option<Parts>, parts::Error> {
        let options = parts::Options { mysql_port: self.mysql_port, servers: self.servers, ..parts::Options::default() };
        match (self.parts, Parts::missing(&options)) {
            (When::Never, _) => return Ok(None),
            (When::Auto, Some(why)) => {
                terminal.say(&format!("no local parts, only AWS: {why}"));
                return Ok(None);
            }
            (When::Always, Some(why)) => return Err(why),
            (_, None) => {}
        }
        let parts = Parts::start(options).await?;
        let engine = &parts.engines()[0];
        terminal.say(&format!("Docker at unix://{} (its host is {})", engine.docker.display(), engine.address));
        let databases: Vec<_> = parts.databases().iter().map(ToString::to_string).collect();
        terminal.say(&format!("MariaDB at {}, registry at {}", databases.join(", "), parts.registry()));
        terminal.say(&format!("messages of the parts: {}/*/log", parts.folder().display()));
        Ok(Some(parts))
    }
}
