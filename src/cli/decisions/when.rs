//! Points in time as people type them: `2026-01-31`, `2026-01-31T12:00:00Z`, or so many days or
//! hours ago.

use crate::cli::bank::now;
use std::str::FromStr;

/// A point in time, in milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct When(pub(crate) u64);

/// A text that is no point in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no time: give 2026-01-31, 2026-01-31T12:00:00Z, 7d or 12h (ago)")]
pub(crate) struct WhenError {
    given: String,
}

impl FromStr for When {
    type Err = WhenError;

    fn from_str(text: &str) -> Result<Self, WhenError> {
        let seconds = ago(text).or_else(|| calendar(text));
        let ms = seconds.and_then(|seconds| seconds.checked_mul(1_000));
        ms.map(Self).ok_or_else(|| WhenError {
            given: text.to_owned(),
        })
    }
}

fn ago(text: &str) -> Option<u64> {
    let (number, unit) = match text.strip_suffix('d') {
        Some(number) => (number, 86_400),
        None => (text.strip_suffix('h')?, 3_600),
    };
    let seconds = number.parse::<u64>().ok()?.checked_mul(unit)?;
    Some(now().saturating_sub(seconds))
}

fn calendar(text: &str) -> Option<u64> {
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, time.strip_suffix('Z')?),
        None => (text, "00:00:00"),
    };
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let is_date = year >= 1970 && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !is_date || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // The days of the civil calendar, with years that begin in March: Howard Hinnant's
    // `days_from_civil`.
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let shifted_month = (month + 9) % 12;
    let (era, year_of_era) = (shifted_year / 400, shifted_year % 400);
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = 365 * year_of_era + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = (146_097 * era + day_of_era).checked_sub(719_468)?;
    let seconds = 86_400 * days + 3_600 * hour + 60 * minute + second;
    // A day that its month does not have would be one of the next.
    let is_one = crate::cli::audit::time(seconds).starts_with(date);
    is_one.then_some(seconds)
}

fn numbers(text: &str, between: char, digits: [usize; 3]) -> Option<[u64; 3]> {
    let mut parts = text.split(between);
    let mut numbers = [0; 3];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next()?;
        let is_plain = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        *number = part.parse().ok().filter(|_| is_plain)?;
    }
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::audit::time;

    #[test]
    fn times_are_read_as_they_are_written() {
        for seconds in [
            0,
            951_782_399,
            951_782_400,
            951_868_800,
            1_767_225_600,
            4_107_542_400,
        ] {
            assert_eq!(time(seconds).parse(), Ok(When(1_000 * seconds)));
        }
        assert_eq!("1970-01-02".parse(), Ok(When(86_400_000)));
        let day_ago: When = "1d".parse().unwrap();
        let hours_ago: When = "24h".parse().unwrap();
        assert!(hours_ago >= day_ago && hours_ago.0 - day_ago.0 <= 2_000);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "yesterday",
            "2026-02-30",
            "2026-13-01",
            "2026-1-1",
            "1969-12-31",
            "2026-01-31T24:00:00Z",
            "2026-01-31T12:00:00",
            "2026-01-31T12:00",
            "-1d",
            "d",
            "99999999999999999999d",
        ] {
            assert!(text.parse::<When>().is_err(), "{text:?}");
        }
    }
}
