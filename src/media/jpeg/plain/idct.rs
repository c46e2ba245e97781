//! Coefficients of a block to its samples (ITU-T T.81, A.3.3), in floating point.

use super::coefficients::{Block, Steps};

/// From the zigzag order to eight times the vertical frequency plus the horizontal one (A.3.6).
const ZIGZAG_TO_NATURAL: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// The inverse transform.
pub(super) struct Idct {
    /// Of each frequency, its first four values; the others mirror them.
    waves: [[f32; 4]; 8],
}

impl Idct {
    pub(super) fn new() -> Self {
        let wave = |frequency: usize, at: usize| {
            let scale = if frequency == 0 { 0.5_f64.sqrt() } else { 1.0 };
            let angle = (2 * at + 1) as f64 * frequency as f64 * std::f64::consts::PI / 16.0;
            (scale / 2.0 * angle.cos()) as f32
        };
        Self {
            waves: std::array::from_fn(|frequency| std::array::from_fn(|at| wave(frequency, at))),
        }
    }

    /// The samples of a block, row by row.
    pub(super) fn samples(&self, block: &Block, steps: &Steps) -> [[u8; 8]; 8] {
        let mut values = [[0_f32; 8]; 8];
        let dequantised = block.iter().zip(steps);
        for ((&value, &step), natural) in dequantised.zip(ZIGZAG_TO_NATURAL) {
            if value != 0 {
                values[natural / 8][natural % 8] = f32::from(value.wrapping_mul(step as i16));
            }
        }
        if block[1..].iter().all(|&value| value == 0) {
            return [[sample(values[0][0] / 8.0); 8]; 8];
        }
        let halfway = transposed(values.map(|row| self.line(row)));
        transposed(halfway.map(|column| self.line(column))).map(|row| row.map(sample))
    }

    /// One line of frequencies to values.
    fn line(&self, from: [f32; 8]) -> [f32; 8] {
        let (mut even, mut odd) = ([0_f32; 4], [0_f32; 4]);
        for pair in 0..4 {
            for at in 0..4 {
                even[at] += from[2 * pair] * self.waves[2 * pair][at];
                odd[at] += from[2 * pair + 1] * self.waves[2 * pair + 1][at];
            }
        }
        std::array::from_fn(|at| {
            if at < 4 {
                even[at] + odd[at]
            } else {
                even[7 - at] - odd[7 - at]
            }
        })
    }
}

fn transposed(from: [[f32; 8]; 8]) -> [[f32; 8]; 8] {
    std::array::from_fn(|row| std::array::from_fn(|column| from[column][row]))
}

/// The level shift (A.3.1), to the nearest, within the range. A cast saturates.
fn sample(value: f32) -> u8 {
    (value + 128.5) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_sum_of_the_waves() {
        let mut block = [0; 64];
        let mut random = 7_u32;
        for value in &mut block {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *value = (random >> 27) as i16 - 16;
        }
        let steps: Steps = std::array::from_fn(|at| 1 + at as u16 / 8);
        let found = Idct::new().samples(&block, &steps);
        for (y, row) in found.iter().enumerate() {
            for (x, &found) in row.iter().enumerate() {
                let mut wanted = 128.0;
                for (at, natural) in ZIGZAG_TO_NATURAL.into_iter().enumerate() {
                    let (v, u) = (natural / 8, natural % 8);
                    let scale = |of| if of == 0 { 0.5_f64.sqrt() } else { 1.0 };
                    let wave = |at: usize, of: usize| {
                        ((2 * at + 1) as f64 * of as f64 * std::f64::consts::PI / 16.0).cos()
                    };
                    let value = f64::from(block[at]) * f64::from(steps[at]);
                    wanted += value * scale(u) * scale(v) / 4.0 * wave(x, u) * wave(y, v);
                }
                let wanted = wanted.clamp(0.0, 255.0);
                assert!((wanted - f64::from(found)).abs() < 0.51, "{wanted} {found}");
            }
        }
    }

    #[test]
    fn an_even_block_is_the_same_either_way() {
        for mean in [-2000, -9, 0, 3, 700, 2000] {
            let mut block = [0; 64];
            block[0] = mean;
            let even = Idct::new().samples(&block, &[1; 64]);
            assert_eq!(even, [[even[0][0]; 8]; 8]);
            block[63] = 1;
            let other = Idct::new().samples(&block, &[1; 64]);
            assert!(other[0][0].abs_diff(even[0][0]) <= 1);
        }
    }

    #[test]
    fn products_have_sixteen_bits_as_in_every_browser() {
        let mut block = [0; 64];
        // 257 times 255 is one less than 65,536.
        block[0] = 257;
        assert_eq!(Idct::new().samples(&block, &[255; 64])[0][0], 128);
    }
}
