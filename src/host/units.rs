//! Units of systemd: files, whether they are enabled, whether they run. In a folder that only looks like a machine nothing runs.

use super::machine::differs;
use super::{Host, Result};

/// A unit that reeve writes.
#[derive(Debug, Clone, Copy)]
pub struct Unit<'a> {
    /// Such as `reeve-firewall.service`.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
}

fn place(name: &str) -> String {
    format!("/etc/systemd/system/{name}")
}

/// Calls systemctl, for the machine or for the folder.
async fn call(host: &Host, arguments: &[&str]) -> Result<String> {
    let root = format!("--root={}", host.machine.path("/").display());
    let folder = [root.as_str()];
    let all: Vec<&str> = if host.machine.is_live() { arguments.to_vec() } else { folder.iter().chain(arguments).copied().collect() };
    host.machine.run("systemctl", &all).await
}

/// Whether the unit is enabled, and running where anything runs.
pub async fn is_on(host: &Host, name: &str) -> bool {
    let enabled = call(host, &["is-enabled", "--quiet", name]).await.is_ok();
    enabled && (!host.machine.is_live() || call(host, &["is-active", "--quiet", name]).await.is_ok())
}

/// Enables and starts it.
///
/// # Errors
/// What systemctl said.
pub async fn on(host: &Host, name: &str) -> Result<()> {
    call(host, &["enable", "--quiet", name]).await?;
    if host.machine.is_live() {
        call(host, &["start", name]).await?;
    }
    Ok(())
}

/// Stops it where it runs; it comes again at the next start of the machine.
///
/// # Errors
/// What systemctl said.
pub async fn stop(host: &Host, name: &str) -> Result<()> {
    if host.machine.is_live() && call(host, &["is-active", "--quiet", name]).await.is_ok() {
        call(host, &["stop", name]).await?;
    }
    Ok(())
}

/// Whether nobody can start the unit, or it is not there.
pub async fn is_off(host: &Host, name: &str) -> bool {
    // `is-enabled` says so on standard output and fails all the same.
    let said = match call(host, &["show", "--property=LoadState", "--value", name]).await {
        Ok(said) if host.machine.is_live() => said,
        _ => return true,
    };
    matches!(said.trim(), "masked" | "not-found") && call(host, &["is-active", "--quiet", name]).await.is_err()
}

/// Stops it, so that nobody can start it.
///
/// # Errors
/// What systemctl said.
pub async fn off(host: &Host, name: &str) -> Result<()> {
    if host.machine.is_live() {
        call(host, &["mask", "--now", "--quiet", name]).await?;
    }
    Ok(())
}

/// What is off with the file of a unit that another one starts.
///
/// # Errors
/// It cannot be read.
pub async fn check_file(host: &Host, unit: Unit<'_>) -> Result<Vec<String>> {
    Ok(differs(&host.machine, &place(unit.name), unit.text).await?.into_iter().collect())
}

/// Writes it. What runs of it goes on as it is until it is started anew.
///
/// # Errors
/// It cannot be written, or systemctl refused.
pub async fn make_file(host: &Host, unit: Unit<'_>) -> Result<()> {
    if differs(&host.machine, &place(unit.name), unit.text).await?.is_some() {
        host.machine.write(&place(unit.name), unit.text, 0o644).await?;
        if host.machine.is_live() {
            call(host, &["daemon-reload"]).await?;
        }
    }
    Ok(())
}

/// What is off with the text of a unit of ours, which need not run yet.
///
/// # Errors
/// Its file cannot be read.
pub async fn check_text(host: &Host, unit: Unit<'_>) -> Result<Vec<String>> {
    let mut off: Vec<String> = differs(&host.machine, &place(unit.name), unit.text).await?.into_iter().collect();
    if call(host, &["is-enabled", "--quiet", unit.name]).await.is_err() {
        off.push(format!("{} is not enabled", unit.name));
    }
    Ok(off)
}

/// What is off with a unit of ours.
///
/// # Errors
/// Its file cannot be read.
pub async fn check(host: &Host, unit: Unit<'_>) -> Result<Vec<String>> {
    let mut off: Vec<String> = differs(&host.machine, &place(unit.name), unit.text).await?.into_iter().collect();
    if !is_on(host, unit.name).await {
        off.push(format!("{} is not enabled or does not run", unit.name));
    }
    Ok(off)
}

/// Writes, enables and starts it; one that changed starts anew.
///
/// # Errors
/// Its file cannot be written, or systemctl refused.
pub async fn make(host: &Host, unit: Unit<'_>) -> Result<()> {
    let changed = differs(&host.machine, &place(unit.name), unit.text).await?.is_some();
    if changed {
        host.machine.write(&place(unit.name), unit.text, 0o644).await?;
        if host.machine.is_live() {
            call(host, &["daemon-reload"]).await?;
            call(host, &["restart", unit.name]).await?;
        }
    }
    on(host, unit.name).await
}
