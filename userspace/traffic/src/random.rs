//! The one source of chance: xoshiro256++, seeded by SplitMix64.
//!
//! Own code, because a stream must stay the same for ever: golden hashes and the seeds in bug
//! reports depend on it, and a library may change its streams between versions.

/// A deterministic stream of numbers. Not for secrets.
#[derive(Clone, Debug)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    /// The stream of `seed`.
    pub fn new(seed: u64) -> Self {
        let mut mixed = seed;
        let state = std::array::from_fn(|_| {
            mixed = mixed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = mixed;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            word ^ (word >> 31)
        });
        Self { state }
    }

    /// The next 64 bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        let state = &mut self.state;
        let result = state[0].wrapping_add(state[3]).rotate_left(23).wrapping_add(state[0]);
        let shifted = state[1] << 17;
        state[2] ^= state[0];
        state[3] ^= state[1];
        state[1] ^= state[2];
        state[0] ^= state[3];
        state[2] ^= shifted;
        state[3] = state[3].rotate_left(45);
        result
    }

    /// A number in `0..bound`; 0 when `bound` is 0. The bias is below 2⁻³² × `bound`.
    #[inline]
    pub fn below(&mut self, bound: u32) -> u32 {
        (((self.next_u64() >> 32) * u64::from(bound)) >> 32) as u32
    }

    /// True with the probability that `share` holds.
    #[inline]
    pub fn chance(&mut self, share: Share) -> bool {
        // A share that is never or always drawn costs no number, so that switching a feature off
        // is free on the hot path.
        match share.0 {
            0 => false,
            Share::ALWAYS => true,
            threshold => (self.next_u64() >> 32) < threshold,
        }
    }
}

/// A probability, held as a threshold for 32 random bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(u64);

impl Share {
    const ALWAYS: u64 = 1 << 32;

    /// `fraction` clamped to 0..=1.
    pub fn new(fraction: f64) -> Self {
        Self((fraction.clamp(0.0, 1.0) * Self::ALWAYS as f64) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first outputs of xoshiro256++ seeded by SplitMix64(0), as other implementations give.
    #[test]
    fn stream_is_the_published_one() {
        let mut random = Random::new(0);
        let first: Vec<u64> = (0..3).map(|_| random.next_u64()).collect();
        assert_eq!(first, [0x5317_5d61_490b_23df, 0x61da_6f3d_c380_d507, 0x5c0f_df91_ec9a_7bfc]);
    }

    #[test]
    fn below_stays_below_and_reaches_both_ends() {
        let mut random = Random::new(7);
        let mut seen = [0u32; 5];
        for _ in 0..1_000 {
            seen[random.below(5) as usize] += 1;
        }
        assert!(seen.iter().all(|&count| count > 150), "{seen:?}");
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn shares_hold() {
        let mut random = Random::new(9);
        let hits = (0..100_000).filter(|_| random.chance(Share::new(0.25))).count();
        assert!((24_000..26_000).contains(&hits), "{hits}");
        assert!(!random.chance(Share::new(0.0)));
        assert!(random.chance(Share::new(1.0)));
    }
}
