//! Rounds after rounds on one data directory after the other, a line for each, and a table.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context as _, Result, bail};
use logweir_traffic::random::Random;

use super::{
    aim::Aim,
    nfcapd,
    rows::Fault,
    shelter,
    store::{Round, Store},
};
use crate::bench::table;

/// Rounds after which a data directory is checked as a whole and another one begun.
const ROUNDS_A_STORE: usize = 10;

/// What rounds with one aim came to.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    rounds: u64,
    hits: u64,
    said: u64,
    new: u64,
    unsynced: u64,
    fault: Fault,
}

/// Does the rounds in a directory.
///
/// # Errors
/// If a record was lost, doubled or changed, a file cannot be read, or a command finds something.
pub fn run(logweir: &Path, directory: &Path, rounds: usize, seed: u64, disk: bool) -> Result<()> {
    println!("round  hit at      after s  said to be synced  new records   in all  files");
    let mut random = Random::new(seed);
    let mut sums = BTreeMap::new();
    for first in (0..rounds).step_by(ROUNDS_A_STORE) {
        let place = directory.join(format!("store-{first}"));
        let mut store = Store::new(logweir, &place, disk)?;
        let last = rounds.min(first + ROUNDS_A_STORE);
        let done = do_rounds(&mut store, first..last, disk, &mut random, &mut sums);
        if let Err(error) = done {
            let kept = shelter::place().join("failed");
            store.keep(&kept)?;
            return Err(error.context(format!("seed {seed}; the store is in {}", kept.display())));
        }
    }
    print!("{}", summary(&sums));
    compare_with_nfcapd(logweir, directory)
}

fn do_rounds(
    store: &mut Store<'_>,
    rounds: std::ops::Range<usize>,
    disk: bool,
    random: &mut Random,
    sums: &mut BTreeMap<Aim, Sum>,
) -> Result<()> {
    for round in rounds {
        let aim = Aim::of_round(round, disk);
        let done = store.round(aim, random).with_context(|| format!("round {round}, {aim}"))?;
        println!("{round:5}  {}", line(aim, &done));
        sums.entry(aim).or_default().add(&done);
        check(done.fault)?;
    }
    let done = store.finish().context("after the last start")?;
    println!(
        "last start: {} records in {} files, verified, none unaccounted",
        done.found, done.files
    );
    check(done.fault)
}

fn line(aim: Aim, round: &Round) -> String {
    let Round { hit, after, said, found, new, unsynced, files, fault } = *round;
    let after = after.as_secs_f64();
    let mut line = format!("{aim:10}  {after:7.3}  {said:17}  {new:11}  {found:7}  {files:5}");
    if !hit {
        line.push_str("  (was not seen to go on)");
    }
    if aim == Aim::PowerLoss {
        line.push_str(&format!("  {unsynced} not on disk"));
    }
    if !fault.is_none() {
        line.push_str(&format!("  {fault:?}"));
    }
    line
}

fn check(fault: Fault) -> Result<()> {
    if fault.is_none() {
        return Ok(());
    }
    let Fault { lost, doubled, strange } = fault;
    bail!("{lost} records lost, {doubled} doubled, {strange} that nobody sent")
}

impl Sum {
    fn add(&mut self, round: &Round) {
        self.rounds += 1;
        self.hits += u64::from(round.hit);
        self.said += round.said;
        self.new += round.new;
        self.unsynced += round.unsynced;
        self.fault += round.fault;
    }
}

fn summary(sums: &BTreeMap<Aim, Sum>) -> String {
    let head = [
        "hit at",
        "rounds",
        "seen to go on",
        "said to be synced",
        "kept",
        "not on disk",
        "lost",
        "doubled",
        "strange",
    ];
    let rows = sums.iter().map(|(aim, sum)| {
        let Sum { rounds, hits, said, new, unsynced, fault } = *sum;
        let Fault { lost, doubled, strange } = fault;
        let numbers = [rounds, hits, said, new, unsynced, lost, doubled, strange];
        let mut cells = vec![aim.to_string()];
        cells.extend(numbers.map(|number| number.to_string()));
        cells
    });
    table::text(&head, &rows.collect::<Vec<_>>())
}

fn compare_with_nfcapd(logweir: &Path, directory: &Path) -> Result<()> {
    match nfcapd::kill(logweir, &directory.join("nfcapd"))? {
        None => println!("nfcapd is not installed: no comparison with it"),
        Some(nfcapd::Left { bytes, records, complaint }) => {
            let complaint = complaint.map(|complaint| format!(" ({complaint})"));
            println!(
                "nfcapd, killed after 4 s: {records} records can be read of {bytes} bytes{}",
                complaint.unwrap_or_default()
            );
        }
    }
    Ok(())
}
