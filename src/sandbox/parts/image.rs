//! A container image made of one program, without a Docker file: the same digest each time, so that YAML can name it.

use std::io;

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::Error;
use super::http::{Answer, Server, send};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Not compressed: a compressor's next version would give other bytes, and it never leaves the machine.
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// Who the program runs as, as in OpenMRS's images: a user of its own, and the group that its folders belong to.
const USER: u64 = 1001;

/// Folders, their modes and owners. OpenMRS's images have theirs writable for the group.
const FOLDERS: &[(&str, u32, u64)] = &[
    ("openmrs/", 0o775, USER),
    ("openmrs/data/", 0o775, USER),
    ("reeve/", 0o755, 0),
    ("run/", 0o1777, 0),
    ("tmp/", 0o1777, 0),
    ("usr/", 0o755, 0),
    ("usr/local/", 0o755, 0),
    ("usr/local/bin/", 0o755, 0),
];

/// An image, ready to be pushed.
#[derive(Clone, Debug)]
pub struct Image {
    name: String,
    version: String,
    layer: Vec<u8>,
    config: Vec<u8>,
    manifest: Vec<u8>,
}

impl Image {
    /// An image that runs `program` (linked without shared libraries) as user 1001 with group 0. It lies in `/usr/local/bin/` under the image's
    /// `name`; the same name, version and program make the same digest.
    ///
    /// # Errors
    /// Never in practice: the archive is made in memory.
    pub fn of(name: &str, version: &str, program: &[u8]) -> io::Result<Self> {
        let layer = layer(name, program)?;
        let config = json!({
            "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": {
                "User": format!("{USER}:0"),
                "Env": ["PATH=/usr/local/bin"],
                "Cmd": [Self::command(name)],
                "WorkingDir": "/openmrs",
                "ExposedPorts": { "8080/tcp": {} },
                "Labels": { "org.opencontainers.image.title": name, "org.opencontainers.image.version": version },
            },
            "rootfs": { "type": "layers", "diff_ids": [digest(&layer)] },
            "history": [{ "created": "1970-01-01T00:00:00Z", "created_by": "reeve" }],
        });
        let config = config.to_string().into_bytes();
        let part = |kind: &str, bytes: &[u8]| json!({ "mediaType": kind, "digest": digest(bytes), "size": bytes.len() });
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": part(CONFIG, &config), "layers": [part(LAYER, &layer)],
        });
        let manifest = manifest.to_string().into_bytes();
        Ok(Self { name: name.to_owned(), version: version.to_owned(), layer, config, manifest })
    }

    /// The command that an image of that name runs.
    #[must_use]
    pub fn command(name: &str) -> String {
        format!("/usr/local/bin/{name}")
    }

    /// `sha256:...`, of the image's manifest.
    #[must_use]
    pub fn digest(&self) -> String {
        digest(&self.manifest)
    }

    /// Puts it into a registry at `host:port`; gives its address there, by digest.
    ///
    /// # Errors
    /// The registry does not answer, or refuses.
    pub async fn push(&self, registry: &str) -> Result<String, Error> {
        for blob in [&self.layer, &self.config] {
            self.blob(registry, blob).await?;
        }
        let path = format!("/v2/{}/manifests/{}", self.name, self.version);
        self.call(registry, "PUT", &path, MANIFEST, &self.manifest, 201).await?;
        Ok(format!("{registry}/{}@{}", self.name, self.digest()))
    }

    async fn blob(&self, registry: &str, bytes: &[u8]) -> Result<(), Error> {
        let kind = "application/octet-stream";
        let answer = self.call(registry, "POST", &format!("/v2/{}/blobs/uploads/", self.name), kind, b"", 202).await?;
        let place = answer.header("location").unwrap_or_default();
        let path = place.split_once("://").map_or(place, |(_, rest)| rest.find('/').map_or("/", |slash| &rest[slash..]));
        let mark = if path.contains('?') { '&' } else { '?' };
        self.call(registry, "PUT", &format!("{path}{mark}digest={}", digest(bytes)), kind, bytes, 201).await.map(drop)
    }

    async fn call(&self, registry: &str, method: &str, path: &str, kind: &str, body: &[u8], good: u16) -> Result<Answer, Error> {
        let failed = |why: String| Error::Push { image: format!("{registry}/{}", self.name), why };
        let answer = send(&Server::Tcp(registry.to_owned()), method, path, kind, body).await.map_err(|cause| failed(cause.to_string()))?;
        if answer.status == good { Ok(answer) } else { Err(failed(format!("{} {}", answer.status, answer.text()))) }
    }
}

/// Everything in it has one time and one owner, whatever the machine says.
fn layer(name: &str, program: &[u8]) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut add = |path: &str, kind: tar::EntryType, mode: u32, owner: u64, bytes: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(owner);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, path, bytes)
    };
    for (path, mode, owner) in FOLDERS {
        add(path, tar::EntryType::Directory, *mode, *owner, b"")?;
    }
    add(Image::command(name).trim_start_matches('/'), tar::EntryType::Regular, 0o755, 0, program)?;
    archive.into_inner()
}

fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_the_same_each_time_and_on_every_machine() {
        let image = |version: &str, program: &[u8]| Image::of("standin", version, program).unwrap().digest();
        let first = image("1.0", b"program");
        assert_eq!(first, image("1.0", b"program"));
        assert_ne!(first, image("1.1", b"program"));
        assert_ne!(first, image("1.0", b"Program"));
        #[cfg(target_arch = "x86_64")]
        assert_eq!(
            first, "sha256:806168aa6f086e5e22f1b4b32dafadc6ec6c568c783c029fca73674f1d552d71",
            "a change of this changes every catalogue that names such an image"
        );
    }
}
