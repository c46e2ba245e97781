//! Searching a generation for many queries at a time.

use crate::hamming::kernel::{Found, Row};
use crate::hash::{Distance, Family, Hash64, PdqHash, Signal, SignalType};
use crate::index::collect::{All, Collect, Few, Nearest};
use crate::index::near::NearScratch;
use crate::index::near_batch::{self, BatchSink, MAX_QUERIES};
use crate::index::search::{Living, with_scratch};
use crate::index::{Hit, Index, Limited, Scratch};
use crate::segment::{DigestView, Segment};
use rayon::prelude::*;
use std::collections::BTreeMap;
use zerocopy::{FromBytes, Immutable, KnownLayout};

/// Fewer queries than this are not divided among threads.
const MIN_PART: usize = 256;
/// Queries that [`Index::visit_batch`] asks together at most.
const MAX_TOGETHER: usize = 2048;
/// Hits of one query that are held until those of the queries before it were told.
const MOST_HELD: usize = 1024;
/// Queries ahead of the one that is looked up, for which a digest's bucket is asked for.
const DIGESTS_AHEAD: usize = 16;

impl Index {
    /// As [`Index::search`] for each query, in the order of the queries.
    ///
    /// Faster than one query after another from some tens of queries on, and the more so the more
    /// there are: each table is gone through once for all of them. Queries of all types may be
    /// mixed. Runs on all threads of the rayon pool that it is called in.
    ///
    /// The answer holds all hits of all queries: where many queries could meet a hash that a
    /// million content items share, use [`Index::search_batch_limited`].
    #[must_use]
    pub fn search_batch(&self, queries: &[Signal], radius: Distance) -> Vec<Vec<Hit>> {
        self.batch(queries, radius, All::new, |mut all| {
            all.hits.sort_unstable();
            all.hits
        })
    }

    /// As [`Index::search_limited`] for each query, in the order of the queries, as fast as
    /// [`Index::search_batch`]. Memory is bounded by `limit` times the number of queries,
    /// whatever they meet.
    #[must_use]
    pub fn search_batch_limited(
        &self,
        queries: &[Signal],
        radius: Distance,
        limit: usize,
    ) -> Vec<Limited> {
        // One more than asked for tells whether there are more.
        let nearest = |radius| Nearest::new(radius, limit.saturating_add(1));
        self.batch(queries, radius, nearest, |nearest| Limited {
            complete: nearest.hits.len() <= limit,
            hits: nearest.hits.into_iter().take(limit).collect(),
        })
    }

    /// As [`Index::visit`] for each query: tells `tell` every hit of the first, then every hit of the second,
    /// and so on, with the query's place. On the calling thread alone.
    ///
    /// For the queries of one upload: they go through each table together, which takes less time than one after
    /// the other. Memory is bounded by the number of queries, whatever they meet. A hit may be told more than once.
    pub fn visit_batch(
        &self,
        queries: &[Signal],
        radius: Distance,
        mut tell: impl FnMut(usize, Hit),
    ) {
        for (part, queries) in queries.chunks(MAX_TOGETHER).enumerate() {
            let new = |_: &Signal| Few::new(u32::from(radius.0), MOST_HELD);
            let mut few: Vec<Few> = queries.iter().map(new).collect();
            with_scratch(|scratch| self.part(queries, radius, scratch, &mut few));
            for (place, (query, few)) in queries.iter().zip(&mut few).enumerate() {
                let place = part * MAX_TOGETHER + place;
                if few.is_over {
                    self.visit(query, radius, |hit| tell(place, hit));
                } else {
                    few.hits().iter().for_each(|hit| tell(place, *hit));
                }
            }
        }
    }

    /// Divides the queries among threads; each has a collector, and `finish` makes an answer of it.
    fn batch<C: Collect, T: Send>(
        &self,
        queries: &[Signal],
        radius: Distance,
        new: impl Fn(u32) -> C + Sync,
        finish: impl Fn(C) -> T + Sync,
    ) -> Vec<T> {
        let threads = rayon::current_num_threads().max(1);
        let part = queries.len().div_ceil(threads);
        queries
            .par_chunks(part.clamp(MIN_PART, MAX_QUERIES))
            .flat_map_iter(|part| {
                let mut collectors: Vec<C> =
                    part.iter().map(|_| new(u32::from(radius.0))).collect();
                with_scratch(|scratch| self.part(part, radius, scratch, &mut collectors));
                collectors.into_iter().map(&finish)
            })
            .collect()
    }

    /// Searches for the queries of one thread, type by type.
    fn part<C: Collect>(
        &self,
        queries: &[Signal],
        radius: Distance,
        scratch: &mut Scratch,
        collectors: &mut [C],
    ) {
        let scratch = &mut scratch.near;
        let mut kinds: BTreeMap<SignalType, Vec<u32>> = BTreeMap::new();
        for (query, number) in queries.iter().zip(0..) {
            kinds.entry(query.signal_type()).or_default().push(number);
        }
        for (kind, numbers) in kinds {
            let mut all = Queries {
                queries,
                numbers: &numbers,
                collectors: &mut *collectors,
            };
            for (place, segment) in self.segments.iter().enumerate().rev() {
                let Some(living) = self.living(place, kind) else {
                    continue;
                };
                match kind.family() {
                    Family::Pdq => {
                        let words = |query: &Signal| {
                            let hash = query.as_pdq().unwrap_or(PdqHash([0; 32]));
                            segment.wide().words(&hash.0)
                        };
                        let signal = |row: &[u32; 8]| PdqHash(segment.wide().bytes(row)).into();
                        self.near_batch(
                            segment, kind, radius, living, &mut all, scratch, words, signal,
                        );
                    }
                    Family::Hash64 => {
                        let words = |query: &Signal| {
                            let hash = query.as_hash64().unwrap_or(Hash64(0));
                            segment.narrow().words(&hash.0.to_be_bytes())
                        };
                        let signal = |row: &[u32; 2]| {
                            let value = u64::from_be_bytes(segment.narrow().bytes(row));
                            Signal::from_hash64(kind, Hash64(value))
                        };
                        self.near_batch(
                            segment, kind, radius, living, &mut all, scratch, words, signal,
                        );
                    }
                    Family::Digest => {
                        if let Some(digests) = segment.digests(kind) {
                            all.look_up(digests, living);
                        }
                    }
                }
            }
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one call for both widths of hash"
    )]
    fn near_batch<R: Row + FromBytes + Immutable + KnownLayout, C: Collect>(
        &self,
        segment: &Segment,
        kind: SignalType,
        radius: Distance,
        living: Living<'_>,
        all: &mut Queries<'_, C>,
        scratch: &mut NearScratch,
        words: impl Fn(&Signal) -> R,
        signal: impl Fn(&R) -> Signal,
    ) {
        let Some(view) = segment.near::<R>(kind) else {
            return;
        };
        let mut rows = Vec::with_capacity(all.numbers.len());
        all.each(|query, collect| {
            rows.push(words(query));
            collect.mark();
        });
        let mut sink = Expand {
            rows: view.rows,
            living,
            signal,
            numbers: all.numbers,
            collectors: &mut *all.collectors,
        };
        let how = (self.kernel, self.strategy);
        near_batch::search(how, &view, &rows, u32::from(radius.0), scratch, &mut sink);
    }
}

/// The queries of one type among those of a thread.
struct Queries<'a, C> {
    queries: &'a [Signal],
    /// Which queries these are.
    numbers: &'a [u32],
    /// One for each of the thread's queries.
    collectors: &'a mut [C],
}

impl<C: Collect> Queries<'_, C> {
    fn each(&mut self, mut search: impl FnMut(&Signal, &mut C)) {
        for &number in self.numbers {
            let number = number as usize;
            if let (Some(query), Some(collect)) =
                (self.queries.get(number), self.collectors.get_mut(number))
            {
                search(query, collect);
            }
        }
    }

    /// Digests are looked up one by one, their buckets asked for ahead.
    fn look_up(&mut self, digests: DigestView<'_>, living: Living<'_>) {
        let (queries, numbers) = (self.queries, self.numbers);
        let mut ahead = numbers.iter().skip(DIGESTS_AHEAD);
        self.each(|query, collect| {
            if let Some(next) = ahead
                .next()
                .and_then(|&number| queries.get(number as usize))
            {
                digests.prefetch(next.as_bytes());
            }
            if let Some(id) = digests.find(query.as_bytes()) {
                living.push(id, *query, Distance::ZERO, collect);
            }
        });
    }
}

/// Turns hashes that were found into hits of the query that they were found for.
struct Expand<'a, R, C, S> {
    rows: &'a [R],
    living: Living<'a>,
    signal: S,
    numbers: &'a [u32],
    collectors: &'a mut [C],
}

impl<R, C, S> Expand<'_, R, C, S> {
    fn place(&self, query: u32) -> Option<usize> {
        self.numbers
            .get(query as usize)
            .map(|&number| number as usize)
    }
}

impl<R: Row, C: Collect, S: Fn(&R) -> Signal> BatchSink for Expand<'_, R, C, S> {
    fn radius(&self, query: u32) -> u32 {
        let collect = self
            .place(query)
            .and_then(|place| self.collectors.get(place));
        collect.map_or(0, Collect::radius)
    }

    fn take(&mut self, query: u32, found: Found) {
        let place = self.place(query);
        if let Some(collect) = place.and_then(|place| self.collectors.get_mut(place))
            && let Some(row) = self.rows.get(found.id as usize)
        {
            let signal = (self.signal)(row);
            let distance = Distance(found.distance as u16);
            self.living.push(found.id, signal, distance, collect);
        }
    }

    fn roll_back(&mut self, query: u32) {
        let place = self.place(query);
        if let Some(collect) = place.and_then(|place| self.collectors.get_mut(place)) {
            collect.roll_back();
        }
    }
}
