//! The pictures that copies are made of, the benign hashes, and which of them are the same picture.

use super::error::EvaluateError;
use super::plan::{LookedAt, Plan, Watch};
use crate::gate::{Extractor, VariantSet, read_file};
use crate::hamming;
use crate::hash::{PdqHash, Quality, Signal, SignalType};
use crate::hashset::BenignEntry;
use crate::media;
use crate::signal::PdqHasher;
use image::RgbImage;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::PathBuf;

/// A picture with a shorter side than this, in pixels, is no original: PDQ works on 64 × 64 samples.
const LEAST_SIDE: u32 = 64;

/// A file of the corpus: where it is, and what reports call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorpusFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its name in reports: the path below the corpus.
    pub name: String,
}

/// A picture that can be evaluated.
#[derive(Debug, Clone)]
pub(super) struct Original {
    pub(super) file: CorpusFile,
    pub(super) digest: [u8; 32],
    /// One hash of each type that is evaluated.
    pub(super) signals: Vec<Signal>,
    pub(super) pdq: PdqHash,
    /// The hashes of the picture laid down in all eight ways.
    pub(super) turned: [PdqHash; 8],
    pub(super) quality: Quality,
}

/// A file that was not evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The file, below the corpus.
    pub file: String,
    /// Why.
    pub reason: String,
}

/// Which entries are the same picture as an original, sorted: places in the lists.
#[derive(Debug, Clone, Default)]
pub(super) struct Same {
    pub(super) corpus: Vec<u32>,
    pub(super) benign: Vec<u32>,
    /// Those of the benign list that only a person saw to be the same.
    pub(super) by_eye: Vec<u32>,
}

impl Same {
    /// Whether a flag on an entry of the benign list is right.
    pub(super) fn has_benign(&self, entry: u32) -> bool {
        self.benign.binary_search(&entry).is_ok() || self.is_by_eye(entry)
    }

    /// Whether only a person saw that the entry is the same picture.
    pub(super) fn is_by_eye(&self, entry: u32) -> bool {
        self.by_eye.binary_search(&entry).is_ok()
    }
}

/// Hashes all files; those that cannot be evaluated come with the reason.
pub(super) fn load(
    files: &[CorpusFile],
    plan: &Plan,
    watch: &Watch<'_>,
) -> Result<(Vec<Original>, Vec<LeftOut>), EvaluateError> {
    let loaded: Vec<_> = files
        .par_iter()
        .map_init(Extractor::default, |extractor, file| {
            if watch.stopped() {
                return Err("stopped".to_owned());
            }
            original(extractor, file, plan)
        })
        .collect();
    watch.check()?;
    let (mut originals, mut left_out) = (Vec::new(), Vec::new());
    for (file, result) in files.iter().zip(loaded) {
        match result {
            Ok(original) => originals.push(original),
            Err(reason) => left_out.push(LeftOut {
                file: file.name.clone(),
                reason,
            }),
        }
    }
    if originals.is_empty() {
        let first = left_out.first();
        return Err(EvaluateError::NoPictures {
            given: files.len(),
            first: first.map_or_else(String::new, |one| format!("{}: {}", one.file, one.reason)),
        });
    }
    Ok((originals, left_out))
}

fn original(extractor: &mut Extractor, file: &CorpusFile, plan: &Plan) -> Result<Original, String> {
    let mut bytes = Vec::new();
    read_file(&file.path, plan.limits.max_file_bytes, &mut bytes)
        .map_err(|problem| problem.message)?;
    let mut wanted = vec![SignalType::Pdq];
    wanted.extend(plan.signals.iter().filter(|kind| **kind != SignalType::Pdq));
    let extraction = extractor.extract(&bytes, &wanted, VariantSet::NONE, &plan.limits);
    if let Some(problem) = extraction.problem {
        return Err(problem.message);
    }
    let picture = media::decode(&bytes, &plan.limits).map_err(|error| error.to_string())?;
    if picture.width.min(picture.height) < LEAST_SIDE {
        return Err(format!(
            "its shorter side has {} pixels, fewer than {LEAST_SIDE}",
            picture.width.min(picture.height)
        ));
    }
    let pdq = extraction.signals.iter().find_map(Signal::as_pdq);
    let (Some(pdq), Some(quality)) = (pdq, extraction.quality) else {
        return Err("it has no PDQ hash".to_owned());
    };
    if quality < plan.policy.min_quality {
        return Err(format!(
            "its PDQ quality is {}, below {}: no bank would match it",
            quality.get(),
            plan.policy.min_quality.get()
        ));
    }
    let (columns, rows) = (picture.width as usize, picture.height as usize);
    let hashed = PdqHasher::default().hash_rgb(columns, rows, &picture.rgb);
    let turned = hashed.map_err(|error| error.to_string())?.dihedral();
    let evaluated = |signal: &Signal| plan.signals.contains(&signal.signal_type());
    Ok(Original {
        file: file.clone(),
        digest: Sha256::digest(&bytes).into(),
        signals: extraction.signals.into_iter().filter(evaluated).collect(),
        pdq,
        turned: turned.map(|(_, hash)| hash),
        quality,
    })
}

/// The bytes and the pixels of an original, no larger than the plan says.
pub(super) fn pixels(
    original: &Original,
    plan: &Plan,
) -> Result<(Vec<u8>, RgbImage), EvaluateError> {
    let path = &original.file.path;
    let changed = || EvaluateError::Changed { path: path.clone() };
    let mut bytes = Vec::new();
    read_file(path, plan.limits.max_file_bytes, &mut bytes).map_err(|_| changed())?;
    let digest: [u8; 32] = Sha256::digest(&bytes).into();
    if digest != original.digest {
        return Err(changed());
    }
    let picture = media::decode(&bytes, &plan.limits).map_err(|_| changed())?;
    let (width, height) = (picture.width, picture.height);
    let pixels = RgbImage::from_raw(width, height, picture.rgb).ok_or_else(changed)?;
    let longest = width.max(height);
    if plan.working_side == 0 || longest <= plan.working_side {
        return Ok((bytes, pixels));
    }
    let share = f64::from(plan.working_side) / f64::from(longest);
    let side = |length: u32| (f64::from(length) * share).round() as u32;
    Ok((
        bytes,
        super::geometry::resize(&pixels, side(width), side(height)),
    ))
}

/// For each original, the entries that are the same picture: those whose hashes lie within
/// `within` bits of that of the original, or of the original turned or mirrored; and those that a
/// person saw to be the same.
pub(super) fn same(
    originals: &[Original],
    benign: &[BenignEntry],
    looked_at: &[LookedAt],
    within: u16,
) -> Vec<Same> {
    let near = |original: &Original, hash: &PdqHash| apart(original, hash) <= within;
    let seen: HashMap<(PdqHash, PdqHash), bool> = looked_at
        .iter()
        .map(|pair| ((pair.picture, pair.entry), pair.same))
        .collect();
    originals
        .par_iter()
        .map(|original| {
            let benign = || (0..).zip(benign);
            let saw = |entry: &BenignEntry| seen.get(&(original.pdq, entry.hash)).copied();
            let is_near = |entry: &BenignEntry| near(original, &entry.hash);
            let is_seen = |entry: &BenignEntry| saw(entry) == Some(true);
            Same {
                corpus: (0..)
                    .zip(originals)
                    .filter_map(|(place, other)| near(original, &other.pdq).then_some(place))
                    .collect(),
                benign: benign()
                    .filter(|(_, entry)| is_near(entry) && saw(entry) != Some(false))
                    .map(|(place, _)| place)
                    .collect(),
                by_eye: benign()
                    .filter(|(_, entry)| is_seen(entry) && !is_near(entry))
                    .map(|(place, _)| place)
                    .collect(),
            }
        })
        .collect()
}

/// How far a hash is from an original, laid down in the way that brings it nearest.
pub(super) fn apart(original: &Original, hash: &PdqHash) -> u16 {
    let turned = original.turned.iter();
    let distances = turned.map(|form| hamming::distance_pdq(form, hash).0);
    distances.fold(hamming::distance_pdq(&original.pdq, hash).0, u16::min)
}
