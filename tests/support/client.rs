//! Clients that ask a tenant through HAProxy all the time, and keep what they were answered.
#![allow(dead_code)] // each test binary uses a part of it

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// A page, as a browser does.
    Page,
    /// The interface for programs.
    Api,
    /// What an open tab asks by itself.
    Poll,
    /// Writes a patient.
    Write,
}

/// An answer, or that there was none.
#[derive(Debug, Clone)]
pub struct Answer {
    pub asks: Asks,
    /// When it was there.
    pub at: Instant,
    /// The name of the patient that was to be written.
    pub name: String,
    /// 0: the connection broke.
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// The tenant's own.
    pub fn is_tenants(&self) -> bool {
        self.head.contains("x-standin-schema:")
    }

    /// The page of the waker.
    pub fn is_waiting_page(&self) -> bool {
        self.status == 200
            && self.head.contains("content-type: text/html")
            && self.head.contains("cache-control: no-store")
            && !self.is_tenants()
    }

    /// The tenant's own, by the name that the tenant puts into it.
    pub fn is_of(&self, tenant: &str) -> bool {
        self.head.lines().any(|line| {
            line.strip_prefix("x-standin-schema:").is_some_and(|schema| schema.trim() == format!("hostedehr-tenant-{tenant}-schema"))
        })
    }

    /// That it will be back, and when to ask again.
    pub fn says_soon(&self) -> bool {
        self.status == 503 && self.head.contains("retry-after:") && self.head.contains("cache-control: no-store")
    }

    /// It did not break off in the middle.
    pub fn is_whole(&self) -> bool {
        let length = self.head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        self.status != 0 && !self.head.is_empty() && length.is_none_or(|length| self.body.len() >= length)
    }

    /// The tenant did as it was asked.
    pub fn is_good(&self) -> bool {
        self.is_tenants() && matches!((self.asks, self.status), (Asks::Write, 201) | (Asks::Page | Asks::Api | Asks::Poll, 200))
    }
}

/// One request on a connection of its own.
pub async fn ask(door: &str, host: &str, asks: Asks, name: &str) -> Answer {
    let request = match asks {
        Asks::Page => format!("GET /openmrs/spa/home HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\nConnection: close\r\n\r\n"),
        Asks::Api => format!("GET /openmrs/ws/rest/v1/patient?q=none HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
        Asks::Poll => format!(
            "GET /openmrs/ws/rest/v1/session HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\nSec-Fetch-Mode: cors\r\n\
             Sec-Fetch-Site: same-origin\r\nSec-Fetch-Dest: empty\r\nConnection: close\r\n\r\n"
        ),
        Asks::Write => {
            let body = format!("{{\"name\":\"{name}\"}}");
            format!(
                "POST /openmrs/ws/rest/v1/patient HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n{body}",
                body.len()
            )
        }
    };
    let exchange = async {
        let address: SocketAddr = door.parse().map_err(std::io::Error::other)?;
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut text = Vec::new();
        stream.read_to_end(&mut text).await?;
        std::io::Result::Ok(String::from_utf8_lossy(&text).into_owned())
    };
    let text = match tokio::time::timeout(Duration::from_secs(60), exchange).await {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "no answer within a minute".to_owned(),
    };
    let (head, body) =
        text.split_once("\r\n\r\n").map_or((text.clone(), String::new()), |(head, body)| (head.to_lowercase(), body.to_owned()));
    let status = head.strip_prefix("http/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok()).unwrap_or_default();
    Answer { asks, at: Instant::now(), name: name.to_owned(), status, head, body }
}

/// Clients that go on until they are stopped.
pub struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Vec<Answer>>>,
}

impl Load {
    /// One client for each, who asks again 20 ms after each answer.
    pub fn start(door: &str, host: &str, asks: &[Asks]) -> Self {
        Self::now_and_then(door, host, asks, 20..21)
    }

    /// The same, after some time between these, in milliseconds.
    pub fn now_and_then(door: &str, host: &str, asks: &[Asks], pause: Range<u64>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let client = |(number, asks): (usize, &Asks)| {
            let (door, host, asks, stop, pause) = (door.to_owned(), host.to_owned(), *asks, stop.clone(), pause.clone());
            tokio::spawn(async move {
                let mut answers = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let name = format!("client {number} row {}", answers.len());
                    answers.push(ask(&door, &host, asks, &name).await);
                    tokio::time::sleep(Duration::from_millis(rand::random_range(pause.clone()))).await;
                }
                answers
            })
        };
        let clients = asks.iter().enumerate().map(client).collect();
        Self { stop, clients }
    }

    /// All answers, in the order in which they came.
    pub async fn stop(self) -> Vec<Answer> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        for client in self.clients {
            all.extend(client.await.expect("a client"));
        }
        all.sort_by_key(|answer| answer.at);
        all
    }
}

/// The longest time without a good answer.
pub fn gap(answers: &[Answer]) -> Duration {
    let good: Vec<Instant> = answers.iter().filter(|answer| answer.is_good()).map(|answer| answer.at).collect();
    good.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
}
