//! What was seen of an input: all that deciding needs, and no index. The first half's answer.
//!
//! It can come from another process or machine: a sandbox that decodes, a reader of videos, one of a fleet. So what is
//! read is checked field by field, and refused where a looker of this program would not have written it. What cannot be
//! checked is whether the looker tells the truth: who gives a wrong hash hides a picture.

use crate::gate::bounded;
use crate::gate::decide::eyes::Eyes;
use crate::gate::look::pictures::{Held, MOST_HELD, Pictures};
use crate::gate::terms::Upload;
use crate::gate::{Evidence, Extraction, Problem, Query, Unread};
use crate::hash::{Family, Hash64, PdqHash, Quality, Signal, SignalType, Variant};
use crate::signal::pdq::Confidence;
use crate::signal::variants::{Luma, LumaLine, Made};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserializer, Error};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What was seen of one input: its hashes in all forms that were asked for, with how sure each of their bits is, what
/// could not be judged, and its digest. See [`look`](crate::gate::look()) and [`Gate::decide`](crate::gate::Gate::decide).
///
/// **Do not store it, and do not log it.** How sure the bits of a hash are is as good as a tiny picture, and where fitting
/// was asked for there are small luma pictures in it. It is for going from one process to another, at once.
///
/// Serialises to an object with the keys `schema` ([`Seen::SCHEMA`]), `bytes` (how many the input had), `upload` (their
/// SHA-256), `looked_for` (signal types), `fitting`, `first` and `exact`; the latter two are looks with `signals`,
/// `quality`, `queries`, `problem`, `fast`, `unread` and `pictures`. Reading it refuses another schema, lists that are too long,
/// numbers out of range, and looks that contradict each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    looked_for: Vec<SignalType>,
    upload: Upload,
    bytes: u64,
    fitting: bool,
    first: Sight,
    /// What the pixels say, where the first look was at the coefficients and pixels may be asked.
    exact: Option<Sight>,
}

/// One look.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sight {
    pub(crate) extraction: Extraction,
    pub(crate) pictures: Vec<Held>,
}

impl Seen {
    /// The version of the form in which it is serialised.
    pub const SCHEMA: u32 = 1;
    /// Most queries of one look.
    pub const MAX_QUERIES: usize = 1 << 16;

    #[cfg(feature = "decode")]
    pub(crate) fn new(
        (looked_for, fitting): (Vec<SignalType>, bool),
        (upload, bytes): (Upload, u64),
        first: Sight,
        exact: Option<Sight>,
    ) -> Self {
        Self {
            looked_for,
            upload,
            bytes,
            fitting,
            first,
            exact,
        }
    }

    /// The signal types that were looked for.
    #[must_use]
    pub fn looked_for(&self) -> &[SignalType] {
        &self.looked_for
    }

    /// How many bytes the input had.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether guesses can be fitted to what they nearly meet: whether the small pictures came along.
    #[must_use]
    pub fn can_be_fitted(&self) -> bool {
        self.fitting
    }

    /// The first look: the hashes, the queries, and what could not be judged.
    #[must_use]
    pub fn first(&self) -> &Extraction {
        &self.first.extraction
    }

    /// What stands for the upload: the SHA-256 of its bytes.
    pub(crate) fn upload(&self) -> Upload {
        self.upload
    }
}

/// What was seen before, looked at again as far as it goes.
pub(crate) struct SeenAgain<'a> {
    seen: &'a Seen,
    pictures: Pictures,
}

impl<'a> SeenAgain<'a> {
    pub(crate) fn of(seen: &'a Seen) -> Self {
        Self {
            seen,
            pictures: Pictures::of(&seen.first.pictures),
        }
    }
}

impl Eyes for SeenAgain<'_> {
    fn has_exact(&self) -> bool {
        self.seen.exact.is_some()
    }

    fn exact(&mut self, _: &Extraction) -> Option<Extraction> {
        let exact = self.seen.exact.as_ref()?;
        self.pictures = Pictures::of(&exact.pictures);
        Some(exact.extraction.clone())
    }

    fn can_look_again(&self) -> bool {
        self.seen.fitting
    }

    fn fit(&mut self, variant: &Variant, entry: &PdqHash) -> Option<Made> {
        self.pictures.fit(variant, entry)
    }

    fn hashes(
        &mut self,
        hash: &PdqHash,
        variant: &Variant,
        kinds: &[SignalType],
    ) -> Vec<(SignalType, Hash64)> {
        self.pictures.hashes(hash, variant, kinds)
    }
}

/// As it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeenLine {
    schema: u32,
    bytes: u64,
    upload: String,
    #[serde(deserialize_with = "bounded::list::<_, _, { SignalType::ALL.len() }>")]
    looked_for: Vec<SignalType>,
    fitting: bool,
    first: SightLine,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exact: Option<SightLine>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SightLine {
    #[serde(deserialize_with = "bounded::list::<_, _, { SignalType::ALL.len() }>")]
    signals: Vec<String>,
    quality: Option<Quality>,
    #[serde(deserialize_with = "bounded::list::<_, _, { Seen::MAX_QUERIES }>")]
    queries: Vec<SeenQuery>,
    problem: Option<Problem>,
    fast: bool,
    #[serde(
        default,
        deserialize_with = "bounded::list::<_, _, { Unread::MOST }>",
        skip_serializing_if = "Vec::is_empty"
    )]
    unread: Vec<Unread>,
    #[serde(deserialize_with = "bounded::list::<_, _, MOST_HELD>")]
    pictures: Vec<PictureLine>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeenQuery {
    signal: String,
    quality: Option<Quality>,
    variant: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    evidence: Option<SeenEvidence>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeenEvidence {
    confidence: String,
    flatness: u8,
    small: bool,
    minor: bool,
    guess: bool,
    inverted: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PictureLine {
    form: String,
    displayed: bool,
    luma: LumaLine,
}

impl From<&Query> for SeenQuery {
    fn from(query: &Query) -> Self {
        let evidence = |evidence: Evidence| SeenEvidence {
            confidence: STANDARD.encode(evidence.confidence.as_bytes()),
            flatness: evidence.flatness,
            small: evidence.is_small,
            minor: evidence.is_minor,
            guess: evidence.is_guess,
            inverted: evidence.inverted,
        };
        Self {
            signal: query.signal.to_string(),
            quality: query.quality,
            variant: query.variant.to_string(),
            evidence: query.evidence.map(evidence),
        }
    }
}

impl SeenQuery {
    fn query(self) -> Result<Query, String> {
        let signal: Signal = self.signal.parse().map_err(|error| format!("{error}"))?;
        let variant = variant(&self.variant)?;
        let evidence = match self.evidence {
            None => None,
            Some(_) if signal.signal_type() != SignalType::Pdq => {
                return Err(format!("evidence of a {} hash", signal.signal_type()));
            }
            Some(line) => {
                let weights = STANDARD.decode(line.confidence).ok();
                let weights = weights.and_then(|bytes| bytes.try_into().ok());
                if line.flatness > 100 {
                    return Err(format!("a flatness of {} hundredths", line.flatness));
                }
                Some(Evidence {
                    confidence: Confidence::from_bytes(
                        weights.ok_or("a confidence is 256 weights in base64")?,
                    ),
                    flatness: line.flatness,
                    is_small: line.small,
                    is_minor: line.minor,
                    is_guess: line.guess,
                    inverted: line.inverted,
                    fitted_from: None,
                })
            }
        };
        if signal.signal_type().family() == Family::Digest && variant != Variant::ORIGINAL {
            return Err("a digest is of the bytes, and of no form of a picture".to_owned());
        }
        Ok(Query {
            signal,
            quality: self.quality,
            variant,
            evidence,
        })
    }
}

/// A form that a looker can see: nothing is fitted before there is an entry.
fn variant(text: &str) -> Result<Variant, String> {
    let variant: Variant = text.parse().map_err(|error| format!("{error}"))?;
    match variant.fitted {
        true => Err(format!("{text:?} was fitted, and there was no entry yet")),
        false => Ok(variant),
    }
}

impl From<&Sight> for SightLine {
    fn from(sight: &Sight) -> Self {
        let Extraction {
            signals,
            quality,
            queries,
            problem,
            fast,
            unread,
        } = &sight.extraction;
        let pictures = sight.pictures.iter().map(|held| PictureLine {
            form: held.form.to_string(),
            displayed: held.is_displayed,
            luma: held.luma.to_line(),
        });
        Self {
            signals: signals.iter().map(Signal::to_string).collect(),
            quality: *quality,
            queries: queries.iter().map(SeenQuery::from).collect(),
            problem: problem.clone(),
            fast: *fast,
            unread: unread.clone(),
            pictures: pictures.collect(),
        }
    }
}

impl Sight {
    /// As it goes from one process to another.
    #[cfg(all(feature = "isolated", target_os = "linux"))]
    pub(crate) fn write(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&SightLine::from(self))
    }

    /// Reads what another process has seen, who was to look for these kinds of hashes.
    #[cfg(all(feature = "isolated", target_os = "linux"))]
    pub(crate) fn read(text: &[u8], looked_for: &[SignalType]) -> Result<Self, String> {
        let line: SightLine = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let sight = line.sight()?;
        let mut signals = sight.extraction.signals.iter().map(Signal::signal_type);
        if let Some(kind) = signals.find(|kind| !looked_for.contains(kind)) {
            return Err(format!("a {kind} hash, and it was not looked for"));
        }
        sight.looked_for(looked_for)?;
        Ok(sight)
    }

    /// Whether nothing is asked about but what was looked for.
    fn looked_for(&self, looked_for: &[SignalType]) -> Result<(), String> {
        let kinds = self.extraction.queries.iter();
        let mut kinds = kinds.map(|query| query.signal.signal_type());
        match kinds.find(|kind| !looked_for.contains(kind)) {
            Some(kind) => Err(format!("a {kind} hash, and it was not looked for")),
            None => Ok(()),
        }
    }
}

impl SightLine {
    fn sight(self) -> Result<Sight, String> {
        let mut signals: Vec<Signal> = Vec::with_capacity(self.signals.len());
        for text in &self.signals {
            let signal: Signal = text.parse().map_err(|error| format!("{error}"))?;
            let kind = signal.signal_type();
            if signals.iter().any(|held| held.signal_type() == kind) {
                return Err(format!("two {kind} hashes of one input"));
            }
            signals.push(signal);
        }
        let queries = self.queries.into_iter().map(SeenQuery::query);
        let queries = queries.collect::<Result<Vec<Query>, String>>()?;
        if let Some(problem) = &self.problem {
            problem.check()?;
        }
        let pictures = self.pictures.into_iter().map(|line| {
            Ok(Held {
                form: variant(&line.form)?,
                is_displayed: line.displayed,
                luma: Arc::new(Luma::from_line(line.luma)?),
            })
        });
        Ok(Sight {
            pictures: pictures.collect::<Result<Vec<Held>, String>>()?,
            extraction: Extraction {
                signals,
                quality: self.quality,
                queries,
                problem: self.problem,
                fast: self.fast,
                unread: self.unread,
            },
        })
    }
}

impl SeenLine {
    fn seen(self) -> Result<Seen, String> {
        if self.schema != Seen::SCHEMA {
            return Err(format!(
                "what was seen is of schema {}; this program reads {}",
                self.schema,
                Seen::SCHEMA
            ));
        }
        let upload = Signal::from_hex(SignalType::Sha256, &self.upload)
            .map_err(|error| format!("the upload's SHA-256: {error}"))?;
        let upload: Upload = (upload.as_bytes().try_into())
            .map_err(|_| "the upload's SHA-256 has 32 bytes".to_owned())?;
        let first = self.first.sight()?;
        let exact = self.exact.map(SightLine::sight).transpose()?;
        let is_same_upload = |sight: &Sight| {
            let digests = sight.extraction.signals.iter();
            let mut digests = digests.filter(|one| one.signal_type() == SignalType::Sha256);
            digests.all(|digest| digest.as_bytes() == upload)
        };
        for sight in std::iter::once(&first).chain(&exact) {
            sight.looked_for(&self.looked_for)?;
            if !is_same_upload(sight) {
                return Err("a SHA-256 is not that of the upload".to_owned());
            }
            if !self.fitting && !sight.pictures.is_empty() {
                return Err("small pictures, and no fitting".to_owned());
            }
        }
        if let Some(exact) = &exact
            && (!first.extraction.fast || exact.extraction.fast)
        {
            return Err("a second look is at the pixels, after one at coefficients".to_owned());
        }
        Ok(Seen {
            looked_for: self.looked_for,
            upload,
            bytes: self.bytes,
            fitting: self.fitting,
            first,
            exact,
        })
    }
}

impl Serialize for Seen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let line = SeenLine {
            schema: Self::SCHEMA,
            bytes: self.bytes,
            upload: crate::hash::hex::encode(&self.upload),
            looked_for: self.looked_for.clone(),
            fitting: self.fitting,
            first: (&self.first).into(),
            exact: self.exact.as_ref().map(SightLine::from),
        };
        line.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        SeenLine::deserialize(from)?
            .seen()
            .map_err(D::Error::custom)
    }
}
