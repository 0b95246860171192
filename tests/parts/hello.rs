//! The program of the images of these tests: answers on port 8080, and on `/HOST:PORT` says whether it reaches that.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

fn main() {
    let listener = TcpListener::bind("0.0.0.0:8080").unwrap();
    for stream in listener.incoming().flatten() {
        std::thread::spawn(move || answer(stream));
    }
}

fn answer(mut stream: TcpStream) {
    let mut request = [0; 1024];
    let length = stream.read(&mut request).unwrap_or(0);
    let text = String::from_utf8_lossy(&request[..length]).into_owned();
    let path = text.split(' ').nth(1).unwrap_or("/").trim_start_matches('/');
    let body = match path.parse() {
        Err(_) => "hello".to_owned(),
        Ok(address) => match TcpStream::connect_timeout(&address, Duration::from_secs(2)) {
            Ok(_) => "open".to_owned(),
            Err(error) => format!("closed: {error}"),
        },
    };
    let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
}
