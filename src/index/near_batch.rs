//! The search of one near type in one segment, for many queries at a time.
//!
//! ```text
//! plan the radius, once for all
//! count the entries that some queries would meet; where that is much, those of all, and search
//!     for some; queries that a scan serves better are set aside
//! for each table that the plan asks:
//!     few queries, as those of one upload are: each asks its buckets, one query after the other
//!     some queries: list who asks which bucket, roughly in the order of the buckets
//!     many queries: sort them by the upper byte of their chunk, go over all buckets, 256 at a
//!         time, and sort who asks these
//!     scan each bucket for all who ask it; what comes through is a survivor
//!     for each group of survivors: fetch ids, fetch hashes, keep those within the radius
//!         whose first word within its threshold is the table's
//!     queries with too many survivors: forget what they found, and set them aside
//! scan for those set aside: each block of rows for all of them while it is in the cache
//! ```
//! So every column is read from its beginning to its end, and a bucket that several queries ask
//! is read once. Memory is bounded by the number of queries, whatever they meet.

use crate::hamming::Kernel;
use crate::hamming::kernel::{Around, Column, Found, Met, Row, SharedFound, SharedProbe, prefetch};
use crate::index::near::{self, MAX_ENTRIES, NearScratch, SURVIVORS, Sink, Strategy};
use crate::index::plan::{Ask, Plan, cost, flips_within, line_flips_within};
use crate::segment::NearView;
use crate::segment::format::BUCKETS;

/// The most queries that are searched together: the memory for them stays below some twenty
/// megabytes.
pub(super) const MAX_QUERIES: usize = 1 << 17;
/// Fewer queries than this search one after the other: they have too little in common.
const MIN_QUERIES: usize = 8;
/// Fewer queries than this ask a table's buckets one query after the other: a list of them in order would cost
/// more than it saves.
const MIN_LISTED: usize = 1024;
/// From so many queries on all buckets are gone over.
const WALK_QUERIES: usize = 8192;
/// The most probes that are listed together: 8 MiB.
const MAX_LISTED: usize = 1 << 19;
/// Lists are in order by so many leading bits of the bucket: what is asked of 32 neighbouring
/// buckets stands together, and is met while they are in the cache.
const ORDER_BITS: u32 = 11;
/// Queries whose entries are counted first.
const SAMPLE: usize = 64;
/// A query may have so many times the survivors that a scan is worth.
const OVERDRAFT: u64 = 2;
/// Survivors ahead of the one whose id is read, for which it is asked for.
const IDS_AHEAD: usize = 32;
/// Fewer queries than this scan rows as they are: to turn them would cost more than it saves.
const MIN_TURNED: usize = 16;
/// Rows that are scanned for all queries before the next: half of a first-level cache.
const BLOCK_ROWS: usize = 512;

/// Takes what a search for many queries finds.
pub(super) trait BatchSink {
    /// Farther hashes than this need not be found for that query any more.
    fn radius(&self, query: u32) -> u32;
    /// Takes a hash for that query; never the same twice, unless rolled back.
    fn take(&mut self, query: u32, found: Found);
    /// Forgets all that this search gave it for that query.
    fn roll_back(&mut self, query: u32);
}

/// Gives `sink` every hash of the view within `radius` of each query, and within the sink's own
/// radius. There may be [`MAX_QUERIES`] at most.
pub(super) fn search<R: Row>(
    (kernel, strategy): (Kernel, Strategy),
    view: &NearView<'_, R>,
    queries: &[R],
    radius: u32,
    scratch: &mut NearScratch,
    sink: &mut impl BatchSink,
) {
    debug_assert!(queries.len() <= MAX_QUERIES);
    let scan_cost = match strategy {
        Strategy::Planned => {
            // Memory is read once for all, then the cache for each.
            let shared = near::scan_cost::<R>(view.rows.len()) / queries.len().max(1) as u64;
            let cached = match R::WORDS {
                2 => cost::SCAN_32_NARROW_IN_CACHE,
                _ => cost::SCAN_8_WIDE_IN_CACHE * 4,
            };
            shared.max(view.rows.len() as u64 / 32 * cached)
        }
        Strategy::Tables => u64::MAX,
        Strategy::Scan => 0,
    };
    let plan = Plan::new(R::WORDS, radius);
    let worth_it = plan
        .probes()
        .is_some_and(|probes| probes as u64 * cost::PROBE <= scan_cost);
    let mut aside: Vec<u32> = (0..queries.len() as u32).collect();
    if queries.len() < MIN_QUERIES && strategy != Strategy::Tables {
        aside.retain(|&number| {
            let mut one = OneOf { number, sink };
            let query = queries.get(number as usize);
            query.is_some_and(|query| {
                !near::probe(kernel, scan_cost, view, query, scratch, &mut one)
            })
        });
    } else if view.tables() == 2 * R::WORDS && worth_it {
        let mut tables = Tables::new(kernel, view, queries, plan);
        tables.allow(scan_cost, scratch, sink);
        tables.search(sink);
        aside.retain(|&query| tables.way(query) == Some(Way::Scan));
    }
    if aside.is_empty() {
        return;
    }
    let (mut found, mut turned) = (Vec::new(), Vec::new());
    let mut base = 0u32;
    for rows in view.rows.chunks(BLOCK_ROWS) {
        let wide = R::wide(rows).filter(|_| aside.len() >= MIN_TURNED);
        let wide = wide.filter(|rows| kernel.turn(rows, &mut turned).is_some());
        for &number in &aside {
            let Some(query) = queries.get(number as usize..=number as usize) else {
                continue;
            };
            let within = radius.min(sink.radius(number));
            if let (Some(rows), Some([query])) = (wide, R::wide(query)) {
                kernel.scan_turned((rows, &turned), base, query, within, &mut found);
            } else if let [query] = query {
                kernel.scan(rows, base, query, within, &mut found);
            }
            found.drain(..).for_each(|hash| sink.take(number, hash));
        }
        base = base.wrapping_add(rows.len() as u32);
    }
}

/// Hands on what is found for one query of many.
struct OneOf<'a, S> {
    number: u32,
    sink: &'a mut S,
}

impl<S: BatchSink> Sink for OneOf<'_, S> {
    fn radius(&self) -> u32 {
        self.sink.radius(self.number)
    }

    fn take(&mut self, found: &[Found]) {
        for &hash in found {
            if hash.distance <= self.radius() {
                self.sink.take(self.number, hash);
            }
        }
    }

    fn roll_back(&mut self) {
        self.sink.roll_back(self.number);
    }
}

/// Which way a query is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Tables,
    /// Set aside for the scan.
    Scan,
    /// It was already, with the sample.
    Done,
}

/// How many survivors a scan is worth to a query, and how many more it may have.
#[derive(Debug, Clone, Copy)]
struct Allowance {
    worth: u64,
    left: u64,
    way: Way,
}

impl Allowance {
    fn new(worth: u64, way: Way) -> Self {
        // A scan that is never to be taken is worth more than can be multiplied.
        let worth = worth.min(u64::MAX / OVERDRAFT);
        let left = OVERDRAFT * worth;
        Self { worth, left, way }
    }

    fn by_tables(&self) -> bool {
        self.way == Way::Tables
    }
}

/// The search by the tables.
struct Tables<'a, R> {
    kernel: Kernel,
    view: &'a NearView<'a, R>,
    queries: &'a [R],
    plan: Plan,
    allowances: Vec<Allowance>,
    survivors: Vec<Met>,
    found: Vec<SharedFound>,
}

/// A table that is asked.
#[derive(Clone, Copy)]
struct Asked<'a> {
    ask: Ask,
    offsets: &'a [u32; BUCKETS + 1],
    column: Column<'a>,
}

impl<'a, R: Row> Tables<'a, R> {
    fn new(kernel: Kernel, view: &'a NearView<'a, R>, queries: &'a [R], plan: Plan) -> Self {
        Self {
            kernel,
            view,
            queries,
            plan,
            allowances: vec![Allowance::new(0, Way::Scan); queries.len()],
            survivors: vec![Met::default(); SURVIVORS],
            found: Vec::new(),
        }
    }

    fn way(&self, query: u32) -> Option<Way> {
        let allowance = self.allowances.get(query as usize)?;
        Some(allowance.way)
    }

    /// The tables that the plan asks.
    fn asked(&self) -> Vec<Asked<'a>> {
        let view = self.view;
        let asked = self.plan.asks().iter().filter(|ask| ask.radius >= 0);
        let asked = asked.filter_map(|&ask| {
            Some(Asked {
                ask,
                offsets: view.offsets(ask.table)?,
                column: *view.columns().get(ask.table)?,
            })
        });
        asked.collect()
    }

    /// Allows each query as many survivors as a scan of that cost is worth, or sets it aside.
    fn allow(&mut self, scan_cost: u64, scratch: &mut NearScratch, sink: &mut impl BatchSink) {
        let probes = self.plan.probes().unwrap_or(0) as u64 * cost::PROBE;
        let asked = self.asked();
        let allowance = |query: &R| {
            let mut entries = 0;
            for Asked { ask, offsets, .. } in &asked {
                let (chunk, _) = ask.of(query);
                for &flip in flips_within(ask.radius) {
                    let bucket = usize::from(chunk ^ flip);
                    entries += u64::from(offsets[bucket + 1].saturating_sub(offsets[bucket]));
                }
            }
            let known = probes + entries / 16 * cost::SIXTEEN_ENTRIES;
            let left = scan_cost.checked_sub(known);
            let way = left.map_or(Way::Scan, |_| Way::Tables);
            Allowance::new(left.unwrap_or(0) / cost::SURVIVOR, way)
        };
        let step = self.queries.len().div_ceil(SAMPLE).max(1);
        let sample = || self.queries.iter().zip(0u32..).step_by(step);
        let least = sample().map(|(query, _)| allowance(query).worth).min();
        // Where entries are few, what is left for survivors is nearly all. A query that meets more
        // of them than those of the sample costs a few scans at most.
        let much = scan_cost / cost::SURVIVOR / 2;
        if let Some(least) = least.filter(|&least| least > much) {
            self.allowances.fill(Allowance::new(least, Way::Tables));
            return;
        }
        let mut allowances: Vec<_> = self.queries.iter().map(allowance).collect();
        // Where it is close, the sample tells which way the others shall go.
        let (mut searched, mut scanned) = (0, 0);
        for (query, number) in sample() {
            let mut one = OneOf { number, sink };
            let found = near::probe(self.kernel, scan_cost, self.view, query, scratch, &mut one);
            if let Some(allowance) = allowances.get_mut(number as usize) {
                allowance.way = if found { Way::Done } else { Way::Scan };
            }
            searched += 1;
            scanned += usize::from(!found);
        }
        if 4 * scanned >= 3 * searched {
            let others = allowances.iter_mut().filter(|a| a.by_tables());
            others.for_each(|allowance| allowance.way = Way::Scan);
        }
        self.allowances = allowances;
    }

    fn search(&mut self, sink: &mut impl BatchSink) {
        let asked = self.asked();
        let mut listed = Vec::new();
        let (mut done, mut to_come) = (0, asked.iter().map(|table| table.ask.share()).sum::<u64>());
        for &table in &asked {
            let living = self.allowances.iter().filter(|a| a.by_tables()).count();
            if living >= WALK_QUERIES {
                self.walk(&table, sink);
            } else if living < MIN_LISTED {
                self.around(&table, sink);
            } else {
                let step = (MAX_LISTED / flips_within(table.ask.radius).len().max(1)).max(1);
                for first in (0..self.queries.len()).step_by(step) {
                    self.list(&table, first, step, &mut listed);
                    self.scan(&table, &listed, sink);
                }
            }
            // What was spent is spent: are the tables to come worth more than a scan, if they are
            // like those so far?
            done += table.ask.share();
            to_come -= table.ask.share();
            for (allowance, query) in self.allowances.iter_mut().zip(0..) {
                let survived = OVERDRAFT * allowance.worth - allowance.left;
                let expected = survived.saturating_mul(to_come) / done.max(1);
                if expected > allowance.worth && allowance.by_tables() {
                    allowance.way = Way::Scan;
                    sink.roll_back(query);
                }
            }
        }
    }

    /// Scans the buckets about each query's chunk, one query after the other, while the table is in the cache.
    fn around(&mut self, table: &Asked<'_>, sink: &mut impl BatchSink) {
        let Asked {
            ask,
            offsets,
            column,
        } = table;
        let (kernel, flips) = (self.kernel, flips_within(ask.radius));
        let (mut met, mut long) = (0, Vec::new());
        let queries = self.queries;
        let mut to_come = queries.iter().zip(0u32..).skip(1);
        for (query, number) in queries.iter().zip(0u32..) {
            if let Some((next, _)) = to_come.next() {
                let (chunk, _) = ask.of(next);
                for line in line_flips_within(ask.radius) {
                    prefetch(offsets.as_slice(), usize::from(chunk ^ line));
                }
            }
            if self.way(number) != Some(Way::Tables) {
                continue;
            }
            let (chunk, sibling) = ask.of(query);
            let around = Around {
                query: number,
                chunk,
                sibling,
                least: ask.least as u8,
                threshold: ask.threshold as u8,
                longest: MAX_ENTRIES,
            };
            let mut asked = 0;
            while asked < flips.len() {
                let room = self.survivors.get_mut(met..).unwrap_or_default();
                let (next, count) = kernel.scan_around(
                    column.siblings,
                    offsets,
                    flips,
                    &around,
                    asked,
                    room,
                    &mut long,
                );
                asked = next;
                met += count;
                // The next bucket may not fit.
                if SURVIVORS - met < MAX_ENTRIES as usize {
                    self.verify(table, met, sink);
                    met = 0;
                }
            }
        }
        self.verify(table, met, sink);
        if !long.is_empty() {
            let mut rest = Vec::new();
            long.iter_mut().for_each(|probe| split(probe, &mut rest));
            long.append(&mut rest);
            long.sort_by_key(|probe| probe.begin);
            self.scan(table, &long, sink);
        }
    }

    /// Lists which buckets `count` queries from `first` on ask, roughly in order.
    fn list(&self, table: &Asked<'_>, first: usize, count: usize, listed: &mut Vec<SharedProbe>) {
        let Asked { ask, offsets, .. } = table;
        // Each flip, and the greatest distance of the sibling chunk that it leaves. At least `least`:
        // chunk radii are shared out so.
        let most = |flip: u16| (ask.threshold - flip.count_ones() as i32) as u8;
        let flips = flips_within(ask.radius).iter();
        let flips: Vec<(u16, u8)> = flips.map(|&flip| (flip, most(flip))).collect();
        let part = || {
            let all = self.queries.iter().zip(&self.allowances).zip(0u32..);
            all.skip(first)
                .take(count)
                .filter(|((_, allowance), _)| allowance.by_tables())
                .map(|((query, _), number)| (ask.of(query), number))
        };
        let bin = |bucket: u16| usize::from(bucket >> (u16::BITS - ORDER_BITS));
        let mut next = [0u32; 1 << ORDER_BITS];
        for ((chunk, _), _) in part() {
            for line in line_flips_within(ask.radius) {
                prefetch(offsets.as_slice(), usize::from(chunk ^ line));
            }
            for (flip, _) in &flips {
                let place = &mut next[bin(chunk ^ flip)];
                *place = place.wrapping_add(1);
            }
        }
        let mut sum = 0;
        for place in &mut next {
            sum += std::mem::replace(place, sum);
        }
        listed.clear();
        listed.resize(sum as usize, SharedProbe::default());
        let mut long = Vec::new();
        for ((chunk, sibling), query) in part() {
            for &(flip, most) in &flips {
                let bucket = chunk ^ flip;
                let place = &mut next[bin(bucket)];
                let Some(slot) = listed.get_mut(*place as usize) else {
                    continue;
                };
                *place = place.wrapping_add(1);
                let bucket = usize::from(bucket);
                *slot = SharedProbe {
                    begin: offsets[bucket],
                    end: offsets[bucket + 1],
                    query,
                    sibling,
                    least: ask.least as u8,
                    most,
                };
                if slot.end.saturating_sub(slot.begin) > MAX_ENTRIES {
                    split(slot, &mut long);
                }
            }
        }
        listed.append(&mut long);
    }

    /// Goes over all buckets, 256 neighbours at a time, and sorts what is asked of these.
    fn walk(&mut self, table: &Asked<'_>, sink: &mut impl BatchSink) {
        // Queries by the upper byte of their chunk.
        let mut starts = [0usize; 257];
        let living = || {
            let all = self.queries.iter().zip(&self.allowances).zip(0u32..);
            all.filter(|((_, allowance), _)| allowance.by_tables())
                .map(|((query, _), number)| (table.ask.of(query), number))
        };
        for ((chunk, _), _) in living() {
            starts[usize::from(chunk >> 8) + 1] += 1;
        }
        for upper in 0..256 {
            starts[upper + 1] += starts[upper];
        }
        let mut next = starts;
        let mut sorted = vec![(0u16, 0u16, 0u32); starts[256]];
        for ((chunk, sibling), number) in living() {
            let place = &mut next[usize::from(chunk >> 8)];
            if let Some(slot) = sorted.get_mut(*place) {
                *slot = (chunk, sibling, number);
            }
            *place += 1;
        }
        // A flip is one of the upper byte and one of the lower.
        let radius = table.ask.radius;
        let bytes = |radius| flips_within(radius).iter().filter(|&&flip| flip < 256);
        let (mut window, mut listed) = (Window::default(), Vec::new());
        for upper in 0..256u16 {
            for &flip in bytes(radius) {
                let far = usize::from(upper ^ flip);
                let asking = sorted.get(starts[far]..starts[far + 1]);
                let left = radius - flip.count_ones() as i32;
                for &(chunk, sibling, query) in asking.unwrap_or_default() {
                    for &low in bytes(left) {
                        let flips = (flip.count_ones() + low.count_ones()) as u8;
                        window.note((chunk ^ low) as u8, sibling, flips, query);
                    }
                    if window.asked.len() >= MAX_LISTED {
                        window.list(table, upper, &mut listed);
                        self.scan(table, &listed, sink);
                    }
                }
            }
            window.list(table, upper, &mut listed);
            self.scan(table, &listed, sink);
        }
    }

    /// Scans buckets, and verifies what comes through.
    fn scan(&mut self, table: &Asked<'_>, probes: &[SharedProbe], sink: &mut impl BatchSink) {
        let mut next = 0;
        while next < probes.len() {
            let (scanned, count) =
                self.kernel
                    .scan_shared(table.column.siblings, probes, next, &mut self.survivors);
            next = scanned;
            self.verify(table, count, sink);
        }
    }

    /// Verifies the first `count` survivors, as far as their queries may have so many.
    fn verify(&mut self, table: &Asked<'_>, count: usize, sink: &mut impl BatchSink) {
        let mut kept = 0;
        for place in 0..count {
            if let Some(ahead) = self.survivors.get(place + IDS_AHEAD) {
                prefetch(table.column.ids, ahead.number as usize);
            }
            let Some(&met) = self.survivors.get(place) else {
                break;
            };
            let Some(allowance) = self.allowances.get_mut(met.query as usize) else {
                continue;
            };
            if allowance.left == 0 {
                if allowance.by_tables() {
                    allowance.way = Way::Scan;
                    sink.roll_back(met.query);
                }
                continue;
            }
            allowance.left -= 1;
            let id = table.column.id(met.number);
            if let (Some(slot), Some(number)) = (self.survivors.get_mut(kept), id) {
                *slot = Met {
                    number,
                    query: met.query,
                };
                kept += 1;
            }
        }
        self.found.clear();
        self.kernel.verify_shared(
            self.view.rows,
            self.queries,
            self.survivors.get(..kept).unwrap_or_default(),
            table.ask.word(),
            &self.plan.thresholds,
            self.plan.radius,
            &mut self.found,
        );
        for hash in &self.found {
            // One that was set aside just now may have had survivors before.
            let by_tables = self.way(hash.query) == Some(Way::Tables);
            if by_tables && hash.found.distance <= sink.radius(hash.query) {
                sink.take(hash.query, hash.found);
            }
        }
    }
}

/// What is asked of 256 neighbouring buckets.
struct Window {
    /// From the greatest bit: 8 bits of bucket, 8 of flips, 16 of sibling chunk, 32 of query.
    asked: Vec<u64>,
    /// How often each bucket is asked.
    count: [u32; 256],
}

impl Default for Window {
    fn default() -> Self {
        Self {
            asked: Vec::new(),
            count: [0; 256],
        }
    }
}

impl Window {
    #[inline(always)]
    fn note(&mut self, bucket: u8, sibling: u16, flips: u8, query: u32) {
        self.count[usize::from(bucket)] += 1;
        let upper = u64::from(bucket) << 56 | u64::from(flips) << 48;
        self.asked
            .push(upper | u64::from(sibling) << 32 | u64::from(query));
    }

    /// Lists what is noted in the order of the buckets, and forgets it. `upper` is the upper byte
    /// of all these buckets.
    fn list(&mut self, table: &Asked<'_>, upper: u16, listed: &mut Vec<SharedProbe>) {
        let Asked { ask, offsets, .. } = table;
        let mut next = [0u32; 256];
        let mut sum = 0;
        for (place, count) in next.iter_mut().zip(&mut self.count) {
            *place = sum;
            sum += std::mem::take(count);
        }
        listed.clear();
        listed.resize(self.asked.len(), SharedProbe::default());
        let mut long = Vec::new();
        for key in self.asked.drain(..) {
            let low = (key >> 56) as u8;
            let place = &mut next[usize::from(low)];
            let Some(slot) = listed.get_mut(*place as usize) else {
                continue;
            };
            *place += 1;
            let bucket = usize::from(upper << 8 | u16::from(low));
            *slot = SharedProbe {
                begin: offsets[bucket],
                end: offsets[bucket + 1],
                query: key as u32,
                sibling: (key >> 32) as u16,
                least: ask.least as u8,
                // At least `least`: chunk radii are shared out so.
                most: (ask.threshold - i32::from((key >> 48) as u8)) as u8,
            };
            if slot.end.saturating_sub(slot.begin) > MAX_ENTRIES {
                split(slot, &mut long);
            }
        }
        // Neighbours again, so that those who ask the same part share the reading of it.
        long.sort_by_key(|probe| probe.begin);
        listed.append(&mut long);
    }
}

/// Shortens a long bucket's probe, and gives the rest of it to others.
#[cold]
fn split(probe: &mut SharedProbe, rest: &mut Vec<SharedProbe>) {
    let end = probe.end;
    probe.end = probe.begin.saturating_add(MAX_ENTRIES);
    let mut begin = probe.end;
    while begin < end {
        let part = end.min(begin.saturating_add(MAX_ENTRIES));
        rest.push(SharedProbe {
            begin,
            end: part,
            ..*probe
        });
        begin = part;
    }
}
