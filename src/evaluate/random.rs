//! Numbers that look random and are the same on every machine: SplitMix64.
//!
//! Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.

/// A stream of numbers that a seed and a number of the stream determine.
pub(crate) struct Random(u64);

impl Random {
    /// The stream of that number.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut own = Self(stream ^ 0x6861_7368_6761_7465);
        Self(own.next() ^ seed.wrapping_mul(0xd6e8_feb8_6659_fd93))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to `bound - 1`; 0 where `bound` is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(bound);
        (wide >> 64) as u64
    }

    /// As [`Random::below`], for places.
    pub(crate) fn place(&mut self, bound: usize) -> usize {
        self.below(bound as u64) as usize
    }

    /// A number in `0.0..1.0`.
    pub(crate) fn fraction(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u32 << 24) as f32
    }

    /// A number with mean 0 and standard deviation 1, nearly normal: coins are counted.
    #[cfg(any(feature = "cli", test))]
    pub(crate) fn normal(&mut self) -> f32 {
        (self.next().count_ones() as f32 - 32.0) / 4.0
    }

    /// Four of them, coarser, for the price of one.
    pub(crate) fn normals(&mut self) -> [f32; 4] {
        let coins = self.next();
        [0, 16, 32, 48].map(|shift| {
            let sixteen = (coins >> shift) as u16;
            (sixteen.count_ones() as f32 - 8.0) / 2.0
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_the_same_each_time_and_differ() {
        let first = |seed, stream| Random::new(seed, stream).next();
        assert_eq!(first(1, 2), first(1, 2));
        assert_ne!(first(1, 2), first(1, 3));
        assert_ne!(first(1, 2), first(2, 2));
    }

    #[test]
    fn numbers_keep_to_their_ranges() {
        let mut random = Random::new(7, 0);
        let mut seen = [0u32; 5];
        let mut sum = 0.0;
        for _ in 0..10_000 {
            seen[random.place(5)] += 1;
            assert!((0.0..1.0).contains(&random.fraction()));
            sum += f64::from(random.normal());
        }
        assert!(
            seen.iter().all(|&n| (1_800..2_200).contains(&n)),
            "{seen:?}"
        );
        assert!((sum / 10_000.0).abs() < 0.05, "{sum}");
        assert_eq!(random.below(0), 0);
    }
}
