//! The client: one request, tried again where that can help, one answer in memory or in a file.

use crate::clock;
use crate::web::base::Base;
use crate::web::retry;
use reqwest::header::{ETAG, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use std::fmt;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// How often it is looked whether the caller wants to stop.
const LOOK: Duration = Duration::from_millis(100);

/// What is done with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// Something is read.
    Get,
    /// Something is sent.
    Post,
    /// Something is put in the place of what was there.
    Put,
}

/// A request. Its headers, its query and its body are never shown: they hold secrets.
#[derive(Clone)]
pub struct Ask {
    method: Method,
    at: Base,
    headers: Vec<(&'static str, String)>,
    user: Option<(String, String)>,
    body: Option<(&'static str, Vec<u8>)>,
    is_repeatable: bool,
}

impl Ask {
    /// Reads an address. It is tried again where that can help.
    #[must_use]
    pub fn get(at: Base) -> Self {
        Self {
            method: Method::Get,
            at,
            headers: Vec::new(),
            user: None,
            body: None,
            is_repeatable: true,
        }
    }

    /// Sends a body of this media type. It is sent once, unless [`repeatable`](Self::repeatable).
    #[must_use]
    pub fn send(method: Method, at: Base, media_type: &'static str, body: Vec<u8>) -> Self {
        Self {
            method,
            body: Some((media_type, body)),
            is_repeatable: false,
            ..Self::get(at)
        }
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// With a user's name and password (RFC 7617).
    #[must_use]
    pub fn user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.user = Some((name.into(), password.into()));
        self
    }

    /// It does no harm if the other side gets it more than once.
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.is_repeatable = true;
        self
    }

    /// Where it goes, without the query.
    #[must_use]
    pub fn place(&self) -> String {
        self.at.to_string()
    }
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.method, self.at)
    }
}

/// What the other side answered, whatever its status.
#[derive(Clone)]
#[non_exhaustive]
pub struct Answer {
    /// The status, from 100 to 599.
    pub status: u16,
    /// The body, whole.
    pub body: Vec<u8>,
    /// Which version of the thing it is, where the other side says so.
    pub etag: Option<String>,
}

impl Answer {
    /// An answer of this status and body, for whoever has it from elsewhere.
    #[must_use]
    pub fn of(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            body: body.into(),
            etag: None,
        }
    }

    /// Whether the status is of the two hundreds.
    #[must_use]
    pub fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {} bytes", self.status, self.body.len())
    }
}

/// Why there is no answer. Addresses are told without their queries.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebError {
    /// The client cannot be made.
    #[error("cannot ask other servers: {problem}")]
    Client {
        /// What is wrong.
        problem: String,
    },
    /// There was no answer, or none that is whole, however often it was asked.
    #[error("{at} gave no whole answer, asked {tries} times: {problem}")]
    Lost {
        /// Where.
        at: String,
        /// How often it was asked.
        tries: u32,
        /// What went wrong the last time.
        problem: String,
        /// The status of the last answer, if there was one.
        status: Option<u16>,
        /// Whether the request may have arrived: false where no connection was ever made.
        may_have_arrived: bool,
    },
    /// An answer began, and broke off, however often it was asked.
    #[error("{at} broke off its answer, asked {tries} times: {problem}")]
    Cut {
        /// Where.
        at: String,
        /// How often it was asked.
        tries: u32,
        /// What went wrong the last time.
        problem: String,
    },
    /// The answer is longer than it may be.
    #[error("{at} answered with more than {most} bytes")]
    TooLong {
        /// Where.
        at: String,
        /// Most bytes.
        most: u64,
    },
    /// The answer cannot be written into the file that it is for.
    #[error("the answer of {at} cannot be written: {problem}")]
    Write {
        /// Where it comes from.
        at: String,
        /// What the system said.
        problem: String,
    },
    /// The other side asks not to be asked for a time.
    #[error("{at} asks not to be asked for {seconds} seconds ({status})")]
    Later {
        /// Where.
        at: String,
        /// Its status.
        status: u16,
        /// For how long.
        seconds: u64,
    },
    /// The caller does not want the answer any more.
    #[error("stopped")]
    Stopped,
}

/// How a client asks.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ClientOptions {
    /// A proxy that is asked in the place of the other side: `http://HOST:PORT`, `https://…` or `socks5://…`. None is taken
    /// from the environment.
    pub proxy: Option<String>,
    /// Most bytes of an answer.
    pub most_bytes: usize,
    /// How long a request and its whole answer may take.
    pub time: Duration,
    /// How long nothing may come of an answer.
    pub idle: Duration,
    /// The longest time that is waited because the other side asks for it.
    pub most_wait: Duration,
}

impl Default for ClientOptions {
    /// No proxy, 64 MiB, two minutes in all, half a minute of silence, two minutes of waiting.
    fn default() -> Self {
        Self {
            proxy: None,
            most_bytes: 64 << 20,
            time: Duration::from_secs(120),
            idle: Duration::from_secs(30),
            most_wait: Duration::from_secs(120),
        }
    }
}

/// Asks. It blocks: never call it on a thread of an async runtime.
pub struct Client {
    http: reqwest::Client,
    runtime: Runtime,
    options: ClientOptions,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// Where the body of an answer goes.
enum Body<'a> {
    /// Into memory, at most so many bytes.
    Memory(u64),
    /// Into a file, at most so many bytes, until then.
    File(&'a mut File, u64, Instant),
}

impl Body<'_> {
    fn most(&self) -> u64 {
        match self {
            Self::Memory(most) | Self::File(_, most, _) => *most,
        }
    }

    /// How long it may still take, where it is not as long as anything else.
    fn left(&self) -> Option<Duration> {
        match self {
            Self::Memory(_) => None,
            Self::File(.., ends) => Some(ends.saturating_duration_since(Instant::now())),
        }
    }

    /// Begins anew: what an earlier try left goes.
    fn begin(&mut self) -> std::io::Result<()> {
        if let Self::File(file, ..) = self {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
        }
        Ok(())
    }

    fn take(&mut self, memory: &mut Vec<u8>, part: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Memory(_) => memory.extend_from_slice(part),
            Self::File(file, ..) => file.write_all(part)?,
        }
        Ok(())
    }
}

/// What became of one try.
enum Tried {
    Answer(Answer),
    /// It can be tried again, after what the other side asked for. With the status, if there was an answer.
    Again(String, Option<u16>, Option<Duration>),
    /// It can be tried again: nothing was sent, for there was no connection.
    Unsent(String),
    Cut(String),
    Failed(WebError),
}

impl Client {
    /// A client that asks so.
    ///
    /// # Errors
    /// [`WebError::Client`] where the proxy is none, or the system gives no threads or no certificates.
    pub fn new(options: ClientOptions) -> Result<Self, WebError> {
        let failed = |problem: String| WebError::Client { problem };
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("hashgate/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(15))
            .read_timeout(options.idle)
            .timeout(options.time)
            .pool_max_idle_per_host(1);
        if let Some(proxy) = &options.proxy {
            let proxy = reqwest::Proxy::all(proxy);
            // What it says may show a password.
            http = http.proxy(proxy.map_err(|_| failed("the proxy is no address".to_owned()))?);
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failed(error.to_string()))?;
        Ok(Self {
            http: http.build().map_err(|error| failed(told(error)))?,
            runtime,
            options,
        })
    }

    /// Asks, and gives the whole answer. What can pass is tried again, five times in all, with growing waits: no connection, a body that
    /// is cut off, and the statuses 429, 500, 502, 503 and 504. What the other side wants to be waited for is waited for.
    ///
    /// # Errors
    /// [`WebError`]; not for a status.
    pub fn ask(&self, ask: &Ask, stop: &dyn Fn() -> bool) -> Result<Answer, WebError> {
        let most = self.options.most_bytes as u64;
        self.try_often(ask, stop, &mut Body::Memory(most))
    }

    /// Asks as [`ask`](Self::ask) does, and writes the body into a file, from its beginning: at most so many bytes, within `time`
    /// for all tries. What the file held before is gone. The answer's own body is empty.
    ///
    /// # Errors
    /// [`WebError`]; not for a status. The file may hold a part of an answer then.
    pub fn download(
        &self,
        ask: &Ask,
        to: &mut File,
        (most_bytes, time): (u64, Duration),
        stop: &dyn Fn() -> bool,
    ) -> Result<Answer, WebError> {
        let ends = Instant::now() + time;
        let answer = self.try_often(ask, stop, &mut Body::File(to, most_bytes, ends))?;
        let sought = to.seek(SeekFrom::Start(0));
        sought.map_err(|error| WebError::Write {
            at: ask.place(),
            problem: error.to_string(),
        })?;
        Ok(answer)
    }

    fn try_often(
        &self,
        ask: &Ask,
        stop: &dyn Fn() -> bool,
        body: &mut Body<'_>,
    ) -> Result<Answer, WebError> {
        let at = ask.place();
        let (mut last, mut last_status) = (String::new(), None);
        let (mut is_cut, mut may_have_arrived) = (false, false);
        let mut tries = match ask.is_repeatable {
            true => retry::TRIES,
            false => 1,
        };
        let mut tried = 0;
        while tried < tries {
            let tried_so = self.runtime.block_on(self.watched(ask, stop, body));
            let (problem, status, asked) = match tried_so {
                Tried::Answer(answer) => return Ok(answer),
                Tried::Failed(error) => return Err(error),
                Tried::Again(problem, status, asked) => {
                    may_have_arrived = true;
                    (problem, status, asked)
                }
                Tried::Unsent(problem) => (problem, None, None),
                Tried::Cut(problem) => {
                    is_cut = true;
                    (problem, None, None)
                }
            };
            last_status = status;
            let wait = retry::wait(tried, asked);
            if body.left().is_some_and(|left| left <= wait) {
                tries = tried + 1;
            }
            let is_last = tried + 1 == tries;
            if let (Some(status), Some(asked)) = (status, asked)
                && (is_last || asked > self.options.most_wait)
            {
                let seconds = asked.as_secs();
                return Err(WebError::Later {
                    at,
                    status,
                    seconds,
                });
            }
            last = problem;
            if !is_last && !sleep(wait, stop) {
                return Err(WebError::Stopped);
            }
            tried += 1;
        }
        let problem = last;
        Err(match is_cut {
            true => WebError::Cut { at, tries, problem },
            false => WebError::Lost {
                at,
                tries,
                problem,
                status: last_status,
                may_have_arrived,
            },
        })
    }

    /// Waits; false where the caller wants to stop.
    #[must_use]
    pub fn pause(&self, wait: Duration, stop: &dyn Fn() -> bool) -> bool {
        sleep(wait, stop)
    }

    /// One try, given up where the caller wants to stop.
    async fn watched(&self, ask: &Ask, stop: &dyn Fn() -> bool, body: &mut Body<'_>) -> Tried {
        let mut tried = std::pin::pin!(self.once(ask, body));
        loop {
            if stop() {
                return Tried::Failed(WebError::Stopped);
            }
            if let Ok(done) = tokio::time::timeout(LOOK, &mut tried).await {
                return done;
            }
        }
    }

    async fn once(&self, ask: &Ask, to: &mut Body<'_>) -> Tried {
        let url = ask.at.url();
        let mut request = match ask.method {
            Method::Get => self.http.get(url),
            Method::Post => self.http.post(url),
            Method::Put => self.http.put(url),
        };
        let Some(headers) = headers(ask) else {
            let problem = "a header holds what none may hold: look at the credentials".to_owned();
            return Tried::Failed(WebError::Client { problem });
        };
        request = request.headers(headers);
        if let Some((name, password)) = &ask.user {
            request = request.basic_auth(name, Some(password));
        }
        if let Some((_, body)) = &ask.body {
            request = request.body(body.clone());
        }
        if let Some(left) = to.left() {
            request = request.timeout(left);
        }
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) if error.is_connect() => return Tried::Unsent(told(error)),
            Err(error) => return Tried::Again(told(error), None, None),
        };
        let status = response.status().as_u16();
        let header = |name: HeaderName| response.headers().get(name)?.to_str().ok();
        if retry::is_passing(status) {
            let asked = header(RETRY_AFTER).and_then(|header| retry::asked(header, clock::now()));
            return Tried::Again(format!("it answered {status}"), Some(status), asked);
        }
        let etag = header(ETAG).map(str::to_owned);
        let cannot = |error: std::io::Error| {
            let problem = error.to_string();
            let at = ask.place();
            Tried::Failed(WebError::Write { at, problem })
        };
        if let Err(error) = to.begin() {
            return cannot(error);
        }
        let (most, mut read, mut body) = (to.most(), 0_u64, Vec::new());
        loop {
            match response.chunk().await {
                Ok(None) => break,
                Ok(Some(part)) => {
                    read = read.saturating_add(part.len() as u64);
                    if read > most {
                        let at = ask.place();
                        return Tried::Failed(WebError::TooLong { at, most });
                    }
                    if let Err(error) = to.take(&mut body, &part) {
                        return cannot(error);
                    }
                }
                Err(error) => return Tried::Cut(told(error)),
            }
        }
        Tried::Answer(Answer { status, body, etag })
    }
}

fn headers(ask: &Ask) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    let body = ask.body.as_ref().map(|(kind, _)| ("content-type", *kind));
    let given = ask
        .headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()));
    for (name, value) in given.chain(body) {
        let mut value = HeaderValue::from_str(value).ok()?;
        value.set_sensitive(true);
        headers.append(HeaderName::from_static(name), value);
    }
    Some(headers)
}

/// What went wrong, without the address, whose query may hold a secret.
fn told(error: reqwest::Error) -> String {
    let mut error: &dyn std::error::Error = &error.without_url();
    let mut text = error.to_string();
    while let Some(source) = error.source() {
        text = format!("{text}: {source}");
        error = source;
    }
    text
}

/// Sleeps, and looks meanwhile; false where the caller wants to stop.
fn sleep(wait: Duration, stop: &dyn Fn() -> bool) -> bool {
    let until = Instant::now() + wait;
    loop {
        if stop() {
            return false;
        }
        match until.checked_duration_since(Instant::now()) {
            None | Some(Duration::ZERO) => return true,
            Some(left) => std::thread::sleep(left.min(LOOK)),
        }
    }
}
