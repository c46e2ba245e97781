//! Samples as they are stored, to 16 bits each.

use super::directory::Order;

/// What the bits of a sample are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    Unsigned,
    Signed,
    Float,
}

/// How samples are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Storage {
    pub(super) bits: u8,
    pub(super) number: Number,
    pub(super) order: Order,
}

impl Storage {
    /// `None` for what is not read.
    pub(super) fn new(bits: u64, number: Number, order: Order) -> Option<Self> {
        let known = match number {
            Number::Unsigned => matches!(bits, 1..=16 | 24 | 32),
            // Of 32 bits every program shows another picture.
            Number::Signed => matches!(bits, 8 | 16),
            Number::Float => matches!(bits, 16 | 24 | 32 | 64),
        };
        known.then_some(Self {
            bits: bits as u8,
            number,
            order,
        })
    }

    /// Gives each sample of a row to `take`, from 0 to 65,535.
    pub(super) fn each(self, row: &[u8], take: impl FnMut(u16)) {
        match (self.number, self.bits) {
            // With a sign or without: programs show the bytes as they are.
            (_, 8) => row.iter().map(|&byte| u16::from(byte) * 257).for_each(take),
            (Number::Unsigned, 16) => self.twos(row).for_each(take),
            (Number::Unsigned, bits @ (24 | 32)) => row
                .chunks_exact(usize::from(bits / 8))
                .map(|bytes| (self.order.number(bytes) >> (bits - 16)) as u16)
                .for_each(take),
            (Number::Unsigned, bits) => {
                let most = (1_u32 << bits) - 1;
                packed(row, bits)
                    .map(|value| ((u32::from(value) * 65_535 + most / 2) / most) as u16)
                    .for_each(take);
            }
            (Number::Signed, _) => self.twos(row).map(|two| two ^ 0x8000).for_each(take),
            (Number::Float, bits) => row
                .chunks_exact(usize::from(bits / 8))
                .map(|bytes| from_real(real(self.order.number(bytes), bits)))
                .for_each(take),
        }
    }

    /// Gives each sample of a row as the whole number that it is; of those that are whole numbers of
    /// at most 16 bits.
    pub(super) fn each_number(self, row: &[u8], take: impl FnMut(u16)) {
        match self.bits {
            8 => row.iter().map(|&byte| u16::from(byte)).for_each(take),
            16 => self.twos(row).for_each(take),
            bits => packed(row, bits).for_each(take),
        }
    }

    fn twos(self, row: &[u8]) -> impl Iterator<Item = u16> + '_ {
        let (twos, _) = row.as_chunks::<2>();
        twos.iter().map(move |&two| self.order.two(two))
    }
}

/// Numbers of up to 16 bits, the first in a byte's upper bits.
fn packed(row: &[u8], bits: u8) -> impl Iterator<Item = u16> + '_ {
    let (mut held, mut count) = (0_u32, 0);
    let mut bytes = row.iter();
    std::iter::from_fn(move || {
        while count < bits {
            held = held << 8 | u32::from(*bytes.next()?);
            count += 8;
        }
        count -= bits;
        Some((held >> count) as u16 & ((1_u32 << bits) - 1) as u16)
    })
}

/// 0..=1 to 16 bits, clamped; not-a-number is 0.
fn from_real(value: f32) -> u16 {
    // A cast from float saturates, and takes not-a-number to 0.
    (value * 65_535.0 + 0.5) as u16
}

/// The float that so many bits stand for: sign, exponent, mantissa.
fn real(pattern: u64, bits: u8) -> f32 {
    match bits {
        16 => short_real(pattern as u32, 5, 10),
        24 => short_real(pattern as u32, 7, 16),
        32 => f32::from_bits(pattern as u32),
        _ => f64::from_bits(pattern) as f32,
    }
}

/// A float of fewer than 32 bits.
fn short_real(pattern: u32, exponent_bits: u32, mantissa_bits: u32) -> f32 {
    let mantissa = pattern & ((1 << mantissa_bits) - 1);
    let exponent = pattern >> mantissa_bits & ((1 << exponent_bits) - 1);
    let sign = if pattern >> (mantissa_bits + exponent_bits) & 1 == 1 {
        -1.0
    } else {
        1.0
    };
    let bias = (1 << (exponent_bits - 1)) - 1;
    let part = mantissa as f32 / (1 << mantissa_bits) as f32;
    let size = if exponent == 0 {
        part * 2_f32.powi(1 - bias)
    } else if exponent == (1 << exponent_bits) - 1 {
        if mantissa == 0 {
            f32::INFINITY
        } else {
            f32::NAN
        }
    } else {
        (1.0 + part) * 2_f32.powi(exponent as i32 - bias)
    };
    sign * size
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bits: u64, number: Number, order: Order, row: &[u8]) -> Vec<u16> {
        let mut seen = Vec::new();
        let storage = Storage::new(bits, number, order).unwrap();
        storage.each(row, |sample| seen.push(sample));
        seen
    }

    #[test]
    fn whole_numbers_of_every_depth_reach_from_black_to_white() {
        use Number::Unsigned as U;
        for (bits, row) in [
            (1_u64, vec![0b0100_0000]),
            (3, vec![0b0001_1100]),
            (8, vec![0, 255]),
            (12, vec![0x00, 0x0f, 0xff]),
            (16, vec![0, 0, 255, 255]),
            (24, vec![0, 0, 0, 255, 255, 255]),
            (32, vec![0, 0, 0, 0, 255, 255, 255, 255]),
        ] {
            for order in [Order::Little, Order::Big] {
                assert_eq!(all(bits, U, order, &row)[..2], [0, 65_535], "{bits}");
            }
        }
        assert_eq!(all(16, U, Order::Little, &[1, 2]), [0x0201]);
        assert_eq!(all(16, U, Order::Big, &[1, 2]), [0x0102]);
        assert_eq!(all(32, U, Order::Big, &[1, 2, 3, 4]), [0x0102]);
        assert_eq!(Storage::new(17, U, Order::Big), None);
        assert_eq!(Storage::new(0, U, Order::Big), None);
    }

    #[test]
    fn floats_of_every_width_mean_the_same() {
        use Number::Float as F;
        let half = [
            (16_u64, vec![0x38, 0]),
            (24, vec![0x3e, 0, 0]),
            (32, 0.5_f32.to_be_bytes().to_vec()),
            (64, 0.5_f64.to_be_bytes().to_vec()),
        ];
        for (bits, row) in half {
            assert_eq!(all(bits, F, Order::Big, &row), [32_768], "{bits}");
            let turned: Vec<u8> = row.iter().rev().copied().collect();
            assert_eq!(all(bits, F, Order::Little, &turned), [32_768], "{bits}");
        }
        // Not a number, without end, below black, the smallest above 0.
        for (pattern, expected) in [
            (0x7e00_u16, 0),
            (0x7c00, 65_535),
            (0xfc00, 0),
            (0xbc00, 0),
            (0x0001, 0),
            (0x3c00, 65_535),
        ] {
            let row = pattern.to_be_bytes();
            assert_eq!(all(16, F, Order::Big, &row), [expected], "{pattern:x}");
        }
    }
}
