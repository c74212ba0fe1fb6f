//! The decoder of one worker: recognises a datagram's format and hands it to the format's decoder.

use crate::{
    batch::Batch,
    binary,
    context::{Context, EventTime, Flags, Format, UnixNanos},
    declared::{DeclaredId, Formats},
    netflow::{self, registry::Registry},
    note::{DatagramNote, Sequence},
    reason::Reason,
    settings::Settings,
    syslog::{self, zone::Zones},
    text::Text,
    unparsed::Unparsed,
};
use std::{net::IpAddr, sync::Arc};

/// What the configuration says about a listener's format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FormatHint {
    /// Told by the first bytes of each datagram.
    #[default]
    Auto,
    /// NetFlow v5, v9 or IPFIX; vendor profiles are told by the template.
    Netflow,
    /// NetFlow v9 of a Huawei USG, whatever its Source ID.
    HuaweiUsgNetflow,
    /// Any text, told by its marks.
    Syslog,
    /// Huawei USG syslog, Default or mtn content under any header.
    HuaweiUsgSyslog,
    /// CGNAT syslog, any of its forms.
    Cgn,
    /// FireBrick filter log.
    Firebrick,
    /// Binary session log.
    Binary,
    /// A declared text format.
    Declared(DeclaredId),
}

impl FormatHint {
    /// All hints, by the names that options and configuration use.
    pub const NAMES: &[(&str, FormatHint)] = &[
        ("auto", FormatHint::Auto),
        ("netflow", FormatHint::Netflow),
        ("netflow-v5", FormatHint::Netflow),
        ("netflow-v9", FormatHint::Netflow),
        ("ipfix", FormatHint::Netflow),
        ("huawei-usg-netflow", FormatHint::HuaweiUsgNetflow),
        ("syslog", FormatHint::Syslog),
        ("huawei-usg-syslog", FormatHint::HuaweiUsgSyslog),
        ("huawei-usg-mtn", FormatHint::HuaweiUsgSyslog),
        ("huawei-usg-im", FormatHint::HuaweiUsgSyslog),
        ("cgn-cn", FormatHint::Cgn),
        ("cgn-unicom", FormatHint::Cgn),
        ("cgn-ft", FormatHint::Cgn),
        ("firebrick", FormatHint::Firebrick),
        ("binary", FormatHint::Binary),
        ("h3c-userlog", FormatHint::Binary),
        ("huawei-elog", FormatHint::Binary),
    ];

    /// The hint of this name, which may be that of a declared format.
    pub fn from_name(name: &str, declared: &Formats) -> Option<FormatHint> {
        let known = Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, hint)| *hint);
        known.or_else(|| declared.by_name(name).map(FormatHint::Declared))
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
    settings: Arc<Settings>,
    netflow: netflow::Decoder,
    zones: Zones,
}

impl Decoder {
    /// A decoder that shares templates with all others of the registry.
    pub fn new(registry: Arc<Registry>, settings: Arc<Settings>) -> Self {
        Self {
            netflow: netflow::Decoder::new(registry, settings.clone()),
            zones: Zones::new(settings.limits.exporters),
            settings,
        }
    }

    /// What it was told.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Goes by other settings from now on. What was learnt stays: templates, zones, what waits. The
    /// registry has limits of its own ([`Registry::set_limits`]), and templates that are read in
    /// another way by these settings are read anew by [`Registry::reread`].
    pub fn set_settings(&mut self, settings: Arc<Settings>) {
        self.zones.set_limit(settings.limits.exporters);
        self.netflow.set_settings(Arc::clone(&settings));
        self.settings = settings;
    }

    /// Decodes one datagram into the batch, which must have room for it
    /// ([`Batch::has_room_for`]).
    pub fn decode(&mut self, datagram: &Datagram<'_>, batch: &mut Batch) -> Outcome {
        let before = Counts::of(batch);
        let (outcome, sequence) = self.dispatch(datagram, batch);
        let Datagram { exporter, exporter_port, received_at, .. } = *datagram;
        let note = DatagramNote::new(exporter, exporter_port, received_at, outcome);
        before.note(DatagramNote { sequence, ..note }, batch);
        outcome
    }

    fn dispatch(
        &mut self,
        datagram: &Datagram<'_>,
        batch: &mut Batch,
    ) -> (Outcome, Option<Sequence>) {
        use FormatHint::*;
        let Self { settings, netflow, zones } = self;
        let exporter = settings.exporter(datagram.exporter);
        let pinned;
        let datagram = match exporter.format {
            None => datagram,
            Some(format) => {
                pinned = Datagram { format, ..*datagram };
                &pinned
            }
        };
        let reject = |reason, batch: &mut Batch| datagram.reject(reason, Format::Unknown, batch);
        let outcome = match (datagram.format, datagram.payload) {
            (_, []) => reject(Reason::Empty, batch),
            (Auto | Netflow | HuaweiUsgNetflow, [0, 5 | 9 | 10, ..]) => {
                return netflow.decode(datagram, batch);
            }
            (Auto, [0, 0, 0, 5, ..]) => reject(Reason::Sflow, batch),
            (Netflow | HuaweiUsgNetflow, _) => reject(Reason::UnsupportedVersion, batch),
            (Binary, _) => return binary::decode(datagram, settings, batch),
            (Auto, _) if binary::is_marked(datagram, &settings.binary) => {
                return binary::decode(datagram, settings, batch);
            }
            (Auto, [b' '..=b'~', ..])
            | (Syslog | HuaweiUsgSyslog | Cgn | Firebrick | Declared(_), _) => {
                syslog::decode(datagram, exporter, settings, zones, batch)
            }
            (Auto, _) => reject(Reason::UnknownFormat, batch),
        };
        (outcome, None)
    }

    /// Number of datagrams that wait for a template.
    pub fn waiting(&self) -> usize {
        self.netflow.waiting()
    }

    /// Decodes what waited of one datagram, which is [`Outcome::Waiting`] still where that was not
    /// all of it; `None` when there is nothing to decode or give up now. The batch must
    /// have room for a datagram of any size.
    pub fn release(&mut self, now: UnixNanos, batch: &mut Batch) -> Option<Outcome> {
        let before = Counts::of(batch);
        let (context, outcome) = self.netflow.release(now, batch)?;
        before.note(DatagramNote::settled(&context, outcome), batch);
        Some(outcome)
    }

    /// Gives up one datagram that still waits, when the worker stops; `None` when none waits. The
    /// batch must have room for a datagram of any size.
    pub fn abandon(&mut self, batch: &mut Batch) -> Option<Outcome> {
        let before = Counts::of(batch);
        let (context, outcome) = self.netflow.abandon(batch)?;
        before.note(DatagramNote::settled(&context, outcome), batch);
        Some(outcome)
    }
}

/// Rows of a batch, before a datagram.
struct Counts {
    decoded: usize,
    unparsed: usize,
}

impl Counts {
    fn of(batch: &Batch) -> Self {
        Self { decoded: batch.decoded_records(), unparsed: batch.unparsed.rows() }
    }

    /// Notes what became of a datagram, with the rows that it added.
    #[inline]
    fn note(&self, note: DatagramNote, batch: &mut Batch) {
        let added = |before, now: usize| u32::try_from(now.saturating_sub(before)).unwrap_or(0);
        batch.notes.push(DatagramNote {
            records: added(self.decoded, batch.decoded_records()),
            unparsed: added(self.unparsed, batch.unparsed.rows()),
            ..note
        });
    }
}

impl DatagramNote {
    /// Of a datagram that has waited.
    fn settled(context: &Context, outcome: Outcome) -> Self {
        let Context { exporter, exporter_port, received_at, .. } = *context;
        Self { waited: true, ..Self::new(exporter, exporter_port, received_at, outcome) }
    }

    fn new(exporter: IpAddr, exporter_port: u16, received_at: UnixNanos, outcome: Outcome) -> Self {
        let (records, unparsed) = (0, 0);
        Self {
            exporter,
            exporter_port,
            received_at,
            outcome,
            waited: false,
            records,
            unparsed,
            sequence: None,
        }
    }
}
