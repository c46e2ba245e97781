//! When the other side is asked again.

use crate::clock::{Civil, DAY};
use std::time::Duration;

/// How often one request is made in all.
pub(super) const TRIES: u32 = 5;
/// The first wait, which doubles with each try.
const FIRST: Duration = Duration::from_millis(500);

/// Whether the other side says that it cannot answer now.
pub(super) fn is_passing(status: u16) -> bool {
    matches!(status, 429 | 500 | 502 | 503 | 504)
}

/// How long to wait before the try after this one, from 0: what the other side asked for, if it did.
pub(super) fn wait(tried: u32, asked: Option<Duration>) -> Duration {
    let own = FIRST.saturating_mul(1 << tried.min(10));
    asked.map_or(own, |asked| asked.max(FIRST))
}

/// What `Retry-After` says, as seconds or as a date (RFC 9110, section 10.2.3), a day at most: more is a mistake. `now` is seconds since
/// 1970-01-01 UTC.
pub(super) fn asked(header: &str, now: u64) -> Option<Duration> {
    let header = header.trim();
    let seconds = match header.parse() {
        Ok(seconds) => seconds,
        Err(_) => http_date(header)?.saturating_sub(now),
    };
    Some(Duration::from_secs(seconds.min(DAY)))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7): seconds since 1970-01-01 UTC. The obsolete forms are not read.
fn http_date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (_, rest) = text.split_once(", ")?;
    let mut parts = rest.split(' ');
    let day: u64 = parts.next()?.parse().ok()?;
    let name = parts.next()?;
    let month = MONTHS.iter().position(|month| *month == name)? + 1;
    let year: u64 = parts.next()?.parse().ok()?;
    let mut time = parts
        .next()?
        .split(':')
        .map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    if parts.next() != Some("GMT") || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let month = month as u64;
    let days = Civil { year, month, day }.days()?;
    Some(days * DAY + hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_other_side_asks_for_is_read_as_seconds_and_as_a_date() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(http_date(date), Some(784_111_777));
        assert_eq!(
            http_date("Thu, 29 Feb 2024 23:59:59 GMT"),
            Some(1_709_251_199)
        );
        assert_eq!(asked("7", 0), Some(Duration::from_secs(7)));
        assert_eq!(asked("1764343184", 0), Some(Duration::from_secs(DAY)));
        assert_eq!(asked(date, 784_111_770), Some(Duration::from_secs(7)));
        assert_eq!(asked(date, 784_111_800), Some(Duration::ZERO));
        for bad in [
            "",
            "soon",
            "-1",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 99 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(asked(bad, 0), None, "{bad}");
        }
        assert!(wait(0, Some(Duration::ZERO)) >= FIRST);
        assert_eq!(wait(3, None), FIRST * 8);
    }
}
