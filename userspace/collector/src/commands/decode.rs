//! `logweir decode`: files to text, by the same worker and decoders as a live source.

use crate::{
    balance::Balance,
    cli::Failure,
    config::{self, MissingKey, parse_zone},
    ledger,
    listener::{Listener, parse_format},
    pipeline::{Input, Pipeline, PipelineConfig},
    sink::{PrintSink, SinkCounters, TextFormat},
    source::capture::CaptureSource,
};
use logweir_decode::settings::{self, Zone};
use std::{
    io::{self, BufWriter},
    net::IpAddr,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    thread,
    time::Duration,
};

/// Arguments of `decode`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Captures (.pcap, .pcapng, .cap), payloads (.bin, .dat), or text (.log, .txt: a line a
    /// datagram)
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The format of all datagrams, by a name that `run --listen` takes too
    #[arg(long, default_value = "auto")]
    format: String,
    /// The exporter of payload and text files, which name none
    #[arg(long, value_name = "ADDR")]
    exporter: Option<IpAddr>,
    /// Configuration file (TOML) of a collector: what it says about exporters, formats and
    /// messengers holds here too
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// File that declares a text format (TOML); may be given several times
    #[arg(long, value_name = "FILE")]
    formats: Vec<PathBuf>,
    /// Zone of times that name none, of exporters for which the configuration names none: UTC,
    /// +HH:MM or Europe/Warsaw
    #[arg(long, value_parser = parse_zone, allow_hyphen_values = true)]
    zone: Option<Zone>,
    /// What is printed
    #[arg(long, value_enum, default_value_t)]
    output: TextFormat,
    /// Exit with 1 when anything was rejected
    #[arg(long)]
    strict: bool,
}

/// Decodes the files.
///
/// # Errors
/// Names the file that cannot be read.
pub fn run(args: Args) -> Result<ExitCode, Failure> {
    // A wrong name among many files is told before the first record is printed.
    for file in &args.files {
        CaptureSource::check(file).map_err(|error| Failure::input(error.to_string()))?;
    }
    let decoding = decoding(&args).map_err(Failure::input)?;
    let format = parse_format(&args.format, &decoding.declared).map_err(Failure::input)?;
    let listener = Listener { number: 0, address: None, port: 0, format };
    // Settings hold for an exporter in whichever way its address is written.
    let exporter = args.exporter.as_ref().map(IpAddr::to_canonical);
    let input = Input::Capture { files: args.files, exporter };
    let mut config = PipelineConfig::new(input, vec![listener]);
    config.settings = Arc::new(decoding);
    let counters = Arc::new(SinkCounters::default());
    let sink = PrintSink::new(BufWriter::new(io::stdout()), args.output, counters.clone());
    let pipeline = Pipeline::start(&config, sink, counters).map_err(Failure::other)?;
    while !pipeline.has_ended() {
        thread::sleep(Duration::from_millis(2));
    }
    let summary = pipeline.stop();
    summarise(&summary.balance);
    if let Some(error) = summary.errors.first() {
        return Err(match error.strip_prefix("lw-capture: ") {
            Some(unreadable) => Failure::input(unreadable),
            None => Failure::other(error),
        });
    }
    match summary.sink.as_ref().and_then(PrintSink::failure) {
        // A reader that has seen enough is no failure.
        Some(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Some(error) => return Err(Failure::other(format!("cannot write the records: {error}"))),
        None => {}
    }
    let rejected = !summary.balance.datagrams.rejected.is_empty();
    Ok(ExitCode::from(u8::from(args.strict && rejected)))
}

/// What the decoders are told.
fn decoding(args: &Args) -> Result<settings::Settings, String> {
    let mut settings = args.config.as_deref().map(config::read).transpose()?.unwrap_or_default();
    settings.formats.get_or_insert_default().extend_from_slice(&args.formats);
    let mut decoding = settings.decoding(MissingKey::Refuse)?;
    if let Some(zone) = &args.zone {
        let exporters = decoding.exporters.values_mut();
        for exporter in exporters.chain([&mut decoding.default_exporter]) {
            exporter.zone.get_or_insert_with(|| zone.clone());
        }
    }
    Ok(decoding)
}

fn summarise(balance: &Balance) {
    let datagrams = &balance.datagrams;
    let rejected: u64 = datagrams.rejected.values().sum();
    let families = balance.records.families().map(|(family, count)| format!("{count} {family}"));
    crate::tell(&format!(
        "{} datagrams, {} records ({}), {rejected} rejected",
        datagrams.received,
        balance.records.decoded(),
        families.collect::<Vec<_>>().join(", "),
    ));
    for (reason, count) in &datagrams.rejected {
        crate::tell(&format!("  rejected: {reason} {count}"));
    }
    for line in ledger::lines(balance.exporters.as_deref().unwrap_or_default()) {
        crate::tell(&format!("  {line}"));
    }
    if balance.unaccounted.total > 0 {
        crate::tell(&format!("{balance}"));
    }
}
