//! `logweir decode`: files to text, by the same worker and decoders as a live source.

use crate::{
    balance::Balance,
    cli::Failure,
    ledger,
    listener::{Listener, parse_format},
    pipeline::{Input, Pipeline, PipelineConfig},
    sink::{PrintSink, SinkCounters, TextFormat},
    source::capture::CaptureSource,
};
use logweir_decode::decoder::FormatHint;
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
    /// The format of all datagrams
    #[arg(long, default_value = "auto", value_parser = parse_format)]
    format: FormatHint,
    /// The exporter of payload and text files, which name none
    #[arg(long, value_name = "ADDR")]
    exporter: Option<IpAddr>,
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
    let listener = Listener { number: 0, address: None, port: 0, format: args.format };
    let input = Input::Capture { files: args.files, exporter: args.exporter };
    let config = PipelineConfig::new(input, vec![listener]);
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
