//! What guesses at an upload are fitted to, or seconded for, as if no entry had a reach: for
//! calibration by harmless uploads.
//!
//! Reaches are ignored here. Otherwise an entry would reach farther again each time that it is
//! calibrated.

use crate::clock::now;
use crate::gate::decide::matches::Matches;
use crate::gate::decide::{fit, second};
use crate::gate::terms::Terms;
use crate::gate::{Extraction, Extractor, Match};
use crate::index::Index;

/// The matches of guesses that were fitted to an entry, and those that a second hash spoke for, by the policies of
/// an index. The extractor
/// must have extracted just this, from pixels.
pub(crate) fn fitted_without_reach(
    index: &Index,
    extraction: &Extraction,
    extractor: &mut Extractor,
) -> Vec<Match> {
    let terms = Terms {
        reaches_count: false,
        ..Terms::of(index, now(), None)
    };
    let mut matches = Matches::default();
    matches.ask_all(&terms, &extraction.queries);
    // Entries that fit alike take each other out only as far as each may be trusted: here all count.
    let eyes = extractor.pictures();
    fit::fit(&terms, extraction, eyes, (&mut matches, false));
    second::ask(&terms, extraction, eyes, &mut matches);
    extractor.forget();
    let mut matches = matches.finish().matches;
    matches.retain(|found| found.variant.fitted || found.seconded_by.is_some());
    matches
}
