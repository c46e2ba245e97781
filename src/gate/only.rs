//! The action alone, as soon as it is certain.
//!
//! Of an upload that an entry surely blocks, a service need not know what else it matches. So the index is asked in the
//! order of what finds most for its cost: the digests of the bytes first, then each picture as it is, and only then the
//! guesses at its original, which cost more than all before. As soon as nothing that is left can change the action, what
//! is left is not done.

use crate::bank::{Action, Bank};
use crate::gate::check::{Gate, Worker};
use crate::gate::decide::conclude::conclude_with;
use crate::gate::decide::matches::Matches;
use crate::gate::terms::Terms;
use crate::gate::unsettled::Unsettled;
use crate::gate::{AtHand, Extraction, Isolation, Outcome, Problem, Query, Verdict};
use crate::hash::{Family, SignalType};
use crate::index::Index;
use crate::signal::digests;
use std::cell::{Cell, RefCell};

/// What to do with an upload, without what led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// As in [`Verdict::outcome`].
    pub outcome: Outcome,
    /// As in [`Verdict::action`].
    pub action: Option<Action>,
    /// As in [`Verdict::problem`]. `None` where the answer was certain before the problem was met: a damaged file that is
    /// blocked is blocked either way.
    pub problem: Option<Problem>,
    /// As in [`Verdict::generation`].
    pub generation: u64,
    /// Whether something was left undone because nothing could change the action any more.
    pub is_early: bool,
    passes: bool,
}

impl Answer {
    fn of(verdict: Verdict, is_early: bool) -> Self {
        Self {
            passes: verdict.passes(),
            outcome: verdict.outcome,
            action: verdict.action,
            problem: verdict.problem,
            generation: verdict.generation,
            is_early,
        }
    }

    /// Whether the upload may go on: as [`Verdict::passes`].
    #[must_use]
    pub const fn passes(&self) -> bool {
        self.passes
    }
}

/// Asks the index about queries as they come, until the action is certain.
struct Certain<'a> {
    terms: &'a Terms<'a>,
    matches: RefCell<Matches>,
    asked: Cell<usize>,
    is_certain: Cell<bool>,
}

impl<'a> Certain<'a> {
    fn new(terms: &'a Terms<'a>) -> Self {
        Self {
            terms,
            matches: RefCell::default(),
            asked: Cell::new(0),
            is_certain: Cell::new(false),
        }
    }

    /// Whether something blocks for certain; `queries` are all so far, of which those that are new are asked about.
    fn is_certain(&self, queries: &[Query]) -> bool {
        if !self.is_certain.get()
            && let Ok(mut matches) = self.matches.try_borrow_mut()
        {
            let new = queries.get(self.asked.get()..).unwrap_or_default();
            matches.ask_all(self.terms, new);
            self.asked.set(queries.len().max(self.asked.get()));
            self.is_certain.set(matches.blocks_for_certain());
        }
        self.is_certain.get()
    }
}

/// Whether a block by these policies is certain as soon as one entry blocks: nothing allows, and nothing hangs on which
/// upload it is, as shares and quarantine do.
fn can_be_certain(banks: &[Bank]) -> bool {
    banks
        .iter()
        .all(|bank| !bank.policy.may_allow() && !bank.policy.looks_at_uploads())
}

impl Gate {
    /// Judges an upload as [`Gate::check_with`] does, for who wants the action alone: the same outcome, action and
    /// quarantine, with less work for what is blocked.
    ///
    /// What is left undone where an entry surely blocks: decoding, if a digest of the bytes is known; guesses, further
    /// frames and what is behind the picture, if the picture as it is matches. An upload that nothing blocks costs a
    /// little more than a check: the index is asked about its first hashes twice, and its digests are computed before it is
    /// decoded, not beside. Nothing is left undone where a bank allows, is in force for a share of the uploads, or has
    /// [quarantine](crate::bank::Quarantine); nor of the picture in [`Isolation::Everything`], or where it was read from
    /// a JPEG's coefficients.
    ///
    /// ```
    /// # use hashgate::{bank::Action, gate::{Gate, Worker}};
    /// # fn stop(gate: &Gate, upload: &[u8]) {
    /// let mut worker = Worker::default(); // one for each thread
    /// let answer = gate.decide_only(&mut worker, upload);
    /// if answer.action == Some(Action::Block) {
    ///     println!("stop it (certain before all was done: {})", answer.is_early);
    /// }
    /// # }
    /// ```
    pub fn decide_only(&self, worker: &mut Worker, bytes: &[u8]) -> Answer {
        let index = self.index();
        let is_too_large = bytes.len() as u64 > self.options().limits.max_file_bytes;
        if is_too_large || !can_be_certain(index.banks()) {
            return Answer::of(self.check_with(worker, bytes), false);
        }
        self.decide_early(&index, worker, bytes)
    }

    fn decide_early(&self, index: &Index, worker: &mut Worker, bytes: &[u8]) -> Answer {
        let options = self.options();
        let terms = Terms::of(index, self.now(), None);
        let certain = Certain::new(&terms);
        let wanted = self.wanted(index);
        let is_digest = |kind: &SignalType| kind.family() == Family::Digest;
        let known: Vec<SignalType> = wanted.at_once.iter().copied().filter(is_digest).collect();
        let digests = digests(bytes, &known);
        let of_bytes: Vec<Query> = digests.iter().map(|one| Query::of(*one, None)).collect();
        if certain.is_certain(&of_bytes) {
            return self.answer(certain, of_bytes);
        }
        certain.asked.set(0);
        let hears = options.isolation != Isolation::Everything;
        let enough = |queries: &[Query]| hears && certain.is_certain(queries);
        let look = self.looking(&wanted);
        let extractor = &mut worker.extractor;
        let (first, eyes) = AtHand::look_until(bytes, look, extractor, (digests, &enough));
        if certain.is_certain.get() {
            worker.extractor.forget();
            return self.answer(certain, first.queries);
        }
        let unsettled = self.decide_looked((index, &wanted), bytes, (first, eyes), None);
        worker.extractor.forget();
        Answer::of(unsettled.settle(self).verdict, false)
    }

    /// What is certain, from what was asked so far.
    fn answer(&self, certain: Certain<'_>, queries: Vec<Query>) -> Answer {
        let terms = certain.terms;
        let extraction = Extraction {
            queries,
            ..Extraction::default()
        };
        let concluded = conclude_with(terms, extraction, certain.matches.into_inner());
        let verdict = Unsettled::new(concluded, None, 0).settle(self).verdict;
        Answer::of(verdict, true)
    }
}
