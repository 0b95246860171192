//! HAProxy as a process: checked, started, reloaded, stopped. Its master runs in the foreground of its own process group and outlives reeve.

use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::Haproxy;
use super::files::failed;
use super::runtime::Worker;
use crate::model::runbook::{HAPROXY_DOWN, HAPROXY_REJECTS};
use crate::planes::error::{Class, Error, Result};

/// The longest that a start or a reload may take, with ten thousand tenants on a small machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);
/// How many of HAProxy's own lines an error repeats.
const WORDS: usize = 6;

impl Haproxy {
    /// Where the master writes its process id.
    #[must_use]
    pub fn pid_file(&self) -> PathBuf {
        self.place.folder.join("haproxy.pid")
    }

    /// Starts it, and waits until it serves with that stamp.
    pub(super) async fn start(&self, stamp: &str) -> Result<()> {
        const CALL: &str = "haproxy.start";
        self.ours.changes(CALL).await?;
        let path = self.place.folder.join("haproxy.log");
        let log = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        let log = log.map_err(|error| failed(CALL, &path, &error))?;
        let begun = std::fs::metadata(&path).map(|log| log.len()).unwrap_or_default();
        let also = log.try_clone().map_err(|error| failed(CALL, &path, &error))?;
        let master = format!("{},mode,600", self.master_socket().display());
        let mut command = program(&self.place.run);
        command.args(["-W", "-S", &master, "-p"]).arg(self.pid_file()).arg("-f").arg(self.config());
        command.stdin(Stdio::null()).stdout(log).stderr(also).process_group(0);
        // What an earlier one left says nothing of this one.
        let _ = tokio::fs::remove_file(self.pid_file()).await;
        let mut child = command.spawn().map_err(|error| no_program(CALL, &self.place.run, &error))?;
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            // Asked first: it may be another that came up meanwhile.
            let serves = self.serves().await.ok().flatten().is_some_and(|worker| worker.stamp == stamp);
            // The worker may be quicker than its master, who writes this.
            if serves && tokio::fs::read(self.pid_file()).await.is_ok_and(|pid| pid.ends_with(b"\n")) {
                return Ok(());
            }
            if let Ok(Some(status)) = child.try_wait() {
                let said = std::fs::read(&path).unwrap_or_default();
                let said = said.get(usize::try_from(begun).unwrap_or_default()..).unwrap_or_default();
                let words = words(&String::from_utf8_lossy(said));
                return Err(Error::new(Class::Invalid, CALL, format!("HAProxy ended at once ({status}): {words}: {HAPROXY_DOWN}")));
            }
            sleep(PAUSE).await;
        }
        Err(Error::new(Class::Ambiguous, CALL, format!("HAProxy was started and does not serve: {HAPROXY_DOWN}")))
    }

    /// Whether a master is there that can reload, whatever its worker serves.
    pub(super) async fn has_master(&self) -> Result<bool> {
        Ok(self.ask(&self.master_socket(), "show proc").await?.is_some())
    }

    /// Has the master start a new worker that takes over from `old` (if that has an admin socket), and waits until that serves with that stamp.
    pub(super) async fn reload(&self, old: Option<&Worker>, stamp: &str) -> Result<()> {
        const CALL: &str = "haproxy.reload";
        self.ours.changes(CALL).await?;
        let master = self.master_socket();
        let none = || {
            let why = format!("HAProxy runs without a master at {}: {HAPROXY_DOWN}", master.display());
            Error::new(Class::Invalid, CALL, why)
        };
        let before = self.ask(&master, "show proc").await?.as_deref().and_then(reloads).ok_or_else(none)?.0;
        // The master begins anew and may drop this connection: what became of it is asked below.
        let _ = self.ask(&master, "reload").await;
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if self.serves().await.ok().flatten().is_some_and(|worker| worker.stamp == stamp && old.is_none_or(|old| worker.pid != old.pid))
            {
                return Ok(());
            }
            let now = self.ask(&master, "show proc").await.ok().flatten().as_deref().and_then(reloads);
            if now.is_some_and(|(reloads, failed)| reloads > before && failed) {
                let why = format!("the new worker did not start; the old one goes on: {HAPROXY_REJECTS}");
                return Err(Error::new(Class::Invalid, CALL, why));
            }
            sleep(PAUSE).await;
        }
        Err(Error::new(Class::Ambiguous, CALL, format!("HAProxy was told to reload and does not serve: {HAPROXY_DOWN}")))
    }

    /// Stops the one that reeve started for this configuration. `false` where it runs and is not that one; not running is success.
    ///
    /// # Errors
    /// When it does not stop.
    pub async fn stop(&self) -> Result<bool> {
        const CALL: &str = "haproxy.stop";
        if self.is_gone().await? {
            return Ok(true);
        }
        let pid = tokio::fs::read_to_string(self.pid_file()).await.ok().and_then(|text| text.trim().parse::<u32>().ok());
        let Some(pid) = pid else { return Ok(false) };
        // A number alone may be another process by now, or one of another namespace.
        let line = tokio::fs::read(format!("/proc/{pid}/cmdline")).await.unwrap_or_default();
        if !line.split(|byte| *byte == 0).any(|part| part == self.config().as_os_str().as_encoded_bytes()) {
            return Ok(false);
        }
        self.ours.changes(CALL).await?;
        Command::new("kill").args(["-TERM", &pid.to_string()]).status().await.map_err(|error| failed(CALL, Path::new("kill"), &error))?;
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            // One that is just going may cut an answer short.
            if self.is_gone().await.unwrap_or(false) {
                return Ok(true);
            }
            sleep(PAUSE).await;
        }
        Err(Error::new(Class::Ambiguous, CALL, format!("HAProxy was told to stop and goes on: {HAPROXY_DOWN}")))
    }

    async fn is_gone(&self) -> Result<bool> {
        Ok(!self.has_master().await? && self.serves().await?.is_none())
    }

    /// A certificate of this host's own, made where there is none: the load balancer wants TLS and verifies nothing. Its key never leaves the folder.
    pub(super) async fn make_certificate(&self) -> Result<()> {
        const CALL: &str = "haproxy.certificate";
        let (at, key) = (self.certificate(), self.place.folder.join("host.key.new"));
        if tokio::fs::try_exists(&at).await.map_err(|error| failed(CALL, &at, &error))? {
            return Ok(());
        }
        let draft = self.place.folder.join("host.pem.new");
        let mut openssl = Command::new("openssl");
        openssl.args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "3650",
            "-subj",
            "/CN=reeve",
        ]);
        openssl.arg("-keyout").arg(&key).arg("-out").arg(&draft).stdin(Stdio::null());
        let out = openssl.output().await.map_err(|error| no_program(CALL, &["openssl".to_owned()], &error))?;
        if !out.status.success() {
            return Err(Error::new(Class::Invalid, CALL, format!("openssl made no certificate ({})", out.status)));
        }
        let joined = async {
            let mut pem = tokio::fs::read(&draft).await?;
            pem.extend(zeroize::Zeroizing::new(tokio::fs::read(&key).await?).iter());
            let pem = zeroize::Zeroizing::new(pem);
            tokio::fs::set_permissions(&draft, std::os::unix::fs::PermissionsExt::from_mode(0o600)).await?;
            tokio::fs::write(&draft, &*pem).await?;
            tokio::fs::rename(&draft, &at).await?;
            tokio::fs::remove_file(&key).await
        };
        joined.await.map_err(|error: io::Error| failed(CALL, &at, &error))
    }
}

/// Has HAProxy check a file.
pub(super) async fn check(run: &[String], config: &Path) -> Result<()> {
    const CALL: &str = "haproxy.check";
    let out =
        program(run).args(["-c", "-f"]).arg(config).stdin(Stdio::null()).output().await.map_err(|error| no_program(CALL, run, &error))?;
    if out.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&out.stderr).replace(&*config.to_string_lossy(), "haproxy.cfg");
    let why = format!("HAProxy does not take the configuration; the one in place goes on: {}: {HAPROXY_REJECTS}", words(&said));
    Err(Error::new(Class::Invalid, CALL, why))
}

fn program(run: &[String]) -> Command {
    let mut command = Command::new(run.first().map_or("haproxy", String::as_str));
    command.args(run.iter().skip(1));
    command
}

fn no_program(call: &str, run: &[String], error: &io::Error) -> Error {
    Error::new(Class::Invalid, call, format!("{}: {error}: {HAPROXY_DOWN}", run.join(" ")))
}

/// HAProxy's own words: its alerts, without what stands before each.
fn words(said: &str) -> String {
    let alerts = said.lines().filter(|line| line.starts_with("[ALERT]") || line.starts_with("[WARNING]"));
    let bare = |line: &str| line.split_once(" : ").map_or(line, |(_, words)| words).trim().to_owned();
    let words: Vec<String> = alerts.map(bare).take(WORDS).collect();
    if words.is_empty() { said.lines().last().unwrap_or("no word").trim().to_owned() } else { words.join("; ") }
}

/// How often a master was reloaded, and whether the last time failed: `8791 master 3 [failed: 1] ...`.
fn reloads(answer: &str) -> Option<(u32, bool)> {
    let line = answer.lines().find(|line| line.split_whitespace().nth(1) == Some("master"))?;
    let reloads = line.split_whitespace().nth(2)?.parse().ok()?;
    Some((reloads, line.contains("[failed: ") && !line.contains("[failed: 0]")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_master_says_of_its_reloads_is_read() {
        let answer = "#<PID>  <type>  <reloads>  <uptime>  <version>\n8791  master  2 [failed: 1]  0d00h00m19s  2.6.12\n# workers\n9949  worker  1  0d\n";
        assert_eq!(reloads(answer), Some((2, true)));
        assert_eq!(reloads(&answer.replace("failed: 1", "failed: 0")), Some((2, false)));
        assert_eq!(reloads("Unknown command"), None);
    }

    #[test]
    fn haproxys_own_words_are_repeated_and_not_its_notices() {
        let said =
            "[NOTICE]   (1) : haproxy version is 2.6.12\n[ALERT]    (1) : config : parsing [haproxy.cfg:47] : unknown keyword 'junk'\n";
        assert_eq!(words(said), "config : parsing [haproxy.cfg:47] : unknown keyword 'junk'");
        assert_eq!(words(""), "no word");
    }
}
