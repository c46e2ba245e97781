//! Wrong flags at the size of real lists: hashes of real strangers by the million, and uploads of other pictures.
//!
//! A list that is drawn at random has no dialogs, no discs and no star charts in it, and flatters a matcher. So the list
//! here is made of pictures: crops of each, anywhere and of any size, laid down in all eight ways (`list.rs`). Pictures of
//! the test split, and changed copies of them, are asked about (`ask.rs`). Whatever flags them is wrong. Refused: to judge
//! whether two pictures are the same: that is said by distance, and by people.

mod ask;
mod list;
mod plan;

pub use ask::{How, WrongCount, WrongPair};
pub use plan::StrangersPlan;

use super::corpus::{self, CorpusFile};
use super::derive::split_of_corpus;
use super::error::EvaluateError;
use super::plan::Watch;
use crate::rules::Rules;
use serde::Serialize;

/// What came of it.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Strangers {
    /// The rules of evidence that decided.
    pub rules: Rules,
    /// What lists and copies were drawn by.
    pub seed: u64,
    /// SHA-256 of the digests of all pictures' files, in their order.
    pub corpus_sha256: String,
    /// Pictures whose crops the lists hold: of train and tune.
    pub listed: u64,
    /// Pictures that were asked about: of test.
    pub uploads: u64,
    /// Copies of each that were asked about, itself among them.
    pub copies: u64,
    /// Wrong flags, by the size of the list and the set of variants.
    pub counts: Vec<WrongCount>,
    /// Pairs of pictures that were flagged, those flagged most often first; at most 1,000.
    pub pairs: Vec<WrongPair>,
}

/// Makes the lists, asks about every upload, and counts.
///
/// The same pictures and seed give the same counts, whatever the number of threads. An index of ten million hashes takes
/// 1.3 GB, twice that while it is built.
///
/// # Errors
/// [`EvaluateError`]; [`EvaluateError::NoPictures`] where one of the splits is empty.
pub fn strangers(
    plan: &StrangersPlan,
    files: &[CorpusFile],
    watch: Watch<'_>,
) -> Result<Strangers, EvaluateError> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(plan.plan.jobs)
        .build()?;
    pool.install(|| {
        let (originals, _) = corpus::load(files, &plan.plan, &watch)?;
        let (uploads, listed, digest) = split_of_corpus(&originals, &plan.plan);
        let uploads = ask::sample(uploads, plan.uploads);
        if uploads.is_empty() || listed.is_empty() {
            return Err(EvaluateError::NoPictures {
                given: originals.len(),
                first: format!(
                    "{} of them may be listed and {} may be asked about: give more pictures",
                    listed.len(),
                    uploads.len()
                ),
            });
        }
        let largest = plan.sizes.iter().copied().max().unwrap_or(0);
        let list = list::make(
            plan,
            &originals,
            &listed,
            largest.min(StrangersPlan::MOST),
            &watch,
        )?;
        let gates = ask::gates(plan, &list)?;
        let (counts, pairs) = ask::all(plan, &originals, &uploads, (&list, &gates), &watch)?;
        Ok(Strangers {
            rules: Rules::IN_FORCE,
            seed: plan.plan.seed,
            corpus_sha256: digest,
            listed: listed.len() as u64,
            uploads: uploads.len() as u64,
            copies: 1 + plan.plan.modifications.len() as u64,
            counts,
            pairs,
        })
    })
}
