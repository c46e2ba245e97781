//! Numbers as people write them: `100k`, `1m`, `10M`.

use std::fmt;
use std::str::FromStr;

/// A number of hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

/// More would not fit one index.
const MOST: u64 = 1 << 30;

/// What is no number of hashes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no size: write 50000, 100k, 1m or 10m (1 to {MOST})")]
pub struct SizeError(String);

impl FromStr for Size {
    type Err = SizeError;
    fn from_str(text: &str) -> Result<Self, SizeError> {
        let wrong = || SizeError(text.to_owned());
        let (digits, factor) = match text.trim().to_ascii_lowercase() {
            lower if lower.ends_with('k') => (lower.trim_end_matches('k').to_owned(), 1_000),
            lower if lower.ends_with('m') => (lower.trim_end_matches('m').to_owned(), 1_000_000),
            lower => (lower.replace('_', ""), 1),
        };
        let number: u64 = digits.parse().map_err(|_| wrong())?;
        let number = number.checked_mul(factor).ok_or_else(wrong)?;
        (1..=MOST)
            .contains(&number)
            .then_some(Self(number))
            .ok_or_else(wrong)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            n if n >= 1_000_000 && n.is_multiple_of(100_000) => match n % 1_000_000 {
                0 => format!("{} M", n / 1_000_000),
                _ => format!("{:.1} M", n as f64 / 1e6),
            },
            n if n >= 1_000 && n.is_multiple_of(1_000) => format!("{} k", n / 1_000),
            n => n.to_string(),
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written() {
        for (text, number, shown) in [
            ("1", 1, "1"),
            ("50_000", 50_000, "50 k"),
            ("100k", 100_000, "100 k"),
            ("1M", 1_000_000, "1 M"),
            ("2500k", 2_500_000, "2.5 M"),
            ("10m", 10_000_000, "10 M"),
            ("17099", 17_099, "17099"),
        ] {
            assert_eq!(text.parse(), Ok(Size(number)), "{text}");
            assert_eq!(Size(number).to_string(), shown);
        }
        for text in ["", "k", "0", "-1", "1.5m", "2000m", "99999999999999999999m"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }
}
