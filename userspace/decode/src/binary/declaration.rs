//! Declarations of layouts: read from TOML, checked, compiled.
//!
//! ```toml
//! format = "my-firewall"          # the name in records
//! family = "session"              # or port_block, im
//! version = 3                     # first byte of the header
//! types = [1, 4]                  # second byte
//! record_bytes = 24
//! inferred = false                # true flags records as read by inference
//! fields = [
//!     { name = "src_addr", offset = 0, bytes = 4 },                # a column, by its name
//!     { name = "start_time", offset = 4, bytes = 8, unit = "milliseconds" },
//!     { name = "event", offset = 12, bytes = 1 },
//!     { extra = "vlan", offset = 14, bytes = 2, kind = "number" }, # what has no column
//! ]
//!
//! [events]                        # by the value of the field `event`
//! 1 = { event = "end", reason = "aged" }
//! 0xFE = { event = "create" }
//! ```

use super::{
    HEADER_BYTES, RECORD_BYTES_MIN,
    fields::{Row, Set},
    layout::{
        Action, ExtraKind, FamilyPlan, IpVersion, Key, Layout, OPERATOR_KEY, Operator, Plan, Step,
        Unit,
    },
};
use crate::{
    context::{Flags, Format},
    extra,
    im::ACCOUNT_HASH_BYTES,
    nearest::{meant, meant_of},
    text::TextArena,
};
use serde::Deserialize;
use std::{collections::BTreeMap, fmt};

/// Fields of a layout, and codes of events, at the most.
const FIELDS_MAX: usize = 128;
/// A record alone fills a UDP datagram.
const RECORD_BYTES_MAX: usize = 65_507 - HEADER_BYTES;
/// Bytes of text that a byte of a record may make, on the average of a record.
const TEXT_PER_BYTE: usize = 12;
const _: () = assert!(TEXT_PER_BYTE <= TextArena::EXPANSION_MAX, "batches have room for it");
/// Key length, kind and value length of an extra pair.
const EXTRA_HEAD_BYTES: usize = 4;
/// Bytes of a number in `extra` at the most.
const NUMBER_BYTES: usize = 8;

/// What is wrong with a declaration: one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutError(String);

impl LayoutError {
    pub(super) fn new(file_name: &str, what: &str) -> Self {
        Self(format!("{file_name}: {what}"))
    }
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LayoutError {}

/// A declaration as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Declaration {
    format: String,
    #[serde(default)]
    family: Family,
    version: u8,
    types: Vec<u8>,
    record_bytes: usize,
    #[serde(default)]
    inferred: bool,
    event: Option<String>,
    fields: Vec<Field>,
    #[serde(default)]
    events: BTreeMap<String, Event>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Family {
    #[default]
    Session,
    PortBlock,
    Im,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Field {
    name: Option<String>,
    extra: Option<String>,
    offset: usize,
    bytes: usize,
    unit: Option<Unit>,
    kind: Option<ExtraKind>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    event: String,
    #[serde(default)]
    reason: String,
}

/// All keys of a declaration.
const KEYS: &[&str] = &[
    "format",
    "family",
    "version",
    "types",
    "record_bytes",
    "inferred",
    "event",
    "fields",
    "events",
    "name",
    "extra",
    "offset",
    "bytes",
    "unit",
    "kind",
    "reason",
];

/// Reads and compiles a declaration.
pub(super) fn read(text: &str, file_name: &str) -> Result<(Vec<Key>, Layout), LayoutError> {
    let compiled = parse(text).and_then(|declaration| {
        let format = declaration.format()?;
        let keys = declaration.keys()?;
        declaration.check_places()?;
        declaration.check_columns()?;
        let plan = match declaration.family {
            Family::Session => FamilyPlan::Session(declaration.plan()?),
            Family::PortBlock => FamilyPlan::PortBlock(declaration.plan()?),
            Family::Im => FamilyPlan::Im(declaration.plan()?),
        };
        let flags = if declaration.inferred { Flags::READING_INFERRED } else { Flags::NONE };
        Ok((keys, Layout { file_name: file_name.to_owned(), format, flags, plan }))
    });
    compiled.map_err(|what| LayoutError::new(file_name, &what))
}

fn parse(text: &str) -> Result<Declaration, String> {
    toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        let line = 1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count();
        let message = error.message().lines().next().unwrap_or("").to_owned();
        match message.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`')) {
            Some((key, _)) => {
                format!("line {line}: unknown key '{key}'{}", meant_of(key, KEYS))
            }
            None => format!("line {line}: {message}"),
        }
    })
}

impl Declaration {
    /// The format: a new name, or that of a shipped binary format.
    fn format(&self) -> Result<Format, String> {
        let name = self.format.as_str();
        let word = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        if name.is_empty() || !name.bytes().all(word) {
            return Err(format!("format '{name}': use small letters, digits, '-' and '_'"));
        }
        match Format::ALL.iter().find(|format| format.name() == name) {
            Some(format @ (Format::H3cUserlog | Format::HuaweiElog)) => Ok(*format),
            Some(_) => Err(format!("format '{name}' is that of other logs: choose another name")),
            None => crate::names::kept(name)
                .map(Format::Declared)
                .ok_or_else(|| format!("format '{name}': there are too many names of formats")),
        }
    }

    fn keys(&self) -> Result<Vec<Key>, String> {
        let Self { version, types, record_bytes, .. } = self;
        if *version == 0 {
            return Err("version 0 is not possible: NetFlow begins with that byte".into());
        }
        if !(RECORD_BYTES_MIN..=RECORD_BYTES_MAX).contains(record_bytes) {
            return Err(format!(
                "record_bytes is {record_bytes}: it must be from {RECORD_BYTES_MIN} to \
                 {RECORD_BYTES_MAX}"
            ));
        }
        if types.is_empty() {
            return Err("types is empty: name at least one".into());
        }
        let key = |kind: &u8| Key { version: *version, kind: *kind, record_bytes: *record_bytes };
        Ok(types.iter().map(key).collect())
    }

    /// Checks that each field has bytes of its own inside the record.
    fn check_places(&self) -> Result<(), String> {
        for (what, count) in [("fields", self.fields.len()), ("events", self.events.len())] {
            if count > FIELDS_MAX {
                return Err(format!("{count} {what} are too many: {FIELDS_MAX} at the most"));
            }
        }
        let mut fields: Vec<_> = self.fields.iter().collect();
        fields.sort_by_key(|field| field.offset);
        let mut before: Option<(&str, usize)> = None;
        for field in fields {
            let name = field.label()?;
            let end = field.offset.saturating_add(field.bytes);
            if field.bytes == 0 || end > self.record_bytes {
                return Err(format!(
                    "field '{name}' has bytes {} to {end} of records of {}: it must have some, \
                     and inside",
                    field.offset, self.record_bytes
                ));
            }
            if let Some((other, _)) = before.filter(|(_, end)| field.offset < *end) {
                return Err(format!("fields '{other}' and '{name}' overlap"));
            }
            before = Some((name, end));
        }
        Ok(())
    }

    fn plan<R: Row>(&self) -> Result<Plan<R>, String> {
        let event = self.event.as_deref().map(event::<R>).transpose()?;
        let operators = self.operators::<R>()?;
        let has_code = self.fields.iter().any(|field| field.is("event"));
        if has_code == operators.is_empty() {
            return Err("the field 'event' and the table [events] need each other".into());
        }
        let mut steps = Vec::with_capacity(self.fields.len());
        for field in &self.fields {
            let action = field.action::<R>()?;
            steps.push(Step { offset: field.offset, bytes: field.bytes, action });
        }
        let ip_version = self.ip_version(&steps)?;
        steps.retain(|step| !matches!(step.action, Action::Set(Set::IpVersion, _)));
        // A pair can only be added to `extra` as long as no other text has come after it.
        steps.sort_by_key(|step| matches!(step.action, Action::Extra(..)));
        let plan = Plan { event, operators, ip_version, steps };
        let (text, limit) = (text_bytes(&plan), TEXT_PER_BYTE * self.record_bytes);
        if text > limit {
            return Err(format!(
                "a record could make {text} bytes of text: {limit} at the most, so use shorter \
                 names"
            ));
        }
        Ok(plan)
    }

    /// Checks that each column is filled once.
    fn check_columns(&self) -> Result<(), String> {
        for (index, field) in self.fields.iter().enumerate() {
            let label = field.label()?;
            let mut before = self.fields.iter().take(index);
            if field.name.is_some() && before.any(|other| other.is(label)) {
                return Err(format!("field '{label}' stands there twice"));
            }
        }
        let outer = self.fields.iter().any(|field| field.is("tunnel_addr"));
        if outer && self.fields.iter().any(|field| field.is("src_addr") && field.bytes != 4) {
            return Err("with a tunnel_addr, src_addr is the inner address, of 4 bytes".into());
        }
        Ok(())
    }

    fn operators<R: Row>(&self) -> Result<Vec<Operator<R::Event>>, String> {
        let mut operators = Vec::with_capacity(self.events.len());
        for (key, declared) in &self.events {
            let code =
                code(key).ok_or_else(|| format!("[events]: '{key}' is no number (12 or 0x0C)"))?;
            if operators.iter().any(|operator: &Operator<R::Event>| operator.code == code) {
                return Err(format!("[events]: {code} stands there twice"));
            }
            if !declared.reason.is_empty() && R::CLOSE_REASON.is_none() {
                return Err(format!("[events]: a {} has no reason", R::FAMILY));
            }
            let reason = declared.reason.clone();
            operators.push(Operator { code, event: event::<R>(&declared.event)?, reason });
        }
        Ok(operators)
    }

    fn ip_version<R: Row>(&self, steps: &[Step<R>]) -> Result<Option<IpVersion>, String> {
        let Some(field) = self.fields.iter().find(|field| field.is("ip_version")) else {
            return Ok(None);
        };
        let addresses =
            steps.iter().filter(|step| matches!(step.action, Action::Set(Set::Address(_), _)));
        let mut expected = addresses.map(|step| if step.bytes == 4 { 4 } else { 6 });
        match expected.next() {
            Some(first) if expected.all(|other| other == first) => {
                Ok(Some(IpVersion { offset: field.offset, expected: first }))
            }
            _ => {
                Err("'ip_version' needs addresses, all of one length: without, use an extra".into())
            }
        }
    }
}

impl Field {
    fn is(&self, name: &str) -> bool {
        self.name.as_deref() == Some(name)
    }

    fn label(&self) -> Result<&str, String> {
        match (&self.name, &self.extra) {
            (Some(name), None) | (None, Some(name)) if !name.is_empty() => Ok(name),
            _ => Err(format!(
                "the field at offset {} needs a name (of a column) or an extra (of your own)",
                self.offset
            )),
        }
    }

    fn action<R: Row>(&self) -> Result<Action<R>, String> {
        let label = self.label()?;
        if self.extra.is_some() {
            return self.extra_action(label);
        }
        let Some((_, set)) = R::FIELDS.iter().find(|(known, _)| *known == label) else {
            let names: Vec<_> = R::FIELDS.iter().map(|(name, _)| *name).collect();
            return Err(format!(
                "unknown field '{label}'{} (what has no column is an extra)",
                meant(label, &names)
            ));
        };
        let timed = matches!(set, Set::Time(_) | Set::Duration(_));
        if self.kind.is_some() || (self.unit.is_some() && !timed) {
            return Err(format!("field '{label}' has neither unit nor kind"));
        }
        let (fits, wanted) = match set {
            Set::Number(most, _) => (self.bytes <= *most as usize, format!("1 to {most}")),
            Set::Address(_) => (matches!(self.bytes, 4 | 16), "4 or 16".into()),
            Set::Address6(_) => (self.bytes == 16, "16".into()),
            Set::Time(_) => (matches!(self.bytes, 4..=8), "4 to 8".into()),
            Set::Duration(_) | Set::Operator => (self.bytes <= 8, "1 to 8".into()),
            Set::IpVersion => (self.bytes == 1, "1".into()),
            Set::Text(_) | Set::Account(_) => (true, String::new()),
        };
        if !fits {
            return Err(format!("field '{label}' has {} bytes: it must have {wanted}", self.bytes));
        }
        Ok(Action::Set(set, self.unit.unwrap_or_default()))
    }

    fn extra_action<R: Row>(&self, key: &str) -> Result<Action<R>, String> {
        if self.unit.is_some() {
            return Err(format!("field '{key}': an extra has a kind and no unit"));
        }
        if key.len() > extra::KEY_MAX {
            return Err(format!("field '{key}': the name has more than {} bytes", extra::KEY_MAX));
        }
        let short = if self.bytes <= NUMBER_BYTES { ExtraKind::Number } else { ExtraKind::Bytes };
        let kind = self.kind.unwrap_or(short);
        let (fits, wanted) = match kind {
            ExtraKind::Number => (self.bytes <= NUMBER_BYTES, "1 to 8"),
            ExtraKind::Address => (matches!(self.bytes, 4 | 16), "4 or 16"),
            ExtraKind::Mac => (self.bytes == 6, "6"),
            ExtraKind::Text | ExtraKind::Bytes => (true, ""),
        };
        if !fits {
            return Err(format!("field '{key}' has {} bytes: it must have {wanted}", self.bytes));
        }
        Ok(Action::Extra(key.to_owned(), kind))
    }
}

/// An event of the family, by its name.
fn event<R: Row>(name: &str) -> Result<R::Event, String> {
    let known = R::EVENTS.iter().find(|(known, _)| *known == name).map(|(_, event)| *event);
    known.ok_or_else(|| {
        let names: Vec<_> = R::EVENTS.iter().map(|(name, _)| *name).collect();
        format!("unknown event '{name}'{}", meant_of(name, &names))
    })
}

/// A code: `12` or `0x0C`.
fn code(key: &str) -> Option<u64> {
    match key.strip_prefix("0x").or_else(|| key.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => key.parse().ok(),
    }
}

/// The most text that a record can make, for the room that batches have for it.
fn text_bytes<R: Row>(plan: &Plan<R>) -> usize {
    let field = |step: &Step<R>| match &step.action {
        Action::Set(Set::Text(_), _) => step.bytes,
        Action::Set(Set::Account(_), _) => step.bytes.max(ACCOUNT_HASH_BYTES),
        Action::Set(..) => 0,
        Action::Extra(key, _) => EXTRA_HEAD_BYTES + key.len() + step.bytes,
    };
    let reason = plan.operators.iter().map(|operator| operator.reason.len()).max();
    let operator = EXTRA_HEAD_BYTES + OPERATOR_KEY.len() + NUMBER_BYTES;
    let fields: usize = plan.steps.iter().map(field).sum();
    fields + reason.map_or(0, |reason| reason.max(operator))
}
