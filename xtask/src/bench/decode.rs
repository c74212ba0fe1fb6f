//! `cargo xtask bench decode`: runs criterion, and gathers its figures.

use std::time::SystemTime;

use anyhow::{Context as _, Result, ensure};

use crate::{
    bench::{
        criterion::{self, Timing},
        formats::{self, Asked, Format},
        result::{Against, Figure, Results, Target},
        table,
    },
    shell,
};

/// How fast datagrams become columns, beside other decoders
#[derive(clap::Args)]
pub struct Arguments {
    /// A second for each figure, and not five: to see where one stands
    #[arg(long)]
    quick: bool,
}

/// The stages behind decoding, and what each measures.
const STAGES: &[(&str, &str)] = &[
    ("handoff", "decode and hand over to a writer's thread, NetFlow 1315"),
    ("arrow-usg-1315", "batch → Arrow, NetFlow 1315"),
    ("arrow-default-teardown", "batch → Arrow, USG Default TEARDOWN"),
    ("arrow-firebrick", "batch → Arrow, FireBrick"),
    ("ring", "AF_XDP rings in user space, a packet for a record"),
];

pub fn run(arguments: &Arguments) -> Result<()> {
    // First, because it is soon done.
    let allocations = allocations()?;
    let started = SystemTime::now();
    let mut bench = shell::cargo();
    bench.args(["bench", "--package", "logweir-benches", "--bench", "netflow", "--bench", "text"]);
    bench.args(["--bench", "handoff", "--bench", "arrow", "--bench", "ring", "--", "--quiet"]);
    bench.args(if arguments.quick {
        ["--warm-up-time=0.3", "--measurement-time=0.7", "--sample-size=10"]
    } else {
        ["--warm-up-time=1", "--measurement-time=4", "--sample-size=50"]
    });
    shell::run(&mut bench)?;
    let mut results = Results::new("datagrams in frames like a UMEM's; the thread's CPU time");
    results.figures = figures(started)?;
    results.figures.push(allocations);
    results.save("decode")?;
    print!("{}", summary(&results.figures));
    Ok(())
}

fn figures(started: SystemTime) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let mut decoded: Vec<(&str, f64)> = Vec::new();
    for format in formats::ALL {
        let timings = criterion::group(format.group, started)?;
        let (ours, others) = split(&timings);
        let best = *ours.first().with_context(|| format!("{} has no result", format.group))?;
        check_shape(format, best)?;
        decoded.push((format.group, best.byte_rate()));
        figures.push(Figure {
            row: format.target.map(|(row, _)| row),
            what: format.what(),
            value: best.rate(),
            unit: format!("{}/s", format.unit),
            against: against(best, &others),
            target: format.target.map(|(_, asked)| target(asked, best, &others, &decoded)),
            note: levels(&ours),
        });
    }
    for (group, what) in STAGES {
        for timing in criterion::group(group, started)? {
            figures.push(Figure {
                row: None,
                what: format!("{what}: {}", timing.function),
                value: timing.rate(),
                unit: "records/s".to_owned(),
                against: Vec::new(),
                target: None,
                note: String::new(),
            });
        }
    }
    Ok(figures)
}

/// Our levels, the best first, and everybody else, the slowest first.
fn split(timings: &[Timing]) -> (Vec<&Timing>, Vec<&Timing>) {
    let level = |timing: &&Timing| {
        let levels = ["decode/avx512", "decode/avx2", "decode/portable"];
        levels.iter().position(|level| *level == timing.function)
    };
    let (mut ours, mut others): (Vec<_>, Vec<_>) =
        timings.iter().partition(|timing| level(timing).is_some());
    ours.sort_by_key(level);
    others.sort_by(|a, b| b.nanoseconds.total_cmp(&a.nanoseconds));
    (ours, others)
}

/// `link` counts with the shapes of `formats.rs`, so they must be those of what was measured.
fn check_shape(format: &Format, timing: &Timing) -> Result<()> {
    let asked = format.payload_bytes / format.records;
    let measured = timing.bytes / timing.records;
    ensure!(
        (measured / asked - 1.0).abs() < 0.01,
        "{} has {measured:.2} bytes a record; xtask's formats.rs says {asked:.2}",
        format.group
    );
    Ok(())
}

fn against(best: &Timing, others: &[&Timing]) -> Vec<Against> {
    let one = |other: &&Timing| Against {
        what: other.function.clone(),
        value: other.rate(),
        ratio: other.nanoseconds / best.nanoseconds,
    };
    others.iter().map(one).collect()
}

fn target(asked: Asked, best: &Timing, others: &[&Timing], decoded: &[(&str, f64)]) -> Target {
    match asked {
        Asked::Rate(rate, ratios) => {
            let mut words = vec![format!("≥ {} /s", table::short(rate))];
            let mut met = best.rate() >= rate;
            for (engine, ratio) in ratios {
                words.push(format!("≥ {ratio} × {engine}"));
                let other = others.iter().find(|other| other.function == *engine);
                met &= other.is_some_and(|other| other.nanoseconds >= ratio * best.nanoseconds);
            }
            Target { words: words.join(", "), met }
        }
        Asked::BytesOf(group, share) => {
            let whole = decoded.iter().find(|(name, _)| *name == group);
            let met = whole.is_some_and(|(_, bytes)| best.byte_rate() >= share * bytes);
            Target { words: format!("≥ {share} × {group} a byte"), met }
        }
    }
}

/// "avx512 196 M, portable 12.0 M; 11.8 GB/s".
fn levels(ours: &[&Timing]) -> String {
    let level = |timing: &&Timing| {
        let name = timing.function.trim_start_matches("decode/");
        format!("{name} {}/s", table::short(timing.rate()))
    };
    let levels: Vec<_> = ours.iter().map(level).collect();
    let bytes = ours.first().map_or(0.0, |best| best.byte_rate());
    format!("{}; {}B/s of payload", levels.join(", "), table::short(bytes))
}

/// Row 9 is a test, which fails at the first allocation.
fn allocations() -> Result<Figure> {
    let mut test = shell::cargo();
    test.args(["test", "--quiet", "--package", "logweir-decode", "--test", "allocations"]);
    shell::run(&mut test)?;
    Ok(Figure {
        row: Some(9),
        what: "allocations in the steady state".to_owned(),
        value: 0.0,
        unit: "a datagram".to_owned(),
        against: Vec::new(),
        target: Some(Target { words: "0 a datagram".to_owned(), met: true }),
        note: "userspace/decode/tests/allocations.rs counts every call of the global allocator \
               while 1000 datagrams of each of its kinds are decoded, after two that make the \
               exporter known. A worker finds templates in a cache of its own: it takes the \
               registry's lock when an exporter's templates change, not for a datagram."
            .to_owned(),
    })
}

fn summary(figures: &[Figure]) -> String {
    let head = ["", "row", "measured", "", "against", "target", ""];
    let row = |figure: &Figure| {
        let against = |other: &Against| format!("{:.2} × {}", other.ratio, other.what);
        let against: Vec<_> = figure.against.iter().map(against).collect();
        let met =
            figure.target.as_ref().map_or("", |target| if target.met { "met" } else { "not met" });
        vec![
            figure.what.clone(),
            figure.row.map_or_else(String::new, |row| row.to_string()),
            table::short(figure.value),
            figure.unit.clone(),
            against.join(", "),
            figure.target.as_ref().map_or_else(String::new, |target| target.words.clone()),
            met.to_owned(),
        ]
    };
    let rows: Vec<_> = figures.iter().map(row).collect();
    table::text(&head, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing(function: &str, nanoseconds: f64) -> Timing {
        Timing { function: function.to_owned(), nanoseconds, records: 100.0, bytes: 6000.0 }
    }

    #[test]
    fn the_best_level_stands_for_us_and_not_the_fastest() {
        let timings =
            [timing("decode/portable", 1.0), timing("memcpy", 1.0), timing("decode/avx2", 2.0)];
        let (ours, others) = split(&timings);
        assert_eq!(ours[0].function, "decode/avx2");
        assert_eq!(others.len(), 1);
    }

    #[test]
    fn a_target_is_met_when_rate_and_ratios_are() {
        let (ours, memcpy) = (timing("decode/avx2", 1000.0), timing("memcpy", 400.0));
        let asked = |ratio: &'static [(&str, f64)]| Asked::Rate(100e6, ratio);
        assert!(target(asked(&[("memcpy", 0.4)]), &ours, &[&memcpy], &[]).met);
        assert!(!target(asked(&[("memcpy", 0.5)]), &ours, &[&memcpy], &[]).met);
        assert!(!target(asked(&[("regex", 0.1)]), &ours, &[&memcpy], &[]).met);
        assert!(target(Asked::BytesOf("a", 0.5), &ours, &[], &[("a", 12e9)]).met);
        assert!(!target(Asked::BytesOf("a", 0.5), &ours, &[], &[("a", 12.1e9)]).met);
    }
}
