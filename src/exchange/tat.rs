//! Tech Against Terrorism (JSON, a token that is asked for with a user's name and password).
//!
//! `GET /api/hash-list/v2/all?order=asc&after=CHECKPOINT` gives what comes behind a checkpoint: the time and the number of a record,
//! `1724856487.709035,10594`. Each page tells the checkpoint to go on from; an empty page may tell none. The token is kept in
//! memory, and asked for again where it is no longer good.

use crate::exchange::leap::Leap;
use crate::exchange::page::{self, Page, PageError, encoded};
use crate::exchange::stop_ncii::own;
use crate::exchange::{Source, WayOn};
use crate::hashset::ListFormat;
use crate::web::{Answer, Ask, Base, Method};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where the interface is.
const BASE: &str = "https://app.terrorismanalytics.org";
/// Most bytes of a token.
const MOST_TOKEN: usize = 16_384;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Position {
    /// The checkpoint; empty: from the beginning.
    after: String,
}

/// Tech Against Terrorism's hash list.
pub struct Tat {
    base: Base,
    user: String,
    password: String,
    token: Option<String>,
    /// The token is newly asked for, and was not good yet for anything.
    is_new: bool,
    at: Position,
    leap: Leap,
    /// The last answer could not be read.
    is_wary: bool,
    is_done: bool,
}

#[derive(Deserialize)]
struct LoggedIn {
    token: String,
}

#[derive(Deserialize)]
struct Around {
    #[serde(default)]
    next: Option<Value>,
    #[serde(default)]
    checkpoint: Option<String>,
    #[serde(rename = "results")]
    _results: Vec<serde::de::IgnoredAny>,
}

impl Tat {
    /// The list, from a position on. `base`: another address than the organisation's own.
    ///
    /// # Errors
    /// [`PageError::Stuck`] never in this version: the own address is known to be one.
    pub fn new(
        base: Option<Base>,
        (user, password): (String, String),
        position: Option<&Value>,
    ) -> Result<Self, PageError> {
        let base = match base {
            Some(base) => base,
            None => own(BASE)?,
        };
        Ok(Self {
            base,
            user,
            password,
            token: None,
            is_new: false,
            at: page::position(position),
            leap: Leap::default(),
            is_wary: false,
            is_done: false,
        })
    }

    fn at(&self, path: &str) -> Result<Base, PageError> {
        self.base.join(path).map_err(|error| PageError::Stuck {
            problem: error.to_string(),
        })
    }
}

impl Source for Tat {
    fn next(&mut self, _now: u64) -> Result<Option<Ask>, PageError> {
        if self.is_done {
            return Ok(None);
        }
        let Some(token) = &self.token else {
            let (user, password) = (encoded(&self.user), encoded(&self.password));
            let body = format!("username={user}&password={password}&resend=False");
            let at = self.at("/token-auth/tcap/")?;
            let form = "application/x-www-form-urlencoded";
            return Ok(Some(
                Ask::send(Method::Post, at, form, body.into_bytes()).repeatable(),
            ));
        };
        let after = match self.at.after.as_str() {
            "" => String::new(),
            after => format!("&after={}", encoded(after)),
        };
        let at = self.at(&format!("/api/hash-list/v2/all?order=asc{after}"))?;
        Ok(Some(
            Ask::get(at).header("authorization", format!("Bearer {token}")),
        ))
    }

    fn take(&mut self, answer: &Answer, _now: u64) -> Result<Page, PageError> {
        let Some(token) = &self.token else {
            if !answer.is_good() {
                return Err(PageError::refused(answer, &[&self.password]));
            }
            let said = page::envelope::<LoggedIn>(&answer.body).ok();
            let said = said.filter(|said| {
                let is_plain = |c: char| c.is_ascii_graphic();
                (1..=MOST_TOKEN).contains(&said.token.len()) && said.token.chars().all(is_plain)
            });
            let Some(said) = said else {
                return Err(PageError::corrupt(
                    "there is no token in it",
                    Page::default(),
                ));
            };
            (self.token, self.is_new) = (Some(said.token), true);
            return Ok(Page::default().followed(true));
        };
        if !answer.is_good() {
            if answer.status == 401 && !self.is_new {
                self.token = None;
                return Ok(Page::default().followed(true));
            }
            return Err(PageError::refused(answer, &[&self.password, token]));
        }
        self.is_new = false;
        let (page, around) = page::json::<Around>(&answer.body, ListFormat::TechAgainstTerrorism)?;
        let has_more = around.next.is_some_and(|next| !next.is_null());
        let after = around.checkpoint.unwrap_or_default();
        let fits = after.len() <= 256 && after.chars().all(|c| c.is_ascii_graphic());
        match after.as_str() {
            _ if !fits => return Err(PageError::corrupt("its checkpoint is none", page)),
            "" if has_more => {
                return Err(PageError::corrupt(
                    "it has a next page and no checkpoint",
                    page,
                ));
            }
            "" => {}
            same if has_more && same == self.at.after => {
                return Err(PageError::corrupt("it names itself as the next page", page));
            }
            _ => self.at.after = after,
        }
        self.is_done = !has_more;
        let page = page.followed(has_more);
        if !page.is_idle {
            self.leap.landed();
            self.is_wary = false;
        }
        Ok(page)
    }

    fn way_on(&mut self, now: u64) -> WayOn {
        if self.token.is_none() {
            return WayOn::None;
        }
        self.is_wary = true;
        let from = self.read_up_to().unwrap_or_default();
        match self.leap.over(from, now) {
            Some(to) => {
                self.at.after = format!("{to}.0,0");
                WayOn::LeaveOut(format!("records from time {from} to {to}"))
            }
            None => WayOn::None,
        }
    }

    fn position(&self) -> Value {
        serde_json::to_value(&self.at).unwrap_or_default()
    }

    fn is_smallest(&self) -> bool {
        true
    }

    fn is_narrowed(&self) -> bool {
        self.is_wary
    }

    fn is_past_login(&self) -> bool {
        self.token.is_some() && !self.is_new
    }

    fn read_up_to(&self) -> Option<u64> {
        let (time, _) = self.at.after.split_once(',')?;
        let time: f64 = time.parse().ok()?;
        (time >= 0.0).then_some(time as u64)
    }
}
