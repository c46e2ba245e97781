//! A fetch of a feed, or of a signed bundle, that another hashgate published at an address.
//!
//! Owned here: what of a feed is fetched, and what is believed. Nothing is read before it is known to be what the publisher's key
//! signed; a head or a bundle that has expired, or is older than one that was seen, is refused. The form of feeds is
//! `curation::feed`'s, that of bundles `hashset`'s.

use crate::bank::BankName;
use crate::clock;
use crate::curation::Notice;
use crate::curation::bundle;
use crate::curation::exchange::fetch::Work;
use crate::curation::exchange::remote::Asked;
use crate::curation::exchange::state::Seen;
use crate::curation::exchange::{ExchangeError, TestedPage};
use crate::curation::feed::{FeedDelta, FeedHead, digest};
use crate::hash::hex;
use crate::hashset::{ListFormat, ListRecord, read};
use crate::store::BankStore;
use crate::web::{Answer, Ask, Base, Client, WebError};
use minisign::PublicKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// Most bytes of what lies at the address itself: a head, or a bundle.
const MOST_BUNDLE: u64 = 4 << 30;
/// Most bytes of the name of a bundle.
const MOST_NAME: usize = 256;
/// How long a head may take; what is larger has the time of the whole fetch.
const HEAD_TIME: Duration = Duration::from_secs(120);

/// How far a feed was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    /// What the feed or the bundle is called.
    name: String,
    /// The state of the feed, or the sequence of the bundle, that was taken in.
    state: u64,
    /// Until when that is good, if it expires: seconds since 1970-01-01 UTC.
    expires: Option<u64>,
    /// The mark of what lay at the address, where all of it was taken in.
    etag: Option<String>,
}

/// What lies at an address.
enum Found {
    /// The head of a feed, and the SHA-256 of its file.
    Feed(FeedHead, String),
    /// A bundle, in the file.
    Bundle(crate::hashset::Bundle),
}

fn web(name: &BankName, error: &WebError) -> ExchangeError {
    let name = name.clone();
    match error {
        WebError::Stopped => ExchangeError::Stopped { name },
        WebError::Later { seconds, .. } => ExchangeError::Later {
            problem: error.to_string(),
            name,
            until: clock::now().saturating_add(*seconds),
        },
        error => ExchangeError::Fetch {
            name,
            problem: error.to_string(),
        },
    }
}

/// What a file from the address is, if the key signed it and it has not expired.
fn examined(file: &mut File, key: &PublicKey, now: u64) -> Result<Found, String> {
    let told = |error: io::Error| format!("what it answered cannot be read: {error}");
    let mut front = Vec::new();
    file.seek(SeekFrom::Start(0)).map_err(told)?;
    let mut reader = (&*file).take(FeedHead::MOST_BYTES + 1);
    reader.read_to_end(&mut front).map_err(told)?;
    if FeedHead::is_begun_by(&front) {
        if front.len() as u64 > FeedHead::MOST_BYTES {
            let most = FeedHead::MOST_BYTES;
            return Err(format!("the head of the feed has more than {most} bytes"));
        }
        let head = FeedHead::read(&front, key);
        let head = head.map_err(|error| format!("the head of the feed: {error}"))?;
        if head.expires <= now {
            return Err(expired(head.expires));
        }
        return Ok(Found::Feed(head, hex::encode(&Sha256::digest(&front))));
    }
    if !front.starts_with(b"{\"hashgate_bundle\"") {
        return Err("what lies there is neither the head of a feed nor a bundle".to_owned());
    }
    bundle::checked(file, key, now)
        .map(Found::Bundle)
        .map_err(|error| {
            let error: &dyn std::error::Error = &error;
            let causes = std::iter::successors(error.source(), |cause| cause.source());
            causes.fold(format!("the bundle: {error}"), |text, cause| {
                format!("{text}: {cause}")
            })
        })
}

fn expired(at: u64) -> String {
    format!(
        "what lies there expired at {}: its publisher has stopped renewing it, or somebody keeps back what is newer",
        clock::time(at)
    )
}

/// Asks whether there is a feed or a bundle that can be taken, and keeps nothing.
pub(super) fn test(
    asked: &Asked,
    name: &BankName,
    stop: &dyn Fn() -> bool,
) -> Result<TestedPage, ExchangeError> {
    let failed = |problem: String| ExchangeError::Fetch {
        name: name.clone(),
        problem,
    };
    let (at, key) = asked.bundle()?;
    let client = asked.client().map_err(|error| web(name, &error))?;
    let mut file = tempfile::tempfile().map_err(|error| failed(error.to_string()))?;
    let bound = (MOST_BUNDLE, HEAD_TIME);
    let answer = client.download(&Ask::get(at.clone()), &mut file, bound, stop);
    let answer = answer.map_err(|error| web(name, &error))?;
    is_good(&answer).map_err(failed)?;
    let records = match examined(&mut file, &key, clock::now()).map_err(failed)? {
        Found::Feed(head, _) => head.whole.items,
        Found::Bundle(bundle) => bundle.end.items,
    };
    Ok(TestedPage { records, bad: 0 })
}

fn is_good(answer: &Answer) -> Result<(), String> {
    match answer.status {
        200 => Ok(()),
        404 | 410 => Err(format!(
            "there is nothing at the address ({})",
            answer.status
        )),
        301 | 302 | 303 | 307 | 308 => Err(format!(
            "it answered {}, and redirects are not followed: give the address that it leads to",
            answer.status
        )),
        other => Err(format!("it answered {other}")),
    }
}

/// A fetch of one feed while it goes on.
struct Reading<'a> {
    client: Client,
    at: &'a Base,
    key: PublicKey,
    mark: String,
    ends: Instant,
}

impl Work<'_, '_> {
    /// Brings the bank to what a feed or a bundle has.
    pub(super) fn bundle(&mut self, asked: &Asked) -> Result<(), ExchangeError> {
        let name = self.exchange.name.clone();
        let failed = self.failed();
        let mark = asked.mark();
        self.begin(&mark, None)?;
        let (at, key) = asked.bundle()?;
        let reading = Reading {
            client: asked.client().map_err(|error| web(&name, &error))?,
            at,
            key,
            mark,
            ends: Instant::now() + self.options.time,
        };
        let position = self.progress.position.clone();
        // One that cannot be read is as good as none: all is read anew.
        let position: Option<Position> =
            position.and_then(|position| serde_json::from_value(position).ok());
        let mut ask = Ask::get(at.clone());
        if let Some(etag) = position.as_ref().and_then(|position| position.etag.clone()) {
            ask = ask.header("if-none-match", etag);
        }
        let mut file = self.unnamed()?;
        let answer = self.download(&reading, &ask, &mut file, MOST_BUNDLE)?;
        self.record.pages += 1;
        let now = clock::now();
        if let (304, Some(position)) = (answer.status, &position) {
            return match position.expires.filter(|&at| at <= now) {
                Some(at) => Err(failed(expired(at))),
                None => self.end(),
            };
        }
        is_good(&answer).map_err(&failed)?;
        let found = examined(&mut file, &reading.key, now).map_err(&failed)?;
        let reached = match found {
            Found::Feed(head, digest) => {
                self.see(&reading, head.name.as_str(), head.sequence, &digest)?;
                self.state.checkpoint_at = Some(head.issued);
                self.feed(&reading, &head, position)?
            }
            Found::Bundle(bundle) => {
                let (called, sequence) = (bundle.head.name, bundle.head.sequence);
                self.see(&reading, &called, sequence, "")?;
                self.state.checkpoint_at = Some(bundle.head.created);
                let to = Position {
                    name: called,
                    state: sequence,
                    expires: bundle.head.expires,
                    etag: None,
                };
                if !is_at(position.as_ref(), &to.name, to.state) {
                    self.anew(&reading)?;
                    self.rows(&reading, &file, ListFormat::Bundle, &to)?;
                }
                to
            }
        };
        // Only now all is taken in that lies at the address.
        let etag = answer.etag.filter(|etag| etag.len() <= 1_024);
        self.progress.position = serde_json::to_value(Position { etag, ..reached }).ok();
        self.end()
    }

    /// A file without a name, on the disk of the store.
    fn unnamed(&self) -> Result<File, ExchangeError> {
        let file = tempfile::tempfile_in(self.store.folder());
        file.map_err(|error| self.failed()(format!("a file cannot be made: {error}")))
    }

    fn download(
        &self,
        reading: &Reading<'_>,
        ask: &Ask,
        file: &mut File,
        most: u64,
    ) -> Result<Answer, ExchangeError> {
        let observer = self.watch.observer;
        let left = reading.ends.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(self.failed()("the time for one fetch is over".to_owned()));
        }
        let stop = || observer.is_stopped();
        let answer = reading.client.download(ask, file, (most, left), &stop);
        answer.map_err(|error| web(&self.exchange.name, &error))
    }

    /// Refuses what is older than what was seen under this key and name, and writes down what is seen now.
    fn see(
        &self,
        reading: &Reading<'_>,
        called: &str,
        sequence: u64,
        digest: &str,
    ) -> Result<(), ExchangeError> {
        let failed = self.failed();
        if called.len() > MOST_NAME {
            return Err(failed(format!(
                "what lies there has a name of more than {MOST_NAME} bytes"
            )));
        }
        let seen = Seen {
            sequence,
            digest: digest.to_owned(),
        };
        let key = format!("{} {called}", reading.key.to_base64());
        let before = seen.note(self.store, self.bank, &key)?;
        match before {
            // A feed's own bundles never expire: whoever hosts one could keep back what is newer by serving them.
            Some(before) if before.is_feed() && digest.is_empty() => Err(failed(format!(
                "a bundle lies where the feed {called} was: if its publisher has changed that, remove the exchange, and make it anew"
            ))),
            Some(before) if before.sequence > sequence => Err(failed(format!(
                "what lies there is older than what was seen before: its sequence is {sequence}, that was {}",
                before.sequence
            ))),
            Some(before) if before.sequence == sequence && before.digest != digest => {
                Err(failed(format!(
                    "there are two different heads of the sequence {sequence}: the publisher's key signs at two places"
                )))
            }
            _ => Ok(()),
        }
    }

    /// Begins a complete list.
    fn anew(&mut self, reading: &Reading<'_>) -> Result<(), ExchangeError> {
        let now = self.record.began_at;
        self.progress
            .begin_anew((self.store, self.bank), &reading.mark, now)
    }

    /// Takes in what a feed has, and gives the position that is reached.
    fn feed(
        &mut self,
        reading: &Reading<'_>,
        head: &FeedHead,
        position: Option<Position>,
    ) -> Result<Position, ExchangeError> {
        let reached = |state: u64| Position {
            name: head.name.to_string(),
            state,
            expires: Some(head.expires),
            etag: None,
        };
        let of_it = position.filter(|position| position.name == head.name.as_str());
        let from = of_it.map(|position| position.state);
        let way = match from.and_then(|from| head.way_from(from)) {
            Some(way) => way,
            None => {
                let file = self.file(
                    reading,
                    &head.whole_path(),
                    (&head.whole.sha256, head.whole.bytes),
                )?;
                self.anew(reading)?;
                self.rows(
                    reading,
                    &file,
                    ListFormat::Bundle,
                    &reached(head.whole.state),
                )?;
                head.way_from(head.whole.state).unwrap_or_default()
            }
        };
        for delta in way {
            let FeedDelta { sha256, bytes, .. } = delta;
            let file = self.file(reading, &head.delta_path(delta), (sha256, *bytes))?;
            self.rows(reading, &file, ListFormat::JsonLines, &reached(delta.to))?;
        }
        Ok(reached(head.state))
    }

    /// Fetches a file of a feed, which must be what the head says.
    fn file(
        &mut self,
        reading: &Reading<'_>,
        path: &str,
        (sha256, bytes): (&str, u64),
    ) -> Result<File, ExchangeError> {
        let failed = self.failed();
        let at = reading.at.beside(path);
        let at = at.map_err(|error| failed(error.to_string()))?;
        let shown = at.to_string();
        let mut file = self.unnamed()?;
        let answer = self.download(reading, &Ask::get(at), &mut file, bytes)?;
        self.record.pages += 1;
        is_good(&answer).map_err(|problem| failed(format!("{shown}: {problem}")))?;
        let found = digest(&mut file).map_err(|error| failed(error.to_string()))?;
        match found == (sha256.to_owned(), bytes) {
            true => Ok(file),
            false => Err(failed(format!(
                "{shown} is not what the head of the feed was signed for: nothing of it is taken"
            ))),
        }
    }

    /// Takes in the rows of a file; with the last of them the position is reached.
    fn rows(
        &mut self,
        reading: &Reading<'_>,
        file: &File,
        format: ListFormat,
        to: &Position,
    ) -> Result<(), ExchangeError> {
        let failed = self.failed();
        let publisher = format!("publisher={}; key={}", to.name, reading.key.to_base64());
        let mut batch: Vec<ListRecord> = Vec::new();
        let mut stopped = None;
        let read = read(BufReader::new(file), format, &mut |row| {
            match row {
                Ok(mut record) => {
                    let said = record.metadata.take();
                    record.metadata = Some(match said {
                        Some(said) => format!("{publisher}; {said}"),
                        None => publisher.clone(),
                    });
                    batch.push(record);
                }
                Err(line) => {
                    self.watch.observer.notice(Notice::LeftOut(&line));
                    self.record.rejected += 1;
                    self.progress.has_holes = true;
                }
            }
            if batch.len() > BankStore::BATCH {
                let rest = batch.split_off(BankStore::BATCH);
                let full = std::mem::replace(&mut batch, rest);
                if let Err(error) = self.step(reading, full) {
                    stopped = Some(error);
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        });
        if let Some(error) = stopped {
            return Err(error);
        }
        read.map_err(|error| failed(error.to_string()))?;
        self.is_to_go_on(reading)?;
        self.progress.position = serde_json::to_value(to).ok();
        self.take(batch, true)
    }

    fn step(&mut self, reading: &Reading<'_>, full: Vec<ListRecord>) -> Result<(), ExchangeError> {
        self.is_to_go_on(reading)?;
        self.take(full, false)
    }

    fn is_to_go_on(&self, reading: &Reading<'_>) -> Result<(), ExchangeError> {
        if self.is_stopped() {
            let name = self.exchange.name.clone();
            return Err(ExchangeError::Stopped { name });
        }
        match Instant::now() < reading.ends {
            true => Ok(()),
            false => Err(self.failed()("the time for one fetch is over".to_owned())),
        }
    }
}

fn is_at(position: Option<&Position>, name: &str, state: u64) -> bool {
    position.is_some_and(|position| position.name == name && position.state == state)
}
