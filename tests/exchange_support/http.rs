//! An HTTP/1.1 server of plain threads: connections that are kept open, requests that are written down, answers that may
//! go wrong on their way.

use super::calendar;
use super::faults::{Fault, Faults, Plan, Wait};
use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a connection may be silent.
const SILENCE: Duration = Duration::from_secs(60);
/// Most bytes of a line, and most lines.
const MAX_LINE: u64 = 64 * 1024;
const MAX_HEADERS: usize = 100;
/// Most bytes of a body.
const MAX_BODY: u64 = 64 << 20;

/// What came.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// Path and query, as they came.
    pub target: String,
    /// The path alone, with its escapes read.
    pub path: String,
    /// The query's parameters in their order, with their escapes read.
    pub query: Vec<(String, String)>,
    /// In their order; names in small letters.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// When it came.
    pub at: Instant,
    /// The status that was sent. None where none was, or not yet.
    pub status: Option<u16>,
    /// What went wrong on purpose.
    pub fault: Option<String>,
}

impl Request {
    /// A header, by its name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(given, _)| given == name);
        named.next().map(|(_, value)| value.as_str())
    }

    /// A parameter of the query. An empty one is there.
    pub fn asked(&self, name: &str) -> Option<&str> {
        let mut named = self.query.iter().filter(|(given, _)| given == name);
        named.next().map(|(_, value)| value.as_str())
    }

    /// The fields of a form that was sent as a body.
    pub fn form(&self) -> Vec<(String, String)> {
        parameters(&String::from_utf8_lossy(&self.body))
    }

    /// All that came, as one text: to look for what should not have come.
    pub fn text(&self) -> String {
        let headers: String = (self.headers.iter())
            .map(|(name, value)| format!("{name}: {value}\n"))
            .collect();
        let body = String::from_utf8_lossy(&self.body);
        format!("{} {}\n{headers}\n{body}", self.method, self.target)
    }
}

/// What is answered.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Which records are in it, by the names that the source gives them. Not sent.
    pub records: Vec<String>,
}

impl Answer {
    pub fn new(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("Content-Type".to_owned(), kind.to_owned())],
            body: body.into(),
            records: Vec::new(),
        }
    }

    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::new(status, "application/json; charset=utf-8", body)
    }

    pub fn xml(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::new(status, "application/xml;charset=UTF-8", body)
    }

    /// As a proxy in front of the source answers: a page for people.
    pub fn page(status: u16) -> Self {
        let reason = reason(status);
        let body = format!("<html><body><h1>{status} {reason}</h1></body></html>\n");
        Self::new(status, "text/html", body)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn of(mut self, records: Vec<String>) -> Self {
        self.records = records;
        self
    }
}

/// What answers.
pub type Site = dyn Fn(&Request) -> Answer + Send + Sync;

struct Shared {
    site: Box<Site>,
    requests: Mutex<Vec<Request>>,
    faults: Mutex<Faults>,
    open: Mutex<HashMap<u64, TcpStream>>,
    is_over: AtomicBool,
}

/// A server at a free port of loopback, until it is dropped.
pub struct Server {
    at: SocketAddr,
    shared: Arc<Shared>,
}

/// A lock, whatever became of who held it: a panic in one connection must not be that of all.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    pub fn start(site: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::bound(|_| Box::new(site))
    }

    /// As [`start`](Self::start), of a site that knows its own address.
    pub fn bound(site: impl FnOnce(SocketAddr) -> Box<Site>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let at = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            site: site(at),
            requests: Mutex::default(),
            faults: Mutex::default(),
            open: Mutex::default(),
            is_over: AtomicBool::new(false),
        });
        let of = Arc::clone(&shared);
        std::thread::spawn(move || {
            for (number, stream) in (0..).zip(listener.incoming()) {
                if of.is_over.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                let of = Arc::clone(&of);
                std::thread::spawn(move || {
                    if let Ok(clone) = stream.try_clone() {
                        locked(&of.open).insert(number, clone);
                    }
                    // Whoever asked may be gone: that is no fault of the server.
                    let _ = of.serve(stream);
                    if let Some(stream) = locked(&of.open).remove(&number) {
                        let _ = stream.shutdown(std::net::Shutdown::Both);
                    }
                });
            }
        });
        Self { at, shared }
    }

    /// Writes down whatever comes, and answers that there is nothing.
    pub fn recorder() -> Self {
        Self::start(|_| Answer::page(404))
    }

    pub fn at(&self) -> SocketAddr {
        self.at
    }

    /// `http://127.0.0.1:PORT`.
    pub fn base(&self) -> String {
        format!("http://{}", self.at)
    }

    /// All that came, in the order in which it came.
    pub fn requests(&self) -> Vec<Request> {
        locked(&self.shared.requests).clone()
    }

    /// How many came.
    pub fn count(&self) -> usize {
        locked(&self.shared.requests).len()
    }

    /// Forgets what came.
    pub fn forget(&self) {
        locked(&self.shared.requests).clear();
    }

    pub fn plan(&self, plan: Plan) {
        self.faults().plan(plan);
    }

    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        locked(&self.shared.faults)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.at);
        for stream in locked(&self.shared.open).values() {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

impl Shared {
    /// One connection, to its end.
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(SILENCE))?;
        stream.set_write_timeout(Some(SILENCE))?;
        stream.set_nodelay(true)?;
        let mut stream = BufReader::new(stream);
        while !self.is_over.load(Ordering::SeqCst) {
            let request = match read(&mut stream)? {
                Some(Ok(request)) => request,
                Some(Err(answer)) => return send(stream.get_mut(), &answer, true),
                None => return Ok(()),
            };
            let is_last = request.header("connection") == Some("close");
            let number = {
                let mut requests = locked(&self.requests);
                requests.push(request.clone());
                requests.len() - 1
            };
            let mut fault = locked(&self.faults).before(&request);
            let mut answer = Answer::page(500);
            if fault.is_none() {
                answer = (self.site)(&request);
                fault = locked(&self.faults).after(&request, &answer);
            }
            {
                let mut requests = locked(&self.requests);
                // It may have been forgotten meanwhile.
                let written = requests.get_mut(number);
                if let Some(written) = written.filter(|written| written.at == request.at) {
                    written.fault = fault.as_ref().map(|fault| format!("{fault:.60?}"));
                    written.status = sent(&answer, fault.as_ref());
                }
            }
            let Some(fault) = fault else {
                send(stream.get_mut(), &answer, is_last)?;
                if is_last {
                    return Ok(());
                }
                continue;
            };
            if !self.spoil(stream.get_mut(), &request, answer, fault, is_last)? || is_last {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Answers with a fault. Whether the connection goes on.
    fn spoil(
        &self,
        stream: &mut TcpStream,
        request: &Request,
        mut answer: Answer,
        fault: Fault,
        is_last: bool,
    ) -> io::Result<bool> {
        let length = answer.body.len();
        match fault {
            Fault::Close => return Ok(false),
            Fault::Status(status, wait) => {
                answer = Answer::page(status);
                let wait = wait.map(|wait| match wait {
                    Wait::Seconds(seconds) => seconds.to_string(),
                    Wait::Date(seconds) => calendar::http(calendar::now() + seconds),
                });
                if let Some(wait) = wait {
                    answer = answer.header("Retry-After", &wait);
                }
                send(stream, &answer, is_last)?;
            }
            Fault::Instead(answer) => send(stream, &answer, is_last)?,
            Fault::Redirect(status, to) => {
                let place = format!("{to}{}", request.target);
                send(
                    stream,
                    &Answer::page(status).header("Location", &place),
                    is_last,
                )?;
            }
            Fault::Truncated => {
                answer.body.truncate(length / 2);
                send(stream, &answer, is_last)?;
            }
            Fault::Garbled => {
                let from = length / 2;
                let to = (from + length / 10 + 1).min(length);
                answer.body[from..to].fill(0x1b);
                send(stream, &answer, is_last)?;
            }
            Fault::Cut => {
                stream.write_all(&head(&answer, Some(length as u64), true))?;
                stream.write_all(&answer.body[..length / 2])?;
                return Ok(false);
            }
            Fault::Slow(each) => {
                stream.write_all(&head(&answer, Some(length as u64), true))?;
                for byte in &answer.body {
                    self.drop_by_drop(stream, *byte, each)?;
                }
                return Ok(false);
            }
            Fault::Endless(each) => {
                stream.write_all(&head(&answer, None, true))?;
                loop {
                    self.drop_by_drop(stream, b' ', each)?;
                }
            }
            Fault::Huge { spaces, said } => {
                let all = said.then_some(spaces + length as u64);
                stream.write_all(&head(&answer, all, true))?;
                let block = [b' '; 1 << 16];
                let mut left = spaces;
                while left > 0 && !self.is_over.load(Ordering::SeqCst) {
                    let part = left.min(block.len() as u64);
                    stream.write_all(&block[..part as usize])?;
                    left -= part;
                }
                stream.write_all(&answer.body)?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn drop_by_drop(&self, stream: &mut TcpStream, byte: u8, each: Duration) -> io::Result<()> {
        if self.is_over.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        stream.write_all(&[byte])?;
        std::thread::sleep(each);
        Ok(())
    }
}

/// The status that goes out with a fault.
fn sent(answer: &Answer, fault: Option<&Fault>) -> Option<u16> {
    match fault {
        Some(Fault::Close) => None,
        Some(Fault::Status(status, _) | Fault::Redirect(status, _)) => Some(*status),
        Some(Fault::Instead(instead)) => Some(instead.status),
        _ => Some(answer.status),
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        302 => "Found",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "As It Is",
    }
}

fn head(answer: &Answer, length: Option<u64>, is_last: bool) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} {}\r\n", answer.status, reason(answer.status));
    for (name, value) in &answer.headers {
        head += &format!("{name}: {value}\r\n");
    }
    if let Some(length) = length {
        head += &format!("Content-Length: {length}\r\n");
    }
    if is_last {
        head += "Connection: close\r\n";
    }
    (head + "\r\n").into_bytes()
}

fn send(stream: &mut TcpStream, answer: &Answer, is_last: bool) -> io::Result<()> {
    let mut all = head(answer, Some(answer.body.len() as u64), is_last);
    all.extend_from_slice(&answer.body);
    stream.write_all(&all)
}

/// One request; an answer where it is none; nothing at the end of the connection.
fn read(stream: &mut impl BufRead) -> io::Result<Option<Result<Request, Answer>>> {
    let first = line(stream)?;
    let mut words = first.split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Ok((!first.is_empty()).then(|| Err(Answer::page(400))));
    };
    let mut headers = Vec::new();
    loop {
        let line = line(stream)?;
        if line.is_empty() {
            break;
        }
        let Some((name, value)) = line.split_once(':') else {
            return Ok(Some(Err(Answer::page(400))));
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        if headers.len() > MAX_HEADERS {
            return Ok(Some(Err(Answer::page(400))));
        }
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Request {
        method: method.to_owned(),
        target: target.to_owned(),
        path: unescaped(path, false),
        query: parameters(query),
        headers,
        body: Vec::new(),
        at: Instant::now(),
        status: None,
        fault: None,
    };
    if request.header("transfer-encoding") == Some("chunked") {
        loop {
            let size = line(stream)?;
            let size = size.split(';').next().unwrap_or_default().trim();
            let size = u64::from_str_radix(size, 16).map_err(io::Error::other)?;
            if size > MAX_BODY || request.body.len() as u64 > MAX_BODY {
                return Ok(Some(Err(Answer::page(413))));
            }
            stream.by_ref().take(size).read_to_end(&mut request.body)?;
            line(stream)?;
            if size == 0 {
                break;
            }
        }
    } else if let Some(length) = request.header("content-length") {
        let length = length.parse::<u64>().map_err(io::Error::other)?;
        if length > MAX_BODY {
            return Ok(Some(Err(Answer::page(413))));
        }
        stream
            .by_ref()
            .take(length)
            .read_to_end(&mut request.body)?;
        if request.body.len() as u64 != length {
            return Ok(None);
        }
    }
    Ok(Some(Ok(request)))
}

fn line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    stream
        .by_ref()
        .take(MAX_LINE)
        .read_until(b'\n', &mut line)?;
    let text = String::from_utf8_lossy(&line);
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// `a=1&b=2`, with its escapes read.
pub fn parameters(text: &str) -> Vec<(String, String)> {
    let parts = text.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| (unescaped(name, true), unescaped(value, true)))
        .collect()
}

fn unescaped(text: &str, is_query: bool) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let escape = (*first == b'%').then(|| more.get(..2)).flatten();
        let byte = escape
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        rest = if byte.is_some() { &more[2..] } else { more };
        out.push(match byte {
            Some(byte) => byte,
            None if *first == b'+' && is_query => b' ',
            None => *first,
        });
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A text as it stands in a query.
pub fn in_query(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let escape = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}
