//! x86-64 with AVX2: population counts by looking nibbles up in a shuffled register.
//!
//! Source of the method: Muła, Kurz, Lemire, "Faster Population Counts Using AVX2 Instructions",
//! The Computer Journal 61(1), 2018.

#![expect(unsafe_code, reason = "vector instructions")]

use super::Kernel;
use super::generic::{self, Candidate, Column, Found, Isa, Probe, Row, Survivor};
use super::shared::{self, Around, BUCKETS, Met, SharedFound, SharedProbe};
use super::turned::{self, Turned};
use std::arch::x86_64::*;
use std::ops::Range;

struct Avx2;

/// Population count of every byte.
#[inline]
#[target_feature(enable = "avx2")]
fn count_bytes(value: __m256i) -> __m256i {
    let counts = _mm256_setr_epi8(
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3,
        3, 4,
    );
    let nibble = _mm256_set1_epi8(15);
    let low = _mm256_and_si256(value, nibble);
    let high = _mm256_and_si256(_mm256_srli_epi16::<4>(value), nibble);
    _mm256_add_epi8(
        _mm256_shuffle_epi8(counts, low),
        _mm256_shuffle_epi8(counts, high),
    )
}

// SAFETY (all blocks of this impl): `entry!` below makes the only callers. They are compiled with
// these target features and are entered only after `Kernel::Avx2.is_available()`.
impl Isa for Avx2 {
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
#[target_feature(enable = "avx2,popcnt")]
fn near32(block: &[u16; 32], query: u16, least: u16, most: u16) -> u32 {
    // SAFETY: loads are unaligned and of exactly the referenced array's parts.
    unsafe {
        let siblings: *const __m256i = block.as_ptr().cast();
        let query = _mm256_set1_epi16(query as i16);
        let ones = _mm256_set1_epi8(1);
        let least = _mm256_set1_epi16(least as i16 - 1);
        let most = _mm256_set1_epi16(most as i16 + 1);
        let near = |half| {
            let difference = _mm256_xor_si256(_mm256_loadu_si256(siblings.add(half)), query);
            let distance = _mm256_maddubs_epi16(count_bytes(difference), ones);
            _mm256_and_si256(
                _mm256_cmpgt_epi16(distance, least),
                _mm256_cmpgt_epi16(most, distance),
            )
        };
        // Packing works within 128-bit lanes: put the quarters back in order.
        let packed = _mm256_packs_epi16(near(0), near(1));
        let ordered = _mm256_permute4x64_epi64::<0b11_01_10_00>(packed);
        _mm256_movemask_epi8(ordered) as u32
    }
}

#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn near16(block: &[u16; 16], query: u16, least: u16, most: u16) -> u32 {
    // SAFETY: the load is unaligned and of exactly the referenced array.
    let siblings = unsafe { _mm256_loadu_si256(block.as_ptr().cast()) };
    let difference = _mm256_xor_si256(siblings, _mm256_set1_epi16(query as i16));
    let distance = _mm256_maddubs_epi16(count_bytes(difference), _mm256_set1_epi8(1));
    let near = _mm256_and_si256(
        _mm256_cmpgt_epi16(distance, _mm256_set1_epi16(least as i16 - 1)),
        _mm256_cmpgt_epi16(_mm256_set1_epi16(most as i16 + 1), distance),
    );
    // Most buckets let nothing through.
    if _mm256_testz_si256(near, near) != 0 {
        return 0;
    }
    let packed = _mm_packs_epi16(
        _mm256_castsi256_si128(near),
        _mm256_extracti128_si256::<1>(near),
    );
    _mm_movemask_epi8(packed) as u32
}

#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn near8_256(block: &[[u32; 8]; 8], query: &[u32; 8], radius: u32) -> u32 {
    // SAFETY: loads are unaligned and of exactly the referenced array's parts.
    unsafe {
        let rows: *const __m256i = block.as_ptr().cast();
        let query = _mm256_loadu_si256(query.as_ptr().cast());
        let count = |row| {
            let difference = _mm256_xor_si256(_mm256_loadu_si256(rows.add(row)), query);
            // Four sums of eight bytes each.
            _mm256_sad_epu8(count_bytes(difference), _mm256_setzero_si256())
        };
        // Sums are below 2^16: put four rows beside one another in the 16-bit quarters of
        // each 64-bit lane, then add the four lanes.
        let four = |first: usize| {
            let ab = _mm256_or_si256(count(first), _mm256_slli_epi64::<16>(count(first + 1)));
            let cd = _mm256_or_si256(count(first + 2), _mm256_slli_epi64::<16>(count(first + 3)));
            let all = _mm256_or_si256(ab, _mm256_slli_epi64::<32>(cd));
            let half = _mm_add_epi16(
                _mm256_castsi256_si128(all),
                _mm256_extracti128_si256::<1>(all),
            );
            _mm_add_epi16(half, _mm_unpackhi_epi64(half, half))
        };
        let sums = _mm_unpacklo_epi64(four(0), four(4));
        let far = _mm_cmpgt_epi16(sums, _mm_set1_epi16(radius.min(256) as i16));
        !(_mm_movemask_epi8(_mm_packs_epi16(far, far)) as u32) & 0xff
    }
}

#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn near8_64(block: &[[u32; 2]; 8], query: &[u32; 2], radius: u32) -> u32 {
    let mut mask = 0;
    for (number, row) in block.iter().enumerate() {
        mask |= u32::from(row.distance(query) <= radius) << number;
    }
    mask
}

#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn words_256(row: &[u32; 8], query: &[u32; 8], thresholds: &[i32; 8]) -> (u32, u32) {
    // SAFETY: loads are unaligned and of exactly the referenced array's parts.
    unsafe {
        let row = _mm256_loadu_si256(row.as_ptr().cast());
        let query = _mm256_loadu_si256(query.as_ptr().cast());
        let thresholds = _mm256_loadu_si256(thresholds.as_ptr().cast());
        let bytes = count_bytes(_mm256_xor_si256(row, query));
        let pairs = _mm256_maddubs_epi16(bytes, _mm256_set1_epi8(1));
        let distance = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
        let beyond = _mm256_cmpgt_epi32(distance, thresholds);
        let within = !(_mm256_movemask_ps(_mm256_castsi256_ps(beyond)) as u32) & 0xff;
        let sum = _mm_add_epi32(
            _mm256_castsi256_si128(distance),
            _mm256_extracti128_si256::<1>(distance),
        );
        let sum = _mm_add_epi32(sum, _mm_shuffle_epi32::<0b01_00_11_10>(sum));
        let sum = _mm_add_epi32(sum, _mm_shuffle_epi32::<0b10_11_00_01>(sum));
        (within, _mm_cvtsi128_si32(sum) as u32)
    }
}

/// Which of eight turned rows are within `radius`: all are given up where all are beyond it after the first
/// `TELLING` words.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn near8_turned<const TELLING: usize>(turned: &Turned, query: &[__m256i; 8], radius: u32) -> u32 {
    // SAFETY: each load is unaligned and of exactly one line of the array.
    let of = |line: &[u32; 8]| unsafe { _mm256_loadu_si256(line.as_ptr().cast()) };
    let beyond = |bytes: __m256i| {
        let pairs = _mm256_maddubs_epi16(bytes, _mm256_set1_epi8(1));
        let sums = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
        let far = _mm256_cmpgt_epi32(sums, _mm256_set1_epi32(radius.min(256) as i32));
        _mm256_movemask_ps(_mm256_castsi256_ps(far)) as u32
    };
    // Of a row four sums, of 64 bits each at most: no byte wraps.
    let mut bytes = _mm256_setzero_si256();
    let words = || turned.iter().zip(query);
    for (line, word) in words().take(TELLING) {
        let difference = _mm256_xor_si256(of(line), *word);
        bytes = _mm256_add_epi8(bytes, count_bytes(difference));
    }
    if beyond(bytes) == 0xff {
        return 0;
    }
    for (line, word) in words().skip(TELLING) {
        let difference = _mm256_xor_si256(of(line), *word);
        bytes = _mm256_add_epi8(bytes, count_bytes(difference));
    }
    !beyond(bytes) & 0xff
}

/// As `generic::scan`, over rows that were turned.
pub(super) fn scan_turned(
    rows: &[[u32; 8]],
    turned: &[Turned],
    base: u32,
    query: &[u32; 8],
    radius: u32,
    found: &mut Vec<Found>,
) {
    #[target_feature(enable = "avx2,popcnt")]
    fn inner<const TELLING: usize>(
        rows: &[[u32; 8]],
        turned: &[Turned],
        base: u32,
        query: &[u32; 8],
        radius: u32,
        found: &mut Vec<Found>,
    ) {
        let words = query.map(|word| _mm256_set1_epi32(word as i32));
        // As many as there are blocks of eight rows: see below.
        let mut turned = turned.iter();
        generic::scan_by(rows, base, query, radius, found, |_| {
            turned
                .next()
                .map_or(0, |turned| near8_turned::<TELLING>(turned, &words, radius))
        });
    }
    let telling = turned::telling_words(radius).filter(|_| turned.len() == rows.len() / 8);
    let Some(telling) = telling else {
        return scan(rows, base, query, radius, found);
    };
    let inner = match telling {
        3 => inner::<3>,
        4 => inner::<4>,
        5 => inner::<5>,
        _ => inner::<6>,
    };
    debug_assert!(Kernel::Avx2.is_available());
    // SAFETY: `dispatch!` in the parent module, the only caller, has established that the processor has these features.
    unsafe { inner(rows, turned, base, query, radius, found) }
}

macro_rules! entry {
    ($($module:ident::$name:ident<$($generic:ident)?>($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)?;)*) => {$(
        pub(super) fn $name<$($generic: Row)?>($($argument: $type),*) $(-> $result)? {
            #[target_feature(enable = "avx2,popcnt")]
            fn inner<$($generic: Row)?>($($argument: $type),*) $(-> $result)? {
                $module::$name::<Avx2, $($generic)?>($($argument),*)
            }
            debug_assert!(Kernel::Avx2.is_available());
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
    shared::scan_shared<>(column: &[u16], probes: &[SharedProbe], from: usize, survivors: &mut [Met]) -> (usize, usize);
    shared::scan_around<>(column: &[u16], offsets: &[u32; BUCKETS + 1], flips: &[u16], around: &Around, from: usize, survivors: &mut [Met], long: &mut Vec<SharedProbe>) -> (usize, usize);
    shared::verify_shared<R>(rows: &[R], queries: &[R], candidates: &[Met], word: u32, thresholds: &[i32; 8], radius: u32, found: &mut Vec<SharedFound>);
}
