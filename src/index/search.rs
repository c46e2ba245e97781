//! Searching a generation.

use crate::bank::BankId;
use crate::hamming::kernel::{Found, Row};
use crate::hash::{Distance, Family, Hash64, Signal, SignalType};
use crate::index::collect::{All, Brief, Collect, Nearest, Tell};
use crate::index::near::{self, NearScratch, Sink, Work};
use crate::index::{Hit, Index};
use crate::segment::{Posting, Postings, Segment};
use std::cell::RefCell;
use std::sync::Arc;
use zerocopy::{FromBytes, Immutable, KnownLayout};

/// Memory that searches use again: keep one for each thread and hand it to
/// [`Index::search_into`]. Its size stays bounded whatever the queries meet.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(super) near: NearScratch,
}

impl Scratch {
    /// What the last search with this scratch did; for a single query.
    #[must_use]
    pub fn work(&self) -> Work {
        self.near.work
    }
}

/// The nearest hits, and whether they are all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limited {
    /// The first hits in their order: at most as many as were asked for.
    pub hits: Vec<Hit>,
    /// Whether there are no more within the radius.
    pub complete: bool,
}

/// The most that a brief search costs in each segment, by [`cost`](crate::index::plan::cost): a scan of 75,000 PDQ hashes, or the
/// tables' usual 272 buckets many times over.
const BRIEF_COST: u64 = 300_000;
/// A brief search meets fewer hits.
const BRIEF_HITS: usize = 10_000;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Calls `search` with the thread's own scratch.
pub(super) fn with_scratch<T>(search: impl FnOnce(&mut Scratch) -> T) -> T {
    SCRATCH.with(|scratch| match scratch.try_borrow_mut() {
        Ok(mut scratch) => search(&mut scratch),
        Err(_) => search(&mut Scratch::default()),
    })
}

impl Index {
    /// Every hit within `radius` bits (inclusive) of the query, in the order of [`Hit`]; for a
    /// digest those that are equal.
    ///
    /// The answer has one hit for each content item and hash. A query may meet a hash that a
    /// million content items share: where that could be, use [`Index::search_limited`]. Many
    /// queries at a time are answered faster by [`Index::search_batch`].
    #[must_use]
    pub fn search(&self, query: &Signal, radius: Distance) -> Vec<Hit> {
        let mut hits = Vec::new();
        with_scratch(|scratch| self.search_into(query, radius, scratch, &mut hits));
        hits
    }

    /// As [`Index::search`], into a vector that is emptied first and with scratch of the caller's.
    pub fn search_into(
        &self,
        query: &Signal,
        radius: Distance,
        scratch: &mut Scratch,
        hits: &mut Vec<Hit>,
    ) {
        let mut all = All::new(radius.0.into());
        hits.clear();
        std::mem::swap(&mut all.hits, hits);
        self.run(query, &mut all, scratch);
        all.hits.sort_unstable();
        std::mem::swap(&mut all.hits, hits);
    }

    /// The nearest `limit` hits within `radius`, in the order of [`Hit`], and whether these are
    /// all. Memory is bounded by `limit`, whatever the query meets.
    #[must_use]
    pub fn search_limited(&self, query: &Signal, radius: Distance, limit: usize) -> Limited {
        // One more than asked for tells whether there are more.
        let mut nearest = Nearest::new(radius.0.into(), limit.saturating_add(1));
        with_scratch(|scratch| self.run(query, &mut nearest, scratch));
        let complete = nearest.hits.len() <= limit;
        let hits = nearest.hits.into_iter().take(limit).collect();
        Limited { hits, complete }
    }

    /// Tells every hit within `radius` to `tell`, in no order and without keeping any; a hit may be
    /// told more than once. For whoever weighs hits as they come and must not hold them all: a
    /// query may meet a hash that a million content items share.
    pub fn visit(&self, query: &Signal, radius: Distance, tell: impl FnMut(Hit)) {
        let mut tell = Tell::new(radius.0.into(), tell);
        with_scratch(|scratch| self.run(query, &mut tell, scratch));
    }

    /// As [`Index::visit`], if that takes some tenths of a millisecond at most, and meets fewer than 10,000 hits: for whoever must not
    /// keep others waiting, and can have longer searches done elsewhere. If not, it answers `false` early. Then what it told is not
    /// all, and is to be forgotten.
    pub fn visit_brief(&self, query: &Signal, radius: Distance, tell: impl FnMut(Hit)) -> bool {
        let mut tell = Brief::new(radius.0.into(), BRIEF_HITS, tell);
        with_scratch(|scratch| {
            self.run_within(Some(BRIEF_COST), query, &mut tell, scratch);
            !scratch.near.gave_up && tell.is_complete()
        })
    }

    /// The nearest `k` hits within `max` bits, in the order of [`Hit`]: ties are broken by bank,
    /// then content number, then the hash's bytes.
    #[must_use]
    pub fn nearest(&self, query: &Signal, k: usize, max: Distance) -> Vec<Hit> {
        match k {
            0 => return Vec::new(),
            usize::MAX => return self.search(query, max),
            _ => {}
        }
        let radii: &[u16] = match query.signal_type().family() {
            Family::Pdq => &[7, 15, 31, 47],
            Family::Hash64 => &[3, 7, 11],
            Family::Digest => &[],
        };
        for &radius in radii.iter().filter(|&&radius| radius < max.0) {
            let mut nearest = Nearest::new(radius.into(), k);
            with_scratch(|scratch| self.run(query, &mut nearest, scratch));
            if nearest.is_full() {
                return nearest.hits.into_iter().collect();
            }
        }
        let mut nearest = Nearest::new(max.0.into(), k);
        with_scratch(|scratch| self.run(query, &mut nearest, scratch));
        nearest.hits.into_iter().collect()
    }

    fn run(&self, query: &Signal, collect: &mut impl Collect, scratch: &mut Scratch) {
        self.run_within(None, query, collect, scratch);
    }

    /// `most` bounds the cost of each segment; a segment that would cost more is left out, and the scratch says so.
    fn run_within(
        &self,
        most: Option<u64>,
        query: &Signal,
        collect: &mut impl Collect,
        scratch: &mut Scratch,
    ) {
        let kind = query.signal_type();
        scratch.near.begin(most);
        for (place, segment) in self.segments.iter().enumerate().rev() {
            let Some(living) = self.living(place, kind) else {
                continue;
            };
            if let Some(hash) = query.as_pdq() {
                let words = segment.wide().words(&hash.0);
                let signal =
                    |row: &[u32; 8]| crate::hash::PdqHash(segment.wide().bytes(row)).into();
                self.near(segment, kind, &words, living, &signal, collect, scratch);
            } else if let Some(hash) = query.as_hash64() {
                let words = segment.narrow().words(&hash.0.to_be_bytes());
                let signal = |row: &[u32; 2]| {
                    let value = u64::from_be_bytes(segment.narrow().bytes(row));
                    Signal::from_hash64(kind, Hash64(value))
                };
                self.near(segment, kind, &words, living, &signal, collect, scratch);
            } else if let Some(digests) = segment.digests(kind)
                && let Some(id) = digests.find(query.as_bytes())
            {
                living.push(id, *query, Distance::ZERO, collect);
            }
        }
    }

    /// What lives of a type in the segment at `place`; `None` where it has none of it.
    pub(super) fn living(&self, place: usize, kind: SignalType) -> Option<Living<'_>> {
        Some(Living {
            postings: self.segments.get(place)?.postings(kind)?,
            newer: self.segments.get(place + 1..).unwrap_or_default(),
            gone_banks: &self.gone_banks,
        })
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one call for both widths of hash"
    )]
    fn near<R: Row + FromBytes + Immutable + KnownLayout>(
        &self,
        segment: &Segment,
        kind: SignalType,
        words: &R,
        living: Living<'_>,
        signal: &dyn Fn(&R) -> Signal,
        collect: &mut impl Collect,
        scratch: &mut Scratch,
    ) {
        let Some(view) = segment.near::<R>(kind) else {
            return;
        };
        collect.mark();
        let mut sink = Expand {
            rows: view.rows,
            living,
            signal,
            collect,
        };
        let how = (self.kernel, self.strategy);
        near::search(how, &view, words, &mut scratch.near, &mut sink);
    }
}

/// The postings of a segment that no newer segment takes out, of banks that are still there.
#[derive(Clone, Copy)]
pub(super) struct Living<'a> {
    postings: Postings<'a>,
    newer: &'a [Arc<Segment>],
    gone_banks: &'a [BankId],
}

impl Living<'_> {
    fn is_dead(&self, posting: &Posting) -> bool {
        if self.gone_banks.binary_search(&posting.bank).is_ok() {
            return true;
        }
        let key = (posting.bank.0, posting.content.0);
        self.newer.iter().any(|segment| {
            let tombstones = segment.tombstones();
            let place = tombstones.binary_search_by_key(&key, |t| (t.bank, t.content));
            place.is_ok()
        })
    }

    /// Gives `collect` a hit for each living posting of hash number `id`.
    pub(super) fn push(
        &self,
        id: u32,
        signal: Signal,
        distance: Distance,
        collect: &mut impl Collect,
    ) {
        for posting in self.postings.of(id) {
            if self.is_dead(&posting) {
                continue;
            }
            let more = collect.push(Hit {
                bank: posting.bank,
                content: posting.content,
                signal,
                distance,
                quality: posting.quality,
                form: posting.of_hash.form,
                reach: posting.of_hash.reach,
            });
            if !more {
                break;
            }
        }
    }
}

/// Turns hashes that were found into hits.
struct Expand<'a, R, C> {
    rows: &'a [R],
    living: Living<'a>,
    signal: &'a dyn Fn(&R) -> Signal,
    collect: &'a mut C,
}

impl<R: Row, C: Collect> Sink for Expand<'_, R, C> {
    fn radius(&self) -> u32 {
        self.collect.radius()
    }

    fn take(&mut self, found: &[Found]) {
        for hash in found {
            if let Some(row) = self.rows.get(hash.id as usize)
                && hash.distance <= self.collect.radius()
            {
                let signal = (self.signal)(row);
                let distance = Distance(hash.distance as u16);
                self.living.push(hash.id, signal, distance, self.collect);
            }
        }
    }

    fn roll_back(&mut self) {
        self.collect.roll_back();
    }
}
