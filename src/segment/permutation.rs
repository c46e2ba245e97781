//! The fixed pseudo-random order in which a segment lays out the bits of its hashes.
//!
//! Neighbouring bits of a real picture's hash go together, so chunks of neighbours fall into few
//! buckets. Spread by a fixed permutation they fall more evenly; distances do not change. A table
//! for each nibble makes turning a hash 64 loads, and the seed in the header makes the order part
//! of the file.

use crate::hamming::kernel::Row;

/// A permutation of the bits of a hash into the words of a [`Row`], and back.
pub struct Permutation<R> {
    seed: u64,
    /// For each nibble of the hash, most significant byte first, low nibble before high.
    forward: Vec<[R; 16]>,
    /// For each nibble of the words, least significant first: where its bits come from.
    backward: Vec<[R; 16]>,
}

/// The generator SplitMix64 (Steele, Lea, Flood, 2014): one step.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// For each bit of the words, the number of the hash's bit that stands there.
///
/// The order is that of a Fisher-Yates shuffle of `0..bits` from the last place down, which takes
/// the partner of place `i` from the generator's next number modulo `i + 1`.
///
/// # Panics
/// Where `bits` is above 65,536.
#[must_use]
pub(super) fn bit_order(seed: u64, bits: usize) -> Vec<u16> {
    assert!(bits <= 1 << 16, "no hash is so long");
    let mut order: Vec<u16> = (0..bits).map(|bit| bit as u16).collect();
    let mut state = seed;
    for place in (1..bits).rev() {
        let partner = split_mix(&mut state) % (place as u64 + 1);
        order.swap(place, partner as usize);
    }
    order
}

macro_rules! permutation {
    ($words:literal) => {
        impl Permutation<[u32; $words]> {
            /// The permutation that a seed stands for.
            #[must_use]
            pub fn new(seed: u64) -> Self {
                const BITS: usize = 32 * $words;
                let zero = [[0u32; $words]; 16];
                let (mut forward, mut backward) = (vec![zero; BITS / 4], vec![zero; BITS / 4]);
                for (place, &bit) in bit_order(seed, BITS).iter().enumerate() {
                    let bit = usize::from(bit);
                    // Hash bytes are most significant first: bit 0 is in the last byte.
                    let byte = BITS / 8 - 1 - bit / 8;
                    let source = 8 * byte + bit % 8;
                    for value in 0..16usize {
                        if value >> (source % 4) & 1 == 1 {
                            forward[source / 4][value][place / 32] |= 1 << (place % 32);
                        }
                        if value >> (place % 4) & 1 == 1 {
                            backward[place / 4][value][source / 32] |= 1 << (source % 32);
                        }
                    }
                }
                Self {
                    seed,
                    forward,
                    backward,
                }
            }

            /// The words of a hash that is given as its bytes, most significant first.
            #[must_use]
            pub fn words(&self, hash: &[u8; 4 * $words]) -> [u32; $words] {
                let mut words = [0u32; $words];
                for (byte, tables) in hash.iter().zip(self.forward.as_chunks::<2>().0) {
                    let low = &tables[0][usize::from(byte & 15)];
                    let high = &tables[1][usize::from(byte >> 4)];
                    for ((word, a), b) in words.iter_mut().zip(low).zip(high) {
                        *word |= a | b;
                    }
                }
                words
            }

            /// The bytes of the hash that has these words, most significant first.
            #[must_use]
            pub fn bytes(&self, words: &[u32; $words]) -> [u8; 4 * $words] {
                let mut source = [0u32; $words];
                for (word, tables) in words.iter().zip(self.backward.as_chunks::<8>().0) {
                    for (nibble, table) in tables.iter().enumerate() {
                        let part = &table[(word >> (4 * nibble) & 15) as usize];
                        for (sum, part) in source.iter_mut().zip(part) {
                            *sum |= part;
                        }
                    }
                }
                let mut bytes = [0u8; 4 * $words];
                for (target, word) in bytes.chunks_exact_mut(4).zip(source) {
                    target.copy_from_slice(&word.to_le_bytes());
                }
                bytes
            }
        }
    };
}
permutation!(8);
permutation!(2);

impl<R: Row> Permutation<R> {
    /// The seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::PdqHash;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn there_and_back(seed: u64, hash: [u8; 32], short: [u8; 8]) {
            let wide = Permutation::<[u32; 8]>::new(seed);
            prop_assert_eq!(wide.bytes(&wide.words(&hash)), hash);
            let narrow = Permutation::<[u32; 2]>::new(seed);
            prop_assert_eq!(narrow.bytes(&narrow.words(&short)), short);
        }

        #[test]
        fn each_place_holds_the_bit_that_the_order_names(seed: u64, hash: [u8; 32]) {
            let words = Permutation::<[u32; 8]>::new(seed).words(&hash);
            for (place, bit) in bit_order(seed, 256).into_iter().enumerate() {
                let value = words[place / 32] >> (place % 32) & 1 == 1;
                prop_assert_eq!(value, PdqHash(hash).bit(usize::from(bit)));
            }
        }
    }
}
