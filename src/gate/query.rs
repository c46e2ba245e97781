//! What an input is asked about: its hashes, each with the form of the input that it is of.
//!
//! A query that is written down leaves out how sure each bit of its hash is: hash and weights together would be a small
//! picture. Only [`Seen`](crate::gate::Seen), which is never stored, carries the weights.

use crate::gate::{Evidence, Problem, Score, Unread};
use crate::hash::{Quality, Signal, Variant};
use crate::signal::pdq::Confidence;
use serde::{Deserialize, Serialize};

/// One question to the index: a hash of the input, and which form of the input it is of.
///
/// Serialises to an object with the keys `signal` (type and hash), `quality`, `variant`, and `evidence` where there is
/// some: `flatness`, `small`, `minor`, `guess`, `inverted` and `fitted_from`. Read back, nothing is known of how sure
/// the hash's bits are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "QueryLine", try_from = "QueryLine")]
#[non_exhaustive]
pub struct Query {
    /// The hash.
    pub signal: Signal,
    /// The PDQ quality of the picture that it is a perceptual hash of, where that is known.
    pub quality: Option<Quality>,
    /// The form of the input that was hashed.
    pub variant: Variant,
    /// What is known of a hash from pixels besides; without it only distance counts.
    pub evidence: Option<Evidence>,
}

impl Query {
    /// A hash that was computed elsewhere, with its PDQ quality where that is known: of the input as stored.
    #[must_use]
    pub const fn of(signal: Signal, quality: Option<Quality>) -> Self {
        Self {
            signal,
            quality,
            variant: Variant::ORIGINAL,
            evidence: None,
        }
    }

    /// Sets the form of the input that was hashed.
    #[must_use]
    pub const fn variant(mut self, variant: Variant) -> Self {
        self.variant = variant;
        self
    }

    /// Sets what is known of the hash from pixels.
    #[must_use]
    pub const fn evidence(mut self, evidence: Evidence) -> Self {
        self.evidence = Some(evidence);
        self
    }
}

/// The hashes of one input.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Extraction {
    /// The hashes of the input as stored, first frame, over white: in the order asked for.
    pub signals: Vec<Signal>,
    /// PDQ quality of the input as stored.
    pub quality: Option<Quality>,
    /// What to ask the index: no hash twice, but of the picture and of the small one inside its EXIF
    /// block.
    pub queries: Vec<Query>,
    /// What could not be hashed, and why.
    pub problem: Option<Problem>,
    /// Whether the PDQ hashes come from a JPEG's coefficients, and may be a few bits off.
    pub fast: bool,
    /// Parts of it that were not looked at.
    pub unread: Vec<Unread>,
}

impl Extraction {
    /// Of queries that were made before, without what else was known of the input.
    #[must_use]
    pub fn of_queries(signals: Vec<Signal>, queries: Vec<Query>) -> Self {
        Self {
            signals,
            queries,
            ..Self::default()
        }
    }

    /// Of a hash that was computed elsewhere.
    pub(crate) fn of(query: &Query) -> Self {
        Self {
            signals: vec![query.signal],
            quality: query.quality,
            queries: vec![*query],
            ..Self::default()
        }
    }
}

/// What was known of a query from pixels, but for how sure its bits are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct EvidenceLine {
    flatness: u8,
    small: bool,
    #[serde(default)]
    minor: bool,
    guess: bool,
    inverted: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fitted_from: Option<f64>,
}

/// A query as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct QueryLine {
    signal: String,
    quality: Option<Quality>,
    variant: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    evidence: Option<EvidenceLine>,
}

impl From<Query> for QueryLine {
    fn from(query: Query) -> Self {
        Self {
            signal: query.signal.to_string(),
            quality: query.quality,
            variant: query.variant.to_string(),
            evidence: query.evidence.map(|evidence| EvidenceLine {
                flatness: evidence.flatness,
                small: evidence.is_small,
                minor: evidence.is_minor,
                fitted_from: evidence.fitted_from.map(Score::value),
                guess: evidence.is_guess,
                inverted: evidence.inverted,
            }),
        }
    }
}

impl TryFrom<QueryLine> for Query {
    type Error = String;

    fn try_from(line: QueryLine) -> Result<Self, String> {
        Ok(Self {
            signal: line.signal.parse().map_err(|error| format!("{error}"))?,
            quality: line.quality,
            variant: line.variant.parse().map_err(|error| format!("{error}"))?,
            evidence: line.evidence.map(|evidence| Evidence {
                confidence: Confidence::NONE,
                flatness: evidence.flatness,
                is_small: evidence.small,
                is_minor: evidence.minor || evidence.small,
                fitted_from: evidence.fitted_from.and_then(Score::from_value),
                is_guess: evidence.guess,
                inverted: evidence.inverted,
            }),
        })
    }
}
