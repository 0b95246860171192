//! The stand-in under test, and a small HTTP client that can give up early.
#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "shared by several test programs; tests may sleep"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::support::{MariaDb, free_port, until};

/// How it is started.
#[derive(Clone)]
pub struct Start {
    pub env: BTreeMap<String, String>,
    data: Arc<tempfile::TempDir>,
}

impl Start {
    /// As the user of that name with the password `geheim`, quickly.
    pub fn tenant(server: &MariaDb, name: &str) -> Self {
        let data = Arc::new(tempfile::tempdir().unwrap());
        let start = Self { env: BTreeMap::new(), data };
        let (port, folder, ca) = (server.port.to_string(), start.data.path().display().to_string(), server.ca().display().to_string());
        start
            .set("OMRS_DB_HOSTNAME", "localhost")
            .set("OMRS_DB_PORT", &port)
            .set("OMRS_DB_NAME", name)
            .set("OMRS_DB_USERNAME", name)
            .set("OMRS_DB_PASSWORD", "geheim")
            .set("OMRS_DB_EXTRA_ARGS", &format!("&sslMode=verify-full&serverSslCert={ca}"))
            .set("OMRS_CREATE_TABLES", "true")
            .set("OMRS_ADMIN_USER_PASSWORD", "Verwalter1")
            .set("STANDIN_VERSION", "v7")
            .set("STANDIN_FIRST_START_SECONDS", "0.4")
            .set("STANDIN_START_SECONDS", "0.2")
            .set("STANDIN_DATA", &folder)
    }

    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    pub fn run(mut self) -> Standin {
        let port = free_port();
        self.env.insert("STANDIN_PORT".into(), port.to_string());
        let mut child = Command::new(env!("CARGO_BIN_EXE_reeve-standin"))
            .env_clear()
            .envs(&self.env)
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let (out, heard) = (child.stdout.take().unwrap(), Arc::clone(&said));
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let mut heard = heard.lock().unwrap();
                heard.push_str(&line);
                heard.push('\n');
            }
        });
        Standin { port, child, said, start: self }
    }
}

/// A running one; killed when dropped.
pub struct Standin {
    pub port: u16,
    child: Child,
    said: Arc<Mutex<String>>,
    pub start: Start,
}

impl Standin {
    pub fn data(&self) -> PathBuf {
        self.start.data.path().to_owned()
    }

    /// The same once more, after it has ended.
    pub fn again(&self) -> Self {
        self.start.clone().run()
    }

    pub fn hears(&self, words: &str) {
        for _ in 0..500 {
            if self.said.lock().unwrap().contains(words) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("never heard {words:?}:\n{}", self.said.lock().unwrap());
    }

    pub fn is_ready(&self, seconds: u64) {
        until("it is ready", seconds, || {
            self.within(Duration::from_millis(500)).get("/openmrs/health/started").is_some_and(|a| a.status == 200)
        });
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    pub fn ends(&mut self, seconds: u64) -> i32 {
        let mut code = None;
        until("it ends", seconds, || {
            code = self.child.try_wait().unwrap();
            code.is_some()
        });
        code.unwrap().code().unwrap()
    }

    pub fn client(&self) -> Client {
        Client { port: self.port, limit: Duration::from_secs(10), header: None }
    }

    pub fn within(&self, limit: Duration) -> Client {
        Client { limit, ..self.client() }
    }

    pub fn with(&self, name: &str, value: &str) -> Client {
        Client { header: Some(format!("{name}: {value}\r\n")), ..self.client() }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.client().get(path).expect("an answer")
    }

    pub fn post(&self, path: &str, kind: &str, body: &str) -> Answer {
        self.client().send("POST", path, kind, body).expect("an answer")
    }
}

impl Drop for Standin {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends one request per connection.
pub struct Client {
    port: u16,
    limit: Duration,
    header: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Client {
    /// `None`: no answer in time.
    pub fn get(&self, path: &str) -> Option<Answer> {
        self.send("GET", path, "text/plain", "")
    }

    pub fn send(&self, method: &str, path: &str, kind: &str, body: &str) -> Option<Answer> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(self.limit)).unwrap();
        let header = self.header.as_deref().unwrap_or_default();
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.0\r\nHost: a\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{header}\r\n");
        stream.write_all((head + body).as_bytes()).ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        Some(Answer { status: head.split(' ').nth(1)?.parse().ok()?, head: head.to_owned(), body: body.to_owned() })
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().filter_map(|line| line.split_once(": ")).find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }
}
