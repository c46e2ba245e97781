//! Floor 0: what time it is, and the one calendar.
//!
//! Times are seconds since 1970-01-01 UTC, or milliseconds where a name ends in `_ms`. This room
//! refuses time zones, and it measures no durations: that is [`std::time::Instant`].
//!
//! ```
//! use hashgate::clock::{self, Clock};
//! let clock = Clock::fixed(1_798_675_200);
//! assert_eq!(clock::time(clock.now()), "2026-12-31T00:00:00Z");
//! assert_eq!(clock::date("2026-12-31"), Ok(clock.now()));
//! ```

mod calendar;
mod when;

pub use calendar::{Civil, DAY, DateError, date, time};
pub use when::{When, WhenError};

use std::time::{SystemTime, UNIX_EPOCH};

/// The time now: seconds since 1970-01-01 UTC. 0 on a machine whose clock stands before that.
#[must_use]
pub fn now() -> u64 {
    now_ms() / 1_000
}

/// The time now: milliseconds since 1970-01-01 UTC.
#[must_use]
pub fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
}

/// Where code gets the time from: the system, or a time that is given, for tests and for replaying what
/// was decided at another time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Clock {
    /// The given time in milliseconds; else the system's.
    fixed_ms: Option<u64>,
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub const fn system() -> Self {
        Self { fixed_ms: None }
    }

    /// A clock that stands still at a time: seconds since 1970-01-01 UTC.
    #[must_use]
    pub const fn fixed(seconds: u64) -> Self {
        Self {
            fixed_ms: Some(seconds.saturating_mul(1_000)),
        }
    }

    /// Its time: seconds since 1970-01-01 UTC.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.now_ms() / 1_000
    }

    /// Its time: milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.fixed_ms.unwrap_or_else(now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_stands_still_and_the_system_s_does_not_go_back() {
        let clock = Clock::fixed(17);
        assert_eq!((clock.now(), clock.now_ms()), (17, 17_000));
        // This was written in 2026.
        let written = date("2026-01-01").unwrap();
        assert!(Clock::system().now() > written && now() > written);
        assert!(now_ms() / 1_000 >= written && Clock::default() == Clock::system());
    }
}
