//! On what terms an input is judged: which index, which policies, when, and which upload it is.
//!
//! All that a decision follows from besides the input's hashes comes in here, so that it can be
//! replayed. This file owns which entries take part at all; it refuses to weigh distances.

use crate::bank::{Bank, BankId, Effective, Share};
use crate::gate::Score;
use crate::hash::{Distance, Family, Quality, Reach, Signal, SignalType, Threshold};
use crate::index::{Hit, Index};
use crate::rules::values;
use sha2::{Digest, Sha256};
use std::fmt;

/// What stands for an upload: the SHA-256 of its bytes.
pub(crate) type Upload = [u8; 32];

/// On what terms an input is judged.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) index: &'a Index,
    /// The policies: the index's own, or others that are tried out.
    pub(crate) banks: &'a [Bank],
    /// Seconds since 1970-01-01 UTC.
    pub(crate) at: u64,
    /// Which upload it is, where a policy looks at that.
    pub(crate) upload: Option<Upload>,
    /// Whether it counts how far the entries may reach.
    pub(crate) reaches_count: bool,
}

/// Why an entry that was met does not match.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// Its bank is not in force.
    NoBank,
    /// It is not enabled.
    Disabled,
    /// It is out until a time, in seconds since 1970-01-01 UTC.
    Paused {
        /// The time.
        until: u64,
    },
    /// Too few sources agree.
    TooFewSources {
        /// How many are asked for.
        asked: u32,
        /// How many agree.
        agree: u32,
    },
    /// The upload is not among those for which it is in force.
    OutOfShare {
        /// The share.
        share: Share,
    },
    /// There is too little in the picture that was uploaded.
    QueryQuality {
        /// The quality that is asked for.
        asked: Quality,
        /// Its quality.
        quality: Quality,
    },
    /// There was too little in the picture that the entry's hash is of.
    EntryQuality {
        /// The quality that is asked for.
        asked: Quality,
        /// Its quality.
        quality: Quality,
    },
    /// It is beyond the threshold, and verified matches do not count here.
    TooFar {
        /// How near it would have to be.
        within: Threshold,
    },
    /// It is beyond the threshold, and farther than the entry may safely reach.
    BeyondReach {
        /// How near it would have to be to match by distance.
        within: Threshold,
        /// The reach.
        reach: Reach,
    },
    /// It is beyond the threshold, and there is too little other evidence for it.
    Unlike {
        /// How near it would have to be without.
        within: Threshold,
        /// How alike the two are.
        score: Option<Score>,
        /// How alike they would have to be.
        enough: Score,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoBank => f.write_str("its bank is not in force"),
            Self::Disabled => f.write_str("it is not enabled"),
            Self::Paused { until } => write!(f, "it is out until {until} (seconds since 1970)"),
            Self::TooFewSources { asked, agree } => {
                write!(
                    f,
                    "{agree} agree that it is what it is said to be, {asked} are asked for"
                )
            }
            Self::OutOfShare { share } => {
                write!(
                    f,
                    "the upload is not among the {share} % for which it is in force"
                )
            }
            Self::QueryQuality { asked, quality } => {
                write!(f, "the upload's quality is {quality}, {asked} is asked for")
            }
            Self::EntryQuality { asked, quality } => {
                write!(f, "the entry's quality is {quality}, {asked} is asked for")
            }
            Self::TooFar { within } => write!(f, "it is farther than {within} bits"),
            Self::BeyondReach { within, reach } => {
                write!(f, "it is farther than {within} bits, and the entry ")?;
                match reach.bits() {
                    Some(bits) => write!(f, "may be trusted within {bits} bits only"),
                    None => {
                        f.write_str("may be trusted nowhere: harmless pictures look just like it")
                    }
                }
            }
            Self::Unlike {
                within,
                score,
                enough,
            } => {
                write!(f, "it is farther than {within} bits, and its score ")?;
                match score {
                    Some(score) => write!(f, "of {score} is under {enough}"),
                    None => write!(f, "is not known"),
                }
            }
        }
    }
}

impl<'a> Terms<'a> {
    /// The policies that are in force in an index.
    pub(crate) fn of(index: &'a Index, at: u64, upload: Option<Upload>) -> Self {
        Self {
            index,
            banks: index.banks(),
            at,
            upload,
            reaches_count: true,
        }
    }

    pub(crate) fn bank(&self, id: BankId) -> Option<&'a Bank> {
        self.banks.iter().find(|bank| bank.id == id)
    }

    /// Whether a bank takes part in judging this upload by hashes of this type.
    pub(crate) fn takes_part(&self, bank: &Bank, kind: SignalType) -> bool {
        bank.policy.may_match(kind) && self.is_in(bank, bank.policy.greatest_share(kind))
    }

    /// Whether a query of this quality may be asked. PDQ's quality is used for the 64-bit hashes
    /// too: those of all empty pages are nearly the same.
    pub(crate) fn may_ask(&self, bank: &Bank, kind: SignalType, quality: Option<Quality>) -> bool {
        self.takes_part(bank, kind)
            && (kind.family() == Family::Digest
                || quality.is_none_or(|quality| quality >= bank.policy.qualities(kind).0))
    }

    fn is_in(&self, bank: &Bank, share: Share) -> bool {
        // Who is not told which upload it is stops one too many.
        self.upload
            .is_none_or(|upload| share.includes(&bank.name, &upload))
    }

    /// What policy comes to for an entry's hash that was met, where the entry takes part at all.
    pub(crate) fn standing(&self, hit: &Hit) -> Result<(&'a Bank, Effective), Refusal> {
        let bank = self.bank(hit.bank).ok_or(Refusal::NoBank)?;
        let policy = &bank.policy;
        let facts = self.index.facts(hit.bank, hit.content);
        let carried = self.index.carried();
        let kind = hit.signal.signal_type();
        let found = policy.effective(kind, |label| carried.has(facts, label));
        if !found.enabled {
            return Err(Refusal::Disabled);
        }
        if let Some(until) = policy.paused_until(hit.content, self.at) {
            return Err(Refusal::Paused { until });
        }
        if facts.sources < found.min_sources {
            return Err(Refusal::TooFewSources {
                asked: found.min_sources,
                agree: facts.sources,
            });
        }
        if !self.is_in(bank, found.share) {
            return Err(Refusal::OutOfShare { share: found.share });
        }
        Ok((bank, found))
    }
}

/// The banks that look at which upload it is: it need not be known for others.
pub(crate) fn look_at_uploads(banks: &[Bank]) -> bool {
    banks.iter().any(|bank| bank.policy.looks_at_uploads())
}

/// What stands for an upload of which the bytes are there.
#[cfg(feature = "decode")]
pub(crate) fn upload_of(bytes: &[u8]) -> Upload {
    Sha256::digest(bytes).into()
}

/// What stands for an upload of which only a hash is known: the hash, as text, where it is not the
/// digest that would stand for the bytes.
pub(crate) fn upload_of_hash(signal: &Signal) -> Upload {
    match signal.signal_type() {
        SignalType::Sha256 => signal.as_bytes().try_into().ok(),
        _ => None,
    }
    .unwrap_or_else(|| Sha256::digest(signal.to_string()).into())
}

/// How many PDQ hashes an index holds.
pub(crate) fn held(index: &Index) -> u64 {
    let types = index.signal_types();
    let held = types
        .iter()
        .find(|held| held.signal_type == SignalType::Pdq);
    held.map_or(0, |held| held.hashes)
}

/// How far out an entry may lie and still be verified, in an index of this size.
///
/// A search costs the more the wider it is and the more hashes there are, and the more hashes the
/// likelier is a stranger among them: what is verified beyond the threshold must not
/// cost more than decoding does.
pub(crate) fn widest(index: &Index) -> Distance {
    let held = held(index);
    let [.., largest] = values::TERMS_WIDEST_BITS;
    let mut steps = values::TERMS_WIDEST_HELD
        .iter()
        .zip(values::TERMS_WIDEST_BITS);
    let step = steps.find(|(most, _)| held <= **most);
    Distance(step.map_or(largest, |(_, bits)| bits))
}
