//! How made hashes are spread, and the laws behind that.
//!
//! Uniform hashes flatter an index: the hashes of real pictures have bits that go together, and
//! simple pictures crowd into few values. The law of [`Distribution::Correlated`] is a picture made
//! of a few rectangles of different grey, with a little noise, whose DCT is thresholded at its
//! median as PDQ does. Its three numbers (4 rectangles, centres in the middle 60%, noise 0.08) were
//! fitted to the 16,500 distinct PDQ hashes of quality 50 and more of a collection of freely
//! licensed pictures (clip art, emoji, screenshots, game art, pages of text, photos, maps):
//!
//! | fact | uniform | real | correlated |
//! | --- | --- | --- | --- |
//! | correlation of a bit with the next but one in its row, mean | 0 | -0.085 | -0.091 |
//! | the same, first bit of a row | 0 | -0.31 | -0.31 |
//! | pairs of hashes with equal 16-bit chunks, times what chance gives | 1 | 4.6 | 4.6 |
//! | standard deviation of the distance of two hashes, bits | 8.0 | 8.6 | 8.3 |
//!
//! A test holds the generator to these. [`Distribution::Skewed`] is the same with one rectangle and
//! hardly any noise: chunks are shared 57 times as often as by chance. (Pages of text, the most
//! alike of those pictures, come to 39.)

use crate::evaluate::random::Random;
use crate::hash::SignalType;

/// How made hashes are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distribution {
    /// By chance; PDQ hashes with 128 of their 256 bits set, as real ones have.
    Uniform,
    /// With bits that go together as those of real pictures do.
    Correlated,
    /// In groups of unlike size, scattered around centres.
    Clustered,
    /// Simple pictures and icons (PDQ), smooth gradients (64 bits): few values, heavy buckets.
    Skewed,
    /// Half of all content items, a million at most, share one hash; the others share theirs with a few.
    Duplicates,
}

impl Distribution {
    /// Every one of them.
    pub const ALL: [Self; 5] = [
        Self::Uniform,
        Self::Correlated,
        Self::Clustered,
        Self::Skewed,
        Self::Duplicates,
    ];

    /// Its name: `uniform`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Correlated => "correlated",
            Self::Clustered => "clustered",
            Self::Skewed => "skewed",
            Self::Duplicates => "duplicates",
        }
    }
}

/// Most content items that share the one hash of [`Distribution::Duplicates`].
const MOST_DUPLICATES: u64 = 1_000_000;
/// Numbers of hashes that are in no index begin here.
const STRANGERS: u64 = 1 << 40;
/// Streams of centres begin here.
const CENTRES: u64 = 1 << 48;

/// Makes the hash of any number, the same each time.
pub(super) struct Maker {
    pub(super) kind: SignalType,
    pub(super) distribution: Distribution,
    pub(super) size: u64,
    pub(super) seed: u64,
    waves: Waves,
}

impl Maker {
    pub(super) fn new(kind: SignalType, distribution: Distribution, size: u64, seed: u64) -> Self {
        Self {
            kind,
            distribution,
            size,
            seed,
            waves: Waves::new(),
        }
    }

    /// The hash of content item `number`, in as many bytes as the type has.
    pub(super) fn hash(&self, number: u64) -> Vec<u8> {
        match self.distribution {
            Distribution::Duplicates => {
                uniform(self.kind, &mut self.random(self.shared_value(number)))
            }
            _ => self.drawn(number),
        }
    }

    /// A hash of the same law that is in no index.
    pub(super) fn stranger(&self, number: u64) -> Vec<u8> {
        self.drawn(STRANGERS + number)
    }

    /// A content item to look for: any, but the one hash of [`Distribution::Duplicates`] rarely,
    /// since its answer is as long as the list.
    pub(super) fn planted(&self, random: &mut Random) -> u64 {
        let number = random.below(self.size);
        let crowded = self.distribution == Distribution::Duplicates && self.is_crowded(number);
        if crowded && random.below(1_000) != 0 {
            return (number | 1).min(self.size.saturating_sub(1));
        }
        number
    }

    fn random(&self, stream: u64) -> Random {
        Random::new(self.seed, stream)
    }

    fn is_crowded(&self, number: u64) -> bool {
        number.is_multiple_of(2) && number / 2 < MOST_DUPLICATES
    }

    fn shared_value(&self, number: u64) -> u64 {
        if self.is_crowded(number) {
            0
        } else {
            1 + number / 16
        }
    }

    fn drawn(&self, number: u64) -> Vec<u8> {
        let mut random = self.random(number);
        let wide = self.kind.byte_len() == 32;
        match self.distribution {
            Distribution::Uniform | Distribution::Duplicates => uniform(self.kind, &mut random),
            Distribution::Correlated if wide => self.waves.picture::<16>(4, 0.08, &mut random),
            Distribution::Correlated => self.waves.picture::<8>(4, 0.08, &mut random),
            Distribution::Skewed if wide => self.waves.picture::<16>(1, 0.003, &mut random),
            Distribution::Skewed => gradients(&mut random),
            Distribution::Clustered => {
                // Groups of some 100 in the mean; the square makes the first ones the largest.
                let groups = 1 + self.size / 100;
                let skew = random.fraction() * random.fraction();
                let group = (skew * groups as f32) as u64;
                let mut hash = uniform(self.kind, &mut self.random(CENTRES + group));
                let most = hash.len() as u64 * 5 / 4;
                let flips = random.below(most + 1);
                flip(&mut hash, flips, &mut random);
                hash
            }
        }
    }
}

/// Bits by chance; for PDQ with half of them set.
pub(super) fn uniform(kind: SignalType, random: &mut Random) -> Vec<u8> {
    let mut hash: Vec<u8> = (0..kind.byte_len() / 8)
        .flat_map(|_| random.next().to_le_bytes())
        .collect();
    if kind == SignalType::Pdq {
        // Taking surplus bits back in places by chance leaves all balanced hashes equally likely.
        let mut set: u32 = hash.iter().map(|byte| byte.count_ones()).sum();
        while set != 128 {
            let bit = random.place(256);
            let (byte, mask) = (bit / 8, 1 << (bit % 8));
            if let Some(byte) = hash.get_mut(byte)
                && (*byte & mask != 0) == (set > 128)
            {
                *byte ^= mask;
                set = if set > 128 { set - 1 } else { set + 1 };
            }
        }
    }
    hash
}

/// Flips so many different bits.
pub(super) fn flip(hash: &mut [u8], flips: u64, random: &mut Random) {
    let bits = 8 * hash.len();
    let mut done = [0u8; 32];
    let mut left = flips.min(bits as u64);
    while left > 0 {
        let bit = random.place(bits);
        let mask = 1 << (bit % 8);
        if let (Some(byte), Some(done)) = (hash.get_mut(bit / 8), done.get_mut(bit / 8))
            && *done & mask == 0
        {
            *done |= mask;
            *byte ^= mask;
            left -= 1;
        }
    }
}

/// A 64-bit difference hash of something smooth: rows in which brightness turns once, alike from
/// row to row.
fn gradients(random: &mut Random) -> Vec<u8> {
    let mut row = 0;
    (0..8)
        .map(|_| {
            if random.below(4) == 0 {
                let run = 0xffu8.checked_shl(random.below(9) as u32).unwrap_or(0);
                row = if random.below(2) == 0 { run } else { !run };
            }
            let speck = if random.below(4) == 0 {
                1 << random.below(8)
            } else {
                0
            };
            row ^ speck
        })
        .collect()
}

/// Quarters of a circle are this long in the table of sines.
const QUARTER: usize = 128;

/// Sines, rounded so that every machine has the same ones, and how strong noise is by frequency.
struct Waves {
    sines: Vec<f32>,
    noise: Vec<f32>,
}

impl Waves {
    fn new() -> Self {
        let circle = 4 * QUARTER;
        let sines = (0..circle).map(|step| {
            let sine = (std::f64::consts::TAU * step as f64 / circle as f64).sin();
            ((sine * 16_384.0).round() / 16_384.0) as f32
        });
        let noise = (0..256).map(|at| {
            let (row, column) = ((at / 16 + 1) as f32, (at % 16 + 1) as f32);
            1.0 / (row * row + column * column).sqrt()
        });
        Self {
            sines: sines.collect(),
            noise: noise.collect(),
        }
    }

    /// How strongly frequencies 1 to N are in a bar that lies across a line by chance.
    fn bar<const N: usize>(&self, random: &mut Random) -> [f32; N] {
        // Ends in steps of half a quarter of the lowest frequency's wave.
        let line = (2 * QUARTER) as f32;
        let centre = 0.5 + 0.6 * (random.fraction() - 0.5);
        let half = 0.5 * random.fraction();
        let end = |at: f32| (at.clamp(0.0, 1.0) * line) as usize;
        let (begin, end) = (end(centre - half), end(centre + half));
        let sine = |at: usize| {
            let place = at % self.sines.len();
            self.sines.get(place).copied().unwrap_or(0.0)
        };
        std::array::from_fn(|at| {
            let frequency = at + 1;
            (sine(frequency * end) - sine(frequency * begin)) / frequency as f32
        })
    }

    /// The hash, N×N bits, of a picture of so many rectangles and so much noise.
    fn picture<const N: usize>(
        &self,
        rectangles: usize,
        noise: f32,
        random: &mut Random,
    ) -> Vec<u8> {
        let mut values = [[0.0f32; N]; N];
        for _ in 0..rectangles {
            let grey = random.normal();
            let (across, down) = (self.bar::<N>(random), self.bar::<N>(random));
            for (row, down) in values.iter_mut().zip(down) {
                for (value, across) in row.iter_mut().zip(across) {
                    *value += grey * down * across;
                }
            }
        }
        for (row, strengths) in values.iter_mut().zip(self.noise.chunks_exact(16)) {
            for (four, strengths) in row.chunks_exact_mut(4).zip(strengths.chunks_exact(4)) {
                let speckle = random.normals();
                for ((value, strength), speck) in four.iter_mut().zip(strengths).zip(speckle) {
                    *value += noise * strength * speck;
                }
            }
        }
        let mut sorted = [0.0f32; 256];
        let sorted = &mut sorted[..N * N];
        sorted.copy_from_slice(values.as_flattened());
        let (_, median, _) = sorted.select_nth_unstable_by(N * N / 2 - 1, f32::total_cmp);
        let median = *median;
        // As PDQ writes it: bit 0 is the last of the text.
        let mut hash = vec![0u8; N * N / 8];
        for (byte, eight) in hash
            .iter_mut()
            .rev()
            .zip(values.as_flattened().chunks_exact(8))
        {
            for (bit, &value) in eight.iter().enumerate() {
                *byte |= u8::from(value > median) << bit;
            }
        }
        hash
    }
}

#[cfg(test)]
mod tests;
