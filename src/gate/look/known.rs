//! A picture that is known: its hashes as a bank keeps them.
//!
//! Plain PDQ forgives re-encoding and resizing of most pictures, not of all: of 306 real ones, 11
//! lie more than 31 bits away from their own half-size or JPEG-quality-50 copy (text pages,
//! screenshots, smooth backgrounds). Where the original is at hand, such copies can be made
//! beforehand: their hashes are kept beside the original's wherever they tell something new.
//! What a hard crop leaves can be hashed only where all of the original is at hand, so that is
//! kept too where it is asked for.

use crate::bank::ContentSignal;
use crate::gate::{Extraction, Extractor, Outcome, Problem, ProblemKind, VariantSet};
use crate::guard::catch_unwind;
use crate::hamming;
use crate::hash::{Distance, Form, PdqHash, Quality, SignalType, Variant};
use crate::media::{self, Limits};
use crate::signal::pdq::PdqHasher;
use crate::signal::variants::{Luma, Made, VariantMaker};
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::str::FromStr;

/// What a picture's entry is known by: its pixels, and its bytes.
const SIGNALS: [SignalType; 4] = [
    SignalType::Pdq,
    SignalType::Md5,
    SignalType::Sha1,
    SignalType::Sha256,
];
/// A form within so many bits of one that is kept tells nothing new.
const SAME_WITHIN: Distance = Distance(8);
/// The quality that upload services commonly re-encode at, at the lower end.
const JPEG_QUALITY: u8 = 50;
/// A shorter side than this is not halved: PDQ works on 64×64 samples.
const LEAST_SIDE_TO_HALVE: u32 = 128;

/// Which forms of a known picture are kept beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forms {
    /// As it is displayed: turned as its EXIF orientation says, in the colours of its profile or gamma.
    pub displayed: bool,
    /// Transparent parts laid over black, and as if nothing were transparent.
    pub over_black: bool,
    /// At half its size, and at JPEG quality 50.
    pub copies: bool,
    /// The seven other ways to lay it down.
    pub dihedral: bool,
    /// What crops of a tenth to a half leave of it: in the middle, at the corners, at the sides.
    pub crops: bool,
    /// Every picture of the file: frames, pages, items, and what is behind the first picture.
    pub frames: bool,
}

/// A text that names no forms.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} names no forms; give none, standard, all, or a list of displayed, over_black, copies, \
     dihedral, crops and frames joined by commas"
)]
pub struct FormsError {
    /// What was given.
    pub given: String,
}

impl Forms {
    /// The picture as stored only.
    pub const NONE: Self = Self {
        displayed: false,
        over_black: false,
        copies: false,
        dihedral: false,
        crops: false,
        frames: false,
    };
    /// What one file may be seen or sent on as: the default.
    pub const STANDARD: Self = Self {
        displayed: true,
        over_black: true,
        copies: true,
        ..Self::NONE
    };
    /// All of them.
    pub const ALL: Self = Self {
        dihedral: true,
        crops: true,
        frames: true,
        ..Self::STANDARD
    };
}

impl Default for Forms {
    fn default() -> Self {
        Self::STANDARD
    }
}

impl FromStr for Forms {
    type Err = FormsError;
    fn from_str(text: &str) -> Result<Self, FormsError> {
        let mut forms = Self::NONE;
        match text {
            "none" => return Ok(forms),
            "standard" => return Ok(Self::STANDARD),
            "all" => return Ok(Self::ALL),
            _ => {}
        }
        for name in text.split(',') {
            match name.trim() {
                "displayed" => forms.displayed = true,
                "over_black" => forms.over_black = true,
                "copies" => forms.copies = true,
                "dihedral" => forms.dihedral = true,
                "crops" => forms.crops = true,
                "frames" => forms.frames = true,
                _ => {
                    return Err(FormsError {
                        given: text.to_owned(),
                    });
                }
            }
        }
        Ok(forms)
    }
}

impl fmt::Display for Forms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = [
            ("displayed", self.displayed),
            ("over_black", self.over_black),
            ("copies", self.copies),
            ("dihedral", self.dihedral),
            ("crops", self.crops),
            ("frames", self.frames),
        ];
        let names: Vec<&str> = (named.iter())
            .filter_map(|&(name, is_kept)| is_kept.then_some(name))
            .collect();
        match *self {
            Self::NONE => f.write_str("none"),
            Self::STANDARD => f.write_str("standard"),
            Self::ALL => f.write_str("all"),
            _ => f.write_str(&names.join(",")),
        }
    }
}

/// The hashes of a known picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// `pdq`, `md5`, `sha1` and `sha256` of the picture as stored, then what else was asked for, then the
    /// PDQ hashes of its forms, each with what form that is.
    pub signals: Vec<ContentSignal>,
    /// PDQ quality of the picture as stored.
    pub quality: Option<Quality>,
    /// Whether the first of several pictures is left out, because it is plain: PDQ quality under 50, or a pattern.
    pub is_first_left_out: bool,
    /// Pictures of the file that are left out: beyond [`Known::MOST_FRAMES`], or not decoded.
    pub left_out: usize,
}

impl Extractor {
    /// Hashes a picture for keeping in a bank: exactly, as stored, over white, first frame. Of the forms that are
    /// asked for, the PDQ hashes of that frame are kept too where they are more than 8 bits away from those that
    /// are kept already, and have the usual quality.
    ///
    /// With [`Forms::frames`] so are those of the file's other pictures, the most distinct first, at most
    /// [`Known::MOST_FRAMES`] of them. A plain first picture is left out then: a blank or a title is in many harmless files.
    ///
    /// # Errors
    /// Where it cannot be hashed: the outcome that it would have as an upload.
    pub fn extract_known(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
        forms: Forms,
    ) -> Result<Known, Problem> {
        self.extract_known_with(bytes, limits, forms, &[])
    }

    /// As [`Extractor::extract_known`], with hashes of these types of the picture as stored besides.
    ///
    /// # Errors
    /// The same.
    pub fn extract_known_with(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
        forms: Forms,
        besides: &[SignalType],
    ) -> Result<Known, Problem> {
        let is_more = |kind: &SignalType| besides.contains(kind) && !SIGNALS.contains(kind);
        let mut wanted = SIGNALS.to_vec();
        wanted.extend(SignalType::ALL.into_iter().filter(is_more));
        let shown = VariantSet {
            displayed: forms.displayed,
            over_black: forms.over_black,
            alpha_ignored: forms.over_black,
            colour_managed: forms.displayed,
            frames: forms.frames,
            ..VariantSet::NONE
        };
        let Extraction {
            signals,
            quality,
            queries,
            problem,
            ..
        } = self.extract(bytes, &wanted, shown, limits);
        let has_first = signals
            .iter()
            .any(|one| one.signal_type() == SignalType::Pdq);
        let left_out = match problem {
            // What comes after the first picture refuses no file.
            Some(_) if forms.frames && has_first => 1,
            Some(problem) => return Err(problem),
            None => 0,
        };
        let of = |kind| (kind == SignalType::Pdq).then_some(quality).flatten();
        let mut known = Known {
            signals: signals
                .iter()
                .map(|&signal| ContentSignal::new(signal, of(signal.signal_type())))
                .collect(),
            quality,
            is_first_left_out: false,
            left_out,
        };
        let mut further = Vec::new();
        for query in &queries {
            let tells_enough = query.quality >= Some(Quality::DEFAULT_MINIMUM);
            if let Some(hash) = query.signal.as_pdq()
                && let Some(quality) = query.quality
                && tells_enough
                && query.variant != Variant::ORIGINAL
            {
                let form = Form::of(&query.variant);
                match query.variant.frame {
                    0 => known.keep(form, hash, quality),
                    _ => further.push((form, hash, quality)),
                }
            }
        }
        known.keep_most_distinct(further);
        let tells_enough = quality.is_some_and(|quality| quality >= Quality::DEFAULT_MINIMUM);
        if (forms.copies || forms.dihedral || forms.crops) && tells_enough {
            let made = catch_unwind(AssertUnwindSafe(|| make_forms(bytes, limits, forms)));
            let made = made.unwrap_or_else(|_| {
                let error = "making its forms failed unexpectedly (a defect of this program)";
                Err(Problem::new(
                    Outcome::Undecodable,
                    ProblemKind::Defect,
                    error.to_owned(),
                ))
            })?;
            for (form, hash, quality) in made {
                let quality = quality.or(known.quality).unwrap_or(Quality::MIN);
                if quality >= Quality::DEFAULT_MINIMUM {
                    known.keep(form, hash, quality);
                }
            }
        }
        Ok(known)
    }
}

impl Known {
    /// The most further pictures of one file whose hashes are kept.
    pub const MOST_FRAMES: usize = 64;

    /// The forms whose hashes are kept.
    pub fn forms(&self) -> impl Iterator<Item = Form> {
        self.signals.iter().filter_map(|held| held.form)
    }

    /// Keeps further pictures of the file, each time the one that is farthest from all that are kept.
    fn keep_most_distinct(&mut self, mut further: Vec<(Option<Form>, PdqHash, Quality)>) {
        let is_plain = self.signals.iter().find_map(|held| held.signal.as_pdq());
        let is_plain = is_plain.is_some_and(|hash| hash.is_patterned())
            || self.quality < Some(Quality::DEFAULT_MINIMUM);
        if is_plain && !further.is_empty() {
            let before = self.signals.len();
            self.signals.retain(|held| held.signal.as_pdq().is_none());
            self.is_first_left_out = self.signals.len() < before;
        }
        let held: Vec<PdqHash> = (self.signals.iter())
            .filter_map(|held| held.signal.as_pdq())
            .collect();
        let far = |hash: &PdqHash, from: &[PdqHash]| {
            let from = from.iter().map(|held| hamming::distance_pdq(held, hash));
            from.min().unwrap_or(Distance(u16::MAX))
        };
        let mut distances: Vec<Distance> = further.iter().map(|one| far(&one.1, &held)).collect();
        for _ in 0..Self::MOST_FRAMES {
            let farthest = distances.iter().copied().zip(0..).max_by_key(|&(far, at)| {
                // The first of equals.
                (far, std::cmp::Reverse(at))
            });
            let Some((_, at)) = farthest.filter(|&(far, _)| far > SAME_WITHIN) else {
                return;
            };
            let (form, hash, quality) = further.remove(at);
            distances.remove(at);
            self.keep(form, hash, quality);
            for (distance, one) in distances.iter_mut().zip(&further) {
                *distance = (*distance).min(hamming::distance_pdq(&one.1, &hash));
            }
        }
        self.left_out += distances.iter().filter(|&&far| far > SAME_WITHIN).count();
    }

    fn keep(&mut self, form: Option<Form>, hash: PdqHash, quality: Quality) {
        let mut kept = self.signals.iter().filter_map(|held| held.signal.as_pdq());
        if kept.all(|held| hamming::distance_pdq(&held, &hash) > SAME_WITHIN) {
            self.signals.push(ContentSignal {
                form,
                ..ContentSignal::new(hash.into(), Some(quality))
            });
        }
    }
}

/// What form it is, its hash, and its quality where that is not the picture's own.
type MadeForm = (Option<Form>, PdqHash, Option<Quality>);

fn make_forms(bytes: &[u8], limits: &Limits, forms: Forms) -> Result<Vec<MadeForm>, Problem> {
    let picture = media::decode(bytes, limits)?;
    let (width, height) = (picture.width, picture.height);
    let mut hasher = PdqHasher::default();
    let mut made = Vec::new();
    let mut hash = |form: Form, width: u32, height: u32, rgb: &[u8]| {
        let hashed = hasher.hash_rgb(width as usize, height as usize, rgb);
        made.extend(
            hashed
                .ok()
                .map(|made| (Some(form), made.hash, Some(made.quality))),
        );
    };
    if forms.copies && width.min(height) >= LEAST_SIDE_TO_HALVE {
        let (columns, rows) = (width / 2, height / 2);
        let half = halve(
            width as usize,
            columns as usize,
            rows as usize,
            &picture.rgb,
        );
        hash(Form::HALF_SIZE, columns, rows, &half);
    }
    if forms.copies
        && let Some(again) = recompressed(width, height, &picture.rgb, limits)
    {
        hash(Form::JPEG_50, width, height, &again);
    }
    let small = picture.thumbnail(Luma::WANTED);
    if let Some(luma) = small.as_ref().and_then(Luma::new) {
        let mut take = |form: Made| made.push((Form::of(&form.variant), form.hash, form.quality));
        VariantMaker::default().make_known(&luma, forms.dihedral, forms.crops, &mut take);
    }
    Ok(made)
}

/// The pixels after JPEG at that quality; `None` where JPEG cannot hold the picture.
fn recompressed(width: u32, height: u32, rgb: &[u8], limits: &Limits) -> Option<Vec<u8>> {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY)
        .write_image(rgb, width, height, ExtendedColorType::Rgb8)
        .ok()?;
    Some(media::decode(&jpeg, limits).ok()?.rgb)
}

/// Every second row and column gone: each pixel the mean of four. `columns` and `rows` are those
/// of the result, `width` that of the source.
fn halve(width: usize, columns: usize, rows: usize, rgb: &[u8]) -> Vec<u8> {
    let mut half = Vec::with_capacity(3 * columns * rows);
    for pair in rgb.chunks_exact(2 * 3 * width).take(rows) {
        let (upper, lower) = pair.split_at(3 * width);
        let blocks = upper.chunks_exact(6).zip(lower.chunks_exact(6));
        for (upper, lower) in blocks.take(columns) {
            for channel in 0..3 {
                let sum = [
                    upper[channel],
                    upper[channel + 3],
                    lower[channel],
                    lower[channel + 3],
                ]
                .iter()
                .map(|&value| u16::from(value))
                .sum::<u16>();
                half.push(((sum + 2) / 4) as u8);
            }
        }
    }
    half
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_as_they_are_written() {
        for forms in [Forms::NONE, Forms::STANDARD, Forms::ALL] {
            assert_eq!(forms.to_string().parse(), Ok(forms));
        }
        let list: Forms = "copies,crops".parse().unwrap();
        assert!(list.crops && list.copies && !list.dihedral);
        assert_eq!(list.to_string(), "copies,crops");
        assert!("crops,turned".parse::<Forms>().is_err());
    }

    #[test]
    fn halving_takes_the_mean_of_four_and_drops_odd_edges() {
        let rgb = [
            0, 10, 255, 4, 20, 255, 9, 9, 9, //
            0, 30, 255, 4, 40, 255, 9, 9, 9, //
            7, 7, 7, 7, 7, 7, 7, 7, 7,
        ];
        assert_eq!(halve(3, 1, 1, &rgb), [2, 25, 255]);
    }
}
