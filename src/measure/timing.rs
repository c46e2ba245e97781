//! Times of single events, and what is said of many of them.

use crate::pages::number::three_digits;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long single events took, in microseconds. A percentile is the smallest time that at least
/// so many percent of the events did not exceed.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Latency {
    /// The mean.
    pub mean: f64,
    /// The median.
    pub p50: f64,
    /// 90 % took no longer.
    pub p90: f64,
    /// 99 % took no longer.
    pub p99: f64,
    /// 99.9 % took no longer.
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

impl Latency {
    /// What is said of these times; all zeros of none.
    pub(super) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let micros = |time: Duration| time.as_nanos() as f64 / 1e3;
        let rank = |permille: usize| {
            let place = (times.len() * permille).div_ceil(1000).max(1) - 1;
            times.get(place).copied().map_or(0.0, micros)
        };
        let sum: Duration = times.iter().sum();
        Self {
            mean: micros(sum) / times.len().max(1) as f64,
            p50: rank(500),
            p90: rank(900),
            p99: rank(990),
            p999: rank(999),
            max: rank(1000),
        }
    }

    /// The percentiles in their order, with their names.
    pub(super) fn points(&self) -> [(&'static str, f64); 5] {
        [
            ("p50", self.p50),
            ("p90", self.p90),
            ("p99", self.p99),
            ("p99.9", self.p999),
            ("max", self.max),
        ]
    }
}

/// The middle of some numbers; 0 of none.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let at = |place: usize| sorted.get(place).copied().unwrap_or(0.0);
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => at(n / 2),
        n => (at(n / 2 - 1) + at(n / 2)) / 2.0,
    }
}

/// Microseconds in the unit that reads best: `4.1 µs`, `12 ms`, `1.30 s`.
pub(super) fn show_micros(micros: f64) -> String {
    let (value, unit) = match micros {
        m if m < 1e3 => (m, "µs"),
        m if m < 1e6 => (m / 1e3, "ms"),
        m => (m / 1e6, "s"),
    };
    format!("{} {unit}", three_digits(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times = (1..=1000).rev().map(Duration::from_micros).collect();
        let latency = Latency::of(times);
        assert_eq!(
            latency.points().map(|(_, micros)| micros),
            [500.0, 900.0, 990.0, 999.0, 1000.0]
        );
        assert_eq!(latency.mean, 500.5);
        let one = Latency::of(vec![Duration::from_micros(7)]);
        assert_eq!((one.p50, one.max), (7.0, 7.0));
        assert_eq!(Latency::of(Vec::new()), Latency::default());
    }

    #[test]
    fn times_read_well() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0]), 2.5);
        assert_eq!(median(&[]), 0.0);
        assert_eq!(show_micros(4.1), "4.10 µs");
        assert_eq!(show_micros(12_000.0), "12.0 ms");
        assert_eq!(show_micros(1.3e6), "1.30 s");
    }
}
