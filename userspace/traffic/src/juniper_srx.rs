//! Juniper SRX structured syslog (RFC 5424): sessions (`RT_FLOW`) and port blocks (`RT_NAT`, PBA),
//! as the vendor's TechPost prints them.
//!
//! ```text
//! <14>1 2026-01-01T00:00:00.123Z SRX-000 RT_NAT - RT_SRC_NAT_PBA_ALLOC [junos@2636.1.1.1.2.26
//! internal-ip="…" block-used="1" block-max-per-host="4" block-port-low="32768" block-port-high="33023"
//! reflexive-ip="…" nat-pool-name="cgn" logical-system-id="0" epoch-time-64="6955b900"]
//! <14>1 … RT_FLOW - RT_FLOW_SESSION_CLOSE [junos@2636.1.1.1.2.26 reason="TCP FIN" source-address="…" …]
//! ```

use crate::config::Format;
use crate::message::{Message, Stamp};
use crate::names::decoded;
use crate::random::Random;
use crate::record::{Block, BlockEvent, Event, EventKind, Record};
use crate::truth::{HeaderTime, Moment, Origin, PortBlock, Session, Truth};
use crate::userlog::Translated;
use crate::writer::{Writer, timestamp};

/// The device's name of every session's service.
const SERVICE: &str = "junos-https";

/// What a message says beside the event.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// The device's number of the session.
    pub session_id: u32,
}

impl Message for Style {
    fn draw(random: &mut Random, _: &Event<'_>) -> Self {
        Self { session_id: 1 + random.below(1 << 28) }
    }

    fn put(&self, out: &mut Writer<'_>, stamp: &Stamp<'_>, event: &Event<'_>) {
        let time = timestamp(stamp.seconds().into());
        out.bytes(b"<14>1 ");
        out.bytes(&time[..10]);
        out.bytes(b"T");
        out.bytes(&time[11..]);
        out.bytes(b".");
        out.padded(stamp.unix_ms % 1_000, 3);
        out.bytes(b"Z ");
        out.bytes(stamp.host);
        match event {
            Event::Session(record) => self.put_session(out, record),
            Event::Block(block) => put_block(out, stamp, block),
        }
        out.bytes(b"]");
    }

    fn truth(&self, origin: Origin, moment: Moment, stamp: &Stamp<'_>, event: &Event<'_>) -> Truth {
        let header = Some(HeaderTime { unix_ms: stamp.unix_ms, has_zone: true });
        match event {
            Event::Session(record) => {
                let session = self.session(origin, moment, record);
                let session = Translated::of(record).truth(session);
                Truth::Session(Session { host: Some(decoded(stamp.host)), header, ..session })
            }
            Event::Block(block) => {
                let source = origin.source(Format::JuniperSrx, moment, Some(stamp.host), header);
                Truth::PortBlock(PortBlock {
                    event_ms: Some(u64::from(stamp.seconds()) * 1_000),
                    extra: vec![
                        ("block-used", blocks_used(block).to_owned()),
                        ("block-max-per-host", "4".to_owned()),
                        ("nat-pool-name", "cgn".to_owned()),
                        ("logical-system-id", "0".to_owned()),
                    ],
                    ..PortBlock::bare(source, block)
                })
            }
        }
    }
}

impl Style {
    fn session(&self, origin: Origin, moment: Moment, record: &Record<'_>) -> Session {
        let ended = record.event != EventKind::Create;
        let details = &record.details;
        Session {
            duration_ms: ended.then(|| u64::from(record.end - record.start) * 1_000),
            sent_packets: ended.then_some(record.sent_packets),
            sent_bytes: ended.then_some(record.sent_bytes),
            received_packets: ended.then_some(record.received_packets),
            received_bytes: ended.then_some(record.received_bytes),
            policy: details.policy.map(decoded),
            src_zone: details.src_zone.map(decoded),
            dst_zone: details.dst_zone.map(decoded),
            user: details.user.map(decoded),
            application: details.application.map(decoded),
            close_reason: details.close_reason.map(decoded),
            extra: vec![
                ("service-name", SERVICE.to_owned()),
                ("session-id", self.session_id.to_string()),
            ],
            ..Session::bare(Format::JuniperSrx, origin, moment, record)
        }
    }

    fn put_session(&self, out: &mut Writer<'_>, record: &Record<'_>) {
        let ended = record.event != EventKind::Create;
        let nat = Translated::of(record);
        let details = &record.details;
        out.bytes(b" RT_FLOW - RT_FLOW_SESSION_");
        out.bytes(if ended { b"CLOSE" } else { b"CREATE" });
        out.bytes(b" [junos@2636.1.1.1.2.26");
        if ended {
            put_text(out, b"reason", details.close_reason);
        }
        put_end(out, [b"source-address", b"source-port"], record.src_v4, record.src_port);
        put_end(out, [b"destination-address", b"destination-port"], record.dst_v4, record.dst_port);
        put_text(out, b"service-name", Some(SERVICE.as_bytes()));
        put_end(out, [b"nat-source-address", b"nat-source-port"], nat.src, nat.src_port);
        let keys: [&[u8]; 2] = [b"nat-destination-address", b"nat-destination-port"];
        put_end(out, keys, nat.dst, nat.dst_port);
        put_number(out, b"protocol-id", record.protocol.into());
        put_text(out, b"policy-name", details.policy);
        put_text(out, b"source-zone-name", details.src_zone);
        put_text(out, b"destination-zone-name", details.dst_zone);
        put_number(out, b"session-id", self.session_id.into());
        if ended {
            put_number(out, b"packets-from-client", record.sent_packets);
            put_number(out, b"bytes-from-client", record.sent_bytes);
            put_number(out, b"packets-from-server", record.received_packets);
            put_number(out, b"bytes-from-server", record.received_bytes);
            put_number(out, b"elapsed-time", (record.end - record.start).into());
        }
        put_text(out, b"application", details.application.or(Some(b"UNKNOWN")));
        put_text(out, b"username", details.user.or(Some(b"N/A")));
    }
}

fn blocks_used(block: &Block) -> &'static str {
    if block.event == BlockEvent::Release { "0" } else { "1" }
}

fn put_block(out: &mut Writer<'_>, stamp: &Stamp<'_>, block: &Block) {
    out.bytes(b" RT_NAT - RT_SRC_NAT_PBA_");
    out.bytes(match block.event {
        BlockEvent::Allocate => b"ALLOC",
        BlockEvent::Release => b"RELEASE",
        BlockEvent::Keepalive => b"INTERIM",
    });
    out.bytes(b" [junos@2636.1.1.1.2.26");
    put_address(out, b"internal-ip", block.private_v4);
    put_text(out, b"block-used", Some(blocks_used(block).as_bytes()));
    put_number(out, b"block-max-per-host", 4);
    put_number(out, b"block-port-low", block.port_first.into());
    put_number(out, b"block-port-high", block.port_last.into());
    put_address(out, b"reflexive-ip", block.public_v4);
    put_text(out, b"nat-pool-name", Some(b"cgn"));
    put_number(out, b"logical-system-id", 0);
    out.bytes(b" epoch-time-64=\"");
    out.hex(stamp.seconds().into(), 8);
    out.bytes(b"\"");
}

fn put_text(out: &mut Writer<'_>, key: &[u8], text: Option<&[u8]>) {
    if let Some(text) = text {
        out.bytes(b" ");
        out.bytes(key);
        out.bytes(b"=\"");
        out.bytes(text);
        out.bytes(b"\"");
    }
}

fn put_number(out: &mut Writer<'_>, key: &[u8], number: u64) {
    out.bytes(b" ");
    out.bytes(key);
    out.bytes(b"=\"");
    out.decimal(number);
    out.bytes(b"\"");
}

fn put_address(out: &mut Writer<'_>, key: &[u8], address: u32) {
    out.bytes(b" ");
    out.bytes(key);
    out.bytes(b"=\"");
    out.ipv4(address);
    out.bytes(b"\"");
}

fn put_end(out: &mut Writer<'_>, keys: [&[u8]; 2], address: u32, port: u16) {
    put_address(out, keys[0], address);
    put_number(out, keys[1], port.into());
}
