//! `cargo xtask bench steer`: the XDP program under BPF_PROG_TEST_RUN.

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::result::{Against, Figure, Results, Target};
use crate::shell;

/// The most that a redirected packet should cost, in nanoseconds.
const TARGET_NS: f64 = 30.0;

/// The names that `userspace/collector/benches/steer.rs` gives.
const PASS: &str = "pass";
const PASS_AGAIN: &str = "pass, behind the metadata's removal";
const CALL: &str = "a call of the kernel that does next to nothing";
const CLOCK: &str = "the kernel's clock";
/// The figure that the target is for.
const LOG: &str = "log, IPv4";

/// What the XDP program takes for a packet
#[derive(clap::Args)]
pub struct Arguments {}

/// A line of the benchmark.
#[derive(Deserialize)]
struct Measured {
    what: String,
    /// What the frames were counted as; none where another program ran.
    counter: Option<String>,
    min_ns: f64,
    median_ns: f64,
}

pub fn run(_: &Arguments) -> Result<()> {
    ensure!(shell::is_root(), "timing the XDP program needs root");
    let mut bench = shell::cargo();
    bench.args(["bench", "--quiet", "--package", "logweir", "--bench", "steer"]);
    // What is timed is in the kernel: how the rest is optimised makes no difference.
    bench.args(["--profile", "dev"]);
    let lines = shell::output(&mut bench)?;
    let measured: Vec<Measured> = lines
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()
        .context("the benchmark printed what is no figure")?;
    let results = results(&measured)?;
    for figure in &results.figures {
        println!("{:<52} {:>7.1} ns  {}", figure.what, figure.value, figure.note);
    }
    results.save("steer")
}

fn results(measured: &[Measured]) -> Result<Results> {
    let find = |what: &str| {
        let found = measured.iter().find(|line| line.what == what);
        found.with_context(|| format!("the benchmark has no figure of \"{what}\""))
    };
    let (pass, again) = (find(PASS)?, find(PASS_AGAIN)?);
    let removal_ns = again.min_ns - pass.min_ns;
    let clock_ns = find(CLOCK)?.min_ns - pass.min_ns;
    let call_ns = find(CALL)?.min_ns - pass.min_ns;

    let mut results = Results::new(
        "BPF_PROG_TEST_RUN, no device; CPU time of the calling thread, least of 100 runs",
    );
    for line in measured.iter().filter(|line| line.counter.is_some()) {
        let ns = line.min_ns - removal_ns;
        let mut figure = figure(&line.what, ns, line);
        figure.against.push(Against {
            what: "XDP_PASS-only program".into(),
            value: pass.min_ns,
            ratio: pass.min_ns / ns,
        });
        if line.what == LOG {
            figure.row = Some(6);
            figure.target =
                Some(Target { words: format!("≤ {TARGET_NS} ns"), met: ns <= TARGET_NS });
            figure.note = format!(
                "{:.0} ns above the XDP_PASS-only program; reading the clock is {clock_ns:.0} of \
                 them, each of 3 more calls of the kernel {call_ns:.0} at least. A test run \
                 carries no redirection out",
                ns - pass.min_ns
            );
        }
        results.figures.push(figure);
    }
    for (what, ns, line) in [
        ("XDP_PASS-only program", pass.min_ns, pass),
        ("reading the clock (bpf_ktime_get_ns)", clock_ns, find(CLOCK)?),
        ("one call of the kernel (bpf_xdp_get_buff_len)", call_ns, find(CALL)?),
    ] {
        results.figures.push(figure(what, ns, line));
    }
    Ok(results)
}

fn figure(what: &str, ns: f64, line: &Measured) -> Figure {
    let excess = line.median_ns - line.min_ns;
    let counter = line.counter.as_ref().map_or_else(String::new, |name| format!("{name}; "));
    Figure {
        row: None,
        what: format!("XDP: {what}"),
        value: ns,
        unit: "ns".into(),
        against: Vec::new(),
        target: None,
        note: format!("{counter}median {excess:.1} ns more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_removal_of_metadata_is_taken_off() {
        let line = |what: &str, counter: Option<&str>, min_ns| Measured {
            what: what.into(),
            counter: counter.map(Into::into),
            min_ns,
            median_ns: min_ns + 1.0,
        };
        let results = results(&[
            line(PASS, None, 10.0),
            line(PASS_AGAIN, None, 14.0),
            line(CALL, None, 11.0),
            line(CLOCK, None, 20.0),
            line(LOG, Some("redirected"), 29.0),
        ])
        .expect("all figures are there");
        let figure = &results.figures[0];
        assert_eq!((figure.row, figure.value), (Some(6), 25.0));
        assert_eq!(figure.against[0].ratio, 0.4);
        assert!(figure.target.as_ref().is_some_and(|target| target.met));
    }
}
