//! What is behind `reeve sandbox`. [`parts`]: a Docker Engine, a database, a registry, which run on this machine for real. And the
//! emulated AWS: moto with this project's plug-in, as a child process on 127.0.0.1.
//!
//! moto knows nothing of the rest of the crate and the crate nothing of moto: clients reach it through
//! `AWS_ENDPOINT_URL` like any other endpoint. What it lacks, and what is not modelled, stands in `sandbox/README.md`.

mod files;
pub mod parts;
mod python;

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, Command};

/// The account that the emulated AWS answers for.
pub const ACCOUNT: &str = "123456789012";

/// The Route 53 zone that a sandbox starts with when none is named.
pub const ZONE: &str = "hostedehr.org";

/// How long the emulated AWS may take to answer for the first time: importing moto takes seconds on a slow disk.
const START: Duration = Duration::from_secs(120);

/// How to start a [`Sandbox`].
#[derive(Clone, Debug)]
pub struct Options {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Public Route 53 hosted zones that exist from the start, such as `hostedehr.org`.
    pub zones: Vec<String>,
    /// Where its messages go; `None`: `log` in the sandbox's temporary folder, which goes when the sandbox does.
    pub log: Option<PathBuf>,
    /// The database servers that are behind RDS instances; `None`: there are none, and addresses lead nowhere.
    pub database: Option<Database>,
    /// For so long RDS makes an instance.
    pub database_takes: Duration,
}

/// Real database servers that the emulated RDS speaks of. Their port is the one that the stack asks RDS for.
#[derive(Clone, Debug)]
pub struct Database {
    /// In the order in which RDS takes them: each instance that is made, restored ones too, gets the next. An instance keeps its server for
    /// life, and no other gets it afterwards; when none is left, an instance's address leads nowhere.
    pub servers: Vec<Server>,
    /// A file with their administrator's name and password, which Secrets Manager hands out: `{"user": "...", "password": "..."}`.
    pub admin: PathBuf,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct Server {
    /// The address that RDS answers.
    pub address: IpAddr,
    /// The socket where its superuser comes in: how the emulated RDS copies data.
    pub socket: PathBuf,
}

impl Default for Options {
    fn default() -> Self {
        Self { port: 0, zones: vec![ZONE.to_owned()], log: None, database: None, database_takes: Duration::ZERO }
    }
}

/// What goes wrong with the emulated AWS; each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No Python with moto was found.
    #[error("no Python with moto found (looked at {looked}): run `make setup` in the checkout, or name one in REEVE_SANDBOX_PYTHON")]
    NoPython {
        /// The paths that were tried.
        looked: String,
    },
    /// The plug-in's files or the log could not be written.
    #[error("{path}: {cause}: the sandbox needs to write there")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The Python process could not be started.
    #[error("{path}: {cause}: it should be a Python interpreter; run `make setup`")]
    Spawn {
        /// The interpreter.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The port cannot be had.
    #[error("cannot listen on 127.0.0.1:{port}: {cause}: give another --port, or 0 for one that is free")]
    Port {
        /// The port.
        port: u16,
        /// Why.
        cause: io::Error,
    },
    /// It ended or stayed silent before it answered.
    #[error("the emulated AWS did not start ({why}); its last messages:\n{log}")]
    Start {
        /// What was seen.
        why: String,
        /// The end of its log.
        log: String,
    },
    /// It runs but a request to it failed.
    #[error("the emulated AWS at {endpoint} did not answer: {why}")]
    Request {
        /// Where it should be.
        endpoint: String,
        /// What was seen.
        why: String,
    },
}

/// A running emulated AWS. Dropping it stops it and removes its temporary folder.
#[derive(Debug)]
pub struct Sandbox {
    /// Its URL, such as `http://127.0.0.1:4566`: the value for `AWS_ENDPOINT_URL`.
    pub endpoint: String,
    /// Where its messages are.
    pub log: PathBuf,
    folder: PathBuf,
    child: Child,
    // The child stops when its standard input ends: so it also goes when this process is killed.
    _life: Option<ChildStdin>,
}

impl Sandbox {
    /// Starts it and waits until it answers.
    ///
    /// # Errors
    /// No Python with moto, no place to write, a port in use, or a plug-in that fails to load.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let python = Self::possible(options.port)?;
        let folder = files::unpack()?;
        match Self::launch(&python, &folder, options).await {
            Ok(sandbox) => Ok(sandbox),
            Err(error) => {
                files::remove(&folder);
                Err(error)
            }
        }
    }

    /// Whether it can start, asked before anything is begun that takes long: a Python with moto, which is given, and a free port.
    ///
    /// # Errors
    /// No Python with moto, or a port in use.
    pub fn possible(port: u16) -> Result<PathBuf, Error> {
        let python = python::find()?;
        // Tried here, where the reason is one line; it is free again when the child takes it.
        std::net::TcpListener::bind(("127.0.0.1", port)).map_err(|cause| Error::Port { port, cause })?;
        Ok(python)
    }

    async fn launch(python: &Path, folder: &Path, options: Options) -> Result<Self, Error> {
        let log = options.log.unwrap_or_else(|| folder.join("log"));
        let messages = std::fs::File::create(&log).map_err(|cause| Error::Write { path: log.clone(), cause })?;
        let mut command = Command::new(python);
        command
            .args(["-m", "reeve_moto", "--host", "127.0.0.1", "--watch-stdin", "--port"])
            .arg(options.port.to_string())
            .arg("--remove")
            .arg(folder)
            .current_dir(folder)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env_remove("PYTHONPATH")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(messages)
            .kill_on_drop(true);
        for zone in &options.zones {
            command.arg("--zone").arg(zone);
        }
        if let Some(database) = &options.database {
            for server in &database.servers {
                command.arg("--database").arg(format!("{}={}", server.address, server.socket.display()));
            }
            command.arg("--database-admin").arg(&database.admin);
        }
        command.arg("--database-takes").arg(options.database_takes.as_secs_f64().to_string());
        let mut child = command.spawn().map_err(|cause| Error::Spawn { path: python.to_owned(), cause })?;
        let life = child.stdin.take();
        match first_line(&mut child).await.and_then(|line| endpoint_of(&line)) {
            Ok(endpoint) => Ok(Self { endpoint, log, folder: folder.to_owned(), child, _life: life }),
            Err(why) => {
                let _ = child.kill().await;
                Err(Error::Start { why, log: tail(&log) })
            }
        }
    }

    /// Empties the account; the hosted zones of the start are made anew.
    ///
    /// # Errors
    /// It does not answer any more.
    pub async fn reset(&self) -> Result<(), Error> {
        let failed = |why: String| Error::Request { endpoint: self.endpoint.clone(), why };
        let address = self.endpoint.trim_start_matches("http://").to_owned();
        let exchange = async {
            let mut stream = TcpStream::connect(&address).await?;
            let request = format!("POST /moto-api/reset HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await?;
            Ok::<_, io::Error>(answer)
        };
        let answer = tokio::time::timeout(Duration::from_secs(30), exchange)
            .await
            .map_err(|_| failed("no answer in 30 s".to_owned()))?
            .map_err(|cause| failed(cause.to_string()))?;
        let status = String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned();
        if status.contains(" 200") { Ok(()) } else { Err(failed(status)) }
    }

    /// Waits until it ends by itself, which it does only when it is stopped from outside or fails.
    ///
    /// # Errors
    /// The process cannot be waited for.
    pub async fn wait(&mut self) -> io::Result<std::process::ExitStatus> {
        // `Child::wait` closes the child's standard input, which it takes for the end: here that handle is not the child's.
        self.child.wait().await
    }

    /// The variables that make any AWS client talk to it.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            // What boto3 and the older command line read.
            ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
        ]
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.start_kill();
        files::remove(&self.folder);
    }
}

async fn first_line(child: &mut Child) -> Result<String, String> {
    let Some(output) = child.stdout.take() else { return Err("no standard output".to_owned()) };
    let mut line = String::new();
    match tokio::time::timeout(START, BufReader::new(output).read_line(&mut line)).await {
        Err(_) => Err(format!("silent for {} s", START.as_secs())),
        Ok(Err(cause)) => Err(cause.to_string()),
        Ok(Ok(0)) => match child.wait().await {
            Ok(status) => Err(format!("it ended with {status}")),
            Err(cause) => Err(cause.to_string()),
        },
        Ok(Ok(_)) => Ok(line),
    }
}

fn endpoint_of(line: &str) -> Result<String, String> {
    let told: Option<serde_json::Value> = serde_json::from_str(line).ok();
    match told.as_ref().and_then(|value| value["endpoint"].as_str()) {
        Some(endpoint) => Ok(endpoint.to_owned()),
        None => Err(format!("unexpected first line: {}", line.trim())),
    }
}

/// The last lines of a log, which may be missing.
fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}

#[cfg(test)]
mod tests;
