//! The decoder of one worker: recognises a datagram's format and hands it to the format's decoder.

use crate::{
    batch::Batch,
    context::{Context, EventTime, Flags, Format, UnixNanos},
    limits::Limits,
    netflow::{registry::Registry, v9::V9Decoder},
    reason::Reason,
    syslog,
    text::Text,
    unparsed::Unparsed,
};
use std::{net::IpAddr, str::FromStr, sync::Arc};

/// What the configuration says about a listener's format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FormatHint {
    /// Told by the first bytes of each datagram.
    #[default]
    Auto,
    /// NetFlow v9; vendor profiles are told by the template.
    NetflowV9,
    /// NetFlow v9 of a Huawei USG, whatever its Source ID.
    HuaweiUsgNetflow,
    /// Huawei USG syslog, Default or mtn content under any header.
    HuaweiUsgSyslog,
}

impl FormatHint {
    /// All hints, by the names that options and configuration use.
    pub const NAMES: &[(&str, FormatHint)] = &[
        ("auto", FormatHint::Auto),
        ("netflow-v9", FormatHint::NetflowV9),
        ("huawei-usg-netflow", FormatHint::HuaweiUsgNetflow),
        ("huawei-usg-syslog", FormatHint::HuaweiUsgSyslog),
        ("huawei-usg-mtn", FormatHint::HuaweiUsgSyslog),
    ];
}

impl FromStr for FormatHint {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, hint)| *hint).ok_or(())
    }
}

/// One datagram as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// The UDP payload.
    pub payload: &'a [u8],
    /// Source address.
    pub exporter: IpAddr,
    /// Source port; 0 where it is not known.
    pub exporter_port: u16,
    /// Time of arrival.
    pub received_at: UnixNanos,
    /// What its listener says about its format.
    pub format: FormatHint,
}

impl Datagram<'_> {
    /// What its records share, as far as the datagram itself tells.
    pub(crate) fn context(&self, format: Format) -> Context {
        Context {
            exporter: self.exporter,
            exporter_port: self.exporter_port,
            format,
            observation_domain: None,
            sequence: None,
            host: Text::EMPTY,
            received_at: self.received_at,
            event_time: EventTime::Received,
            flags: Flags::NONE,
        }
    }

    /// Keeps the whole payload as one `unparsed` record.
    pub(crate) fn reject(&self, reason: Reason, format: Format, batch: &mut Batch) -> Outcome {
        if let Some(raw) = batch.text.push(self.payload) {
            batch.unparsed.push(&self.context(format), Unparsed { reason, raw });
        }
        Outcome::Rejected(reason)
    }
}

/// What became of a datagram: each ends as exactly one of `Decoded` and `Rejected`, some after
/// having been `Waiting`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All of it was decoded.
    Decoded,
    /// Some of it was not, for this reason; that part is an `unparsed` record, and records from
    /// its other parts stand in the batch.
    Rejected(Reason),
    /// Some of it waits for a template; [`Decoder::release`] tells how it ended.
    Waiting,
}

/// Decodes the datagrams of one worker.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    v9: V9Decoder,
}

impl Decoder {
    /// A decoder that shares templates with all others of the registry.
    pub fn new(registry: Arc<Registry>, limits: Limits) -> Self {
        Self { limits, v9: V9Decoder::new(registry, limits) }
    }

    /// Decodes one datagram into the batch, which must have room for it
    /// ([`Batch::has_room_for`]).
    pub fn decode(&mut self, datagram: &Datagram<'_>, batch: &mut Batch) -> Outcome {
        match (datagram.format, datagram.payload) {
            (_, []) => datagram.reject(Reason::Empty, Format::Unknown, batch),
            (FormatHint::NetflowV9 | FormatHint::HuaweiUsgNetflow, [0, 9, ..])
            | (FormatHint::Auto, [0, 9, ..]) => self.v9.decode(datagram, batch),
            (FormatHint::NetflowV9 | FormatHint::HuaweiUsgNetflow, _)
            | (FormatHint::Auto, [0, 5 | 10, ..]) => {
                datagram.reject(Reason::UnsupportedVersion, Format::Unknown, batch)
            }
            (FormatHint::HuaweiUsgSyslog, _) | (FormatHint::Auto, [b' '..=b'~', ..]) => {
                syslog::decode(datagram, &self.limits, batch)
            }
            (FormatHint::Auto, _) => datagram.reject(Reason::UnknownFormat, Format::Unknown, batch),
        }
    }

    /// Number of datagrams that wait for a template.
    pub fn waiting(&self) -> usize {
        self.v9.waiting()
    }

    /// Settles one datagram that waited; `None` when there is none to settle now. The batch must
    /// have room for a datagram of any size.
    pub fn release(&mut self, now: UnixNanos, batch: &mut Batch) -> Option<Outcome> {
        self.v9.release(now, batch)
    }

    /// Gives up one datagram that still waits, when the worker stops; `None` when none waits. The
    /// batch must have room for a datagram of any size.
    pub fn abandon(&mut self, batch: &mut Batch) -> Option<Outcome> {
        self.v9.abandon(batch)
    }
}
