//! A request and its answer over one connection: all that the parts need of HTTP (Docker's socket, the registry).

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who is asked.
#[derive(Clone, Debug)]
pub(super) enum Server {
    /// A socket on this machine.
    Unix(PathBuf),
    /// `address:port`.
    Tcp(String),
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// A header's value.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as text, for messages.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).trim().to_owned()
    }
}

/// Sends one request and reads the whole answer.
pub(super) async fn send(server: &Server, method: &str, path: &str, kind: &str, body: &[u8]) -> io::Result<Answer> {
    let exchange = async {
        match server {
            Server::Unix(socket) => exchange(UnixStream::connect(socket).await?, "docker", method, path, kind, body).await,
            Server::Tcp(address) => exchange(TcpStream::connect(address).await?, address, method, path, kind, body).await,
        }
    };
    tokio::time::timeout(PATIENCE, exchange).await.map_err(|_| io::Error::other(format!("no answer in {} s", PATIENCE.as_secs())))?
}

async fn exchange<S>(mut stream: S, host: &str, method: &str, path: &str, kind: &str, body: &[u8]) -> io::Result<Answer>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    parse(&bytes).ok_or_else(|| io::Error::other(format!("{method} {path}: not an answer in HTTP")))
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
    let mut answer = Answer { status, headers, body: bytes[end + 4..].to_vec() };
    if answer.header("transfer-encoding") == Some("chunked") {
        answer.body = chunks(&answer.body)?;
    }
    Some(answer)
}

fn chunks(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let end = bytes.windows(2).position(|window| window == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).ok()?.split(';').next()?.trim(), 16).ok()?;
        bytes = &bytes[end + 2..];
        if length == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(bytes.get(..length)?);
        bytes = bytes.get(length + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_joined_and_a_cut_answer_is_none() {
        let whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nreev\r\n1;x=y\r\ne\r\n0\r\n\r\n";
        let answer = parse(whole).unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (200, "reeve"));
        for cut in 0..whole.len() - 4 {
            assert!(parse(&whole[..cut]).is_none_or(|answer| answer.body.is_empty()), "{cut}");
        }
    }
}
