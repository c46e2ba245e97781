//! What limits are derived from: a plan.

use super::changes::CHANGES;
use crate::evaluate::plan::Plan;
use std::path::PathBuf;

/// What is derived from.
#[derive(Debug, Clone)]
pub struct DerivePlan {
    /// How pictures are read and copies drawn: its seed, its limits, its policy's least quality, its working side, how
    /// near the same pictures lie, what people looked at, and how many threads there are.
    pub plan: Plan,
    /// Copies that are made of each picture here, evenly spread over the changes; most are [`DerivePlan::changes`].
    pub copies: usize,
    /// Copies that another program made: for each its file, and the name of the picture in the corpus.
    pub made_elsewhere: Vec<MadeElsewhere>,
}

/// A changed copy that another program made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeElsewhere {
    /// Where it is.
    pub path: PathBuf,
    /// The name of its picture in the corpus.
    pub of: String,
    /// What was done.
    pub change: String,
}

impl DerivePlan {
    /// How many changes there are.
    #[must_use]
    pub fn changes() -> usize {
        CHANGES.len()
    }
}
