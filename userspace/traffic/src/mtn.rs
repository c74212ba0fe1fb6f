//! Huawei USG session logs as syslog with `mtn` content: a sentence (document 003, "Fields in a
//! Session Log in Syslog Format").
//!
//! ```text
//! Teardown an udp session, 10.1.1.1:1 (trust) to 10.1.1.2:1 (trust), duration 10, rcv 0 bytes
//! via 0 packets, send 20 bytes via 1720 packets.
//! ```
//! The `[address:port]` of a translation is from a line of Huawei's manual; the document's own
//! sessions have none. How an IPv6 endpoint looks is not public: here it is `address:port`.

use crate::record::{EventKind, Record, TCP, protocol_name};
use crate::syslog::{Content, Envelope, write_envelope};
use crate::writer::Writer;

/// Which way round the words `bytes` and `packets` stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MtnCounters {
    /// As the document prints them: `send 20 bytes via 1720 packets` is 20 packets of 1720 bytes.
    #[default]
    Swapped,
    /// As the words say.
    Correct,
}

/// Writes a line with `mtn` content; returns its length. `out` needs three bytes more than the
/// line takes.
///
/// # Panics
/// If `out` is too short.
pub fn write_mtn(
    out: &mut [u8],
    envelope: &Envelope<'_>,
    record: &Record<'_>,
    counters: MtnCounters,
) -> usize {
    let mut writer = Writer::new(out);
    write_envelope(&mut writer, envelope, record.event, Content::Mtn);
    writer.bytes(match record.event {
        EventKind::Create => b"Built ".as_slice(),
        EventKind::End | EventKind::Flow => b"Teardown ",
    });
    // "an udp": the device chooses by the letter.
    writer.bytes(if record.protocol == TCP { b"a ".as_slice() } else { b"an " });
    writer.bytes(protocol_name(record.protocol));
    writer.bytes(b" session,");
    if !envelope.quirks.tight_session {
        writer.bytes(b" ");
    }
    write_source(&mut writer, record);
    writer.bytes(b" to ");
    write_destination(&mut writer, record);
    if record.event == EventKind::End {
        write_statistics(&mut writer, record, counters);
    }
    writer.bytes(b".");
    writer.len()
}

fn write_source(writer: &mut Writer<'_>, record: &Record<'_>) {
    writer.address(record.src_v4, record.src_v6);
    writer.bytes(b":");
    writer.decimal(record.src_port.into());
    write_translation(writer, record.nat_src_v4, record.nat_src_port);
    write_zone(writer, record.details.src_zone);
}

fn write_destination(writer: &mut Writer<'_>, record: &Record<'_>) {
    writer.address(record.dst_v4, record.dst_v6);
    writer.bytes(b":");
    writer.decimal(record.dst_port.into());
    write_translation(writer, record.nat_dst_v4, record.nat_dst_port);
    write_zone(writer, record.details.dst_zone);
}

fn write_translation(writer: &mut Writer<'_>, address: u32, port: u16) {
    if address != 0 {
        writer.bytes(b"[");
        writer.ipv4(address);
        writer.bytes(b":");
        writer.decimal(port.into());
        writer.bytes(b"]");
    }
}

fn write_zone(writer: &mut Writer<'_>, zone: Option<&[u8]>) {
    writer.bytes(b" (");
    writer.bytes(zone.unwrap_or_default());
    writer.bytes(b")");
}

fn write_statistics(writer: &mut Writer<'_>, record: &Record<'_>, counters: MtnCounters) {
    let received = (record.received_bytes, record.received_packets);
    let sent = (record.sent_bytes, record.sent_packets);
    let in_print = |(bytes, packets)| match counters {
        MtnCounters::Swapped => (packets, bytes),
        MtnCounters::Correct => (bytes, packets),
    };
    writer.bytes(b", duration ");
    writer.decimal(duration_seconds(record).into());
    writer.bytes(b", rcv ");
    write_volume(writer, in_print(received));
    writer.bytes(b", send ");
    write_volume(writer, in_print(sent));
}

fn write_volume(writer: &mut Writer<'_>, (first, second): (u64, u64)) {
    writer.decimal(first);
    writer.bytes(b" bytes via ");
    writer.decimal(second);
    writer.bytes(b" packets");
}

/// What an end event prints as its duration.
pub(crate) fn duration_seconds(record: &Record<'_>) -> u32 {
    record.end.saturating_sub(record.start)
}
