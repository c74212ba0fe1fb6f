//! `logweir run`: the collector.

mod opening;
mod reload;
mod reports;
mod store;
mod watch;

use crate::{
    balance::Balance,
    cli::Failure,
    config::{MissingKey, RunConfig, Settings, SinkKind, SourceKind},
    kept_file::KeptFile,
    latency, ledger,
    pipeline::{Pipeline, Summary},
    privileges::{self, Account, Privileges},
    sealer::Sealer,
    service::{alarm::Acting, manager::Manager, status::Board, tap::Tapped},
    sink::{DiscardSink, Sink, SinkCounters},
    templates,
};
use opening::Opening;
use reload::Configuration;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};
pub(super) use store::check_place;
use watch::{Around, Watch};

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Configuration file (TOML); options override it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Interface to collect from
    #[arg(long, value_name = "IF")]
    interface: Option<String>,
    /// Port to collect, with the format of what arrives there; may be given several times
    #[arg(long, value_name = "[ADDR:]PORT[=FORMAT]")]
    listen: Vec<String>,
    /// Directory of the store
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where datagrams come from [default: xdp where there is an interface and it can be had]
    #[arg(long, value_enum)]
    source: Option<SourceKind>,
    /// What becomes of records; discard measures receiving and decoding alone [default: store]
    #[arg(long, value_enum)]
    sink: Option<SinkKind>,
    /// Exporter or prefix that may send; may be given several times [default: all may]
    #[arg(long, value_name = "PREFIX")]
    allow: Vec<String>,
    /// RX queues to take [default: all]
    #[arg(long, value_name = "N")]
    queues: Option<u32>,
    /// Workers that read UDP sockets, with source udp
    #[arg(long, value_name = "N")]
    udp_workers: Option<usize>,
    /// Workers that decode what one RX queue or UDP worker brings, for an exporter that is more
    /// than one can decode; above 1 one more thread deals out [default: 1]
    #[arg(long, value_name = "N")]
    workers_per_queue: Option<usize>,
    /// Let workers spin instead of sleeping: less latency for a processor each
    #[arg(long)]
    busy_poll: bool,
    /// Frames in the RX ring of each queue, a power of two [default: 4096]
    #[arg(long, value_name = "N")]
    rx_ring_size: Option<u32>,
    /// Receive buffer of each UDP socket, in bytes [default: 16777216]
    #[arg(long, value_name = "BYTES")]
    receive_buffer_bytes: Option<usize>,
    /// Batches of records a worker may have in flight, of 13 MB each [default: 24]
    #[arg(long, value_name = "N")]
    batches: Option<usize>,
    /// Seconds after which records are in a file at the latest [default: 60]
    #[arg(long, value_name = "SECONDS")]
    part_age_seconds: Option<u64>,
    /// Milliseconds after which records are synced in the journal [default: 1000]
    #[arg(long, value_name = "MS")]
    journal_sync_ms: Option<u64>,
    /// Size of the journal's segments, in MiB [default: 128]
    #[arg(long, value_name = "MIB")]
    segment_mb: Option<u64>,
    /// Room for segments of the journal that are not sealed yet, in MiB [default: 4096]
    #[arg(long, value_name = "MIB")]
    journal_max_mb: Option<u64>,
    /// Socket at which other commands ask this collector [default: control.sock in the data directory]
    #[arg(long, value_name = "PATH")]
    control: Option<PathBuf>,
    /// User to become when started by root
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Serve metrics over HTTP here, as 127.0.0.1:9404 [default: not at all]
    #[arg(long, value_name = "ADDR:PORT")]
    metrics: Option<String>,
    /// Print a line of rates so often; 0 for never
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    status_seconds: u64,
    /// Also write the closing balance to this file, as JSON
    #[arg(long, value_name = "FILE")]
    balance: Option<PathBuf>,
}

impl Args {
    /// What of it overrides the configuration. What belongs to decoding has no options.
    fn settings(&self) -> Settings {
        Settings {
            interface: self.interface.clone(),
            source: self.source,
            listen: some(&self.listen),
            allow: some(&self.allow),
            data: self.data.clone(),
            sink: self.sink,
            busy_poll: self.busy_poll.then_some(true),
            queues: self.queues,
            udp_workers: self.udp_workers,
            workers_per_queue: self.workers_per_queue,
            rx_ring_size: self.rx_ring_size,
            receive_buffer_bytes: self.receive_buffer_bytes,
            batches: self.batches,
            part_age_seconds: self.part_age_seconds,
            journal_sync_ms: self.journal_sync_ms,
            segment_mb: self.segment_mb,
            journal_max_mb: self.journal_max_mb,
            control: self.control.clone(),
            user: self.user.clone(),
            metrics: self.metrics.clone(),
            ..Settings::default()
        }
    }
}

fn some(values: &[String]) -> Option<Vec<String>> {
    (!values.is_empty()).then(|| values.to_vec())
}

/// Collects until SIGINT or SIGTERM.
///
/// # Errors
/// One sentence that says what could not be had.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let manager = Manager::from_environment().map_err(Failure::other)?;
    let mut configuration =
        Configuration::read(args.config.clone(), args.settings()).map_err(Failure::input)?;
    let settings = configuration.settings();
    let account = settings.user.as_deref().map(Account::find).transpose();
    let account = account.map_err(Failure::input)?;
    // Files that are made from here on are the user's.
    let kept = privileges::lower(account.as_ref()).map_err(Failure::other)?;
    let mut config = settings.validate(MissingKey::Create).map_err(Failure::input)?;
    configuration.know_keys();
    if let Some(places) = &mut config.places {
        args.config.iter().for_each(|path| places.read_file(path));
        args.balance.iter().for_each(|path| places.write_file(path));
    }
    config.pipeline.check_host().map_err(Failure::input)?;
    config.data.as_deref().map_or(Ok(()), check_place).map_err(Failure::input)?;
    args.balance.as_deref().map_or(Ok(()), check_balance)?;
    config.know_templates();
    let status = Duration::from_secs(args.status_seconds);
    let process = Process { kept, manager, stop: stop_on_signals()?, status };
    let counters = Arc::new(SinkCounters::default());
    let (balance, errors) = match &config.data {
        Some(data) => {
            // The process is confined to what is there.
            fs::create_dir_all(data).map_err(|error| {
                Failure::other(format!("cannot create {}: {error}", data.display()))
            })?;
            let open = || store::open(data, &config, &counters);
            collect(&config, configuration, open, &counters, process)?
        }
        None => {
            let open = || Ok((DiscardSink::new(counters.clone()), None));
            collect(&config, configuration, open, &counters, process)?
        }
    };
    if let Some(path) = &args.balance {
        let json = serde_json::to_string_pretty(&balance).unwrap_or_default();
        fs::write(path, json).map_err(|error| {
            Failure::other(format!("cannot write the balance to {}: {error}", path.display()))
        })?;
    }
    for error in &errors {
        crate::tell(error);
    }
    let good = errors.is_empty() && balance.unaccounted.total == 0;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Refuses a place for the balance that is none, rather than at the end.
fn check_balance(path: &Path) -> Result<(), Failure> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    match directory {
        _ if path.is_dir() => Err(format!("--balance: {} is a directory", path.display())),
        Some(parent) if !parent.is_dir() => {
            Err(format!("--balance: there is no directory {}", parent.display()))
        }
        _ => Ok(()),
    }
    .map_err(Failure::input)
}

/// What the first signal to stop sets. The second one ends the program at once.
fn stop_on_signals() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // It comes before the first is noted.
        signal_hook::flag::register_conditional_shutdown(signal, 1, stop.clone())
            .and_then(|_| signal_hook::flag::register(signal, stop.clone()))
            .map_err(|error| Failure::other(format!("cannot handle signals: {error}")))?;
    }
    Ok(stop)
}

/// What the process itself brings to a run.
struct Process {
    /// What it could not give up, a sentence each.
    kept: Vec<String>,
    manager: Option<Manager>,
    stop: Arc<AtomicBool>,
    /// How often a line of rates is printed.
    status: Duration,
}

/// Takes from the process what it does not need for this; what it may still do.
fn confine(config: &RunConfig, kept: Vec<String>) -> Privileges {
    let privileges = match &config.places {
        Some(places) => privileges::confine(places, kept),
        None => {
            let told = "it was told to keep its rights (`confine` is false)".to_owned();
            Privileges::of_this_thread(kept.into_iter().chain([told]).collect())
        }
    };
    for sentence in &privileges.missing {
        crate::tell(&format!("not as confined as it could be: {sentence}"));
    }
    privileges
}

/// Runs a pipeline into such a sink until it is asked to stop; the balance, and what failed.
fn collect<S: Sink + Send + 'static>(
    config: &RunConfig,
    configuration: Configuration,
    open: impl FnOnce() -> Result<(S, Option<Sealer>), Failure>,
    counters: &Arc<SinkCounters>,
    process: Process,
) -> Result<(Balance, Vec<String>), Failure> {
    let Process { kept, manager, stop, status } = process;
    let opening = Opening::start(config).map_err(Failure::other)?;
    let privileges = confine(config, kept);
    let (sink, sealer) = open()?;
    let board = Board::default();
    let acting = Acting::start(&config.alarms, board.clone()).map_err(Failure::other)?;
    let around = Around { privileges, manager, board, alarms: acting.alarms() };
    let mut watch =
        Watch::start(config, configuration, counters.clone(), around).map_err(Failure::other)?;
    let (sources, opened_by) = opening.finish().map_err(Failure::other)?;
    let sink = Tapped::new(sink, acting.tap());
    let mut pipeline = Pipeline::start_from(sources, &opened_by, sink, counters.clone())
        .map_err(Failure::other)?;
    crate::say(&format!("collecting: {}", pipeline.description()));
    let templates = config.data.as_deref().map(|data| {
        let path = data.join(templates::FILE_NAME);
        KeptFile::start("lw-templates", path, pipeline.registry().clone())
            .map_err(|error| Failure::other(format!("cannot start a thread: {error}")))
    });
    let templates = templates.transpose()?;
    watch.run(&mut pipeline, sealer.as_ref(), &stop, status);
    drop(watch);
    crate::say("stopping: storing what was received; a second signal ends without");
    let mut summary = pipeline.stop();
    drop(templates);
    // What the last records gave rise to is still done.
    drop(acting);
    if let Some(sealer) = sealer {
        store::end_sealing(sealer, &mut summary);
    }
    report(&summary);
    Ok((summary.balance, summary.errors))
}

fn report<S>(summary: &Summary<S>) {
    crate::say(&format!("arrival to decoded: {}", latency::summary(&summary.arrival_to_decoded)));
    if let Some(stored) = &summary.arrival_to_stored {
        crate::say(&format!("arrival to stored:  {}", latency::summary(stored)));
    }
    crate::say(&summary.balance.to_string());
    let losses = ledger::lines(summary.balance.exporters.as_deref().unwrap_or_default());
    if !losses.is_empty() {
        crate::say("exporters of which something was rejected or is missing");
    }
    for line in losses {
        crate::say(&format!("  {line}"));
    }
}
