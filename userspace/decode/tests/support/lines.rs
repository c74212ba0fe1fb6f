//! Decodes lines of text, each by a decoder of its own, and compares with what a table expects.

use crate::read::{Record, records};
use logweir_decode::{
    batch::{Batch, Capacity},
    decoder::{Datagram, Decoder, FormatHint, Outcome},
    limits::Limits,
    netflow::registry::Registry,
    settings::Settings,
};
use std::{net::IpAddr, path::PathBuf, sync::Arc};

/// 2026-11-22T00:00:00Z.
pub const RECEIVED_AT: i64 = 1_795_305_600_000_000_000;

/// What one datagram decodes to under the settings.
pub fn decode_with(payload: &[u8], settings: Settings) -> (Outcome, Vec<Record>) {
    let registry = Arc::new(Registry::new(Limits::DEFAULT));
    let mut decoder = Decoder::new(registry, Arc::new(settings));
    let capacity =
        Capacity { session_rows: 17_000, unparsed_rows: 33_000, text_bytes: 13 * 65_536 };
    let mut batch = Batch::new(capacity);
    let datagram = Datagram {
        payload,
        exporter: IpAddr::from([192, 0, 2, 250]),
        exporter_port: 514,
        received_at: RECEIVED_AT,
        format: FormatHint::Auto,
    };
    let outcome = decoder.decode(&datagram, &mut batch);
    (outcome, records(&batch))
}

/// What one datagram decodes to.
pub fn decode(payload: &[u8]) -> (Outcome, Vec<Record>) {
    decode_with(payload, Settings::default())
}

/// A record as one line: `key=value` with a space between, what all records share left out.
pub fn show(record: &Record) -> String {
    const SHARED: [&str; 3] = ["exporter", "exporter_port", "received_at"];
    let order = |name: &str| match name {
        "record" => 0,
        "format" => 1,
        "event" => 2,
        "extra" => 4,
        _ => 3,
    };
    let mut fields: Vec<_> = record.iter().filter(|(name, _)| !SHARED.contains(name)).collect();
    fields.sort_by_key(|(name, _)| (order(name), **name));
    let fields = fields.into_iter().map(|(name, value)| match *name {
        "event_time" | "start_time" | "end_time" => format!("{name}={}", civil(value)),
        "flags" => format!("flags={}", value.replace(' ', "+")),
        "extra" => format!("extra[{value}]"),
        _ => format!("{name}={value}"),
    });
    fields.collect::<Vec<_>>().join(" ")
}

/// A time as the records of `read` print it, for people.
fn civil(time: &str) -> String {
    let (nanos, _digits) = time.split_once('.').expect("nanoseconds, a dot, digits");
    let nanos: i128 = nanos.parse().expect("a number");
    jiff::Timestamp::from_nanosecond(nanos).expect("a time of jiff's").to_string()
}

/// Checks each line's records (separated by ` ; `) against what it is to decode to.
pub fn check(table: &[(&str, &str)]) {
    for (line, expected) in table {
        let (_, records) = decode(line.as_bytes());
        let shown = records.iter().map(show).collect::<Vec<_>>().join(" ; ");
        assert_eq!(shown, *expected, "{line}");
    }
}

/// A file of the samples that come with the task; `None`, and a word of it, where they are not.
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
pub fn sample(name: &str) -> Option<String> {
    let path: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "../../../shared/samples/logs", name].iter().collect();
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        println!("skipped: {} is not there", path.display());
    }
    text
}
