//! `reeve sandbox`: the emulated AWS in the foreground, until Ctrl-C or SIGTERM.

use std::path::PathBuf;

use crate::sandbox::{ACCOUNT, Options, Sandbox};

/// Starts the emulated AWS, says how to reach it, and stops it at the end.
///
/// `port` 0 takes a free one; `zones` are public hosted zones that exist from the start; `log` is where its messages go.
///
/// # Errors
/// What [`Sandbox::start`] refuses, in words; or an emulated AWS that ended by itself.
pub async fn run(port: u16, zones: Vec<String>, log: Option<PathBuf>) -> Result<(), String> {
    let names = zones.join(", ");
    let mut sandbox = Sandbox::start(Options { port, zones, log }).await.map_err(|error| error.to_string())?;
    anstream::println!("emulated AWS at {} (account {ACCOUNT}, hosted zones: {names}); Ctrl-C ends it", sandbox.endpoint);
    anstream::println!("messages: {}", sandbox.log.display());
    anstream::println!();
    for (name, value) in sandbox.environment() {
        anstream::println!("export {name}={value}");
    }
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .map_err(|error| format!("cannot listen for SIGTERM: {error}"))?;
    tokio::select! {
        _ = tokio::signal::ctrl_c() => Ok(()),
        _ = terminate.recv() => Ok(()),
        ended = sandbox.wait() => Err(match ended {
            Ok(status) => format!("the emulated AWS ended by itself ({status}); see {}", sandbox.log.display()),
            Err(error) => format!("the emulated AWS cannot be waited for: {error}"),
        }),
    }
}
