//! The container's health: until the application was ready once it is asked whether it is, from then on whether it lives.
//!
//! Images need not have a shell or `curl` for it. That it was ready once is remembered by a file in the container's own memory, which is new with
//! every container.
//!
//! While the wrapper keeps everything stopped, because its database is away, the container is no less healthy: were it ended for that, a failover
//! of the server would start every tenant anew. The wrapper itself gives up after its patience.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use crate::crowd;

/// Says that the application was ready once.
const WAS_READY: &str = "/tmp/.reeve-was-ready";

/// The longest that connecting, asking or answering may take; Docker ends the whole after 5 s.
const LIMIT: Duration = Duration::from_secs(4);

/// Asks, and says what was wrong where something was.
///
/// # Errors
/// The words for it.
pub fn run(arguments: Vec<OsString>) -> Result<(), String> {
    let asked = Asked::read(&arguments)?;
    if crowd::is_stopped(1) {
        return Ok(());
    }
    let mark = Path::new(WAS_READY);
    if mark.exists() {
        return get(asked.port, &asked.live);
    }
    get(asked.port, &asked.ready)?;
    // Where there is no such folder it is asked for its readiness for ever.
    let _ = std::fs::write(mark, b"");
    Ok(())
}

struct Asked {
    port: u16,
    ready: String,
    live: String,
}

impl Asked {
    fn read(arguments: &[OsString]) -> Result<Self, String> {
        let after = |flag: &str| {
            let at = arguments.iter().position(|argument| argument == flag)?;
            arguments.get(at + 1)?.to_str().map(str::to_owned)
        };
        let need = |flag: &str| after(flag).ok_or_else(|| format!("probe needs {flag}"));
        let port = need("--port")?.parse().map_err(|_| "probe: --port is no port".to_owned())?;
        Ok(Self { port, ready: need("--ready")?, live: need("--live")? })
    }
}

/// A request of the container's own application: anything but 2xx and 3xx is an error.
fn get(port: u16, path: &str) -> Result<(), String> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let failed = |error: std::io::Error| format!("{path}: {error}");
    let mut stream = TcpStream::connect_timeout(&address, LIMIT).map_err(failed)?;
    stream.set_read_timeout(Some(LIMIT)).map_err(failed)?;
    stream.set_write_timeout(Some(LIMIT)).map_err(failed)?;
    // In one piece: who answers after the first would reset the connection under the rest.
    let request = format!("GET {path} HTTP/1.0\r\nHost: localhost:{port}\r\nUser-Agent: reeve-probe\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut head = Vec::new();
    stream.take(64).read_to_end(&mut head).map_err(failed)?;
    let status = String::from_utf8_lossy(&head).split(' ').nth(1).and_then(|code| code.parse::<u16>().ok());
    match status {
        Some(200..400) => Ok(()),
        Some(code) => Err(format!("{path}: {code}")),
        None => Err(format!("{path}: the answer is no HTTP")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn answering(answer: &'static str) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0; 512];
            let _ = stream.read(&mut asked).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        });
        port
    }

    #[test]
    fn only_a_good_answer_is_healthy() {
        assert_eq!(get(answering("HTTP/1.1 200 OK\r\n\r\n"), "/a"), Ok(()));
        assert_eq!(get(answering("HTTP/1.1 503 No\r\n\r\n"), "/a"), Err("/a: 503".to_owned()));
        assert_eq!(get(answering("hello"), "/a"), Err("/a: the answer is no HTTP".to_owned()));
        assert!(get(1, "/a").is_err());
    }

    #[test]
    fn what_is_missing_is_named() {
        let arguments = ["--port", "80", "--ready", "/r"].map(OsString::from);
        assert_eq!(Asked::read(&arguments).err(), Some("probe needs --live".to_owned()));
    }
}
