//! A list of strangers' hashes: crops of real pictures, laid down in all eight ways.
//!
//! Owns which crops there are. They are hashed by the crate's own forms.

use super::plan::StrangersPlan;
use crate::evaluate::corpus::{self, Original};
use crate::evaluate::error::EvaluateError;
use crate::evaluate::plan::Watch;
use crate::evaluate::random::Random;
use crate::hash::{PdqHash, Quality, Sides};
use crate::signal::thumbnail::Thumbnail;
use crate::signal::variants::{Luma, VariantMaker};
use rayon::prelude::*;

/// Ways to lay a crop down.
const WAYS: usize = 8;
/// Crops in a row for which no hash has the quality: then the picture gives no more.
const FRUITLESS: usize = 64;

/// Hashes in the order of the list: the first crops of all pictures, then the second ones.
pub(super) struct List {
    pub(super) entries: Vec<Entry>,
}

/// One hash of the list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) hash: PdqHash,
    /// The number of its picture in the corpus.
    pub(super) picture: u32,
    pub(super) quality: Quality,
}

/// Makes at least so many hashes, where the pictures give them.
pub(super) fn make(
    plan: &StrangersPlan,
    originals: &[Original],
    listed: &[u32],
    size: u64,
    watch: &Watch<'_>,
) -> Result<List, EvaluateError> {
    let of_each = (size as usize).div_ceil(listed.len() * WAYS) * WAYS;
    let made: Result<Vec<Vec<(PdqHash, Quality)>>, EvaluateError> = listed
        .par_iter()
        .map_init(VariantMaker::default, |maker, &picture| {
            watch.check()?;
            of_picture(plan, originals, picture, of_each, maker)
        })
        .collect();
    let made = made?;
    let longest = made.iter().map(Vec::len).max().unwrap_or(0);
    let mut entries = Vec::with_capacity(made.iter().map(Vec::len).sum());
    for crop in 0..longest.div_ceil(WAYS) {
        for (hashes, &picture) in made.iter().zip(listed) {
            let of_crop = hashes.chunks(WAYS).nth(crop).unwrap_or_default();
            entries.extend(of_crop.iter().map(|&(hash, quality)| Entry {
                hash,
                picture,
                quality,
            }));
        }
    }
    Ok(List { entries })
}

fn of_picture(
    plan: &StrangersPlan,
    originals: &[Original],
    picture: u32,
    of_each: usize,
    maker: &mut VariantMaker,
) -> Result<Vec<(PdqHash, Quality)>, EvaluateError> {
    let Some(original) = originals.get(picture as usize) else {
        return Ok(Vec::new());
    };
    let (bytes, pixels) = corpus::pixels(original, &plan.plan)?;
    let (width, height) = pixels.dimensions();
    let small = Thumbnail::of_rgb(
        width as usize,
        height as usize,
        pixels.as_raw(),
        Luma::WANTED,
    );
    let luma = small.ok().as_ref().and_then(Luma::new);
    let Some(luma) = luma else {
        return Ok(Vec::new());
    };
    let mut random = super::super::derive::stream(plan.plan.seed, &bytes, "strangers");
    let mut hashes: Vec<(PdqHash, Quality)> = Vec::with_capacity(of_each);
    let mut fruitless = 0;
    let mut is_first = true;
    while hashes.len() < of_each && fruitless < FRUITLESS {
        let left_out = match std::mem::take(&mut is_first) {
            true => Sides::NONE,
            false => crop(&mut random),
        };
        let before = hashes.len();
        maker.make_part(&luma, left_out, &mut |made| {
            let quality = made.quality.unwrap_or(original.quality);
            if quality >= plan.plan.policy.min_quality && hashes.len() < of_each {
                hashes.push((made.hash, quality));
            }
        });
        match hashes.len() == before {
            true => fruitless += 1,
            false => fruitless = 0,
        }
    }
    Ok(hashes)
}

/// What a crop leaves out: at least a quarter of each side is left, anywhere.
fn crop(random: &mut Random) -> Sides {
    let mut along = || {
        let out = random.below(750) as u16;
        let start = random.below(u64::from(out) + 1) as u16;
        (start, out - start)
    };
    let ((left, right), (top, bottom)) = (along(), along());
    Sides {
        left,
        top,
        right,
        bottom,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crops_leave_a_quarter_of_each_side_and_differ() {
        let mut random = Random::new(1, 2);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..1_000 {
            let Sides {
                left,
                top,
                right,
                bottom,
            } = crop(&mut random);
            assert!(left + right < 750 && top + bottom < 750);
            seen.insert((left, top, right, bottom));
        }
        assert!(seen.len() > 950, "{}", seen.len());
    }
}
