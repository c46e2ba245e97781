//! Dates as people write them: `2026-12-31`, or `2026-12-31T18:00:00Z`. UTC throughout.
//!
//! Owned here: the calendar, both ways, and its text as RFC 3339 has it. Refused: years before 1970
//! and after 9999, leap seconds, time zones.

/// A text that is no date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no date: give YYYY-MM-DD, or YYYY-MM-DDTHH:MM:SSZ (UTC)")]
pub struct DateError {
    /// What was given.
    pub given: String,
}

/// Seconds of a day.
pub const DAY: u64 = 86_400;

/// A day of the civil calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Civil {
    /// The year.
    pub year: u64,
    /// The month, from 1.
    pub month: u64,
    /// The day of the month, from 1.
    pub day: u64,
}

/// Days from 0000-03-01, with which the years below begin, to 1970-01-01.
const TO_1970: u64 = 719_468;
/// Days of 400 years, after which the calendar repeats.
const ERA: u64 = 146_097;

impl Civil {
    /// The day that comes so many days after 1970-01-01.
    ///
    /// Years are counted from March on, so that a leap day is the last day of its year. These are
    /// Howard Hinnant's `civil_from_days` and `days_from_civil`.
    #[must_use]
    pub const fn from_days(days: u64) -> Self {
        // No time in seconds has that many days.
        let days = days.saturating_add(TO_1970);
        let (era, day_of_era) = (days / ERA, days % ERA);
        let leap_days = day_of_era / 1_460 + day_of_era / (ERA - 1) - day_of_era / 36_524;
        let year_of_era = (day_of_era - leap_days) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let month = (from_march + 2) % 12 + 1;
        Self {
            year: 400 * era + year_of_era + (month <= 2) as u64,
            month,
            day: day_of_year - (153 * from_march + 2) / 5 + 1,
        }
    }

    /// How many days after 1970-01-01 it comes; `None` where the calendar has no such day, or where
    /// it comes before 1970 or after 9999.
    #[must_use]
    pub const fn days(self) -> Option<u64> {
        let Self { year, month, day } = self;
        if year < 1970 || year > 9999 || month < 1 || month > 12 {
            return None;
        }
        let year = if month <= 2 { year - 1 } else { year };
        let (era, year_of_era) = (year / 400, year % 400);
        let from_march = (month + 9) % 12;
        if day < 1 || day > 31 {
            return None;
        }
        let day_of_year = (153 * from_march + 2) / 5 + day - 1;
        let day_of_era = 365 * year_of_era + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = ERA * era + day_of_era - TO_1970;
        // A day that its month does not have would be one of the next.
        let same = Self::from_days(days);
        if same.month == month {
            Some(days)
        } else {
            None
        }
    }
}

/// The beginning of a day, or a second, as seconds since 1970-01-01 UTC.
///
/// ```
/// use hashgate::clock::{date, time};
/// assert_eq!(date("2026-12-31"), Ok(1_798_675_200));
/// assert_eq!(time(1_798_675_200), "2026-12-31T00:00:00Z");
/// assert!(date("2026-02-29").is_err());
/// ```
///
/// # Errors
/// [`DateError`].
pub fn date(text: &str) -> Result<u64, DateError> {
    read(text).ok_or_else(|| DateError {
        given: text.chars().take(64).collect(),
    })
}

fn read(text: &str) -> Option<u64> {
    let (day, clock) = match text.split_once('T') {
        Some((day, clock)) => (day, clock.strip_suffix('Z')?),
        None => (text, "00:00:00"),
    };
    let [year, month, day] = numbers(day, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = Civil { year, month, day }.days()?;
    Some(days * DAY + hour * 3600 + minute * 60 + second)
}

/// Three numbers of so many digits each.
fn numbers(text: &str, between: char, digits: [usize; 3]) -> Option<[u64; 3]> {
    let mut parts = text.split(between);
    let mut found = [0; 3];
    for (number, digits) in found.iter_mut().zip(digits) {
        let part = parts.next()?;
        if part.len() != digits || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(found)
}

/// Seconds since 1970-01-01 UTC as a date and a time of day.
#[must_use]
pub fn time(at: u64) -> String {
    let (days, clock) = (at / DAY, at % DAY);
    let Civil { year, month, day } = Civil::from_days(days);
    // Beyond the years that can be typed nothing is told apart.
    if year > 9999 {
        return "after 9999".to_owned();
    }
    let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_is_read_as_it_is_written() {
        for day in (0..2_932_896).step_by(97) {
            let at = day * DAY + day % DAY;
            assert_eq!(date(&time(at)), Ok(at));
        }
        assert_eq!(
            date("9999-12-31T23:59:59Z").map(time),
            Ok("9999-12-31T23:59:59Z".into())
        );
        assert_eq!(time(u64::MAX), "after 9999");
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_767_225_600, "2026-01-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(time(seconds), text);
        }
    }

    /// The calendar as a child learns it, day by day.
    #[test]
    fn the_days_follow_one_another_for_eight_thousand_years() {
        let is_leap = |year: u64| {
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
        };
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..2_932_897 {
            let civil = Civil { year, month, day };
            assert_eq!(Civil::from_days(days), civil);
            assert_eq!(civil.days(), Some(days));
            let last = match month {
                4 | 6 | 9 | 11 => 30,
                2 if is_leap(year) => 29,
                2 => 28,
                _ => 31,
            };
            (year, month, day) = match (month, day == last) {
                (12, true) => (year + 1, 1, 1),
                (_, true) => (year, month + 1, 1),
                _ => (year, month, day + 1),
            };
            if day == 1 {
                let none = Civil {
                    day: last + 1,
                    ..civil
                };
                assert_eq!(none.days(), None, "{none:?}");
            }
        }
        assert_eq!((year, month, day), (10_000, 1, 1));
        assert_eq!(Civil { year, month, day }.days(), None);
        assert!(Civil::from_days(u64::MAX).year > 9999);
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "2026",
            "2026-13-01",
            "2026-00-10",
            "2026-04-31",
            "1900-01-01",
            "2026-1-1",
            "+026-01-01",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:60Z",
            "2026-01-01-01",
            "1969-12-31",
            "tomorrow",
            "２０２６-01-01",
        ] {
            assert!(date(text).is_err(), "{text}");
        }
    }
}
