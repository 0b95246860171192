//! What a tenant whose application was broken into would try. Each answers what came of it; none of it needs a shell.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{sleep, timeout};

use crate::say;
use crate::web::App;

/// The argument of a process that does nothing but be there.
pub const SLEEPER: &str = "--sleeper";
const LIMIT: Duration = Duration::from_secs(2);
/// So much of what was read is shown.
const SHOWN: usize = 4096;

/// What an attack is told.
#[derive(Deserialize)]
pub struct Aim {
    #[serde(default)]
    host: String,
    #[serde(default)]
    port: u16,
    #[serde(default)]
    unix: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    url: String,
    count: Option<usize>,
    mb: Option<usize>,
    seconds: Option<u64>,
}

fn told(app: &App, body: Value) -> Response {
    app.json(StatusCode::OK, body)
}

/// Starts processes, one after the other, until it may not or there are `count` (2000); keeps them for `seconds` (5). They do not multiply:
/// where nothing limits them, the machine must live on.
pub async fn fork_bomb(State(app): State<App>, Query(aim): Query<Aim>) -> Response {
    let (mut children, mut error) = (Vec::new(), Value::Null);
    while children.len() < aim.count.unwrap_or(2000) {
        match Command::new("/proc/self/exe").arg(SLEEPER).stdin(Stdio::null()).stdout(Stdio::null()).spawn() {
            Ok(child) => children.push(child),
            Err(e) => {
                error = e.to_string().into();
                break;
            }
        }
    }
    sleep(Duration::from_secs(aim.seconds.unwrap_or(5))).await;
    let started = children.len();
    for child in &mut children {
        let _ = child.kill();
    }
    for mut child in children {
        let _ = child.wait();
    }
    told(&app, json!({"started": started, "error": error}))
}

/// Takes `mb` (4096) of memory and writes to all of it; keeps it for `seconds` (5).
pub async fn fill_memory(State(app): State<App>, Query(aim): Query<Aim>) -> Response {
    let wanted = aim.mb.unwrap_or(4096);
    let mut taken: Vec<Vec<u8>> = Vec::new();
    let mut error = Value::Null;
    while taken.len() * 16 < wanted {
        let mut part = Vec::new();
        if part.try_reserve_exact(16 << 20).is_err() {
            error = "no more memory".into();
            break;
        }
        // Not zeros: those a kernel may share or squeeze.
        part.extend((0..16_u32 << 20).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[2]));
        taken.push(part);
        tokio::task::yield_now().await;
    }
    sleep(Duration::from_secs(aim.seconds.unwrap_or(5))).await;
    let sum: u64 = taken.iter().map(|part| u64::from(part[part.len() / 2])).sum();
    told(&app, json!({"mb": taken.len() * 16, "sum": sum, "error": error}))
}

/// Writes `mb` (100) to the log.
pub async fn log_flood(State(app): State<App>, Query(aim): Query<Aim>) -> Response {
    let (wanted, from) = (aim.mb.unwrap_or(100) << 20, Instant::now());
    let line = "flood ".repeat(170);
    let mut written = 0;
    while written < wanted {
        say(&line);
        written += line.len() + 1;
        if written % (1 << 20) < line.len() {
            tokio::task::yield_now().await;
        }
    }
    told(&app, json!({"mb": written >> 20, "ms": from.elapsed().as_millis()}))
}

/// Connects to `host` and `port`, or to the socket `unix`.
pub async fn connect(State(app): State<App>, Query(aim): Query<Aim>) -> Response {
    let tried = timeout(LIMIT, async {
        if aim.unix.is_empty() {
            TcpStream::connect((aim.host.as_str(), aim.port)).await.map(drop)
        } else {
            UnixStream::connect(&aim.unix).await.map(drop)
        }
    });
    told(
        &app,
        match tried.await {
            Ok(Ok(())) => json!({"connected": true}),
            Ok(Err(e)) => json!({"connected": false, "error": e.to_string()}),
            Err(_) => json!({"connected": false, "error": "no answer"}),
        },
    )
}

/// A plain GET of `url` (`http://host:port/path`), or of `path` at the socket `unix`.
pub async fn http(State(app): State<App>, Query(aim): Query<Aim>) -> Response {
    let rest = aim.url.strip_prefix("http://").unwrap_or(&aim.url);
    let (place, path) = rest.split_once('/').map_or((rest, String::new()), |(place, path)| (place, format!("/{path}")));
    let path = if aim.unix.is_empty() { path } else { aim.path.clone() };
    let address = if place.contains(':') { place.to_owned() } else { format!("{place}:80") };
    let host = if aim.unix.is_empty() { place } else { "localhost" };
    let request = format!("GET {} HTTP/1.0\r\nHost: {host}\r\n\r\n", if path.is_empty() { "/" } else { &path });
    let tried = timeout(LIMIT, async {
        if aim.unix.is_empty() {
            talk(TcpStream::connect(&address).await?, &request).await
        } else {
            talk(UnixStream::connect(&aim.unix).await?, &request).await
        }
    });
    told(
        &app,
        match tried.await {
            Ok(Ok(text)) => {
                json!({"answered": true, "status": text.split(' ').nth(1).and_then(|s| s.parse::<u16>().ok()), "text": text})
            }
            Ok(Err(e)) => json!({"answered": false, "error": e.to_string()}),
            Err(_) => json!({"answered": false, "error": "no answer"}),
        },
    )
}

async fn talk(mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin, request: &str) -> std::io::Result<String> {
    stream.write_all(request.as_bytes()).await?;
    let mut buffer = vec![0; SHOWN];
    let mut n = 0;
    while n < SHOWN {
        match stream.read(&mut buffer[n..]).await? {
            0 => break,
            more => n += more,
        }
    }
    Ok(String::from_utf8_lossy(&buffer[..n]).into_owned())
}

/// Reads the file at `path`, or lists the folder.
pub async fn read(State(app): State<App>, Query(aim): Query<Aim>) -> Response {
    let read = if std::path::Path::new(&aim.path).is_dir() {
        std::fs::read_dir(&aim.path)
            .map(|entries| entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect::<Vec<_>>().join("\n"))
    } else {
        std::fs::read(&aim.path).map(|bytes| String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]).into_owned())
    };
    told(
        &app,
        match read {
            Ok(text) => json!({"read": true, "text": text}),
            Err(e) => json!({"read": false, "error": e.to_string()}),
        },
    )
}

/// Writes a file at `path`, and removes it again.
pub async fn write(State(app): State<App>, Query(aim): Query<Aim>) -> Response {
    let made = std::fs::OpenOptions::new().write(true).create_new(true).open(&aim.path);
    let body = match made {
        Ok(_) => json!({"written": true, "removed": std::fs::remove_file(&aim.path).is_ok()}),
        Err(e) => json!({"written": false, "error": e.to_string()}),
    };
    told(&app, body)
}

/// Writes `mb` (100) into a file at `path` until there is no room, and removes it again after `seconds` (0).
pub async fn fill(State(app): State<App>, Query(aim): Query<Aim>) -> Response {
    use std::io::Write;
    let (wanted, block) = (aim.mb.unwrap_or(100), vec![0x55; 1 << 20]);
    let (mut written, mut error) = (0, Value::Null);
    match std::fs::OpenOptions::new().write(true).create_new(true).open(&aim.path) {
        Ok(mut file) => {
            while written < wanted {
                if let Err(e) = file.write_all(&block) {
                    error = e.to_string().into();
                    break;
                }
                written += 1;
                tokio::task::yield_now().await;
            }
            sleep(Duration::from_secs(aim.seconds.unwrap_or(0))).await;
            let _ = std::fs::remove_file(&aim.path);
        }
        Err(e) => error = e.to_string().into(),
    }
    told(&app, json!({"mb": written, "error": error}))
}

/// Opens connections to `host` and `port`, one after the other, until it may not or there are `count` (1000); keeps them for `seconds` (0).
pub async fn crowd(State(app): State<App>, Query(aim): Query<Aim>) -> Response {
    let (mut open, mut error) = (Vec::new(), Value::Null);
    while open.len() < aim.count.unwrap_or(1000) {
        match timeout(LIMIT, TcpStream::connect((aim.host.as_str(), aim.port))).await {
            Ok(Ok(stream)) => open.push(stream),
            Ok(Err(e)) => {
                error = e.to_string().into();
                break;
            }
            Err(_) => {
                error = "no answer".into();
                break;
            }
        }
    }
    sleep(Duration::from_secs(aim.seconds.unwrap_or(0))).await;
    told(&app, json!({"opened": open.len(), "error": error}))
}
