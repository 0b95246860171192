//! The database servers: MariaDB with TLS and the settings of `modules/database.yaml`, and an administrator with the rights that RDS gives its
//! own. As those of RDS, all have certificates of one authority.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rand::RngExt as _;
use rand::distr::Alphanumeric;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::process::Command;

use super::{Error, files, programs};

/// What RDS for MariaDB grants the master user: neither SUPER nor FILE.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.MasterAccounts.html>
const RIGHTS: &str = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, ALTER, SHOW DATABASES, \
     CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, REPLICATION CLIENT, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, \
     CREATE USER, EVENT, TRIGGER, REPLICATION SLAVE";

/// A server's own folder, counted from 1, in the folder of the parts.
pub(super) fn folder(server: u8) -> String {
    if server == 1 { "mysql".to_owned() } else { format!("mysql{server}") }
}

/// Writes each server's settings, certificate and administrator into its folder, and the administrator's name and password into `admin`.
/// Answers the certificate of the authority.
pub(super) async fn prepare(parts: &Path, addresses: &[SocketAddrV4], administrator: &str, admin: &Path) -> Result<PathBuf, Error> {
    let authority = parts.join("authority");
    files::folder(&authority)?;
    let (key, certificate) = (authority.join("ca.key"), authority.join("ca.pem"));
    let usage = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"];
    let output = ["-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=reeve sandbox database authority"];
    openssl(&authority, &[NEW, &output, &usage].concat()).await?;
    let password: String = rand::rng().sample_iter(Alphanumeric).take(32).map(char::from).collect();
    files::write(admin, &serde_json::json!({ "user": administrator, "password": password }).to_string())?;
    for (number, address) in (1..).zip(addresses) {
        let own = parts.join(folder(number));
        files::folder(&own)?;
        sign(&own, *address.ip(), &key, &certificate).await?;
        files::write(&own.join("my.cnf"), &settings(&own, *address, &certificate))?;
        files::write(&own.join("first.sql"), &first(administrator, &password))?;
    }
    std::fs::remove_file(&key).map_err(|cause| Error::Write { path: key, cause })?;
    Ok(certificate)
}

/// What a real server would have from RDS itself and from our parameter group.
fn settings(folder: &Path, address: SocketAddrV4, authority: &Path) -> String {
    let (folder, authority, ip, port) = (folder.display(), authority.display(), address.ip(), address.port());
    format!(
        "[mariadbd]
datadir={folder}/data
socket={folder}/socket
pid-file={folder}/pid
tmpdir={folder}
init-file={folder}/first.sql
bind-address={ip}
port={port}
skip-name-resolve
ssl-ca={authority}
ssl-cert={folder}/server.pem
ssl-key={folder}/server.key
require_secure_transport=1
tls_version=TLSv1.2,TLSv1.3
log-bin={folder}/data/binlog
log_bin_trust_function_creators=1
character_set_server=utf8mb4
collation_server=utf8mb4_unicode_ci
max_connections=1365
max_allowed_packet=67108864
local_infile=0
log_output=FILE
slow_query_log=1
slow_query_log_file={folder}/slow.log
long_query_time=5
innodb_log_file_size=16M
innodb_buffer_pool_size=128M
innodb_flush_log_at_trx_commit=1
performance_schema=0
"
    )
}

/// What the server does before it takes its first connection. RDS's procedures stand in for the rights that its master user lacks.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/mysql-stored-proc-ending.html>
fn first(administrator: &str, password: &str) -> String {
    // One statement a line: that is how the server reads it. None of it goes into the binary log, which holds statements word for word.
    format!(
        "SET SESSION sql_log_bin=0;
CREATE DEFINER=`root`@`localhost` PROCEDURE mysql.rds_kill(IN thread BIGINT) SQL SECURITY DEFINER KILL CONNECTION thread;
CREATE DEFINER=`root`@`localhost` PROCEDURE mysql.rds_kill_query(IN thread BIGINT) SQL SECURITY DEFINER KILL QUERY thread;
CREATE USER `{administrator}`@`%` IDENTIFIED BY '{password}';
GRANT {RIGHTS} ON *.* TO `{administrator}`@`%` WITH GRANT OPTION;
"
    )
}

/// A key and a certificate for as long as a sandbox may live.
const NEW: &[&str] = &["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "365"];

/// A server's certificate, by the authority, for its address and for `localhost`.
async fn sign(folder: &Path, ip: Ipv4Addr, key: &Path, certificate: &Path) -> Result<(), Error> {
    let names = format!("subjectAltName=IP:{ip},IP:127.0.0.1,DNS:localhost");
    let (key, certificate) = (key.display().to_string(), certificate.display().to_string());
    let output = ["-keyout", "server.key", "-out", "server.pem", "-subj", "/CN=reeve sandbox database"];
    let signed = ["-CA", &certificate, "-CAkey", &key];
    let leaf = ["-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth", "-addext", &names];
    openssl(folder, &[NEW, &output, &signed, &leaf].concat()).await
}

async fn openssl(folder: &Path, arguments: &[&str]) -> Result<(), Error> {
    let program = programs::find("openssl").unwrap_or_else(|| "openssl".into());
    let failed = |why: String| Error::Start { part: "the database's certificate", why, log: String::new() };
    let output = Command::new(program).args(arguments).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.map_err(|cause| failed(cause.to_string()))?;
    if output.status.success() { Ok(()) } else { Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned())) }
}

/// Whether it greets: it takes connections once it has its administrator.
pub(super) async fn greets(address: SocketAddrV4) -> bool {
    let greeting = async {
        let mut greeting = [0; 5];
        TcpStream::connect(address).await?.read_exact(&mut greeting).await?;
        Ok::<_, std::io::Error>(greeting)
    };
    // Length and number of the packet, then the protocol's version. What does not speak first is no database.
    matches!(tokio::time::timeout(Duration::from_secs(2), greeting).await, Ok(Ok([_, _, _, _, 10])))
}
