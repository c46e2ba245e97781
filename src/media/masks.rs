//! Samples that lie in a pixel where masks say, as in bitmaps and DirectDraw surfaces.

/// Takes a sample out of a pixel.
pub(super) struct Mask {
    mask: u32,
    shift: u32,
    /// The largest sample, once it has at most eight bits.
    most: u32,
}

impl Mask {
    pub(super) fn new(mask: u32) -> Self {
        let bits = mask.count_ones();
        let kept = bits.min(8);
        Self {
            mask,
            shift: if mask == 0 {
                0
            } else {
                mask.trailing_zeros() + (bits - kept)
            },
            most: (1 << kept) - 1,
        }
    }

    /// The sample, to the nearest of 256 steps. 0 where there is none.
    fn sample(&self, pixel: u32) -> u8 {
        let value = (pixel & self.mask) >> self.shift;
        match self.most {
            0 => 0,
            255 => value as u8,
            most => ((value * 255 + most / 2) / most) as u8,
        }
    }
}

/// Pixels of so many bytes, the least significant first, as red, green, blue and alpha.
pub(super) fn sampled<const BYTES: usize>(masks: &[Mask; 4], from: &[u8], to: &mut [u8]) {
    for (pixel, stored) in to.chunks_exact_mut(4).zip(from.as_chunks::<BYTES>().0) {
        let mut four = [0; 4];
        for (to, from) in four.iter_mut().zip(stored) {
            *to = *from;
        }
        let value = u32::from_le_bytes(four);
        for (sample, mask) in pixel.iter_mut().zip(masks) {
            *sample = mask.sample(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_taken_to_eight_bits() {
        for (mask, pixel, expected) in [
            (0xff00, 0x1234, 0x12),
            (0x3ff0_0000, 0x3ff0_0000, 255),
            (0x3ff0_0000, 0x2000_0000, 128),
            (0x1f, 0x1f, 255),
            (0x1f, 0x10, 132),
            (0x8000_0000, u32::MAX, 255),
            (u32::MAX, 0x8000_0000, 128),
            (0, u32::MAX, 0),
        ] {
            assert_eq!(Mask::new(mask).sample(pixel), expected, "{mask:x}");
        }
    }
}
