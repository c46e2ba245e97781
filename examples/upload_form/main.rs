//! An upload form that links the gate: each file is judged in memory, before it is stored.
//!
//! ```sh
//! hashgate publish
//! cargo run --release --features service --example upload_form -- home/index kept
//! ```
//!
//! It listens at 127.0.0.1:8080, or where a third argument says. What may pass is stored in `kept/shared`, where everybody
//! sees it. What a person must look at, or what could not be judged, goes to `kept/held`, which is never served. What is
//! known is in memory alone, and forgotten. `upload_form.py` beside it is the same form in Python, by way of
//! `hashgate serve`: the pages are the same to the byte.

use axum::Router;
use axum::extract::multipart::MultipartError;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Path, Request, State};
use axum::http::header::{
    ACCEPT_LANGUAGE, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hashgate::bank::Action;
use hashgate::gate::{Gate, GateOptions};
use hashgate::handover::{Language, Place, uploader_text};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::net::TcpListener;
use std::path::{self, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");
const TEXTS: &str = include_str!("texts.json");

/// Bytes of one file.
const MOST: usize = 20 << 20;
/// Pictures on the first page.
const SHOWN: usize = 12;
/// How long an upload may wait for its turn.
const WAIT: Duration = Duration::from_secs(10);

/// What the pages say, by language and name.
type Texts = BTreeMap<String, BTreeMap<String, String>>;

/// What becomes of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Shared,
    Held,
    Stopped,
    Later,
    TooLarge,
    NoFile,
}

impl Answer {
    const fn name(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Held => "held",
            Self::Stopped => "stopped",
            Self::Later => "later",
            Self::TooLarge => "too_large",
            Self::NoFile => "no_file",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::Shared => StatusCode::CREATED,
            Self::Held => StatusCode::ACCEPTED,
            Self::Stopped => StatusCode::FORBIDDEN,
            Self::Later => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoFile => StatusCode::BAD_REQUEST,
        }
    }
}

/// The form: the gate, and where pictures are kept.
struct Form {
    gate: Gate,
    /// One for each file that is looked at, and one for each that is in memory.
    looking: Semaphore,
    in_memory: Semaphore,
    kept: PathBuf,
    texts: Texts,
    stopped: BTreeMap<&'static str, String>,
}

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (index, kept, at) = match arguments.as_slice() {
        [index, kept] => (index, kept, "127.0.0.1:8080"),
        [index, kept, at] => (index, kept, at.as_str()),
        _ => {
            eprintln!("usage: upload_form INDEX_FOLDER FOLDER [ADDRESS:PORT]");
            return std::process::ExitCode::from(2);
        }
    };
    let served = TcpListener::bind(at)
        .map_err(Into::into)
        .and_then(|listener| serve(listener, path::Path::new(index), path::Path::new(kept)));
    match served {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("upload_form: {error}");
            std::process::ExitCode::from(2)
        }
    }
}

/// Serves the form until the process ends.
pub(crate) fn serve(
    listener: TcpListener,
    index: &path::Path,
    kept: &path::Path,
) -> Result<(), Box<dyn Error>> {
    let mut options = GateOptions::default();
    options.limits.max_file_bytes = MOST as u64;
    let channels = Place::everywhere().channels()?;
    let text = |language: Language| uploader_text(language.template(), &channels);
    let threads = std::thread::available_parallelism()?.get();
    let form = Arc::new(Form {
        gate: Gate::open_with(index, options)?,
        looking: Semaphore::new(threads),
        in_memory: Semaphore::new(8 * threads),
        kept: kept.to_owned(),
        texts: serde_json::from_str(TEXTS)?,
        stopped: BTreeMap::from([
            ("en", text(Language::English)),
            ("ur", text(Language::Urdu)),
        ]),
    });
    for folder in ["shared", "held"] {
        fs::create_dir_all(kept.join(folder))?;
    }
    let follower = Arc::clone(&form);
    std::thread::spawn(move || follow(&follower.gate));
    println!("listening at http://{}", listener.local_addr()?);
    listener.set_nonblocking(true)?;
    let router = Router::new()
        .route("/", get(first_page))
        .route("/style.css", get(style))
        .route("/shared/{number}", get(shared))
        .route("/upload", post(upload))
        .fallback(async || (StatusCode::NOT_FOUND, "there is nothing here\n"))
        // Counted below, so that who sends too much gets a page.
        .layer(DefaultBodyLimit::disable())
        .with_state(form);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_io()
        .enable_time()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        axum::serve(listener, router).await
    })?;
    Ok(())
}

/// What is published is in force within a second. What was in force stays so until then.
fn follow(gate: &Gate) {
    let mut told = String::new();
    loop {
        std::thread::sleep(Duration::from_millis(500));
        let said = gate.refresh().err().map(|error| error.to_string());
        let said = said.unwrap_or_default();
        if !said.is_empty() && said != told {
            eprintln!("upload_form: the index cannot be followed: {said}");
        }
        told = said;
    }
}

/// An answer with the headers that all have.
fn send(status: StatusCode, kind: &'static str, body: impl Into<Vec<u8>>) -> Response {
    const POLICY: &str = "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'";
    let headers: [(HeaderName, &str); 3] = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let mut response = (status, headers, body.into()).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response
            .headers_mut()
            .insert(RETRY_AFTER, axum::http::HeaderValue::from_static("60"));
    }
    response
}

const HTML: &str = "text/html; charset=utf-8";

async fn style() -> Response {
    send(StatusCode::OK, "text/css", STYLE)
}

async fn first_page(State(form): State<Arc<Form>>, uri: Uri, headers: HeaderMap) -> Response {
    let lang = language(&uri, &headers);
    let folder = form.kept.join("shared");
    let newest = spawn_blocking(move || newest(&folder)).await;
    match newest {
        Ok(Ok(newest)) => send(StatusCode::OK, HTML, form.first_page(lang, &newest)),
        _ => send(
            StatusCode::INTERNAL_SERVER_ERROR,
            "text/plain",
            "the folder cannot be read\n",
        ),
    }
}

/// The names of the newest pictures that everybody sees.
fn newest(folder: &path::Path) -> io::Result<Vec<String>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_number(&name) {
            all.push((entry.metadata()?.modified()?, name));
        }
    }
    all.sort();
    let names = all.into_iter().rev().take(SHOWN);
    Ok(names.map(|(_, name)| name).collect())
}

/// Whether a name is one that this form gave.
fn is_number(name: &str) -> bool {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    name.len() == 32 && name.bytes().all(is_hex)
}

/// What browsers show as a picture, by the first bytes: never what the uploader says.
fn kind(picture: &[u8]) -> &'static str {
    match picture {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => "image/png",
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => "image/gif",
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => "image/webp",
        _ => "application/octet-stream",
    }
}

async fn shared(State(form): State<Arc<Form>>, Path(number): Path<String>) -> Response {
    let file = form.kept.join("shared").join(&number);
    let read = match is_number(&number) {
        true => spawn_blocking(move || fs::read(file)).await.ok(),
        false => None,
    };
    let Some(Ok(picture)) = read else {
        return send(
            StatusCode::NOT_FOUND,
            "text/plain",
            "there is nothing here\n",
        );
    };
    let kind = kind(&picture);
    let mut response = send(StatusCode::OK, kind, picture);
    if kind == "application/octet-stream" {
        let attached = axum::http::HeaderValue::from_static("attachment");
        response.headers_mut().insert(CONTENT_DISPOSITION, attached);
    }
    response
}

async fn upload(State(form): State<Arc<Form>>, request: Request) -> Response {
    let lang = language(request.uri(), request.headers());
    let mut number = [0; 16];
    let answer = match getrandom::fill(&mut number) {
        Ok(()) => judge(&form, request, &hex(&number)).await,
        Err(_) => Answer::Later,
    };
    let page = form.answer_page(lang, answer, &hex(&number));
    send(answer.status(), HTML, page)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What became of the upload. Nothing of it is on a disk before it was judged.
async fn judge(form: &Arc<Form>, request: Request, number: &str) -> Answer {
    // Who finds no place is not made to wait.
    let Ok(_in_memory) = form.in_memory.try_acquire() else {
        return Answer::Later;
    };
    let picture = match the_file(request).await {
        Ok(picture) => picture,
        Err(answer) => return answer,
    };
    let Ok(Ok(_looking)) = tokio::time::timeout(WAIT, form.looking.acquire()).await else {
        return Answer::Later;
    };
    let (own, number) = (Arc::clone(form), number.to_owned());
    let judged = spawn_blocking(move || {
        let verdict = own.gate.check(&picture);
        let answer = match verdict.action {
            Some(Action::Block) => return Ok(Answer::Stopped),
            _ if verdict.passes() => Answer::Shared,
            // What could not be judged is never waved through.
            _ => Answer::Held,
        };
        store(&own.kept.join(answer.name()), &number, &picture)?;
        Ok::<_, io::Error>(answer)
    });
    match judged.await {
        Ok(Ok(answer)) => answer,
        _ => Answer::Later,
    }
}

/// The bytes of the form's one file. What is too much is read and forgotten, as who is cut off while sending sees no
/// answer; not without end.
async fn the_file(request: Request) -> Result<Vec<u8>, Answer> {
    let bad = |_: MultipartError| Answer::NoFile;
    let mut parts = Multipart::from_request(request, &())
        .await
        .map_err(|_| Answer::NoFile)?;
    let (mut files, mut picture, mut size) = (0, Vec::new(), 0_usize);
    while let Some(mut part) = parts.next_field().await.map_err(bad)? {
        let is_file = part.file_name().is_some_and(|name| !name.is_empty());
        files += usize::from(is_file);
        while let Some(bytes) = part.chunk().await.map_err(bad)? {
            size = size.saturating_add(bytes.len());
            if size > 8 * MOST {
                return Err(Answer::TooLarge);
            }
            if size > MOST {
                picture = Vec::new();
            } else if is_file {
                picture.extend_from_slice(&bytes);
            }
        }
    }
    match (files, size) {
        (_, size) if size > MOST => Err(Answer::TooLarge),
        (1, _) if !picture.is_empty() => Ok(picture),
        _ => Err(Answer::NoFile),
    }
}

/// Writes a file, closed to other users, and gives it its name once it is whole.
fn store(folder: &path::Path, number: &str, picture: &[u8]) -> io::Result<()> {
    let part = folder.join(format!(".{number}"));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&part)?.write_all(picture)?;
    fs::rename(part, folder.join(number))
}

/// What the address asks for, else the first language of the browser's that there is, else English.
fn language(uri: &Uri, headers: &HeaderMap) -> &'static str {
    let query = uri.query().unwrap_or_default().split('&');
    let asked = query.filter_map(|pair| pair.strip_prefix("lang="));
    let accepted = headers
        .get(ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok());
    let accepted = accepted.unwrap_or_default().split(',');
    let accepted = accepted.filter_map(|word| word.trim().get(..2));
    let mut all = asked.chain(accepted);
    let known = all.find_map(|word| match word.to_ascii_lowercase().as_str() {
        "en" => Some("en"),
        "ur" => Some("ur"),
        _ => None,
    });
    known.unwrap_or("en")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#x27;")
}

/// A plain text as HTML: lines that begin with `- ` as a list, addresses as links.
fn paragraphs(text: &str) -> String {
    let mut out = String::new();
    for block in text.trim().split("\n\n") {
        let (mut words, mut items) = (Vec::new(), String::new());
        for line in block.split('\n') {
            let Some(item) = line.strip_prefix("- ") else {
                if !items.is_empty() {
                    out += &format!("<p>{}</p>\n<ul>{items}</ul>\n", words.join(" "));
                    words.clear();
                    items.clear();
                }
                words.push(escape(line));
                continue;
            };
            let (name, address) = item.split_once(": ").unwrap_or((item, ""));
            let (name, address) = (escape(name), escape(address));
            items += &format!(
                "<li><bdi>{name}</bdi>: <a href=\"{address}\"><bdi>{address}</bdi></a></li>"
            );
        }
        out += &format!("<p>{}</p>\n", words.join(" "));
        if !items.is_empty() {
            out += &format!("<ul>{items}</ul>\n");
        }
    }
    out
}

impl Form {
    fn text(&self, lang: &str, name: &str) -> String {
        let text = self.texts.get(lang).and_then(|texts| texts.get(name));
        escape(text.map_or(name, String::as_str))
    }

    fn page(&self, lang: &str, answer: &str, heading: &str, main: &str) -> String {
        let other = if lang == "ur" { "en" } else { "ur" };
        let mut page = PAGE.to_owned();
        for (name, value) in [
            ("{lang}", lang),
            ("{dir}", &self.text(lang, "dir")),
            ("{other}", other),
            ("{other_name}", &self.text(other, "name")),
            ("{title}", &self.text(lang, "title")),
            ("{answer}", answer),
            ("{heading}", heading),
            ("{main}", main),
        ] {
            page = page.replace(name, value);
        }
        page
    }

    fn first_page(&self, lang: &str, shared: &[String]) -> String {
        let text = |name| self.text(lang, name);
        let mut main = format!(
            "<p>{}</p>\n<form method=\"post\" action=\"/upload?lang={lang}\" enctype=\"multipart/form-data\">\n\
             <label for=\"picture\">{}</label>\n\
             <input type=\"file\" id=\"picture\" name=\"picture\" required>\n\
             <div><button id=\"send\">{}</button></div>\n</form>\n",
            text("explained"),
            text("picture"),
            text("send")
        );
        if !shared.is_empty() {
            let images = shared.iter();
            let images = images.map(|name| format!("<img src=\"/shared/{name}\" alt=\"\">"));
            let images: String = images.collect();
            main += &format!(
                "<h2>{}</h2>\n<div class=\"all\">{images}</div>\n",
                text("all")
            );
        }
        self.page(lang, "form", &text("title"), &main)
    }

    fn answer_page(&self, lang: &str, answer: Answer, number: &str) -> String {
        let text = |name: &str| self.text(lang, name);
        let name = answer.name();
        let (heading, mut main) = match (answer, self.stopped.get(lang)) {
            (Answer::Stopped, Some(stopped)) => {
                let (heading, rest) = stopped.split_once('\n').unwrap_or((stopped, ""));
                (escape(heading), paragraphs(rest))
            }
            (Answer::Shared, _) => {
                let image = format!("<p><img src=\"/shared/{number}\" alt=\"\"></p>\n");
                (text(name), image)
            }
            _ => (
                text(name),
                format!("<p>{}</p>\n", text(&format!("{name}_why"))),
            ),
        };
        if matches!(answer, Answer::Held | Answer::Stopped) {
            main += &format!("<p>{} <code>{number}</code></p>\n", text("number"));
        }
        main += &format!("<p><a href=\"/?lang={lang}\">{}</a></p>\n", text("again"));
        self.page(lang, name, &heading, &main)
    }
}
