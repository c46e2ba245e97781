//! A client that sends what it is told to and shows what came back, as it came.

use super::{Server, json};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

/// What came back, read to the end of the connection.
pub struct Reply {
    pub status: u16,
    head: String,
    pub body: Vec<u8>,
    /// Whether as much came as was said.
    pub is_whole: bool,
}

impl Reply {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        json(&self.body)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(own, _)| *own == name).map(|(_, value)| value)
    }
}

/// One request on a connection of its own, which may be given up after so many bytes. None where nothing came back.
pub fn ask_some(
    server: &Server,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
    most: u64,
) -> Option<Reply> {
    let mut stream = TcpStream::connect(server.at()).expect("it listens");
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let length = body.len();
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).expect("it is read");
    let mut all = Vec::new();
    let _ = (&stream).take(most).read_to_end(&mut all);
    let _ = stream.shutdown(Shutdown::Both);
    let split = all.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8(all[..split].to_vec()).expect("a head");
    let mut reply = Reply {
        status: head.split(' ').nth(1)?.parse().ok()?,
        head,
        body: all[split + 4..].to_vec(),
        is_whole: true,
    };
    let length = reply.header("Content-Length").map(str::parse::<usize>);
    reply.is_whole = length.is_some_and(|length| length == Ok(reply.body.len()));
    Some(reply)
}

pub fn ask(
    server: &Server,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Reply {
    ask_some(server, method, target, headers, body, 1 << 24).expect("an answer")
}

pub fn basic(user: &str, password: &str) -> String {
    use base64::Engine;
    let text = format!("{user}:{password}");
    format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(text)
    )
}

/// What stands between two texts, each time.
pub fn between<'a>(text: &'a str, from: &str, to: &str) -> Vec<&'a str> {
    let parts = text.split(from).skip(1);
    parts
        .filter_map(|part| Some(part.split_once(to)?.0))
        .collect()
}
