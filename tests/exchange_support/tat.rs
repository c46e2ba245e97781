//! Tech Against Terrorism's hash list, version 2: JSON, a token that user and password get and that expires.
//!
//! - The cursor is the page's `checkpoint`, `time,id` of its last record. It is empty where the page is.
//! - `next` is an absolute address by offset. It is null on the last page.
//! - What is taken back says `deleted`. Records have fields that no document names.

use super::http::{Answer, Request, Server, in_query, locked};
use super::model::{Model, Random, Record};
use super::{calendar, quoted};
use base64::Engine;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

pub const USER: &str = "partner@example.org";
pub const PASSWORD: &str = "pass+word&more=ü";
const LOGIN: &str = "/token-auth/tcap/";
const LIST: &str = "/api/hash-list/v2/all";

#[derive(Debug, Clone)]
pub struct Digest {
    pub id: u64,
    pub algorithm: String,
    pub value: String,
    pub ideology: String,
    pub file_type: String,
    pub is_deleted: bool,
    /// Sent in its place: rubbish.
    pub raw: Option<String>,
}

impl Digest {
    pub fn new(id: u64, algorithm: &str, value: &str) -> Self {
        Self {
            id,
            algorithm: algorithm.to_owned(),
            value: value.to_owned(),
            ideology: "far-right".to_owned(),
            file_type: "mp4".to_owned(),
            is_deleted: false,
            raw: None,
        }
    }

    /// An object that is no record.
    pub fn rubbish(id: u64) -> Self {
        Self {
            raw: Some(r#"{"hash_digest":null,"algorithm":5,"deleted":"maybe"}"#.to_owned()),
            ..Self::new(id, "", "")
        }
    }

    fn json(&self, time: &str, stamp: u64, has_more: bool) -> String {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let texts = [
            &self.value,
            &self.algorithm,
            &self.ideology,
            &self.file_type,
        ];
        let [value, algorithm, ideology, kind] = texts.map(|text| quoted(text));
        let more = match has_more {
            true => ",\"severity\":{\"level\":3},\"notes\":null",
            false => "",
        };
        let (deleted, id, created) = (self.is_deleted, self.id, calendar::iso(stamp));
        format!(
            "{{\"hash_digest\":{value},\"algorithm\":{algorithm},\"ideology\":{ideology},\
             \"file_type\":{kind},\"deleted\":{deleted},\"updated_on\":{time},\
             \"created_on\":\"{created}\",\"id\":{id}{more}}}"
        )
    }
}

impl Record for Digest {
    type Key = u64;

    fn key(&self) -> u64 {
        self.id
    }

    /// The id.
    fn name(&self) -> String {
        self.id.to_string()
    }

    fn fresh(random: &mut Random, other: Option<&Self>) -> Self {
        let id = 1 + random.next() % 1_000_000_000;
        let (algorithm, value) = match random.below(20) {
            0..9 => ("MD5", random.hex(32)),
            9..16 => ("PDQ", random.pdq()),
            16 => ("SHA256", random.hex(64)),
            17 => ("SHA1", random.hex(40)),
            18 => ("TOMORROW", random.hex(20)),
            _ => return Self::rubbish(id),
        };
        let mut fresh = Self::new(id, algorithm, &value);
        fresh.renew(random);
        match other.filter(|other| other.raw.is_none()) {
            // The same file, found twice.
            Some(other) if random.once_in(8) => Self {
                id,
                is_deleted: false,
                ..other.clone()
            },
            _ => fresh,
        }
    }

    fn renew(&mut self, random: &mut Random) {
        self.is_deleted = false;
        self.ideology = random
            .of(&["islamist", "far-right", "of tomorrow"])
            .to_owned();
        self.file_type = random.of(&["mp4", "mov", "webm", "jpg", "png"]).to_owned();
    }

    fn withdraw(&mut self, _: &mut Random) {
        self.is_deleted = true;
    }

    fn is_live(&self) -> bool {
        !self.is_deleted && self.raw.is_none()
    }

    fn is_rubbish(&self) -> bool {
        self.raw.is_some()
    }

    fn hashes(&self) -> Vec<(String, String)> {
        match self.raw {
            Some(_) => Vec::new(),
            None => vec![(self.algorithm.to_lowercase(), self.value.clone())],
        }
    }
}

pub struct State {
    pub model: Model<Digest>,
    /// Most records of a page.
    pub page: usize,
    /// Whether records have fields that no document names.
    pub has_more_fields: bool,
    pub user: String,
    pub password: String,
    /// How many pages a token is good for. None: any number.
    pub token_pages: Option<u32>,
    /// Tokens and the pages that they gave.
    tokens: BTreeMap<String, u32>,
    given: u64,
}

impl State {
    /// No token that was given so far is worth anything any more.
    pub fn expire_tokens(&mut self) {
        self.tokens.clear();
    }

    /// How many tokens were given.
    pub fn logins(&self) -> u64 {
        self.given
    }
}

/// The server.
pub struct Fake {
    pub server: Server,
    state: Arc<Mutex<State>>,
}

impl Fake {
    /// An empty source with pages of so many records.
    pub fn start(page: usize) -> Self {
        let state = Arc::new(Mutex::new(State {
            model: Model::default(),
            page,
            has_more_fields: true,
            user: USER.to_owned(),
            password: PASSWORD.to_owned(),
            token_pages: None,
            tokens: BTreeMap::new(),
            given: 0,
        }));
        let of = Arc::clone(&state);
        let server =
            Server::bound(|at| Box::new(move |request| answer(&mut locked(&of), request, at)));
        Self { server, state }
    }

    /// What a client is told.
    pub fn base(&self) -> String {
        self.server.base()
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

fn refused(status: u16, why: &str) -> Answer {
    Answer::json(status, format!("{{\"detail\":{}}}", quoted(why)))
}

fn answer(state: &mut State, request: &Request, at: SocketAddr) -> Answer {
    match (request.method.as_str(), request.path.as_str()) {
        ("POST", LOGIN) => login(state, request),
        ("GET", LIST) => {
            let token = request.header("authorization");
            let token = token.and_then(|value| value.strip_prefix("Bearer "));
            let most = state.token_pages.unwrap_or(u32::MAX);
            match token.and_then(|token| state.tokens.get_mut(token)) {
                Some(pages) if *pages < most => *pages += 1,
                _ => {
                    return refused(401, "Signature has expired.")
                        .header("WWW-Authenticate", "Bearer realm=\"api\"");
                }
            }
            list(state, request, at)
        }
        (_, LOGIN | LIST) => refused(405, "Method not allowed."),
        _ => Answer::page(404),
    }
}

fn login(state: &mut State, request: &Request) -> Answer {
    let form = request.form();
    let is = |name: &str, value: &str| {
        form.iter()
            .any(|(own, given)| own == name && given == value)
    };
    if !(is("username", &state.user) && is("password", &state.password)) {
        return refused(401, "Unable to log in with provided credentials.");
    }
    state.given += 1;
    let part = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    let (now, number) = (calendar::now(), state.given);
    let body = format!(
        "{{\"sub\":\"{}\",\"jti\":{number},\"exp\":{}}}",
        state.user,
        now + 300
    );
    let token = [
        part("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"),
        part(&body),
        part(&Random::new(number).hex(32)),
    ]
    .join(".");
    let user = quoted(&state.user);
    let answer = format!("{{\"token\":\"{token}\",\"user\":{{\"username\":{user},\"id\":7}}}}");
    state.tokens.insert(token, 0);
    Answer::json(200, answer)
}

/// `1724856487.709035,10594` as seconds, millionths and an id.
fn read_checkpoint(text: &str) -> Option<(u64, u64, u64)> {
    let (time, id) = text.split_once(',')?;
    let (seconds, rest) = time.split_once('.').unwrap_or((time, "0"));
    (rest.len() <= 6).then_some(())?;
    let millionths = format!("{rest:0<6}").parse().ok()?;
    Some((seconds.parse().ok()?, millionths, id.parse().ok()?))
}

fn list(state: &State, request: &Request, at: SocketAddr) -> Answer {
    if request.asked("order") != Some("asc") {
        return refused(400, "order is asc");
    }
    let given = request.asked("after").unwrap_or_default();
    let after = match given {
        "" => Some((0, 0, 0)),
        text => read_checkpoint(text),
    };
    let Some(after) = after else {
        return refused(400, "after is a checkpoint");
    };
    let offset = match request.asked("offset").map_or(Ok(0), str::parse::<usize>) {
        Ok(offset) => offset,
        Err(_) => return refused(400, "offset is a number"),
    };
    let all = state.model.all();
    // Changes of one second are told apart by their numbers.
    let mut found: Vec<_> = all
        .map(|kept| ((kept.stamp, kept.serial % 1_000_000, kept.record.id), kept))
        .filter(|(place, _)| *place > after)
        .collect();
    found.sort_by_key(|(place, _)| *place);
    let page = found.iter().skip(offset).take(state.page);
    let time = |(seconds, millionths, _): (u64, u64, u64)| format!("{seconds}.{millionths:06}");
    let (mut results, mut names, mut checkpoint) = (Vec::new(), Vec::new(), String::new());
    for (place, kept) in page {
        results.push(
            kept.record
                .json(&time(*place), kept.stamp, state.has_more_fields),
        );
        names.push(kept.record.name());
        checkpoint = format!("{},{}", time(*place), place.2);
    }
    let address = |offset: usize| {
        let (size, given) = (state.page, in_query(given));
        format!("\"http://{at}{LIST}?after={given}&limit={size}&offset={offset}&order=asc\"")
    };
    let end = offset.saturating_add(state.page);
    let (count, results) = (found.len(), results.join(",\n"));
    let next = if end < count {
        address(end)
    } else {
        "null".to_owned()
    };
    let previous = match offset {
        0 => "null".to_owned(),
        offset => address(offset.saturating_sub(state.page)),
    };
    let body = format!(
        "{{\"count\":{count},\"next\":{next},\"previous\":{previous},\
         \"checkpoint\":\"{checkpoint}\",\"results\":[{results}]}}"
    );
    Answer::json(200, body).of(names)
}
