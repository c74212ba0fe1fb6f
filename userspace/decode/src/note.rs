//! What is known of each datagram beside its records: whose it was, what became of it, and where it
//! stands in the exporter's count. From these notes the ledger of exporters is made, by the one
//! thread that sees the batches of all workers.

use crate::{context::UnixNanos, decoder::Outcome};
use std::net::IpAddr;

/// One datagram, or the end of one that waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatagramNote {
    /// Who sent it.
    pub exporter: IpAddr,
    /// UDP source port; 0 where it is not known.
    pub exporter_port: u16,
    /// When it arrived.
    pub received_at: UnixNanos,
    /// What became of it.
    pub outcome: Outcome,
    /// Whether an earlier note said that it waits: then this one says how that ended, or that a
    /// part of it goes on waiting.
    pub waited: bool,
    /// Records of all families that it made, `unparsed` left out.
    pub records: u32,
    /// Records of the family `unparsed` that it made.
    pub unparsed: u32,
    /// Its place in the exporter's count; `None` for formats that have none, and when `waited`.
    pub sequence: Option<Sequence>,
}

/// A datagram's place in its exporter's count.
///
/// NetFlow v5 and IPFIX count records, v9 and binary logs count datagrams: `units` is what this datagram adds, so
/// that the next one's number is `number + units`, modulo 2³².
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// Version in the header: 5, 9 or 10; of binary logs the type in the high byte and the version
    /// in the low one.
    pub version: u16,
    /// Source ID (v9), Observation Domain ID (IPFIX), engine type and ID (v5),
    /// chassis, slot and CPU (binary logs). The Huawei USG's subdivided Source ID is without its
    /// second byte.
    pub domain: u32,
    /// The number in the header.
    pub number: u32,
    /// What the datagram adds to the count; `None` where that is not known, because the template
    /// of some of its data has not come.
    pub units: Option<u32>,
    /// The exporter's uptime in milliseconds, where the header has it.
    pub uptime_ms: Option<u32>,
    /// Whether it holds templates and no data: some exporters count those apart.
    pub templates_only: bool,
}
