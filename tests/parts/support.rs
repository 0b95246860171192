//! What these tests share.

use std::net::Ipv4Addr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use reeve::sandbox::parts::{Engine, Options, Parts};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;

/// The real thing. Where it cannot start, the message says what to do.
pub async fn parts(options: Options) -> Parts {
    Parts::start(options).await.unwrap_or_else(|error| panic!("{error}"))
}

/// A program that runs in an empty container.
pub fn hello() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("hello");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parts/hello.rs");
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let built = std::process::Command::new("rustc")
        .args(["--edition", "2024", "-O", "-C", "target-feature=+crt-static", "--target", &target, source, "-o"])
        .arg(&program)
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    std::fs::read(program).unwrap()
}

/// Debian's own client, which speaks what its engine speaks.
pub async fn docker(engine: &Engine, arguments: &[&str]) -> String {
    try_docker(engine, arguments).await.unwrap_or_else(|said| panic!("docker {}: {said}", arguments.join(" ")))
}

/// The same, where the engine may refuse.
pub async fn try_docker(engine: &Engine, arguments: &[&str]) -> Result<String, String> {
    let host = format!("unix://{}", engine.docker.display());
    let output = Command::new("/usr/bin/docker").args(["-H", &host]).args(arguments).stdin(Stdio::null()).output().await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// The host port of a service's running task.
pub async fn published(engine: &Engine, service: &str) -> u16 {
    let begun = Instant::now();
    loop {
        let task = docker(engine, &["service", "ps", "--quiet", "--filter", "desired-state=running", service]).await;
        if !task.is_empty() {
            let format = "{{.Status.State}} {{range .Status.PortStatus.Ports}}{{.PublishedPort}} {{end}}{{.Status.Err}}";
            let told = docker(engine, &["inspect", "--type", "task", "--format", format, &task]).await;
            // Once for each family of addresses.
            let first = told.strip_prefix("running ").and_then(|ports| ports.split(' ').next());
            if let Some(port) = first.and_then(|port| port.parse().ok()) {
                return port;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{told}");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The body of an answer.
pub async fn get(address: Ipv4Addr, port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect((address, port)).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: hello\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// How the administrator reaches the first database server, with TLS or without.
pub fn database(parts: &Parts, tls: bool) -> mysql_async::Opts {
    server(parts, 0, tls)
}

/// The same for one of them, counted from 0.
pub fn server(parts: &Parts, number: usize, tls: bool) -> mysql_async::Opts {
    let address = parts.databases()[number];
    let admin: serde_json::Value = serde_json::from_slice(&std::fs::read(parts.admin()).unwrap()).unwrap();
    let authority = mysql_async::SslOpts::default().with_root_certs(vec![parts.authority().into()]);
    mysql_async::OptsBuilder::default()
        .ip_or_hostname(address.ip().to_string())
        .tcp_port(address.port())
        .user(admin["user"].as_str())
        .pass(admin["password"].as_str())
        .ssl_opts(tls.then_some(authority))
        .into()
}
