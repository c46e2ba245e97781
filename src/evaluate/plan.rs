//! What an evaluation does, and who watches it.

use super::error::EvaluateError;
use super::modifications::Modifications;
use crate::bank::Policy;
use crate::gate::{Mode, VariantSet};
use crate::hash::{PdqHash, SignalType};
use crate::media::Limits;
use std::sync::atomic::{AtomicBool, Ordering};

/// What an evaluation does.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What every copy is drawn by.
    pub seed: u64,
    /// What is done to the pictures.
    pub modifications: Modifications,
    /// The sets of variants to ask by, with their names.
    pub variants: Vec<(String, VariantSet)>,
    /// The perceptual hashes to evaluate.
    pub signals: Vec<SignalType>,
    /// The policy to judge by: thresholds and least quality.
    pub policy: Policy,
    /// How JPEGs are hashed.
    pub mode: Mode,
    /// Bounds on what reading a picture may cost.
    pub limits: Limits,
    /// Pictures whose longer side exceeds this, in pixels, are reduced to it before they are
    /// modified; 0 for never. The hash in the bank is that of the whole picture.
    pub working_side: u32,
    /// Entries whose PDQ hashes lie within so many bits of an original's, as stored or laid down in
    /// one of the seven other ways, are the same picture: a flag on them is not wrong.
    pub same_within: u16,
    /// Pairs that a person looked at: what the rule above does not see.
    pub looked_at: Vec<LookedAt>,
    /// Whether entries reach only as far as the benign list lets them, as after `calibrate --apply`.
    pub calibrated: bool,
    /// Worker threads.
    pub jobs: usize,
}

/// Who watches an evaluation: may stop it, and is told how far it has come.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Becomes true when it is to stop.
    pub stop: &'a AtomicBool,
    /// Is told how many copies of how many are done, from any thread.
    pub progress: &'a (dyn Fn(u64, u64) + Sync),
}

impl Watch<'_> {
    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(super) fn check(&self) -> Result<(), EvaluateError> {
        match self.stopped() {
            true => Err(EvaluateError::Stopped),
            false => Ok(()),
        }
    }
}

/// A pair of pictures that a person looked at, by their PDQ hashes as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookedAt {
    /// The picture of the corpus.
    pub picture: PdqHash,
    /// The entry of the benign list.
    pub entry: PdqHash,
    /// Whether they show the same picture, or one of them a part of the other: then a flag on the
    /// entry is right. If not, it is wrong, however near the two are.
    pub same: bool,
}
