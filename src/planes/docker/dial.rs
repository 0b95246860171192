//! The engine through a program whose standard input and output are the connection: `ssh`, or Session Manager's plugin.
//!
//! bollard speaks HTTP over whatever connects ([`dialled`]). No port and no socket is opened on this machine: who else works on it reaches nothing.
//! Each new connection is first asked for a sign of life (`HEAD /_ping`), so that a way that leads nowhere is told from a request whose answer was lost: the
//! first has surely changed nothing. What the program says of itself before that (`ssh` and the plugin have words of their own) is not taken for an answer.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, Join, ReadBuf};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::planes::error::Error;
use crate::planes::tunnel::Session;

/// The longest that a connection may take until the engine gives its sign of life.
const SILENCE: Duration = Duration::from_secs(20);
/// How many connections there are at a time: sshd and Session Manager refuse many that begin at once. Further requests wait for one of these.
const MOST: usize = 4;
/// How long a connection that nobody uses stays: far shorter than Session Manager lets one be idle.
const IDLE: Duration = Duration::from_secs(60);
/// How much of what a program said is kept, in bytes.
const SAID: usize = 2000;
/// How much may come before the engine's first word, in bytes.
const BEFORE: u64 = 65_536;

/// A program to start, and what ends with it.
pub(super) struct Program {
    /// With its arguments; its streams are set here.
    pub command: Command,
    /// The session that it carries.
    pub session: Option<Session>,
}

/// Gives a program for each connection.
pub(super) type Start = Arc<dyn Fn() -> BoxFuture<'static, Result<Program, Error>> + Send + Sync>;

/// What a program's last words mean: what to do about them.
pub(super) type Advice = fn(&str) -> String;

/// An engine behind programs that `start` gives.
pub(super) fn dialled(start: Start, advice: Advice, timeout: u64) -> Result<bollard::Docker, bollard::errors::Error> {
    let dial = Dial { start, advice, free: Arc::new(Semaphore::new(MOST)) };
    let client = Client::builder(TokioExecutor::new()).pool_idle_timeout(IDLE).pool_timer(hyper_util::rt::TokioTimer::new()).build(dial);
    let client = Arc::new(client);
    let transport = move |request: bollard::BollardRequest| {
        let client = Arc::clone(&client);
        async move { client.request(request).await.map_err(told) }
    };
    bollard::Docker::connect_with_custom_transport(transport, Some("http://engine"), timeout, bollard::API_DEFAULT_VERSION)
}

/// A way that leads nowhere is an error of the connection, with its own words.
fn told(error: hyper_util::client::legacy::Error) -> bollard::errors::Error {
    let mut causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
    match causes.find_map(|cause| cause.downcast_ref::<Nowhere>()) {
        Some(nowhere) => io::Error::new(io::ErrorKind::NotConnected, nowhere.0.clone()).into(),
        None => error.into(),
    }
}

/// No connection came about, and nothing was asked: why, and what to do.
#[derive(Debug, Clone)]
struct Nowhere(String);

impl fmt::Display for Nowhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Nowhere {}

/// Makes connections.
#[derive(Clone)]
struct Dial {
    start: Start,
    advice: Advice,
    free: Arc<Semaphore>,
}

impl<A> tower_service::Service<A> for Dial {
    type Response = TokioIo<Line>;
    type Error = Nowhere;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Nowhere>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Nowhere>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: A) -> Self::Future {
        let dial = self.clone();
        Box::pin(async move { dial.connect().await.map(TokioIo::new) })
    }
}

impl Dial {
    async fn connect(self) -> Result<Line, Nowhere> {
        let place = self.free.acquire_owned().await.map_err(|error| Nowhere(error.to_string()))?;
        let Program { mut command, session } = (self.start)().await.map_err(|error| Nowhere(error.to_string()))?;
        // A group of its own: a Ctrl-C at the terminal is for us, and what runs is finished with this connection.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
        let name = command.as_std().get_program().to_string_lossy().into_owned();
        let mut child = command.spawn().map_err(|error| Nowhere(format!("`{name}` cannot be started: {error}")))?;
        let (Some(to), Some(from), Some(complaints)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
            return Err(Nowhere(format!("`{name}` has no streams")));
        };
        let said = Said::of(complaints);
        let mut line = Line { streams: tokio::io::join(BufReader::new(from), to), child, _session: session, _place: place };
        let failed = match tokio::time::timeout(SILENCE, line.lives(&said)).await {
            Ok(Ok(())) => return Ok(line),
            Ok(Err(failed)) => failed,
            Err(_) => format!("`{name}` says nothing for {} s", SILENCE.as_secs()),
        };
        let last = line.ended(&said).await;
        Err(Nowhere(match last.is_empty() {
            true => format!("{failed}: {}", (self.advice)(&failed)),
            false => format!("`{name}` says: {last}: {}", (self.advice)(&last)),
        }))
    }
}

/// One connection. The program ends with it.
struct Line {
    streams: Join<BufReader<ChildStdout>, ChildStdin>,
    child: Child,
    _session: Option<Session>,
    _place: OwnedSemaphorePermit,
}

impl Line {
    /// Whether an engine answers at its other end.
    async fn lives(&mut self, said: &Said) -> Result<(), String> {
        // A program that has ended already has said why.
        let _ = self.streams.writer_mut().write_all(b"HEAD /_ping HTTP/1.1\r\nHost: engine\r\n\r\n").await;
        let _ = self.streams.writer_mut().flush().await;
        let mut is_answer = false;
        let mut from = self.streams.reader_mut().take(BEFORE);
        loop {
            let mut line = Vec::new();
            let read = from.read_until(b'\n', &mut line).await.map_err(|error| error.to_string())?;
            let text = String::from_utf8_lossy(&line);
            let text = text.trim();
            match () {
                () if read == 0 => return Err("the connection ended without an answer".to_owned()),
                () if is_answer && text.is_empty() => return Ok(()),
                () if is_answer => {}
                () if text.starts_with("HTTP/") => is_answer = true,
                () => said.add(text),
            }
        }
    }

    /// What the program said of its end.
    async fn ended(&mut self, said: &Said) -> String {
        if tokio::time::timeout(Duration::from_secs(1), self.child.wait()).await.is_err() {
            drop(self.child.kill().await);
        }
        said.whole().await
    }
}

/// What a program says beside the connection: the end of it.
struct Said {
    text: Arc<Mutex<String>>,
    reads: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl Said {
    /// Listens as long as the program lives, so that it never waits for a listener.
    fn of(complaints: ChildStderr) -> Self {
        let said = Self { text: Arc::default(), reads: Mutex::default() };
        let text = Arc::clone(&said.text);
        let reads = tokio::spawn(async move {
            let mut lines = BufReader::new(complaints);
            let mut line = Vec::new();
            while (&mut lines).take(BEFORE).read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
                add(&text, String::from_utf8_lossy(&line).trim());
                line.clear();
            }
        });
        *said.reads.lock().unwrap_or_else(PoisonError::into_inner) = Some(reads);
        said
    }

    fn add(&self, line: &str) {
        add(&self.text, line);
    }

    async fn whole(&self) -> String {
        let reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(reads) = reads {
            // What the program itself started may still hold the stream.
            drop(tokio::time::timeout(Duration::from_secs(1), reads).await);
        }
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The plugin's own first line says nothing that anybody needs.
fn add(text: &Mutex<String>, line: &str) {
    if line.is_empty() || line.starts_with("Starting session with SessionId") {
        return;
    }
    let mut text = text.lock().unwrap_or_else(PoisonError::into_inner);
    if !text.is_empty() {
        text.push_str("; ");
    }
    text.push_str(line);
    let excess = text.len().saturating_sub(SAID);
    let from = (excess..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    text.drain(..from);
}

impl AsyncRead for Line {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().streams).poll_read(cx, buf)
    }
}

impl AsyncWrite for Line {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().streams).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().streams).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().streams).poll_shutdown(cx)
    }
}

impl Connection for Line {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An engine behind a program of the shell.
    async fn engine(script: &'static str) -> Result<bollard::Docker, bollard::errors::Error> {
        let start: Start = Arc::new(move || {
            Box::pin(async move {
                let mut command = Command::new("sh");
                command.args(["-c", script]);
                Ok(Program { command, session: None })
            })
        });
        dialled(start, |_| "do this".to_owned(), 5)?.negotiate_version().await
    }

    #[tokio::test]
    async fn what_comes_before_an_answer_is_not_the_engines() {
        let script = r#"printf '\nStarting session with SessionId: one\nWelcome to HTTP/1.1\n'
            answer() { while read -r line && [ "$line" != "$(printf '\r')" ]; do :; done; printf 'HTTP/1.1 200 OK\r\n%s\r\n\r\n%s' "$1" "$2"; }
            answer 'Api-Version: 1.41' ''
            answer 'Content-Length: 47' '{"ApiVersion": "1.41", "MinAPIVersion": "1.12"}'"#;
        let client = engine(script).await.expect("it answers");
        assert_eq!(client.client_version().minor_version, 41);
    }

    #[tokio::test]
    async fn a_program_that_ends_says_why() {
        let error = engine("echo 'Permission denied (publickey).' >&2; exit 255").await.expect_err("it ended").to_string();
        assert!(error.contains("`sh` says: Permission denied (publickey).: do this"), "{error}");
        let error = engine("exit 3").await.expect_err("it ended").to_string();
        assert!(error.contains("the connection ended without an answer: do this"), "{error}");
    }

    #[test]
    fn only_the_end_of_long_words_is_kept() {
        let text = Mutex::new(String::new());
        add(&text, "first");
        add(&text, &"ä".repeat(SAID));
        let kept = text.into_inner().unwrap();
        assert!(kept.len() <= SAID && !kept.contains("first"), "{}", kept.len());
    }
}
