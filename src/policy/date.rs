//! Dates as people write them: `2026-12-31`, or `2026-12-31T18:00:00Z`. UTC throughout.

/// A text that is no date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no date: give YYYY-MM-DD, or YYYY-MM-DDTHH:MM:SSZ (UTC)")]
pub struct DateError {
    /// What was given.
    pub given: String,
}

const DAY: u64 = 86_400;

/// The beginning of a day, or a second, as seconds since 1970-01-01 UTC.
///
/// ```
/// use hashgate::policy::{date, time};
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
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) {
        return None;
    }
    if !(1..=days_of(year, month)).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let years = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 });
    let months = (1..month).map(|month| days_of(year, month));
    let days = years.chain(months).sum::<u64>() + day - 1;
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

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_of(year: u64, month: u64) -> u64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Seconds since 1970-01-01 UTC as a date and a time of day.
#[must_use]
pub fn time(at: u64) -> String {
    let (mut days, clock) = (at / DAY, at % DAY);
    // Beyond the years that can be typed nothing is told apart.
    let mut year = 1970;
    while year < 10_000 {
        let length = if is_leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    if year == 10_000 {
        return "after 9999".to_owned();
    }
    let mut month = 1;
    while days >= days_of(year, month) {
        days -= days_of(year, month);
        month += 1;
    }
    let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
    format!(
        "{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z",
        days + 1
    )
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
