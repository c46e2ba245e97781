//! NCMEC's Hash Sharing interface, version 2: XML, HTTP Basic.
//!
//! - `from` is exclusive, `to` inclusive. Entries come in no order of time, and there may be more than a page of one second.
//! - `next` is relative to the base, is of the query that it came with, and ends with its snapshot. An entry that changes
//!   meanwhile is left out of its page, which may then be empty, and comes in a later range. Where [`State::moves`], pages
//!   are cut from what is there when they are asked for instead: all behind an entry that leaves move up.
//! - A block is missing or empty where there is nothing in it; an empty one has no `maxTimestamp`.
//! - Ids are unique within a member only. What is taken back is a `deletedImage` or `deletedVideo` without fingerprints.
//! - Large fingerprints are empty elements that say where they are.
//! - An opinion that is sent becomes part of its entry, which then has a new time.

use super::http::{Answer, Request, Server, in_query, locked};
use super::model::{Model, Random, Record};
use super::{calendar, escaped};
use base64::Engine;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

/// What stands before `/v2`.
pub const PREFIX: &str = "/hashsharing";
pub const USER: &str = "member-42";
pub const PASSWORD: &str = "pass:word with ümlaut";
/// Whose opinions are sent.
pub const OWN_MEMBER: u32 = 42;
const NAMESPACE: &str = "https://hashsharing.ncmec.org/hashsharing/v2";
/// The types that an opinion can be about.
const KINDS: [&str; 9] = [
    "MD5",
    "SHA1",
    "PDNA",
    "PDQ",
    "NETCLEAN",
    "VIDENTIFIER",
    "TMK_PDQF",
    "SSVH_PDNA",
    "SSVH_SAFER_HASH",
];

/// A member's opinion of one fingerprint of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vote {
    /// `MD5`, …
    pub kind: String,
    pub member: u32,
    /// Why not; None where it is affirmed.
    pub reason: Option<(String, String)>,
}

#[derive(Debug, Clone)]
pub struct Entry {
    pub member: u32,
    pub id: String,
    pub is_video: bool,
    pub classification: Option<String>,
    /// `md5`, … and the digits.
    pub fingerprints: Vec<(String, String)>,
    /// Large ones: their kind and where they are.
    pub elsewhere: Vec<(String, String)>,
    pub votes: Vec<Vote>,
    pub is_deleted: bool,
    /// Sent in its place: rubbish.
    pub raw: Option<String>,
}

impl Entry {
    /// An image with these fingerprints.
    pub fn image(member: u32, id: &str, fingerprints: &[(&str, &str)]) -> Self {
        let owned = |(kind, value): &(&str, &str)| ((*kind).to_owned(), (*value).to_owned());
        Self {
            member,
            id: id.to_owned(),
            is_video: false,
            classification: None,
            fingerprints: fingerprints.iter().map(owned).collect(),
            elsewhere: Vec::new(),
            votes: Vec::new(),
            is_deleted: false,
            raw: None,
        }
    }

    /// A well-formed element that is no entry: no id, and digits that are none.
    pub fn rubbish(id: &str) -> Self {
        let raw = "<image><member>nobody</member><timestamp>yesterday</timestamp>\
                   <fingerprints><md5>zz</md5></fingerprints></image>";
        Self {
            raw: Some(raw.to_owned()),
            ..Self::image(9, id, &[])
        }
    }

    fn xml(&self, stamp: u64) -> String {
        if let Some(raw) = &self.raw {
            return format!("{raw}\n");
        }
        let (member, at) = (member(self.member), calendar::iso(stamp));
        let id = escaped(&self.id);
        let kind = if self.is_video { "Video" } else { "Image" };
        if self.is_deleted {
            return format!(
                "<deleted{kind}>{member}<id>{id}</id><timestamp>{at}</timestamp></deleted{kind}>\n"
            );
        }
        let kind = kind.to_lowercase();
        let mut out = format!("<{kind}>{member}<timestamp>{at}</timestamp><id>{id}</id>");
        if let Some(classification) = &self.classification {
            out += &format!("<classification>{classification}</classification>");
        }
        out += "<fingerprints>";
        for (kind, value) in &self.fingerprints {
            out += &format!("<{kind}>{value}</{kind}>");
        }
        for (kind, place) in &self.elsewhere {
            out += &format!("<{kind} href=\"{}\"/>", escaped(place));
        }
        out += "</fingerprints>";
        if !self.votes.is_empty() {
            out += &self.feedback(&at);
        }
        out + &format!("</{kind}>\n")
    }

    fn feedback(&self, at: &str) -> String {
        let mut out = format!("<feedback lastUpdateTimestamp=\"{at}\">");
        let kinds: BTreeSet<&str> = self.votes.iter().map(|vote| vote.kind.as_str()).collect();
        for kind in kinds {
            let of: Vec<&Vote> = self.votes.iter().filter(|vote| vote.kind == kind).collect();
            let members = |votes: &mut dyn Iterator<Item = &&Vote>| -> String {
                let all: String = votes.map(|vote| member(vote.member)).collect();
                format!("<members>{all}</members>")
            };
            if of.iter().any(|vote| vote.reason.is_none()) {
                let affirm = members(&mut of.iter().filter(|vote| vote.reason.is_none()));
                out +=
                    &format!("<affirmativeFeedback type=\"{kind}\">{affirm}</affirmativeFeedback>");
            }
            let reasons: BTreeSet<_> = of.iter().filter_map(|vote| vote.reason.clone()).collect();
            if !reasons.is_empty() {
                out += &format!("<negativeFeedback type=\"{kind}\"><reasons>");
                for reason in reasons {
                    let (guid, name) = (&reason.0, escaped(&reason.1));
                    let same = |vote: &&&Vote| vote.reason.as_ref() == Some(&reason);
                    out += &format!("<reason guid=\"{guid}\" name=\"{name}\" type=\"{kind}\"/>");
                    out += &members(&mut of.iter().filter(same));
                }
                out += "</reasons></negativeFeedback>";
            }
        }
        out + "</feedback>"
    }
}

fn member(id: u32) -> String {
    format!("<member id=\"{id}\">Member {id} &amp; others</member>")
}

impl Record for Entry {
    type Key = (u32, String);

    fn key(&self) -> Self::Key {
        (self.member, self.id.clone())
    }

    /// `MEMBER/ID`.
    fn name(&self) -> String {
        format!("{}/{}", self.member, self.id)
    }

    fn fresh(random: &mut Random, other: Option<&Self>) -> Self {
        let member = 40 + random.below(5) as u32;
        let mut entry = Self::image(member, &random.hex(12), &[]);
        entry.renew(random);
        match other {
            // Another member's entry of the same id.
            Some(other) if random.once_in(8) && other.raw.is_none() => {
                entry.member = other.member + 10;
                entry.id.clone_from(&other.id);
            }
            // The same file, known to another.
            Some(other) if random.once_in(8) && !other.is_deleted => {
                entry.fingerprints.clone_from(&other.fingerprints);
            }
            _ if random.once_in(40) => return Self::rubbish(&entry.id),
            _ => {}
        }
        entry
    }

    fn renew(&mut self, random: &mut Random) {
        if self.raw.is_some() {
            return;
        }
        self.is_video = random.once_in(3);
        self.is_deleted = false;
        let classification = random.of(&["A1", "A2", "B1", "B2"]);
        self.classification = (!random.once_in(4)).then(|| classification.to_owned());
        self.fingerprints.clear();
        for (kind, digits) in [("md5", 32), ("sha1", 40)] {
            if !random.once_in(4) {
                self.fingerprints
                    .push((kind.to_owned(), random.hex(digits)));
            }
        }
        if !self.is_video && !random.once_in(3) {
            self.fingerprints.push(("pdq".to_owned(), random.pdq()));
        }
        if self.fingerprints.is_empty() || random.once_in(5) {
            self.fingerprints.push(("pdna".to_owned(), random.hex(288)));
        }
        self.elsewhere.clear();
        if self.is_video {
            let place = format!("{PREFIX}/v2/large?id={}&kind=tmk", self.id);
            self.elsewhere.push(("tmk-pdqf".to_owned(), place));
        }
        self.votes.clear();
        for _ in 0..random.below(4) {
            let kind = self.fingerprints[random.below(self.fingerprints.len())]
                .0
                .to_uppercase();
            let reason = reasons(&kind).swap_remove(random.below(2));
            self.votes.push(Vote {
                member: 40 + random.below(5) as u32,
                reason: random.once_in(2).then_some(reason),
                kind,
            });
        }
        self.votes
            .dedup_by_key(|vote| (vote.member, vote.kind.clone()));
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
        if self.raw.is_some() {
            return Vec::new();
        }
        self.fingerprints.clone()
    }
}

/// What can be said against a fingerprint of this type: guid and name. Two of each.
pub fn reasons(kind: &str) -> Vec<(String, String)> {
    let number = KINDS.iter().position(|known| *known == kind).unwrap_or(0) as u64;
    let mut random = Random::new(number);
    ["Benign file", "Hash of a blank & useless frame"]
        .map(|name| (random.uuid(), name.to_owned()))
        .to_vec()
}

/// An opinion that was sent and taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feedback {
    pub member: u32,
    pub entry: String,
    pub kind: String,
    /// Guids; None where it is affirmed.
    pub reasons: Option<Vec<String>>,
}

struct Snapshot {
    from: String,
    to: String,
    rows: Vec<(u32, String)>,
}

pub struct State {
    pub model: Model<Entry>,
    /// Most entries of a page.
    pub page: usize,
    /// Whether the entries behind one that leaves a range move up, while its pages are read.
    pub moves: bool,
    pub user: String,
    pub password: String,
    /// The opinions that were taken, in their order.
    pub feedback: Vec<Feedback>,
    snapshots: BTreeMap<u64, Snapshot>,
    last_view: u64,
}

impl State {
    /// No `next` that was given so far is worth anything any more.
    pub fn expire_paging(&mut self) {
        self.snapshots.clear();
    }

    /// The live hashes of each member.
    pub fn live_by_member(&self) -> BTreeMap<u32, BTreeSet<(String, String)>> {
        let mut all: BTreeMap<u32, BTreeSet<_>> = BTreeMap::new();
        for entry in self.model.live_records() {
            all.entry(entry.member).or_default().extend(entry.hashes());
        }
        all
    }
}

/// The server.
pub struct Fake {
    pub server: Server,
    state: Arc<Mutex<State>>,
}

impl Fake {
    /// An empty source with pages of so many entries.
    pub fn start(page: usize) -> Self {
        let state = Arc::new(Mutex::new(State {
            model: Model::default(),
            page,
            moves: false,
            user: USER.to_owned(),
            password: PASSWORD.to_owned(),
            feedback: Vec::new(),
            snapshots: BTreeMap::new(),
            last_view: 0,
        }));
        let of = Arc::clone(&state);
        let server = Server::start(move |request| answer(&mut locked(&of), request));
        Self { server, state }
    }

    /// What a client is told: an environment.
    pub fn base(&self) -> String {
        self.server.base() + PREFIX
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

/// The whole document.
fn document(name: &str, inner: &str) -> Answer {
    let declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>";
    Answer::xml(
        200,
        format!("{declaration}\n<{name} xmlns=\"{NAMESPACE}\">{inner}</{name}>\n"),
    )
}

fn refused(status: u16, why: &str) -> Answer {
    Answer::xml(
        status,
        format!("<error xmlns=\"{NAMESPACE}\"><message>{why}</message></error>\n"),
    )
}

fn answer(state: &mut State, request: &Request) -> Answer {
    let given = format!("{}:{}", state.user, state.password);
    let wanted = base64::engine::general_purpose::STANDARD.encode(given);
    if request.header("authorization") != Some(&format!("Basic {wanted}")) {
        return refused(401, "who are you?").header("WWW-Authenticate", "Basic realm=\"hashes\"");
    }
    let Some(path) = request.path.strip_prefix(PREFIX) else {
        return Answer::page(404);
    };
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["v2", "status"]) => {
            let who = format!("<username>{}</username>", escaped(&state.user));
            let own = member(OWN_MEMBER);
            document(
                "status",
                &format!("<ipAddress>127.0.0.1</ipAddress>{who}{own}"),
            )
        }
        ("GET", ["v2", "members"]) => {
            let all: String = (40..45).map(member).collect();
            document("members", &all)
        }
        ("GET", ["v2", "feedback", kind, "reasons"]) if KINDS.contains(kind) => {
            let reason = |(guid, name): (String, String)| {
                let name = escaped(&name);
                format!("<reason guid=\"{guid}\" name=\"{name}\" type=\"{kind}\"/>")
            };
            let all: String = reasons(kind).into_iter().map(reason).collect();
            let all = format!("<availableFeedbackReasons>{all}</availableFeedbackReasons>");
            document("feedbackReasons", &all)
        }
        ("GET", ["v2", "entries"]) => entries(state, request),
        ("PUT", ["v2", "entries", member, entry, kind, "feedback"]) => {
            put(state, request, member, entry, kind)
        }
        _ => Answer::page(404),
    }
}

fn entries(state: &mut State, request: &Request) -> Answer {
    let from = request.asked("from").map_or(Some(0), calendar::read_iso);
    let until = request
        .asked("to")
        .map_or_else(|| Some(calendar::now()), calendar::read_iso);
    let (Some(after), Some(until)) = (from, until) else {
        return refused(400, "from and to are dates like 2017-10-20T00:00:00Z");
    };
    let (from, to) = (calendar::iso(after), calendar::iso(until));
    let number = |name: &str| {
        request
            .asked(name)
            .and_then(|text| text.parse::<u64>().ok())
    };
    let (view, start) = match number("start") {
        None => (open(state, &from, &to), 1),
        Some(start) => (number("view").unwrap_or(0), start),
    };
    let snapshot = state.snapshots.get(&view);
    let Some(snapshot) = snapshot.filter(|view| view.from == from && view.to == to) else {
        return refused(400, "this page has expired, or is of another query");
    };
    let moved = state.moves.then(|| rows(&state.model, after, until));
    let all = moved.as_ref().unwrap_or(&snapshot.rows);
    let size = number("size").unwrap_or(state.page as u64);
    let end = start.saturating_sub(1).saturating_add(size) as usize;
    let page = all
        .iter()
        .take(end)
        .skip((start as usize).saturating_sub(1));
    let (mut blocks, mut names) = ([Vec::new(), Vec::new()], Vec::new());
    for key in page {
        let kept = state.model.get(key);
        // What has changed meanwhile is of a later range.
        if let Some(kept) = kept.filter(|kept| kept.stamp > after && kept.stamp <= until) {
            blocks[usize::from(kept.record.is_video)].push(kept);
            names.push(kept.record.name());
        }
    }
    let mut out = String::from("\n");
    let mut number = start / size.max(1) + view;
    for (name, block) in ["images", "videos"].into_iter().zip(blocks) {
        number += 1;
        let count = block.len();
        match block.iter().map(|kept| kept.stamp).max() {
            Some(latest) => {
                let latest = calendar::iso(latest);
                out += &format!("<{name} count=\"{count}\" maxTimestamp=\"{latest}\">\n");
                out.extend(block.iter().map(|kept| kept.record.xml(kept.stamp)));
                out += &format!("</{name}>\n");
            }
            // Now it is empty, now it is missing.
            None if number.is_multiple_of(2) => out += &format!("<{name} count=\"0\"/>\n"),
            None => {}
        }
    }
    let max = all.len();
    if end < max {
        let (from, to, start) = (in_query(&from), in_query(&to), end + 1);
        out += &format!(
            "<paging><next>/v2/entries?from={from}&amp;to={to}&amp;start={start}&amp;size={size}\
             &amp;max={max}&amp;view={view}</next></paging>\n"
        );
    } else if view.is_multiple_of(2) {
        out += "<paging><next/></paging>\n";
    }
    document("queryResult", &out).of(names)
}

/// The entries of a range, in no order of time, each always before the same others.
fn rows(model: &Model<Entry>, after: u64, until: u64) -> Vec<(u32, String)> {
    let found = model
        .all()
        .filter(|kept| kept.stamp > after && kept.stamp <= until);
    let mut rows: Vec<_> = found.map(|kept| kept.record.key()).collect();
    rows.sort_by_cached_key(|(member, id)| {
        let seed = |seed: u64, byte: u8| Random::new(seed ^ u64::from(byte)).next();
        id.bytes().fold(u64::from(*member), seed)
    });
    rows
}

/// Begins to give a range.
fn open(state: &mut State, from: &str, to: &str) -> u64 {
    let read = |text: &str| calendar::read_iso(text).unwrap_or(0);
    state.model.asked_until(read(to));
    state.last_view += 1;
    let snapshot = Snapshot {
        from: from.to_owned(),
        to: to.to_owned(),
        rows: rows(&state.model, read(from), read(to)),
    };
    state.snapshots.insert(state.last_view, snapshot);
    state.last_view
}

fn put(state: &mut State, request: &Request, member: &str, entry: &str, kind: &str) -> Answer {
    if request.header("content-type") != Some("application/xml; charset=utf-8") {
        return refused(415, "application/xml; charset=utf-8 is taken");
    }
    let Some(said) = read_feedback(&request.body) else {
        return refused(400, "this is no feedbackSubmission");
    };
    let Ok(member) = member.parse::<u32>() else {
        return refused(404, "no such entry");
    };
    let known = reasons(kind);
    let mut chosen = Vec::new();
    for guid in said.iter().flatten() {
        match known.iter().find(|reason| reason.0 == *guid) {
            Some(reason) => chosen.push(reason.clone()),
            None => return refused(400, "no such reason for this type"),
        }
    }
    let key = (member, entry.to_owned());
    let Some(there) = state.model.get(&key).filter(|kept| kept.record.is_live()) else {
        return refused(404, "no such entry");
    };
    let has = |(own, _): &(String, String)| own.replace('-', "_").eq_ignore_ascii_case(kind);
    let record = &there.record;
    if !KINDS.contains(&kind) || !record.fingerprints.iter().chain(&record.elsewhere).any(has) {
        return refused(400, "the entry has no fingerprint of this type");
    }
    state.model.change(&key, |entry, _| {
        let is_own = |vote: &Vote| vote.member == OWN_MEMBER && vote.kind == kind;
        entry.votes.retain(|vote| !is_own(vote));
        let reasons: Vec<_> = match said.is_some() {
            true => chosen.into_iter().map(Some).collect(),
            false => vec![None],
        };
        entry.votes.extend(reasons.into_iter().map(|reason| Vote {
            kind: kind.to_owned(),
            member: OWN_MEMBER,
            reason,
        }));
        true
    });
    state.feedback.push(Feedback {
        member,
        entry: entry.to_owned(),
        kind: kind.to_owned(),
        reasons: said,
    });
    Answer::xml(200, "")
}

/// What a `feedbackSubmission` says: None of it where it affirms, and otherwise the reasons' guids, at least one.
fn read_feedback(body: &[u8]) -> Option<Option<Vec<String>>> {
    use quick_xml::events::Event;
    let text = std::str::from_utf8(body).ok()?;
    let mut reader = quick_xml::Reader::from_str(text);
    let (mut path, mut guids) = (Vec::new(), Vec::new());
    let (mut is_affirmed, mut is_negative) = (false, false);
    loop {
        let event = reader.read_event().ok()?;
        if let Event::Start(start) | Event::Empty(start) = &event {
            let name = start.local_name().as_ref().to_owned();
            if path.is_empty() {
                let space = start
                    .attributes()
                    .flatten()
                    .find(|one| one.key.as_ref() == "xmlns")?;
                let is_right = name == "feedbackSubmission" && *space.value == *NAMESPACE;
                is_right.then_some(())?;
            }
            is_affirmed |= path.len() == 1 && name == "affirmative";
            is_negative |= path.len() == 1 && name == "negative";
            if matches!(event, Event::Start(_)) {
                path.push(name);
            }
            continue;
        }
        match event {
            Event::End(_) => drop(path.pop()),
            Event::Text(text) => {
                let is_guid = path.join("/") == "feedbackSubmission/negative/reasonIds/guid";
                match is_guid {
                    true => guids.push(text.trim().to_owned()),
                    false if text.trim().is_empty() => {}
                    false => return None,
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    match (is_affirmed, is_negative) {
        (true, false) => Some(None),
        (false, true) if !guids.is_empty() => Some(Some(guids)),
        _ => None,
    }
}
