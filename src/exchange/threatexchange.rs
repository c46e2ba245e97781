//! ThreatExchange: `threat_updates` of a privacy group (JSON of the Graph API, the token in the query).
//!
//! Updates come in the order of their times, oldest first. So the latest time that was seen is all that is kept: the address of the
//! next page holds the token, and is kept in memory only. If times ever go back, the position stays where it was until
//! all pages are read. Updates that are taken back are told for some weeks; who comes later must read all anew.
//!
//! Where a page cannot be read, less is asked for at once, down to one update. If that one cannot be read, the reader goes on a
//! second later, then four, and so on.

use crate::clock::DAY;
use crate::exchange::leap::Leap;
use crate::exchange::page::{self, Page, PageError, encoded};
use crate::exchange::stop_ncii::{own, seconds};
use crate::exchange::{Source, WayOn};
use crate::hashset::ListFormat;
use crate::web::{Answer, Ask, Base};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where the Graph API is, in the version that this was written for.
const BASE: &str = "https://graph.facebook.com/v21.0";
/// How many updates are asked for at once.
const PAGE: u64 = 500;
/// After how many pages in a row that can be read more is asked for at once.
const GOOD: u32 = 30;
/// What is asked of each update.
const FIELDS: &str = "id,indicator,type,last_updated,should_delete,descriptors{id,owner{id},status,tags,added_on,reactions,my_reactions}";

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Position {
    /// All updates before this time were read.
    since: u64,
}

/// A privacy group of ThreatExchange.
pub struct ThreatExchange {
    base: Base,
    group: u64,
    token: String,
    at: Position,
    /// The latest time that was seen.
    latest: u64,
    is_ordered: bool,
    next: Option<Base>,
    size: u64,
    /// Pages that could be read since one could not be: after some, more is asked for at once again.
    good: u32,
    /// The time from which that one was asked for.
    trouble: u64,
    leap: Leap,
    is_done: bool,
}

#[derive(Deserialize)]
struct Around {
    data: Vec<When>,
    #[serde(default)]
    paging: Option<Paging>,
}

#[derive(Deserialize)]
struct Paging {
    #[serde(default)]
    next: Option<String>,
}

#[derive(Deserialize)]
struct When {
    #[serde(default)]
    last_updated: Option<Value>,
}

impl ThreatExchange {
    /// A group's updates, from a position on. `base`: another address than the Graph API's.
    ///
    /// # Errors
    /// [`PageError::Stuck`] never in this version: the own address is known to be one.
    pub fn new(
        base: Option<Base>,
        group: u64,
        token: String,
        position: Option<&Value>,
    ) -> Result<Self, PageError> {
        let base = match base {
            Some(base) => base,
            None => own(BASE)?,
        };
        let at: Position = page::position(position);
        Ok(Self {
            base,
            group,
            token,
            latest: at.since,
            at,
            is_ordered: true,
            next: None,
            size: PAGE,
            good: 0,
            trouble: 0,
            leap: Leap::default(),
            is_done: false,
        })
    }
}

impl Source for ThreatExchange {
    fn next(&mut self, _now: u64) -> Result<Option<Ask>, PageError> {
        if self.is_done {
            return Ok(None);
        }
        if let Some(next) = &self.next {
            return Ok(Some(Ask::get(next.clone())));
        }
        // The bar between the two parts of a token may be given as `%7C`.
        let token = encoded(&self.token.replace("%7C", "|"));
        let mut path = format!(
            "/{}/threat_updates/?access_token={token}&limit={}&fields={}",
            self.group,
            self.size,
            encoded(FIELDS)
        );
        if self.at.since > 0 {
            path.push_str(&format!("&start_time={}", self.at.since));
        }
        let at = self.base.join(&path).map_err(|error| PageError::Stuck {
            problem: error.to_string(),
        })?;
        Ok(Some(Ask::get(at)))
    }

    fn take(&mut self, answer: &Answer, now: u64) -> Result<Page, PageError> {
        if !answer.is_good() {
            let is_token = is_about_token(&answer.body);
            if matches!(answer.status, 400 | 404 | 410) && self.next.take().is_some() && !is_token {
                let status = answer.status;
                return Err(PageError::Expired { status });
            }
            if is_token {
                let detail = String::new();
                return Err(PageError::Refused {
                    status: 401,
                    detail,
                });
            }
            let token = self.token.replace("%7C", "|");
            let secret = secret_of(&token);
            return Err(PageError::refused(answer, &[&self.token, &token, secret]));
        }
        let (page, around) = page::json::<Around>(&answer.body, ListFormat::ThreatExchange)?;
        let next = around.paging.and_then(|paging| paging.next);
        let next = match next.filter(|next| !next.is_empty()) {
            None => None,
            Some(next) => match self.base.same_origin(&next) {
                Ok(next) if self.next.as_ref() == Some(&next) => {
                    return Err(PageError::corrupt("it names itself as the next page", page));
                }
                Ok(next) => Some(next),
                Err(_) => {
                    let problem = "the address of its next page is another server's";
                    return Err(PageError::corrupt(problem, page));
                }
            },
        };
        let times = (around.data.iter()).filter_map(|one| seconds(one.last_updated.as_ref()));
        // A time that is far in the future is none: to go on from there would miss all that comes.
        for time in times.filter(|&time| time <= now.saturating_add(DAY)) {
            self.is_ordered &= time >= self.latest;
            self.latest = self.latest.max(time);
        }
        self.is_done = next.is_none();
        let page = page.followed(!self.is_done);
        if page.is_idle {
            self.next = next;
            return Ok(page);
        }
        if self.is_ordered || self.is_done {
            self.at.since = self.latest;
        }
        self.next = next;
        self.leap.landed();
        self.good += 1;
        // As long as the time has not moved, beginning again at it would lead to the same trouble.
        if self.size < PAGE && self.good >= GOOD && self.at.since > self.trouble {
            // From the last time on: an address of a next page asks for as few as the page before.
            (self.size, self.good, self.next) = ((self.size * 10).min(PAGE), 0, None);
        }
        Ok(page)
    }

    fn way_on(&mut self, now: u64) -> WayOn {
        // From the last time on, whatever page it was.
        self.next = None;
        (self.good, self.trouble) = (0, self.at.since);
        if self.size > 1 {
            self.size = (self.size / 10).max(1);
            return WayOn::Less;
        }
        let from = self.at.since;
        match self.leap.over(from, now) {
            Some(to) => {
                (self.at.since, self.latest) = (to, to.max(self.latest));
                WayOn::LeaveOut(format!("updates from time {from} to {}", to - 1))
            }
            None => WayOn::None,
        }
    }

    fn position(&self) -> Value {
        serde_json::to_value(&self.at).unwrap_or_default()
    }

    fn read_up_to(&self) -> Option<u64> {
        Some(self.at.since).filter(|&since| since > 0)
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

/// The secret part of a token, whose bar is one.
pub(super) fn secret_of(token: &str) -> &str {
    token.split_once('|').map_or(token, |(_, secret)| secret)
}

/// Whether an error of the Graph API is about the token (code 190, type `OAuthException`).
fn is_about_token(body: &[u8]) -> bool {
    error_code(body) == Some(190)
}

/// The code of an error of the Graph API.
pub(super) fn error_code(body: &[u8]) -> Option<i64> {
    #[derive(Deserialize)]
    struct Said {
        error: Told,
    }
    #[derive(Deserialize)]
    struct Told {
        #[serde(default)]
        code: Option<i64>,
    }
    let said: Option<Said> = serde_json::from_slice(body).ok();
    said.and_then(|said| said.error.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_is_far_in_the_future_is_not_gone_on_from() {
        let now = 1_790_000_000;
        let mut source = ThreatExchange::new(None, 7, "12345678|x".to_owned(), None).unwrap();
        let update = |id: u64, time: u64| {
            format!(
                r#"{{"id":"{id}","indicator":"a","type":"HASH_PDQ","last_updated":{time},"should_delete":true}}"#
            )
        };
        let (good, bad) = (update(1, now - 9), update(2, 9_999_999_999_999));
        let page = format!(r#"{{"data":[{good},{bad}]}}"#);
        source.next(now).unwrap();
        source.take(&Answer::of(200, page), now).unwrap();
        assert_eq!(source.read_up_to(), Some(now - 9));
    }
}
