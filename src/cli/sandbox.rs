//! `reeve sandbox`: the emulated AWS in the foreground, until Ctrl-C or SIGTERM.

use std::path::PathBuf;

use clap::Args;

use super::stop::Stop;
use super::terminal::Terminal;
use super::{Exit, Failure, code};
use crate::desired::schema::is_label;
use crate::sandbox::{ACCOUNT, Options, Sandbox as Emulated, ZONE};

/// An emulated AWS on this machine, until Ctrl-C.
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
        let names = self.zones.join(", ");
        let options = Options { port: self.port, zones: self.zones, log: self.log };
        let failed = |message: String| Failure::new(code::ERROR, message);
        let mut sandbox = Emulated::start(options).await.map_err(|error| failed(error.to_string()))?;
        terminal.say(&format!("emulated AWS at {} (account {ACCOUNT}, hosted zones: {names}); Ctrl-C ends it", sandbox.endpoint));
        terminal.say(&format!("messages: {}", sandbox.log.display()));
        for (name, value) in sandbox.environment() {
            terminal.data(&format!("export {name}={value}"))?;
        }
        let mut stop = Stop::listen().map_err(|error| failed(format!("cannot listen for signals: {error}")))?;
        tokio::select! {
            () = stop.asked() => Ok(code::DONE),
            ended = sandbox.wait() => Err(failed(match ended {
                Ok(status) => format!("the emulated AWS ended by itself ({status}); see {}", sandbox.log.display()),
                Err(error) => format!("the emulated AWS cannot be waited for: {error}"),
            })),
        }
    }
}
