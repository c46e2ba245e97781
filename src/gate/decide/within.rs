//! How far out an entry could count at all, for each query of an upload.
//!
//! Owns one promise: if no query meets anything within its radius here, then the whole way to a verdict would meet nothing
//! either, and no pixel would be asked again. It refuses to ask the index.

use crate::gate::decide::conclude::are_qualities_sure;
use crate::gate::decide::doubts::radius_in_doubt;
use crate::gate::decide::judge::radius;
use crate::gate::decide::near::{far, is_asked_far};
use crate::gate::terms::Terms;
use crate::gate::{Extraction, Query};
use crate::hash::{Distance, Family, Signal};

/// What to ask of an upload to learn whether anything of it could count. `None` where the pixels have to be asked in any case:
/// a quality that is not exact (`first` may hold such) is too near to what a bank asks for.
pub(crate) fn asks(
    terms: &Terms<'_>,
    first: &Extraction,
    has_exact: bool,
) -> Option<Vec<(Signal, Distance)>> {
    let is_in_doubt = first.fast && has_exact;
    if is_in_doubt && !are_qualities_sure(terms, &first.queries) {
        return None;
    }
    let far = far(terms.index);
    let radius = |query: &Query| {
        let is_digest = query.signal.signal_type().family() == Family::Digest;
        if is_in_doubt && !is_digest {
            return radius_in_doubt(terms, query);
        }
        // The picture itself is asked about far out, whatever may match it there.
        radius(terms, query).max(far.filter(|_| is_asked_far(query)))
    };
    let asked = first.queries.iter();
    Some(
        asked
            .filter_map(|query| Some((query.signal, radius(query)?)))
            .collect(),
    )
}
