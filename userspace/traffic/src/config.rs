//! What a model is to be like, with defaults, and what it refuses.

use std::str::FromStr;

use crate::addresses::{EXPORTER_ADDRESSES_MAX, EXPORTERS_MAX, POOL_ADDRESSES, SUBSCRIBERS_MAX};
use crate::mtn::MtnCounters;
use crate::names::Charset;
use crate::netflow::{CountField, FLOWSETS_MAX};
use crate::syslog::Header;

/// A format that the model can build.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Huawei USG session logs as NetFlow v9, templates 1315 and 1316.
    #[default]
    UsgNetflow,
    /// Huawei USG session logs as syslog, *Default* content.
    UsgSyslogDefault,
    /// Huawei USG session logs as syslog, `mtn` content.
    UsgMtn,
    /// Policy hits of a Huawei USG as syslog.
    UsgPolicy,
    /// Instant-messenger logs of a Huawei USG as syslog. The form is a guess: none is public.
    UsgIm,
    /// NetFlow v5, a flow for each session that ended.
    NetflowV5,
    /// NAT events as NetFlow v9: sessions and port blocks.
    NetflowV9,
    /// NAT events as IPFIX (RFC 8158): sessions and port blocks.
    Ipfix,
    /// CGNAT syslog, China Telecom's bracket form.
    CgnCn,
    /// CGNAT syslog, China Unicom's pipe form.
    CgnUnicom,
    /// CGNAT syslog, France Telecom's form: port blocks.
    CgnFt,
    /// Filter logs of a FireBrick FB105.
    Firebrick,
    /// Binary session logs of H3C and HPE, version 3.
    H3cUserlog,
    /// Binary session logs of Huawei NE routers, eLog V1.
    HuaweiElog,
    /// Juniper SRX structured syslog: sessions and port blocks.
    JuniperSrx,
    /// Fortinet hyperscale syslog: sessions.
    Fortinet,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 16] = [
        Self::UsgNetflow,
        Self::UsgSyslogDefault,
        Self::UsgMtn,
        Self::UsgPolicy,
        Self::UsgIm,
        Self::NetflowV5,
        Self::NetflowV9,
        Self::Ipfix,
        Self::CgnCn,
        Self::CgnUnicom,
        Self::CgnFt,
        Self::Firebrick,
        Self::H3cUserlog,
        Self::HuaweiElog,
        Self::JuniperSrx,
        Self::Fortinet,
    ];

    /// The name that `logweir` uses for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::UsgNetflow => "huawei-usg-netflow",
            Self::UsgSyslogDefault => "huawei-usg-syslog",
            Self::UsgMtn => "huawei-usg-mtn",
            Self::UsgPolicy => "huawei-usg-policy",
            Self::UsgIm => "huawei-usg-im",
            Self::NetflowV5 => "netflow-v5",
            Self::NetflowV9 => "netflow-v9",
            Self::Ipfix => "ipfix",
            Self::CgnCn => "cgn-cn",
            Self::CgnUnicom => "cgn-unicom",
            Self::CgnFt => "cgn-ft",
            Self::Firebrick => "firebrick",
            Self::H3cUserlog => "h3c-userlog",
            Self::HuaweiElog => "huawei-elog",
            Self::JuniperSrx => "juniper",
            Self::Fortinet => "fortinet",
        }
    }

    /// Whether a datagram is lines of text.
    pub fn is_text(self) -> bool {
        use Format::*;
        !matches!(self, UsgNetflow | NetflowV5 | NetflowV9 | Ipfix | H3cUserlog | HuaweiElog)
    }

    /// Whether it has NAT64 sessions.
    pub fn has_nat64(self) -> bool {
        use Format::*;
        matches!(self, UsgNetflow | UsgSyslogDefault | UsgMtn | Ipfix | CgnCn)
    }

    /// Whether it has DS-Lite sessions.
    pub fn has_dslite(self) -> bool {
        matches!(self, Self::UsgNetflow | Self::CgnCn)
    }

    /// Whether it has port blocks.
    pub fn has_port_blocks(self) -> bool {
        use Format::*;
        matches!(self, NetflowV9 | Ipfix | CgnCn | CgnUnicom | CgnFt | JuniperSrx)
    }

    /// The smallest `datagram_bytes_max` that every record of it fits.
    pub fn datagram_bytes_min(self) -> usize {
        match self {
            Self::UsgNetflow => 252,
            Self::JuniperSrx => 1_024,
            Self::Ipfix => 512,
            _ => LINE_BYTES_MAX,
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A format's name that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown format \"{name}\": one of {}", Format::ALL.map(Format::name).join(", "))]
pub struct UnknownFormat {
    /// What was asked for.
    pub name: String,
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|format| format.name() == name);
        named.ok_or_else(|| UnknownFormat { name: name.to_owned() })
    }
}

/// What a model is to be like. Shares are fractions from 0 to 1.
///
/// ```
/// use logweir_traffic::{Format, Model, ModelConfig};
///
/// let config = ModelConfig { seed: 7, format: Format::UsgMtn, ..ModelConfig::default() };
/// let mut model = Model::new(config)?;
/// let (mut buffer, mut truth) = ([0u8; 1400], Vec::new());
/// let datagram = model.next_datagram(&mut buffer, Some(&mut truth));
/// assert!(buffer[..datagram.len].starts_with(b"<190>"));
/// assert_eq!(datagram.records, truth.len());
/// # Ok::<(), logweir_traffic::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// The same seed and configuration give the same bytes.
    pub seed: u64,
    /// The format of every datagram.
    pub format: Format,
    /// Devices that send, at most 384: each has public addresses of its own.
    pub exporters: u32,
    /// Number of the first exporter: models that send side by side have others. Its address and
    /// port follow from it; public addresses do not.
    pub first_exporter: u32,
    /// Whether the exporters' own addresses are IPv6.
    pub exporters_over_ipv6: bool,
    /// CPUs of a device, each with a Source ID of its own in NetFlow.
    pub slots: u8,
    /// Inside hosts of all exporters together.
    pub subscribers: u32,
    /// Model time of the first event, UTC epoch seconds.
    pub start_time: u32,
    /// Events (of all exporters) in a second of model time.
    pub events_per_second: u64,
    /// Sessions that live at once, of all exporters together. At the limit sessions end early.
    /// At most as many as there are public ports of one protocol.
    pub sessions_live_max: u32,
    /// Length of a datagram's payload in bytes, at most.
    pub datagram_bytes_max: usize,
    /// Records in a datagram, at most.
    pub records_per_datagram_max: usize,
    /// Share of records that are NAT64 sessions, where [`Format::has_nat64`]. In Huawei USG's
    /// text (`IPVer=6`) the form is a guess: no such line is public.
    pub nat64_share: f64,
    /// Share of records that are DS-Lite sessions, where [`Format::has_dslite`]. In Huawei USG's
    /// NetFlow which field holds what is a guess.
    pub dslite_share: f64,
    /// Share of records that are of port blocks and not of sessions, where
    /// [`Format::has_port_blocks`]; `cgn-ft` has nothing else.
    pub block_share: f64,
    /// Share of the IPv4 sessions that the Internet begins, by a mapped port.
    pub inbound_share: f64,
    /// Share of the IPv4 sessions that are not translated.
    pub untranslated_share: f64,
    /// VRFs that subscribers are in beside the public one (0).
    pub vrfs: u32,
    /// v9, IPFIX: templates are in the first datagram of a Source ID and then in every n-th.
    pub template_every: u32,
    /// NetFlow: records in a data flowset, at most.
    pub records_per_flowset: usize,
    /// NetFlow: flowsets in a datagram, at most, the template's included.
    pub flowsets_max: usize,
    /// NetFlow: what the header's count field counts.
    pub count: CountField,
    /// Huawei USG sessions as text: an exporter has one of these, the first the first and so on round.
    pub headers: Vec<Header>,
    /// Text: lines in a datagram, separated by LF. The limits above apply too.
    pub lines_per_datagram: usize,
    /// Huawei USG sessions as text: share of lines with each of the document's irregular spaces, and of headers a
    /// second early.
    pub quirk_share: f64,
    /// *Default* text: zones, policy, user, application, close reason, as newer devices print.
    pub details: bool,
    /// *Default* text: share of subscribers that have a user name.
    pub user_share: f64,
    /// *Default* text: share of sessions whose application is named.
    pub application_share: f64,
    /// *Default* text: how names are written.
    pub charset: Charset,
    /// `mtn`: which way round the counters' words stand.
    pub mtn_counters: MtnCounters,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            format: Format::default(),
            exporters: 1,
            first_exporter: 0,
            exporters_over_ipv6: false,
            slots: 1,
            subscribers: 10_000,
            // 2026-01-01T00:00:00Z.
            start_time: 1_767_225_600,
            events_per_second: 1_000,
            sessions_live_max: 65_536,
            datagram_bytes_max: 1_400,
            records_per_datagram_max: usize::MAX,
            nat64_share: 0.0,
            dslite_share: 0.0,
            block_share: 0.25,
            inbound_share: 0.02,
            untranslated_share: 0.02,
            vrfs: 0,
            template_every: 1,
            records_per_flowset: 1,
            flowsets_max: FLOWSETS_MAX,
            count: CountField::default(),
            headers: vec![Header::DefaultUtc],
            lines_per_datagram: 1,
            quirk_share: 0.0,
            details: true,
            user_share: 0.3,
            application_share: 0.2,
            charset: Charset::default(),
            mtn_counters: MtnCounters::default(),
        }
    }
}

/// No line of the model is longer.
pub(crate) const LINE_BYTES_MAX: usize = 640;
/// Ports of a public address that sessions of one protocol can hold: 1024–65535.
const PORTS_EACH: u64 = 64_512;
/// The same where the upper half is of port blocks: 1024–32767.
const PORTS_BELOW_BLOCKS: u64 = 31_744;

/// Why a configuration makes no model.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A number is outside what the model can do.
    #[error("{name} is {value}: it must be from {min} to {max}")]
    OutOfRange {
        /// The field of [`ModelConfig`].
        name: &'static str,
        /// What it was.
        value: u64,
        /// The smallest that works.
        min: u64,
        /// The largest that works.
        max: u64,
    },
    /// A share is not a fraction.
    #[error("{name} is {value}: a share is from 0 to 1")]
    NotAShare {
        /// The field of [`ModelConfig`].
        name: &'static str,
        /// What it was.
        value: f64,
    },
    /// The shares of kinds of sessions come to more than all.
    #[error("{names} together are more than 1")]
    SharesExceedOne {
        /// The fields of [`ModelConfig`].
        names: &'static str,
    },
    /// No exporter could have a header.
    #[error("headers is empty: name at least one")]
    NoHeader,
    /// The format has no such records.
    #[error("{name} is not for {format}, which has no such records")]
    NotInFormat {
        /// The field of [`ModelConfig`].
        name: &'static str,
        /// The format.
        format: Format,
    },
}

impl ModelConfig {
    /// Checks what [`crate::Model::new`] relies on.
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        let bytes_min = self.format.datagram_bytes_min();
        let pairs = u64::from(self.exporters) * u64::from(self.slots);
        in_range("exporters", self.exporters.into(), 1, EXPORTERS_MAX.into())?;
        in_range("first_exporter", self.first_exporter.into(), 0, EXPORTER_ADDRESSES_MAX.into())?;
        in_range("slots", self.slots.into(), 1, 64)?;
        in_range("subscribers", self.subscribers.into(), 2 * pairs, SUBSCRIBERS_MAX.into())?;
        in_range("events_per_second", self.events_per_second, 1, 1_000_000_000)?;
        // So that a translated session always finds a port.
        let ports_each =
            if self.format.has_port_blocks() { PORTS_BELOW_BLOCKS } else { PORTS_EACH };
        let ports = u64::from(self.exporters * (POOL_ADDRESSES / self.exporters)) * ports_each;
        in_range("sessions_live_max", self.sessions_live_max.into(), 2 * pairs, ports)?;
        in_range("datagram_bytes_max", self.datagram_bytes_max as u64, bytes_min as u64, 65_507)?;
        let counts = [
            ("records_per_datagram_max", self.records_per_datagram_max),
            ("template_every", self.template_every as usize),
            ("records_per_flowset", self.records_per_flowset),
            ("lines_per_datagram", self.lines_per_datagram),
        ];
        for (name, value) in counts {
            in_range(name, value as u64, 1, u64::MAX)?;
        }
        // The header's count field has 16 bits.
        in_range("flowsets_max", self.flowsets_max as u64, 2, u16::MAX.into())?;
        self.validate_shares()?;
        if self.headers.is_empty() {
            return Err(ConfigError::NoHeader);
        }
        let optional = [
            ("nat64_share", self.nat64_share, self.format.has_nat64()),
            ("dslite_share", self.dslite_share, self.format.has_dslite()),
        ];
        match optional.into_iter().find(|(_, share, has)| *share > 0.0 && !has) {
            Some((name, ..)) => Err(ConfigError::NotInFormat { name, format: self.format }),
            None => Ok(()),
        }
    }

    fn validate_shares(&self) -> Result<(), ConfigError> {
        let shares = [
            ("nat64_share", self.nat64_share),
            ("dslite_share", self.dslite_share),
            ("block_share", self.block_share),
            ("inbound_share", self.inbound_share),
            ("untranslated_share", self.untranslated_share),
            ("quirk_share", self.quirk_share),
            ("user_share", self.user_share),
            ("application_share", self.application_share),
        ];
        for (name, value) in shares {
            if !(0.0..=1.0).contains(&value) {
                return Err(ConfigError::NotAShare { name, value });
            }
        }
        if self.nat64_share + self.dslite_share > 1.0 {
            return Err(ConfigError::SharesExceedOne { names: "nat64_share and dslite_share" });
        }
        if self.inbound_share + self.untranslated_share > 1.0 {
            let names = "inbound_share and untranslated_share";
            return Err(ConfigError::SharesExceedOne { names });
        }
        Ok(())
    }
}

fn in_range(name: &'static str, value: u64, min: u64, max: u64) -> Result<(), ConfigError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(ConfigError::OutOfRange { name, value, min, max })
}
