//! Bytes of an upload to the hashes that the index is asked about.

use crate::gate::{Outcome, Problem, Query};
use crate::hash::{Family, Quality, Signal, SignalType, Transform, Variant};
use crate::media::{self, Limits, MediaError, Picture};
use crate::signal::{ShapeError, digest, imagehash, imghash, pdq::PdqHasher};
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

/// The hashes of one input.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extraction {
    /// The hashes of the input as stored, first frame, over white: in the order asked for.
    pub signals: Vec<Signal>,
    /// PDQ quality of the input as stored.
    pub quality: Option<Quality>,
    /// What to ask the index: no hash twice.
    pub queries: Vec<Query>,
    /// What could not be hashed, and why.
    pub problem: Option<Problem>,
}

/// Turns bytes into hashes; holds the scratch of one worker.
#[derive(Default)]
pub struct Extractor {
    pdq: PdqHasher,
}

impl Extractor {
    /// Hashes one input: the digests of its bytes and, where a perceptual hash is wanted, its pixels.
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
        let mut collected = Collected {
            wanted,
            variants,
            seen: HashMap::new(),
            extraction: Extraction::default(),
        };
        if bytes.len() as u64 > limits.max_file_bytes {
            let error = format!(
                "the file has {} bytes, the limit is {} (--max-file-bytes)",
                bytes.len(),
                limits.max_file_bytes
            );
            collected.extraction.problem = Some(Problem::new(Outcome::TooLarge, error));
            return collected.extraction;
        }
        for signal in digest::digests(bytes, wanted) {
            collected.add(signal, None, Variant::ORIGINAL);
        }
        if wanted.iter().any(|kind| kind.family() != Family::Digest) {
            let pixels = catch_unwind(AssertUnwindSafe(|| {
                self.pixels(bytes, limits, &mut collected)
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
            collected.add(hashed.hash.into(), Some(hashed.quality), variant);
            if collected.variants.dihedral && variant.transform == Transform::Original {
                for (transform, hash) in hashed.dihedral() {
                    let turned = Variant {
                        transform,
                        ..variant
                    };
                    collected.add(hash.into(), Some(hashed.quality), turned);
                }
            }
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
