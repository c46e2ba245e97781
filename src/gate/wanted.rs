//! Which hashes of an upload are computed for an index, and which only if they can tell something.
//!
//! Lists bring several digests of one file. If each entry with an MD5 digest has a SHA-256 digest too
//! ([`Index::is_implied_by_sha256`]), an upload whose SHA-256 meets no entry meets none by MD5. So MD5 is computed
//! only after SHA-256 has met something, whatever policy says of either. Then the verdict has all that it would have
//! had. Digests are also computed late of whatever does not simply pass, so that what is recorded of it names it by all
//! of them.
//!
//! It rests on one thing: that the digests of an entry are of one file. An entry that has two of a kind, or two
//! SHA-256 digests, makes all digests of its kind be computed.

use crate::gate::{Extraction, Outcome, Query, Verdict};
use crate::hash::{Distance, Family, Signal, SignalType};
use crate::index::Index;
use crate::signal::digests;

/// Which hashes of an upload are computed, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// At once: PDQ, what was asked for, and what the index holds, in the order of [`SignalType::ALL`].
    pub(crate) at_once: Vec<SignalType>,
    /// Digests that tell nothing unless SHA-256 has met an entry.
    pub(crate) late: Vec<SignalType>,
}

impl Wanted {
    /// All that the index holds, and what was asked for besides.
    pub(crate) fn all(index: &Index, besides: &[SignalType]) -> Self {
        let held = index.signal_types();
        let holds = |kind: SignalType| held.iter().any(|one| one.signal_type == kind);
        let is_wanted =
            |kind: &SignalType| *kind == SignalType::Pdq || holds(*kind) || besides.contains(kind);
        Self {
            at_once: SignalType::ALL.into_iter().filter(is_wanted).collect(),
            late: Vec::new(),
        }
    }

    /// As [`Wanted::all`], without digests at once that may tell nothing and were not asked for.
    pub(crate) fn needed(index: &Index, besides: &[SignalType]) -> Self {
        let all = Self::all(index, besides).at_once;
        let is_late = |kind: &SignalType| {
            kind.family() == Family::Digest
                && !besides.contains(kind)
                && index.is_implied_by_sha256(*kind)
        };
        let (late, at_once) = all.into_iter().partition(is_late);
        Self { at_once, late }
    }

    /// Computes the late digests where they can tell something: where the SHA-256 met an entry. Says whether it did.
    pub(crate) fn catch_up(
        &self,
        index: &Index,
        bytes: &[u8],
        extraction: &mut Extraction,
    ) -> bool {
        let mut signals = extraction.signals.iter();
        let sha256 = signals.find(|signal| signal.signal_type() == SignalType::Sha256);
        let (Some(sha256), false) = (sha256.copied(), self.late.is_empty()) else {
            return false;
        };
        let mut has_met = false;
        index.visit(&sha256, Distance::ZERO, |_| has_met = true);
        if has_met {
            self.add_to(bytes, extraction);
        }
        has_met
    }

    fn add_to(&self, bytes: &[u8], extraction: &mut Extraction) {
        let late = digests(bytes, &self.late);
        let is_digest = |query: &Query| query.signal.signal_type().family() == Family::Digest;
        let known = extraction.queries.iter().take_while(|one| is_digest(one));
        let known = known.count();
        let mut first: Vec<Query> = late.iter().map(|one| Query::of(*one, None)).collect();
        first.extend(extraction.queries.drain(..known));
        first.sort_by_key(|query| query.signal.signal_type());
        extraction.queries.splice(0..0, first);
        add(&mut extraction.signals, late);
    }

    /// Names an upload that does not simply pass by its late digests too.
    pub(crate) fn name<'v>(&self, bytes: &[u8], verdicts: impl Iterator<Item = &'v mut Verdict>) {
        let mut verdicts: Vec<&mut Verdict> = verdicts.collect();
        let passes = |verdict: &&mut Verdict| {
            verdict.outcome == Outcome::NoMatch && verdict.unread.is_empty()
        };
        let has_sha256 = |verdict: &&mut Verdict| {
            let mut signals = verdict.signals.iter();
            signals.any(|signal| signal.signal_type() == SignalType::Sha256)
        };
        if self.late.is_empty() || verdicts.iter().all(passes) || !verdicts.iter().all(has_sha256) {
            return;
        }
        let late = digests(bytes, &self.late);
        for verdict in &mut verdicts {
            add(&mut verdict.signals, late.clone());
        }
    }
}

/// Puts these signals in their places.
fn add(signals: &mut Vec<Signal>, more: Vec<Signal>) {
    signals.extend(more);
    signals.sort_by_key(Signal::signal_type);
}
