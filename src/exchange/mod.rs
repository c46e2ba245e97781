//! Floor 4: how the servers of exchanges are asked, and what their answers say.
//!
//! Owned here: for each interface what is asked next, what an answer holds, how far that brings the reader, and how it goes on
//! where an answer cannot be read. A [`Source`] is a machine without a network: whoever has one asks, and gives it the
//! answers. So each can be stopped after any answer and begin again from its [`position`](Source::position).
//! Refuses to ask by itself, to keep anything, and to put a secret into a position or a message.
//!
//! | file | whose interface |
//! | --- | --- |
//! | `ncmec` | NCMEC's hash sharing, version 2: XML, by ranges of time |
//! | `stop_ncii` | StopNCII.org: JSON, by a time and tokens |
//! | `threatexchange` | ThreatExchange, `threat_updates` of a privacy group: JSON, by times |
//! | `feedback` | what they are told about their records |
//! | `tat` | Tech Against Terrorism: JSON, by a checkpoint |
//!
//! Records are read as the lists of these organisations are read from files, by [`hashset`](crate::hashset).

mod feedback;
mod leap;
mod ncmec;
mod page;
mod stop_ncii;
mod tat;
mod threatexchange;

pub use feedback::{CannotSay, Heard, Listener, Opinion, Said, Telling, hears_opinions};
pub use ncmec::Ncmec;
pub use page::{Page, PageError};
pub use stop_ncii::StopNcii;
pub use tat::Tat;
pub use threatexchange::ThreatExchange;

use crate::web::{Answer, Ask};

/// How a source goes on where an answer cannot be read, however often it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum WayOn {
    /// Less is asked for at once. Nothing is left out.
    Less,
    /// This is left out, in words for people.
    LeaveOut(String),
    /// It cannot go on.
    None,
}

/// The other side of an exchange: what to ask it, and what it says.
///
/// Ask with [`next`](Self::next), give each answer to [`take`](Self::take), and keep
/// [`position`](Self::position) together with the records of the page. A position is JSON, holds no secret, and is good only
/// after an answer that could be read.
pub trait Source: Send {
    /// What to ask now; `None` where all was read that there was when it began. `now`: seconds since 1970-01-01 UTC.
    ///
    /// # Errors
    /// [`PageError::Stuck`] where the position leads nowhere.
    fn next(&mut self, now: u64) -> Result<Option<Ask>, PageError>;

    /// Takes the answer to what was asked last.
    ///
    /// # Errors
    /// [`PageError`].
    fn take(&mut self, answer: &Answer, now: u64) -> Result<Page, PageError>;

    /// How to go on where the answer cannot be read.
    fn way_on(&mut self, now: u64) -> WayOn;

    /// How far it has read.
    fn position(&self) -> serde_json::Value;

    /// Up to which time it has read all: seconds since 1970-01-01 UTC; `None` where it tells no time.
    fn read_up_to(&self) -> Option<u64>;

    /// After how many seconds without a fetch what was taken back meanwhile can no longer be learnt, so that all must be read
    /// anew; `None`: never.
    fn stale_after(&self) -> Option<u64> {
        None
    }

    /// Whether it asks for less at once because something could not be read: then that was asked for often enough.
    fn is_narrowed(&self) -> bool {
        false
    }

    /// Whether it cannot ask for less than it does now: what cannot be read then is left out.
    fn is_smallest(&self) -> bool;

    /// Whether what was taken last was an answer about records, and not only leave to ask for some.
    fn is_past_login(&self) -> bool {
        true
    }

    /// Whether a record of this id is wanted.
    fn wants(&self, _record: &str) -> bool {
        true
    }
}
