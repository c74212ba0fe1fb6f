//! Filter logs of a FireBrick FB105 (technical reference WF1730, *Logging*), all six forms.
//!
//! ```text
//! Fragments    filter: Frag MAC name(num)/id@offset interface/IP-interface/IP action
//! TCP          filter: MAC TCP(6) interface/IP/port-interface/IP/port flags action
//! UDP          filter: MAC UDP(17) interface/IP/port-interface/IP/port action
//! ICMP         filter: MAC ICMP(1) interface/IP/type-name(type:code)-interface/IP/id action
//! Other        filter: MAC name(num) interface/IP-interface/IP action
//! Big sessions End filter: name(num) interface/IP/port-interface/IP/port forward/reverse
//! ```
//! A session that begins makes one of the first five, one that ends the last. The syslog header is
//! not documented: here it is `<PRI>` alone, or RFC 3164's.

use crate::cgn_cn::header_time;
use crate::config::Format;
use crate::fortinet::put_rfc3164;
use crate::message::{Message, Stamp};
use crate::random::Random;
use crate::record::{Event, EventKind, ICMP, Record, TCP};
use crate::truth::{Action, Filter, HeaderTime, Moment, Origin, Session, Truth, port, v4};
use crate::writer::{Writer, timestamp};

/// Names of filters, with all that operators write into them.
const FILTERS: [&str; 6] =
    ["Default", "Web out", "VPN-in 2", "Guest - web/mail", "Mail: out", "ping"];
/// Names of interfaces.
const INTERFACES: [&str; 5] = ["LAN", "WAN", "DMZ-2", "Guest wifi", "MyBrick"];
/// Protocols without ports.
const OTHERS: [(u8, &str); 3] = [(47, "GRE"), (50, "ESP"), (89, "OSPFIGP")];

/// How a MAC address is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MacForm {
    /// `0`: not known.
    Unknown,
    /// `020000001234`.
    Plain,
    /// `02:00:00:00:12:34`.
    Colons,
    /// `02-00-00-00-12-34`.
    Dashes,
}

/// Which packet it was that the filter matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet {
    /// The session's own.
    Own,
    /// A fragment: identification and offset.
    Fragment(u16, u16),
    /// One of a protocol without ports.
    Other(u8, &'static str),
}

/// How a message is printed, and what the filter knows that a session does not.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// RFC 3164's header, and not the priority alone.
    pub header: bool,
    /// The filter's name.
    pub filter: &'static str,
    /// What it does.
    pub action: Action,
    /// Source and target.
    pub interfaces: [&'static str; 2],
    /// Form of the MAC address.
    pub mac_form: MacForm,
    /// Which packet.
    pub packet: Packet,
    /// TCP flags, of `SARF`.
    pub flags: &'static str,
    /// `198.018.000.001`.
    pub padded: bool,
    /// `1,024`.
    pub commas: bool,
}

impl Message for Style {
    fn draw(random: &mut Random, event: &Event<'_>) -> Self {
        let actions = [Action::Drop, Action::Allow, Action::Reject, Action::Bounce];
        let macs = [MacForm::Unknown, MacForm::Plain, MacForm::Colons, MacForm::Dashes];
        let interface = |random: &mut Random| INTERFACES[random.below(5) as usize];
        let is_big = is_big_session(event.session());
        let packet = match random.below(8) {
            _ if is_big => Packet::Own,
            0 => Packet::Fragment(random.next_u64() as u16, 8 * random.below(8_191) as u16),
            1 => {
                let (number, name) = OTHERS[random.below(3) as usize];
                Packet::Other(number, name)
            }
            _ => Packet::Own,
        };
        Self {
            header: random.below(2) == 0,
            filter: FILTERS[random.below(6) as usize],
            action: actions[random.below(4) as usize],
            interfaces: [interface(random), interface(random)],
            mac_form: macs[random.below(4) as usize],
            packet,
            flags: ["S", "SA", "", "RA"][random.below(4) as usize],
            padded: random.below(4) == 0,
            commas: random.below(4) == 0,
        }
    }

    fn put(&self, out: &mut Writer<'_>, stamp: &Stamp<'_>, event: &Event<'_>) {
        let record = event.session();
        out.bytes(b"<134>");
        if self.header {
            put_rfc3164(out, &timestamp(stamp.seconds().into()), stamp.host);
        }
        if is_big_session(record) {
            return self.put_big_session(out, record);
        }
        out.bytes(self.filter.as_bytes());
        out.bytes(if matches!(self.packet, Packet::Fragment(..)) { b": Frag " } else { b": " });
        self.put_mac(out, record);
        out.bytes(b" ");
        match self.packet {
            Packet::Own if record.protocol == ICMP => self.put_icmp(out, record),
            Packet::Own => {
                self.put_protocol(out, record.protocol);
                self.put_ends(out, record, true);
                if record.protocol == TCP && !self.flags.is_empty() {
                    out.bytes(b" ");
                    out.bytes(self.flags.as_bytes());
                }
            }
            Packet::Fragment(id, offset) => {
                self.put_protocol(out, record.protocol);
                out.bytes(b"/");
                out.decimal(id.into());
                out.bytes(b"@");
                out.decimal(offset.into());
                self.put_ends(out, record, false);
            }
            Packet::Other(number, _) => {
                self.put_protocol(out, number);
                self.put_ends(out, record, false);
            }
        }
        out.bytes(b" ");
        out.bytes(action_name(self.action));
    }

    fn truth(&self, origin: Origin, moment: Moment, stamp: &Stamp<'_>, event: &Event<'_>) -> Truth {
        let record = event.session();
        let header = self.header.then(|| header_time(stamp));
        let host = self.header.then_some(stamp.host);
        if is_big_session(record) {
            return Truth::Session(self.big_session(origin, moment, host, header, record));
        }
        let is_own = self.packet == Packet::Own;
        let has_ports = is_own && record.protocol != ICMP;
        let is_icmp = is_own && record.protocol == ICMP;
        let flags = if is_own && record.protocol == TCP { self.flags } else { "" };
        let protocol = match self.packet {
            Packet::Other(number, _) => number,
            _ => record.protocol,
        };
        Truth::Filter(Filter {
            source: origin.source(Format::Firebrick, moment, host, header),
            filter: self.filter.to_owned(),
            action: self.action,
            protocol,
            protocol_name: self.protocol_name(protocol).to_owned(),
            mac: (self.mac_form != MacForm::Unknown).then(|| mac(record)),
            src_interface: self.interfaces[0].to_owned(),
            src_addr: v4(record.src_v4).expect("a session has a source"),
            src_port: port(record.src_port).filter(|_| has_ports),
            dst_interface: self.interfaces[1].to_owned(),
            dst_addr: v4(record.dst_v4).expect("a session has a destination"),
            dst_port: port(record.dst_port).filter(|_| has_ports),
            tcp_flags: (!flags.is_empty()).then(|| flags.to_owned()),
            icmp: is_icmp.then(|| {
                let [kind, code] = record.dst_port.to_be_bytes();
                (kind, code, "ECHO".to_owned())
            }),
            icmp_id: is_icmp.then_some(record.src_port),
            fragment: match self.packet {
                Packet::Fragment(id, offset) => Some((id, offset.into())),
                _ => None,
            },
        })
    }
}

/// What makes a line of the sixth form. It is documented with ports alone.
fn is_big_session(record: &Record<'_>) -> bool {
    record.event != EventKind::Create && record.protocol != ICMP
}

/// A MAC address of the source, locally administered.
fn mac(record: &Record<'_>) -> [u8; 6] {
    let [a, b, c, d] = record.src_v4.to_be_bytes();
    [2, 0xfb, a, b, c, d]
}

fn action_name(action: Action) -> &'static [u8] {
    match action {
        Action::Drop => b"Drop",
        Action::Allow => b"Allow",
        Action::Reject => b"Reject",
        Action::Bounce => b"Bounce",
    }
}

impl Style {
    /// Bytes in each direction are modulo 2³².
    fn big_session(
        &self,
        origin: Origin,
        moment: Moment,
        host: Option<&[u8]>,
        header: Option<HeaderTime>,
        record: &Record<'_>,
    ) -> Session {
        let wrapped = |counter: u64| Some(counter & u64::from(u32::MAX));
        Session {
            nat_src_addr: None,
            nat_src_port: None,
            nat_dst_addr: None,
            nat_dst_port: None,
            policy: Some(self.filter.to_owned()),
            sent_bytes: wrapped(record.sent_bytes),
            received_bytes: wrapped(record.received_bytes),
            host: host.map(|host| String::from_utf8_lossy(host).into_owned()),
            header,
            extra: vec![
                ("src_interface", self.interfaces[0].to_owned()),
                ("dst_interface", self.interfaces[1].to_owned()),
            ],
            ..Session::bare(Format::Firebrick, origin, moment, record)
        }
    }

    fn put_big_session(&self, out: &mut Writer<'_>, record: &Record<'_>) {
        out.bytes(b"End ");
        out.bytes(self.filter.as_bytes());
        out.bytes(b": ");
        self.put_protocol(out, record.protocol);
        self.put_ends(out, record, true);
        out.bytes(b" ");
        out.decimal(record.sent_bytes & u64::from(u32::MAX));
        out.bytes(b"/");
        out.decimal(record.received_bytes & u64::from(u32::MAX));
    }

    fn protocol_name(&self, protocol: u8) -> &'static str {
        match (self.packet, protocol) {
            (Packet::Other(_, name), _) => name,
            (_, TCP) => "TCP",
            (_, ICMP) => "ICMP",
            _ => "UDP",
        }
    }

    fn put_protocol(&self, out: &mut Writer<'_>, protocol: u8) {
        out.bytes(self.protocol_name(protocol).as_bytes());
        out.bytes(b"(");
        out.decimal(protocol.into());
        out.bytes(b")");
    }

    fn put_mac(&self, out: &mut Writer<'_>, record: &Record<'_>) {
        let separator: &[u8] = match self.mac_form {
            MacForm::Unknown => return out.bytes(b"0"),
            MacForm::Plain => b"",
            MacForm::Colons => b":",
            MacForm::Dashes => b"-",
        };
        for (index, byte) in mac(record).into_iter().enumerate() {
            out.bytes(if index == 0 { b"" } else { separator });
            out.hex(byte.into(), 2);
        }
    }

    fn put_ends(&self, out: &mut Writer<'_>, record: &Record<'_>, ports: bool) {
        out.bytes(b" ");
        self.put_end(out, self.interfaces[0], record.src_v4, record.src_port, ports);
        out.bytes(b"-");
        self.put_end(out, self.interfaces[1], record.dst_v4, record.dst_port, ports);
    }

    /// The source side has the type, the target side the identifier.
    fn put_icmp(&self, out: &mut Writer<'_>, record: &Record<'_>) {
        let [kind, code] = record.dst_port.to_be_bytes();
        self.put_protocol(out, record.protocol);
        out.bytes(b" ");
        self.put_end(out, self.interfaces[0], record.src_v4, 0, false);
        out.bytes(b"/ECHO(");
        out.decimal(kind.into());
        out.bytes(b":");
        out.decimal(code.into());
        out.bytes(b")-");
        self.put_end(out, self.interfaces[1], record.dst_v4, 0, false);
        out.bytes(b"/");
        out.decimal(record.src_port.into());
    }

    fn put_end(
        &self,
        out: &mut Writer<'_>,
        interface: &str,
        address: u32,
        port: u16,
        has_port: bool,
    ) {
        out.bytes(interface.as_bytes());
        out.bytes(b"/");
        if self.padded {
            for (index, octet) in address.to_be_bytes().into_iter().enumerate() {
                out.bytes(if index == 0 { b"" } else { b"." });
                out.padded(octet.into(), 3);
            }
        } else {
            out.ipv4(address);
        }
        if has_port {
            out.bytes(b"/");
            self.put_port(out, port);
        }
    }

    fn put_port(&self, out: &mut Writer<'_>, port: u16) {
        if self.commas && port >= 1_000 {
            out.decimal((port / 1_000).into());
            out.bytes(b",");
            out.padded((port % 1_000).into(), 3);
        } else {
            out.decimal(port.into());
        }
    }
}
