//! The single things that policy can say, as values: what each is called and what it may be.
//!
//! Owned here: [`Setting`] and its small parts. Not owned: which of several wins (that is
//! [`Rule`](crate::bank::Rule)), and how a file spells them (that is the room `policy`).

use crate::bank::{Action, BankName, ContentId, Verified};
use crate::hash::{Quality, Threshold};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// The widest PDQ threshold of a bank.
pub(super) const MAX_PDQ_THRESHOLD: Threshold = Threshold(63);
/// The widest threshold of a bank for 64-bit hashes.
pub(super) const MAX_HASH64_THRESHOLD: Threshold = Threshold(16);

/// For how many of the uploads a bank is in force, in hundredths of a per cent.
///
/// Which ones follows from their content and the bank's name alone: the same upload always gets
/// the same answer, and a greater share only adds uploads.
///
/// ```
/// use hashgate::bank::Share;
/// let (bank, upload) = ("known".parse()?, [7; 32]);
/// assert!(Share::ALL.includes(&bank, &upload));
/// assert!(!Share::NONE.includes(&bank, &upload));
/// assert_eq!(Share::from_percent(12.5).map(|share| share.to_string()), Some("12.5".into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Share(u16);

impl Share {
    /// Every upload.
    pub const ALL: Self = Self(10_000);
    /// No upload.
    pub const NONE: Self = Self(0);

    /// A share in per cent, 0 to 100 with up to two decimals.
    #[must_use]
    pub fn from_percent(percent: f64) -> Option<Self> {
        let hundredths = (percent * 100.0).round();
        let whole = (percent * 100.0 - hundredths).abs() < 1e-6;
        let fits = (0.0..=f64::from(Self::ALL.0)).contains(&hundredths);
        (whole && fits).then_some(Self(hundredths as u16))
    }

    /// In per cent.
    #[must_use]
    pub fn percent(self) -> f64 {
        f64::from(self.0) / 100.0
    }

    /// Whether an upload is among those for which the bank is in force; `upload` is the SHA-256 of
    /// its bytes.
    #[must_use]
    pub fn includes(self, bank: &BankName, upload: &[u8; 32]) -> bool {
        self == Self::ALL || place(bank, upload) < self.0
    }
}

/// Where an upload stands in the roll-out of a bank, 0 to 9,999: it is in once the share is
/// greater. The first eight bytes of the SHA-256 of a word, the bank's name, a zero byte and the
/// upload's digest, spread evenly.
fn place(bank: &BankName, upload: &[u8; 32]) -> u16 {
    let mut hasher = Sha256::new();
    hasher.update(b"hashgate roll-out\0");
    hasher.update(bank.as_str());
    hasher.update([0]);
    hasher.update(upload);
    let digest = hasher.finalize();
    let first = digest.first_chunk::<8>().copied().unwrap_or_default();
    let scaled = u128::from(u64::from_be_bytes(first)) * u128::from(Share::ALL.0);
    (scaled >> 64) as u16
}

impl TryFrom<u16> for Share {
    type Error = PolicyError;
    fn try_from(hundredths: u16) -> Result<Self, PolicyError> {
        match Self(hundredths) {
            share if share <= Self::ALL => Ok(share),
            share => Err(PolicyError::Range {
                what: "share",
                given: share.percent(),
                least: 0,
                most: 100,
            }),
        }
    }
}

impl From<Share> for u16 {
    fn from(share: Share) -> Self {
        share.0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.percent().fmt(f)
    }
}

/// A text that is no share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no share: give per cent, 0 to 100 with up to two decimals")]
pub struct ShareError {
    /// What was given.
    pub given: String,
}

impl std::str::FromStr for Share {
    type Err = ShareError;
    fn from_str(text: &str) -> Result<Self, ShareError> {
        let percent = text.strip_suffix('%').unwrap_or(text).parse().ok();
        percent
            .and_then(Self::from_percent)
            .ok_or_else(|| ShareError {
                given: text.to_owned(),
            })
    }
}

/// When an entry matches suspiciously much: more than so many distinct uploads within so long.
///
/// Its matches are reviewed then where they would block; see [`Gate`](../gate/struct.Gate.html).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quarantine {
    /// So many distinct uploads may match: 1 to [`Quarantine::MAX_UPLOADS`].
    pub uploads: u32,
    /// Within so many seconds: 1 to [`Quarantine::MAX_SECONDS`].
    pub seconds: u32,
}

impl Quarantine {
    /// Most uploads that are told apart for one entry.
    pub const MAX_UPLOADS: u32 = 10_000;
    /// Thirty days.
    pub const MAX_SECONDS: u32 = 30 * 86_400;

    fn check(self) -> Result<(), PolicyError> {
        for (what, given, most) in [
            ("quarantine's uploads", self.uploads, Self::MAX_UPLOADS),
            ("quarantine's seconds", self.seconds, Self::MAX_SECONDS),
        ] {
            if !(1..=most).contains(&given) {
                return Err(PolicyError::Range {
                    what,
                    given: given.into(),
                    least: 1,
                    most,
                });
            }
        }
        Ok(())
    }
}

impl fmt::Display for Quarantine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "after {} uploads within {} s",
            self.uploads, self.seconds
        )
    }
}

/// An entry that matches nothing until a time, and then again by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Paused {
    /// The entry.
    pub content: ContentId,
    /// Seconds since 1970-01-01 UTC: from then on it matches.
    pub until: u64,
}

/// One thing that policy says, with its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Setting {
    /// What to do with an upload that matches.
    Action(Action),
    /// Largest PDQ distance that matches.
    Threshold(Threshold),
    /// Largest distance of a 64-bit hash that matches.
    Threshold64(Threshold),
    /// Least PDQ quality that may match by a perceptual hash.
    MinQuality(Quality),
    /// Whether it matches at all.
    Enabled(bool),
    /// What a match beyond the threshold does.
    VerifiedAction(Verified),
    /// How many must agree that an entry is what it is said to be.
    MinSources(u32),
    /// For how many uploads it is in force.
    Share(Share),
    /// When an entry matches suspiciously much; `None`: never.
    Quarantine(Option<Quarantine>),
}

impl Setting {
    /// Most sources that can be asked for.
    pub const MAX_SOURCES: u32 = 1_000;
    /// The names of all, as the policy file has them.
    pub const NAMES: [&'static str; 9] = [
        "action",
        "threshold",
        "threshold64",
        "min_quality",
        "enabled",
        "verified_action",
        "min_sources",
        "share",
        "quarantine",
    ];

    /// Which of [`Setting::NAMES`] it is.
    pub(super) const fn place(self) -> usize {
        match self {
            Self::Action(_) => 0,
            Self::Threshold(_) => 1,
            Self::Threshold64(_) => 2,
            Self::MinQuality(_) => 3,
            Self::Enabled(_) => 4,
            Self::VerifiedAction(_) => 5,
            Self::MinSources(_) => 6,
            Self::Share(_) => 7,
            Self::Quarantine(_) => 8,
        }
    }

    /// What it is called, in the policy file and everywhere else.
    #[must_use]
    pub const fn name(self) -> &'static str {
        Self::NAMES[self.place()]
    }

    /// Checks a value from outside.
    ///
    /// # Errors
    /// [`PolicyError`] where it is out of range.
    pub fn check(self) -> Result<(), PolicyError> {
        match self {
            Self::Threshold(given) => PolicyError::threshold(given),
            Self::Threshold64(given) => PolicyError::threshold64(given),
            Self::MinSources(given) if given > Self::MAX_SOURCES => Err(PolicyError::Range {
                what: "min_sources",
                given: given.into(),
                least: 0,
                most: Self::MAX_SOURCES,
            }),
            Self::VerifiedAction(Verified::Act(Action::Allow)) => Err(PolicyError::VerifiedAllows),
            Self::Quarantine(Some(quarantine)) => quarantine.check(),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Setting {
    /// The value, as the policy file has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Action(action) => write!(f, "\"{action}\""),
            Self::Threshold(bits) | Self::Threshold64(bits) => bits.fmt(f),
            Self::MinQuality(quality) => quality.fmt(f),
            Self::Enabled(enabled) => enabled.fmt(f),
            Self::VerifiedAction(verified) => write!(f, "\"{verified}\""),
            Self::MinSources(sources) => sources.fmt(f),
            Self::Share(share) => share.fmt(f),
            Self::Quarantine(None) => f.write_str("\"off\""),
            Self::Quarantine(Some(Quarantine { uploads, seconds })) => {
                write!(f, "{{ uploads = {uploads}, seconds = {seconds} }}")
            }
        }
    }
}

/// Something that a policy may not say.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A threshold that is wider than a bank's may be.
    #[error("a {what} of {given} is too wide: a bank's may be 0 to {most}")]
    TooWide {
        /// Which threshold.
        what: &'static str,
        /// What was given, in bits.
        given: Threshold,
        /// The most that is allowed, in bits.
        most: Threshold,
    },
    /// A number that is out of its range.
    #[error("a {what} of {given} is out of range: it may be {least} to {most}")]
    Range {
        /// Of what.
        what: &'static str,
        /// What was given.
        given: f64,
        /// The least that is allowed.
        least: u32,
        /// The most that is allowed.
        most: u32,
    },
    /// More of something than a policy may hold.
    #[error("{given} {what} are too many: a bank's policy holds {most}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        given: usize,
        /// The most that are allowed.
        most: usize,
    },
    /// A label that is empty or too long.
    #[error("a label of {given} bytes: a rule's may have 1 to 256")]
    Label {
        /// Its length in bytes.
        given: usize,
    },
    /// A verified match of a bank that stops uploads is never harmless.
    #[error("a verified match cannot allow: give default, off, block, review or report")]
    VerifiedAllows,
    /// Rules or entries that are not in their order.
    #[error("its rules, or its entries that are out until a time, are out of order")]
    Order,
}

impl PolicyError {
    /// Checks a threshold of PDQ.
    fn threshold(given: Threshold) -> Result<(), Self> {
        Self::within("threshold", given, MAX_PDQ_THRESHOLD)
    }

    /// Checks a threshold of 64-bit hashes.
    fn threshold64(given: Threshold) -> Result<(), Self> {
        let what = "threshold of 64-bit hashes";
        Self::within(what, given, MAX_HASH64_THRESHOLD)
    }

    fn within(what: &'static str, given: Threshold, most: Threshold) -> Result<(), Self> {
        match given > most {
            true => Err(Self::TooWide { what, given, most }),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greater_share_only_adds_uploads_and_is_as_large_as_it_says() {
        let bank: BankName = "known".parse().unwrap();
        let other: BankName = "other".parse().unwrap();
        let uploads: Vec<[u8; 32]> = (0..4_000_u32)
            .map(|number| Sha256::digest(number.to_be_bytes()).into())
            .collect();
        let mut before = 0;
        for percent in [0.0, 0.01, 1.0, 10.0, 25.0, 50.0, 99.99, 100.0] {
            let share = Share::from_percent(percent).unwrap();
            let greater = Share(share.0.saturating_add(700).min(Share::ALL.0));
            let included = |upload: &&[u8; 32]| share.includes(&bank, upload);
            assert!(
                (uploads.iter().filter(included)).all(|one| greater.includes(&bank, one)),
                "{percent}"
            );
            let count = uploads.iter().filter(included).count();
            assert!(count >= before);
            assert!(
                (count as f64 / 40.0 - percent).abs() < 2.5,
                "{percent}: {count}"
            );
            before = count;
        }
        let half = Share::from_percent(50.0).unwrap();
        let differs = |one: &&[u8; 32]| half.includes(&bank, one) != half.includes(&other, one);
        assert!(
            uploads.iter().filter(differs).count() > 1_000,
            "each bank has its own"
        );
    }

    #[test]
    fn the_place_of_an_upload_never_changes() {
        // Kept for ever: else a half-way roll-out would change under those who watch it.
        let bank = "known".parse().unwrap();
        assert_eq!(place(&bank, &[0; 32]), 952);
    }

    #[test]
    fn shares_are_per_cent_with_two_decimals() {
        assert_eq!(Share::from_percent(12.5), Some(Share(1250)));
        assert_eq!("0.01%".parse(), Ok(Share(1)));
        for wrong in ["-1", "100.01", "1.234", "half", "NaN"] {
            assert!(wrong.parse::<Share>().is_err(), "{wrong}");
        }
        assert!(serde_json::from_str::<Share>("10001").is_err());
    }
}
