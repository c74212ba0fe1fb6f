//! Huawei USG session logs as syslog: the headers, and the *Default* content (document 003,
//! "Fields in a Session Log in Syslog Format"). The `mtn` content is in [`crate::mtn`].
//!
//! ```text
//! <190>2016-01-08 10:21:48 USG6000E %%01SECLOG/6/SESSION_BUILT(l):IPVer=4,Protocol=udp,….
//! ```
//! The keys after `DestinationVpnID` are not in the document; their names and order are those of
//! lines that users have published.

use crate::record::{EventKind, Record, protocol_name};
use crate::writer::Writer;

/// The document's header formats: what stands in front of the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Header {
    /// `default timestamp local`: date and time in the device's zone, host, tag.
    DefaultLocal {
        /// East of UTC. The line itself does not say it.
        offset_seconds: i32,
    },
    /// `default timestamp utc`: date and time in UTC, host, tag.
    DefaultUtc,
    /// `default timestamp none`: host, tag.
    DefaultNone,
    /// `host-name`: host, `%%:`. *Default* content repeats the tag.
    HostName,
    /// `none`: `%%:`. *Default* content repeats the tag.
    None,
}

impl Header {
    /// One of each, with the document's zone (UTC+8) for the local one.
    pub const ALL: [Self; 5] = [
        Self::DefaultLocal { offset_seconds: 8 * 3_600 },
        Self::DefaultUtc,
        Self::DefaultNone,
        Self::HostName,
        Self::None,
    ];

    /// Seconds east of UTC of the printed time; `None` when no time is printed.
    pub fn utc_offset_seconds(self) -> Option<i32> {
        match self {
            Self::DefaultLocal { offset_seconds } => Some(offset_seconds),
            Self::DefaultUtc => Some(0),
            Self::DefaultNone | Self::HostName | Self::None => None,
        }
    }

    /// Whether the header names the host.
    pub fn has_host(self) -> bool {
        self != Self::None
    }
}

/// Irregular spaces that the document prints in some lines and not in others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quirks {
    /// `<190> 2016-…`.
    pub space_after_pri: bool,
    /// `mtn`: `session,192.0.2.1:1` without the usual space.
    pub tight_session: bool,
    /// *Default*: `SourcePort=1, DestinationPort=1`.
    pub space_after_source_port: bool,
}

/// What surrounds the content of a line.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// Which header.
    pub header: Header,
    /// Host name, when the header has one.
    pub host: &'a [u8],
    /// Date and time as printed, see [`crate::timestamp`], when the header has them.
    pub timestamp: &'a [u8; 19],
    /// Irregular spaces.
    pub quirks: Quirks,
}

/// Which content follows: it decides where the tag goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Default,
    Mtn,
}

/// Writes a line with *Default* content; returns its length. `out` needs three bytes more than
/// the line takes.
///
/// # Panics
/// If `out` is too short.
pub fn write_default(out: &mut [u8], envelope: &Envelope<'_>, record: &Record<'_>) -> usize {
    let mut writer = Writer::new(out);
    write_envelope(&mut writer, envelope, record.event, Content::Default);
    write_addresses(&mut writer, envelope.quirks, record);
    writer.bytes(b",BeginTime=");
    writer.decimal(record.start.into());
    if record.event == EventKind::End {
        write_end(&mut writer, record);
    }
    writer.bytes(b",SourceVpnID=");
    writer.decimal(record.src_vrf.into());
    writer.bytes(b",DestinationVpnID=");
    writer.decimal(record.dst_vrf.into());
    write_details(&mut writer, record);
    writer.bytes(b".");
    writer.len()
}

/// PRI, header and tag, up to where the content begins.
pub(crate) fn write_envelope(
    writer: &mut Writer<'_>,
    envelope: &Envelope<'_>,
    event: EventKind,
    content: Content,
) {
    // 190 = local7.info, in every line of the document.
    writer.bytes(b"<190>");
    if envelope.quirks.space_after_pri {
        writer.bytes(b" ");
    }
    match envelope.header {
        Header::DefaultLocal { .. } | Header::DefaultUtc => {
            writer.bytes(envelope.timestamp);
            writer.bytes(b" ");
            writer.bytes(envelope.host);
            writer.bytes(b" ");
        }
        Header::DefaultNone => {
            writer.bytes(envelope.host);
            writer.bytes(b" ");
        }
        Header::HostName => {
            writer.bytes(envelope.host);
            writer.bytes(b" %%: ");
        }
        Header::None => writer.bytes(b"%%: "),
    }
    let tag_in_header = !matches!(envelope.header, Header::HostName | Header::None);
    if tag_in_header || content == Content::Default {
        writer.bytes(match event {
            EventKind::Create => b"%%01SECLOG/6/SESSION_BUILT(l):".as_slice(),
            EventKind::End | EventKind::Flow => b"%%01SECLOG/6/SESSION_TEARDOWN(l):",
        });
    }
    if tag_in_header && content == Content::Mtn {
        writer.bytes(b" ");
    }
}

fn write_addresses(writer: &mut Writer<'_>, quirks: Quirks, record: &Record<'_>) {
    let is_v6 = record.src_v6 != 0;
    writer.bytes(if is_v6 { b"IPVer=6,Protocol=" } else { b"IPVer=4,Protocol=" });
    writer.bytes(protocol_name(record.protocol));
    writer.bytes(b",SourceIP=");
    writer.address(record.src_v4, record.src_v6);
    writer.bytes(b",DestinationIP=");
    writer.address(record.dst_v4, record.dst_v6);
    writer.bytes(b",SourcePort=");
    writer.decimal(record.src_port.into());
    writer.bytes(if quirks.space_after_source_port {
        b", DestinationPort=".as_slice()
    } else {
        b",DestinationPort="
    });
    writer.decimal(record.dst_port.into());
    if record.nat_src_v4 != 0 {
        writer.bytes(b",SourceNatIP=");
        writer.ipv4(record.nat_src_v4);
        writer.bytes(b",SourceNatPort=");
        writer.decimal(record.nat_src_port.into());
    }
    if record.nat_dst_v4 != 0 {
        writer.bytes(b",DestinationNatIP=");
        writer.ipv4(record.nat_dst_v4);
        writer.bytes(b",DestinationNatPort=");
        writer.decimal(record.nat_dst_port.into());
    }
}

fn write_end(writer: &mut Writer<'_>, record: &Record<'_>) {
    writer.bytes(b",EndTime=");
    writer.decimal(record.end.into());
    writer.bytes(b",SendPkts=");
    writer.decimal(record.sent_packets);
    writer.bytes(b",SendBytes=");
    writer.decimal(record.sent_bytes);
    writer.bytes(b",RcvPkts=");
    writer.decimal(record.received_packets);
    writer.bytes(b",RcvBytes=");
    writer.decimal(record.received_bytes);
}

fn write_details(writer: &mut Writer<'_>, record: &Record<'_>) {
    let details = &record.details;
    let keyed: [(&[u8], Option<&[u8]>); 6] = [
        (b",SourceZone=", details.src_zone),
        (b",DestinationZone=", details.dst_zone),
        (b",PolicyName=", details.policy),
        (b",UserName=", details.user),
        (b",CloseReason=", details.close_reason),
        (b",ApplicationName=", details.application),
    ];
    for (key, value) in keyed {
        if let Some(value) = value {
            writer.bytes(key);
            writer.bytes(value);
        }
    }
}
