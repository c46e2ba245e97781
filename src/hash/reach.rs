//! How far out an entry of a bank may be trusted.

use crate::hash::Distance;
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};
use std::fmt;

/// How far out a hash in a bank may safely reach, as a sample of harmless pictures has shown: so many
/// bits, or nowhere, where harmless pictures look just like it.
///
/// Written as the number of bits, or `nowhere`. What reaches nowhere is the least.
///
/// ```
/// use hashgate::hash::{Distance, Reach};
/// let reach = Reach::within(33).ok_or("too wide")?;
/// assert!(reach.includes(Distance(33)) && !reach.includes(Distance(34)));
/// assert!(!Reach::NOWHERE.includes(Distance(0)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reach(Option<u8>);

impl Reach {
    /// The widest, in bits.
    pub const WIDEST: u8 = 60;
    /// Harmless pictures are too near to it.
    pub const NOWHERE: Self = Self(None);

    /// A reach of so many bits; `None` beyond the widest.
    #[must_use]
    pub const fn within(bits: u8) -> Option<Self> {
        match bits <= Self::WIDEST {
            true => Some(Self(Some(bits))),
            false => None,
        }
    }

    /// The reach in bits; `None` for nowhere.
    #[must_use]
    pub fn bits(self) -> Option<Distance> {
        self.0.map(|bits| Distance(bits.into()))
    }

    /// Whether what lies at a distance is within it.
    #[must_use]
    pub fn includes(self, distance: Distance) -> bool {
        self.bits().is_some_and(|bits| distance <= bits)
    }

    /// The number that stands for it in files: 0 for nowhere, else one more than its bits.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self.0 {
            None => 0,
            Some(bits) => bits + 1,
        }
    }

    /// The reach that a number stands for.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::NOWHERE),
            code => Self::within(code - 1),
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("nowhere"),
            Some(bits) => bits.fmt(f),
        }
    }
}

impl Serialize for Reach {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            None => serializer.serialize_str("nowhere"),
            Some(bits) => serializer.serialize_u8(bits),
        }
    }
}

impl<'de> Deserialize<'de> for Reach {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Written {
            Bits(u8),
            Word(String),
        }
        let read = match Written::deserialize(deserializer)? {
            Written::Bits(bits) => Self::within(bits),
            Written::Word(word) => (word == "nowhere").then_some(Self::NOWHERE),
        };
        read.ok_or_else(|| D::Error::custom("a reach is 0 to 60 bits, or nowhere"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reach_has_a_code_and_a_text() {
        let all = (0..=Reach::WIDEST).map(|bits| Reach::within(bits).unwrap());
        let mut before = None;
        for reach in [Reach::NOWHERE].into_iter().chain(all) {
            assert_eq!(Reach::from_code(reach.code()), Some(reach));
            let json = serde_json::to_string(&reach).unwrap();
            assert_eq!(json.trim_matches('"'), reach.to_string());
            assert_eq!(serde_json::from_str::<Reach>(&json).unwrap(), reach);
            assert!(before < Some(reach), "the strictest is the least");
            before = Some(reach);
        }
        assert_eq!(Reach::within(61), None);
        assert_eq!([62, 255].map(Reach::from_code), [None, None]);
        for bad in ["61", "-1", "\"anywhere\"", "null"] {
            assert!(serde_json::from_str::<Reach>(bad).is_err(), "{bad}");
        }
    }
}
