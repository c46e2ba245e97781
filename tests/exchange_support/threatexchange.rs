//! ThreatExchange's part of the Graph interface: JSON, a token of the application.
//!
//! - `paging.next` is absolute, is of the query that it came with, and has the token in it. A page may be empty and have a
//!   next one.
//! - Updates come by time. `start_time` is inclusive, `stop_time` exclusive. Only the fields that were named come.
//! - What is taken back says `should_delete`, or has no descriptors, or has none with an owner.
//! - Tags are texts or `{"data":[{"id","text"}]}`.
//! - A group without updates answers 500, a wrong token 400 with the code 190.

use super::http::{Answer, Request, Server, in_query, locked};
use super::model::{Model, Random, Record};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

/// The version of the interface.
pub const PREFIX: &str = "/v21.0";
pub const APP: u64 = 1_234_567_890;
/// Application and secret.
pub const TOKEN: &str = "1234567890|synthetic-secret_0123456789";
/// The group that has updates.
pub const GROUP: u64 = 777_000_111;
/// One that has none.
pub const GROUP_WITHOUT: u64 = 777_000_222;
const REACTIONS: [&str; 6] = [
    "HELPFUL",
    "NOT_HELPFUL",
    "DISAGREE_WITH_TAGS",
    "SAW_THIS_TOO",
    "OUTDATED",
    "WANT_MORE_INFO",
];

#[derive(Debug, Clone)]
pub struct Descriptor {
    pub id: u64,
    pub owner: Option<u64>,
    pub status: String,
    pub tags: Vec<String>,
    /// Whether the tags come as objects.
    pub are_objects: bool,
    /// A reaction, and the applications that have it.
    pub reactions: Vec<(String, Vec<u64>)>,
}

impl Descriptor {
    pub fn new(id: u64, owner: Option<u64>, status: &str) -> Self {
        Self {
            id,
            owner,
            status: status.to_owned(),
            tags: Vec::new(),
            are_objects: false,
            reactions: Vec::new(),
        }
    }

    fn json(&self, stamp: u64) -> Value {
        let mut all = json!({
            "id": self.id.to_string(),
            "status": self.status,
            "added_on": super::calendar::iso(stamp).replace('Z', "+0000"),
        });
        if let Some(owner) = self.owner {
            all["owner"] = json!({"id": owner.to_string(), "name": format!("App {owner}")});
        }
        if self.are_objects {
            let tag =
                |(number, text): (u64, &String)| json!({"id": number.to_string(), "text": text});
            let tags: Vec<Value> = (self.id..).zip(&self.tags).map(tag).collect();
            all["tags"] = json!({"data": tags});
        } else if !self.tags.is_empty() {
            all["tags"] = json!(self.tags);
        }
        let reaction = |(key, apps): &(String, Vec<u64>)| {
            let apps: Vec<String> = apps.iter().map(u64::to_string).collect();
            json!({"key": key, "value": apps.join(",")})
        };
        if !self.reactions.is_empty() {
            all["reactions"] = self.reactions.iter().map(reaction).collect();
        }
        all
    }
}

#[derive(Debug, Clone)]
pub struct Indicator {
    pub id: u64,
    pub kind: String,
    pub value: String,
    pub should_delete: bool,
    /// None: the field is missing.
    pub descriptors: Option<Vec<Descriptor>>,
    /// Sent in its place: rubbish.
    pub raw: Option<Value>,
}

impl Indicator {
    pub fn new(id: u64, kind: &str, value: &str, descriptors: Vec<Descriptor>) -> Self {
        Self {
            id,
            kind: kind.to_owned(),
            value: value.to_owned(),
            should_delete: false,
            descriptors: Some(descriptors),
            raw: None,
        }
    }

    /// An object that is no update.
    pub fn rubbish(id: u64) -> Self {
        let raw = json!({"id": id, "type": ["HASH_PDQ"], "indicator": null, "descriptors": 7});
        Self {
            raw: Some(raw),
            ..Self::new(id, "UNKNOWN", &id.to_string(), Vec::new())
        }
    }

    fn json(&self, stamp: u64, fields: &[String]) -> Value {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let mut all = json!({
            "id": self.id.to_string(),
            "indicator": self.value,
            "type": self.kind,
            "last_updated": stamp,
            "should_delete": self.should_delete,
        });
        if let Some(descriptors) = &self.descriptors {
            let each: Vec<Value> = descriptors.iter().map(|one| one.json(stamp)).collect();
            all["descriptors"] = json!({"data": each});
        }
        if let Value::Object(all) = &mut all {
            all.retain(|name, _| name == "id" || fields.contains(name));
        }
        all
    }
}

impl Record for Indicator {
    type Key = (String, String);

    fn key(&self) -> Self::Key {
        (self.kind.clone(), self.value.clone())
    }

    /// `TYPE:INDICATOR`.
    fn name(&self) -> String {
        format!("{}:{}", self.kind, self.value)
    }

    fn fresh(random: &mut Random, _: Option<&Self>) -> Self {
        let id = 4_000_000_000 + random.next() % 1_000_000_000;
        let (kind, value) = match random.below(20) {
            0..10 => ("HASH_PDQ", random.pdq()),
            10..14 => ("HASH_VIDEO_MD5", random.hex(32)),
            14..16 => ("HASH_MD5", random.hex(32)),
            16 => ("RAW_URI", format!("https://example.org/{}", random.hex(8))),
            17 => ("HASH_OF_TOMORROW", random.hex(20)),
            18 => ("HASH_SHA1", random.hex(40)),
            _ => return Self::rubbish(id),
        };
        let mut fresh = Self::new(id, kind, &value, Vec::new());
        fresh.renew(random);
        fresh
    }

    fn renew(&mut self, random: &mut Random) {
        if self.raw.is_some() {
            return;
        }
        self.should_delete = false;
        let mut all = Vec::new();
        for number in 0..=random.below(3) {
            // The first has an owner: without one it would not be live.
            let owner = (number == 0 || !random.once_in(3)).then(|| 900 + random.below(5) as u64);
            let status = random.of(&["MALICIOUS", "NON_MALICIOUS", "UNKNOWN", "SUSPICIOUS"]);
            let mut one = Descriptor::new(self.id * 10 + number as u64, owner, status);
            one.are_objects = random.once_in(2);
            let tags = ["media_type_video", "violence"][..random.below(3)].to_vec();
            one.tags = tags.into_iter().map(str::to_owned).collect();
            if random.once_in(2) {
                let apps = (0..=random.below(2) as u64).map(|app| 910 + app).collect();
                one.reactions.push((random.of(&REACTIONS).to_owned(), apps));
            }
            all.push(one);
        }
        self.descriptors = Some(all);
    }

    fn withdraw(&mut self, random: &mut Random) {
        match random.below(3) {
            0 => self.should_delete = true,
            1 => self.descriptors = None,
            _ => {
                let all = self.descriptors.iter_mut().flatten();
                all.for_each(|one| one.owner = None);
            }
        }
    }

    fn is_live(&self) -> bool {
        let mut all = self.descriptors.iter().flatten();
        self.raw.is_none() && !self.should_delete && all.any(|one| one.owner.is_some())
    }

    fn is_rubbish(&self) -> bool {
        self.raw.is_some()
    }

    fn hashes(&self) -> Vec<(String, String)> {
        let kind = match self.kind.as_str() {
            "HASH_PDQ" => "pdq",
            "HASH_MD5" | "HASH_VIDEO_MD5" => "md5",
            "HASH_SHA1" => "sha1",
            _ if self.raw.is_some() => return Vec::new(),
            other => return vec![(other.to_lowercase(), self.value.clone())],
        };
        vec![(kind.to_owned(), self.value.to_lowercase())]
    }
}

/// A reaction that was sent and taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    pub descriptor: u64,
    pub reaction: String,
    /// Whether it was taken back and not given.
    pub is_removed: bool,
}

struct Cursor {
    /// The query, without its token and its cursor.
    query: String,
    stamp: u64,
    serial: u64,
}

pub struct State {
    pub model: Model<Indicator>,
    /// Most updates of a page, whatever is asked for.
    pub page: usize,
    /// Every so many pages one is empty and has a next one; 0: none is.
    pub empty_every: u64,
    pub token: String,
    /// Whether a group has updates.
    pub groups: BTreeMap<u64, bool>,
    /// The reactions that were taken, in their order.
    pub reactions: Vec<Reaction>,
    /// The forms of descriptors that were taken, in their order.
    pub descriptors: Vec<Vec<(String, String)>>,
    cursors: BTreeMap<String, Cursor>,
    pages: u64,
}

impl State {
    /// No cursor that was given so far is worth anything any more.
    pub fn expire_cursors(&mut self) {
        self.cursors.clear();
    }
}

/// The server.
pub struct Fake {
    pub server: Server,
    state: Arc<Mutex<State>>,
}

impl Fake {
    /// An empty source with pages of at most so many updates, of which every third is empty.
    pub fn start(page: usize) -> Self {
        let state = Arc::new(Mutex::new(State {
            model: Model::default(),
            page,
            empty_every: 3,
            token: TOKEN.to_owned(),
            groups: [(GROUP, true), (GROUP_WITHOUT, false)].into(),
            reactions: Vec::new(),
            descriptors: Vec::new(),
            cursors: BTreeMap::new(),
            pages: 0,
        }));
        let of = Arc::clone(&state);
        let server =
            Server::bound(|at| Box::new(move |request| answer(&mut locked(&of), request, at)));
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

/// An error as Graph tells it.
pub fn error(status: u16, kind: &str, code: u64, message: &str) -> Answer {
    let error = json!({"message": message, "type": kind, "code": code, "fbtrace_id": "AbCdEf"});
    Answer::json(status, json!({"error": error}).to_string())
}

fn answer(state: &mut State, request: &Request, at: SocketAddr) -> Answer {
    let form = match request.method.as_str() {
        "POST" => request.form(),
        _ => Vec::new(),
    };
    let field = |name: &str| {
        let given = form.iter().find(|(own, _)| own == name);
        given.map(|(_, value)| value.as_str())
    };
    let header = request.header("authorization");
    let header = header.and_then(|value| {
        let value = value.strip_prefix("Bearer ");
        value.or_else(|| header?.strip_prefix("OAuth "))
    });
    let token = request
        .asked("access_token")
        .or(field("access_token"))
        .or(header);
    if token != Some(&state.token) {
        let message = "Invalid OAuth access token - Cannot parse access token";
        return error(400, "OAuthException", 190, message);
    }
    let path = request.path.strip_prefix(PREFIX).unwrap_or_default();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let unknown = || {
        error(
            400,
            "GraphMethodException",
            100,
            "Unsupported request: no such object",
        )
    };
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", [group, "threat_updates"]) => {
            let group = group.parse::<u64>().ok();
            match group.and_then(|group| state.groups.get(&group)) {
                Some(true) => updates(state, request, at),
                Some(false) => error(500, "OAuthException", 1, "An unknown error occurred"),
                None => unknown(),
            }
        }
        ("GET", [app, "threat_privacy_groups_member"]) if *app == APP.to_string() => {
            let group = |(id, has): (&u64, &bool)| {
                let name = format!("Group {id}");
                json!({"id": id.to_string(), "name": name, "threat_updates_enabled": has,
                    "members_can_see": true, "members_can_use": true, "description": ""})
            };
            let all: Vec<Value> = state.groups.iter().map(group).collect();
            Answer::json(200, json!({"data": all}).to_string())
        }
        ("POST", ["threat_descriptors"]) => {
            for name in [
                "indicator",
                "type",
                "description",
                "share_level",
                "status",
                "privacy_type",
            ] {
                if field(name).is_none() {
                    return error(400, "OAuthException", 100, &format!("({name}) is missing"));
                }
            }
            state.descriptors.push(form);
            let id = 8_000_000_000_u64 + state.descriptors.len() as u64;
            Answer::json(
                200,
                json!({"success": true, "id": id.to_string()}).to_string(),
            )
        }
        ("POST", [descriptor]) => {
            let (given, removed) = (field("reactions"), field("reactions_to_remove"));
            let Some(reaction) = given.or(removed).filter(|given| REACTIONS.contains(given)) else {
                return error(400, "OAuthException", 100, "(reactions) is not valid");
            };
            let is_removed = given.is_none();
            match descriptor.parse() {
                Ok(id) if react(state, id, reaction, is_removed) => {
                    Answer::json(200, r#"{"success":true}"#)
                }
                _ => unknown(),
            }
        }
        _ => unknown(),
    }
}

/// Whether there is such a descriptor.
fn react(state: &mut State, descriptor: u64, reaction: &str, is_removed: bool) -> bool {
    let has = |one: &Indicator| {
        let mut all = one.descriptors.iter().flatten();
        all.any(|own| own.id == descriptor)
    };
    let key = state
        .model
        .live_records()
        .find(|one| has(one))
        .map(Record::key);
    let Some(key) = key else { return false };
    state.model.change(&key, |one, _| {
        let all = one.descriptors.iter_mut().flatten();
        for own in all.filter(|own| own.id == descriptor) {
            for (_, apps) in own.reactions.iter_mut().filter(|(key, _)| key == reaction) {
                apps.retain(|app| *app != APP);
            }
            own.reactions.retain(|(_, apps)| !apps.is_empty());
            if is_removed {
                continue;
            }
            match own.reactions.iter_mut().find(|(key, _)| key == reaction) {
                Some((_, apps)) => apps.push(APP),
                None => own.reactions.push((reaction.to_owned(), vec![APP])),
            }
        }
        true
    });
    state.reactions.push(Reaction {
        descriptor,
        reaction: reaction.to_owned(),
        is_removed,
    });
    true
}

/// `a,b{c,d{e}},f` at its outermost level: `a`, `b`, `f`.
fn outermost(fields: &str) -> Vec<String> {
    let (mut depth, mut out) = (0_usize, vec![String::new()]);
    for c in fields.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => out.push(String::new()),
            c if depth == 0 => out.last_mut().expect("one").push(c),
            _ => {}
        }
    }
    out
}

fn updates(state: &mut State, request: &Request, at: SocketAddr) -> Answer {
    let time = |name: &str| match request.asked(name) {
        None => Ok(None),
        Some(text) => text.parse::<u64>().map(Some),
    };
    let (Ok(start), Ok(stop), Ok(limit)) = (time("start_time"), time("stop_time"), time("limit"))
    else {
        return error(
            400,
            "OAuthException",
            100,
            "Param start_time must be a UNIX timestamp",
        );
    };
    let is_query = |(name, _): &&(String, String)| name != "access_token" && name != "after";
    let mut query: Vec<String> = (request.query.iter().filter(is_query))
        .map(|(name, value)| format!("{}={}", in_query(name), in_query(value)))
        .collect();
    query.sort();
    let query = query.join("&");
    let after = match request.asked("after") {
        None => (0, 0),
        Some(cursor) => match state.cursors.get(cursor).filter(|own| own.query == query) {
            Some(cursor) => (cursor.stamp, cursor.serial),
            None => return error(400, "OAuthException", 100, "Invalid cursor for this query"),
        },
    };
    let fields = outermost(request.asked("fields").unwrap_or("id,indicator,type"));
    let types: Option<Vec<&str>> = request
        .asked("types")
        .map(|types| types.split(',').collect());
    let limit = state.page.min(limit.unwrap_or(25).max(1) as usize);
    let fits = |stamp: u64, kind: &str| {
        start.is_none_or(|start| stamp >= start)
            && stop.is_none_or(|stop| stamp < stop)
            && types.as_ref().is_none_or(|types| types.contains(&kind))
    };
    let all = state.model.all();
    let mut found: Vec<_> = all
        .filter(|kept| (kept.stamp, kept.serial) > after && fits(kept.stamp, &kept.record.kind))
        .collect();
    found.sort_by_key(|kept| (kept.stamp, kept.serial));
    state.pages += 1;
    let is_empty = state.empty_every > 0 && state.pages.is_multiple_of(state.empty_every);
    let page = &found[..if is_empty { 0 } else { limit.min(found.len()) }];
    let data = page
        .iter()
        .map(|kept| kept.record.json(kept.stamp, &fields));
    let mut body = json!({"data": data.collect::<Vec<_>>()});
    let names = page.iter().map(|kept| kept.record.name()).collect();
    if page.len() < found.len() {
        let last = page.last().map_or(after, |kept| (kept.stamp, kept.serial));
        let cursor = Random::new(state.pages).hex(24);
        let token = in_query(&state.token);
        let path = &request.path;
        let next = format!("http://{at}{path}?access_token={token}&{query}&after={cursor}");
        body["paging"] = json!({"cursors": {"after": cursor}, "next": next});
        let (stamp, serial) = last;
        let cursor_of = Cursor {
            query,
            stamp,
            serial,
        };
        state.cursors.insert(cursor, cursor_of);
    }
    Answer::json(200, body.to_string()).of(names)
}
