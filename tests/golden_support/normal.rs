//! What differs from run to run, by name.
//!
//! | in the text | becomes |
//! | --- | --- |
//! | the transcript's folder | `$DIR` |
//! | a date within a day of now, or of thirty days from now | `DATE`, with a time of day `TIME` |
//! | seconds or milliseconds since 1970 within a day of now | `SECONDS`, `MILLISECONDS` |
//! | a number with a decimal point before a unit of time, or before `/s` | `N` |
//! | the value of a JSON key `seconds` that has a decimal point | `0.0` |
//! | the value of a JSON key in [`DRAWN`] | `DRAWN` |
//! | the version of the rules of evidence | `RULES` |
//! | hashes of the chain of decisions, a bundle's checksum, a log's name, a new public key | `DRAWN` |

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Keys of JSON whose values are drawn by chance, or follow from such and from the time.
const DRAWN: [&str; 4] = ["log", "prev", "mark", "key_id"];

const DAY: u64 = 86_400;
const UNITS: [&str; 8] = ["s", "ms", "µs", "us", "ns", "min", "h", "files/s"];

/// Replaces what differs.
pub(crate) struct Normal {
    folder: String,
    rules: String,
    now: u64,
    /// The dates of these days.
    dates: Vec<String>,
}

impl Normal {
    pub(crate) fn new(folder: &Path) -> Self {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |now| now.as_secs());
        Self {
            folder: folder.display().to_string(),
            rules: hashgate::rules::Rules::IN_FORCE.to_string(),
            now,
            dates: dates(now),
        }
    }

    /// The text without what differs.
    pub(crate) fn of(&self, text: &str) -> String {
        let text = text.replace(&self.folder, "$DIR");
        let text = text.replace(&self.rules, "RULES");
        let text = chained(&drawn(&text));
        let text = self.dates(&text);
        numbers(&text, |number, behind| self.number(number, behind))
    }

    fn dates(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        let next = |rest: &str| {
            let places = self
                .dates
                .iter()
                .filter_map(|date| rest.find(date.as_str()));
            places.min()
        };
        while let Some(at) = next(rest) {
            out.push_str(&rest[..at]);
            rest = &rest[at + 10..];
            let of_day = rest.strip_prefix(['T', ' ']).map_or(0, |time| {
                time.chars()
                    .take_while(|c| c.is_ascii_digit() || matches!(c, ':' | '.'))
                    .count()
            });
            if of_day >= 5 {
                out.push_str("TIME");
                rest = &rest[1 + of_day..];
                rest = rest.strip_prefix('Z').unwrap_or(rest);
            } else {
                out.push_str("DATE");
            }
        }
        out + rest
    }

    /// What stands for a number; `behind` is the text behind it.
    fn number(&self, number: &str, behind: &str) -> Option<&'static str> {
        if let Ok(whole) = number.parse::<u64>() {
            let near = |seconds: u64| seconds.abs_diff(self.now) <= DAY;
            return match number.len() {
                10 if near(whole) => Some("SECONDS"),
                13 if near(whole / 1_000) => Some("MILLISECONDS"),
                _ => None,
            };
        }
        let unit = behind.strip_prefix(' ').unwrap_or(behind);
        let unit: String = unit
            .chars()
            .take_while(|c| c.is_alphabetic() || *c == '/')
            .collect();
        (number.contains('.') && UNITS.contains(&unit.as_str())).then_some("N")
    }
}

/// The dates within a day of now and of thirty days from now: lists and bundles may end then.
fn dates(now: u64) -> Vec<String> {
    [0, 30]
        .into_iter()
        .flat_map(|days| {
            [
                now + days * DAY - DAY,
                now + days * DAY,
                now + days * DAY + DAY,
            ]
        })
        .map(date)
        .collect()
}

/// Replaces hashes that follow from times, line by line: those of the chain of decisions and of
/// bundles; and what is drawn by chance as a word of its own.
fn chained(text: &str) -> String {
    let lines = text.split_inclusive('\n').map(|line| {
        let mut line = line.to_owned();
        if line.contains("\"prev\":")
            || line.contains("\"bundle_end\":")
            || line.contains("\"summary\":")
        {
            // The line's own hash comes last.
            if let Some((before, behind)) = line.rsplit_once("\"sha256\":\"") {
                let rest = behind.find('"').map_or("", |end| &behind[end..]);
                line = format!("{before}\"sha256\":\"DRAWN{rest}");
            }
        }
        let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        for at in 0..words.len() {
            let word = words[at].trim_end_matches([':', ',', '\n']);
            let end = words[at][word.len()..].to_owned();
            let is_hex = word.bytes().all(|byte| byte.is_ascii_hexdigit());
            let before = |back: usize| at.checked_sub(back).map_or("", |at| words[at].as_str());
            let is_line =
                words.get(at + 1).is_some_and(|next| next == "line") || before(1) == "has";
            let is_checksum = before(1) == "sha256" && line.starts_with("checksum");
            let is_drawn = match word.len() {
                64 => is_hex && (is_line || is_checksum),
                32 => is_hex && before(1) == "log",
                56 => word.starts_with("RW"),
                _ => false,
            };
            if is_drawn {
                words[at] = format!("DRAWN{end}");
            }
        }
        words.join(" ")
    });
    lines.collect()
}

/// The calendar date of a time.
fn date(seconds: u64) -> String {
    let (mut days, mut year) = (seconds / DAY, 1970);
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02}", days + 1)
}

/// Replaces the values of the keys that are drawn by chance.
fn drawn(text: &str) -> String {
    let mut text = text.to_owned();
    for key in DRAWN {
        for begin in [format!("\"{key}\":\""), format!("\"{key}\": \"")] {
            let mut out = String::new();
            let mut rest = text.as_str();
            while let Some((before, behind)) = rest.split_once(&begin) {
                out.push_str(before);
                out.push_str(&begin);
                out.push_str("DRAWN");
                rest = behind.find('"').map_or("", |end| &behind[end..]);
            }
            out.push_str(rest);
            text = out;
        }
    }
    for begin in ["\"seconds\":", "\"seconds\": "] {
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some((before, behind)) = rest.split_once(begin) {
            out.push_str(before);
            out.push_str(begin);
            let is_of_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | '-');
            let end = behind.find(|c| !is_of_number(c)).unwrap_or(behind.len());
            let number = &behind[..end];
            out.push_str(if number.contains('.') { "0.0" } else { number });
            rest = &behind[end..];
        }
        out.push_str(rest);
        text = out;
    }
    text
}

/// Replaces numbers that stand alone by what `name` says.
fn numbers(text: &str, name: impl Fn(&str, &str) -> Option<&'static str>) -> String {
    let mut out = String::new();
    let mut rest = text;
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        let alone = !before.is_alphanumeric() && !matches!(before, '.' | '-' | '_');
        if c.is_ascii_digit() && alone {
            let end = rest
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .unwrap_or(rest.len());
            let number = rest[..end].trim_end_matches('.');
            let behind = &rest[number.len()..];
            out.push_str(name(number, behind).unwrap_or(number));
            before = '0';
            rest = behind;
        } else {
            out.push(c);
            before = c;
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

#[test]
fn what_differs_is_replaced_and_nothing_else() {
    let normal = Normal {
        folder: "/tmp/x1".to_owned(),
        rules: "3-0123456789abcdef".to_owned(),
        now: 1_798_675_200,
        dates: dates(1_798_675_200),
    };
    assert_eq!(
        normal.dates[..3],
        ["2026-12-30", "2026-12-31", "2027-01-01"]
    );
    assert_eq!(normal.dates[4], "2027-01-30");
    for (given, expected) in [
        ("/tmp/x1/home: made", "$DIR/home: made"),
        ("by 3-0123456789abcdef", "by RULES"),
        (
            "since 2026-12-31T10:20:30Z, until 2027-01-02",
            "since TIME, until 2027-01-02",
        ),
        ("on 2026-12-30", "on DATE"),
        ("2026-12-31 10:20:30 UTC", "TIME UTC"),
        (
            "at 1798675300, not 1798999999",
            "at SECONDS, not 1798999999",
        ),
        ("\"at_ms\":1798675300123}", "\"at_ms\":MILLISECONDS}"),
        (
            "3 files in 0.25 s, 12.5 files/s",
            "3 files in N s, N files/s",
        ),
        (
            "after 100 uploads within 3600 s; 12.5 bits; v1.2.3",
            "after 100 uploads within 3600 s; 12.5 bits; v1.2.3",
        ),
        (
            "{\"prev\":\"ab12\",\"sha256\":\"cd\"}",
            "{\"prev\":\"DRAWN\",\"sha256\":\"DRAWN\"}",
        ),
        ("{\"sha256\":\"cd\"}", "{\"sha256\":\"cd\"}"),
        (
            "{\"seconds\":3600,\"scan\":{\"seconds\": 0.25}}",
            "{\"seconds\":3600,\"scan\":{\"seconds\": 0.0}}",
        ),
        (
            "the last is HASH line 15 of log NAME",
            "the last is DRAWN line 15 of log DRAWN",
        ),
        (
            "line 15 has HASH: all holds",
            "line 15 has DRAWN: all holds",
        ),
        (
            "checksum  sha256 HASH: it holds",
            "checksum  sha256 DRAWN: it holds",
        ),
        (
            "sha256 HASH, pdq:HASH",
            &format!("sha256 {0}, pdq:{0}", "ab".repeat(32)),
        ),
        (
            "desk.pub: RWQE7Ks8pUxJHRASS0ZuWRlw501Y0Eh/59AeqKvga/9g3No1W6S0OYUv",
            "desk.pub: DRAWN",
        ),
    ] {
        let hash = "ab".repeat(32);
        let given = given.replace("HASH", &hash).replace("NAME", &hash[..32]);
        assert_eq!(normal.of(&given), expected);
    }
}
