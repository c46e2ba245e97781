//! Bytes of an upload to the hashes that the index is asked about.

use crate::gate::{Extraction, MemoryBudget, Outcome, Problem, Query};
use crate::hash::{Family, Quality, Signal, SignalType, Transform, Variant};
use crate::media::{self, Limits, MediaError, Picture};
use crate::signal::pdq::{PdqHashed, PdqHasher};
use crate::signal::{ShapeError, digest, imagehash, imghash};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;

/// Which forms of a query are hashed besides the picture as stored, over white.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VariantSet {
    /// The picture turned as its EXIF orientation says.
    pub displayed: bool,
    /// Transparent parts laid over black.
    pub over_black: bool,
    /// The seven other ways to lay the picture down, from the spectrum of its PDQ hash (6–10 bits
    /// off in the median what the really turned picture hashes to).
    pub dihedral: bool,
    /// Every frame of an animation, not only the first.
    pub frames: bool,
}

/// A text that names no set of variants.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} names no variants; give none, standard, or a list of displayed, over_black, \
     dihedral and frames joined by commas"
)]
pub struct VariantSetError {
    /// What was given.
    pub given: String,
}

impl VariantSet {
    /// Only the picture as stored, over white, first frame.
    pub const NONE: Self = Self {
        displayed: false,
        over_black: false,
        dihedral: false,
        frames: false,
    };
    /// All that is known: the default.
    pub const STANDARD: Self = Self {
        displayed: true,
        over_black: true,
        dihedral: true,
        frames: true,
    };
}

impl Default for VariantSet {
    fn default() -> Self {
        Self::STANDARD
    }
}

impl FromStr for VariantSet {
    type Err = VariantSetError;
    fn from_str(text: &str) -> Result<Self, VariantSetError> {
        let mut set = Self::NONE;
        match text {
            "none" => return Ok(set),
            "standard" => return Ok(Self::STANDARD),
            _ => {}
        }
        for name in text.split(',') {
            match name.trim() {
                "displayed" => set.displayed = true,
                "over_black" => set.over_black = true,
                "dihedral" => set.dihedral = true,
                "frames" => set.frames = true,
                _ => {
                    return Err(VariantSetError {
                        given: text.to_owned(),
                    });
                }
            }
        }
        Ok(set)
    }
}

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
        let wanted = how.wanted;
        let mut collected = Collected {
            wanted,
            variants: how.variants,
            seen: HashMap::new(),
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
                self.pdq = PdqHasher::default();
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
            let _held = how
                .memory
                .map(|memory| memory.reserve(media::memory_to_sample(bytes, how.limits)));
            if let Some(hashed) = self.coefficients(bytes, how) {
                collected.extraction.fast = true;
                let variant = Variant::ORIGINAL;
                collected.add_pdq(&hashed.0, variant);
                if let Some(displayed) = &hashed.1 {
                    let transform = Transform::Displayed;
                    collected.add_pdq(
                        displayed,
                        Variant {
                            transform,
                            ..variant
                        },
                    );
                }
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
        how: &Extract<'_>,
    ) -> Option<(PdqHashed, Option<PdqHashed>)> {
        let sampled = media::sample(bytes, how.limits, how.variants.displayed)?;
        let stored = self.pdq.hash_samples(&sampled.stored)?;
        let displayed = match &sampled.displayed {
            Some(samples) => Some(self.pdq.hash_samples(samples)?),
            None => None,
        };
        Some((stored, displayed))
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
        self.form((width, height, &picture.rgb), variant, collected)?;
        if let Some(over_black) = &picture.over_black
            && collected.variants.over_black
        {
            variant.over_black = true;
            self.form((width, height, over_black), variant, collected)?;
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
        Ok(())
    }

    fn form(
        &mut self,
        (width, height, rgb): (u32, u32, &[u8]),
        variant: Variant,
        collected: &mut Collected<'_>,
    ) -> Result<(), Problem> {
        let shape = |error: ShapeError| Problem::new(Outcome::Undecodable, error.to_string());
        let (columns, rows) = (width as usize, height as usize);
        let mut quality = None;
        if collected.wants(SignalType::Pdq) {
            let hashed = self.pdq.hash_rgb(columns, rows, rgb).map_err(shape)?;
            quality = Some(hashed.quality);
            collected.add_pdq(&hashed, variant);
        }
        let compatible = imagehash(columns, rows, rgb, collected.wanted);
        for (kind, hash) in compatible.map_err(shape)? {
            collected.add(Signal::from_hash64(kind, hash), quality, variant);
        }
        for &kind in collected.wanted {
            if let Some(hash) = imghash(width, height, rgb, kind).map_err(shape)? {
                collected.add(Signal::from_hash64(kind, hash), quality, variant);
            }
        }
        Ok(())
    }
}

/// What one input has given so far.
struct Collected<'a> {
    wanted: &'a [SignalType],
    variants: VariantSet,
    /// Where each hash stands among the queries.
    seen: HashMap<Signal, usize>,
    extraction: Extraction,
}

impl Collected<'_> {
    fn wants(&self, kind: SignalType) -> bool {
        self.wanted.contains(&kind)
    }

    fn add_pdq(&mut self, hashed: &PdqHashed, variant: Variant) {
        self.add(hashed.hash.into(), Some(hashed.quality), variant);
        if self.variants.dihedral && variant.transform == Transform::Original {
            for (transform, hash) in hashed.dihedral().into_iter().skip(1) {
                let turned = Variant {
                    transform,
                    ..variant
                };
                self.add(hash.into(), Some(hashed.quality), turned);
            }
        }
    }

    fn add(&mut self, signal: Signal, quality: Option<Quality>, variant: Variant) {
        if variant == Variant::ORIGINAL {
            self.extraction.signals.push(signal);
            self.extraction.quality = self.extraction.quality.or(quality);
        }
        let queries = &mut self.extraction.queries;
        let query = Query {
            signal,
            quality,
            variant,
        };
        match self.seen.get(&signal).and_then(|&at| queries.get_mut(at)) {
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
