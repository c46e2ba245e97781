//! How far the entries of an evaluation may reach, by its own benign list.
//!
//! As `calibrate` would say of a bank, save that what is taken to be the same picture is left out: of the
//! benign list an original's own copies, and of an entry of that list the entry itself with its own.

use super::calibrate::{REACH_MARGIN, WIDEST_REACH, safe_reach};
use super::corpus::{Original, Same};
use super::error::EvaluateError;
use super::run::Watch;
use crate::bank::BankId;
use crate::hash::{Distance, Quality, Reach, Signal};
use crate::hashset::BenignEntry;
use crate::index::{Hit, Index};
use rayon::prelude::*;

/// The reaches of the PDQ hashes of the corpus and of the benign list, in their orders.
pub(super) struct EntryReaches {
    pub(super) corpus: Vec<Reach>,
    pub(super) benign: Vec<Reach>,
}

/// Works them out by an index that has the benign list as this bank.
pub(super) fn of(
    index: &Index,
    bank: BankId,
    (originals, same): (&[Original], &[Same]),
    benign: &[BenignEntry],
    (same_within, least): (u16, Quality),
    watch: &Watch<'_>,
) -> Result<EntryReaches, EvaluateError> {
    let reach = |signal: &Signal, is_other: &(dyn Fn(&Hit) -> bool + Sync)| {
        let mut nearest = None;
        index.visit(signal, Distance(WIDEST_REACH + REACH_MARGIN), |hit| {
            let is_good = hit.quality.is_none_or(|quality| quality >= least);
            if hit.bank == bank && is_good && is_other(&hit) {
                let distance = hit.distance.0;
                nearest = Some(nearest.map_or(distance, |held: u16| held.min(distance)));
            }
        });
        let bits = safe_reach(nearest).and_then(|bits| u8::try_from(bits).ok());
        bits.and_then(Reach::within).unwrap_or(Reach::NOWHERE)
    };
    let of_original = |(original, same): (&Original, &Same)| {
        watch.check()?;
        let is_other = |hit: &Hit| {
            let entry = u32::try_from(hit.content.0);
            entry.is_ok_and(|entry| same.benign.binary_search(&entry).is_err())
        };
        let hash = original.signals.iter().find(|hash| hash.as_pdq().is_some());
        Ok(hash.map_or(Reach::NOWHERE, |hash| reach(hash, &is_other)))
    };
    let of_entry = |entry: &BenignEntry| {
        watch.check()?;
        Ok(reach(&entry.hash.into(), &|hit| {
            hit.distance.0 > same_within
        }))
    };
    let corpus: Result<_, EvaluateError> =
        originals.par_iter().zip(same).map(of_original).collect();
    let benign: Result<_, EvaluateError> = benign.par_iter().map(of_entry).collect();
    Ok(EntryReaches {
        corpus: corpus?,
        benign: benign?,
    })
}
