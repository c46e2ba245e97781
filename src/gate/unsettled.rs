//! What came of a check before quarantine has counted it.

use crate::bank::UnreadPolicy;
use crate::gate::decide::conclude::Concluded;
use crate::gate::quarantine::Watch;
use crate::gate::{Shadow, Verdict};

/// What came of a check: the verdict, and what goes with it.
#[must_use = "an upload may go on only where its verdict passes"]
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checked {
    /// The verdict.
    pub verdict: Verdict,
    /// The verdict of other policies on the very same hashes, where some are tried out.
    pub shadow: Option<Verdict>,
    /// How many bytes were read.
    pub bytes: u64,
}

/// What came of a check that quarantine has not counted yet.
///
/// Whoever checks on many threads settles the verdicts on one, in the order of the uploads, so that the outcome does
/// not depend on which thread was faster. There is no way to the verdict past quarantine but
/// [`Unsettled::unsettled`], which says so.
#[must_use = "it holds the verdict: settle it"]
#[derive(Debug)]
pub struct Unsettled<'s> {
    decided: Concluded,
    tried: Option<(Concluded, &'s Shadow)>,
    bytes: u64,
}

impl<'s> Unsettled<'s> {
    pub(crate) fn new(
        decided: Concluded,
        tried: Option<(Concluded, &'s Shadow)>,
        bytes: u64,
    ) -> Self {
        Self {
            decided,
            tried,
            bytes,
        }
    }

    /// Counts the upload, at a time in seconds since 1970-01-01 UTC, and holds it back for parts that were not looked
    /// at: by what the gate was told, else by the policies in force.
    pub(crate) fn settle_at(
        mut self,
        at: u64,
        watch: &Watch,
        told: Option<UnreadPolicy>,
    ) -> Checked {
        let decided = &mut self.decided;
        watch.settle(at, &mut decided.verdict, &decided.stops);
        let policy = told.or(decided.unread).unwrap_or_default();
        decided.verdict.mind_unread(policy);
        if let Some((tried, shadow)) = &mut self.tried {
            shadow.settle(at, &mut tried.verdict, &tried.stops);
            shadow.mind_unread(&mut tried.verdict, told);
        }
        self.unsettled()
    }

    /// The verdicts, to add to what they say of the upload.
    #[cfg(feature = "decode")]
    pub(crate) fn verdicts(&mut self) -> impl Iterator<Item = &mut Verdict> {
        let tried = self.tried.as_mut().map(|(tried, _)| &mut tried.verdict);
        std::iter::once(&mut self.decided.verdict).chain(tried)
    }

    /// The verdict as it is without quarantine: no upload is counted, what a quarantined entry matches is blocked, and
    /// nothing is held back for parts that were not looked at.
    pub fn unsettled(self) -> Checked {
        Checked {
            verdict: self.decided.verdict,
            shadow: self.tried.map(|(tried, _)| tried.verdict),
            bytes: self.bytes,
        }
    }
}
