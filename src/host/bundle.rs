//! The bundle that hosts fetch: this program, the wrapper and the database's certificates, as one `tar.gz`. The same files make the same bytes, so that
//! its SHA-256, which the stack names, changes only when they do.

use std::io::Write;

use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};

use super::{Error, Result, install};

/// The bundle of the three files, in the order of [`install::files`].
///
/// # Errors
/// None but a lack of memory.
pub fn pack(contents: [&[u8]; 3]) -> Result<Vec<u8>> {
    let failed = |cause| Error::File { path: "the bundle".into(), cause };
    let zip = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::best());
    let mut archive = tar::Builder::new(zip);
    for ((name, _, mode), content) in install::files().into_iter().zip(contents) {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(mode);
        header.set_mtime(0);
        header.set_cksum();
        archive.append_data(&mut header, name, content).map_err(failed)?;
    }
    let mut zip = archive.into_inner().map_err(failed)?;
    zip.flush().map_err(failed)?;
    zip.finish().map_err(failed)
}

/// SHA-256 in hexadecimal digits.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_files_make_the_same_bytes() {
        let one = pack([b"reeve", b"hold", b"ca"]).unwrap();
        assert_eq!(digest(&one), digest(&pack([b"reeve", b"hold", b"ca"]).unwrap()));
        assert_ne!(digest(&one), digest(&pack([b"reeve", b"hold", b"other"]).unwrap()));
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(one.as_slice()));
        let entries: Vec<(String, u32)> = archive
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.path().unwrap().display().to_string(), entry.header().mode().unwrap()))
            .collect();
        assert_eq!(entries, [("reeve".into(), 0o755), ("hold".into(), 0o755), ("ca.pem".into(), 0o644)]);
    }
}
