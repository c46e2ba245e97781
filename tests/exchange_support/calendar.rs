//! Dates as the interfaces write them: ISO 8601 with a `Z`, and the one form of HTTP that is still written. UTC only.

use std::time::{SystemTime, UNIX_EPOCH};

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Seconds since 1970 by this machine's clock.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("a clock after 1970").as_secs()
}

/// How many days a month has.
fn length(year: u64, month: u64) -> u64 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn year_length(year: u64) -> u64 {
    337 + length(year, 2)
}

/// Year, month and day of the month, both from 1, and the second of the day.
fn parts(at: u64) -> (u64, u64, u64, u64) {
    let (mut days, mut year, mut month) = (at / 86_400, 1970, 1);
    while days >= year_length(year) {
        days -= year_length(year);
        year += 1;
    }
    while days >= length(year, month) {
        days -= length(year, month);
        month += 1;
    }
    (year, month, days + 1, at % 86_400)
}

/// `2017-10-20T00:00:00Z`.
pub fn iso(at: u64) -> String {
    let (year, month, day, second) = parts(at);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// `Fri, 20 Oct 2017 00:00:00 GMT`.
pub fn http(at: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let (year, month, day, second) = parts(at);
    let name = DAYS[(at / 86_400 % 7) as usize];
    let month = MONTHS[(month - 1) as usize];
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{name}, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} GMT")
}

/// The time that [`iso`] wrote, and nothing else: no fraction, no other zone.
pub fn read_iso(text: &str) -> Option<u64> {
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let (hour, minute, second) = (part(11, 13)?, part(14, 16)?, part(17, 19)?);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) {
        return None;
    }
    let days = (1970..year).map(year_length).sum::<u64>()
        + (1..month).map(|month| length(year, month)).sum::<u64>();
    let at = (days + day.checked_sub(1)?) * 86_400 + hour * 3600 + minute * 60 + second;
    (iso(at) == text).then_some(at)
}
