//! Bytes of an upload to the hashes that the index is asked about.

use crate::gate::look::beside::{PAYS_FROM, beside};
use crate::gate::look::collected::{Collected, Enough, MINOR, SMALL, hundredths, shown};
use crate::gate::look::pictures::{Held, Pictures, is_of_same};
use crate::gate::look::seen::Sight;
use crate::gate::{
    Evidence, Extraction, Isolation, MemoryBudget, Outcome, Problem, ProblemKind, Query, Unread,
    VariantSet,
};
use crate::guard::catch_unwind;
use crate::hash::{Family, Signal, SignalType, Transform, Variant};
use crate::media::{self, Colours, Limits, MediaError, Orientation, Picture, Profiles, Sampling};
use crate::signal::pdq::{PdqHashed, PdqHasher};
use crate::signal::thumbnail::Thumbnail;
use crate::signal::variants::Luma;
use crate::signal::{ShapeError, digest, imagehash, imghash};
use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

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
    /// What runs in a process of its own.
    pub isolation: Isolation,
}

/// Turns bytes into hashes; holds the scratch of one worker.
#[derive(Default)]
pub struct Extractor {
    pdq: PdqHasher,
    profiles: Profiles,
    /// The pictures of the input at hand of which guesses were made, until they are forgotten.
    pictures: Pictures,
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
            isolation: Isolation::default(),
        };
        self.extract_with(bytes, &how)
    }

    /// As [`Extractor::extract`], in the way that is asked for.
    pub fn extract_with(&mut self, bytes: &[u8], how: &Extract<'_>) -> Extraction {
        self.extract_beside(bytes, how, false)
    }

    /// As [`Extractor::extract_with`]; large files are digested on a thread of their own, beside the picture, where
    /// `may_begin_thread`.
    pub(crate) fn extract_beside(
        &mut self,
        bytes: &[u8],
        how: &Extract<'_>,
        may_begin_thread: bool,
    ) -> Extraction {
        let (wanted, limits) = (how.wanted, how.limits);
        if bytes.len() as u64 > limits.max_file_bytes {
            let message = format!(
                "the file has {} bytes, the limit is {}",
                bytes.len(),
                limits.max_file_bytes
            );
            return Extraction {
                problem: Some(Problem::new(
                    Outcome::TooLarge,
                    ProblemKind::FileBytes,
                    message,
                )),
                ..Extraction::default()
            };
        }
        let has_both = |is_digest: bool| {
            let mut kinds = wanted.iter();
            kinds.any(|kind| (kind.family() == Family::Digest) == is_digest)
        };
        let pays = bytes.len() >= PAYS_FROM && has_both(true) && has_both(false);
        let digest = || digest::digests(bytes, wanted);
        let (digests, mut extraction) = beside(may_begin_thread && pays, digest, || {
            self.look_at(bytes, how, None)
        });
        match digests {
            Some(digests) => put_digests(&mut extraction, digests, wanted),
            None => extraction.problem = Some(defect()),
        }
        extraction
    }

    /// Forgets the last input's pictures.
    pub(crate) fn forget(&mut self) {
        self.pictures.forget();
    }

    /// The last input's pictures, to look at again.
    pub(crate) fn pictures(&mut self) -> &mut Pictures {
        &mut self.pictures
    }

    /// The last input's pictures, as they are held.
    pub(crate) fn held(&self) -> &[Held] {
        self.pictures.held()
    }

    /// Does once more, from its pixels, what was extracted from an input's coefficients.
    pub(crate) fn extract_exactly(
        &mut self,
        bytes: &[u8],
        how: &Extract<'_>,
        fast: &Extraction,
    ) -> Extraction {
        let how = Extract {
            fast: false,
            ..*how
        };
        let digests = fast.signals.iter().copied();
        let digests = digests.filter(|signal| signal.signal_type().family() == Family::Digest);
        let mut extraction = self.look_at(bytes, &how, None);
        put_digests(&mut extraction, digests.collect(), how.wanted);
        extraction
    }

    /// As [`Extractor::extract_with`], of bytes whose digests are there, until what was seen is enough.
    pub(crate) fn extract_until(
        &mut self,
        bytes: &[u8],
        how: &Extract<'_>,
        digests: Vec<Signal>,
        enough: Enough<'_>,
    ) -> Extraction {
        let mut extraction = self.look_at(bytes, how, Some(enough));
        put_digests(&mut extraction, digests, how.wanted);
        extraction
    }

    /// The hashes of the picture, without those of the bytes.
    fn look_at(
        &mut self,
        bytes: &[u8],
        how: &Extract<'_>,
        enough: Option<Enough<'_>>,
    ) -> Extraction {
        self.forget();
        let wanted = how.wanted;
        let mut collected = Collected::new(wanted, how.variants, enough);
        let asks_for_pictures = wanted.iter().any(|kind| kind.family() != Family::Digest);
        if asks_for_pictures && how.isolation == Isolation::Everything {
            self.look_apart(bytes, how, &mut collected.extraction);
        } else if asks_for_pictures {
            let pixels = catch_unwind(AssertUnwindSafe(|| {
                self.picture_of(bytes, how, &mut collected)
            }));
            let problem = pixels.unwrap_or_else(|_| {
                // The hasher's scratch may be half written: begin with a new one.
                *self = Self::default();
                Some(defect())
            });
            collected.extraction.problem = problem;
            if how.variants.embedded && !collected.is_enough {
                let looked = AssertUnwindSafe(|| self.embedded(bytes, how, &mut collected));
                if catch_unwind(looked).is_err() {
                    *self = Self::default();
                    tracing::error!(
                        "a picture in an EXIF block could not be hashed (a defect of this program; \
                         please report it)"
                    );
                }
            }
            let looked = AssertUnwindSafe(|| self.appended(bytes, how, &mut collected));
            if catch_unwind(looked).is_err() {
                *self = Self::default();
                tracing::error!(
                    "what is behind a picture could not be hashed (a defect of this program; please report it)"
                );
                collected.extraction.unread.push(Unread {
                    what: "what is behind the picture".to_owned(),
                    bytes: bytes.len() as u64,
                });
            }
        }
        collected.extraction
    }

    /// Has a process of its own look at the picture.
    fn look_apart(&mut self, bytes: &[u8], how: &Extract<'_>, into: &mut Extraction) {
        // Which of it will be needed is known to that process alone.
        let _held = how
            .memory
            .map(|memory| memory.reserve(how.limits.max_decoder_bytes));
        match look_apart(bytes, how) {
            Ok(Sight {
                extraction,
                pictures,
            }) => {
                for picture in pictures {
                    self.pictures.hold(|| picture);
                }
                into.signals.extend(extraction.signals);
                into.queries.extend(extraction.queries);
                into.quality = extraction.quality;
                into.problem = extraction.problem;
                into.fast = extraction.fast;
                into.unread = extraction.unread;
            }
            Err(error) => into.problem = Some(error.into()),
        }
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
        let managed = how.variants.colour_managed;
        let colours = managed.then(|| self.profiles.colours(bytes)).flatten();
        if how.fast && colours.is_none() && !how.wanted.iter().any(needs_pixels) {
            let sampling = Sampling {
                displayed: how.variants.displayed,
                thumbnail: how.variants.shapes().any().then_some(Luma::WANTED),
            };
            let _held = how
                .memory
                .map(|memory| memory.reserve(media::memory_to_sample(bytes, how.limits, sampling)));
            if let Some(found) = self.coefficients(bytes, how.limits, sampling) {
                let form = Variant {
                    frame: collected.first_frame,
                    ..Variant::ORIGINAL
                };
                collected.note_picture(form.frame, found.pixels);
                collected.extraction.fast = true;
                collected.add_pdq(&found.stored, form);
                if let Some(displayed) = &found.displayed {
                    let transform = Transform::Displayed;
                    let variant = Variant { transform, ..form };
                    collected.add_pdq(displayed, variant);
                }
                let small = found.thumbnail.as_ref().and_then(Luma::new);
                let luma = small.filter(|_| collected.is_to_be_guessed(&found.stored.hash));
                let what = (form, how.variants.shapes());
                self.guesses(luma, found.orientation, &found.stored, what, collected);
                return None;
            }
        }
        let _held = how
            .memory
            .map(|memory| memory.reserve(media::memory_needed(bytes, how.limits)));
        self.pixels(bytes, how.limits, colours.as_ref(), collected)
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
            pixels: u64::from(sampled.width) * u64::from(sampled.height),
            stored: self.pdq.hash_samples(&sampled.stored)?,
            displayed,
            thumbnail: sampled.thumbnail,
            orientation: sampled.orientation,
        })
    }

    /// Guesses at the originals of a picture that was hashed as it is (a frame, over white or over black):
    /// its variants. Without its luma only how it may be turned.
    fn guesses(
        &mut self,
        luma: Option<Luma>,
        orientation: Orientation,
        hashed: &PdqHashed,
        (form, shapes): (Variant, VariantSet),
        collected: &mut Collected<'_>,
    ) {
        let set = collected.variants;
        let Some(luma) = luma else {
            if set.dihedral {
                collected.add_turned(hashed, form);
            }
            return;
        };
        collected.note_guessed(hashed.hash);
        // What people see is what was cropped and framed.
        let is_turned = set.displayed && orientation != Orientation::Normal;
        let luma = if is_turned {
            let (flip_x, flip_y, swap) = orientation.parts();
            luma.turned(flip_x, flip_y, swap)
        } else {
            luma
        };
        let first = collected.extraction.queries.len();
        let flatness = self.pictures.maker.make(&luma, shapes, &mut |made| {
            let is_as_it_lies = made.variant.transform == Transform::Original;
            let transform = match made.variant.transform {
                Transform::Original if is_turned => Transform::Displayed,
                transform => transform,
            };
            let variant = Variant {
                frame: form.frame,
                over_black: form.over_black,
                alpha_ignored: form.alpha_ignored,
                colour_managed: form.colour_managed,
                embedded: form.embedded,
                transform,
                ..made.variant
            };
            let is_whole = Variant {
                transform: Transform::Original,
                ..made.variant
            } == Variant::ORIGINAL;
            let query = Query {
                signal: made.hash.into(),
                quality: Some(made.quality.unwrap_or(hashed.quality)),
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
        self.pictures.hold(|| Held {
            form,
            is_displayed: is_turned,
            luma: Arc::new(luma),
        });
        // The forms that were hashed exactly are of the same picture.
        for query in collected.extraction.queries.iter_mut().take(first) {
            if let Some(evidence) = &mut query.evidence
                && is_of_same(&query.variant, &form)
            {
                evidence.flatness = hundredths(flatness);
            }
        }
    }

    fn pixels(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
        colours: Option<&Colours>,
        collected: &mut Collected<'_>,
    ) -> Option<Problem> {
        if !collected.variants.frames {
            return match media::decode(bytes, limits) {
                Ok(picture) => self.picture(picture, colours, collected).err(),
                Err(error) => Some(error.into()),
            };
        }
        let mut problem = None;
        let result = media::decode_frames(bytes, limits, &mut |picture| match self
            .picture(picture, colours, collected)
        {
            Ok(()) if collected.is_enough => ControlFlow::Break(()),
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
                let message = format!(
                    "the animation goes on after the {} frames that were judged",
                    frames.visited
                );
                Some(Problem::new(
                    Outcome::TooLarge,
                    ProblemKind::Frames,
                    message,
                ))
            }
            Ok(_) => None,
        }
    }

    /// A picture of the file in all the ways that a viewer might show it.
    fn picture(
        &mut self,
        mut picture: Picture,
        colours: Option<&Colours>,
        collected: &mut Collected<'_>,
    ) -> Result<(), Problem> {
        let set = collected.variants;
        let form = Variant {
            frame: collected.first_frame.saturating_add(picture.frame),
            ..Variant::ORIGINAL
        };
        let pixels = u64::from(picture.width) * u64::from(picture.height);
        collected.note_picture(form.frame, pixels);
        self.seen(&picture, &picture.rgb, form, collected)?;
        if let Some(over_black) = picture.over_black.as_deref().filter(|_| set.over_black) {
            let form = Variant {
                over_black: true,
                ..form
            };
            self.seen(&picture, over_black, form, collected)?;
        }
        let colours_alone = picture.alpha_ignored.as_deref();
        if let Some(colours_alone) = colours_alone.filter(|_| set.alpha_ignored) {
            let form = Variant {
                alpha_ignored: true,
                ..form
            };
            self.seen(&picture, colours_alone, form, collected)?;
        }
        if let Some(colours) = colours {
            // In its place: the stored colours have been looked at.
            let mut rgb = std::mem::take(&mut picture.rgb);
            colours.apply(&mut rgb);
            let form = Variant {
                colour_managed: true,
                ..form
            };
            self.seen(&picture, &rgb, form, collected)?;
        }
        Ok(())
    }

    /// These pixels of a picture: as they are stored, as displayed, and guesses at their originals.
    fn seen(
        &mut self,
        picture: &Picture,
        rgb: &[u8],
        form: Variant,
        collected: &mut Collected<'_>,
    ) -> Result<(), Problem> {
        if collected.is_enough {
            return Ok(());
        }
        let (width, height) = (picture.width, picture.height);
        let stored = self.form((width, height, rgb), form, collected)?;
        if collected.variants.displayed
            && let Some((width, height, rgb)) = picture.turned(rgb)
        {
            let displayed = Variant {
                transform: Transform::Displayed,
                ..form
            };
            self.form((width, height, &rgb), displayed, collected)?;
        }
        if collected.has_enough() {
            return Ok(());
        }
        let shapes = collected.variants.shapes();
        if let Some(hashed) = stored.filter(|_| shapes.any()) {
            let luma = collected.is_to_be_guessed(&hashed.hash).then(|| {
                let (columns, rows) = (width as usize, height as usize);
                let small = Thumbnail::of_rgb(columns, rows, rgb, Luma::WANTED);
                small.ok().as_ref().and_then(Luma::new)
            });
            let (orientation, what) = (picture.orientation, (form, shapes));
            self.guesses(luma.flatten(), orientation, &hashed, what, collected);
        }
        Ok(())
    }

    /// The small picture in the file's EXIF block, where it is another than the file's own. One that cannot
    /// be decoded is none.
    fn embedded(&mut self, bytes: &[u8], how: &Extract<'_>, collected: &mut Collected<'_>) {
        let Some(found) = media::embedded(bytes) else {
            return;
        };
        let _held = how
            .memory
            .map(|memory| memory.reserve(found.memory_needed(how.limits)));
        let Some(picture) = found.decode(how.limits) else {
            return;
        };
        let (width, height) = (picture.width, picture.height);
        let (columns, rows) = (width as usize, height as usize);
        let is_like_own = (self.pdq.hash_rgb(columns, rows, &picture.rgb))
            .is_ok_and(|hashed| collected.is_like_own(&hashed.hash));
        if is_like_own {
            return;
        }
        let form = Variant {
            embedded: true,
            ..Variant::ORIGINAL
        };
        let Ok(stored) = self.form((width, height, &picture.rgb), form, collected) else {
            return;
        };
        if collected.variants.displayed
            && let Some((width, height, rgb)) = picture.displayed()
        {
            let displayed = Variant {
                transform: Transform::Displayed,
                ..form
            };
            // It has been hashed as stored: so it can be.
            let _ = self.form((width, height, &rgb), displayed, collected);
        }
        let set = collected.variants.shapes();
        // Cameras put bars around it where its shape is another.
        let shapes = VariantSet {
            dihedral: set.dihedral,
            trim: set.trim,
            ..VariantSet::NONE
        };
        if let Some(stored) = stored.filter(|_| shapes.any()) {
            let small = picture.thumbnail(Luma::WANTED);
            let luma = small.as_ref().and_then(Luma::new);
            let luma = luma.filter(|_| collected.is_to_be_guessed(&stored.hash));
            let orientation = picture.orientation;
            self.guesses(luma, orientation, &stored, (form, shapes), collected);
        }
    }

    /// Further pictures behind the one that viewers show, and what else is there. One that cannot be judged is not
    /// read, and so is every one where only first frames are asked about.
    fn appended(&mut self, bytes: &[u8], how: &Extract<'_>, collected: &mut Collected<'_>) {
        if collected.is_enough || bytes.len() as u64 > how.limits.max_file_bytes {
            return;
        }
        let found = media::appended(bytes);
        let others = found.others.into_iter();
        let others = others.map(|(what, bytes)| Unread { what, bytes });
        collected.extraction.unread.extend(others);
        let mut left = how.limits.max_total_pixels;
        for part in found.pictures {
            let limits = Limits {
                max_pixels: how.limits.max_pixels.min(left),
                max_total_pixels: left,
                ..how.limits.clone()
            };
            let how = Extract {
                limits: &limits,
                ..*how
            };
            let before = collected.begin_part();
            let reason = match how.variants.frames {
                true => (self.picture_of(part, &how, collected)).map(|problem| problem.message),
                false => Some("only first pictures were asked about".to_owned()),
            };
            left = left.saturating_sub(collected.pixels_since(&before));
            // Gain maps are mostly flat: that nothing can be told by them must not hold the upload back.
            let is_plain = collected.is_plain_since(&before);
            let reason = reason.or_else(|| is_plain.then(|| "too little in it".to_owned()));
            if let Some(reason) = reason {
                if is_plain {
                    collected.forget_since(&before);
                }
                let format = media::sniff(part).map_or("picture", media::Format::name);
                collected.extraction.unread.push(Unread {
                    what: format!("a further picture, {format}: {reason}"),
                    bytes: part.len() as u64,
                });
            }
        }
        collected.first_frame = 0;
    }

    fn form(
        &mut self,
        (width, height, rgb): (u32, u32, &[u8]),
        variant: Variant,
        collected: &mut Collected<'_>,
    ) -> Result<Option<PdqHashed>, Problem> {
        let shape = |error: ShapeError| {
            Problem::new(
                Outcome::Undecodable,
                ProblemKind::Damaged,
                error.to_string(),
            )
        };
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

/// Hashing panicked.
fn defect() -> Problem {
    let message = "hashing failed unexpectedly (a defect of this program; please report it)";
    Problem::new(
        Outcome::Undecodable,
        ProblemKind::Defect,
        message.to_owned(),
    )
}

/// Puts digests before the picture's hashes, which are asked about after them, and all signals in the order in which
/// they are wanted.
fn put_digests(extraction: &mut Extraction, digests: Vec<Signal>, wanted: &[SignalType]) {
    extraction.signals.extend(digests.iter().copied());
    let mut queries: Vec<Query> = Vec::with_capacity(digests.len());
    for digest in digests {
        if queries.iter().all(|query| query.signal != digest) {
            queries.push(Query::of(digest, None));
        }
    }
    extraction.queries.splice(0..0, queries);
    let place = |signal: &Signal| wanted.iter().position(|&kind| kind == signal.signal_type());
    extraction.signals.sort_by_key(place);
}

/// What another process sees of an upload.
#[cfg(all(feature = "isolated", target_os = "linux"))]
fn look_apart(bytes: &[u8], how: &Extract<'_>) -> Result<Sight, MediaError> {
    use crate::gate::look::apart::{Asked, look};
    let wanted = how.wanted.iter().copied();
    let asked = Asked {
        wanted: wanted
            .filter(|kind| kind.family() != Family::Digest)
            .collect(),
        variants: how.variants,
        limits: how.limits.clone(),
        fast: how.fast,
    };
    look(bytes, &asked)
}

/// There is none.
#[cfg(not(all(feature = "isolated", target_os = "linux")))]
fn look_apart(_: &[u8], _: &Extract<'_>) -> Result<Sight, MediaError> {
    Err(MediaError::Unsupported {
        what: "any file (it was to be looked at in isolation, and this program has none)"
            .to_owned(),
    })
}

/// What a JPEG's coefficients tell.
struct FromCoefficients {
    pixels: u64,
    stored: PdqHashed,
    displayed: Option<PdqHashed>,
    thumbnail: Option<Thumbnail>,
    orientation: Orientation,
}
