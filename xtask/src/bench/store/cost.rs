//! Processor time of a stored record.

use anyhow::{Result, bail};

use crate::bench::{
    lossless::{
        place::Receiving,
        systems::{Keep, System},
        trial::{Bench, Trial},
    },
    result::{Against, Figure, Target},
};

/// What a record costs a system, in nanoseconds of processor time.
#[derive(Clone, Debug)]
pub struct Cost {
    pub name: String,
    /// How far ours goes; `None` of another's.
    pub keep: Option<Keep>,
    /// Of all its threads.
    pub threads: f64,
    /// Of the kernel's receive thread and of softirqs.
    pub receiving: f64,
}

impl Cost {
    fn of(system: &dyn System, trial: &Trial) -> Self {
        let nanos = |seconds: f64| seconds * 1e9 / trial.stored.max(1) as f64;
        Self {
            name: system.name(),
            keep: system.way().map(|way| way.keep),
            threads: nanos(trial.process_seconds),
            receiving: nanos(trial.receive_seconds),
        }
    }

    /// What is seen with and without the kernel's part of receiving.
    fn nanos(&self, with_receiving: bool) -> f64 {
        if with_receiving { self.threads + self.receiving } else { self.threads }
    }

    /// For the terminal.
    pub fn row(&self) -> Vec<String> {
        let nanos = |with_receiving| format!("{:.0}", self.nanos(with_receiving));
        vec![self.name.clone(), nanos(false), nanos(true)]
    }
}

/// Trials a round, of which one must be without loss: a host does other things, too.
const TRIALS: u32 = 3;

/// The least that a record cost each system in so many rounds. The systems take turns, so that
/// what else the host does meets all of them.
pub fn measure(
    bench: &Bench,
    systems: &[Box<dyn System>],
    rate: f64,
    rounds: u32,
) -> Result<Vec<Cost>> {
    let mut least: Vec<Option<Cost>> = vec![None; systems.len()];
    for _ in 0..rounds {
        for (system, least) in systems.iter().zip(&mut least) {
            let trial = lossless(bench, system.as_ref(), rate)?;
            let cost = Cost::of(system.as_ref(), &trial);
            let is_less = least.as_ref().is_none_or(|least| cost.nanos(true) < least.nanos(true));
            if is_less {
                *least = Some(cost);
            }
        }
    }
    Ok(least.into_iter().flatten().collect())
}

/// A trial without loss; what was tried is told.
pub fn lossless(bench: &Bench, system: &dyn System, rate: f64) -> Result<Trial> {
    let name = system.name();
    for _ in 0..TRIALS {
        let trial = match bench.trial(system, Some(rate), Receiving::Thread) {
            Ok(trial) => trial,
            Err(error) => {
                println!("  {name}: {error:#}");
                continue;
            }
        };
        println!(
            "  {name}: {:.0} records/s, {} sent, {} stored, {:.2} s of processor time",
            trial.sent.rate(),
            trial.sent.records,
            trial.stored,
            trial.cpu_seconds(),
        );
        if trial.is_lossless() {
            return Ok(trial);
        }
    }
    bail!("{name}: no trial of {TRIALS} at {rate} records/s was without loss")
}

/// Ours beside another system, which is to cost `target` times as much: all threads, and with the
/// kernel's receiving.
pub fn figures(
    row: u8,
    what: &str,
    ours: &Cost,
    costs: &[Cost],
    other: &str,
    target: f64,
) -> Vec<Figure> {
    let Some(other) = costs.iter().find(|cost| cost.name == other) else { return Vec::new() };
    let figure = |with_receiving: bool| {
        let (value, others) = (ours.nanos(with_receiving), other.nanos(with_receiving));
        let counted = if with_receiving { "with receiving" } else { "all threads" };
        let ratio = others / value.max(f64::MIN_POSITIVE);
        Figure {
            row: Some(row),
            what: format!("{what}, {counted}: {}", ours.name),
            value,
            unit: "ns".into(),
            against: vec![Against { what: other.name.clone(), value: others, ratio }],
            target: Some(Target {
                words: format!("≤ 1/{target} of {}", other.name),
                met: ratio >= target,
            }),
            note: format!(
                "{:.0} ns of its threads and {:.0} ns of the kernel's receiving a record; {} takes \
                 {:.0} and {:.0}",
                ours.threads, ours.receiving, other.name, other.threads, other.receiving
            ),
        }
    };
    [false, true].map(figure).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(name: &str, threads: f64) -> Cost {
        Cost { name: name.into(), keep: None, threads, receiving: 50.0 }
    }

    #[test]
    fn ours_is_better_where_the_other_costs_more() {
        let (ours, other) = (cost("ours", 100.0), cost("other", 300.0));
        let figures = figures(10, "stored", &ours, &[other], "other", 3.0);
        let met = figures.iter().map(|figure| figure.target.as_ref().is_some_and(|t| t.met));
        assert_eq!(met.collect::<Vec<_>>(), [true, false]);
        assert_eq!(figures[1].value, 150.0);
    }
}
