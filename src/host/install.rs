//! What the bundle brings: this program, the wrapper that tenants' containers start through, and the database's certificates; and
//! `/etc/reeve/host.json`, by which the programs on a host find its parts.

use super::{Error, Host, Result};
use crate::planes::facts::{FILE, LIB};

/// Name in the bundle, place on the host, mode.
#[must_use]
pub fn files() -> [(&'static str, String, u32); 3] {
    [("reeve", "/usr/local/bin/reeve".into(), 0o755), ("hold", format!("{LIB}/hold"), 0o755), ("ca.pem", format!("{LIB}/ca.pem"), 0o644)]
}

/// A file's bytes; `None` when it is not there.
async fn bytes(path: std::path::PathBuf) -> Result<Option<Vec<u8>>> {
    match tokio::fs::read(&path).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(Error::File { path, cause }),
    }
}

/// What is off. Without a bundle: only whether the files are there.
///
/// # Errors
/// A file cannot be read.
pub async fn check(host: &Host) -> Result<Vec<String>> {
    let mut off = Vec::new();
    for (name, place, _) in files() {
        let have = bytes(host.machine.path(&place)).await?;
        match &host.bundle {
            _ if have.is_none() => off.push(format!("{place} is not there")),
            Some(bundle) if bytes(bundle.join(name)).await?.is_some_and(|want| Some(want) != have) => {
                off.push(format!("{place} is not the bundle's"));
            }
            _ => {}
        }
    }
    Ok(off)
}

/// Makes it so.
///
/// # Errors
/// There is no bundle, it lacks a file, or a file cannot be written.
pub async fn make(host: &Host) -> Result<()> {
    let Some(bundle) = &host.bundle else {
        return Err(Error::Unfit("there is no bundle to install from: name its folder with --bundle, as user data does".into()));
    };
    for (name, place, mode) in files() {
        let want = bytes(bundle.join(name)).await?;
        let want = want.ok_or_else(|| Error::Unfit(format!("the bundle {} has no {name}", bundle.display())))?;
        if bytes(host.machine.path(&place)).await?.as_ref() != Some(&want) {
            host.machine.write(&place, want, mode).await?;
        }
    }
    Ok(())
}

fn facts(host: &Host) -> String {
    // A struct of texts and paths: it has a form in JSON.
    serde_json::to_string_pretty(&host.config.facts()).unwrap_or_default() + "\n"
}

/// What is off with `/etc/reeve/host.json`.
///
/// # Errors
/// The file cannot be read.
pub async fn check_facts(host: &Host) -> Result<Vec<String>> {
    Ok(super::machine::differs(&host.machine, FILE, &facts(host)).await?.into_iter().collect())
}

/// Writes it.
///
/// # Errors
/// It cannot be written.
pub async fn make_facts(host: &Host) -> Result<()> {
    host.machine.write(FILE, facts(host), 0o644).await
}
