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
use crate::index::plan::{Plan, cost, flips_of, line_flips_within};
use crate::segment::NearView;

/// Entries that one probe covers at most; longer buckets are several probes, so that the
/// survivors of a few probes always fit in bounded memory.
pub(super) const MAX_ENTRIES: u32 = 4096;
/// Room for survivors that are verified together: at least [`MAX_ENTRIES`].
pub(super) const SURVIVORS: usize = 2 * MAX_ENTRIES as usize;
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

/// What a search did in near columns, counted: how much of the index it met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Work {
    /// Buckets that were asked.
    pub probes: u64,
    /// Entries in those buckets.
    pub entries: u64,
    /// Entries that came through, whose hashes were fetched.
    pub survivors: u64,
    /// Hashes that were scanned.
    pub scanned: u64,
}

/// Memory that is used again from query to query; it stays bounded whatever is found.
#[derive(Debug, Default)]
pub(super) struct NearScratch {
    pub(super) work: Work,
    /// The most that a segment's search may cost; beyond it nothing is searched.
    most: Option<u64>,
    /// Whether a segment was left out because it would have cost more.
    pub(super) gave_up: bool,
    probes: Vec<Probe>,
    survivors: Vec<Survivor>,
    candidates: Vec<Candidate>,
    found: Vec<Found>,
}

impl NearScratch {
    /// For the next query, whatever became of the last one.
    pub(super) fn begin(&mut self, most: Option<u64>) {
        self.work = Work::default();
        self.most = most;
        self.gave_up = false;
    }
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
    let most = scratch.most.unwrap_or(u64::MAX);
    if probe(kernel, budget.min(most), view, query, scratch, sink) {
        return;
    }
    scratch.gave_up |= scan_cost::<R>(view.rows.len()) > most;
    if !scratch.gave_up {
        scan(kernel, view, query, scratch, sink);
    }
}

/// What a scan of the whole column costs.
pub(super) fn scan_cost<R: Row>(rows: usize) -> u64 {
    rows as u64 * R::WORDS as u64 * cost::SCAN_32_BYTES / 8
}

fn scan<R: Row>(
    kernel: Kernel,
    view: &NearView<'_, R>,
    query: &R,
    scratch: &mut NearScratch,
    sink: &mut impl Sink,
) {
    scratch.work.scanned += view.rows.len() as u64;
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
pub(super) fn probe<R: Row>(
    kernel: Kernel,
    budget: u64,
    view: &NearView<'_, R>,
    query: &R,
    scratch: &mut NearScratch,
    sink: &mut impl Sink,
) -> bool {
    if view.tables() != 2 * R::WORDS {
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
    let Some(left) = budget.checked_sub(known) else {
        return false;
    };
    scratch.work.probes += scratch.probes.len() as u64;
    scratch.work.entries += entries;
    scratch.survivors.resize(SURVIVORS, Survivor::default());
    let (mut next, mut survived) = (0, 0);
    while next < scratch.probes.len() {
        let (scanned, count) = kernel.scan_buckets(
            view.columns(),
            &scratch.probes,
            next..scratch.probes.len(),
            &mut scratch.survivors,
        );
        next = scanned;
        survived += count as u64;
        // If the rest is like what has been scanned so far, will there be too many?
        let expected = survived * scratch.probes.len() as u64 / next.max(1) as u64;
        if expected.saturating_mul(cost::SURVIVOR) > left {
            sink.roll_back();
            return false;
        }
        scratch.work.survivors += count as u64;
        let survivors = scratch.survivors.get(..count).unwrap_or_default();
        let column_of = |survivor: &Survivor| view.columns().get(usize::from(survivor.table));
        for survivor in survivors {
            if let Some(column) = column_of(survivor) {
                prefetch(column.ids, survivor.position as usize);
            }
        }
        scratch.candidates.clear();
        for survivor in survivors {
            let id = column_of(survivor).and_then(|column| column.id(survivor.position));
            if let Some(id) = id {
                prefetch(view.rows, id as usize);
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
    for ask in plan.asks() {
        if let Some(offsets) = view.offsets(ask.table) {
            let (chunk, _) = ask.of(query);
            for line in line_flips_within(ask.radius) {
                prefetch(offsets, usize::from(chunk ^ line));
            }
        }
    }
    // Slots are written where they lie: a probe put together elsewhere and moved costs a stall.
    probes.resize(plan.probes().unwrap_or(0), NO_PROBE);
    let (mut entries, mut count, mut longest) = (0u64, 0usize, 0);
    for ask in plan.asks() {
        let Some(offsets) = view.offsets(ask.table) else {
            continue;
        };
        let (chunk, sibling) = ask.of(query);
        for bits in 0..=ask.radius {
            let most = ask.threshold - bits;
            if most < ask.least {
                break;
            }
            for flip in flips_of(bits) {
                let bucket = usize::from(chunk ^ flip);
                let (begin, end) = (offsets[bucket], offsets[bucket + 1]);
                let Some(slot) = probes.get_mut(count) else {
                    continue;
                };
                slot.begin = begin;
                slot.end = end;
                slot.sibling = sibling;
                slot.table = ask.table as u8;
                slot.least = ask.least as u8;
                slot.most = most as u8;
                let length = end.saturating_sub(begin);
                longest = length.max(longest);
                entries = entries.wrapping_add(u64::from(length));
                count = count.wrapping_add(usize::from(length != 0));
            }
        }
    }
    probes.truncate(count);
    if longest > MAX_ENTRIES {
        let mut rest = Vec::new();
        for probe in probes.iter_mut() {
            split(probe, &mut rest);
        }
        probes.append(&mut rest);
    }
    entries
}

const NO_PROBE: Probe = Probe {
    begin: 0,
    end: 0,
    sibling: 0,
    table: 0,
    least: 0,
    most: 0,
};

/// Shortens a long bucket's probe, and gives the rest of it to others.
fn split(probe: &mut Probe, rest: &mut Vec<Probe>) {
    let end = probe.end;
    probe.end = end.min(probe.begin.saturating_add(MAX_ENTRIES));
    let mut begin = probe.end;
    while begin < end {
        let part = end.min(begin.saturating_add(MAX_ENTRIES));
        rest.push(Probe {
            begin,
            end: part,
            ..*probe
        });
        begin = part;
    }
}
