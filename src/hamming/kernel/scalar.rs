//! Portable code, for any processor; the compiler makes of it what the platform's baseline offers.

use super::generic::{self, Candidate, Column, Found, Isa, Probe, Row, Survivor};
use super::shared::{self, Around, BUCKETS, Met, SharedFound, SharedProbe};
use super::turned::{self, Turned};
use std::ops::Range;

struct Scalar;

/// A bit for each of up to 32 chunks.
#[inline(always)]
fn near<const N: usize>(block: &[u16; N], query: u16, least: u16, most: u16) -> u32 {
    let mut near = [0u8; N];
    for (flag, sibling) in near.iter_mut().zip(block) {
        let distance = (sibling ^ query).count_ones() as u16;
        *flag = u8::from(least <= distance) & u8::from(distance <= most);
    }
    let mut mask = 0;
    for (entry, flag) in near.iter().enumerate() {
        mask |= u32::from(*flag) << entry;
    }
    mask
}

impl Isa for Scalar {
    #[inline(always)]
    fn near32(block: &[u16; 32], query: u16, least: u16, most: u16) -> u32 {
        near(block, query, least, most)
    }

    #[inline(always)]
    fn near16(block: &[u16; 16], query: u16, least: u16, most: u16) -> u32 {
        near(block, query, least, most)
    }

    #[inline(always)]
    fn near8_256(block: &[[u32; 8]; 8], query: &[u32; 8], radius: u32) -> u32 {
        let mut mask = 0;
        for (number, row) in block.iter().enumerate() {
            mask |= u32::from(row.distance(query) <= radius) << number;
        }
        mask
    }

    #[inline(always)]
    fn near8_64(block: &[[u32; 2]; 8], query: &[u32; 2], radius: u32) -> u32 {
        let mut mask = 0;
        for (number, row) in block.iter().enumerate() {
            mask |= u32::from(row.distance(query) <= radius) << number;
        }
        mask
    }

    #[inline(always)]
    fn words_256(row: &[u32; 8], query: &[u32; 8], thresholds: &[i32; 8]) -> (u32, u32) {
        let (mut within, mut total) = (0, 0);
        for (number, ((a, b), threshold)) in row.iter().zip(query).zip(thresholds).enumerate() {
            let distance = (a ^ b).count_ones();
            within |= u32::from(distance as i32 <= *threshold) << number;
            total += distance;
        }
        (within, total)
    }
}

pub(super) fn scan<R: Row>(rows: &[R], base: u32, query: &R, radius: u32, found: &mut Vec<Found>) {
    generic::scan::<Scalar, R>(rows, base, query, radius, found);
}

pub(super) fn scan_turned(
    rows: &[[u32; 8]],
    turned: &[Turned],
    base: u32,
    query: &[u32; 8],
    radius: u32,
    found: &mut Vec<Found>,
) {
    turned::scan_turned::<Scalar>(rows, turned, base, query, radius, found);
}

pub(super) fn scan_buckets(
    columns: &[Column<'_>],
    probes: &[Probe],
    part: Range<usize>,
    survivors: &mut [Survivor],
) -> (usize, usize) {
    generic::scan_buckets::<Scalar>(columns, probes, part, survivors)
}

pub(super) fn verify<R: Row>(
    rows: &[R],
    candidates: &[Candidate],
    query: &R,
    thresholds: &[i32; 8],
    radius: u32,
    found: &mut Vec<Found>,
) {
    generic::verify::<Scalar, R>(rows, candidates, query, thresholds, radius, found);
}

pub(super) fn scan_shared(
    column: &[u16],
    probes: &[SharedProbe],
    from: usize,
    survivors: &mut [Met],
) -> (usize, usize) {
    shared::scan_shared::<Scalar>(column, probes, from, survivors)
}

pub(super) fn verify_shared<R: Row>(
    rows: &[R],
    queries: &[R],
    candidates: &[Met],
    word: u32,
    thresholds: &[i32; 8],
    radius: u32,
    found: &mut Vec<SharedFound>,
) {
    shared::verify_shared::<Scalar, R>(rows, queries, candidates, word, thresholds, radius, found);
}

pub(super) fn scan_around(
    column: &[u16],
    offsets: &[u32; BUCKETS + 1],
    flips: &[u16],
    around: &Around,
    from: usize,
    survivors: &mut [Met],
    long: &mut Vec<SharedProbe>,
) -> (usize, usize) {
    shared::scan_around::<Scalar>(column, offsets, flips, around, from, survivors, long)
}
