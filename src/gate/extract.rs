//! Bytes of an upload to the hashes that the index is asked about.

use crate::gate::{Evidence, Extraction, MemoryBudget, Outcome, Problem, Query, VariantSet};
use crate::hamming;
use crate::hash::{Distance, Family, PdqHash, Quality, Signal, SignalType, Transform, Variant};
use crate::media::{self, Limits, MediaError, Orientation, Picture, Sampling};
use crate::signal::pdq::{PdqHashed, PdqHasher};
use crate::signal::thumbnail::Thumbnail;
use crate::signal::variants::{Luma, Made, VariantMaker};
use crate::signal::{ShapeError, digest, imagehash, imghash};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Frames of an animation of which guesses are made; of the others, as they are and turned.
const MOST_GUESSED: usize = 16;
/// Frames that are held for fitting guesses at them.
const MOST_HELD: usize = 4;
/// A frame within so many bits of one of which guesses were made tells nothing new.
const SAME_FRAME: Distance = Distance(8);

impl From<MediaError> for Problem {
    fn from(error: MediaError) -> Self {
        let outcome = match error {
            MediaError::TooLarge { .. } => Outcome::TooLarge,
            MediaError::Unsupported { .. } => Outcome::Unsupported,
            _ => Outcome::Undecodable,
        };
        Self::new(outcome, error.to_string())
    }
}

/// What is to be hashed of an input, and how.
#[derive(Debug, Clone, Copy)]
pub struct Extract<'a> {
    /// The signal types.
    pub wanted: &'a [SignalType],
    /// The forms.
    pub variants: VariantSet,
    /// Bounds on what a decoder may spend.
    pub limits: &'a Limits,
    /// Read PDQ from a JPEG's coefficients where nothing else asks for its pixels.
    pub fast: bool,
    /// Memory that is shared with other decoders.
    pub memory: Option<&'a MemoryBudget>,
}

/// Turns bytes into hashes; holds the scratch of one worker.
#[derive(Default)]
pub struct Extractor {
    pdq: PdqHasher,
    variants: VariantMaker,
    /// The frames of the input at hand of which guesses were made, and whether as displayed, until
    /// they are forgotten.
    held: Vec<(u32, bool, Luma)>,
}

impl Extractor {
    /// Hashes one input exactly: the digests of its bytes and, where a perceptual hash is wanted, its
    /// pixels.
    ///
    /// Never panics and never fails: what could not be hashed is in [`Extraction::problem`], and
    /// what could be is there all the same, so that a digest still finds a file that no decoder reads.
    pub fn extract(
        &mut self,
        bytes: &[u8],
        wanted: &[SignalType],
        variants: VariantSet,
        limits: &Limits,
    ) -> Extraction {
        let how = Extract {
            wanted,
            variants,
            limits,
            fast: false,
            memory: None,
        };
        self.extract_with(bytes, &how)
    }

    /// As [`Extractor::extract`], in the way that is asked for.
    pub fn extract_with(&mut self, bytes: &[u8], how: &Extract<'_>) -> Extraction {
        let (wanted, limits) = (how.wanted, how.limits);
        if bytes.len() as u64 > limits.max_file_bytes {
            let error = format!(
                "the file has {} bytes, the limit is {} (--max-file-bytes)",
                bytes.len(),
                limits.max_file_bytes
            );
            return Extraction {
                problem: Some(Problem::new(Outcome::TooLarge, error)),
                ..Extraction::default()
            };
        }
        let digests = digest::digests(bytes, wanted).into_iter().collect();
        self.extract_rest(bytes, how, digests)
    }

    /// Fits a guess that was made of the last input to an entry. `None` where that is no guess that can
    /// be fitted.
    pub(crate) fn fit(&mut self, variant: &Variant, entry: &PdqHash) -> Option<Made> {
        let Self { variants, held, .. } = self;
        let held = held.iter().find(|(frame, ..)| *frame == variant.frame);
        let (_, is_displayed, luma) = held?;
        if *is_displayed && variant.transform == Transform::Original {
            return None;
        }
        let fitted = catch_unwind(AssertUnwindSafe(|| variants.fit(luma, variant, entry)));
        fitted.unwrap_or_else(|_| {
            tracing::error!(
                "a guess could not be fitted (a defect of this program; please report it)"
            );
            *variants = VariantMaker::default();
            None
        })
    }

    /// Forgets the last input's pictures.
    pub(crate) fn forget(&mut self) {
        self.held.clear();
    }

    /// Does once more, from its pixels, what was extracted from an input's coefficients.
    pub(crate) fn extract_exactly(
        &mut self,
        bytes: &[u8],
        how: &Extract<'_>,
        fast: Extraction,
    ) -> Extraction {
        let how = Extract {
            fast: false,
            ..*how
        };
        let digests = fast.signals.into_iter();
        let digests = digests.filter(|signal| signal.signal_type().family() == Family::Digest);
        self.extract_rest(bytes, &how, digests.collect())
    }

    /// The hashes of the picture, beside those of the bytes.
    fn extract_rest(
        &mut self,
        bytes: &[u8],
        how: &Extract<'_>,
        digests: Vec<Signal>,
    ) -> Extraction {
        self.forget();
        let wanted = how.wanted;
        let mut collected = Collected {
            wanted,
            variants: how.variants,
            seen: HashMap::new(),
            guessed: Vec::new(),
            extraction: Extraction::default(),
        };
        for signal in digests {
            collected.add(signal, None, Variant::ORIGINAL);
        }
        if wanted.iter().any(|kind| kind.family() != Family::Digest) {
            let pixels = catch_unwind(AssertUnwindSafe(|| {
                self.picture_of(bytes, how, &mut collected)
            }));
            let problem = pixels.unwrap_or_else(|_| {
                // The hasher's scratch may be half written: begin with a new one.
                *self = Self::default();
                let error =
                    "hashing failed unexpectedly (a defect of this program; please report it)";
                Some(Problem::new(Outcome::Undecodable, error.to_owned()))
            });
            collected.extraction.problem = problem;
        }
        let place = |signal: &Signal| wanted.iter().position(|&kind| kind == signal.signal_type());
        collected.extraction.signals.sort_by_key(place);
        collected.extraction
    }

    /// Hashes the picture: its coefficients where that is asked for and can be, else its pixels.
    fn picture_of(
        &mut self,
        bytes: &[u8],
        how: &Extract<'_>,
        collected: &mut Collected<'_>,
    ) -> Option<Problem> {
        let needs_pixels =
            |kind: &SignalType| !matches!(kind.family(), Family::Digest | Family::Pdq);
        if how.fast && !how.wanted.iter().any(needs_pixels) {
            let sampling = Sampling {
                displayed: how.variants.displayed,
                thumbnail: how.variants.shapes().any().then_some(Luma::WANTED),
            };
            let _held = how
                .memory
                .map(|memory| memory.reserve(media::memory_to_sample(bytes, how.limits, sampling)));
            if let Some(found) = self.coefficients(bytes, how.limits, sampling) {
                collected.extraction.fast = true;
                collected.add_pdq(&found.stored, Variant::ORIGINAL);
                if let Some(displayed) = &found.displayed {
                    let transform = Transform::Displayed;
                    let variant = Variant {
                        transform,
                        ..Variant::ORIGINAL
                    };
                    collected.add_pdq(displayed, variant);
                }
                let small = found.thumbnail.as_ref();
                self.guesses(small, found.orientation, &found.stored, 0, collected);
                return None;
            }
        }
        let _held = how
            .memory
            .map(|memory| memory.reserve(media::memory_needed(bytes, how.limits)));
        self.pixels(bytes, how.limits, collected)
    }

    /// The hashes of a JPEG as stored and as displayed, from its coefficients.
    fn coefficients(
        &self,
        bytes: &[u8],
        limits: &Limits,
        sampling: Sampling,
    ) -> Option<FromCoefficients> {
        let sampled = media::sample_with(bytes, limits, sampling)?;
        let displayed = match &sampled.displayed {
            Some(samples) => Some(self.pdq.hash_samples(samples)?),
            None => None,
        };
        Some(FromCoefficients {
            stored: self.pdq.hash_samples(&sampled.stored)?,
            displayed,
            thumbnail: sampled.thumbnail,
            orientation: sampled.orientation,
        })
    }

    /// Guesses at the originals of a frame that was hashed as it is: its variants.
    fn guesses(
        &mut self,
        small: Option<&Thumbnail>,
        orientation: Orientation,
        stored: &PdqHashed,
        frame: u32,
        collected: &mut Collected<'_>,
    ) {
        let set = collected.variants;
        let near = |held: &PdqHash| hamming::distance_pdq(held, &stored.hash) <= SAME_FRAME;
        let is_new = !collected.guessed.iter().any(near);
        let luma = small.and_then(Luma::new);
        let Some(luma) = luma.filter(|_| is_new && collected.guessed.len() < MOST_GUESSED) else {
            if set.dihedral {
                let variant = Variant {
                    frame,
                    ..Variant::ORIGINAL
                };
                collected.add_turned(stored, variant);
            }
            return;
        };
        collected.guessed.push(stored.hash);
        // What people see is what was cropped and framed.
        let is_turned = set.displayed && orientation != Orientation::Normal;
        let luma = if is_turned {
            let (flip_x, flip_y, swap) = orientation.parts();
            luma.turned(flip_x, flip_y, swap)
        } else {
            luma
        };
        let first = collected.extraction.queries.len();
        let flatness = self.variants.make(&luma, set.shapes(), &mut |made| {
            let is_as_it_lies = made.variant.transform == Transform::Original;
            let transform = match made.variant.transform {
                Transform::Original if is_turned => Transform::Displayed,
                transform => transform,
            };
            let variant = Variant {
                frame,
                transform,
                ..made.variant
            };
            let is_whole = Variant {
                transform: Transform::Original,
                ..made.variant
            } == Variant::ORIGINAL;
            let query = Query {
                signal: made.hash.into(),
                quality: Some(made.quality.unwrap_or(stored.quality)),
                variant,
                evidence: Some(Evidence {
                    confidence: made.confidence(),
                    flatness: hundredths(made.flatness),
                    is_small: shown(&made.variant) < SMALL,
                    is_minor: shown(&made.variant) < MINOR,
                    is_guess: !is_whole || is_as_it_lies,
                    inverted: made.variant.inverted,
                    fitted_from: None,
                }),
            };
            collected.add_query(query);
        });
        if self.held.len() < MOST_HELD {
            self.held.push((frame, is_turned, luma));
        }
        // The forms that were hashed exactly are of the same picture.
        for query in collected.extraction.queries.iter_mut().take(first) {
            if let Some(evidence) = &mut query.evidence
                && query.variant.frame == frame
                && !query.variant.over_black
            {
                evidence.flatness = hundredths(flatness);
            }
        }
    }

    fn pixels(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
        collected: &mut Collected<'_>,
    ) -> Option<Problem> {
        if !collected.variants.frames {
            return match media::decode(bytes, limits) {
                Ok(picture) => self.picture(&picture, collected).err(),
                Err(error) => Some(error.into()),
            };
        }
        let mut problem = None;
        let result = media::decode_frames(bytes, limits, &mut |picture| match self
            .picture(&picture, collected)
        {
            Ok(()) => ControlFlow::Continue(()),
            Err(found) => {
                problem = Some(found);
                ControlFlow::Break(())
            }
        });
        match result {
            Err(error) => Some(error.into()),
            Ok(_) if problem.is_some() => problem,
            Ok(frames) if frames.left_out => {
                let error = format!(
                    "the animation goes on after the {} frames that were judged (--max-frames)",
                    frames.visited
                );
                Some(Problem::new(Outcome::TooLarge, error))
            }
            Ok(_) => None,
        }
    }

    fn picture(&mut self, picture: &Picture, collected: &mut Collected<'_>) -> Result<(), Problem> {
        let mut variant = Variant {
            frame: picture.frame,
            ..Variant::ORIGINAL
        };
        let (width, height) = (picture.width, picture.height);
        let stored = self.form((width, height, &picture.rgb), variant, collected)?;
        if let Some(over_black) = &picture.over_black
            && collected.variants.over_black
        {
            variant.over_black = true;
            let hashed = self.form((width, height, over_black), variant, collected)?;
            if let Some(hashed) = hashed.filter(|_| collected.variants.dihedral) {
                collected.add_turned(&hashed, variant);
            }
            variant.over_black = false;
        }
        if collected.variants.displayed
            && let Some((width, height, rgb)) = picture.displayed()
        {
            variant.transform = Transform::Displayed;
            self.form((width, height, &rgb), variant, collected)?;
            if collected.variants.over_black
                && let Some((width, height, rgb)) = picture.displayed_over_black()
            {
                variant.over_black = true;
                self.form((width, height, &rgb), variant, collected)?;
            }
        }
        if let Some(stored) = stored.filter(|_| collected.variants.shapes().any()) {
            let small = picture.thumbnail(Luma::WANTED);
            let (orientation, frame) = (picture.orientation, picture.frame);
            self.guesses(small.as_ref(), orientation, &stored, frame, collected);
        }
        Ok(())
    }

    fn form(
        &mut self,
        (width, height, rgb): (u32, u32, &[u8]),
        variant: Variant,
        collected: &mut Collected<'_>,
    ) -> Result<Option<PdqHashed>, Problem> {
        let shape = |error: ShapeError| Problem::new(Outcome::Undecodable, error.to_string());
        let (columns, rows) = (width as usize, height as usize);
        let mut pdq = None;
        if collected.wants(SignalType::Pdq) {
            let hashed = self.pdq.hash_rgb(columns, rows, rgb).map_err(shape)?;
            collected.add_pdq(&hashed, variant);
            pdq = Some(hashed);
        }
        let quality = pdq.as_ref().map(|hashed| hashed.quality);
        let compatible = imagehash(columns, rows, rgb, collected.wanted);
        for (kind, hash) in compatible.map_err(shape)? {
            collected.add(Signal::from_hash64(kind, hash), quality, variant);
        }
        for &kind in collected.wanted {
            if let Some(hash) = imghash(width, height, rgb, kind).map_err(shape)? {
                collected.add(Signal::from_hash64(kind, hash), quality, variant);
            }
        }
        Ok(pdq)
    }
}

/// What a JPEG's coefficients tell.
struct FromCoefficients {
    stored: PdqHashed,
    displayed: Option<PdqHashed>,
    thumbnail: Option<Thumbnail>,
    orientation: Orientation,
}

/// Whether the query is no picture that was given, but a guess at one.
fn is_guess(query: &Query) -> bool {
    query.evidence.is_some_and(|evidence| evidence.is_guess)
}

/// Less than this share of what was uploaded is a small part of it.
const SMALL: f32 = 0.2;
/// Less than this is so little that patterns are met in it.
const MINOR: f32 = 0.3;

/// The share of the upload that a variant takes for the original.
fn shown(variant: &Variant) -> f32 {
    let left = |a: u16, b: u16| 1.0 - (f32::from(a) + f32::from(b)) / 1000.0;
    let out = variant.region;
    left(out.left, out.right) * left(out.top, out.bottom)
}

/// A share as whole hundredths.
fn hundredths(share: f32) -> u8 {
    (100.0 * share.clamp(0.0, 1.0)) as u8
}

/// What one input has given so far.
struct Collected<'a> {
    wanted: &'a [SignalType],
    variants: VariantSet,
    /// Where each hash stands among the queries.
    seen: HashMap<Signal, usize>,
    /// The frames of which guesses were made.
    guessed: Vec<PdqHash>,
    extraction: Extraction,
}

impl Collected<'_> {
    fn wants(&self, kind: SignalType) -> bool {
        self.wanted.contains(&kind)
    }

    fn add_pdq(&mut self, hashed: &PdqHashed, variant: Variant) {
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
    fn add_turned(&mut self, hashed: &PdqHashed, variant: Variant) {
        for (transform, hash) in hashed.dihedral().into_iter().skip(1) {
            let turned = Variant {
                transform,
                ..variant
            };
            self.add(hash.into(), Some(hashed.quality), turned);
        }
    }

    fn add(&mut self, signal: Signal, quality: Option<Quality>, variant: Variant) {
        self.add_query(Query {
            signal,
            quality,
            variant,
            evidence: None,
        });
    }

    fn add_query(&mut self, query: Query) {
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
        match self.seen.get(&signal).and_then(|&at| queries.get_mut(at)) {
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
                self.seen.insert(signal, queries.len());
                queries.push(query);
            }
        }
    }
}
