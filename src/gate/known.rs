//! A picture that is known: its hashes as a bank keeps them.
//!
//! Plain PDQ forgives re-encoding and resizing of most pictures, not of all: of 306 real ones, 11
//! lie more than 31 bits away from their own half-size or JPEG-quality-50 copy (text pages,
//! screenshots, smooth backgrounds). Where the original is at hand, such copies can be made
//! beforehand: their hashes are kept beside the original's wherever they tell something new.

use crate::bank::ContentSignal;
use crate::gate::{Extraction, Extractor, Outcome, Problem, VariantSet};
use crate::hamming;
use crate::hash::{Distance, PdqHash, Quality, SignalType, Variant};
use crate::media::{self, Limits};
use crate::signal::pdq::PdqHasher;
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};
use std::panic::{AssertUnwindSafe, catch_unwind};

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

/// The hashes of a known picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// `pdq`, `md5`, `sha1` and `sha256` of the picture as stored, then the PDQ hashes of its forms.
    pub signals: Vec<ContentSignal>,
    /// The names of those forms, in the same order: a [`Variant`], `half_size`, `jpeg_50`.
    pub forms: Vec<String>,
    /// PDQ quality of the picture as stored.
    pub quality: Option<Quality>,
}

impl Extractor {
    /// Hashes a picture for keeping in a bank: exactly, as stored, over white, first frame. With
    /// `forms` the PDQ hashes of other forms of that frame are kept too, where they are more than
    /// 8 bits away from those that are kept already: turned as its EXIF orientation says, over
    /// black, at half its size, at JPEG quality 50. Further frames of an animation are not kept:
    /// a title or an empty frame is in many harmless ones.
    ///
    /// # Errors
    /// Where it cannot be hashed: the outcome that it would have as an upload.
    pub fn extract_known(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
        forms: bool,
    ) -> Result<Known, Problem> {
        let shown = VariantSet {
            displayed: forms,
            over_black: forms,
            ..VariantSet::NONE
        };
        let Extraction {
            signals,
            quality,
            queries,
            problem,
            ..
        } = self.extract(bytes, &SIGNALS, shown, limits);
        if let Some(problem) = problem {
            return Err(problem);
        }
        let of = |kind| (kind == SignalType::Pdq).then_some(quality).flatten();
        let mut known = Known {
            signals: signals
                .iter()
                .map(|&signal| ContentSignal {
                    signal,
                    quality: of(signal.signal_type()),
                })
                .collect(),
            forms: Vec::new(),
            quality,
        };
        for query in &queries {
            let tells_enough = query.quality >= Some(Quality::DEFAULT_MINIMUM);
            if let Some(hash) = query.signal.as_pdq()
                && let Some(quality) = query.quality
                && tells_enough
                && query.variant != Variant::ORIGINAL
            {
                known.keep(query.variant.to_string(), hash, quality);
            }
        }
        let tells_enough = quality.is_some_and(|quality| quality >= Quality::DEFAULT_MINIMUM);
        if forms && tells_enough {
            let made = catch_unwind(AssertUnwindSafe(|| make_forms(bytes, limits)));
            let made = made.unwrap_or_else(|_| {
                let error = "making its forms failed unexpectedly (a defect of this program)";
                Err(Problem::new(Outcome::Undecodable, error.to_owned()))
            })?;
            for (name, hash, quality) in made {
                known.keep(name.to_owned(), hash, quality);
            }
        }
        Ok(known)
    }
}

impl Known {
    fn keep(&mut self, name: String, hash: PdqHash, quality: Quality) {
        let mut kept = self.signals.iter().filter_map(|held| held.signal.as_pdq());
        if kept.all(|held| hamming::distance_pdq(&held, &hash) > SAME_WITHIN) {
            self.forms.push(name);
            self.signals.push(ContentSignal {
                signal: hash.into(),
                quality: Some(quality),
            });
        }
    }
}

type Form = (&'static str, PdqHash, Quality);

fn make_forms(bytes: &[u8], limits: &Limits) -> Result<Vec<Form>, Problem> {
    let picture = media::decode(bytes, limits)?;
    let (width, height) = (picture.width, picture.height);
    let mut hasher = PdqHasher::default();
    let mut forms = Vec::new();
    let mut hash = |name, width: u32, height: u32, rgb: &[u8]| {
        let hashed = hasher.hash_rgb(width as usize, height as usize, rgb);
        forms.extend(hashed.ok().map(|form| (name, form.hash, form.quality)));
    };
    if width.min(height) >= LEAST_SIDE_TO_HALVE {
        let (columns, rows) = (width / 2, height / 2);
        let half = halve(
            width as usize,
            columns as usize,
            rows as usize,
            &picture.rgb,
        );
        hash("half_size", columns, rows, &half);
    }
    if let Some(again) = recompressed(width, height, &picture.rgb, limits) {
        hash("jpeg_50", width, height, &again);
    }
    Ok(forms)
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
    fn halving_takes_the_mean_of_four_and_drops_odd_edges() {
        let rgb = [
            0, 10, 255, 4, 20, 255, 9, 9, 9, //
            0, 30, 255, 4, 40, 255, 9, 9, 9, //
            7, 7, 7, 7, 7, 7, 7, 7, 7,
        ];
        assert_eq!(halve(3, 1, 1, &rgb), [2, 25, 255]);
    }
}
