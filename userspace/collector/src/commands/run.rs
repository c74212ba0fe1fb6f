//! `logweir run`: the collector.

use crate::{
    balance::Balance,
    cli::Failure,
    clock,
    config::{self, MissingKey, RunConfig, Settings, SinkKind, SourceKind},
    keyring::Rotation,
    latency, ledger,
    pipeline::{Pipeline, Summary},
    sealer::Sealer,
    sink::{DiscardSink, JournalSink, Sink, SinkCounters},
};
use crossbeam_channel::unbounded;
use logweir_store::{
    error::StoreError,
    journal::{Journal, Recovered},
    keeper::{self, Keeper, KeeperConfig},
};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

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
    /// Batches of records a worker may have in flight, of 17 MB each [default: 16]
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
    /// Print a line of rates so often; 0 for never
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    status_seconds: u64,
    /// Also write the closing balance to this file, as JSON
    #[arg(long, value_name = "FILE")]
    balance: Option<PathBuf>,
}

fn some<T>(values: Vec<T>) -> Option<Vec<T>> {
    (!values.is_empty()).then_some(values)
}

/// Collects until SIGINT or SIGTERM.
///
/// # Errors
/// One sentence that says what could not be had.
pub fn run(args: Args) -> Result<ExitCode, Failure> {
    let file = match &args.config {
        Some(path) => config::read(path).map_err(Failure::input)?,
        None => Settings::default(),
    };
    let (status, balance_file) = (Duration::from_secs(args.status_seconds), args.balance);
    let options = Settings {
        interface: args.interface,
        source: args.source,
        listen: some(args.listen),
        allow: some(args.allow),
        data: args.data,
        sink: args.sink,
        busy_poll: args.busy_poll.then_some(true),
        queues: args.queues,
        udp_workers: args.udp_workers,
        workers_per_queue: args.workers_per_queue,
        rx_ring_size: args.rx_ring_size,
        receive_buffer_bytes: args.receive_buffer_bytes,
        batches: args.batches,
        part_age_seconds: args.part_age_seconds,
        journal_sync_ms: args.journal_sync_ms,
        segment_mb: args.segment_mb,
        journal_max_mb: args.journal_max_mb,
        // What belongs to decoding has no options.
        ..Settings::default()
    };
    let config =
        file.overridden_by(options).validate(MissingKey::Create).map_err(Failure::input)?;
    config.pipeline.check_host().map_err(Failure::input)?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // The second one ends the program at once; it comes before the first is noted.
        signal_hook::flag::register_conditional_shutdown(signal, 1, stop.clone())
            .and_then(|_| signal_hook::flag::register(signal, stop.clone()))
            .map_err(|error| Failure::other(format!("cannot handle signals: {error}")))?;
    }
    let counters = Arc::new(SinkCounters::default());
    let (balance, errors) = match &config.data {
        Some(data) => {
            let open = || open_store(data, &config, &counters);
            collect(&config, open, &counters, &stop, status)?
        }
        None => {
            let open = || Ok((DiscardSink::new(counters.clone()), None));
            collect(&config, open, &counters, &stop, status)?
        }
    };
    if let Some(path) = balance_file {
        let json = serde_json::to_string_pretty(&balance).unwrap_or_default();
        fs::write(&path, json).map_err(|error| {
            Failure::other(format!("cannot write the balance to {}: {error}", path.display()))
        })?;
    }
    for error in &errors {
        crate::tell(error);
    }
    let good = errors.is_empty() && balance.unaccounted.total == 0;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The store of a data directory: where batches go, and the thread that makes parts of them.
fn open_store(
    data: &Path,
    config: &RunConfig,
    counters: &Arc<SinkCounters>,
) -> Result<(JournalSink, Option<Sealer>), Failure> {
    let failed = |error: StoreError| Failure::other(error.to_string());
    let keeper = KeeperConfig {
        hour_grace: config.part_age_max + HOUR_GRACE,
        retention: config.retention.clone(),
        ..KeeperConfig::default()
    };
    let (keeper, opened) = Keeper::open(data, keeper, clock::now()).map_err(failed)?;
    let (journal, recovered) = Journal::open(keeper.incoming(), config.journal).map_err(failed)?;
    tell_found(&opened, &recovered);
    let (to_sealer, segments) = unbounded();
    let sealer = Sealer::start(keeper, recovered.segments, segments)
        .map_err(|error| Failure::other(format!("cannot start a thread: {error}")))?;
    Ok((JournalSink::new(journal, counters.clone(), to_sealer), Some(sealer)))
}

/// How much longer than a segment may be open its hour stays open.
const HOUR_GRACE: Duration = Duration::from_secs(15);

/// Says what a collector that was killed has left.
fn tell_found(opened: &keeper::Opened, recovered: &Recovered) {
    let keeper::Opened { leftovers, manifest, swept } = opened;
    if leftovers.files > 0 {
        let (files, bytes) = (leftovers.files, leftovers.bytes);
        crate::tell(&format!(
            "removed {files} unfinished files ({bytes} bytes) of a collector that was killed"
        ));
    }
    if *swept > 0 {
        crate::tell(&format!("removed {swept} files that the manifest says are no longer"));
    }
    if manifest.torn_bytes > 0 {
        let bytes = manifest.torn_bytes;
        crate::tell(&format!("cut {bytes} bytes of an unfinished line off the manifest"));
    }
    if !manifest.faults.is_empty() {
        let faults = manifest.faults.len();
        crate::tell(&format!("{faults} lines of the manifest are not as written: logweir verify"));
    }
    if !recovered.segments.is_empty() {
        let segments = recovered.segments.len();
        let bytes: u64 = recovered.segments.iter().map(|segment| segment.bytes).sum();
        crate::tell(&format!(
            "recovered {segments} segments ({bytes} bytes) of the journal, which are sealed now"
        ));
    }
    if recovered.torn_bytes > 0 {
        let bytes = recovered.torn_bytes;
        crate::tell(&format!("cut {bytes} bytes off the journal that were not written whole"));
    }
    for path in &recovered.damaged {
        crate::tell(&format!("{} is no segment of the journal that can be read", path.display()));
    }
}

/// Runs a pipeline into such a sink until it is asked to stop; the balance, and what failed.
fn collect<S: Sink + Send + 'static>(
    config: &RunConfig,
    open: impl Fn() -> Result<(S, Option<Sealer>), Failure>,
    counters: &Arc<SinkCounters>,
    stop: &AtomicBool,
    status: Duration,
) -> Result<(Balance, Vec<String>), Failure> {
    let (sink, mut sealer) = open()?;
    let pipeline = match Pipeline::start(&config.pipeline, sink, counters.clone()) {
        Ok(pipeline) => pipeline,
        Err(error) => {
            // It has the data directory until it ends.
            sealer.map(Sealer::join);
            let Some(fallback) = &config.fallback else { return Err(Failure::other(error)) };
            crate::tell(&format!("no AF_XDP, collecting by UDP sockets instead: {error}"));
            let (sink, again) = open()?;
            sealer = again;
            Pipeline::start(fallback, sink, counters.clone()).map_err(Failure::other)?
        }
    };
    crate::say(&format!("collecting: {}", pipeline.description()));
    watch(&pipeline, stop, status, config.keys.clone());
    crate::say("stopping: storing what was received; a second signal ends without");
    let mut summary = pipeline.stop();
    if let Some(sealer) = sealer {
        end_sealing(sealer, &mut summary);
    }
    report(&summary);
    Ok((summary.balance, summary.errors))
}

/// Waits until all that was journaled is in parts, and says which.
fn end_sealing<S>(sealer: Sealer, summary: &mut Summary<S>) {
    let counters = Arc::clone(sealer.counters());
    let Some(finished) = sealer.join() else {
        summary.errors.push("the thread that seals panicked: the journal has what it had".into());
        return;
    };
    for path in &finished.paths {
        crate::say(&format!("wrote {}", path.display()));
    }
    if finished.left > 0 {
        let left = finished.left;
        crate::tell(&format!("{left} segments stay in the journal, for the next start to seal"));
    }
    // What could not be synced counts as failed, and may be in a part all the same.
    if finished.left == 0 && summary.balance.records.failed == 0 {
        summary.balance.sealed(counters.sealed.get(), counters.recovered.get());
    }
}

/// Waits for the request to stop, printing rates and letting keys take over.
fn watch<S: Sink + Send + 'static>(
    pipeline: &Pipeline<S>,
    stop: &AtomicBool,
    status: Duration,
    mut keys: Option<Rotation>,
) {
    let mut last = (Instant::now(), pipeline.balance());
    let mut keys_looked_at: Option<Instant> = None;
    while !stop.load(Ordering::Relaxed) && !pipeline.has_ended() {
        if let Some(keys) = &mut keys
            && keys_looked_at.is_none_or(|then| then.elapsed() >= BETWEEN_LOOKS_AT_KEYS)
        {
            rotate(keys);
            keys_looked_at = Some(Instant::now());
        }
        thread::sleep(Duration::from_millis(20));
        let elapsed = last.0.elapsed();
        if status.is_zero() || elapsed < status {
            continue;
        }
        let now = pipeline.balance();
        let rate = |now: u64, before: u64| {
            (now.saturating_sub(before) as f64 / elapsed.as_secs_f64()).round() as u64
        };
        let lost = now.lost();
        let lost: Vec<_> = lost.iter().map(|(place, count)| format!("{place} {count}")).collect();
        crate::say(&format!(
            "{} datagrams/s, {} records/s, {} stored; lost: {}",
            rate(now.datagrams.received, last.1.datagrams.received),
            rate(now.records.decoded(), last.1.records.decoded()),
            now.records.stored,
            if lost.is_empty() { "nothing".into() } else { lost.join(", ") },
        ));
        last = (Instant::now(), now);
    }
}

/// How often it is seen whether a key has to go.
const BETWEEN_LOOKS_AT_KEYS: Duration = Duration::from_secs(60);

/// Lets a new key take over where it is time. Where that fails, the old one stays in use, and it
/// is tried again.
fn rotate(keys: &mut Rotation) {
    let now = jiff::Timestamp::now();
    if let Err(error) = keys.rotate(now) {
        crate::tell(&format!("no new key for pseudonyms: {error}"));
    }
    if let Err(error) = keys.record(now) {
        crate::tell(&format!("the manifest does not tell of the key of pseudonyms: {error}"));
    }
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
