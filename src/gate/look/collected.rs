//! The queries that one input gives: each hash once, the best form of it.
//!
//! Owns which of two forms with the same hash is asked about, and of which pictures guesses are made.
//! Refuses to hash.

use crate::gate::{Evidence, Extraction, Query, VariantSet};
use crate::hamming;
use crate::hash::{Distance, PdqHash, Quality, Signal, SignalType, Variant};
use crate::rules::values;
use crate::signal::pdq::PdqHashed;
use std::collections::HashMap;

/// Pictures of a file (frames, over white and over black) of which guesses are made; of the others,
/// as they are and turned.
const MOST_GUESSED: usize = values::LOOK_MOST_GUESSED;
/// A picture within so many bits of one of which guesses were made tells nothing new.
const SAME_PICTURE: Distance = Distance(values::LOOK_SAME_PICTURE);

/// Whether the query is a guess at an original, and not the picture that was given.
fn is_guess(query: &Query) -> bool {
    query.evidence.is_some_and(|evidence| evidence.is_guess)
}

/// Less than this share of what was uploaded is a small part of it.
pub(crate) const SMALL: f32 = values::LOOK_SMALL;
/// Less than this is so little that patterns are met in it.
pub(crate) const MINOR: f32 = values::LOOK_MINOR;

/// The share of the upload that a variant takes for the original.
pub(crate) fn shown(variant: &Variant) -> f32 {
    let left = |a: u16, b: u16| 1.0 - (f32::from(a) + f32::from(b)) / 1000.0;
    let out = variant.region;
    left(out.left, out.right) * left(out.top, out.bottom)
}

/// A share as whole hundredths.
pub(crate) fn hundredths(share: f32) -> u8 {
    (100.0 * share.clamp(0.0, 1.0)) as u8
}

/// Says of the perceptual queries so far whether they are enough: then guesses, and further pictures, are left out.
pub(crate) type Enough<'a> = &'a dyn Fn(&[Query]) -> bool;

/// What one input has given so far.
pub(crate) struct Collected<'a> {
    pub(crate) wanted: &'a [SignalType],
    pub(crate) variants: VariantSet,
    /// Where each hash, of the picture or of the small one in its EXIF block, stands among the queries.
    seen: HashMap<(Signal, bool), usize>,
    /// The pictures of which guesses were made.
    guessed: Vec<PdqHash>,
    pub(crate) extraction: Extraction,
    enough: Option<Enough<'a>>,
    /// Whether what was seen is enough.
    pub(crate) is_enough: bool,
    /// The number of the first frame of the picture at hand: of the first picture of a file 0.
    pub(crate) first_frame: u32,
    /// Frames so far, and their pixels.
    frames: u32,
    pixels: u64,
}

/// Where the first query of a further picture of the file will stand, and how many pixels came before.
pub(crate) struct Before {
    queries: usize,
    pixels: u64,
}

impl<'a> Collected<'a> {
    pub(crate) fn new(
        wanted: &'a [SignalType],
        variants: VariantSet,
        enough: Option<Enough<'a>>,
    ) -> Self {
        Self {
            wanted,
            variants,
            seen: HashMap::new(),
            guessed: Vec::new(),
            extraction: Extraction::default(),
            enough,
            is_enough: false,
            first_frame: 0,
            frames: 0,
            pixels: 0,
        }
    }

    /// Whether guesses are to be made of a picture of this hash: of the first few, where nothing
    /// alike came before.
    pub(crate) fn is_to_be_guessed(&self, hash: &PdqHash) -> bool {
        let near = |held: &PdqHash| hamming::distance_pdq(held, hash) <= SAME_PICTURE;
        self.guessed.len() < MOST_GUESSED && !self.guessed.iter().any(near)
    }

    /// Asks whether what was seen is enough. Hashes from coefficients never are: pixels may say something else.
    pub(crate) fn has_enough(&mut self) -> bool {
        if let Some(enough) = self.enough.filter(|_| !self.extraction.fast) {
            self.is_enough = self.is_enough || enough(&self.extraction.queries);
        }
        self.is_enough
    }

    /// Notes that guesses are made of a picture of this hash.
    pub(crate) fn note_guessed(&mut self, hash: PdqHash) {
        self.guessed.push(hash);
    }

    /// Whether a picture of this hash tells nothing beside the file's own, as stored.
    pub(crate) fn is_like_own(&self, hash: &PdqHash) -> bool {
        let own = self.extraction.signals.iter().find_map(Signal::as_pdq);
        own.is_some_and(|own| hamming::distance_pdq(&own, hash) <= SAME_PICTURE)
    }

    /// Notes a picture that is looked at.
    pub(crate) fn note_picture(&mut self, frame: u32, pixels: u64) {
        self.frames = self.frames.max(frame.saturating_add(1));
        self.pixels = self.pixels.saturating_add(pixels);
    }

    /// Begins with a further picture of the file: its frames follow those that were.
    pub(crate) fn begin_part(&mut self) -> Before {
        self.first_frame = self.frames;
        Before {
            queries: self.extraction.queries.len(),
            pixels: self.pixels,
        }
    }

    /// Pixels that were looked at since.
    pub(crate) fn pixels_since(&self, before: &Before) -> u64 {
        self.pixels - before.pixels
    }

    /// Whether some picture since has too little in it to be told by.
    pub(crate) fn is_plain_since(&self, before: &Before) -> bool {
        let since = self.extraction.queries.iter().skip(before.queries);
        let mut best: HashMap<u32, Quality> = HashMap::new();
        for query in since.filter(|query| !is_guess(query)) {
            let Some(quality) = query.quality else {
                continue;
            };
            let held = best.entry(query.variant.frame).or_insert(quality);
            *held = quality.max(*held);
        }
        best.values()
            .any(|&quality| quality < Quality::DEFAULT_MINIMUM)
    }

    /// Forgets what was to be asked since.
    pub(crate) fn forget_since(&mut self, before: &Before) {
        self.extraction.queries.truncate(before.queries);
        self.seen.retain(|_, at| *at < before.queries);
    }

    pub(crate) fn wants(&self, kind: SignalType) -> bool {
        self.wanted.contains(&kind)
    }

    pub(crate) fn add_pdq(&mut self, hashed: &PdqHashed, variant: Variant) {
        let evidence = Evidence {
            confidence: hashed.confidence(),
            // Until it is looked at.
            flatness: 100,
            is_small: false,
            is_minor: false,
            is_guess: false,
            inverted: false,
            fitted_from: None,
        };
        let guesses = self.variants.shapes().any();
        self.add_query(Query {
            signal: hashed.hash.into(),
            quality: Some(hashed.quality),
            variant,
            evidence: guesses.then_some(evidence),
        });
    }

    /// The turned and mirrored forms as the spectrum tells them, which is nearly.
    pub(crate) fn add_turned(&mut self, hashed: &PdqHashed, variant: Variant) {
        for (transform, hash) in hashed.dihedral().into_iter().skip(1) {
            let turned = Variant {
                transform,
                ..variant
            };
            self.add(hash.into(), Some(hashed.quality), turned);
        }
    }

    pub(crate) fn add(&mut self, signal: Signal, quality: Option<Quality>, variant: Variant) {
        self.add_query(Query {
            variant,
            ..Query::of(signal, quality)
        });
    }

    pub(crate) fn add_query(&mut self, query: Query) {
        let Query {
            signal,
            quality,
            variant,
            ..
        } = query;
        if variant == Variant::ORIGINAL {
            self.extraction.signals.push(signal);
            self.extraction.quality = self.extraction.quality.or(quality);
        }
        let queries = &mut self.extraction.queries;
        // The one must not stand in for the other: what an `allow` bank knows, and what is too faint, are
        // told of each by itself.
        let key = (signal, variant.embedded);
        match self.seen.get(&key).and_then(|&at| queries.get_mut(at)) {
            // A guess must not stand in for what was given, which is judged by other rules.
            Some(held) if is_guess(held) != is_guess(&query) => {
                let quality = held.quality.max(quality);
                if is_guess(held) {
                    *held = query;
                }
                held.quality = quality;
            }
            // A faint form must not stand in for a good one of the same hash.
            Some(held) if held.quality < quality => *held = query,
            Some(_) => {}
            None => {
                self.seen.insert(key, queries.len());
                queries.push(query);
            }
        }
    }
}
