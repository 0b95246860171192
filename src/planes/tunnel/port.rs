//! A port of this machine that the plugin keeps open.
//!
//! The plugin does not notice that who started it is gone. So a shell stands between: it ends the plugin when its own standard input ends, and that is closed
//! when this value goes and also when this process is killed.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use super::Session;
use crate::model::runbook::UNREACHABLE;
use crate::planes::error::{Class, Error, Result};

/// What the shell does: the program it is given has the standard output, so that its end is seen.
const KEEPER: &str = r#""$@" </dev/null & exec >/dev/null 2>&1; cat; kill "$!""#;
/// The longest that the plugin may take to open the port.
const SILENCE: Duration = Duration::from_secs(20);
/// How much it may say until then, in bytes.
const BEFORE: u64 = 65_536;

/// The port. It is closed when this goes.
#[derive(Debug)]
pub struct Port {
    /// Its number, on this machine's loopback.
    pub number: u16,
    _ends_with: ChildStdin,
    _keeper: Child,
    _session: Session,
}

impl Port {
    pub(super) async fn open(plugin: Command, session: Session) -> Result<Self> {
        let silent =
            |why: &str| Error::new(Class::Unreachable, "session-manager-plugin", format!("it opens no port ({why}): see {UNREACHABLE}"));
        let mut keeper = kept(&plugin);
        // A group of its own: a Ctrl-C at the terminal is for us, and what runs is finished through this port.
        keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let mut keeper = keeper.spawn().map_err(|error| silent(&error.to_string()))?;
        let (Some(ends_with), Some(said)) = (keeper.stdin.take(), keeper.stdout.take()) else { return Err(silent("it has no streams")) };
        let mut said = BufReader::new(said);
        let number = match tokio::time::timeout(SILENCE, number(&mut said)).await {
            Ok(Ok(number)) => number,
            Ok(Err(last)) => return Err(silent(&last)),
            Err(_) => return Err(silent(&format!("it says nothing for {} s", SILENCE.as_secs()))),
        };
        // It goes on speaking, and must not wait for a listener.
        tokio::spawn(async move { tokio::io::copy(&mut said, &mut tokio::io::sink()).await });
        Ok(Self { number, _ends_with: ends_with, _keeper: keeper, _session: session })
    }
}

/// The same program with the same environment, under the shell.
fn kept(plugin: &Command) -> Command {
    let plugin = plugin.as_std();
    let mut keeper = Command::new("sh");
    keeper.args(["-c", KEEPER, "sh"]).arg(plugin.get_program()).args(plugin.get_args());
    keeper.envs(plugin.get_envs().filter_map(|(name, value)| Some((name, value?))));
    keeper
}

/// The port that the plugin names; what it said instead, when it ends before.
async fn number(said: &mut BufReader<tokio::process::ChildStdout>) -> std::result::Result<u16, String> {
    let (mut said, mut last) = (said.take(BEFORE), String::new());
    loop {
        let mut line = Vec::new();
        let read = said.read_until(b'\n', &mut line).await.map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&line).trim().to_owned();
        if let Some(number) = opened(&text) {
            return Ok(number);
        }
        if read == 0 {
            return Err(if last.is_empty() { "it ended without a word".to_owned() } else { format!("it says: {last}") });
        }
        if !text.is_empty() && !text.starts_with("Starting session") {
            last = text.chars().take(400).collect();
        }
    }
}

/// `Port 40123 opened for sessionId ...`
fn opened(line: &str) -> Option<u16> {
    let (number, rest) = line.strip_prefix("Port ")?.split_once(' ')?;
    rest.starts_with("opened for sessionId").then(|| number.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_off_what_the_plugin_says() {
        assert_eq!(opened("Port 40123 opened for sessionId ops-0123."), Some(40123));
        assert_eq!(opened("Port none opened for sessionId ops-0123."), None);
        assert_eq!(opened("Waiting for connections..."), None);
    }
}
