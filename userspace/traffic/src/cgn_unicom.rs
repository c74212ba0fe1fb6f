//! CGNAT syslog, China Unicom's pipe form (Huawei's `type2`).
//!
//! ```text
//! … - NAT444:PortA time|198.18.0.1|203.0.113.1|32768|33023                 block, 5 fields
//! … - NAT444:SessionA start|inside|public|port|remote|port|protocol|URL     8 fields
//! … - NAT444:SessionW start|end|inside|public|port|remote|port|protocol     8 fields
//! … - NAT444:SessionW time|inside|port|public|port|remote|port              7 fields
//! <142> 1 <2026> <Jan> <01> <00:00:00> CGN-000 cgn - <NAT444>:<PortA> …     as Huawei prints it
//! ```
//! Times are UTC epoch seconds.

use crate::cgn_cn::{APP, Header, header_time, mapping};
use crate::config::Format;
use crate::message::{Message, Stamp};
use crate::random::Random;
use crate::record::{Block, BlockEvent, Event, EventKind, Record};
use crate::truth::{Moment, Origin, PortBlock, Session, Truth};
use crate::writer::{Writer, month_name, timestamp};

/// How a session is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Begin, no inside port, a URL (here none) at the end: 8 fields.
    WithUrl,
    /// Begin and end, no inside port: 8 fields. On creation the end is `-`, or empty.
    WithEnd {
        /// Empty and not `-`.
        empty: bool,
    },
    /// One time, the inside port, no protocol: 7 fields.
    WithPort,
}

/// How a message is printed.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// In front; not used where `angled`.
    pub header: Header,
    /// Header parts and event in angle brackets.
    pub angled: bool,
    /// A session's fields.
    pub form: Form,
}

impl Message for Style {
    fn draw(random: &mut Random, _: &Event<'_>) -> Self {
        let forms = [
            Form::WithUrl,
            Form::WithEnd { empty: false },
            Form::WithEnd { empty: true },
            Form::WithPort,
        ];
        Self {
            header: Header::draw(random),
            angled: random.below(4) == 0,
            form: forms[random.below(4) as usize],
        }
    }

    fn put(&self, out: &mut Writer<'_>, stamp: &Stamp<'_>, event: &Event<'_>) {
        if self.angled {
            put_angled_header(out, stamp);
            out.bytes(b"<NAT444>:<");
        } else {
            self.header.put(out, stamp);
            out.bytes(b"NAT444:");
        }
        out.bytes(event_name(event));
        out.bytes(if self.angled { b"> " } else { b" " });
        match event {
            Event::Session(record) => self.put_session(out, stamp, record),
            Event::Block(block) => put_block(out, stamp, block),
        }
    }

    fn truth(&self, origin: Origin, moment: Moment, stamp: &Stamp<'_>, event: &Event<'_>) -> Truth {
        let header = Some(header_time(stamp));
        match event {
            Event::Session(record) => {
                let session = mapping(Format::CgnUnicom, origin, moment, record, true);
                Truth::Session(Session {
                    host: Some(String::from_utf8_lossy(stamp.host).into_owned()),
                    header,
                    extra: vec![("app", APP.to_owned()), ("scene", "NAT444".to_owned())],
                    ..self.carried(session, stamp, record)
                })
            }
            Event::Block(block) => {
                let source = origin.source(Format::CgnUnicom, moment, Some(stamp.host), header);
                Truth::PortBlock(PortBlock {
                    event_ms: Some(u64::from(stamp.seconds()) * 1_000),
                    scene: Some("NAT444".to_owned()),
                    extra: vec![("app", APP.to_owned())],
                    ..PortBlock::bare(source, block)
                })
            }
        }
    }
}

impl Style {
    /// What the form carries of a session.
    fn carried(&self, session: Session, stamp: &Stamp<'_>, record: &Record<'_>) -> Session {
        let start = Some(record.start);
        match self.form {
            Form::WithUrl => Session { start, src_port: None, ..session },
            Form::WithEnd { .. } => {
                let end = (record.end != 0).then_some(record.end);
                Session { start, end, src_port: None, ..session }
            }
            Form::WithPort => {
                let event_ms = Some(u64::from(stamp.seconds()) * 1_000);
                Session { event_ms, protocol: None, ..session }
            }
        }
    }

    fn put_session(&self, out: &mut Writer<'_>, stamp: &Stamp<'_>, record: &Record<'_>) {
        let start = if self.form == Form::WithPort { stamp.seconds() } else { record.start };
        out.decimal(start.into());
        out.bytes(b"|");
        match self.form {
            Form::WithEnd { empty } if record.end == 0 => {
                out.bytes(if empty { b"|" } else { b"-|" });
            }
            Form::WithEnd { .. } => {
                out.decimal(record.end.into());
                out.bytes(b"|");
            }
            Form::WithUrl | Form::WithPort => {}
        }
        out.ipv4(record.src_v4);
        if self.form == Form::WithPort {
            put_number(out, record.src_port.into());
        }
        put_end(out, record.nat_src_v4, record.nat_src_port);
        put_end(out, record.dst_v4, record.dst_port);
        if self.form != Form::WithPort {
            put_number(out, record.protocol.into());
        }
        out.bytes(if self.form == Form::WithUrl { b"|" } else { b"" });
    }
}

fn event_name(event: &Event<'_>) -> &'static [u8] {
    match event {
        Event::Session(record) if record.event == EventKind::Create => b"SessionA",
        Event::Session(_) => b"SessionW",
        Event::Block(block) if block.event == BlockEvent::Release => b"PortW",
        Event::Block(_) => b"PortA",
    }
}

fn put_angled_header(out: &mut Writer<'_>, stamp: &Stamp<'_>) {
    let text = timestamp(stamp.seconds().into());
    out.bytes(b"<142> 1 <");
    out.bytes(&text[..4]);
    out.bytes(b"> <");
    out.bytes(&month_name(&text[5..7]).as_bytes()[..3]);
    out.bytes(b"> <");
    out.bytes(&text[8..10]);
    out.bytes(b"> <");
    out.bytes(&text[11..]);
    out.bytes(b"> ");
    out.bytes(stamp.host);
    out.bytes(b" ");
    out.bytes(APP.as_bytes());
    out.bytes(b" - ");
}

/// A block's time is that of the event.
fn put_block(out: &mut Writer<'_>, stamp: &Stamp<'_>, block: &Block) {
    out.decimal(stamp.seconds().into());
    out.bytes(b"|");
    out.ipv4(block.private_v4);
    out.bytes(b"|");
    out.ipv4(block.public_v4);
    put_number(out, block.port_first.into());
    put_number(out, block.port_last.into());
}

fn put_end(out: &mut Writer<'_>, address: u32, port: u16) {
    out.bytes(b"|");
    out.ipv4(address);
    put_number(out, port.into());
}

fn put_number(out: &mut Writer<'_>, number: u64) {
    out.bytes(b"|");
    out.decimal(number);
}
