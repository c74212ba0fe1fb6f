//! `cargo xtask bench counts`: instructions a datagram, by callgrind, compared with those that are
//! committed. They are the same in every run, whatever else the machine does; valgrind has no
//! AVX-512, so it is the other levels that are counted.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::{
    bench::{
        result::{Figure, Results},
        table,
    },
    shell,
};

/// Count instructions a datagram and compare them with the committed counts
#[derive(clap::Args)]
pub struct Arguments {
    /// Commit to what is counted now, by writing benches/instructions.toml
    #[arg(long)]
    update: bool,
}

/// How far from the committed count one may be, as a share of it.
const TOLERANCE: f64 = 0.02;

/// The function of the example that is counted.
const COUNTED: &str = "counts::counted";

/// What was counted, by whom.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Counts {
    /// Compiler and C library: another one makes other instructions.
    toolchain: String,
    /// By format and level.
    #[serde(flatten)]
    formats: BTreeMap<String, BTreeMap<String, Count>>,
}

/// Instructions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Count {
    record: f64,
    datagram: f64,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    ensure_valgrind()?;
    let counts = count()?;
    print!("{}", summary(&counts));
    save(&counts)?;
    if arguments.update {
        fs::write(baseline_file(), toml_text(&counts))?;
        println!("wrote {}", baseline_file().display());
        return Ok(());
    }
    compare(&counts).map(drop)
}

/// For `cargo xtask test`: why the counts can't be compared here, if they can't.
pub fn check() -> Result<Option<String>> {
    if let Err(error) = ensure_valgrind() {
        return Ok(Some(format!("instruction counts: {error:#}")));
    }
    compare(&count()?)
}

fn ensure_valgrind() -> Result<()> {
    if shell::find("valgrind").is_some() {
        return Ok(());
    }
    shell::apt_install(&["valgrind"], "counting instructions")
}

fn baseline_file() -> PathBuf {
    shell::root().join("benches/instructions.toml")
}

fn count() -> Result<Counts> {
    let mut build = shell::cargo();
    build.args(["build", "--release", "--quiet", "--package", "logweir-benches"]);
    shell::run(build.args(["--example", "counts"]))?;
    let mut counts = Counts { toolchain: toolchain()?, ..Counts::default() };
    for level in levels() {
        for (format, count) in count_level(level)? {
            counts.formats.entry(format).or_default().insert((*level).to_owned(), count);
        }
    }
    Ok(counts)
}

/// Those that this machine has and valgrind knows.
fn levels() -> &'static [&'static str] {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        return &["portable", "avx2"];
    }
    &["portable"]
}

/// One run for all formats: a dump is written each time that the function is left.
fn count_level(level: &str) -> Result<Vec<(String, Count)>> {
    let directory = shell::target_dir().join("bench-report/callgrind").join(level);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory)?;
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--quiet", "--tool=callgrind"]);
    valgrind.arg(format!("--toggle-collect={COUNTED}")).arg(format!("--dump-after={COUNTED}"));
    valgrind.arg(format!("--callgrind-out-file={}/out.%p", directory.display()));
    valgrind.arg(shell::target_dir().join("release/examples/counts")).arg(level);
    let formats = shell::output(&mut valgrind)?;
    let mut dumps = BTreeMap::new();
    for entry in fs::read_dir(&directory)? {
        let file = entry?.path();
        let number = file.extension().and_then(|number| number.to_str()?.parse::<usize>().ok());
        dumps.insert(number.context("a dump has no number")?, file);
    }
    let dumped = |number| {
        let text = fs::read_to_string(dumps.get(&number).context("callgrind left no dump")?)?;
        let totals = text.lines().find_map(|line| line.strip_prefix("totals: "));
        anyhow::Ok(totals.context("a dump has no totals")?.trim().parse::<f64>()?)
    };
    let counted = |(line, number): (&str, usize)| {
        let [format, datagrams, records] = *line.split(' ').collect::<Vec<_>>() else {
            bail!("the example printed {line:?}");
        };
        let instructions = dumped(number)?;
        let each = |of: &str| anyhow::Ok((instructions / of.parse::<f64>()? * 10.0).round() / 10.0);
        Ok((format.to_owned(), Count { record: each(records)?, datagram: each(datagrams)? }))
    };
    formats.lines().zip(1..).map(counted).collect()
}

fn toolchain() -> Result<String> {
    let rustc = shell::output(Command::new("rustc").arg("--version"))?;
    let libc = shell::output(Command::new("ldd").arg("--version")).unwrap_or_default();
    let libc = libc.lines().next().and_then(|line| line.rsplit(' ').next()).unwrap_or("unknown");
    Ok(format!("{}, C library {libc}", rustc.trim()))
}

/// Why the counts could not be compared, where they could not.
fn compare(counts: &Counts) -> Result<Option<String>> {
    let file = baseline_file();
    let text = fs::read_to_string(&file)
        .context("no counts are committed: `cargo xtask bench counts --update` writes them")?;
    let committed: Counts =
        toml::from_str(&text).with_context(|| format!("{} is no counts", file.display()))?;
    let deviations = deviations(&committed, counts);
    deviations.iter().for_each(|deviation| println!("{deviation}"));
    if committed.toolchain != counts.toolchain {
        let reason = format!(
            "instruction counts: committed for {}, and this is {}",
            committed.toolchain, counts.toolchain
        );
        println!("{reason}: deviations are no failure");
        return Ok(Some(reason));
    }
    ensure!(
        deviations.is_empty(),
        "{} instruction counts are more than {} % from those committed",
        deviations.len(),
        100.0 * TOLERANCE
    );
    println!("all instruction counts are within {} % of those committed", 100.0 * TOLERANCE);
    Ok(None)
}

/// A sentence for each count that is not what was committed. Levels that only one side has are
/// passed over: not every machine has all.
fn deviations(committed: &Counts, counts: &Counts) -> Vec<String> {
    let mut sentences = Vec::new();
    for (format, levels) in &counts.formats {
        let Some(committed) = committed.formats.get(format) else {
            sentences.push(format!("{format} has no committed counts: --update writes them."));
            continue;
        };
        for (level, now) in levels {
            let Some(before) = committed.get(level) else { continue };
            let change = now.datagram / before.datagram - 1.0;
            if change.abs() > TOLERANCE {
                let verdict = if change < 0.0 { ": better, and --update keeps it so" } else { "" };
                sentences.push(format!(
                    "{format} at {level} takes {} instructions a record, {} are committed \
                     ({:+.1} %){verdict}.",
                    now.record,
                    before.record,
                    100.0 * change
                ));
            }
        }
    }
    let gone = committed.formats.keys().filter(|format| !counts.formats.contains_key(*format));
    sentences.extend(gone.map(|format| format!("{format} is committed and was not counted.")));
    sentences
}

fn toml_text(counts: &Counts) -> String {
    let mut text = format!(
        "# Instructions of a record and of a datagram, by format and level. Written by\n\
         # `cargo xtask bench counts --update`; see README.md.\n\
         toolchain = \"{}\"\n",
        counts.toolchain
    );
    for (format, levels) in &counts.formats {
        let _ = writeln!(text, "\n[{format}]");
        for (level, Count { record, datagram }) in levels {
            let _ =
                writeln!(text, "{level} = {{ record = {record:.1}, datagram = {datagram:.1} }}");
        }
    }
    text
}

/// A line for each format and level: what it is, and its count.
fn rows(counts: &Counts) -> impl Iterator<Item = (&String, &String, &Count)> {
    counts.formats.iter().flat_map(|(format, levels)| {
        levels.iter().map(move |(level, count)| (format, level, count))
    })
}

fn summary(counts: &Counts) -> String {
    let row = |(format, level, count): (&String, &String, &Count)| {
        let numbers = [count.record, count.datagram].map(|number| format!("{number:.1}"));
        [vec![format.clone(), level.clone()], numbers.to_vec()].concat()
    };
    let rows: Vec<_> = rows(counts).map(row).collect();
    table::text(&["instructions", "level", "a record", "a datagram"], &rows)
}

fn save(counts: &Counts) -> Result<()> {
    let mut results = Results::new("instructions counted by callgrind");
    let figure = |(format, level, count): (&String, &String, &Count)| Figure {
        row: None,
        what: format!("{format} at {level}"),
        value: count.record,
        unit: "instructions a record".to_owned(),
        against: Vec::new(),
        target: None,
        note: format!("{} a datagram", count.datagram),
    };
    results.figures = rows(counts).map(figure).collect();
    results.save("counts")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(formats: &[(&str, f64)]) -> Counts {
        let level = |count| {
            BTreeMap::from([("avx2".to_owned(), Count { record: count, datagram: 2.0 * count })])
        };
        let formats =
            formats.iter().map(|(format, count)| ((*format).to_owned(), level(*count))).collect();
        Counts { toolchain: "rustc 1".to_owned(), formats }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let written = counts(&[("a-1", 10.5), ("b", 3.0)]);
        let read: Counts = toml::from_str(&toml_text(&written)).unwrap();
        assert_eq!((read.toolchain, read.formats), (written.toolchain, written.formats));
    }

    #[test]
    fn only_what_is_more_than_two_percent_off_deviates() {
        let committed =
            counts(&[("same", 100.0), ("near", 100.0), ("worse", 100.0), ("gone", 1.0)]);
        let now = counts(&[("same", 100.0), ("near", 101.9), ("worse", 102.5), ("new", 1.0)]);
        let found = deviations(&committed, &now).join(" ");
        assert!(found.contains("worse at avx2 takes 102.5 instructions a record, 100 are"));
        assert!(found.contains("new has no committed") && found.contains("gone is committed"));
        assert!(!found.contains("same") && !found.contains("near"));
        let better = deviations(&committed, &counts(&[("same", 90.0)]));
        assert!(better[0].ends_with("(-10.0 %): better, and --update keeps it so."));
    }
}
