//! What the configuration says to the decoders.

use crate::{binary, declared, decoder::FormatHint, limits::Limits, privacy::Privacy, simd};
use hashbrown::HashMap;
use std::net::IpAddr;

/// Everything that decoding depends on beside the bytes.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What senders can make grow, and where it stops.
    pub limits: Limits,
    /// What holds for exporters that are not named.
    pub default_exporter: ExporterSettings,
    /// Exporters that are named.
    pub exporters: HashMap<IpAddr, ExporterSettings>,
    /// Text formats that are declared and not programmed.
    pub declared: declared::Formats,
    /// Layouts of binary session logs.
    pub binary: binary::Layouts,
    /// What becomes of instant-messenger logs.
    pub im: ImPolicy,
    /// What is left out of records before anybody keeps them.
    pub privacy: Privacy,
    /// The instructions that kernels use: all levels give the same, at different speeds.
    pub simd: simd::Level,
}

impl Settings {
    /// The defaults, with these limits.
    pub fn with_limits(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// The settings of an exporter.
    pub fn exporter(&self, address: IpAddr) -> &ExporterSettings {
        if self.exporters.is_empty() {
            return &self.default_exporter;
        }
        self.exporters.get(&address).unwrap_or(&self.default_exporter)
    }
}

/// What the configuration says about one exporter.
#[derive(Clone, Debug, Default)]
pub struct ExporterSettings {
    /// Its format, whatever its listener says.
    pub format: Option<FormatHint>,
    /// The zone of times that name none; learned or taken as UTC where it is `None`.
    pub zone: Option<Zone>,
    /// How `mtn` lines print their counters.
    pub mtn_counters: MtnCounters,
    /// How natEvent codes are numbered; told by the data where it is `None`.
    pub nat_events: Option<NatEvents>,
}

/// A zone of civil time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Zone {
    /// Seconds east of UTC.
    Fixed(i32),
    /// A zone of the tz database, with its changes.
    Named(jiff::tz::TimeZone),
}

/// How `mtn` lines print bytes and packets; every line of the document has them exchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MtnCounters {
    /// Exchanged where packets would be too short for an IP header otherwise.
    #[default]
    Auto,
    /// Always exchanged.
    Swapped,
    /// Never exchanged.
    AsPrinted,
}

/// Numberings of natEvent (information element 230).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NatEvents {
    /// RFC 8158 §4.3 and IANA's registry.
    Iana,
    /// draft-ietf-behave-ipfix-nat-logging-02, as Juniper MX sends it.
    Draft02,
    /// 1 create, 2 end; nothing else: Huawei USG.
    Huawei,
    /// 1 create, 2 end, 3 addresses exhausted: Cisco NEL, ipt_NETFLOW.
    Nel,
}

/// What becomes of instant-messenger logs.
#[derive(Clone, Debug, Default)]
pub enum ImPolicy {
    /// Counted and forgotten.
    #[default]
    Off,
    /// Recorded, accounts as BLAKE3 hashes under this key.
    Hashed([u8; 32]),
    /// Recorded as sent.
    Plain,
}
