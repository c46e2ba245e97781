//! The search of one near type in one segment.
//!
//! ```text
//! plan the radius; where probing would cost more than a scan: scan
//! ask for the cache lines of all bucket offsets, then read them
//! where the entries now known would cost more than a scan: scan
//! scan the buckets, 32 sibling chunks at a time; what comes through is a survivor
//! for each group of survivors: fetch ids, fetch hashes, keep those within the radius
//!     whose first word within its threshold is the word they were found by
//! where survivors cost more than a scan after all: forget what was found, and scan
//! ```

use crate::hamming::Kernel;
use crate::hamming::kernel::{Candidate, Found, Probe, Row, Survivor, prefetch};
use crate::index::plan::{Plan, cost, flips_within};
use crate::segment::NearView;

/// Entries that one probe covers at most; longer buckets are several probes, so that the
/// survivors of a few probes always fit in bounded memory.
const MAX_ENTRIES: u32 = 4096;
/// Survivors that are verified together.
const ENOUGH: usize = 1024;
/// Rows that are scanned at a time, and the most that are found at a time.
const SCAN_ROWS: usize = 4096;

/// Which of two exact ways a near search takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Strategy {
    /// The one that costs less, query by query.
    #[default]
    Planned,
    /// The tables, wherever there are any and the radius leaves a plan for them.
    Tables,
    /// A scan of all hashes.
    Scan,
}

/// Memory that is used again from query to query; it stays bounded whatever is found.
#[derive(Debug, Default)]
pub(super) struct NearScratch {
    probes: Vec<Probe>,
    survivors: Vec<Survivor>,
    candidates: Vec<Candidate>,
    found: Vec<Found>,
}

/// Takes what a search finds.
pub(super) trait Sink {
    /// Farther hashes than this need not be found any more.
    fn radius(&self) -> u32;
    /// Takes some hashes; never the same twice, unless rolled back.
    fn take(&mut self, found: &[Found]);
    /// Forgets all that this search gave it.
    fn roll_back(&mut self);
}

/// Gives `sink` every hash of the view within its radius.
pub(super) fn search<R: Row>(
    (kernel, strategy): (Kernel, Strategy),
    view: &NearView<'_, R>,
    query: &R,
    scratch: &mut NearScratch,
    sink: &mut impl Sink,
) {
    let budget = match strategy {
        Strategy::Planned => scan_cost::<R>(view.rows.len()),
        Strategy::Tables => u64::MAX,
        Strategy::Scan => 0,
    };
    if !probe(kernel, budget, view, query, scratch, sink) {
        scan(kernel, view, query, scratch, sink);
    }
}

/// What a scan of the whole column costs.
fn scan_cost<R: Row>(rows: usize) -> u64 {
    rows as u64 * R::WORDS as u64 * cost::SCAN_32_BYTES / 8
}

fn scan<R: Row>(
    kernel: Kernel,
    view: &NearView<'_, R>,
    query: &R,
    scratch: &mut NearScratch,
    sink: &mut impl Sink,
) {
    let mut base = 0u32;
    for rows in view.rows.chunks(SCAN_ROWS) {
        scratch.found.clear();
        kernel.scan(rows, base, query, sink.radius(), &mut scratch.found);
        if !scratch.found.is_empty() {
            sink.take(&scratch.found);
        }
        base = base.wrapping_add(rows.len() as u32);
    }
}

/// Searches by the tables; `false` where a scan is called for.
fn probe<R: Row>(
    kernel: Kernel,
    budget: u64,
    view: &NearView<'_, R>,
    query: &R,
    scratch: &mut NearScratch,
    sink: &mut impl Sink,
) -> bool {
    let tables = view.tables();
    if tables.len() != 2 * R::WORDS {
        return false;
    }
    let plan = Plan::new(R::WORDS, sink.radius());
    let Some(probes) = plan.probes() else {
        return false;
    };
    if probes as u64 * cost::PROBE > budget {
        return false;
    }
    let entries = gather(view, query, &plan, &mut scratch.probes);
    let known = scratch.probes.len() as u64 * cost::PROBE + entries / 16 * cost::SIXTEEN_ENTRIES;
    let Some(mut left) = budget.checked_sub(known) else {
        return false;
    };
    let mut next = 0;
    while next < scratch.probes.len() {
        scratch.survivors.clear();
        next = kernel.scan_buckets(
            view.siblings(),
            &scratch.probes,
            next,
            ENOUGH,
            &mut scratch.survivors,
        );
        let spent = scratch.survivors.len() as u64 * cost::SURVIVOR;
        match left.checked_sub(spent) {
            Some(rest) => left = rest,
            None => {
                sink.roll_back();
                return false;
            }
        }
        let table_of = |survivor: &Survivor| tables.get(usize::from(survivor.table));
        for survivor in &scratch.survivors {
            if let Some(table) = table_of(survivor) {
                prefetch(table.ids, survivor.position as usize);
            }
        }
        scratch.candidates.clear();
        for survivor in &scratch.survivors {
            if let Some(id) = table_of(survivor).and_then(|table| table.id(survivor.position)) {
                scratch.candidates.push(Candidate {
                    id,
                    word: survivor.table / 2,
                });
            }
        }
        scratch.found.clear();
        kernel.verify(
            view.rows,
            &scratch.candidates,
            query,
            &plan.thresholds,
            sink.radius(),
            &mut scratch.found,
        );
        if !scratch.found.is_empty() {
            sink.take(&scratch.found);
        }
    }
    true
}

/// Reads the offsets of all buckets that the plan asks, and returns how many entries they hold.
fn gather<R: Row>(view: &NearView<'_, R>, query: &R, plan: &Plan, probes: &mut Vec<Probe>) -> u64 {
    probes.clear();
    let tables = view.tables();
    let words = query.as_words();
    // For each table that is asked: its number, the query's chunk, the sibling chunk, the radius,
    // the least distance of the sibling chunk, and the word's threshold.
    let asked = plan.words().flat_map(|(word, threshold, first, second)| {
        let value = words.get(word).copied().unwrap_or(0);
        let (upper, lower) = ((value >> 16) as u16, value as u16);
        // What the first chunk's table finds, the second's leaves out: siblings within `first`.
        [
            (2 * word, upper, lower, first, 0, threshold),
            (2 * word + 1, lower, upper, second, first + 1, threshold),
        ]
    });
    for (table, chunk, _, radius, _, _) in asked.clone() {
        if let Some(table) = tables.get(table) {
            for flip in flips_within(radius) {
                prefetch(table.offsets, usize::from(chunk ^ flip));
            }
        }
    }
    let mut entries = 0;
    for (number, chunk, sibling, radius, least, threshold) in asked {
        let Some(table) = tables.get(number) else {
            continue;
        };
        for flip in flips_within(radius) {
            let most = threshold - flip.count_ones() as i32;
            let bucket = usize::from(chunk ^ flip);
            let (Some(&begin), Some(&end)) =
                (table.offsets.get(bucket), table.offsets.get(bucket + 1))
            else {
                continue;
            };
            if most < least || begin >= end {
                continue;
            }
            entries += u64::from(end - begin);
            let mut begin = begin;
            while begin < end {
                let part = end.min(begin.saturating_add(MAX_ENTRIES));
                probes.push(Probe {
                    begin,
                    end: part,
                    sibling,
                    table: number as u8,
                    least: least as u8,
                    most: most as u8,
                });
                begin = part;
            }
        }
    }
    entries
}
