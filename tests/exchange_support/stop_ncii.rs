//! StopNCII's interface, version 1: JSON, a key for each function and one for the subscription.
//!
//! - A token is of the `startTimestamp` that it came with. The last page has a token too, and says `hasMoreRecords:false`.
//! - `nextSetTimestamp` of a page that is not the last lies ahead of what was sent: who keeps it loses records. That of the
//!   last page is lower, and is right.
//! - A record is all that is now known of its type and value. What is taken back says `Withdrawn` or `Deleted`.
//! - Words come that no list of words has. An empty `caseNumbers` is an array.

use super::http::{Answer, Request, Server, locked};
use super::json;
use super::model::{Model, Random, Record};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// What stands before the functions' names.
pub const PREFIX: &str = "/v1";
pub const SUBSCRIPTION: &str = "subscription-0123456789abcdef";
pub const FETCH_KEY: &str = "fetch-key-0123456789==";
pub const FEEDBACK_KEY: &str = "feedback-key-0123456789==";
pub const SUBMIT_KEY: &str = "submit-key-0123456789==";
/// How far ahead a page that is not the last says that it is.
const AHEAD: u64 = 1000;
const TYPES: [&str; 6] = ["ImagePDQ", "VideoMD5", "VideoTMK", "Text", "URL", "Unknown"];
/// What a service may say of a hash.
const VALUES: [&str; 8] = [
    "None",
    "QualityUnknown",
    "PendingReview",
    "Blocked",
    "NotBlocked",
    "Withdrawn",
    "Deleted",
    "Unknown",
];

#[derive(Debug, Clone)]
pub struct Hash {
    pub signal_type: String,
    pub value: String,
    pub status: String,
    pub cases: Vec<(String, String)>,
    /// Source, value, tags.
    pub feedback: Vec<(String, String, Vec<String>)>,
    pub regions: Vec<String>,
    /// Sent in its place: rubbish.
    pub raw: Option<String>,
}

impl Hash {
    pub fn new(signal_type: &str, value: &str, status: &str) -> Self {
        Self {
            signal_type: signal_type.to_owned(),
            value: value.to_owned(),
            status: status.to_owned(),
            cases: Vec::new(),
            feedback: Vec::new(),
            regions: Vec::new(),
            raw: None,
        }
    }

    /// An object that is no record: its value is a number, and its type is missing.
    pub fn rubbish(id: &str) -> Self {
        Self {
            raw: Some(r#"{"hashValue":7,"hashStatus":["Active"],"caseNumbers":3}"#.to_owned()),
            ..Self::new("Unknown", id, "Unknown")
        }
    }

    fn json(&self, stamp: u64) -> String {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let cases = match self.cases.is_empty() {
            true => Value::Array(Vec::new()),
            false => {
                let each = self.cases.iter();
                Value::Object(
                    each.map(|(id, status)| (id.clone(), status.as_str().into()))
                        .collect(),
                )
            }
        };
        let mut record = Map::new();
        record.insert("lastModtimestamp".into(), stamp.into());
        record.insert("signalType".into(), self.signal_type.as_str().into());
        record.insert("hashValue".into(), self.value.as_str().into());
        record.insert("hashStatus".into(), self.status.as_str().into());
        record.insert("caseNumbers".into(), cases);
        if !self.feedback.is_empty() {
            let each = self.feedback.iter().map(|(source, value, tags)| {
                serde_json::json!({"source": source, "feedbackValue": value, "tags": tags})
            });
            record.insert("CSPFeedbacks".into(), each.collect());
        }
        if !self.regions.is_empty() {
            record.insert("hashRegions".into(), self.regions.clone().into());
        }
        Value::Object(record).to_string()
    }
}

impl Record for Hash {
    type Key = (String, String);

    fn key(&self) -> Self::Key {
        (self.signal_type.clone(), self.value.clone())
    }

    /// `TYPE:VALUE`.
    fn name(&self) -> String {
        format!("{}:{}", self.signal_type, self.value)
    }

    fn fresh(random: &mut Random, _: Option<&Self>) -> Self {
        let (kind, value) = match random.below(20) {
            0..10 => ("ImagePDQ", random.pdq()),
            10..15 => ("VideoMD5", random.hex(32)),
            15 => ("VideoTMK", random.hex(64)),
            16 => ("URL", format!("https://example.org/{}", random.hex(8))),
            17 => ("ImageOfTomorrow", random.hex(48)),
            18 => return Self::rubbish(&random.hex(16)),
            // Digits may be capital letters.
            _ => ("ImagePDQ", random.pdq().to_uppercase()),
        };
        let mut hash = Self::new(kind, &value, "Active");
        hash.renew(random);
        hash
    }

    fn renew(&mut self, random: &mut Random) {
        if self.raw.is_some() {
            return;
        }
        self.status = random
            .of(&[
                "Active",
                "Active",
                "Active",
                "Received",
                "Unknown",
                "Escalated",
            ])
            .to_owned();
        let cases = random.below(3);
        self.cases = (0..cases)
            .map(|_| (random.uuid(), "Active".to_owned()))
            .collect();
        self.feedback.clear();
        for _ in 0..random.below(3) {
            let source = format!("Service {}", random.below(4));
            let value = random.of(&[
                "Blocked",
                "NotBlocked",
                "PendingReview",
                "None",
                "Undefined",
            ]);
            let tags = ["Nude", "Objectionable"][..random.below(3)].to_vec();
            let tags = tags.into_iter().map(str::to_owned).collect();
            self.feedback.push((source, value.to_owned(), tags));
        }
        let regions = ["Global", "EU"][..random.below(3)].to_vec();
        self.regions = regions.into_iter().map(str::to_owned).collect();
    }

    fn withdraw(&mut self, random: &mut Random) {
        self.status = random.of(&["Withdrawn", "Deleted"]).to_owned();
        for (_, status) in &mut self.cases {
            status.clone_from(&self.status);
        }
    }

    fn is_live(&self) -> bool {
        self.raw.is_none() && !matches!(self.status.as_str(), "Withdrawn" | "Deleted")
    }

    fn is_rubbish(&self) -> bool {
        self.raw.is_some()
    }

    fn hashes(&self) -> Vec<(String, String)> {
        let kind = match self.signal_type.as_str() {
            "ImagePDQ" => "pdq",
            "VideoMD5" => "md5",
            _ if self.raw.is_some() => return Vec::new(),
            other => return vec![(other.to_lowercase(), self.value.clone())],
        };
        vec![(kind.to_owned(), self.value.to_lowercase())]
    }
}

/// An opinion that was sent and taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feedback {
    pub value: String,
    pub said: String,
    pub tags: Vec<String>,
}

struct Token {
    start: u64,
    at: usize,
    rows: Arc<Vec<(String, String)>>,
    /// The latest change when the first page was asked for.
    latest: u64,
}

pub struct State {
    pub model: Model<Hash>,
    /// Most records of a page, whatever is asked for.
    pub page: usize,
    pub subscription: String,
    /// The keys by the functions' names.
    pub keys: BTreeMap<String, String>,
    /// The opinions that were taken, in their order.
    pub feedback: Vec<Feedback>,
    tokens: BTreeMap<String, Token>,
    given: u64,
}

impl State {
    /// No token that was given so far is worth anything any more.
    pub fn expire_tokens(&mut self) {
        self.tokens.clear();
    }
}

/// The server.
pub struct Fake {
    pub server: Server,
    state: Arc<Mutex<State>>,
}

impl Fake {
    /// An empty source with pages of at most so many records.
    pub fn start(page: usize) -> Self {
        let keys = [
            ("FetchHashes", FETCH_KEY),
            ("SubmitFeedback", FEEDBACK_KEY),
            ("SubmitHashes", SUBMIT_KEY),
        ];
        let state = Arc::new(Mutex::new(State {
            model: Model::default(),
            page,
            subscription: SUBSCRIPTION.to_owned(),
            keys: keys
                .map(|(name, key)| (name.to_owned(), key.to_owned()))
                .into(),
            feedback: Vec::new(),
            tokens: BTreeMap::new(),
            given: 0,
        }));
        let of = Arc::clone(&state);
        let server = Server::start(move |request| answer(&mut locked(&of), request));
        Self { server, state }
    }

    /// What a client is told.
    pub fn base(&self) -> String {
        self.server.base() + PREFIX
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

fn refused(status: u16, why: &str) -> Answer {
    Answer::json(
        status,
        serde_json::json!({"statusCode": status, "message": why}).to_string(),
    )
}

fn answer(state: &mut State, request: &Request) -> Answer {
    let function = request.path.strip_prefix(PREFIX).unwrap_or_default();
    let function = function.trim_start_matches('/');
    let Some(key) = state.keys.get(function) else {
        return Answer::page(404);
    };
    let is_known = request.header("x-functions-key") == Some(key)
        && request.header("ocp-apim-subscription-key") == Some(&state.subscription);
    if !is_known {
        return refused(
            401,
            "Access denied due to missing or invalid subscription key.",
        );
    }
    match (request.method.as_str(), function) {
        ("GET", "FetchHashes") => fetch(state, request),
        ("POST", "SubmitFeedback") => feedback(state, &request.body),
        ("POST", "SubmitHashes") => submit(state, &request.body),
        _ => Answer::page(405),
    }
}

fn fetch(state: &mut State, request: &Request) -> Answer {
    let number = |name: &str| {
        request
            .asked(name)
            .and_then(|text| text.parse::<u64>().ok())
    };
    let Some(start) = number("startTimestamp").filter(|start| *start >= 10) else {
        return refused(400, "startTimestamp is a number from 10");
    };
    let size = match number("pageSize") {
        Some(size) if size > 0 => state.page.min(size as usize),
        _ => return refused(400, "pageSize is a number from 1"),
    };
    let (at, rows, latest) = match request.asked("nextPageToken") {
        None => {
            let found = state.model.all().filter(|kept| kept.stamp >= start);
            let mut rows: Vec<_> = found.map(|kept| (kept.serial, kept.record.key())).collect();
            rows.sort_unstable_by_key(|(serial, _)| *serial);
            let rows = rows.into_iter().map(|(_, key)| key).collect();
            (0, Arc::new(rows), state.model.latest().max(start))
        }
        Some(token) => match state.tokens.get(token).filter(|token| token.start == start) {
            Some(token) => (token.at, Arc::clone(&token.rows), token.latest),
            None => return refused(400, "nextPageToken has expired, or is of another query"),
        },
    };
    let (mut records, mut names) = (Vec::new(), Vec::new());
    for key in rows.iter().skip(at).take(size) {
        if let Some(kept) = state.model.get(key) {
            records.push(kept.record.json(kept.stamp));
            names.push(kept.record.name());
        }
    }
    let next = at.saturating_add(size).min(rows.len());
    let has_more = next < rows.len();
    let timestamp = if has_more { latest + AHEAD } else { latest };
    state.given += 1;
    let token = format!("{}+/=", Random::new(state.given).hex(40));
    let (count, records) = (records.len(), records.join(",\n"));
    let body = format!(
        "{{\"count\":{count},\"nextPageToken\":\"{token}\",\"nextSetTimestamp\":{timestamp},\
         \"hasMoreRecords\":{has_more},\"hashRecords\":[{records}]}}"
    );
    let token_of = Token {
        start,
        at: next,
        rows,
        latest,
    };
    state.tokens.insert(token, token_of);
    Answer::json(200, body).of(names)
}

/// What was sent as an array under `name`, of as many as `count` says.
fn sent(body: &[u8], name: &str) -> Option<Vec<Value>> {
    let all: Value = serde_json::from_slice(body).ok()?;
    let each = all.get(name)?.as_array()?.clone();
    (all.get("count")?.as_u64()? == each.len() as u64).then_some(each)
}

fn opinion(of: &Value) -> Option<(String, Vec<String>)> {
    let said = of.get("feedbackValue")?.as_str()?;
    VALUES.contains(&said).then_some(())?;
    let tags = of.get("tags")?.as_array()?.iter();
    let tags = tags
        .map(|tag| Some(tag.as_str()?.to_owned()))
        .collect::<Option<_>>()?;
    Some((said.to_owned(), tags))
}

/// Whose opinions are sent.
const OWN: &str = "Our Service";

fn feedback(state: &mut State, body: &[u8]) -> Answer {
    let read = |one: &Value| {
        let (said, tags) = opinion(one)?;
        let value = one.get("hashValue")?.as_str()?.to_owned();
        Some(Feedback { value, said, tags })
    };
    let all = sent(body, "hashFeedbacks");
    let all = all.and_then(|all| all.iter().map(read).collect::<Option<Vec<_>>>());
    let Some(all) = all else {
        return refused(400, "this is no feedback");
    };
    let count = all.len();
    for one in all {
        let keys = state.model.all().map(|kept| kept.record.key());
        let keys: Vec<_> = keys.filter(|(_, value)| *value == one.value).collect();
        for key in keys {
            state.model.change(&key, |hash, _| {
                hash.feedback.retain(|(source, ..)| source != OWN);
                hash.feedback
                    .push((OWN.to_owned(), one.said.clone(), one.tags.clone()));
                true
            });
        }
        state.feedback.push(one);
    }
    Answer::json(200, format!("{{\"count\":{count}}}"))
}

fn submit(state: &mut State, body: &[u8]) -> Answer {
    let read = |one: &Value| {
        let kind = one.get("signalType")?.as_str()?;
        TYPES.contains(&kind).then_some(())?;
        one.get("lastModtimestamp")?.as_u64()?;
        let mut hash = Hash::new(kind, one.get("hashValue")?.as_str()?, "Active");
        for said in one.get("CSPFeedbacks")?.as_array()? {
            let (said, tags) = opinion(said)?;
            hash.feedback.push((OWN.to_owned(), said, tags));
        }
        Some(hash)
    };
    let all = sent(body, "hashRecords");
    let all = all.and_then(|all| all.iter().map(read).collect::<Option<Vec<_>>>());
    let Some(all) = all else {
        return refused(400, "these are no records");
    };
    let count = all.len();
    all.into_iter().for_each(|hash| state.model.put(hash));
    Answer::json(200, format!("{{\"count\":{count}}}"))
}

/// The records of a page that a test asked for itself.
pub fn records(answer: &[u8]) -> Vec<Value> {
    let page = json(answer);
    page["hashRecords"].as_array().expect("records").clone()
}
