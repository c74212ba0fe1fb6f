//! CGNAT syslog, China Telecom's bracket form, with the deviations of Huawei's, H3C's, DPtech's and
//! Hillstone's boxes.
//!
//! ```text
//! <134> 1 2026 Jan 01 00:00:00 CGN-000 cgn - NAT444:SessionbasedA [6 198.18.0.1 - 203.0.113.1 1024 2048 -]
//! <142> 1 CGN-000 2026-01-01 00:00:00 cgn - NAT444:UserbasedW[- 198.18.0.1 - 203.0.113.1 - 32768 33023].
//!
//! [ protocol  IPv4  IPv6  public  port  first port  last port  (destination  port) ]
//! ```
//! A session has its public port in the place of the first one and `-` for the last. The header's
//! time names no zone; here it is UTC.

use crate::config::Format;
use crate::message::{Message, Stamp};
use crate::random::Random;
use crate::record::{BlockEvent, Event, EventKind, Record};
use crate::truth::{HeaderTime, Moment, Origin, PortBlock, Session, Truth, v4, v6};
use crate::writer::{Writer, month_name, timestamp};

/// The program that the header names.
pub(crate) const APP: &str = "cgn";

/// How the header prints its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeForm {
    /// `2026 Jan 01 00:00:00`.
    YearMonth,
    /// `2026 January 01 00:00:00`.
    YearLongMonth,
    /// `2026-01-01 00:00:00`.
    Iso,
    /// `Jan 1 00:00:00`: without a year.
    NoYear,
}

/// What a header can be like.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// The form of the time.
    pub time: TimeForm,
    /// Whether the host stands in front of the time.
    pub host_first: bool,
    /// `<134> 1` and not `<134>1`.
    pub space_after_pri: bool,
}

impl Header {
    pub(crate) fn draw(random: &mut Random) -> Self {
        let forms = [TimeForm::YearMonth, TimeForm::YearLongMonth, TimeForm::Iso, TimeForm::NoYear];
        Self {
            time: forms[random.below(4) as usize],
            host_first: random.below(4) == 0,
            space_after_pri: random.below(2) == 0,
        }
    }

    pub(crate) fn put(self, out: &mut Writer<'_>, stamp: &Stamp<'_>) {
        out.bytes(if self.host_first { b"<142>" } else { b"<134>" });
        out.bytes(if self.space_after_pri { b" 1 " } else { b"1 " });
        if self.host_first {
            out.bytes(stamp.host);
            out.bytes(b" ");
        }
        self.put_time(out, &timestamp(stamp.seconds().into()));
        if !self.host_first {
            out.bytes(b" ");
            out.bytes(stamp.host);
        }
        out.bytes(b" ");
        out.bytes(APP.as_bytes());
        out.bytes(b" - ");
    }

    fn put_time(self, out: &mut Writer<'_>, text: &[u8; 19]) {
        let (year, month, day, clock) = (&text[..4], &text[5..7], &text[8..10], &text[11..]);
        let name = month_name(month).as_bytes();
        match self.time {
            TimeForm::Iso => out.bytes(text),
            TimeForm::YearMonth => put_words(out, &[year, &name[..3], day, clock]),
            TimeForm::YearLongMonth => put_words(out, &[year, name, day, clock]),
            TimeForm::NoYear => {
                let day = day.strip_prefix(b"0").unwrap_or(day);
                put_words(out, &[&name[..3], day, clock]);
            }
        }
    }
}

fn put_words(out: &mut Writer<'_>, words: &[&[u8]]) {
    for (index, word) in words.iter().enumerate() {
        out.bytes(if index == 0 { b"" } else { b" " });
        out.bytes(word);
    }
}

/// How a value that there is not is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// `-`.
    Dash,
    /// `–` (U+2013).
    EnDash,
    /// As nothing, between two spaces, and `[ ` and ` ]` round it all; the protocol as `-`.
    Nothing,
}

/// How a message is printed.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// In front.
    pub header: Header,
    /// Values that there are not.
    pub missing: Missing,
    /// `NAT444:UserbasedA [` and not `NAT444:UserbasedA[`.
    pub space_before_bracket: bool,
    /// `SessionA` and not `SessionbasedA`; `userbasedA` and not `UserbasedA`.
    pub short_event: bool,
    /// A full stop behind the bracket.
    pub stop: bool,
    /// Sessions: destination address and port in two further places.
    pub destination: bool,
}

impl Message for Style {
    fn draw(random: &mut Random, event: &Event<'_>) -> Self {
        let missing = [Missing::Dash, Missing::Dash, Missing::EnDash, Missing::Nothing];
        let is_ipv4 = matches!(event, Event::Session(record) if record.src_v6 == 0);
        Self {
            header: Header::draw(random),
            missing: missing[random.below(4) as usize],
            space_before_bracket: random.below(2) == 0,
            short_event: random.below(4) == 0,
            stop: random.below(4) == 0,
            destination: is_ipv4 && random.below(4) == 0,
        }
    }

    fn put(&self, out: &mut Writer<'_>, stamp: &Stamp<'_>, event: &Event<'_>) {
        self.header.put(out, stamp);
        out.bytes(scene(event));
        out.bytes(b":");
        out.bytes(self.event_name(event));
        out.bytes(if self.space_before_bracket { b" [" } else { b"[" });
        let spaced = self.missing == Missing::Nothing;
        out.bytes(if spaced { b" " } else { b"" });
        self.put_values(out, event);
        out.bytes(if spaced { b" ]" } else { b"]" });
        out.bytes(if self.stop { b"." } else { b"" });
    }

    fn truth(&self, origin: Origin, moment: Moment, stamp: &Stamp<'_>, event: &Event<'_>) -> Truth {
        let header = Some(header_time(stamp));
        let scene = String::from_utf8_lossy(scene(event)).into_owned();
        match event {
            Event::Session(record) => Truth::Session(Session {
                host: Some(String::from_utf8_lossy(stamp.host).into_owned()),
                header,
                extra: vec![("app", APP.to_owned()), ("scene", scene)],
                ..mapping(Format::CgnCn, origin, moment, record, self.destination)
            }),
            Event::Block(block) => {
                let source = origin.source(Format::CgnCn, moment, Some(stamp.host), header);
                let bare = PortBlock::bare(source, block);
                let extra = vec![("app", APP.to_owned())];
                Truth::PortBlock(PortBlock { scene: Some(scene), extra, ..bare })
            }
        }
    }
}

/// The header's time, which names no zone.
pub(crate) fn header_time(stamp: &Stamp<'_>) -> HeaderTime {
    HeaderTime { unix_ms: stamp.unix_ms / 1_000 * 1_000, has_zone: false }
}

/// What carriers' dialects say of a session: its inside, public and, at times, remote ends.
pub(crate) fn mapping(
    format: Format,
    origin: Origin,
    moment: Moment,
    record: &Record<'_>,
    destination: bool,
) -> Session {
    let bare = Session::bare(format, origin, moment, record);
    Session {
        src_addr: v6(record.src_v6).or(v4(record.src_v4)),
        dst_addr: bare.dst_addr.filter(|_| destination),
        dst_port: bare.dst_port.filter(|_| destination),
        nat_dst_addr: None,
        nat_dst_port: None,
        tunnel_addr: None,
        ..bare
    }
}

/// The kind of translation.
fn scene(event: &Event<'_>) -> &'static [u8] {
    let (inner_v4, v6) = match event {
        Event::Session(record) => (record.src_v4, record.src_v6),
        Event::Block(block) => (1, block.private_v6),
    };
    match (inner_v4, v6) {
        (_, 0) => b"NAT444",
        (0, _) => b"NAT64",
        _ => b"DSLITE",
    }
}

impl Style {
    fn event_name(&self, event: &Event<'_>) -> &'static [u8] {
        match (event, self.short_event) {
            (Event::Session(record), false) if record.event == EventKind::Create => {
                b"SessionbasedA"
            }
            (Event::Session(_), false) => b"SessionbasedW",
            (Event::Session(record), true) if record.event == EventKind::Create => b"SessionA",
            (Event::Session(_), true) => b"SessionW",
            (Event::Block(block), false) if block.event == BlockEvent::Release => b"UserbasedW",
            (Event::Block(_), false) => b"UserbasedA",
            (Event::Block(block), true) if block.event == BlockEvent::Release => b"userbasedW",
            (Event::Block(_), true) => b"userbasedA",
        }
    }

    fn put_missing(&self, out: &mut Writer<'_>) {
        out.bytes(match self.missing {
            Missing::Dash => b"-",
            Missing::EnDash => "–".as_bytes(),
            Missing::Nothing => b"",
        });
    }

    fn put_values(&self, out: &mut Writer<'_>, event: &Event<'_>) {
        match event {
            Event::Session(record) => out.decimal(record.protocol.into()),
            Event::Block(_) if self.missing == Missing::Nothing => out.bytes(b"-"),
            Event::Block(_) => self.put_missing(out),
        }
        match event {
            Event::Session(record) => {
                self.put_private(out, record.src_v4, record.src_v6);
                out.ipv4(record.nat_src_v4);
                self.put_ports(out, &[Some(record.src_port), Some(record.nat_src_port), None]);
                if self.destination {
                    out.bytes(b" ");
                    out.ipv4(record.dst_v4);
                    self.put_ports(out, &[Some(record.dst_port)]);
                }
            }
            Event::Block(block) => {
                self.put_private(out, block.private_v4, block.private_v6);
                out.ipv4(block.public_v4);
                self.put_ports(out, &[None, Some(block.port_first), Some(block.port_last)]);
            }
        }
    }

    /// The places of the inside IPv4 and IPv6 address: one of them is empty.
    fn put_private(&self, out: &mut Writer<'_>, v4: u32, v6: u128) {
        out.bytes(b" ");
        if v6 == 0 {
            out.ipv4(v4);
            out.bytes(b" ");
            self.put_missing(out);
        } else {
            self.put_missing(out);
            out.bytes(b" ");
            out.ipv6(v6);
        }
        out.bytes(b" ");
    }

    fn put_ports(&self, out: &mut Writer<'_>, ports: &[Option<u16>]) {
        for port in ports {
            out.bytes(b" ");
            match port {
                Some(port) => out.decimal((*port).into()),
                None => self.put_missing(out),
            }
        }
    }
}
