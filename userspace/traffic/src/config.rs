//! What a model is to be like, with defaults, and what it refuses.

use std::str::FromStr;

use crate::addresses::{EXPORTERS_MAX, POOL_ADDRESSES, SUBSCRIBERS_MAX};
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
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::UsgNetflow, Self::UsgSyslogDefault, Self::UsgMtn];

    /// The name that `logweir` uses for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::UsgNetflow => "huawei-usg-netflow",
            Self::UsgSyslogDefault => "huawei-usg-syslog",
            Self::UsgMtn => "huawei-usg-mtn",
        }
    }

    /// Whether a datagram is lines of text.
    pub fn is_text(self) -> bool {
        self != Self::UsgNetflow
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A format's name that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown format \"{name}\": one of huawei-usg-netflow, huawei-usg-syslog, huawei-usg-mtn")]
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
    /// Share of records that are NAT64 sessions: NetFlow template 1316, `IPVer=6` in text.
    /// The text form is a guess: no such line is public.
    pub nat64_share: f64,
    /// Share of records that are DS-Lite sessions: NetFlow template 1316, not in text.
    /// Which field holds what is a guess.
    pub dslite_share: f64,
    /// Share of the IPv4 sessions that the Internet begins, by a mapped port.
    pub inbound_share: f64,
    /// Share of the IPv4 sessions that are not translated.
    pub untranslated_share: f64,
    /// VRFs that subscribers are in beside the public one (0).
    pub vrfs: u32,
    /// NetFlow: the template is in the first datagram of a Source ID and then in every n-th.
    pub template_every: u32,
    /// NetFlow: records in a data flowset, at most.
    pub records_per_flowset: usize,
    /// NetFlow: flowsets in a datagram, at most, the template's included.
    pub flowsets_max: usize,
    /// NetFlow: what the header's count field counts.
    pub count: CountField,
    /// Text: an exporter has one of these, the first the first and so on round.
    pub headers: Vec<Header>,
    /// Text: lines in a datagram, separated by LF. The limits above apply too.
    pub lines_per_datagram: usize,
    /// Text: share of lines with each of the document's irregular spaces, and of headers a
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
    /// How a DS-Lite session looks in text is not known.
    #[error("dslite_share is for huawei-usg-netflow: no text line of DS-Lite is public")]
    NoDsliteInText,
}

impl ModelConfig {
    /// Checks what [`crate::Model::new`] relies on.
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        let bytes_min = if self.format.is_text() { LINE_BYTES_MAX } else { 252 };
        let pairs = u64::from(self.exporters) * u64::from(self.slots);
        in_range("exporters", self.exporters.into(), 1, EXPORTERS_MAX.into())?;
        in_range("slots", self.slots.into(), 1, 64)?;
        in_range("subscribers", self.subscribers.into(), 2 * pairs, SUBSCRIBERS_MAX.into())?;
        in_range("events_per_second", self.events_per_second, 1, 1_000_000_000)?;
        // So that a translated session always finds a port.
        let ports = u64::from(self.exporters * (POOL_ADDRESSES / self.exporters)) * PORTS_EACH;
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
        if self.format.is_text() && self.dslite_share > 0.0 {
            return Err(ConfigError::NoDsliteInText);
        }
        Ok(())
    }

    fn validate_shares(&self) -> Result<(), ConfigError> {
        let shares = [
            ("nat64_share", self.nat64_share),
            ("dslite_share", self.dslite_share),
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
