//! A real HAProxy of a test's own, applications to stand behind it, and a client.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpListener as Taken};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reeve::kinds::haproxy::config::Config;
use reeve::kinds::{Change, Gone, Kind, Live, Naming, New};
use reeve::model::marks::Applied;
use reeve::model::{Address, Marks};
use reeve::planes::aws::stats::Stats;
use reeve::planes::error::Result;
use reeve::planes::facts::Proxy;
use reeve::planes::haproxy::Running;
use reeve::planes::{Haproxy, Ours};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub const ADDRESS: &str = "routing.haproxy";

/// A HAProxy, stopped by its pid when the test ends, however it does.
pub struct World {
    pub folder: tempfile::TempDir,
    pub cx: Haproxy,
    pub stats: Stats,
    pub plain: SocketAddr,
    pub tls: SocketAddr,
}

/// A port that nobody has. Another test may be given it before it is used: each holds on to its own for as short as can be.
fn free() -> SocketAddr {
    Taken::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

pub fn world() -> World {
    let folder = tempfile::Builder::new().prefix("hx").tempdir().unwrap();
    let (plain, tls, stats) = (free(), free(), Stats::default());
    let cx = plane(folder.path(), plain, tls, "estate", &stats);
    World { folder, cx, stats, plain, tls }
}

pub fn place(folder: &Path, plain: SocketAddr, tls: SocketAddr) -> Proxy {
    Proxy {
        folder: folder.to_owned(),
        listen: tls.to_string(),
        plain: Some(plain.to_string()),
        waker: None,
        run: vec!["haproxy".into()],
        user: None,
    }
}

pub fn plane(folder: &Path, plain: SocketAddr, tls: SocketAddr, stack: &str, stats: &Stats) -> Haproxy {
    Haproxy { ours: Ours::new(stack, stats.clone()), place: Arc::new(place(folder, plain, tls)), tasks: None }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill();
    }
}

pub fn marks() -> Marks {
    Marks {
        stack: "estate".into(),
        address: Some(Address::parse(ADDRESS).unwrap()),
        applied: Applied::parse("v1:abcdef"),
        attempt: "a1".into(),
        ..Marks::default()
    }
}

/// Tenants `a`, `b`, ... at `NAME.example.org`, as the module writes them.
pub fn config(tenants: &[&str]) -> Config {
    let route = |name: &&str| (format!("{name}.example.org"), route(name, "active"));
    serde_json::from_value(json!({ "routes": tenants.iter().map(route).collect::<BTreeMap<_, _>>() })).unwrap()
}

pub fn route(tenant: &str, state: &str) -> serde_json::Value {
    json!({
        "tenant": tenant,
        "state": state,
        "api_paths": ["/openmrs/ws/", "/openmrs/ms/"],
        "blocked_paths": ["/openmrs/initialsetup"],
    })
}

impl World {
    pub fn creation(&self, want: &Config) -> New<Config> {
        assert_eq!(want.check(), []);
        let naming = Naming { stack: "estate".into(), salt: String::new() };
        New { address: Address::parse(ADDRESS).unwrap(), want: want.clone(), marks: marks(), token: "t".into(), naming }
    }

    pub async fn make(&self, want: &Config) {
        Config::create(&self.cx, &self.creation(want)).await.unwrap_or_else(|error| panic!("{error}"));
    }

    pub async fn try_update(&self, have: &Config, want: &Config, fields: &[&str]) -> Result<()> {
        let change = Change {
            address: Address::parse(ADDRESS).unwrap(),
            id: "haproxy.cfg".into(),
            attributes: BTreeMap::new(),
            have: have.clone(),
            want: want.clone(),
            fields: fields.iter().map(|field| (*field).to_owned()).collect::<BTreeSet<_>>(),
            marks: marks(),
            token: "t".into(),
        };
        Config::update(&self.cx, &change).await
    }

    pub async fn update(&self, want: &Config) {
        let have = self.live().await.shape;
        self.try_update(&have, want, &["routes"]).await.unwrap_or_else(|error| panic!("{error}"));
    }

    pub async fn drop_it(&self) -> Result<()> {
        let gone =
            Gone { address: Address::parse(ADDRESS).unwrap(), id: "haproxy.cfg".into(), attributes: BTreeMap::new(), have: config(&[]) };
        Config::delete(&self.cx, &gone).await
    }

    pub async fn all(&self) -> Vec<Live<Config>> {
        Config::fetch(&self.cx.fresh()).await.unwrap_or_else(|error| panic!("{error}"))
    }

    pub async fn live(&self) -> Live<Config> {
        let mut all = self.all().await;
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    pub fn at(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    pub fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.at(file)).unwrap_or_default()
    }

    pub async fn follow(&self, running: &[(&str, SocketAddr)]) {
        self.cx.follow(&tasks(running)).await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Asks without TLS.
    pub async fn get(&self, host: &str, path: &str, headers: &str) -> Answer {
        ask(self.plain, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{headers}Connection: close\r\n\r\n")).await.expect("an answer")
    }

    pub async fn page(&self, host: &str, path: &str) -> Answer {
        self.get(host, path, "Accept: text/html,application/xhtml+xml\r\n").await
    }

    /// The same, and waits until nobody answers any more.
    pub async fn killed(&self) {
        self.kill();
        for _ in 0..100 {
            if matches!(self.cx.serves().await, Ok(None)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("it goes on");
    }

    /// Kills master and workers at once, as a power cut does.
    pub fn kill(&self) {
        let Ok(pid) = self.read("haproxy.pid").trim().parse::<u32>() else { return };
        let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        if line.contains(&*self.folder.path().to_string_lossy()) {
            let workers = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
            let all = std::iter::once(pid.to_string()).chain(workers.split_whitespace().map(str::to_owned));
            let _ = std::process::Command::new("kill").arg("-KILL").args(all).status();
        }
    }
}

pub fn tasks(running: &[(&str, SocketAddr)]) -> Vec<Running> {
    running.iter().map(|(tenant, address)| Running { tenant: (*tenant).into(), address: *address }).collect()
}

/// What was answered.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
    }
}

/// Sends a whole request and reads the whole answer; `None` when there was no whole one.
pub async fn ask(to: SocketAddr, request: &str) -> Option<Answer> {
    let all = async {
        let mut stream = TcpStream::connect(to).await.ok()?;
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok()?;
        parse(&String::from_utf8_lossy(&answer))
    };
    tokio::time::timeout(Duration::from_secs(30), all).await.ok().flatten()
}

pub fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, head: head.replace('\r', ""), body: body.to_owned() })
}

/// An application that says its name and repeats what it was asked.
pub async fn application(name: &str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    serve(listener, name.to_owned());
    address
}

pub fn serve(listener: TcpListener, name: String) {
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let name = name.clone();
            tokio::spawn(async move {
                let mut request = Vec::new();
                let mut part = [0; 4096];
                while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                    match stream.read(&mut part).await {
                        Ok(read @ 1..) => request.extend_from_slice(&part[..read]),
                        _ => return, // a health check connects and goes
                    }
                }
                // All of it: who closes with something unread resets the connection.
                let end = request.windows(4).position(|end| end == b"\r\n\r\n").unwrap_or_default() + 4;
                let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
                let mut missing = length.unwrap_or_default().saturating_sub(request.len() - end);
                while missing > 0 {
                    match stream.read(&mut part).await {
                        Ok(read @ 1..) => missing = missing.saturating_sub(read),
                        _ => return,
                    }
                }
                let body = String::from_utf8_lossy(&request[..end]).into_owned();
                let head = format!("HTTP/1.1 200 OK\r\nX-Tenant: {name}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                let _ = stream.write_all((head + &body).as_bytes()).await;
            });
        }
    });
}
