//! Numbers of colours to colours, as browsers look them up: a number beyond the palette is its last colour. The `png`
//! crate makes it black.

use ::png::{BitDepth, Info};

/// A PNG's palette of 256 colours.
pub(super) struct Palette {
    colours: Box<[[u8; 4]; 256]>,
    /// Whether the file says that a colour is not opaque.
    pub(super) has_alpha: bool,
}

impl Palette {
    /// `None` where there is no colour.
    pub(super) fn of(info: &Info<'_>) -> Option<Self> {
        let stored = info.palette.as_deref()?.as_chunks::<3>().0;
        let alphas = info.trns.as_deref().unwrap_or_default();
        let last = stored.last()?;
        let mut colours = Box::new([[0; 4]; 256]);
        for (number, colour) in colours.iter_mut().enumerate() {
            let [red, green, blue] = *stored.get(number).unwrap_or(last);
            *colour = [red, green, blue, alphas.get(number).copied().unwrap_or(255)];
        }
        Some(Self {
            colours,
            has_alpha: info.trns.is_some(),
        })
    }

    /// Three samples for each number, four where there is alpha.
    pub(super) fn colour(&self, numbers: &[u8]) -> Vec<u8> {
        let channels = if self.has_alpha { 4 } else { 3 };
        let mut samples = Vec::with_capacity(numbers.len() * channels);
        for &number in numbers {
            let colour = self.colours.get(usize::from(number)).unwrap_or(&[0; 4]);
            samples.extend(colour.iter().take(channels));
        }
        samples
    }
}

/// How many numbers share a byte.
pub(super) fn per_byte(depth: BitDepth) -> usize {
    match depth {
        BitDepth::One => 8,
        BitDepth::Two => 4,
        BitDepth::Four => 2,
        BitDepth::Eight | BitDepth::Sixteen => 1,
    }
}

/// Numbers that share bytes, the first in the highest bits, in a byte each.
pub(super) fn unpack(row: &[u8], depth: BitDepth, numbers: &mut [u8]) {
    let bits = 8 / per_byte(depth);
    for (some, byte) in numbers.chunks_mut(per_byte(depth)).zip(row) {
        for (at, number) in some.iter_mut().enumerate() {
            *number = byte << (at * bits) >> (8 - bits);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_share_bytes_come_apart() {
        for (depth, row, expected) in [
            (
                BitDepth::One,
                &[0b0110_0001, 0b1000_0000][..],
                &[0, 1, 1, 0, 0, 0, 0, 1, 1][..],
            ),
            (BitDepth::Two, &[0b0001_1011, 0b1000_0000], &[0, 1, 2, 3, 2]),
            (BitDepth::Four, &[0x3f, 0xa0], &[3, 15, 10]),
            (BitDepth::Eight, &[9, 200], &[9, 200]),
        ] {
            let mut numbers = vec![99; expected.len()];
            unpack(row, depth, &mut numbers);
            assert_eq!(numbers, expected, "{depth:?}");
        }
    }
}
