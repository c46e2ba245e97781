//! AArch64 with NEON: population counts of bytes, added up pairwise.

#![expect(unsafe_code, reason = "vector instructions")]

use super::Kernel;
use super::generic::{self, Candidate, Column, Found, Isa, Probe, Row, Survivor};
use super::shared::{self, Around, BUCKETS, Met, SharedFound, SharedProbe};
use super::turned::{self, Turned};
use std::arch::aarch64::*;
use std::ops::Range;

struct Neon;

/// Bit weights for gathering a vector of flags into a byte.
const WEIGHTS: [u16; 8] = [1, 2, 4, 8, 16, 32, 64, 128];

// SAFETY (all blocks of this impl): `entry!` below makes the only callers. They are compiled with
// these target features and are entered only after `Kernel::Neon.is_available()`.
impl Isa for Neon {
    #[inline(always)]
    fn near32(block: &[u16; 32], query: u16, least: u16, most: u16) -> u32 {
        // SAFETY: see the head of this impl.
        unsafe { near32(block, query, least, most) }
    }

    #[inline(always)]
    fn near16(block: &[u16; 16], query: u16, least: u16, most: u16) -> u32 {
        // SAFETY: see the head of this impl.
        unsafe { near16(block, query, least, most) }
    }

    #[inline(always)]
    fn near8_256(block: &[[u32; 8]; 8], query: &[u32; 8], radius: u32) -> u32 {
        // SAFETY: see the head of this impl.
        unsafe { near8_256(block, query, radius) }
    }

    #[inline(always)]
    fn near8_64(block: &[[u32; 2]; 8], query: &[u32; 2], radius: u32) -> u32 {
        // SAFETY: see the head of this impl.
        unsafe { near8_64(block, query, radius) }
    }

    #[inline(always)]
    fn words_256(row: &[u32; 8], query: &[u32; 8], thresholds: &[i32; 8]) -> (u32, u32) {
        // SAFETY: see the head of this impl.
        unsafe { words_256(row, query, thresholds) }
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn near32(block: &[u16; 32], query: u16, least: u16, most: u16) -> u32 {
    near(block, query, least, most)
}

#[inline]
#[target_feature(enable = "neon")]
fn near16(block: &[u16; 16], query: u16, least: u16, most: u16) -> u32 {
    near(block, query, least, most)
}

/// A bit for each of up to 32 chunks.
#[inline]
#[target_feature(enable = "neon")]
fn near(block: &[u16], query: u16, least: u16, most: u16) -> u32 {
    let mut mask = 0;
    // SAFETY: loads are unaligned and of exactly the referenced array's parts.
    unsafe {
        let weights = vld1q_u16(WEIGHTS.as_ptr());
        for (number, part) in block.as_chunks::<8>().0.iter().enumerate() {
            let difference = veorq_u16(vld1q_u16(part.as_ptr()), vdupq_n_u16(query));
            let distance = vpaddlq_u8(vcntq_u8(vreinterpretq_u8_u16(difference)));
            let near = vandq_u16(
                vcgeq_u16(distance, vdupq_n_u16(least)),
                vcleq_u16(distance, vdupq_n_u16(most)),
            );
            mask |= u32::from(vaddvq_u16(vandq_u16(near, weights))) << (8 * number);
        }
    }
    mask
}

#[inline]
#[target_feature(enable = "neon")]
fn near8_256(block: &[[u32; 8]; 8], query: &[u32; 8], radius: u32) -> u32 {
    let mut mask = 0;
    for (number, row) in block.iter().enumerate() {
        // SAFETY: see the head of this impl.
        let distance = unsafe {
            let low = veorq_u32(vld1q_u32(row.as_ptr()), vld1q_u32(query.as_ptr()));
            let high = veorq_u32(
                vld1q_u32(row.as_ptr().add(4)),
                vld1q_u32(query.as_ptr().add(4)),
            );
            let counts = vaddq_u8(
                vcntq_u8(vreinterpretq_u8_u32(low)),
                vcntq_u8(vreinterpretq_u8_u32(high)),
            );
            u32::from(vaddlvq_u8(counts))
        };
        mask |= u32::from(distance <= radius) << number;
    }
    mask
}

#[inline]
#[target_feature(enable = "neon")]
fn near8_64(block: &[[u32; 2]; 8], query: &[u32; 2], radius: u32) -> u32 {
    let mut mask = 0;
    for (number, row) in block.iter().enumerate() {
        mask |= u32::from(row.distance(query) <= radius) << number;
    }
    mask
}

#[inline]
#[target_feature(enable = "neon")]
fn words_256(row: &[u32; 8], query: &[u32; 8], thresholds: &[i32; 8]) -> (u32, u32) {
    // SAFETY: loads are unaligned and of exactly the referenced array's parts.
    unsafe {
        let half = |first: usize| {
            let difference = veorq_u32(
                vld1q_u32(row.as_ptr().add(first)),
                vld1q_u32(query.as_ptr().add(first)),
            );
            let distance = vpaddlq_u16(vpaddlq_u8(vcntq_u8(vreinterpretq_u8_u32(difference))));
            let within = vcleq_s32(
                vreinterpretq_s32_u32(distance),
                vld1q_s32(thresholds.as_ptr().add(first)),
            );
            (vmovn_u32(within), vaddvq_u32(distance))
        };
        let ((low, first), (high, second)) = (half(0), half(4));
        let flags = vandq_u16(vcombine_u16(low, high), vld1q_u16(WEIGHTS.as_ptr()));
        (u32::from(vaddvq_u16(flags)), first + second)
    }
}

macro_rules! entry {
    ($($module:ident::$name:ident<$($generic:ident)?>($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)?;)*) => {$(
        pub(super) fn $name<$($generic: Row)?>($($argument: $type),*) $(-> $result)? {
            #[target_feature(enable = "neon")]
            fn inner<$($generic: Row)?>($($argument: $type),*) $(-> $result)? {
                $module::$name::<Neon, $($generic)?>($($argument),*)
            }
            debug_assert!(Kernel::Neon.is_available());
            // SAFETY: `dispatch!` in the parent module, the only caller, has established that the
            // processor has NEON.
            unsafe { inner($($argument),*) }
        }
    )*};
}
entry! {
    generic::scan<R>(rows: &[R], base: u32, query: &R, radius: u32, found: &mut Vec<Found>);
    generic::scan_buckets<>(columns: &[Column<'_>], probes: &[Probe], part: Range<usize>, survivors: &mut [Survivor]) -> (usize, usize);
    generic::verify<R>(rows: &[R], candidates: &[Candidate], query: &R, thresholds: &[i32; 8], radius: u32, found: &mut Vec<Found>);
    turned::scan_turned<>(rows: &[[u32; 8]], turned: &[Turned], base: u32, query: &[u32; 8], radius: u32, found: &mut Vec<Found>);
    shared::scan_shared<>(column: &[u16], probes: &[SharedProbe], from: usize, survivors: &mut [Met]) -> (usize, usize);
    shared::scan_around<>(column: &[u16], offsets: &[u32; BUCKETS + 1], flips: &[u16], around: &Around, from: usize, survivors: &mut [Met], long: &mut Vec<SharedProbe>) -> (usize, usize);
    shared::verify_shared<R>(rows: &[R], queries: &[R], candidates: &[Met], word: u32, thresholds: &[i32; 8], radius: u32, found: &mut Vec<SharedFound>);
}
