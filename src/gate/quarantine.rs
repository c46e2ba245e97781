//! Quarantine: an entry that suddenly matches many uploads is looked at before it goes on stopping.
//!
//! ```text
//! an entry that has stopped more than N distinct uploads within one window of S seconds is
//!     quarantined: for the rest of that window and the whole of the next one, which is longer by
//!     itself where that goes on
//! an upload that is stopped by quarantined entries alone is reviewed instead
//! ```
//! Windows begin at multiples of S seconds since 1970. Counts live in the memory of one gate, within
//! bounds: what has no room is not counted, and goes on stopping. This file can turn `block` into
//! `review` and nothing else.

use crate::bank::{Action, BankName, ContentId, Quarantine};
use crate::gate::{Outcome, Verdict};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// An entry, as verdicts name it.
pub(crate) type Entry = (BankName, ContentId);

/// What stops an upload, so far as quarantine is concerned.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Stops {
    /// Whether something stops it that cannot be quarantined.
    pub(crate) firm: bool,
    /// The entries that stop it and can be.
    pub(crate) entries: BTreeMap<Entry, Quarantine>,
    /// What stands for the upload.
    pub(crate) upload: Option<u64>,
}

impl Stops {
    /// More entries than this stop for good.
    const MOST: usize = 64;

    /// Notes an entry that would block.
    pub(crate) fn note(&mut self, entry: Entry, quarantine: Option<Quarantine>) {
        match quarantine {
            Some(quarantine) if self.entries.len() < Self::MOST => {
                self.entries.insert(entry, quarantine);
            }
            _ => self.firm = true,
        }
    }

    /// Adds what stops another form of the upload.
    pub(crate) fn join(&mut self, other: &Self) {
        self.firm |= other.firm;
        for (entry, quarantine) in &other.entries {
            self.note(entry.clone(), Some(*quarantine));
        }
    }
}

/// Counts which uploads entries have stopped.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    entries: HashMap<Entry, Count>,
    /// Uploads that are told apart, over all entries.
    uploads: usize,
}

#[derive(Debug, Default)]
struct Count {
    window: u64,
    uploads: HashSet<u64>,
    /// Before when it is quarantined.
    until: u64,
}

/// Most entries that are counted for at a time.
const MOST_ENTRIES: usize = 1 << 16;
/// Most uploads that are told apart at a time, over all entries: some 16 MB.
const MOST_UPLOADS: usize = 1 << 20;

impl Watch {
    /// Counts an upload that was stopped, and has it reviewed instead where all that stops it is
    /// quarantined. `at`: seconds since 1970-01-01 UTC.
    pub(crate) fn settle(&self, at: u64, verdict: &mut Verdict, stops: &Stops) {
        let Some(upload) = stops.upload else {
            return;
        };
        if stops.entries.is_empty() {
            return;
        }
        let held: HashSet<&Entry> = {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            let entries = stops.entries.iter();
            entries
                .filter(|(entry, quarantine)| counts.count(entry, **quarantine, upload, at))
                .map(|(entry, _)| entry)
                .collect()
        };
        for found in &mut verdict.matches {
            let entry = (found.bank.clone(), found.content_id);
            if found.action == Action::Block && held.contains(&entry) {
                found.action = Action::Review;
                found.quarantined = true;
            }
        }
        let all = !stops.firm && held.len() == stops.entries.len();
        if all && verdict.outcome == Outcome::Match && verdict.action == Some(Action::Block) {
            verdict.action = Some(Action::Review);
            verdict.quarantined = true;
        }
    }
}

impl Counts {
    /// Counts an upload for an entry; whether the entry is quarantined.
    fn count(&mut self, entry: &Entry, quarantine: Quarantine, upload: u64, at: u64) -> bool {
        let seconds = u64::from(quarantine.seconds.max(1));
        let window = at / seconds;
        if !self.entries.contains_key(entry) {
            if self.entries.len() >= MOST_ENTRIES {
                self.forget(at);
            }
            if self.entries.len() >= MOST_ENTRIES {
                return false;
            }
        }
        let count = self.entries.entry(entry.clone()).or_default();
        if count.window != window {
            self.uploads -= count.uploads.len();
            count.uploads = HashSet::new();
            count.window = window;
        }
        let told_apart = count.uploads.len() <= quarantine.uploads as usize;
        if told_apart && self.uploads < MOST_UPLOADS && count.uploads.insert(upload) {
            self.uploads += 1;
        }
        if count.uploads.len() > quarantine.uploads as usize {
            count.until = window.saturating_add(2).saturating_mul(seconds);
        }
        at < count.until
    }

    /// Forgets entries that are not quarantined, the rest of whose counts is lost: they go on
    /// stopping.
    fn forget(&mut self, at: u64) {
        self.entries.retain(|_, count| at < count.until);
        self.uploads = self.entries.values().map(|count| count.uploads.len()).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(id: u64) -> Entry {
        ("b".parse().unwrap(), ContentId(id))
    }

    fn blocked(upload: u64, entries: &[u64], firm: bool) -> (Verdict, Stops) {
        let quarantine = Quarantine {
            uploads: 2,
            seconds: 100,
        };
        let verdict = Verdict {
            outcome: Outcome::Match,
            action: Some(Action::Block),
            ..Verdict::no_match(1)
        };
        let stops = Stops {
            firm,
            entries: entries.iter().map(|&id| (entry(id), quarantine)).collect(),
            upload: Some(upload),
        };
        (verdict, stops)
    }

    #[test]
    fn more_than_so_many_distinct_uploads_within_a_window_are_reviewed() {
        let watch = Watch::default();
        let ask = |at, upload| {
            let (mut verdict, stops) = blocked(upload, &[1], false);
            watch.settle(at, &mut verdict, &stops);
            assert!(!verdict.passes());
            (verdict.action, verdict.quarantined)
        };
        let (block, review) = ((Some(Action::Block), false), (Some(Action::Review), true));
        assert_eq!([ask(0, 1), ask(1, 2), ask(2, 2), ask(3, 1)], [block; 4]);
        assert_eq!([ask(4, 3), ask(5, 1), ask(199, 9)], [review; 3]);
        assert_eq!(ask(200, 10), block, "it has calmed down");
        assert_eq!([ask(201, 11), ask(399, 12)], [block; 2], "a window each");
        assert_eq!([ask(399, 12), ask(350, 13)], [block; 2]);
        assert_eq!(ask(351, 14), review);
    }

    #[test]
    fn all_that_stops_an_upload_must_be_quarantined() {
        let watch = Watch::default();
        for upload in 1..=3 {
            let (mut verdict, stops) = blocked(upload, &[1], false);
            watch.settle(0, &mut verdict, &stops);
        }
        let settled = |(mut verdict, stops): (Verdict, Stops)| {
            watch.settle(0, &mut verdict, &stops);
            verdict.action
        };
        assert_eq!(settled(blocked(9, &[1], false)), Some(Action::Review));
        assert_eq!(settled(blocked(9, &[1, 2], false)), Some(Action::Block));
        assert_eq!(settled(blocked(9, &[1], true)), Some(Action::Block));
    }

    #[test]
    fn memory_is_bounded_and_what_has_no_room_stops() {
        let mut counts = Counts::default();
        let quarantine = Quarantine {
            uploads: Quarantine::MAX_UPLOADS,
            seconds: 10,
        };
        for id in 0..200 {
            for upload in 0..u64::from(Quarantine::MAX_UPLOADS) {
                assert!(!counts.count(&entry(id), quarantine, upload, 0));
            }
        }
        assert_eq!(counts.uploads, MOST_UPLOADS);
        let one = Quarantine {
            uploads: 1,
            ..quarantine
        };
        for upload in 0..100 {
            assert!(!counts.count(&entry(1 << 40), one, upload, 0), "no room");
        }
        for id in 0..2 * MOST_ENTRIES as u64 {
            counts.count(&entry(id), one, id, 50);
        }
        assert!(counts.entries.len() <= MOST_ENTRIES && counts.uploads <= MOST_UPLOADS);
    }

    proptest! {
        #[test]
        fn a_verdict_never_comes_to_pass(
            asked in proptest::collection::vec((0u64..500, 0u64..6, proptest::collection::vec(0u64..4, 0..4), any::<bool>()), 1..60),
        ) {
            let watch = Watch::default();
            for (at, upload, entries, firm) in asked {
                for action in [Action::Block, Action::Review, Action::Report, Action::Allow] {
                    let (mut verdict, stops) = blocked(upload, &entries, firm);
                    verdict.action = Some(action);
                    let before = verdict.clone();
                    watch.settle(at, &mut verdict, &stops);
                    prop_assert_eq!(verdict.passes(), before.passes());
                    prop_assert!(verdict.action == before.action || (action == Action::Block && verdict.action == Some(Action::Review)));
                }
            }
        }
    }
}
