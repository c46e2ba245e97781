//! Shares and rates with their confidence intervals, from counts.
//!
//! All intervals are two-sided at 95 %. Shares of copies that are found carry Wilson's interval
//! (Wilson 1927), which keeps its level well for middling shares; rates of rare false flags carry the
//! exact ones: Clopper and Pearson's for a share (1934), Garwood's for a number of events (1936).
//! Where no event was seen, the upper end is one-sided: 1 − 0.05^(1/n), nearly 3/n, the rule of three.

use serde::{Deserialize, Serialize};
use statrs::function::{beta::beta_reg, gamma::gamma_lr};

/// The standard normal distribution's 97.5 % point.
const Z: f64 = 1.959_963_984_540_054;
/// What an interval leaves out on each side.
const TAIL: f64 = 0.025;
/// What it leaves out in all.
const BOTH_TAILS: f64 = 0.05;

/// A share or a rate with its 95 % confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// What was seen.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Estimate {
    const UNKNOWN: Self = Self {
        value: 0.0,
        low: 0.0,
        high: 1.0,
    };

    /// The share `hits / of` with Wilson's interval; 0 to 1 where `of` is 0.
    #[must_use]
    pub fn wilson(hits: u64, of: u64) -> Self {
        if of == 0 {
            return Self::UNKNOWN;
        }
        let n = of as f64;
        let p = hits.min(of) as f64 / n;
        let z2 = Z * Z;
        let middle = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
        let reach = Z / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
        Self {
            value: p,
            low: if hits == 0 {
                0.0
            } else {
                (middle - reach).max(0.0)
            },
            high: if hits >= of {
                1.0
            } else {
                (middle + reach).min(1.0)
            },
        }
    }

    /// The share `hits / of` with Clopper and Pearson's interval. The upper end is one-sided where
    /// nothing was seen, the lower end where nothing was missed.
    #[must_use]
    pub fn exact_share(hits: u64, of: u64) -> Self {
        if of == 0 {
            return Self::UNKNOWN;
        }
        let hits = hits.min(of);
        let (x, n) = (hits as f64, of as f64);
        let low = match hits {
            0 => 0.0,
            _ if hits == of => BOTH_TAILS.powf(1.0 / n),
            // P(at least x of n) = I_p(x, n - x + 1).
            _ => solve(TAIL, 1.0, |p| beta_reg(x, n - x + 1.0, p)),
        };
        let high = match hits {
            _ if hits == of => 1.0,
            0 => -(BOTH_TAILS.ln() / n).exp_m1(),
            // P(at most x of n) = 1 - I_p(x + 1, n - x).
            _ => solve(1.0 - TAIL, 1.0, |p| beta_reg(x + 1.0, n - x, p)),
        };
        Self {
            value: x / n,
            low,
            high,
        }
    }

    /// The number of events that the same exposure gives in the mean, with Garwood's interval. The
    /// upper end is one-sided where none was seen.
    #[must_use]
    pub fn poisson(events: u64) -> Self {
        let x = events as f64;
        // Far beyond both ends for every number of events.
        let most = 2.0 * x + 20.0;
        let low = match events {
            0 => 0.0,
            // P(at least x) = P(x, mean), the regularised lower incomplete gamma function.
            _ => solve(TAIL, most, |mean| gamma_lr(x, mean)),
        };
        let high = match events {
            0 => -BOTH_TAILS.ln(),
            _ => solve(1.0 - TAIL, most, |mean| gamma_lr(x + 1.0, mean)),
        };
        Self {
            value: x,
            low,
            high,
        }
    }

    /// The same in another unit.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self {
            value: self.value * factor,
            low: self.low * factor,
            high: self.high * factor,
        }
    }
}

/// Where a growing function of 0 to `most` reaches `target`: by halving, to the last digit.
fn solve(target: f64, most: f64, grows: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (0.0, most);
    for _ in 0..200 {
        let middle = (low + high) / 2.0;
        if middle <= low || middle >= high {
            break;
        }
        // At the very ends the functions are not defined; a growing one has its values between.
        if grows(middle) < target {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: f64, expected: f64, off: f64) {
        assert!((got - expected).abs() < off, "{got} is not {expected}");
    }

    #[test]
    fn wilson_is_as_computed_by_hand() {
        // p = 0.8, n = 10, z² = 3.8416: (0.8 + 0.19208 ± 1.96·√(0.016 + 0.009604)) / 1.38416.
        let estimate = Estimate::wilson(8, 10);
        near(estimate.low, 0.490_162, 1e-5);
        near(estimate.high, 0.943_318, 1e-5);
        let none = Estimate::wilson(0, 20);
        assert_eq!((none.value, none.low), (0.0, 0.0));
        near(none.high, 3.841_459 / 23.841_459, 1e-6);
        let all = Estimate::wilson(20, 20);
        assert_eq!(all.high, 1.0);
        near(all.low, 20.0 / 23.841_459, 1e-6);
        assert_eq!(Estimate::wilson(0, 0).high, 1.0);
    }

    #[test]
    fn clopper_pearson_is_as_tables_have_it() {
        // 1 of 10: 1 - 0.975^(1/10) below; above the root of 10 p (1-p)^9 + (1-p)^10 = 0.025.
        let one = Estimate::exact_share(1, 10);
        near(one.low, 1.0 - 0.975f64.powf(0.1), 1e-9);
        let p = one.high;
        near(
            10.0 * p * (1.0 - p).powi(9) + (1.0 - p).powi(10),
            0.025,
            1e-9,
        );
        near(p, 0.445_016, 1e-5);
        let half = Estimate::exact_share(5, 10);
        near(half.low, 0.187_086, 1e-5);
        near(half.high, 1.0 - half.low, 1e-9);
        // The rule of three.
        near(Estimate::exact_share(0, 1000).high, 0.002_991, 1e-6);
        near(Estimate::exact_share(1000, 1000).low, 1.0 - 0.002_991, 1e-6);
        assert!(Estimate::exact_share(3, 17_100_000).high < 1e-6);
    }

    #[test]
    fn poisson_is_as_tables_have_it() {
        // Garwood's table, 95 %.
        for (events, low, high) in [(1, 0.0253, 5.572), (5, 1.623, 11.668), (10, 4.795, 18.390)] {
            let estimate = Estimate::poisson(events);
            near(estimate.low, low, 1e-3);
            near(estimate.high, high, 1e-3);
        }
        near(Estimate::poisson(0).high, 2.995_732, 1e-6);
        let many = Estimate::poisson(10_000);
        near(many.low, 9_805.0, 3.0);
        near(many.high, 10_198.0, 3.0);
        assert_eq!(Estimate::poisson(2).times(10.0).value, 20.0);
    }
}
