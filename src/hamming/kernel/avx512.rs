//! x86-64 with AVX-512 F, BW, VL, BITALG (population count of 16-bit lanes) and VPOPCNTDQ.

#![expect(unsafe_code, reason = "vector instructions")]

use super::Kernel;
use super::generic::{self, Candidate, Column, Found, Isa, Probe, Row, Survivor};
use super::shared::{self, Around, BUCKETS, Met, SharedFound, SharedProbe};
use super::turned::{self, Turned};
use std::arch::x86_64::*;
use std::ops::Range;

struct Avx512;

// SAFETY (all blocks of this impl): `entry!` below makes the only callers. They are compiled with
// these target features and are entered only after `Kernel::Avx512.is_available()`.
impl Isa for Avx512 {
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
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bitalg,avx512vpopcntdq,popcnt")]
fn near32(block: &[u16; 32], query: u16, least: u16, most: u16) -> u32 {
    // SAFETY: loads are unaligned and of exactly the referenced array's parts.
    unsafe {
        let siblings = _mm512_loadu_si512(block.as_ptr().cast());
        let difference = _mm512_xor_si512(siblings, _mm512_set1_epi16(query as i16));
        let distance = _mm512_popcnt_epi16(difference);
        let above = _mm512_sub_epi16(distance, _mm512_set1_epi16(least as i16));
        let span = _mm512_set1_epi16(most.wrapping_sub(least) as i16);
        _mm512_cmple_epu16_mask(above, span)
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bitalg,avx512vpopcntdq,popcnt")]
fn near16(block: &[u16; 16], query: u16, least: u16, most: u16) -> u32 {
    // SAFETY: the load is unaligned and of exactly the referenced array.
    let siblings = unsafe { _mm256_loadu_si256(block.as_ptr().cast()) };
    let difference = _mm256_xor_si256(siblings, _mm256_set1_epi16(query as i16));
    let distance = _mm256_popcnt_epi16(difference);
    let above = _mm256_sub_epi16(distance, _mm256_set1_epi16(least as i16));
    let span = _mm256_set1_epi16(most.wrapping_sub(least) as i16);
    u32::from(_mm256_cmple_epu16_mask(above, span))
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bitalg,avx512vpopcntdq,popcnt")]
fn near8_256(block: &[[u32; 8]; 8], query: &[u32; 8], radius: u32) -> u32 {
    // SAFETY: loads are unaligned and of exactly the referenced array's parts.
    unsafe {
        let query = _mm512_broadcast_i64x4(_mm256_loadu_si256(query.as_ptr().cast()));
        let rows: *const __m512i = block.as_ptr().cast();
        let count =
            |pair| _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_loadu_si512(rows.add(pair)), query));
        // Each vector holds two rows of four counts. Two rounds of interleave and add leave
        // one sum for each row: pairs (0, 1) and (2, 3) first, then both together.
        let (a, b, c, d) = (count(0), count(1), count(2), count(3));
        let ab = _mm512_add_epi64(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
        let cd = _mm512_add_epi64(_mm512_unpacklo_epi64(c, d), _mm512_unpackhi_epi64(c, d));
        // 128-bit lanes of ab: [a.row0 lower, upper, a.row1 lower, upper], b beside each.
        let even = _mm512_shuffle_i64x2::<0b10_00_10_00>(ab, cd);
        let odd = _mm512_shuffle_i64x2::<0b11_01_11_01>(ab, cd);
        // Lanes now: rows 0|2, 1|3, 4|6, 5|7.
        let sums = _mm512_add_epi64(even, odd);
        let near = u32::from(_mm512_cmple_epu64_mask(
            sums,
            _mm512_set1_epi64(i64::from(radius)),
        ));
        // Bits 0..8 stand for rows 0, 2, 1, 3, 4, 6, 5, 7: swap the middle two of each four.
        (near & 0b1001_1001) | (near & 0b0010_0010) << 1 | (near & 0b0100_0100) >> 1
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bitalg,avx512vpopcntdq,popcnt")]
fn near8_64(block: &[[u32; 2]; 8], query: &[u32; 2], radius: u32) -> u32 {
    // SAFETY: loads are unaligned and of exactly the referenced array's parts.
    unsafe {
        let query = i64::from(query[0]) | i64::from(query[1]) << 32;
        let rows = _mm512_loadu_si512(block.as_ptr().cast());
        let distance = _mm512_popcnt_epi64(_mm512_xor_si512(rows, _mm512_set1_epi64(query)));
        u32::from(_mm512_cmple_epu64_mask(
            distance,
            _mm512_set1_epi64(i64::from(radius)),
        ))
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bitalg,avx512vpopcntdq,popcnt")]
fn words_256(row: &[u32; 8], query: &[u32; 8], thresholds: &[i32; 8]) -> (u32, u32) {
    // SAFETY: loads are unaligned and of exactly the referenced array's parts.
    unsafe {
        let row = _mm256_loadu_si256(row.as_ptr().cast());
        let query = _mm256_loadu_si256(query.as_ptr().cast());
        let thresholds = _mm256_loadu_si256(thresholds.as_ptr().cast());
        let distance = _mm256_popcnt_epi32(_mm256_xor_si256(row, query));
        let within = u32::from(_mm256_cmple_epi32_mask(distance, thresholds));
        let sum = _mm_add_epi32(
            _mm256_castsi256_si128(distance),
            _mm256_extracti128_si256::<1>(distance),
        );
        let sum = _mm_add_epi32(sum, _mm_shuffle_epi32::<0b01_00_11_10>(sum));
        let sum = _mm_add_epi32(sum, _mm_shuffle_epi32::<0b10_11_00_01>(sum));
        (within, _mm_cvtsi128_si32(sum) as u32)
    }
}

macro_rules! entry {
    ($($(#[$doc:meta])* $module:ident::$name:ident<$($generic:ident)?>($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)?;)*) => {$(
        pub(super) fn $name<$($generic: Row)?>($($argument: $type),*) $(-> $result)? {
            #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bitalg,avx512vpopcntdq,popcnt")]
            fn inner<$($generic: Row)?>($($argument: $type),*) $(-> $result)? {
                $module::$name::<Avx512, $($generic)?>($($argument),*)
            }
            debug_assert!(Kernel::Avx512.is_available());
            // SAFETY: `dispatch!` in the parent module, the only caller, has established that the
            // processor has these features.
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
