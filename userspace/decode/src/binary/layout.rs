//! Layouts as they are used: compiled once from declarations, and run over every record.

use super::{
    Log,
    declaration::{self, LayoutError},
    fields::{Row, Set, Timed},
};
use crate::{
    batch::Batch,
    context::{Context, Flags, Format},
    decoder::Outcome,
    extra::{Encoded, Value},
    im::{Im, account},
    port_block::PortBlock,
    reason::Reason,
    record::Time,
    session::SessionRow,
    settings::ImPolicy,
    text::{Text, TextArena},
    unparsed::Unparsed,
};
use std::{net::IpAddr, sync::Arc};

/// The layouts that are shipped: the same declarations that operators write.
const BUILTIN: [(&str, &str); 3] = [
    ("h3c_userlog_1.toml", include_str!("layouts/h3c_userlog_1.toml")),
    ("h3c_userlog_3.toml", include_str!("layouts/h3c_userlog_3.toml")),
    ("huawei_elog_1.toml", include_str!("layouts/huawei_elog_1.toml")),
];

/// The key of an event's code in `extra`, where the layout does not list it.
pub(super) const OPERATOR_KEY: &str = "operator";

/// What tells which layout a datagram's records have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// The first byte of the header.
    pub version: u8,
    /// The second byte of the header.
    pub kind: u8,
    /// Bytes of a record.
    pub record_bytes: usize,
}

/// All layouts, by version, type and record length.
#[derive(Clone, Debug)]
pub struct Layouts {
    added: Vec<(Key, Arc<Layout>)>,
    builtin: Vec<(Key, Arc<Layout>)>,
}

impl Default for Layouts {
    fn default() -> Self {
        Self::builtin()
    }
}

impl Layouts {
    /// The layouts that are shipped.
    pub fn builtin() -> Self {
        let mut layouts = Self { added: Vec::new(), builtin: Vec::new() };
        for (file_name, text) in BUILTIN {
            let read = declaration::read(text, file_name);
            debug_assert!(read.is_ok(), "{read:?}");
            layouts.builtin.extend(read.into_iter().flat_map(shared));
        }
        layouts
    }

    /// Adds the layout that a file declares; it goes before a shipped one of the same version,
    /// type and record length.
    ///
    /// # Errors
    /// One sentence that names the file and what is wrong in it.
    pub fn add(&mut self, text: &str, file_name: &str) -> Result<(), LayoutError> {
        let (keys, layout) = declaration::read(text, file_name)?;
        for (key, other) in &self.added {
            if keys.contains(key) {
                let Key { version, kind, record_bytes } = key;
                let what = format!(
                    "version {version}, type {kind}, records of {record_bytes} bytes are declared \
                     in {} already",
                    other.file_name
                );
                return Err(LayoutError::new(file_name, &what));
            }
        }
        self.added.extend(shared((keys, layout)));
        Ok(())
    }

    /// The layout of a datagram's records.
    pub(super) fn find(&self, log: &Log<'_>) -> Option<&Layout> {
        let Log { version, kind, record_bytes, .. } = *log;
        let key = Key { version, kind, record_bytes };
        let mut known = self.added.iter().chain(&self.builtin);
        known.find(|(known, _)| *known == key).map(|(_, layout)| &**layout)
    }
}

/// One layout for all of its keys.
fn shared((keys, layout): (Vec<Key>, Layout)) -> impl Iterator<Item = (Key, Arc<Layout>)> {
    let layout = Arc::new(layout);
    keys.into_iter().map(move |key| (key, Arc::clone(&layout)))
}

/// One layout.
#[derive(Debug)]
pub(super) struct Layout {
    /// The file that declares it.
    pub file_name: String,
    /// The format that its records have in outputs.
    pub format: Format,
    /// What to know about its records.
    pub flags: Flags,
    /// What to do with each record.
    pub plan: FamilyPlan,
}

/// A plan of either family.
#[derive(Debug)]
pub(super) enum FamilyPlan {
    Session(Plan<SessionRow>),
    PortBlock(Plan<Timed<PortBlock>>),
    Im(Plan<Timed<Im>>),
}

/// What to do with each record.
#[derive(Debug)]
pub(super) struct Plan<R: Row> {
    /// The event of records whose layout has no field for it.
    pub event: Option<R::Event>,
    /// The events by the exporter's codes.
    pub operators: Vec<Operator<R::Event>>,
    /// Where a record says of which version its addresses are.
    pub ip_version: Option<IpVersion>,
    /// The fields, those without a column last.
    pub steps: Vec<Step<R>>,
}

/// What a record has to say of its addresses.
#[derive(Clone, Copy, Debug)]
pub(super) struct IpVersion {
    pub offset: usize,
    pub expected: u8,
}

/// An exporter's code of an event.
#[derive(Debug)]
pub(super) struct Operator<E> {
    pub code: u64,
    pub event: E,
    /// Why the session ended; empty where the code does not say.
    pub reason: String,
}

/// A field.
#[derive(Debug)]
pub(super) struct Step<R: 'static> {
    pub offset: usize,
    pub bytes: usize,
    pub action: Action<R>,
}

/// What becomes of a field.
#[derive(Debug)]
pub(super) enum Action<R: 'static> {
    /// A column.
    Set(&'static Set<R>, Unit),
    /// A pair of `extra`.
    Extra(String, ExtraKind),
}

/// The unit of a time or duration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Unit {
    /// Seconds.
    #[default]
    Seconds,
    /// Milliseconds.
    Milliseconds,
}

/// How the value of an extra pair is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ExtraKind {
    /// An unsigned number of up to 8 bytes.
    Number,
    /// Text, filled up with NULs or spaces.
    Text,
    /// An IP address.
    Address,
    /// An Ethernet address.
    Mac,
    /// Anything else.
    Bytes,
}

impl Layout {
    /// Decodes all records of a datagram.
    pub fn decode(
        &self,
        log: &Log<'_>,
        context: &Context,
        im: &ImPolicy,
        batch: &mut Batch,
    ) -> Outcome {
        let context = Context { flags: context.flags.with(self.flags), ..*context };
        match &self.plan {
            FamilyPlan::Session(plan) => plan.decode(log, &context, im, batch),
            FamilyPlan::PortBlock(plan) => plan.decode(log, &context, im, batch),
            FamilyPlan::Im(plan) => plan.decode(log, &context, im, batch),
        }
    }
}

impl<R: Row> Plan<R> {
    fn decode(
        &self,
        log: &Log<'_>,
        context: &Context,
        im: &ImPolicy,
        batch: &mut Batch,
    ) -> Outcome {
        if R::PERSONAL && matches!(im, ImPolicy::Off) {
            return Outcome::Rejected(Reason::ImNotRecorded);
        }
        let mut outcome = Outcome::Decoded;
        for record in log.records.chunks_exact(log.record_bytes) {
            if self.ip_version.is_none_or(|check| check.holds(record)) {
                let mut context = *context;
                let row = self.row(record, im, &mut batch.text, &mut context.flags);
                context.event_time = row.event_time().unwrap_or(context.event_time);
                row.push(&context, batch);
            } else {
                let reason = Reason::BinaryValue;
                // What must not be stored in plain is not kept as it came either.
                let keep = !R::PERSONAL || matches!(im, ImPolicy::Plain);
                if let Some(raw) = batch.text.push(if keep { record } else { &[] }) {
                    batch.unparsed.push(context, Unparsed { reason, raw });
                }
                outcome = Outcome::Rejected(reason);
            }
        }
        outcome
    }

    fn row(&self, record: &[u8], im: &ImPolicy, text: &mut TextArena, flags: &mut Flags) -> R {
        let mut row = R::default();
        row.set_event(self.event);
        let mut unlisted = None;
        let mut extra = Text::EMPTY;
        let mut complete = true;
        for step in &self.steps {
            let bytes = step.of(record);
            complete &= match &step.action {
                Action::Set(Set::Operator, _) => {
                    let code = number(bytes);
                    let listed = self.operators.iter().find(|operator| operator.code == code);
                    unlisted = Some(code).filter(|_| listed.is_none());
                    set_event(&mut row, listed, text)
                }
                Action::Set(set, unit) => set_value(&mut row, set, *unit, bytes, im, text),
                Action::Extra(key, kind) => append(&mut extra, key, kind.value(bytes), text),
            };
        }
        complete &= append(&mut extra, OPERATOR_KEY, unlisted.map(Value::Number), text);
        if !extra.is_empty() {
            row.set_extra(extra);
        }
        if !complete {
            *flags = flags.with(Flags::EXTRA_TRUNCATED);
        }
        row
    }
}

impl IpVersion {
    /// Whether the record says that its addresses are what the layout has, or says nothing.
    fn holds(self, record: &[u8]) -> bool {
        record.get(self.offset).is_none_or(|version| *version == 0 || *version == self.expected)
    }
}

impl<R: Row> Step<R> {
    fn of<'a>(&self, record: &'a [u8]) -> &'a [u8] {
        record.get(self.offset..self.offset + self.bytes).unwrap_or_default()
    }
}

impl ExtraKind {
    /// The value; `None` where all bytes are zero, which stands for an absent one.
    fn value(self, bytes: &[u8]) -> Option<Value<'_>> {
        bytes.iter().any(|byte| *byte != 0).then(|| match self {
            ExtraKind::Number => Value::Number(number(bytes)),
            ExtraKind::Text => Value::Text(trimmed(bytes)),
            ExtraKind::Address => Value::Address(bytes),
            ExtraKind::Mac => Value::Mac(bytes),
            ExtraKind::Bytes => Value::Bytes(bytes),
        })
    }
}

/// `false` where the reason's text did not fit.
fn set_event<R: Row>(
    row: &mut R,
    operator: Option<&Operator<R::Event>>,
    text: &mut TextArena,
) -> bool {
    row.set_event(operator.map(|operator| operator.event));
    let reason = operator.map_or("", |operator| &operator.reason);
    match R::CLOSE_REASON {
        Some(set) if !reason.is_empty() => {
            text.push(reason.as_bytes()).map(|reason| set(row, reason)).is_some()
        }
        _ => true,
    }
}

/// Sets a column; `false` where its text did not fit.
fn set_value<R: Row>(
    row: &mut R,
    set: &Set<R>,
    unit: Unit,
    bytes: &[u8],
    im: &ImPolicy,
    arena: &mut TextArena,
) -> bool {
    match set {
        Set::Number(_, set) => set(row, number(bytes)),
        Set::Address(set) => {
            if let Some(address) = address(bytes) {
                set(row, address);
            }
        }
        Set::Address6(set) => {
            if let Ok(octets) = bytes.try_into() {
                set(row, octets);
            }
        }
        Set::Time(set) => {
            if let Some(time) = time(number(bytes), unit) {
                set(row, time);
            }
        }
        Set::Duration(set) => match unit {
            Unit::Seconds => set(row, number(bytes).saturating_mul(1000)),
            Unit::Milliseconds => set(row, number(bytes)),
        },
        Set::Text(set) => return arena.push(trimmed(bytes)).map(|text| set(row, text)).is_some(),
        Set::Account(set) => {
            return account(im, trimmed(bytes), arena).map(|text| set(row, text)).is_some();
        }
        // Both are dealt with elsewhere.
        Set::Operator | Set::IpVersion => {}
    }
    true
}

/// Adds a pair to `extra`, where there is a value; `false` where it did not fit.
fn append(extra: &mut Text, key: &str, value: Option<Value<'_>>, arena: &mut TextArena) -> bool {
    let Some(value) = value else { return true };
    let longer = arena.append(*extra, &Encoded::new(key.as_bytes(), value).parts());
    if let Some(longer) = longer {
        *extra = longer;
    }
    longer.is_some()
}

/// A big-endian number of up to 8 bytes.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// A time; `None` for zero, and for one that no column can hold.
fn time(number: u64, unit: Unit) -> Option<Time> {
    let (scale, digits) = match unit {
        Unit::Seconds => (1_000_000_000, 0),
        Unit::Milliseconds => (1_000_000, 3),
    };
    let unix_nanos = i64::try_from(number).ok()?.checked_mul(scale)?;
    (number != 0).then_some(Time { unix_nanos, digits })
}

/// Without the NULs and spaces that fill a text up.
fn trimmed(bytes: &[u8]) -> &[u8] {
    let len = bytes.iter().rposition(|byte| !matches!(byte, 0 | b' ')).map_or(0, |last| last + 1);
    bytes.get(..len).unwrap_or_default()
}
