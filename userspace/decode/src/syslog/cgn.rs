//! CGNAT syslog: who has which public ports, in the dialects of three Chinese and French carriers
//! that most vendors speak.
//!
//! | dialect | what it looks like | file |
//! | --- | --- | --- |
//! | China Telecom (`cn`) | `NAT444:SessionA [6 10.0.0.1 - 192.0.2.1 1 2 -]` | `bracket` |
//! | China Unicom (`unicom`, `type2`) | `NAT444:PortA 1290970347\|10.0.0.1\|192.0.2.1\|1\|2` | `pipe` |
//! | France Telecom (`type3`, `type6`) | `%%01SEC/6/BIND(l): … privateip='10.0.0.1' …` | `ft` |
//!
//! The first two come under the header that `header` reads. Sources: Huawei's NE40E and NE8000
//! references, and lines that H3C, HPE, DPtech, Hillstone and Cisco boxes print.

mod bracket;
mod ft;
mod header;
mod pipe;

use super::{Message, context, split, zone::Zones};
use crate::{
    batch::Batch,
    context::{Context, EventTime, Flags, Format},
    extra::add_text,
    port_block::PortBlockEvent,
    reason::Reason,
    session,
    simd::Level,
    text::{Text, TextArena},
};
use header::{Form, Header};

/// Decodes a message.
///
/// # Errors
/// [`Reason::SyslogUnknown`] for a message that has the marks of none of the dialects; any other
/// reason for one that has them and cannot be read.
pub fn decode(message: &Message<'_>, zones: &mut Zones, batch: &mut Batch) -> Result<(), Reason> {
    if let Some(log) = ft::find(message) {
        return ft::decode(&log, message, zones, batch);
    }
    let header = header::read(message.text, message.datagram.received_at);
    let header = header.ok_or(Reason::SyslogUnknown)?;
    match header.form {
        Form::Brackets => bracket::decode(&header, message, zones, batch),
        Form::Pipes => pipe::decode(&header, message, zones, batch),
        Form::Bare => bracket::decode_bare(&header, message, zones, batch),
    }
}

/// Decodes a text that is one message in brackets or pipes as most boxes print them; `None`, and
/// nothing added, where it is not one. No other decoder would take it, and it holds nothing that
/// ends a message.
pub fn decode_regular(message: &Message<'_>, zones: &mut Zones, batch: &mut Batch) -> Option<()> {
    message.settings.simd.run(
        #[inline(always)]
        |level| decode_regular_at(level, message, zones, batch),
    )
}

#[inline(always)]
fn decode_regular_at(
    level: Level,
    message: &Message<'_>,
    zones: &mut Zones,
    batch: &mut Batch,
) -> Option<()> {
    let text = split::trim(message.text);
    let header = header::read_regular(level, text, message.datagram, &mut zones.heads)?;
    match header.form {
        Form::Brackets => bracket::decode_regular(level, &header, message, zones, batch),
        // A URL may hold what ends a message.
        Form::Pipes if memchr::memchr3(b'\n', b'\0', b'<', header.values).is_none() => {
            pipe::decode(&header, message, zones, batch).ok()
        }
        _ => None,
    }
}

/// Whether a text without a `%` may have the mark of a dialect. Where it may not, [`decode`] does not
/// know it.
pub fn may_be_marked(text: &[u8]) -> bool {
    header::may_have_scene(text)
}

/// Whether a text begins as a log with brackets does.
pub(super) fn is_bracketed(text: &[u8]) -> bool {
    header::read(text, 0).is_some_and(|header| header.form == Form::Brackets)
}

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A block of ports, or a user's only one.
    Block,
    /// One session's mapping.
    Session,
}

/// An event's name, taken apart: `SessionbasedWD` is the end of a session's mapping.
#[derive(Clone, Copy, Debug)]
struct Event<'a> {
    name: &'a [u8],
    kind: Kind,
    /// Whether it begins (`A`, allocate) or ends (`W`, withdraw); `None` for another word.
    begins: Option<bool>,
}

impl<'a> Event<'a> {
    fn read(name: &'a [u8]) -> Self {
        let (kind, begins) = match name {
            b"UserbasedA" => (Kind::Block, true),
            b"UserbasedW" => (Kind::Block, false),
            b"SessionbasedA" | b"SessionA" => (Kind::Session, true),
            b"SessionbasedW" | b"SessionW" => (Kind::Session, false),
            _ => return Self::read_any(name),
        };
        Self { name, kind, begins: Some(begins) }
    }

    fn read_any(name: &'a [u8]) -> Self {
        const PREFIXES: [(&[u8], Kind); 4] = [
            (b"userbased", Kind::Block),
            (b"sessionbased", Kind::Session),
            (b"session", Kind::Session),
            (b"port", Kind::Block),
        ];
        let known = PREFIXES.iter().find_map(|(prefix, kind)| {
            let (head, rest) = name.split_at_checked(prefix.len())?;
            head.eq_ignore_ascii_case(prefix).then_some((*kind, rest))
        });
        let (kind, rest) = known.unwrap_or((Kind::Block, &[]));
        let begins = match rest {
            [b'A' | b'a'] | [b'A' | b'a', b'D' | b'd'] => Some(true),
            [b'W' | b'w'] | [b'W' | b'w', b'D' | b'd'] => Some(false),
            _ => None,
        };
        Self { name, kind, begins }
    }

    fn of_block(&self) -> PortBlockEvent {
        match self.begins {
            Some(true) => PortBlockEvent::Allocate,
            Some(false) => PortBlockEvent::Release,
            None if contains(self.name, b"alive") => PortBlockEvent::Keepalive,
            None => PortBlockEvent::Unknown,
        }
    }

    fn of_session(&self) -> Option<u8> {
        self.begins.map(|begins| match begins {
            true => session::Event::Create as u8,
            false => session::Event::End as u8,
        })
    }
}

/// Whether a word stands in the text, in either case. The text is short: a name or a sentence.
fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word))
}

/// What the records of one message share.
struct Line<'a> {
    header: Header<'a>,
    /// All but the time.
    context: Context,
    /// The header's time, and how sure that is.
    time: (EventTime, Flags),
}

impl<'a> Line<'a> {
    #[inline(always)]
    fn new(
        header: &Header<'a>,
        format: Format,
        message: &Message<'_>,
        zones: &Zones,
        batch: &mut Batch,
    ) -> Self {
        let context = context(format, header.host, message, batch);
        let time = match header.time {
            Some(time) => {
                let (unix_nanos, flags) = zones.resolve(time, context.exporter, message.exporter);
                (EventTime::Header(unix_nanos), flags)
            }
            None => (EventTime::Received, Flags::NONE),
        };
        Self { header: *header, context, time }
    }

    /// The context of a record, at the header's time; its reading may be an inference.
    fn context(&self, inferred: bool) -> Context {
        self.context_at(self.time, inferred)
    }

    /// The context of a record that has a time of its own.
    fn context_at(&self, (event_time, flags): (EventTime, Flags), inferred: bool) -> Context {
        let reading = if inferred { Flags::READING_INFERRED } else { Flags::NONE };
        Context { event_time, flags: flags.with(reading), ..self.context }
    }

    /// The kind of translation, for the family that has a column for it.
    fn scene(&self, arena: &mut TextArena) -> Text {
        arena.intern(self.header.scene).unwrap_or_default()
    }

    /// Begins a record's `extra` with what its header and the name of its event have for it.
    #[inline(always)]
    fn extra(&self, event: &Event<'_>, arena: &mut TextArena) -> Text {
        let mut extra = Text::EMPTY;
        add_text(&mut extra, b"app", self.header.app, arena);
        add_text(&mut extra, b"procid", self.header.proc_id, arena);
        if event.begins.is_none() {
            add_text(&mut extra, b"event", event.name, arena);
        }
        extra
    }
}
