//! Which PDQ hashes are those of patterns: stripes, checkerboards, flags, gradients.
//!
//! Owned here: the one definition, which the gate decides by and which `hashset lint` names entries by.
//! Refused: saying what follows from it.

use crate::hash::PdqHash;

/// Below how many tenths of a bit neighbouring rows of a hash may differ on average, so that all are taken
/// for one pattern. Half of all hashes lie near 50.
const PATTERNED: u32 = 30;
/// The same where there is nothing but the pattern.
const ALL_PATTERN: u32 = 12;

impl PdqHash {
    /// Whether this is the hash of stripes, a checkerboard, a flag, a gradient: its sixteen rows, or its
    /// columns, are nearly one row again and again, or its negative. Compared are neighbours, and
    /// neighbours of neighbours.
    ///
    /// Crops of many pictures look like that, so such a hash says little about which picture it is.
    /// Measured on 17,100 hashes of pictures of all kinds: 1 % of the photos, 7 % of all, and nearly 40 %
    /// of the maps and flags are patterns. Strangers' transformed copies matched 24 entries there. 22 of
    /// them are patterns, whose rows differ by 2.6 bits at most; the rows of the other two differ by about
    /// 5, as those of half of all hashes do.
    #[must_use]
    pub fn is_patterned(&self) -> bool {
        repeats_within(self, PATTERNED)
    }

    /// Whether there is nothing but the pattern: the rows differ by less than 1.2 bits on average.
    ///
    /// Measured on 306 pictures, which had a part in choosing this limit: strangers' transformed
    /// copies came within 20 bits of six entries. The rows of these differ by 1 bit at most, those of the
    /// patterned pictures by 1.3 and more.
    #[must_use]
    pub fn is_all_pattern(&self) -> bool {
        repeats_within(self, ALL_PATTERN)
    }
}

fn repeats_within(hash: &PdqHash, tenths: u32) -> bool {
    let mut rows = [0u16; 16];
    for (row, bytes) in rows.iter_mut().zip(hash.0.as_chunks::<2>().0) {
        *row = u16::from_be_bytes(*bytes);
    }
    let mut columns = [0u16; 16];
    for (row, at) in rows.iter().zip(0..16) {
        for (column, bit) in columns.iter_mut().zip(0..16) {
            *column |= (row >> bit & 1) << at;
        }
    }
    let repeats = |lines: &[u16; 16], lag: usize| {
        let pairs = lines.iter().zip(lines.iter().skip(lag));
        let apart = pairs.map(|(a, b)| {
            let bits = (a ^ b).count_ones();
            bits.min(16 - bits)
        });
        10 * apart.sum::<u32>() < tenths * (16 - lag as u32)
    };
    [&rows, &columns]
        .into_iter()
        .any(|lines| repeats(lines, 1) || repeats(lines, 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_rows(row: &dyn Fn(u16) -> u16) -> PdqHash {
        let mut hash = [0; 32];
        for (bytes, at) in hash.as_chunks_mut::<2>().0.iter_mut().zip(0..) {
            *bytes = row(at).to_be_bytes();
        }
        PdqHash(hash)
    }

    fn mixed(at: u16) -> u16 {
        (at + 1).wrapping_mul(40_503).rotate_left(u32::from(at))
    }

    #[test]
    fn stripes_and_checkerboards_are_patterned_and_noise_is_not() {
        assert!(!of_rows(&mixed).is_patterned(), "noise");
        let picture = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22";
        assert!(!picture.parse::<PdqHash>().unwrap().is_patterned());
        let alternating =
            |even: u16, odd: u16| of_rows(&move |at| if at % 2 == 0 { even } else { odd });
        for pattern in [
            of_rows(&|_| 0x5a3c),
            alternating(0xaaaa, 0x5555),
            // Every second row the same, whatever lies between.
            alternating(0xc639, 0x0ff1),
            // All columns the same or negative: rows are all ones or zeros, in any order.
            of_rows(&|at| if mixed(at) & 1 == 0 { 0 } else { u16::MAX }),
        ] {
            assert!(
                pattern.is_patterned() && pattern.is_all_pattern(),
                "{pattern}"
            );
        }
    }

    #[test]
    fn how_far_rows_may_differ_is_exact() {
        // Each row has one bit that no other row has: neighbours differ in two.
        let two_bits_off = of_rows(&|at| 0x5a3c ^ (1 << at));
        assert!(two_bits_off.is_patterned() && !two_bits_off.is_all_pattern());
        // Each has two: neighbours differ in three and a half on average, rows and columns alike.
        let more_off = of_rows(&|at| 0x5a3c ^ (1 << at) ^ (1 << ((5 * at + 3) % 16)));
        assert!(!more_off.is_patterned());
    }
}
