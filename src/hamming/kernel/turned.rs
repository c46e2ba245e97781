//! Scanning rows that were turned: word by word of eight rows, for many queries over the same rows.
//!
//! Eight rows then share each instruction without anything being added up across a register, and the eight are given
//! up as soon as all of them are beyond the radius: two hashes that have nothing to do with each other differ in half of the
//! bits, so the first words tell. To turn rows costs more than to scan them once.

use super::generic::{self, Found, Isa};

/// The same word of eight rows, for each word.
pub type Turned = [[u32; 8]; 8];

/// Turns rows, eight at a time; what is left of less than eight is not among them.
pub(super) fn turn(rows: &[[u32; 8]], turned: &mut Vec<Turned>) {
    turned.clear();
    let blocks = rows.as_chunks::<8>().0.iter();
    turned.extend(
        blocks.map(|block| std::array::from_fn(|word| std::array::from_fn(|row| block[row][word]))),
    );
}

/// After how many words eight rows of strangers are mostly all beyond a radius: where a stranger's distance, 16 bits a word, is
/// 2.7 standard deviations beyond it. `None` where that is too late to pay.
pub(super) fn telling_words(radius: u32) -> Option<usize> {
    match radius {
        0..=34 => Some(3),
        35..=48 => Some(4),
        49..=63 => Some(5),
        64..=77 => Some(6),
        _ => None,
    }
}

/// The rows as they are, for instruction sets that gain nothing by turning them.
#[inline(always)]
pub(super) fn scan_turned<I: Isa>(
    rows: &[[u32; 8]],
    _: &[Turned],
    base: u32,
    query: &[u32; 8],
    radius: u32,
    found: &mut Vec<Found>,
) {
    generic::scan::<I, [u32; 8]>(rows, base, query, radius, found);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_tell_where_strangers_are_mostly_beyond() {
        for radius in 0..=256 {
            let Some(words) = telling_words(radius) else {
                assert!(radius > 77);
                continue;
            };
            let (mean, deviation) = (16.0 * words as f64, (8.0 * words as f64).sqrt());
            assert!(mean - 2.6 * deviation > f64::from(radius), "{radius}");
            assert!((3..8).contains(&words));
        }
    }

    #[test]
    fn rows_are_turned_eight_at_a_time() {
        let rows: Vec<[u32; 8]> = (0..19)
            .map(|row| std::array::from_fn(|word| 100 * row + word as u32))
            .collect();
        let mut turned = vec![[[7; 8]; 8]];
        turn(&rows, &mut turned);
        assert_eq!(turned.len(), 2);
        for (number, row) in rows.iter().take(16).enumerate() {
            for (word, value) in row.iter().enumerate() {
                assert_eq!(turned[number / 8][word][number % 8], *value);
            }
        }
    }
}
