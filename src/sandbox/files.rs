//! The plug-in's Python files, compiled in so that an installed `reeve` carries them.

use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::Error;

macro_rules! plug_in {
    ($($path:literal,)*) => {
        /// Path and text of each file.
        pub(super) const PLUG_IN: &[(&str, &str)] = &[$(($path, include_str!(concat!("../../sandbox/", $path))),)*];
    };
}

plug_in! {
    "reeve_moto/__init__.py",
    "reeve_moto/__main__.py",
    "reeve_moto/actions.py",
    "reeve_moto/cbor.py",
    "reeve_moto/seed.py",
    "reeve_moto/server.py",
    "reeve_moto/services/__init__.py",
    "reeve_moto/services/acm.py",
    "reeve_moto/services/autoscaling.py",
    "reeve_moto/services/backup.py",
    "reeve_moto/services/cloudtrail.py",
    "reeve_moto/services/ec2_defaults.py",
    "reeve_moto/services/ec2_in_use.py",
    "reeve_moto/services/ec2_instances.py",
    "reeve_moto/services/ec2_network.py",
    "reeve_moto/services/ec2_vpc.py",
    "reeve_moto/services/efs.py",
    "reeve_moto/services/elbv2.py",
    "reeve_moto/services/iam.py",
    "reeve_moto/services/kms.py",
    "reeve_moto/services/logs.py",
    "reeve_moto/services/rds.py",
    "reeve_moto/services/route53.py",
    "reeve_moto/services/s3.py",
    "reeve_moto/services/s3_answers.py",
    "reeve_moto/services/sns.py",
    "reeve_moto/services/ssm.py",
    "reeve_moto/services/tokens.py",
    "reeve_moto/services/wafv2.py",
}

/// Writes them to a new private folder and names it.
pub(super) fn unpack() -> Result<PathBuf, Error> {
    let folder = std::env::temp_dir().join(format!("reeve-sandbox-{}-{:08x}", std::process::id(), rand::random::<u32>()));
    let failed = |path: &Path, cause: io::Error| Error::Write { path: path.to_owned(), cause };
    // A folder that exists is an error, so nobody else's files are ever run; nor can anybody put one beside ours.
    std::fs::DirBuilder::new().mode(0o700).create(&folder).map_err(|cause| failed(&folder, cause))?;
    for (path, text) in PLUG_IN {
        let file = folder.join(path);
        let parent = file.parent().unwrap_or(&folder);
        std::fs::create_dir_all(parent).map_err(|cause| failed(parent, cause))?;
        std::fs::write(&file, text).map_err(|cause| failed(&file, cause))?;
    }
    Ok(folder)
}

/// Removes what [`unpack`] made; what cannot be removed stays in the temporary folder.
pub(super) fn remove(folder: &Path) {
    let _ = std::fs::remove_dir_all(folder);
}
