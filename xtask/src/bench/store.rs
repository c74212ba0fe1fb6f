//! `cargo xtask bench store`: what a stored record costs, ours beside nfcapd's, of the same
//! traffic: processor time until it is synced, and until it is sealed; and bytes on disk.

mod cost;
mod size;

use std::{env, fs, path::PathBuf, time::Duration};

use anyhow::{Result, ensure};

use self::{cost::Cost, size::Size};
use super::{
    lossless::{
        self, XDP,
        buffers::RaisedLimit,
        leftovers,
        place::Stage,
        systems::{
            Keep, Logweir, Source, System, Way,
            nfcapd::{self, Nfcapd},
        },
        traffic::Traffic,
        trial::Bench,
    },
    result::{Figure, Results},
    table,
};
use crate::shell;

/// Compare the cost of a stored record, and its size, with nfcapd's
#[derive(clap::Args)]
pub struct Arguments {
    /// One round where there are three, and a quarter of the records
    #[arg(long)]
    quick: bool,
    /// Records a second while processor time is counted: all must bear it without loss
    #[arg(long, value_name = "RECORDS", default_value_t = 400_000,
          value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// Records a second while files are made whose bytes are counted
    #[arg(long, value_name = "RECORDS", default_value_t = 40_000,
          value_parser = clap::value_parser!(u32).range(1..))]
    size_rate: u32,
    /// Where records are stored meanwhile [default: the directory for temporary files]
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Processors of the collector and of the kernel's receive thread
    #[arg(long, value_name = "LIST", default_value = "0")]
    collector_cpus: String,
    /// Processors of the sender
    #[arg(long, value_name = "LIST", default_value = "1")]
    sender_cpus: String,
}

/// Records of a trial: fewer than the generator makes before it repeats itself.
const TRIAL_RECORDS: f64 = 1.4e6;
/// Records of the files whose bytes are counted.
const SIZE_RECORDS: f64 = 1e6;

pub fn run(arguments: &Arguments) -> Result<()> {
    ensure!(shell::is_root(), "AF_XDP and namespaces need root: run it by sudo");
    lossless::prepare()?;
    Nfcapd::default().install()?;
    let _limit = RaisedLimit::new()?;
    let store = arguments.store.clone().unwrap_or_else(env::temp_dir);
    fs::create_dir_all(&store)?;
    leftovers::clear(&store);
    let (rounds, share) = if arguments.quick { (1, 0.25) } else { (3, 1.0) };
    let mut bench = Bench {
        stage: Stage {
            logweir: shell::target_dir().join("release/logweir"),
            interface: None,
            sender_interface: None,
            sender_command: None,
            collector_cpus: arguments.collector_cpus.clone(),
            sender_cpus: arguments.sender_cpus.clone(),
        },
        directory: leftovers::directory(&store),
        duration: seconds(TRIAL_RECORDS * share, arguments.rate),
        replays: true,
    };
    let costs = cost::measure(&bench, &systems(&bench), arguments.rate.into(), rounds)?;
    bench.duration = seconds(SIZE_RECORDS * share, arguments.size_rate);
    bench.replays = false;
    let sizes = size::measure(&bench, arguments.size_rate.into())?;

    let mut results = Results::new(&mode(arguments, rounds));
    results.figures.extend(figures(&costs, &sizes));
    print(&costs, &sizes, &results.figures);
    results.save("store")
}

fn seconds(records: f64, rate: u32) -> Duration {
    Duration::from_secs_f64(records / f64::from(rate))
}

const SOURCES: [Source; 2] = [XDP, Source::Udp];

fn ours(bench: &Bench, source: Source, keep: Keep) -> Logweir {
    let program = bench.stage.logweir.clone();
    Logweir { program, traffic: Traffic::NetFlow, way: Way { source, workers: 1, keep } }
}

fn systems(bench: &Bench) -> Vec<Box<dyn System>> {
    let mut systems: Vec<Box<dyn System>> = Vec::new();
    for keep in [Keep::Journal, Keep::Store] {
        for source in SOURCES {
            systems.push(Box::new(ours(bench, source, keep)));
        }
    }
    systems.push(Box::new(Nfcapd::default()));
    systems.push(Box::new(nfcapd::LZ4));
    systems
}

fn mode(arguments: &Arguments, rounds: u32) -> String {
    let Arguments { quick, rate, size_rate, .. } = arguments;
    let quick = if *quick { "quick: " } else { "" };
    format!(
        "{quick}NetFlow 1315, 24 records a datagram, over a veth pair; {rate} records/s, the least \
         of {rounds} rounds without loss; CPU time of all threads, and with the kernel's receive \
         thread and softirqs; bytes of what was sent at {size_rate} records/s, of 100,000 \
         subscribers"
    )
}

/// A row of the table of targets for each question.
fn figures(costs: &[Cost], sizes: &[Size]) -> Vec<Figure> {
    let of = |keep| costs.iter().filter(move |cost| cost.keep == Some(keep));
    let plain = Nfcapd::default().name();
    let lz4 = nfcapd::LZ4.name();
    let mut figures = Vec::new();
    for ours in of(Keep::Journal) {
        figures.extend(cost::figures(10, "wire → synced journal", ours, costs, &plain, 3.0));
    }
    for ours in of(Keep::Store) {
        figures.extend(cost::figures(11, "wire → sealed Parquet", ours, costs, &lz4, 1.0));
    }
    figures.extend(size::figure(sizes));
    figures
}

fn print(costs: &[Cost], sizes: &[Size], figures: &[Figure]) {
    let rows: Vec<_> = costs.iter().map(Cost::row).collect();
    println!("\n{}", table::text(&["CPU a record, ns", "threads", "with receiving"], &rows));
    let rows: Vec<_> = sizes.iter().map(Size::row).collect();
    println!("{}", table::text(&["on disk", "bytes a record"], &rows));
    let row = |figure: &Figure| {
        let target = figure.target.as_ref();
        vec![
            figure.what.clone(),
            format!("{:.1} {}", figure.value, figure.unit),
            figure.against.first().map_or("–".into(), |best| format!("{:.2} ×", best.ratio)),
            target.map_or_else(String::new, |target| target.words.clone()),
            target.map_or("", |target| if target.met { "met" } else { "not met" }).into(),
        ]
    };
    let rows: Vec<_> = figures.iter().map(row).collect();
    println!("{}", table::text(&["row", "measured", "better by", "target", ""], &rows));
    figures.iter().for_each(|figure| println!("{}: {}", figure.what, figure.note));
}
