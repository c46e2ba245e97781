//! Limits derived again: pictures in, rows of scores, the limits that follow from them, held against the table.
//!
//! Owned here: which pictures may choose a limit (`split.rs`), copies made in other ways than the harness makes them
//! (`changes.rs`), the rows (`rows.rs`), the criterion and what follows from it (`fit.rs`). How it is written is
//! `output`'s. Refused: to change the table. A person does that, and says why.

mod changes;
mod fit;
mod plan;
mod rows;
mod split;

pub(super) use changes::stream;
pub use fit::{DerivedLimit, Held, MARGIN_BITS, MARGIN_SCORE, Verdict};
pub use plan::{DerivePlan, MadeElsewhere};
pub use rows::{Kind, ScoreRow};
pub use split::{Listed, Manifest, ManifestError, Split};

use super::corpus::{self, CorpusFile, LeftOut, Original};
use super::error::EvaluateError;
use super::plan::{Plan, Watch};
use crate::rules::{Rules, Table};
use serde::Serialize;

/// The numbers of the pictures of test, those of train and tune, and which pictures they are all together.
pub(super) fn split_of_corpus(originals: &[Original], plan: &Plan) -> (Vec<u32>, Vec<u32>, String) {
    let splits = split::of(originals, plan).splits;
    let (test, others) = (0u32..)
        .zip(splits)
        .partition::<Vec<_>, _>(|(_, split)| *split == Split::Test);
    let numbers = |of: Vec<(u32, Split)>| of.into_iter().map(|(number, _)| number).collect();
    (numbers(test), numbers(others), split::digest_of(originals))
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Derived {
    /// The rules that the limits were held against.
    pub rules: Rules,
    /// What everything was drawn by.
    pub seed: u64,
    /// Pictures by split: train, tune, test.
    pub pictures: [u64; 3],
    /// SHA-256 of the digests of all pictures' files, in their order: which pictures they were.
    pub corpus_sha256: String,
    /// Copies that were asked about.
    pub copies: u64,
    /// Files that are not used, and why.
    pub left_out: Vec<LeftOut>,
    /// The limits.
    pub limits: Vec<DerivedLimit>,
    /// Every row.
    #[serde(skip)]
    pub rows: Vec<ScoreRow>,
    /// The pictures' names, by the numbers of the rows.
    #[serde(skip)]
    pub names: Vec<String>,
}

impl Derived {
    /// The limits that are looser in the table than the data allow.
    pub fn looser(&self) -> impl Iterator<Item = &DerivedLimit> {
        let limits = self.limits.iter();
        limits.filter(|limit| limit.verdict == Verdict::Looser)
    }
}

/// Makes rows of scores and derives the limits from them.
///
/// Every picture, as it is and as changed copies, is asked about in an index of all pictures. A row says how alike a
/// query and an entry are. Whatever `jobs` is, the same pictures and seed give the same rows and limits.
///
/// # Errors
/// [`EvaluateError`].
pub fn derive(
    plan: &DerivePlan,
    files: &[CorpusFile],
    table: &Table,
    watch: Watch<'_>,
) -> Result<Derived, EvaluateError> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(plan.plan.jobs)
        .build()?;
    pool.install(|| {
        let held = Held::of(table)?;
        let (originals, left_out) = corpus::load(files, &plan.plan, &watch)?;
        let splits = split::of(&originals, &plan.plan);
        let (rows, copies) = rows::make(plan, &originals, &splits, &watch)?;
        let names: Vec<String> = originals.iter().map(|one| one.file.name.clone()).collect();
        let count = |split| splits.splits.iter().filter(|one| **one == split).count() as u64;
        Ok(Derived {
            rules: Rules::IN_FORCE,
            seed: plan.plan.seed,
            pictures: [Split::Train, Split::Tune, Split::Test].map(count),
            corpus_sha256: split::digest_of(&originals),
            copies,
            left_out,
            limits: fit::derive(&rows, &held, &names),
            rows,
            names,
        })
    })
}
