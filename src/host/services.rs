//! What the distribution brings: packages, unattended security updates, Session Manager's agent; and no SSH.

use super::machine::differs;
use super::units;
use super::{Host, Result};

/// Which of these are not installed.
async fn missing<'a>(host: &Host, packages: &[&'a str]) -> Result<Vec<&'a str>> {
    let query = host.distro().await?.query;
    let mut missing = Vec::new();
    for package in packages {
        if !host.machine.succeeds(query[0], &[&query[1..], &[*package]].concat()).await {
            missing.push(*package);
        }
    }
    Ok(missing)
}

/// Installs what is not there.
///
/// # Errors
/// What the installer said.
pub async fn install(host: &Host, packages: &[&str]) -> Result<()> {
    let missing = missing(host, packages).await?;
    if missing.is_empty() {
        return Ok(());
    }
    let distro = host.distro().await?;
    if let Some(refresh) = distro.refresh {
        host.machine.run(refresh[0], &refresh[1..]).await?;
    }
    host.machine.run(distro.install[0], &[&distro.install[1..], &missing[..]].concat()).await?;
    Ok(())
}

/// Which packages are missing.
///
/// # Errors
/// The distribution is none that is known.
pub async fn check_packages(host: &Host) -> Result<Vec<String>> {
    let missing = missing(host, host.distro().await?.packages).await?;
    Ok(missing.into_iter().map(|package| format!("the package {package} is not installed")).collect())
}

/// Installs them.
///
/// # Errors
/// What the installer said.
pub async fn make_packages(host: &Host) -> Result<()> {
    install(host, host.distro().await?.packages).await
}

/// Whether administrators come in by Session Manager, and by nothing else.
///
/// # Errors
/// The distribution is none that is known.
pub async fn check_access(host: &Host) -> Result<Vec<String>> {
    let distro = host.distro().await?;
    let mut off = Vec::new();
    if !units::is_on(host, distro.agent).await {
        off.push(format!("{} is not enabled or does not run: no administrator can come in", distro.agent));
    }
    for unit in distro.off {
        if !units::is_off(host, unit).await {
            off.push(format!("{unit} can be started: administrators come in by Session Manager"));
        }
    }
    Ok(off)
}

/// Makes it so. SSH goes only once the agent runs.
///
/// # Errors
/// What systemctl said.
pub async fn make_access(host: &Host) -> Result<()> {
    let distro = host.distro().await?;
    units::on(host, distro.agent).await?;
    for unit in distro.off {
        if !units::is_off(host, unit).await {
            units::off(host, unit).await?;
        }
    }
    Ok(())
}

/// Whether security updates come in by themselves.
///
/// # Errors
/// A file cannot be read.
pub async fn check_updates(host: &Host) -> Result<Vec<String>> {
    let distro = host.distro().await?;
    let mut off: Vec<String> = differs(&host.machine, distro.updates.0, distro.updates.1).await?.into_iter().collect();
    for unit in distro.on {
        if !units::is_on(host, unit).await {
            off.push(format!("{unit} is not enabled or does not run"));
        }
    }
    Ok(off)
}

/// Makes it so.
///
/// # Errors
/// A file cannot be written, or systemctl refused.
pub async fn make_updates(host: &Host) -> Result<()> {
    let distro = host.distro().await?;
    host.machine.write(distro.updates.0, distro.updates.1, 0o644).await?;
    for unit in distro.on {
        units::on(host, unit).await?;
    }
    Ok(())
}
