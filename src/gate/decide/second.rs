//! A second opinion: if the evidence for an entry just misses, another perceptual hash of the same
//! entry can settle it.
//!
//! PDQ and the 64-bit hashes look at a picture in other ways, so what a stranger's picture is near to by the
//! one it rarely is by the other too. This file owns which entries are asked about, by which hashes, and how near
//! those must be. Indexes that hold no such hashes cost nothing here.
//!
//! If the index has such hashes, every upload is decoded: what is seconded rests on pixels in every
//! mode.

use crate::bank::Action;
use crate::gate::decide::eyes::Eyes;
use crate::gate::decide::matches::Matches;
use crate::gate::terms::Terms;
use crate::gate::{Extraction, Query};
use crate::hash::{Distance, Signal, SignalType};
use crate::rules::values;

/// Entries of one input that are asked about at most, those that lack least first.
const MOST_ASKED: usize = values::SECOND_MOST_ASKED;
/// How near a second hash must be, of 64 bits.
const WITHIN: Distance = Distance(values::SECOND_WITHIN);
/// Those that are asked: of gradients and of frequencies. `ahash`, `imghash_mean` and `blockhash` tell only
/// where a picture is bright, which strangers that are near by PDQ have in common.
const ASKED: [SignalType; 4] = [
    SignalType::Dhash,
    SignalType::Phash,
    SignalType::ImghashGradient,
    SignalType::ImghashDct,
];

/// Asks about the second hashes of the queries that nearly verified an entry. Says of how many of these queries the
/// hashes are not to be had, because the picture is not at hand any more.
pub(crate) fn ask(
    terms: &Terms<'_>,
    extraction: &Extraction,
    eyes: &mut dyn Eyes,
    matches: &mut Matches,
) -> u64 {
    let nearly = std::mem::take(&mut matches.nearly).held;
    if nearly.is_empty() {
        return 0;
    }
    let held = terms.index.signal_types().into_iter();
    let kinds: Vec<SignalType> = held
        .map(|held| held.signal_type)
        .filter(|kind| ASKED.contains(kind))
        .collect();
    if kinds.is_empty() {
        return 0;
    }
    let nearly = nearly
        .into_iter()
        .filter(|(_, hit, _)| !matches.has_entry(hit.bank, hit.content, SignalType::Pdq))
        // Less evidence must not be enough to call something harmless.
        .filter(|(_, hit, _)| {
            let standing = terms.standing(hit);
            standing.is_ok_and(|(_, policy)| policy.action != Action::Allow)
        });
    let nearly: Vec<_> = nearly.take(MOST_ASKED).collect();
    let mut left_out = 0;
    for (_, hit, query) in nearly {
        let hashes = hashes_of(&query, &kinds, extraction, eyes);
        left_out += u64::from(hashes.len() < kinds.len() && !eyes.can_look_again());
        for signal in hashes {
            let mut speaks = false;
            terms.index.visit(&signal, WITHIN, |second| {
                let is_same = (second.bank, second.content) == (hit.bank, hit.content);
                speaks |= is_same && terms.standing(&second).is_ok();
            });
            if speaks {
                matches.weigh_seconded(terms, &query, &hit, signal.signal_type());
                break;
            }
        }
    }
    left_out
}

/// The hashes of these types of the form that a query is of: those that were computed, else from the small
/// luma picture.
fn hashes_of(
    query: &Query,
    kinds: &[SignalType],
    extraction: &Extraction,
    eyes: &mut dyn Eyes,
) -> Vec<Signal> {
    let mut hashes: Vec<Signal> = (extraction.queries.iter())
        .filter(|other| other.variant == query.variant)
        .map(|other| other.signal)
        .filter(|signal| kinds.contains(&signal.signal_type()))
        .collect();
    let is_there =
        |hashes: &[Signal], kind: SignalType| hashes.iter().any(|hash| hash.signal_type() == kind);
    let lacking: Vec<SignalType> = (kinds.iter().copied())
        .filter(|&kind| !is_there(&hashes, kind))
        .collect();
    if let Some(hash) = query.signal.as_pdq().filter(|_| !lacking.is_empty()) {
        let made = eyes.hashes(&hash, &query.variant, &lacking);
        let made = made.into_iter();
        hashes.extend(made.map(|(kind, hash)| Signal::from_hash64(kind, hash)));
    }
    hashes.sort_by_key(Signal::signal_type);
    hashes
}
