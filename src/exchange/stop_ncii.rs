//! StopNCII.org (JSON, two keys in headers).
//!
//! `GET FetchHashes?startTimestamp=…&pageSize=…` gives what changed since a time, in pages that are chained by tokens. The time to
//! begin with the next time stands on the last page. So nothing but the token is kept within a chain, and where the
//! token is no longer known, the chain begins again. A record that is taken back says so in `hashStatus`.
//!
//! Where a page cannot be read, less is asked for at once, down to one record. If that one cannot be read, a new chain begins behind
//! the latest time that was seen.

use crate::clock::DAY;
use crate::exchange::leap::Leap;
use crate::exchange::page::{self, Page, PageError, encoded};
use crate::exchange::{Source, WayOn};
use crate::hashset::ListFormat;
use crate::web::{Answer, Ask, Base};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where StopNCII.org's interface is.
const BASE: &str = "https://api.stopncii.org/v1";
/// The time that the first chain begins with: the interface takes no smaller one.
const FIRST: u64 = 10;
/// How many records are asked for at once.
const PAGE: u64 = 800;
/// How long a token is tried: seconds.
const GOOD_FOR: u64 = 1_800;
/// Most bytes of a token.
const MOST_TOKEN: usize = 8_192;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Position {
    /// The time that the chain begins with.
    since: u64,
    /// The next page of the chain, from its second on.
    token: Option<String>,
    /// When that was told.
    told_at: u64,
    /// The latest time of a record of the chain.
    latest: u64,
}

/// StopNCII.org.
pub struct StopNcii {
    base: Base,
    fetch_key: String,
    subscription_key: String,
    at: Position,
    size: u64,
    leap: Leap,
    /// The chain was begun by an earlier fetch: what has changed since is on none of its pages.
    is_resumed: bool,
    is_done: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Around {
    #[serde(default)]
    next_page_token: Option<String>,
    #[serde(default)]
    next_set_timestamp: Option<Value>,
    has_more_records: bool,
    #[serde(default)]
    hash_records: Vec<When>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct When {
    #[serde(default)]
    last_modtimestamp: Option<Value>,
}

/// A time that is written as a number or as a text.
pub(super) fn seconds(value: Option<&Value>) -> Option<u64> {
    match value? {
        Value::Number(number) => number.as_u64().or_else(|| {
            number
                .as_f64()
                .filter(|time| *time >= 0.0)
                .map(|time| time as u64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

impl StopNcii {
    /// The source that goes on from a position. `base`: another address than StopNCII.org's own.
    ///
    /// # Errors
    /// [`PageError::Stuck`] never in this version: the own address is known to be one.
    pub fn new(
        base: Option<Base>,
        fetch_key: String,
        subscription_key: String,
        position: Option<&Value>,
    ) -> Result<Self, PageError> {
        let base = match base {
            Some(base) => base,
            None => own(BASE)?,
        };
        let mut at: Position = page::position(position);
        at.since = at.since.max(FIRST);
        Ok(Self {
            base,
            fetch_key,
            subscription_key,
            is_resumed: at.token.is_some(),
            at,
            size: PAGE,
            leap: Leap::default(),
            is_done: false,
        })
    }

    fn begin_at(&mut self, since: u64) {
        self.is_resumed = false;
        self.at = Position {
            since: since.max(FIRST),
            ..Position::default()
        };
    }
}

/// An address that is written in this program.
pub(super) fn own(text: &str) -> Result<Base, PageError> {
    text.parse().map_err(|error| PageError::Stuck {
        problem: format!("{text}: {error}"),
    })
}

impl Source for StopNcii {
    fn next(&mut self, now: u64) -> Result<Option<Ask>, PageError> {
        if self.is_done {
            return Ok(None);
        }
        let is_old = now < self.at.told_at || now - self.at.told_at > GOOD_FOR;
        if self.at.token.is_some() && is_old {
            self.begin_at(self.at.since);
        }
        let mut path = format!(
            "/FetchHashes?startTimestamp={}&pageSize={}",
            self.at.since, self.size
        );
        if let Some(token) = &self.at.token {
            path.push_str("&nextPageToken=");
            path.push_str(&encoded(token));
        }
        let at = self.base.join(&path).map_err(|error| PageError::Stuck {
            problem: error.to_string(),
        })?;
        Ok(Some(
            Ask::get(at)
                .header("x-functions-key", &self.fetch_key)
                .header("ocp-apim-subscription-key", &self.subscription_key),
        ))
    }

    fn take(&mut self, answer: &Answer, now: u64) -> Result<Page, PageError> {
        if !answer.is_good() {
            if matches!(answer.status, 400 | 404 | 410) && self.at.token.is_some() {
                self.begin_at(self.at.since);
                let status = answer.status;
                return Err(PageError::Expired { status });
            }
            let secrets = [&*self.fetch_key, &*self.subscription_key];
            return Err(PageError::refused(answer, &secrets));
        }
        let (page, around) = page::json::<Around>(&answer.body, ListFormat::StopNcii)?;
        let times = around.hash_records.iter();
        let times = times.filter_map(|one| seconds(one.last_modtimestamp.as_ref()));
        let latest = times.fold(self.at.latest, u64::max);
        if around.has_more_records {
            match around.next_page_token {
                Some(token) if token.len() > MOST_TOKEN || token.is_empty() => {
                    return Err(PageError::corrupt("its token is none", page));
                }
                Some(token) if self.at.token.as_ref() == Some(&token) => {
                    return Err(PageError::corrupt("it names itself as the next page", page));
                }
                Some(token) => (self.at.token, self.at.told_at) = (Some(token), now),
                None => return Err(PageError::corrupt("it has a next page and no token", page)),
            }
            self.at.latest = latest;
        } else {
            // Where it tells no time, the chain is read again: nothing is lost by that.
            let since = seconds(around.next_set_timestamp.as_ref());
            self.is_done = !self.is_resumed;
            self.begin_at(
                since
                    .filter(|&since| since <= now + DAY)
                    .unwrap_or(self.at.since),
            );
        }
        let page = page.followed(around.has_more_records);
        if !page.is_idle {
            self.leap.landed();
        }
        if self.at.token.is_none() {
            // The chain is at its end: the next may have large pages again.
            self.size = PAGE;
        }
        Ok(page)
    }

    fn way_on(&mut self, now: u64) -> WayOn {
        if self.size > 1 {
            self.size = (self.size / 10).max(1);
            return WayOn::Less;
        }
        let from = self.at.latest.max(self.at.since);
        match self.leap.over(from, now) {
            Some(to) => {
                let what = format!("records from time {from} to {}", to - 1);
                self.begin_at(to);
                self.at.latest = to;
                WayOn::LeaveOut(what)
            }
            None => WayOn::None,
        }
    }

    fn position(&self) -> Value {
        serde_json::to_value(&self.at).unwrap_or_default()
    }

    fn read_up_to(&self) -> Option<u64> {
        Some(self.at.since).filter(|&since| since > FIRST)
    }

    fn is_smallest(&self) -> bool {
        self.size <= 1
    }

    fn is_narrowed(&self) -> bool {
        self.size < PAGE
    }

    fn stale_after(&self) -> Option<u64> {
        Some(30 * DAY)
    }
}
