//! An edge of this process on the first host of a fleet.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reeve::edge::{self, Book, Entry, Pace, Parts, Rules, Said};
use reeve::planes::Planes;
use reeve::sandbox::ZONE;
use reeve::session::Held;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::fleet_ground::{Fleet, plain};
use crate::support::Estate;

/// What the tests' edge looks for changes.
pub const PACE: Pace = Pace {
    quiet: Duration::from_millis(500),
    busy: Duration::from_millis(200),
    starting: Duration::from_millis(100),
    all: Duration::from_secs(60),
    note: Duration::from_secs(1),
};

/// An edge that runs.
pub struct Edge {
    stop: watch::Sender<bool>,
    said: mpsc::UnboundedReceiver<Said>,
    work: JoinHandle<()>,
}

/// What tests say of tenants.
pub fn book(tenants: &[(&str, Entry)], rules: Rules) -> Book {
    let entry = |(name, entry): &(&str, Entry)| {
        let api_paths = BTreeSet::from(["/openmrs/ws/".to_owned()]);
        ((*name).to_owned(), Entry { host: host(name), api_paths, ..entry.clone() })
    };
    Book::new(tenants.iter().map(entry).collect::<BTreeMap<_, _>>(), rules)
}

pub fn host(tenant: &str) -> String {
    format!("{tenant}.{ZONE}")
}

/// Where clients reach the first host's HAProxy.
pub fn door(fleet: &Fleet) -> String {
    plain(fleet.engine().address)
}

impl Edge {
    /// One that leads.
    pub async fn leads(fleet: &Fleet, estate: &Estate, book: Book) -> Self {
        Self::leads_at(fleet, estate, book, PACE).await
    }

    /// One that leads and looks that often.
    pub async fn leads_at(fleet: &Fleet, estate: &Estate, book: Book, pace: Pace) -> Self {
        let held = estate.session.hold_edge("test").await.expect("nobody else leads");
        let planes = estate.session.under(&held);
        Self::start(fleet, 0, estate, book, pace, Some((planes, held))).await
    }

    /// One of another host that does not lead.
    pub async fn stands_by(fleet: &Fleet, engine: u16, estate: &Estate, book: Book) -> Self {
        Self::start(fleet, engine, estate, book, PACE, None).await
    }

    async fn start(fleet: &Fleet, engine: u16, estate: &Estate, book: Book, pace: Pace, lead: Option<(Planes, Held)>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (said_in, said) = mpsc::unbounded_channel();
        let (_, book) = watch::channel(Arc::new(book));
        let (planes, held) = lead.unzip();
        let (_, lead) = watch::channel(planes);
        let parts = Parts {
            planes: estate.session.planes().fresh(),
            record: estate.session.record(),
            book,
            lead,
            listener: TcpListener::bind((fleet.parts.gateway(), 7430 + engine)).await.expect("the waker's port is free"),
            looked: watch::Sender::default(),
            pace,
            said: said_in,
            metrics: edge::metrics::Metrics::default(),
        };
        let work = tokio::spawn(async move {
            edge::run(parts, stopped).await.expect("the edge runs");
            if let Some(held) = held {
                held.release().await.expect("the lease goes back");
            }
        });
        Self { stop, said, work }
    }

    /// Ends, and lets another lead.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        self.work.await.expect("the edge ends");
    }

    /// What was said so far.
    pub fn said(&mut self) -> Vec<Said> {
        std::iter::from_fn(|| self.said.try_recv().ok()).collect()
    }
}

/// An upload that takes so long, a few bytes at a time; the head of its answer in small letters.
pub async fn slow_upload(door: &str, host: &str, lasts: Duration) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(door).await.expect("HAProxy listens");
    let chunks = u32::try_from(lasts.as_millis() / 250).expect("a number");
    let head = format!(
        "POST /openmrs/ws/rest/v1/obs HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        chunks * 8
    );
    stream.write_all(head.as_bytes()).await.expect("it is sent");
    for _ in 0..chunks {
        stream.write_all(b"12345678").await.expect("it is sent");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    String::from_utf8_lossy(&answer).to_lowercase()
}

/// What clients saw while tenants were put to rest and woken.
#[derive(Debug, Default)]
pub struct Outcome {
    pub rests: usize,
    pub stays: usize,
    pub asked: usize,
    pub answered: usize,
    pub waited: usize,
    /// Answers that nobody should have got.
    pub wrong: Vec<String>,
}

/// Clients come at random moments until tenants were put to rest that often.
pub async fn turns(door: &str, names: &[&str], turns: usize, edge: &mut Edge) -> Outcome {
    use crate::client::{Asks, ask};
    let (stop, wrong) = (watch::Sender::new(false), Arc::new(AtomicBool::new(false)));
    let client = |tenant: String, number: u64| {
        let (door, stop, wrong) = (door.to_owned(), stop.subscribe(), Arc::clone(&wrong));
        tokio::spawn(async move {
            let mut seen = Outcome::default();
            let asks = [Asks::Page, Asks::Api, Asks::Write, Asks::Poll];
            while !*stop.borrow() {
                let kind = asks[rand::random_range(0..asks.len())];
                let answer = ask(&door, &host(&tenant), kind, &format!("client {number} {}", seen.asked)).await;
                seen.asked += 1;
                if answer.is_good() && answer.is_of(&tenant) {
                    seen.answered += 1;
                } else if !answer.is_tenants() && (answer.is_waiting_page() || answer.says_soon()) {
                    seen.waited += 1;
                } else {
                    wrong.store(true, Ordering::Relaxed);
                    seen.wrong.push(format!("{tenant}: {kind:?}: {} {}", answer.head, answer.body.chars().take(300).collect::<String>()));
                }
                // Mostly close together, at times long enough apart that the tenant is put to rest in between, at any moment of it.
                let pause = if rand::random_bool(0.6) { rand::random_range(0..300) } else { rand::random_range(300..6000) };
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            seen
        })
    };
    let clients: Vec<_> =
        names.iter().flat_map(|name| [(name, 1), (name, 2)]).map(|(name, number)| client((*name).to_owned(), number)).collect();
    let mut all = Outcome::default();
    let (begun, mut told) = (std::time::Instant::now(), 0);
    // A long run ends with the first answer that nobody should have got.
    while all.rests < turns && !wrong.load(Ordering::Relaxed) {
        assert!(
            begun.elapsed() < Duration::from_secs(120 + 30 * turns as u64),
            "only {} of {turns} turns in {:?}",
            all.rests,
            begun.elapsed()
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
        for said in edge.said() {
            all.rests += usize::from(matches!(said, Said::Rests { .. }));
            all.stays += usize::from(matches!(said, Said::Stays { .. }));
            if let Said::Trouble(why) = said {
                all.wrong.push(why);
            }
        }
        if all.rests / 100 > told {
            told = all.rests / 100;
            println!("{} turns in {} s", all.rests, begun.elapsed().as_secs());
        }
    }
    stop.send_replace(true);
    for client in clients {
        let seen = client.await.expect("a client");
        all.asked += seen.asked;
        all.answered += seen.answered;
        all.waited += seen.waited;
        all.wrong.extend(seen.wrong);
    }
    all
}

/// Shows the ends of the logs and what the engines say where a test fails: the folder that they are in goes with the fleet.
pub struct Told {
    pub logs: Vec<PathBuf>,
    pub engines: Vec<String>,
}

impl Drop for Told {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for log in &self.logs {
            let text = std::fs::read_to_string(log).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            println!("{}:\n{}", log.display(), lines[lines.len().saturating_sub(60)..].join("\n"));
        }
        let script = "for n in $(docker node ls -q); do docker node inspect --format '{{.ID}} {{json .Status}} {{json .ManagerStatus}}' $n; done; for s in $(docker service ls -q); do docker service ps --no-trunc $s; \
                      docker service inspect --format '{{.Spec.Name}} {{json .Spec.Labels}}' $s; done; docker ps --no-trunc; \
                      for c in $(docker ps -aq); do echo == $c; docker logs --tail 8 $c; docker inspect --format '{{json .State}}' $c; done";
        for engine in &self.engines {
            let mut shell = std::process::Command::new("sh");
            let shell = shell.args(["-c", script]).env("DOCKER_HOST", engine).env("PATH", "/usr/bin:/bin");
            if let Ok(said) = shell.output() {
                println!("{engine}:\n{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
            }
        }
    }
}
