//! Which rules: a number for people, and a digest of the values, which no change leaves the same.

use crate::rules::values;
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A version of the rules: its number, and the first eight bytes of the SHA-256 of all names and values.
///
/// Written as `1-0123456789abcdef`. Two programs whose text is the same judge evidence by the same limits.
///
/// ```
/// use hashgate::rules::Rules;
/// let rules: Rules = Rules::IN_FORCE.to_string().parse()?;
/// assert_eq!(rules, Rules::IN_FORCE);
/// # Ok::<(), hashgate::rules::RulesParseError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rules {
    /// The number of the version, from 1.
    pub number: u32,
    /// The first eight bytes of the digest of its values.
    pub digest: [u8; 8],
}

impl Rules {
    /// The rules that this program judges by.
    pub const IN_FORCE: Self = Self {
        number: values::VERSION,
        digest: values::DIGEST,
    };

    /// What to say where something was decided by `then` and is judged by `now`: nothing where they are the same. `None`
    /// stands for a program that did not say which rules it had.
    #[must_use]
    pub fn change(then: Option<Self>, now: Self) -> Option<String> {
        match then {
            Some(then) if then == now => None,
            Some(then) => Some(format!("the rules of evidence are {now}, and were {then}")),
            None => Some(format!(
                "the rules of evidence are {now}, and what they were is not written down"
            )),
        }
    }
}

impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-", self.number)?;
        self.digest
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A text that names no version of the rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} names no rules: write a number from 1, `-`, and 16 lower-case hexadecimal digits"
)]
pub struct RulesParseError {
    /// What was given, its first 64 characters.
    pub given: String,
}

impl FromStr for Rules {
    type Err = RulesParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (number, hex) = text.split_once('-')?;
            let number: u32 = number.parse().ok().filter(|number| *number > 0)?;
            let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            if hex.len() != 16 || !hex.bytes().all(is_hex) {
                return None;
            }
            let digest = u64::from_str_radix(hex, 16).ok()?.to_be_bytes();
            let rules = Self { number, digest };
            // One text for each.
            (rules.to_string() == text).then_some(rules)
        };
        parse().ok_or_else(|| RulesParseError {
            given: text.chars().take(64).collect(),
        })
    }
}

impl Serialize for Rules {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rules {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_back_and_nothing_else_is_one() {
        let rules = Rules {
            number: 7,
            digest: [0, 1, 2, 3, 0xab, 0xcd, 0xef, 0xff],
        };
        assert_eq!(rules.to_string(), "7-00010203abcdefff");
        assert_eq!("7-00010203abcdefff".parse(), Ok(rules));
        for other in [
            "",
            "7",
            "0-00010203abcdefff",
            "07-00010203abcdefff",
            "+7-00010203abcdefff",
            "7-00010203abcdeff",
            "7-00010203abcdefff0",
            "7-00010203ABCDEFFF",
            "7-+0010203abcdefff",
        ] {
            let error = other.parse::<Rules>().unwrap_err();
            assert_eq!(error.given, other);
        }
    }

    #[test]
    fn a_change_is_said_and_none_is_not() {
        let now = Rules::IN_FORCE;
        let then = Rules {
            number: now.number + 1,
            ..now
        };
        assert_eq!(Rules::change(Some(now), now), None);
        let said = Rules::change(Some(then), now).expect("another version");
        assert!(said.contains(&then.to_string()) && said.contains(&now.to_string()));
        let unknown = Rules::change(None, now).expect("not known");
        assert!(unknown.contains("not written down"), "{unknown}");
    }
}
