//! The shapes of traffic: popularity (Zipf), sizes and durations (log-normal, Pareto).
//!
//! Only additions, multiplications, divisions and square roots are used: IEEE 754 rounds those
//! alike everywhere, and `ln` or `exp` of a C library would make the bytes depend on the machine.

use std::f64::consts::LN_2;

use crate::random::Random;

/// Draws an index with given weights in constant time (Walker's alias method).
pub(crate) struct Weighted {
    /// For each index: below the threshold (of 32 random bits) it is drawn, else its alias.
    slots: Vec<(u32, u32)>,
}

impl Weighted {
    pub(crate) fn new(weights: &[f64]) -> Self {
        let total: f64 = weights.iter().sum();
        let scale = weights.len() as f64 / total;
        let mut scaled: Vec<f64> = weights.iter().map(|weight| weight * scale).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..scaled.len()).partition(|&index| scaled[index] < 1.0);
        let mut slots: Vec<(u32, u32)> =
            (0..scaled.len()).map(|index| (u32::MAX, index as u32)).collect();
        while let (Some(&lender), Some(borrower)) = (large.last(), small.pop()) {
            slots[borrower] = ((scaled[borrower] * 4_294_967_296.0) as u32, lender as u32);
            scaled[lender] -= 1.0 - scaled[borrower];
            if scaled[lender] < 1.0 {
                large.pop();
                small.push(lender);
            }
        }
        Self { slots }
    }

    /// Popularity by rank: the k-th has weight 1/k, as destinations have.
    pub(crate) fn zipf(count: u32) -> Self {
        let weights: Vec<f64> = (1..=count).map(|rank| 1.0 / f64::from(rank)).collect();
        Self::new(&weights)
    }

    /// A gentler slope, 1/√k: some subscribers are hotter than others.
    pub(crate) fn zipf_root(count: u32) -> Self {
        let weights: Vec<f64> = (1..=count).map(|rank| 1.0 / f64::from(rank).sqrt()).collect();
        Self::new(&weights)
    }

    #[inline]
    pub(crate) fn draw(&self, random: &mut Random) -> u32 {
        let bits = random.next_u64();
        let index = (((bits >> 32) * self.slots.len() as u64) >> 32) as u32;
        let (threshold, alias) = self.slots[index as usize];
        if (bits as u32) < threshold { index } else { alias }
    }
}

/// 2^x for x in -30..30, to six digits.
#[inline]
pub(crate) fn exp2(x: f64) -> f64 {
    let x = x.clamp(-30.0, 30.0);
    let whole = (x + 64.0) as i64 - 64;
    let rest = x - whole as f64;
    // The Taylor series of 2^rest about 0; rest is in 0..1.
    let series = 1.0
        + rest
            * (LN_2
                + rest
                    * (0.240_226_506_96
                        + rest
                            * (0.055_504_108_66
                                + rest
                                    * (0.009_618_129_11
                                        + rest * (0.001_333_355_81 + rest * 0.000_154_035_30)))));
    let power = f64::from_bits(((whole + 1_023) as u64) << 52);
    series * power
}

/// A standard normal deviate: the sum of four uniforms, within ±3.46.
#[inline]
pub(crate) fn normal(random: &mut Random) -> f64 {
    let bits = random.next_u64();
    let sum = (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48);
    (sum as f64 - 131_070.0) * (1.0 / 37_837.2)
}

/// A log-normal deviate: 2^(`median_log2` + `sigma_log2` × normal).
#[inline]
pub(crate) fn log_normal(random: &mut Random, median_log2: f64, sigma_log2: f64) -> f64 {
    exp2(median_log2 + sigma_log2 * normal(random))
}

/// A Pareto deviate of exponent 4/3 from `minimum` upwards.
pub(crate) fn pareto(random: &mut Random, minimum: f64) -> f64 {
    let uniform = ((random.next_u64() >> 11) + 1) as f64 * (1.0 / 9_007_199_254_740_992.0);
    let root = uniform.sqrt();
    minimum / (root * root.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp2_is_close() {
        for step in -290..290 {
            let x = f64::from(step) / 10.0;
            let error = (exp2(x) / x.exp2() - 1.0).abs();
            assert!(error < 1e-4, "2^{x}: {error}");
        }
    }

    #[test]
    fn zipf_ranks_fall_as_one_over_k() {
        let weighted = Weighted::zipf(100);
        let mut random = Random::new(3);
        let mut seen = [0u32; 100];
        for _ in 0..1_000_000 {
            seen[weighted.draw(&mut random) as usize] += 1;
        }
        // The sum of 1/k to 100 is 5.187.
        for rank in [1u32, 2, 5, 10, 50, 100] {
            let expected = 1_000_000.0 / 5.187 / f64::from(rank);
            let ratio = f64::from(seen[rank as usize - 1]) / expected;
            assert!((0.9..1.1).contains(&ratio), "rank {rank}: {ratio}");
        }
    }

    #[test]
    fn normal_has_mean_0_and_deviation_1() {
        let mut random = Random::new(4);
        let drawn: Vec<f64> = (0..100_000).map(|_| normal(&mut random)).collect();
        let mean = drawn.iter().sum::<f64>() / 100_000.0;
        let variance = drawn.iter().map(|value| value * value).sum::<f64>() / 100_000.0;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
    }

    #[test]
    fn pareto_has_its_tail() {
        let mut random = Random::new(5);
        let above = |limit: f64, random: &mut Random| {
            (0..100_000).filter(|_| pareto(random, 1.0) > limit).count()
        };
        // P(x > 8) = 8^(-4/3) = 1/16.
        let count = above(8.0, &mut random);
        assert!((5_900..6_600).contains(&count), "{count}");
    }
}
