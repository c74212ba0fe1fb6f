//! A declared format as it runs: its kinds of messages, and how one line becomes one record.

use super::{
    draft::{Draft, Happened, Line, number},
    field::{Family, Field, Form, Target, What},
    pairs::Pairs,
    pattern::{Captures, Pattern},
    time::Parts,
};
use crate::{
    batch::Batch,
    context::Format,
    extra::{Encoded, KEY_MAX, Value},
    port_block::PortBlockEvent,
    reason::Reason,
    syslog::{Message, header, rfc, scan, time::HeaderTime, zone::Zones},
    text::Text,
};

/// What stands in front of a format's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// That of [`rfc`].
    Rfc,
    /// That of [`header`], in all its variants.
    Vrp,
    /// At the most a priority.
    None,
}

/// A format.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) name: &'static str,
    pub(super) header: Header,
    pub(super) absent: Vec<Box<[u8]>>,
    pub(super) messages: Vec<Kind>,
}

/// A kind of message.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    /// Its marks, by their places among the marks of all formats; all of them must occur.
    pub(super) marks: Vec<usize>,
    pub(super) family: Family,
    pub(super) events: Events,
    pub(super) patterns: Vec<Pattern>,
    pub(super) pairs: Option<Pairs>,
    pub(super) inferred: bool,
}

/// How a kind tells what happened.
#[derive(Clone, Debug)]
pub(super) enum Events {
    /// Always this.
    Always(Happened),
    /// By the word in the place of `event`.
    Words(Vec<Word>),
}

/// A word for an event.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub(super) text: Box<[u8]>,
    /// Whether it is the begin of the word only.
    pub(super) is_begin: bool,
    pub(super) happened: Happened,
}

/// A line without its header.
#[derive(Clone, Copy, Debug)]
struct Body<'a> {
    time: Option<HeaderTime>,
    host: &'a [u8],
    text: &'a [u8],
}

/// Where a value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goes {
    Nowhere,
    ToColumn,
    ToExtra,
    ToBoth,
}

/// The columns that have a value already. The first one counts: what comes behind may stand in a
/// value that the user of a session chose.
#[derive(Default)]
struct Seen(u128);

impl Seen {
    fn is_first(&mut self, what: What) -> bool {
        let index = match what {
            What::Field(field) => field as u32,
            What::Time(when, form) => {
                let forms = Form::ALL.len() as u32;
                Field::ALL.len() as u32 + when as u32 * forms + form as u32
            }
            What::Drop | What::Extra | What::Pairs => return true,
        };
        let bit = 1 << index;
        let first = self.0 & bit == 0;
        self.0 |= bit;
        first
    }
}

const _: () = assert!(Field::ALL.len() + 4 * Form::ALL.len() <= u128::BITS as usize);

impl Plan {
    /// Decodes a message whose kinds of marks are told by `has_marks`; `None` where it has those of
    /// no kind.
    pub(super) fn decode(
        &self,
        has_marks: impl Fn(&[usize]) -> bool,
        message: &Message<'_>,
        zones: &mut Zones,
        batch: &mut Batch,
    ) -> Option<Result<(), Reason>> {
        let mut kinds = self.messages.iter().filter(|kind| has_marks(&kind.marks)).peekable();
        kinds.peek()?;
        let body = match self.header.read(message) {
            Ok(body) => body,
            Err(reason) => return Some(Err(reason)),
        };
        let mut failed = Reason::DeclaredPattern;
        for kind in kinds {
            match self.decode_kind(kind, &body, message, zones, batch) {
                Ok(()) => return Some(Ok(())),
                // That a value is wrong says more than that another kind's text is another one.
                Err(Reason::DeclaredValue) => failed = Reason::DeclaredValue,
                Err(_) => {}
            }
        }
        Some(Err(failed))
    }

    fn decode_kind(
        &self,
        kind: &Kind,
        body: &Body<'_>,
        message: &Message<'_>,
        zones: &mut Zones,
        batch: &mut Batch,
    ) -> Result<(), Reason> {
        let mut failed = Reason::DeclaredPattern;
        for pattern in &kind.patterns {
            let Some(captures) = pattern.captures(body.text) else { continue };
            let reader = Reader { plan: self, kind, pattern, captures: &captures };
            match reader.read(message.datagram.received_at) {
                Ok((draft, has_extra)) => {
                    let extra = if has_extra { reader.extra(batch) } else { Text::EMPTY };
                    let line = Line {
                        message,
                        format: Format::Declared(self.name),
                        header_time: body.time,
                        host: body.host,
                        inferred: kind.inferred,
                        extra,
                    };
                    draft.push(kind.family, &line, zones, batch);
                    return Ok(());
                }
                Err(reason) => failed = reason,
            }
        }
        Err(failed)
    }

    fn is_absent(&self, value: &[u8]) -> bool {
        value.is_empty() || self.absent.iter().any(|absent| absent.as_ref() == value)
    }
}

impl Header {
    fn read<'a>(self, message: &Message<'a>) -> Result<Body<'a>, Reason> {
        let text = message.text;
        Ok(match self {
            Header::Rfc => {
                let header = rfc::read(text, message.datagram.received_at)?;
                Body { time: header.time, host: header.host, text: header.body }
            }
            Header::Vrp => {
                let header = header::read(text, message.datagram.received_at)?;
                Body { time: header.time, host: header.host, text: header.content }
            }
            Header::None => {
                let text = header::skip_spaces(header::skip_priority(text)?);
                Body { time: None, host: &[], text }
            }
        })
    }
}

/// One line that fits a pattern.
struct Reader<'r, 'a> {
    plan: &'r Plan,
    kind: &'r Kind,
    pattern: &'r Pattern,
    captures: &'r Captures<'a>,
}

impl<'a> Reader<'_, 'a> {
    /// Reads its values; and whether some of them have no column.
    fn read(&self, received_at: i64) -> Result<(Draft<'a>, bool), Reason> {
        let mut draft = Draft::default();
        if let Events::Always(happened) = self.kind.events {
            draft.happened = Some(happened);
        }
        let (mut has_extra, mut result, mut seen) = (false, Ok(()), Seen::default());
        self.each(&mut |what, key, value| {
            let goes = self.goes(what, value, &mut seen);
            if matches!(goes, Goes::ToExtra | Goes::ToBoth) {
                has_extra = true;
                if key.len() > KEY_MAX {
                    result = Err(Reason::DeclaredValue);
                }
            }
            if matches!(goes, Goes::ToColumn | Goes::ToBoth) && result.is_ok() {
                if what == What::Field(Field::Event) {
                    draft.happened = self.kind.happened(value).map(|(happened, _)| happened);
                    result = draft.happened.map(|_| ()).ok_or(Reason::DeclaredValue);
                    return;
                }
                result = draft.set(what, value);
            }
        });
        result?;
        let is_possible =
            !draft.has_impossible_time(received_at) && (self.kind.inferred || draft.has_address());
        if is_possible { Ok((draft, has_extra)) } else { Err(Reason::DeclaredValue) }
    }

    /// Encodes what has no column. A pass of its own, so that it stands together in the arena.
    fn extra(&self, batch: &mut Batch) -> Text {
        let (mut extra, mut seen) = (Text::EMPTY, Seen::default());
        self.each(&mut |what, key, value| {
            if matches!(self.goes(what, value, &mut seen), Goes::ToExtra | Goes::ToBoth) {
                let encoded = Encoded::new(key, Value::Text(value));
                extra = batch.text.append(extra, &encoded.parts()).unwrap_or(extra);
            }
        });
        extra
    }

    /// Gives each value to `take`, with what it is for and its key in `extra`.
    fn each(&self, take: &mut impl FnMut(What, &[u8], &'a [u8])) {
        for (target, value) in self.pattern.targets().zip(self.captures.values) {
            match (target.what, &self.kind.pairs) {
                (What::Pairs, Some(pairs)) => {
                    for (key, value) in pairs.iter(value) {
                        match pairs.target(key) {
                            Some(Target { what: What::Extra, key }) => {
                                take(What::Extra, key, value);
                            }
                            Some(target) => take(target.what, key, value),
                            None if key.is_empty() => take(What::Extra, b"text", value),
                            None => take(What::Extra, key, value),
                        }
                    }
                }
                _ => take(target.what, &target.key, value.trim_ascii()),
            }
        }
        take(What::Extra, b"rest", self.captures.rest.trim_ascii());
    }

    fn goes(&self, what: What, value: &[u8], seen: &mut Seen) -> Goes {
        let value = value.trim_ascii();
        if self.plan.is_absent(value) || what == What::Drop {
            return Goes::Nowhere;
        }
        if what == What::Extra || !seen.is_first(what) {
            return Goes::ToExtra;
        }
        let is_column = match what {
            What::Field(Field::Protocol) => scan::protocol(value).is_some(),
            What::Field(Field::SrcVrf | Field::DstVrf) => number::<u32>(value).is_some(),
            What::Field(Field::TunnelAddr) => scan::address(value).is_some_and(|a| a.is_ipv6()),
            What::Time(_, Form::Zone) => Parts::default().add(Form::Zone, value).is_some(),
            What::Field(Field::Event) => {
                let says_more = self.kind.happened(value).is_some_and(|(_, says_more)| says_more);
                return if says_more { Goes::ToBoth } else { Goes::ToColumn };
            }
            _ => true,
        };
        if is_column { Goes::ToColumn } else { Goes::ToExtra }
    }
}

impl Kind {
    /// What a word means, and whether it says more than that.
    fn happened(&self, value: &[u8]) -> Option<(Happened, bool)> {
        let Events::Words(words) = &self.events else { return None };
        let value = value.trim_ascii();
        let known = words.iter().find(|word| {
            if word.is_begin { value.starts_with(&word.text) } else { *value == *word.text }
        })?;
        Some((known.happened, known.is_begin))
    }
}

/// What a family's events are called in declarations.
pub(super) const SESSION_EVENTS: &[(&str, Happened)] = &[
    ("create", Happened::Session(crate::session::Event::Create)),
    ("end", Happened::Session(crate::session::Event::End)),
    ("update", Happened::Session(crate::session::Event::Update)),
    ("deny", Happened::Session(crate::session::Event::Deny)),
    ("flow", Happened::Session(crate::session::Event::Flow)),
    ("unknown", Happened::Unknown),
    ("by_end_time", Happened::ByEndTime),
];

/// See [`SESSION_EVENTS`].
pub(super) const PORT_BLOCK_EVENTS: &[(&str, Happened)] = &[
    ("allocate", Happened::PortBlock(PortBlockEvent::Allocate)),
    ("release", Happened::PortBlock(PortBlockEvent::Release)),
    ("keepalive", Happened::PortBlock(PortBlockEvent::Keepalive)),
    ("unknown", Happened::Unknown),
];
