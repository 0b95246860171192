//! A small HTTP server on a real socket that answers as it is told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `Action=` of the query protocols, or the end of `X-Amz-Target`, or the path.
    pub action: String,
    pub body: String,
}

/// What comes back.
pub enum Reply {
    Body(u16, &'static str, String),
    /// The connection closes without an answer.
    Close,
    /// The connection closes in the middle of the answer.
    Half(String),
    /// Nothing comes, for a minute.
    Silence,
}

pub fn xml(body: impl Into<String>) -> Reply {
    Reply::Body(200, "text/xml", body.into())
}

type Answers = dyn Fn(&Asked, usize) -> Reply + Send + Sync;

/// A server; it ends with the test's runtime.
pub struct Server {
    pub endpoint: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// `answers` gets the request and how many of the same action came before it.
    pub async fn start(answers: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (all, answers): (_, Arc<Answers>) = (asked.clone(), Arc::new(answers));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, all.clone(), answers.clone()));
            }
        });
        Self { endpoint, asked }
    }

    /// The requests with this action, in order.
    pub fn asked(&self, action: &str) -> Vec<Asked> {
        self.asked.lock().unwrap().iter().filter(|asked| asked.action == action).cloned().collect()
    }
}

async fn serve(stream: TcpStream, all: Arc<Mutex<Vec<Asked>>>, answers: Arc<Answers>) {
    let mut stream = BufReader::new(stream);
    while let Some(asked) = read(&mut stream).await {
        let before = {
            let mut all = all.lock().unwrap();
            all.push(asked.clone());
            all.iter().filter(|other| other.action == asked.action).count() - 1
        };
        let (text, last) = match answers(&asked, before) {
            Reply::Body(status, kind, body) => {
                (format!("HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}", body.len()), false)
            }
            Reply::Half(body) => (
                format!("HTTP/1.1 200 X\r\ncontent-type: text/xml\r\ncontent-length: {}\r\n\r\n{}", body.len(), &body[..body.len() / 2]),
                true,
            ),
            Reply::Close => return,
            Reply::Silence => {
                tokio::time::sleep(Duration::from_secs(60)).await;
                return;
            }
        };
        if stream.write_all(text.as_bytes()).await.is_err() || last {
            return;
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Asked> {
    let (mut first, mut length, mut target) = (String::new(), 0, None);
    stream.read_line(&mut first).await.ok().filter(|read| *read > 0)?;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim().split_once(": ") else { break };
        match name.to_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "x-amz-target" => target = value.rsplit('.').next().map(str::to_owned),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let body = String::from_utf8(body).ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    let action = target.or_else(|| body.split('&').find_map(|part| part.strip_prefix("Action=")).map(str::to_owned)).unwrap_or(path);
    Some(Asked { action, body })
}
