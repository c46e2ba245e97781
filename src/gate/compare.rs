//! How far apart two files or hashes are.

use crate::bank::{Action, Policy};
use crate::gate::{Extractor, Problem, VariantSet, read_file};
use crate::hamming;
use crate::hash::{Distance, Family, Quality, Signal, SignalType, Threshold, Variant};
use crate::media::Limits;
use serde::Serialize;
use std::path::Path;

/// Why two files or hashes cannot be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// The file could not be read or hashed.
    #[error("{given}: {}: {}", problem.outcome, problem.message)]
    File {
        /// Its name.
        given: String,
        /// Why.
        problem: Problem,
    },
    /// The text is neither the name of a file nor a hash.
    #[error("{given:?} is neither a file nor a hash: {reason}")]
    Neither {
        /// The text.
        given: String,
        /// Why it is no hash.
        reason: String,
    },
    /// No type of hash is there on both sides.
    #[error("a {a} and a {b} cannot be compared: give two of one type, or files")]
    Types {
        /// A type of the one side.
        a: &'static str,
        /// A type of the other.
        b: &'static str,
    },
    /// The threshold is wider than the type of hash has bits.
    #[error("a threshold of {threshold} bits is too wide for {kind}: 0 to {}", kind.max_distance())]
    Threshold {
        /// The threshold.
        threshold: Threshold,
        /// The type of hash.
        kind: SignalType,
    },
}

/// One side of a comparison: its hashes, as stored and as turned.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    signals: Vec<Signal>,
    turned: Vec<(Signal, Variant)>,
    quality: Option<Quality>,
}

impl Side {
    /// What is given as a file's name, or as a hash.
    ///
    /// # Errors
    /// [`CompareError::Neither`] and [`CompareError::File`].
    pub fn of(given: &str, limits: &Limits) -> Result<Self, CompareError> {
        let path = Path::new(given);
        if !path.exists() {
            let signal = given.parse::<Signal>();
            return signal
                .map(Self::from)
                .map_err(|error| CompareError::Neither {
                    given: given.to_owned(),
                    reason: error.to_string(),
                });
        }
        let failed = |problem| CompareError::File {
            given: given.to_owned(),
            problem,
        };
        let mut bytes = Vec::new();
        read_file(path, limits.max_file_bytes, &mut bytes).map_err(failed)?;
        Self::hashed(&bytes, limits).map_err(failed)
    }

    /// A picture's bytes.
    ///
    /// # Errors
    /// [`CompareError::File`], which calls them `picture`.
    pub fn of_bytes(bytes: &[u8], limits: &Limits) -> Result<Self, CompareError> {
        Self::hashed(bytes, limits).map_err(|problem| CompareError::File {
            given: "picture".to_owned(),
            problem,
        })
    }

    fn hashed(bytes: &[u8], limits: &Limits) -> Result<Self, Problem> {
        let variants = VariantSet {
            frames: false,
            ..VariantSet::STANDARD
        };
        let hashes = Extractor::default().extract(bytes, &SignalType::ALL, variants, limits);
        if let Some(problem) = hashes.problem {
            return Err(problem);
        }
        let turned = hashes.queries.iter();
        let turned = turned.filter(|query| !hashes.signals.contains(&query.signal));
        let turned = turned.map(|query| (query.signal, query.variant)).collect();
        Ok(Self {
            signals: hashes.signals,
            turned,
            quality: hashes.quality,
        })
    }

    fn hash(&self, kind: SignalType) -> Option<Signal> {
        let mut signals = self.signals.iter().copied();
        signals.find(|signal| signal.signal_type() == kind)
    }

    /// Whether the picture is too plain to be told by PDQ.
    fn is_plain(&self) -> bool {
        self.quality
            .is_some_and(|quality| quality < Quality::DEFAULT_MINIMUM)
    }
}

impl From<Signal> for Side {
    fn from(signal: Signal) -> Self {
        Self {
            signals: vec![signal],
            turned: Vec::new(),
            quality: None,
        }
    }
}

/// Whether two match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Likeness {
    /// They do.
    Match,
    /// They do not.
    NoMatch,
    /// A picture is too plain to be told by PDQ.
    LowQuality,
}

impl Likeness {
    /// Its name, as JSON carries it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::NoMatch => "no_match",
            Self::LowQuality => "low_quality",
        }
    }
}

/// How far apart two are.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// The type of the hashes that were compared.
    pub signal_type: SignalType,
    /// The one.
    pub a_hash: String,
    /// The other.
    pub b_hash: String,
    /// The PDQ quality of the one, where it is a picture.
    pub a_quality: Option<Quality>,
    /// That of the other.
    pub b_quality: Option<Quality>,
    /// Bits; null for two digests that differ.
    pub distance: Option<Distance>,
    /// Largest distance that counts as a match.
    pub threshold: u16,
    /// Whether a digest of both is the same: then they match, whatever their quality.
    pub same_bytes: bool,
    /// Whether they match.
    pub verdict: Likeness,
    /// Nearest turned or mirrored form of the one, where that is nearer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turned: Option<Turned>,
}

/// A turned or mirrored form that is nearer than the picture as stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Turned {
    /// Which form.
    pub variant: String,
    /// How far it is from the other.
    pub distance: Distance,
}

/// Compares two by the first type of hash that both have. Without a threshold, that of a new bank counts.
///
/// # Errors
/// [`CompareError::Types`] and [`CompareError::Threshold`].
///
/// ```
/// use hashgate::gate::compare::{Likeness, compare};
/// use hashgate::hash::Signal;
/// let a: Signal = "md5:d41d8cd98f00b204e9800998ecf8427e".parse()?;
/// let found = compare(&a.into(), &a.into(), None)?;
/// assert!(found.same_bytes && found.verdict == Likeness::Match);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn compare(
    a: &Side,
    b: &Side,
    threshold: Option<Threshold>,
) -> Result<Comparison, CompareError> {
    let both = |kind| Some((a.hash(kind)?, b.hash(kind)?));
    let Some((left, right)) = SignalType::ALL.into_iter().find_map(both) else {
        let first = |side: &Side| side.signals.first().map_or("?", |s| s.signal_type().name());
        let (a, b) = (first(a), first(b));
        return Err(CompareError::Types { a, b });
    };
    let kind = left.signal_type();
    let usual = Policy::new(Action::Block).threshold_for(kind);
    let threshold = threshold.unwrap_or(usual);
    if threshold.0 > kind.max_distance() {
        return Err(CompareError::Threshold { threshold, kind });
    }
    let distance = hamming::distance(&left, &right);
    let of_kind = (a.turned.iter()).filter(|(signal, _)| signal.signal_type() == kind);
    let turned = of_kind
        .filter_map(|(signal, variant)| Some((hamming::distance(signal, &right)?, variant)))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(turned, _)| distance.is_some_and(|distance| *turned < distance))
        .map(|(distance, variant)| Turned {
            variant: variant.to_string(),
            distance,
        });
    let nearest = turned.as_ref().map(|turned| turned.distance).or(distance);
    let within = nearest.is_some_and(|distance| distance.is_within(threshold));
    let same_bytes = a.signals.iter().any(|signal| {
        signal.signal_type().family() == Family::Digest && b.signals.contains(signal)
    });
    let verdict = if same_bytes {
        Likeness::Match
    } else if kind == SignalType::Pdq && (a.is_plain() || b.is_plain()) {
        Likeness::LowQuality
    } else if within {
        Likeness::Match
    } else {
        Likeness::NoMatch
    };
    Ok(Comparison {
        signal_type: kind,
        a_hash: left.hex(),
        b_hash: right.hex(),
        a_quality: a.quality,
        b_quality: b.quality,
        distance,
        threshold: threshold.0,
        same_bytes,
        verdict,
        turned,
    })
}
