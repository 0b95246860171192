//! The registry that images come from: without one, each start waits for a pull that fails.

use std::net::SocketAddrV4;
use std::path::Path;

use super::http::{Server, send};
use super::{Error, files};

/// Its port.
pub(super) const PORT: u16 = 5000;

/// Writes its settings into `folder`.
pub(super) fn prepare(folder: &Path, address: SocketAddrV4) -> Result<(), Error> {
    files::folder(folder)?;
    let settings = serde_json::json!({
        "version": "0.1",
        "log": { "level": "warn", "accesslog": { "disabled": true } },
        "storage": { "filesystem": { "rootdirectory": folder.join("data") }, "cache": { "blobdescriptor": "inmemory" } },
        "http": { "addr": address.to_string() },
    });
    // JSON is YAML.
    files::write(&folder.join("config.yml"), &settings.to_string())
}

/// Whether it answers.
pub(super) async fn answers(address: SocketAddrV4) -> bool {
    send(&Server::Tcp(address.to_string()), "GET", "/v2/", "text/plain", b"").await.is_ok_and(|answer| answer.status == 200)
}
