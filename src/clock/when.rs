//! Points in time as people type them: `2026-01-31`, `2026-01-31T12:00:00Z`, or so many days or
//! hours ago.

use crate::clock::{self, DAY};
use std::str::FromStr;

/// A point in time, in milliseconds since 1970-01-01 UTC, as people type it.
///
/// ```
/// use hashgate::clock::When;
/// assert_eq!("1970-01-02".parse(), Ok(When(86_400_000)));
/// let week_ago: When = "7d".parse()?;
/// assert!(week_ago < "1h".parse()?);
/// # Ok::<(), hashgate::clock::WhenError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct When(pub u64);

/// A text that is no point in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no time: give 2026-01-31, 2026-01-31T12:00:00Z, 7d or 12h (ago)")]
pub struct WhenError {
    given: String,
}

impl FromStr for When {
    type Err = WhenError;

    fn from_str(text: &str) -> Result<Self, WhenError> {
        let seconds = ago(text).or_else(|| clock::date(text).ok());
        let ms = seconds.and_then(|seconds| seconds.checked_mul(1_000));
        ms.map(Self).ok_or_else(|| WhenError {
            given: text.to_owned(),
        })
    }
}

fn ago(text: &str) -> Option<u64> {
    let (number, unit) = match text.strip_suffix('d') {
        Some(number) => (number, DAY),
        None => (text.strip_suffix('h')?, 3_600),
    };
    let seconds = number.parse::<u64>().ok()?.checked_mul(unit)?;
    Some(clock::now().saturating_sub(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::time;

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
