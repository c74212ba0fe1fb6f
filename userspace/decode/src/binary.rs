//! Binary session logs: a header of 16 bytes and records of one length, all big-endian.
//!
//! ```text
//! 0   1 version      4   4 seconds since 1970      12   4 chassis, slot and CPU
//! 1   1 type         8   4 number of the datagram  16     count records
//! 2   2 count
//! ```
//! H3C, HPE and Huawei share this shape (formats known: H3C's `userlog` 1 and 3, Huawei NE's eLog
//! V1); what a record holds depends on version, type and record length, and most of it is in no
//! public document. So what is known stands in declarations (folder `layouts`) that an operator with
//! the vendor's manual can add to: [`Layouts`] holds them compiled. What has no layout is kept as
//! `unparsed`, whole.

mod declaration;
mod fields;
mod layout;

use crate::{
    batch::Batch,
    context::{Context, EventTime, Format, UnixNanos},
    decoder::{Datagram, Outcome},
    note::Sequence,
    reason::Reason,
    settings::Settings,
};
pub use declaration::LayoutError;
pub use layout::Layouts;

/// Bytes of the header.
pub const HEADER_BYTES: usize = 16;
/// Records of one datagram at the most (H3C's manual).
const COUNT_MAX: u16 = 100;
/// Versions that the family is known to use.
const VERSIONS: [u8; 6] = [1, 2, 3, 5, 7, HUAWEI_ELOG];
/// Huawei NE's eLog. The last byte of its header counts on, and does not name a CPU.
const HUAWEI_ELOG: u8 = 0x10;
/// No record that is known is shorter.
const RECORD_BYTES_MIN: usize = 16;
/// Ten years: an exporter's clock may be wrong, but the first bytes of other things are much more so.
const CLOCK_ERROR_MAX_NS: u64 = 10 * 366 * 86_400 * 1_000_000_000;

/// A datagram whose length fits its header.
#[derive(Clone, Copy, Debug)]
struct Log<'a> {
    version: u8,
    kind: u8,
    seconds: u32,
    sequence: u32,
    location: u32,
    record_bytes: usize,
    records: &'a [u8],
}

impl<'a> Log<'a> {
    fn read(payload: &'a [u8]) -> Option<Self> {
        let (header, records) = payload.split_first_chunk::<HEADER_BYTES>()?;
        let &[version, kind, count_0, count_1, ref words @ ..] = header;
        let [s0, s1, s2, s3, n0, n1, n2, n3, l0, l1, l2, l3] = *words;
        let count = u16::from_be_bytes([count_0, count_1]);
        let fits = (1..=COUNT_MAX).contains(&count) && records.len() % usize::from(count) == 0;
        fits.then_some(Self {
            version,
            kind,
            seconds: u32::from_be_bytes([s0, s1, s2, s3]),
            sequence: u32::from_be_bytes([n0, n1, n2, n3]),
            location: u32::from_be_bytes([l0, l1, l2, l3]),
            record_bytes: records.len().checked_div(usize::from(count))?,
            records,
        })
    }

    fn exported_at(&self) -> UnixNanos {
        i64::from(self.seconds) * 1_000_000_000
    }

    fn sequence(&self) -> Sequence {
        let count_on = if self.version == HUAWEI_ELOG { 0xff } else { 0 };
        Sequence {
            version: u16::from_be_bytes([self.kind, self.version]),
            domain: self.location & !count_on,
            number: self.sequence,
            units: Some(1),
            uptime_ms: None,
            templates_only: false,
        }
    }
}

/// Whether a datagram of any format is such a log: by version, count, length and clock. Text and
/// NetFlow are not, whatever layouts are declared: the first byte of a count is 0.
pub fn is_marked(datagram: &Datagram<'_>, layouts: &Layouts) -> bool {
    Log::read(datagram.payload).is_some_and(|log| {
        let clock_error = log.exported_at().saturating_sub(datagram.received_at).unsigned_abs();
        let known = VERSIONS.contains(&log.version) && log.kind != 0;
        clock_error <= CLOCK_ERROR_MAX_NS
            && (known && log.record_bytes >= RECORD_BYTES_MIN || layouts.find(&log).is_some())
    })
}

/// Decodes a datagram. Its number is only believed where its layout is known.
pub fn decode(
    datagram: &Datagram<'_>,
    settings: &Settings,
    batch: &mut Batch,
) -> (Outcome, Option<Sequence>) {
    let Some(log) = Log::read(datagram.payload) else {
        return (datagram.reject(Reason::BinaryHeader, Format::Unknown, batch), None);
    };
    let Some(layout) = settings.binary.find(&log) else {
        return (datagram.reject(Reason::UnknownBinary, Format::Unknown, batch), None);
    };
    let context = Context {
        observation_domain: Some(log.location),
        sequence: Some(log.sequence),
        event_time: EventTime::Header(log.exported_at()),
        ..datagram.context(layout.format)
    };
    (layout.decode(&log, &context, &settings.im, batch), Some(log.sequence()))
}
