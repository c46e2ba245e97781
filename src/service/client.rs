//! A small client of another node: one request, one connection, one answer.
//!
//! Owned here: how an address is written (`http://HOST:PORT`, `unix:PATH`), where a key comes from, and how long an answer may
//! be. It is made of what the service is made of (hyper). Refuses to speak TLS, to
//! follow a redirect, and to show a key.

use crate::service::fault::Problem;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use axum::http::{Method, Request, StatusCode};
use hyper::body::{Frame, SizeHint};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, timeout, timeout_at};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the other side may take nothing of a body.
const IDLE: Duration = Duration::from_secs(60);
/// How often it is looked how far a body is.
const LOOK: Duration = Duration::from_millis(500);
/// Most bytes of an answer.
const MOST_ANSWER: usize = 64 << 20;
/// Most bytes of a file with a key.
const MOST_KEY: u64 = 4 << 10;
/// Where nothing says a port.
const HTTP_PORT: u16 = 80;

/// Where a node is.
///
/// ```text
/// http://127.0.0.1:8710    http://curator.internal    unix:/run/hashgate/curator.sock
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// A host, as it is called there, and its port.
    Tcp(String, u16),
    /// A socket in the file system.
    Unix(PathBuf),
}

/// A text that is no address of a node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressError {
    #[error(
        "{0:?}: https is not spoken here: give http:// of a node on this machine or in a network that is yours, or \
         unix:PATH; a proxy or a tunnel can speak TLS for it"
    )]
    Tls(String),
    #[error("{0:?} is no address of a node: give http://HOST:PORT, or unix:PATH")]
    Other(String),
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let bad = || AddressError::Other(text.chars().take(256).collect());
        if let Some(path) = text.strip_prefix("unix:") {
            return match path.is_empty() {
                true => Err(bad()),
                false => Ok(Self::Unix(path.into())),
            };
        }
        if text.starts_with("https://") {
            return Err(AddressError::Tls(text.chars().take(256).collect()));
        }
        let rest = text.strip_prefix("http://").ok_or_else(bad)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| bad())?),
            _ => (rest, HTTP_PORT),
        };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let inner = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let fits = match inner {
            Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.len() <= 253 && host.chars().all(is_plain),
        };
        match fits {
            true => Ok(Self::Tcp(host.to_owned(), port)),
            false => Err(bad()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) => write!(f, "http://{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A key. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(HeaderValue);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretError {
    #[error("the file with the key, {}, cannot be read: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error(
        "the file with the key, {}, is open to other users (mode {mode:o}): close it with `chmod 600 {}`",
        path.display(), path.display()
    )]
    Open { path: PathBuf, mode: u32 },
    #[error("what is given as a key is none: it is the one line that `hashgate key create` prints")]
    NoKey,
}

impl Secret {
    /// A key as it was printed.
    pub(crate) fn new(text: &str) -> Result<Self, SecretError> {
        let text = text.trim();
        let is_plain = |c: char| c.is_ascii_graphic();
        if !(1..=512).contains(&text.len()) || !text.chars().all(is_plain) {
            return Err(SecretError::NoKey);
        }
        let mut value =
            HeaderValue::from_str(&format!("Bearer {text}")).map_err(|_| SecretError::NoKey)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// The key in a file, which must be closed to other users.
    pub(crate) fn read(path: &Path) -> Result<Self, SecretError> {
        let failed = |source| SecretError::Read {
            path: path.to_owned(),
            source,
        };
        let file = std::fs::File::open(path).map_err(failed)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                return Err(SecretError::Open {
                    path: path.to_owned(),
                    mode,
                });
            }
        }
        let mut text = String::new();
        file.take(MOST_KEY)
            .read_to_string(&mut text)
            .map_err(failed)?;
        Self::new(&text)
    }
}

/// Why there is no answer, or none that helps.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("{at} cannot be reached: {source}")]
    Connect { at: String, source: io::Error },
    #[error("{at} gave no answer: {problem}")]
    Lost { at: String, problem: String },
    #[error("{at} refused ({status}): {detail}")]
    Refused {
        at: String,
        status: u16,
        /// The word for programs; empty where it said none.
        word: String,
        detail: String,
    },
    #[cfg(feature = "curation")]
    #[error("{at} answered what cannot be understood: is it a node of this version?")]
    Answer { at: String },
}

/// How far a body is.
#[derive(Clone)]
struct Way(Arc<Mutex<(Instant, bool)>>);

impl Way {
    fn new(body: &Body) -> Self {
        Self(Arc::new(Mutex::new((Instant::now(), body.is_end_stream()))))
    }

    fn get(&self) -> MutexGuard<'_, (Instant, bool)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until when there may be an answer: `idle` after the last piece was taken, and `patience` after the end.
    fn until(&self, (idle, patience): (Duration, Duration)) -> Instant {
        let (last, is_sent) = *self.get();
        last + if is_sent { patience } else { idle }
    }

    /// What this comes to, or `None` where that takes too long.
    async fn wait<T>(
        &self,
        limits: (Duration, Duration),
        answer: impl Future<Output = T>,
    ) -> Option<T> {
        let mut answer = std::pin::pin!(answer);
        loop {
            let look = self.until(limits).min(Instant::now() + LOOK);
            if let Ok(answer) = timeout_at(look, answer.as_mut()).await {
                return Some(answer);
            }
            // Asked anew: the body may have moved meanwhile.
            if self.until(limits) <= Instant::now() {
                return None;
            }
        }
    }
}

/// A body that says how far it is.
struct Watched {
    body: Body,
    way: Way,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(ready) = &frame {
            let is_sent = ready.is_none() || self.body.is_end_stream();
            let mut way = self.way.get();
            // Only its first end counts.
            if !way.1 {
                *way = (Instant::now(), is_sent);
            }
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What a node is asked by.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    address: Address,
    key: Option<Secret>,
    patience: Duration,
}

impl Client {
    /// Asks this node, and waits for an answer so long, once all is sent. Until then it waits a minute for each piece to be
    /// taken.
    pub(crate) const fn new(address: Address, key: Option<Secret>, patience: Duration) -> Self {
        Self {
            address,
            key,
            patience,
        }
    }

    /// Where it asks.
    #[cfg(feature = "curation")]
    pub(crate) const fn address(&self) -> &Address {
        &self.address
    }

    /// Sends a request, and gives the body of an answer that is no error.
    pub(crate) async fn send(
        &self,
        (method, path): (Method, &str),
        kind: Option<&'static str>,
        body: Body,
    ) -> Result<Vec<u8>, ClientError> {
        let at = || self.address.to_string();
        let connect = |source| ClientError::Connect { at: at(), source };
        let late = || connect(io::ErrorKind::TimedOut.into());
        match &self.address {
            Address::Tcp(host, port) => {
                let host = host.trim_start_matches('[').trim_end_matches(']');
                let stream = timeout(CONNECT, TcpStream::connect((host, *port)));
                let stream = stream.await.map_err(|_| late())?.map_err(connect)?;
                let _ = stream.set_nodelay(true);
                self.ask(stream, (method, path), kind, body).await
            }
            Address::Unix(path_of) => {
                let stream = timeout(CONNECT, UnixStream::connect(path_of));
                let stream = stream.await.map_err(|_| late())?.map_err(connect)?;
                self.ask(stream, (method, path), kind, body).await
            }
        }
    }

    async fn ask(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        (method, path): (Method, &str),
        kind: Option<&'static str>,
        body: Body,
    ) -> Result<Vec<u8>, ClientError> {
        let at = || self.address.to_string();
        let lost = |problem: String| ClientError::Lost { at: at(), problem };
        let said = |error: hyper::Error| {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            lost(format!("{error}{}", cause.unwrap_or_default()))
        };
        let mut request = Request::builder().method(method).uri(path);
        let host = match &self.address {
            Address::Tcp(host, port) => format!("{host}:{port}"),
            Address::Unix(_) => "localhost".to_owned(),
        };
        request = request.header(HOST, host);
        if let Some(kind) = kind {
            request = request.header(CONTENT_TYPE, kind);
        }
        if let Some(Secret(key)) = &self.key {
            request = request.header(AUTHORIZATION, key.clone());
        }
        let way = Way::new(&body);
        let body = Watched {
            body,
            way: way.clone(),
        };
        let request = request
            .body(body)
            .map_err(|error| lost(error.to_string()))?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(said)?;
        let connection = tokio::spawn(connection);
        let answer = async {
            let answer = sender.send_request(request).await.map_err(said)?;
            let status = answer.status();
            let mut incoming = answer.into_body();
            let mut body = Vec::new();
            while let Some(frame) =
                std::future::poll_fn(|context| Pin::new(&mut incoming).poll_frame(context)).await
            {
                if let Some(data) = frame.map_err(said)?.data_ref() {
                    if body.len() + data.len() > MOST_ANSWER {
                        return Err(lost(format!("it has more than {MOST_ANSWER} bytes")));
                    }
                    body.extend_from_slice(data);
                }
            }
            Ok((status, body))
        };
        let answer = way.wait((IDLE, self.patience), answer).await;
        connection.abort();
        let (status, body) = answer.ok_or_else(|| lost("it took too long".to_owned()))??;
        match status.is_success() {
            true => Ok(body),
            false => Err(self.refusal(status, &body)),
        }
    }

    fn refusal(&self, status: StatusCode, body: &[u8]) -> ClientError {
        let at = self.address.to_string();
        let problem: Option<Problem> = serde_json::from_slice(body).ok();
        let (word, detail) = match problem {
            Some(problem) => {
                let word = problem
                    .kind
                    .strip_prefix("urn:hashgate:")
                    .unwrap_or_default();
                (word.to_owned(), problem.detail)
            }
            None => {
                let title = status.canonical_reason().unwrap_or("no reason told");
                (String::new(), title.to_owned())
            }
        };
        ClientError::Refused {
            at,
            status: status.as_u16(),
            word,
            detail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_or_a_socket() {
        for (text, shown) in [
            ("http://127.0.0.1:8710", "http://127.0.0.1:8710"),
            ("http://curator.internal/", "http://curator.internal:80"),
            ("http://[::1]:8710", "http://[::1]:8710"),
            ("http://[::1]", "http://[::1]:80"),
            ("unix:/run/a b.sock", "unix:/run/a b.sock"),
        ] {
            assert_eq!(
                text.parse::<Address>().map(|at| at.to_string()),
                Ok(shown.to_owned()),
                "{text}"
            );
        }
        for bad in [
            "",
            "unix:",
            "http://",
            "http://:80",
            "http://a:b",
            "http://a/b",
            "http://key@a",
            "http://[x]:1",
            "http://a:70000",
            "127.0.0.1:8710",
            "ftp://a",
            "http://a b",
            "http://[::1",
        ] {
            assert!(
                matches!(bad.parse::<Address>(), Err(AddressError::Other(_))),
                "{bad}"
            );
        }
        let tls = "https://a:8710".parse::<Address>().expect_err("no TLS");
        assert!(tls.to_string().contains("https is not spoken"), "{tls}");
    }

    #[test]
    fn patience_begins_where_the_body_ends() {
        let hour = Duration::from_secs(3_600);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        let never = || std::future::pending::<()>();
        // Without a body patience counts at once; an idle body has its own limit.
        let empty = Way::new(&Body::empty());
        let waited = runtime.block_on(empty.wait((hour, Duration::ZERO), never()));
        assert_eq!(waited, None);
        let body = Body::from("ab");
        let way = Way::new(&body);
        let waited = runtime.block_on(way.wait((Duration::ZERO, hour), never()));
        assert_eq!(waited, None, "nothing of it was taken");
        let mut body = Watched {
            body,
            way: way.clone(),
        };
        assert_eq!(body.size_hint().exact(), Some(2), "its length is told");
        let before = way.until((Duration::ZERO, Duration::ZERO));
        let answer = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context));
        let frame = runtime.block_on(way.wait((hour, Duration::ZERO), answer));
        assert!(matches!(frame, Some(Some(Ok(_)))));
        let (last, is_sent) = *way.get();
        assert!(is_sent && last >= before);
        assert_eq!(way.until((Duration::ZERO, hour)), last + hour);
    }

    #[test]
    fn a_key_is_one_line_and_is_never_shown() {
        let key = Secret::new("hg_abc\n").expect("a key");
        assert_eq!(format!("{key:?} {:?}", key.0), "Secret Sensitive");
        for bad in ["", " ", "a b", "a\nb", "é"] {
            assert!(
                matches!(Secret::new(bad), Err(SecretError::NoKey)),
                "{bad:?}"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_with_a_key_is_closed_to_others() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        std::fs::write(&path, "hg_abc\n").expect("a file");
        let mode = |mode| std::fs::set_permissions(&path, PermissionsExt::from_mode(mode));
        mode(0o644).expect("permissions");
        assert!(matches!(
            Secret::read(&path),
            Err(SecretError::Open { mode: 0o644, .. })
        ));
        mode(0o600).expect("permissions");
        assert!(Secret::read(&path).is_ok());
        let missing = Secret::read(&folder.path().join("none")).expect_err("no file");
        assert!(missing.to_string().contains("none"), "{missing}");
    }
}
