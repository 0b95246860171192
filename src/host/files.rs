//! The tenants' files: EFS, mounted once with TLS through the fleet's one access point.
//!
//! The mount helper: <https://docs.aws.amazon.com/efs/latest/ug/mounting-access-points.html>. While nothing is mounted, the mount point
//! takes nothing (`chattr +i`), so that no tenant writes beside its files.

use super::config::Files;
use super::{Host, Result};

/// Where the tenants' folders are.
pub const FOLDER: &str = "/tenants";

const FSTAB: &str = "/etc/fstab";

/// The line of the file system.
#[must_use]
pub fn line(files: &Files) -> String {
    format!("{}:/ {FOLDER} efs _netdev,nofail,noresvport,tls,iam,accesspoint={} 0 0", files.file_system, files.access_point)
}

/// `fstab` with that line, and no other for the folder.
#[must_use]
pub fn table(fstab: &str, line: &str) -> String {
    let others = fstab.lines().filter(|line| line.split_whitespace().nth(1) != Some(FOLDER) || line.trim_start().starts_with('#'));
    others.chain([line]).map(|line| format!("{line}\n")).collect()
}

/// Whether `/proc/self/mounts` has the folder, and as what.
#[must_use]
pub fn mounted(mounts: &str) -> Option<&str> {
    let all = mounts.lines().filter(|line| line.split_whitespace().nth(1) == Some(FOLDER));
    all.filter_map(|line| line.split_whitespace().nth(2)).next_back()
}

async fn mounts() -> String {
    tokio::fs::read_to_string("/proc/self/mounts").await.unwrap_or_default()
}

/// What is off.
///
/// # Errors
/// The table cannot be read.
pub async fn check(host: &Host) -> Result<Vec<String>> {
    let Some(files) = &host.config.files else { return Ok(Vec::new()) };
    let fstab = host.machine.read(FSTAB).await?.unwrap_or_default();
    let mut off = Vec::new();
    if table(&fstab, &line(files)) != fstab {
        off.push(format!("{FSTAB} does not have the line `{}`, alone for {FOLDER}", line(files)));
    }
    match mounted(&mounts().await) {
        // efs-utils mounts through its TLS tunnel on the loopback address, as NFS.
        Some("nfs4") => {}
        Some(other) => off.push(format!("{FOLDER} is a mount of type {other}, not of the file system")),
        None => off.push(format!("{FOLDER} is not mounted")),
    }
    Ok(off)
}

/// Makes it so.
///
/// # Errors
/// The file system cannot be mounted.
pub async fn make(host: &Host) -> Result<()> {
    let Some(files) = &host.config.files else { return Ok(()) };
    let fstab = host.machine.read(FSTAB).await?.unwrap_or_default();
    let want = table(&fstab, &line(files));
    if want != fstab {
        host.machine.write(FSTAB, want, 0o644).await?;
        host.machine.run("systemctl", &["daemon-reload"]).await?;
    }
    if mounted(&mounts().await).is_none() {
        host.machine.folder(FOLDER).await?;
        host.machine.run("chattr", &["+i", &host.machine.path(FOLDER).to_string_lossy()]).await?;
        host.machine.run("mount", &[FOLDER]).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_one_line_for_the_folder_and_keeps_the_rest() {
        let line = line(&Files { file_system: "fs-2".into(), access_point: "fsap-2".into() });
        let old = "# /tenants was here\nUUID=1 / xfs defaults 0 0\nfs-1:/ /tenants efs tls 0 0\n";
        let new = table(old, &line);
        assert_eq!(new, format!("# /tenants was here\nUUID=1 / xfs defaults 0 0\n{line}\n"));
        assert_eq!(table(&new, &line), new);
        assert!(line.contains("tls,iam,accesspoint=fsap-2"));
    }

    #[test]
    fn what_is_mounted_last_counts() {
        assert_eq!(mounted("a / xfs rw 0 0\n127.0.0.1:/ /tenants nfs4 rw 0 0\n"), Some("nfs4"));
        assert_eq!(mounted("a / xfs rw 0 0\n"), None);
    }
}
