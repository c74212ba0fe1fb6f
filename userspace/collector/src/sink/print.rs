//! Records printed as text.

use super::{Sink, SinkCounters, Taken};
use crate::output::{csv, json};
use hdrhistogram::Histogram;
use logweir_decode::{batch::Batch, context::UnixNanos, record};
use std::{
    io::{self, Write},
    sync::Arc,
};

/// A text form of records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum TextFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// CSV with a header line.
    Csv,
}

/// Prints records.
#[derive(Debug)]
pub struct PrintSink<W> {
    out: W,
    format: TextFormat,
    counters: Arc<SinkCounters>,
    /// The first failure; after it nothing more is printed.
    failure: Option<io::Error>,
}

impl<W: Write> PrintSink<W> {
    /// Prints to `out`.
    pub fn new(out: W, format: TextFormat, counters: Arc<SinkCounters>) -> Self {
        let mut sink = Self { out, format, counters, failure: None };
        if format == TextFormat::Csv {
            sink.print(&csv::header());
        }
        sink
    }

    /// Why printing failed, if it did.
    pub fn failure(&self) -> Option<&io::Error> {
        self.failure.as_ref()
    }

    fn flush(&mut self) {
        if self.failure.is_none() {
            self.failure = self.out.flush().err();
        }
    }

    fn print(&mut self, line: &str) {
        if self.failure.is_none() {
            self.failure = writeln!(self.out, "{line}").err();
        }
    }
}

impl<W: Write> Sink for PrintSink<W> {
    fn take(&mut self, batch: &Batch, _: UnixNanos) -> Taken {
        let mut records = 0;
        for fields in record::records(batch) {
            let line = match self.format {
                TextFormat::Json => serde_json::Value::Object(json::object(&fields)).to_string(),
                TextFormat::Csv => csv::line(&fields),
            };
            self.print(&line);
            records += 1;
        }
        self.flush();
        self.counters.taken.add(records);
        let printed = self.failure.is_none();
        let outcome = if printed { &self.counters.stored } else { &self.counters.failed };
        outcome.add(records);
        Taken::All
    }

    fn tick(&mut self, _: UnixNanos) {}

    fn finish(&mut self, _: UnixNanos) -> Option<Histogram<u64>> {
        self.flush();
        None
    }
}
