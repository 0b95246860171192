//! Swap, on the instance's own NVMe drives and on nothing else: swap on EBS is slow and paid by the operation.
//!
//! The drives are empty after every stop of the instance, so this is made anew at each start and stands in no fstab. A drive that bears
//! anything but swap is never formatted. The kernel's list of swaps is the whole machine's.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::config::Swap;
use super::machine::names;
use super::{Error, Host, Result};

/// Where udev names the drives by what they are.
const BY_ID: &str = "/dev/disk/by-id";

/// How a name of an instance's own drive begins: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ssd-instance-store.html>.
const OWN: &str = "nvme-Amazon_EC2_NVMe_Instance_Storage_";

/// Whether the name is that of a whole drive of the instance's own; partitions have names of their own.
#[must_use]
pub fn is_own(name: &str) -> bool {
    name.starts_with(OWN) && !name.rsplit_once("-part").is_some_and(|(_, number)| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The devices in `/proc/swaps`.
#[must_use]
pub fn in_use(swaps: &str) -> BTreeSet<PathBuf> {
    swaps.lines().skip(1).filter_map(|line| line.split_whitespace().next()).map(PathBuf::from).collect()
}

/// What is swapped on that must not be: everything but the instance's drives and memory that is compressed in place.
#[must_use]
pub fn foreign(used: &BTreeSet<PathBuf>, drives: &BTreeSet<PathBuf>) -> Vec<PathBuf> {
    used.difference(drives).filter(|path| !path.to_string_lossy().starts_with("/dev/zram")).cloned().collect()
}

/// The instance's own drives, each once, whatever names it has.
async fn drives(host: &Host) -> Result<BTreeSet<PathBuf>> {
    if host.config.swap == Swap::None {
        return Ok(BTreeSet::new());
    }
    let folder = host.machine.path(BY_ID);
    let own = names(&folder).await?.into_iter().filter(|name| is_own(name));
    own.map(|name| {
        let path = folder.join(name);
        path.canonicalize().map_err(|cause| Error::File { path, cause })
    })
    .collect()
}

async fn used(host: &Host) -> Result<BTreeSet<PathBuf>> {
    let path = PathBuf::from("/proc/swaps");
    let text = tokio::fs::read_to_string(&path).await.map_err(|cause| Error::File { path, cause })?;
    let all = in_use(&text);
    if host.machine.is_live() {
        return Ok(all);
    }
    // A folder that looks like a machine has the drives that it names; the others are those of the machine around it.
    let folder = host.machine.path(BY_ID);
    let named: BTreeSet<PathBuf> = names(&folder).await?.iter().filter_map(|name| folder.join(name).canonicalize().ok()).collect();
    Ok(all.intersection(&named).cloned().collect())
}

/// What is off.
///
/// # Errors
/// The drives or the kernel's list cannot be read.
pub async fn check(host: &Host) -> Result<Vec<String>> {
    let (drives, used) = (drives(host).await?, used(host).await?);
    let mut off: Vec<String> = foreign(&used, &drives)
        .iter()
        .map(|path| format!("{} is swapped on and is no drive of the instance's own", path.display()))
        .collect();
    off.extend(drives.difference(&used).map(|drive| format!("{} is not swapped on", drive.display())));
    if drives.is_empty() && host.config.swap == Swap::InstanceStore {
        off.push(format!("the instance has no drive of its own ({BY_ID}/{OWN}*): take a type that has, or set swap to none"));
    }
    Ok(off)
}

/// Makes it so.
///
/// # Errors
/// A drive bears something, or a program failed.
pub async fn make(host: &Host) -> Result<()> {
    let (drives, used) = (drives(host).await?, used(host).await?);
    for path in foreign(&used, &drives) {
        host.machine.run("swapoff", &[&path.to_string_lossy()]).await?;
    }
    for drive in drives.difference(&used) {
        let path = drive.to_string_lossy();
        match bears(host, drive).await.as_deref() {
            None => drop(host.machine.run("mkswap", &[&path]).await?),
            Some("swap") => {}
            Some(other) => {
                return Err(Error::Unfit(format!("{path} bears {other}: it is not made swap; empty it by hand if nobody needs it")));
            }
        }
        host.machine.run("swapon", &[&path]).await?;
    }
    Ok(())
}

/// What a drive bears, as `blkid` knows it: a file system, a table of partitions; `None` when it is empty.
async fn bears(host: &Host, drive: &Path) -> Option<String> {
    let path = drive.to_string_lossy();
    for field in ["TYPE", "PTTYPE"] {
        let found = host.machine.run("blkid", &["-p", "-o", "value", "-s", field, &path]).await.unwrap_or_default();
        if !found.trim().is_empty() {
            return Some(found.trim().to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_drives_of_the_instance_count() {
        assert!(is_own("nvme-Amazon_EC2_NVMe_Instance_Storage_AWS1234"));
        assert!(is_own("nvme-Amazon_EC2_NVMe_Instance_Storage_AWS1234_1"));
        assert!(!is_own("nvme-Amazon_EC2_NVMe_Instance_Storage_AWS1234-part1"));
        assert!(!is_own("nvme-Amazon_Elastic_Block_Store_vol1234"));
    }

    #[test]
    fn swap_on_anything_else_is_off() {
        let used = in_use(
            "Filename Type Size Used Priority\n/dev/nvme1n1 partition 1 0 -2\n/swapfile file 1 0 -3\n/dev/zram0 partition 1 0 100\n",
        );
        let own = BTreeSet::from([PathBuf::from("/dev/nvme1n1")]);
        assert_eq!(foreign(&used, &own), [PathBuf::from("/swapfile")]);
    }
}
