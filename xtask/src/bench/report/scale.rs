//! From values to places on an axis, and where its ticks are.

/// An axis from its least value to its greatest.
pub struct Scale {
    min: f64,
    max: f64,
    is_log: bool,
}

impl Scale {
    /// From 0, or the least value if that is below, to a round number above all values.
    pub fn linear(values: impl Iterator<Item = f64> + Clone) -> Self {
        let min = values.clone().fold(0.0, f64::min);
        let max = values.fold(min, f64::max);
        let max = if max > min { max } else { min + 1.0 };
        let step = step(max - min);
        Self { min: (min / step).floor() * step, max: (max / step).ceil() * step, is_log: false }
    }

    /// From the least value above 0 to the greatest.
    pub fn log(values: impl Iterator<Item = f64> + Clone) -> Self {
        let min = values.clone().filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
        let max = values.fold(0.0, f64::max);
        if !min.is_finite() {
            return Self { min: 1.0, max: 10.0, is_log: true };
        }
        // A margin, so that no point lies on the frame, and one value is not the whole axis.
        Self { min: min / 1.1, max: max * 1.1, is_log: true }
    }

    /// Where a value lies: 0 at the axis' beginning, 1 at its end. `None` for what has no place.
    pub fn place(&self, value: f64) -> Option<f64> {
        let place = if self.is_log {
            (value / self.min).ln() / (self.max / self.min).ln()
        } else {
            (value - self.min) / (self.max - self.min)
        };
        place.is_finite().then_some(place)
    }

    /// Round values on the axis.
    pub fn ticks(&self) -> Vec<f64> {
        if !self.is_log {
            let step = step(self.max - self.min);
            let count = ((self.max - self.min) / step).round() as u32;
            return (0..=count).map(|i| self.min + f64::from(i) * step).collect();
        }
        let decades = (self.max / self.min).log10();
        let digits: &[f64] = match decades {
            ..1.5 => &[1.0, 2.0, 5.0],
            ..3.0 => &[1.0, 3.0],
            _ => &[1.0],
        };
        let powers = self.min.log10().floor() as i32..=self.max.log10().ceil() as i32;
        let ticks =
            powers.flat_map(|power| digits.iter().map(move |digit| digit * 10_f64.powi(power)));
        ticks.filter(|tick| (self.min..=self.max).contains(tick)).collect()
    }
}

/// The round number (1, 2 or 5 and noughts) that divides a length into 4 to 8 parts or so.
fn step(length: f64) -> f64 {
    let power = 10_f64.powf((length / 4.0).log10().floor());
    let digit = match length / 4.0 / power {
        5.0.. => 5.0,
        2.0.. => 2.0,
        _ => 1.0,
    };
    digit * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_axis_begins_at_0_and_ends_at_a_round_number() {
        let scale = Scale::linear([3.0, 87.0].into_iter());
        assert_eq!(scale.ticks(), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!((scale.place(0.0), scale.place(50.0)), (Some(0.0), Some(0.5)));
        assert_eq!(Scale::linear([0.0].into_iter()).ticks().len(), 6, "an axis of nothing");
    }

    #[test]
    fn a_logarithmic_axis_has_round_ticks_within_it() {
        let scale = Scale::log([100_000.0, 800_000.0].into_iter());
        assert_eq!(scale.ticks(), [100_000.0, 200_000.0, 500_000.0]);
        assert_eq!(scale.place(0.0), None, "0 has no place");
        assert_eq!(Scale::log([1.0, 1e6].into_iter()).ticks().len(), 7);
        assert!(!Scale::log([0.0].into_iter()).ticks().is_empty(), "an axis of nothing");
    }
}
