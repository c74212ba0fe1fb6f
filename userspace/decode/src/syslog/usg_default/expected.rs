//! Session logs just as devices write them, read in one pass.
//!
//! Firewalls send the keys of a session log in one order, so a decoder can say what stands behind
//! the next comma before it looks. All commas of a message are found first, by comparing 64 bytes
//! at a time; behind each stands the expected key, or the message is left to the decoder that takes
//! keys as they come. What is read here, that one would read the same: a key that is known, that
//! was not there before and that comes behind all that were, ends a value in any place.
//!
//! ```text
//! "<" PRI ">" [SP] [YYYY-MM-DD SP hh:mm:ss SP] [host SP] ["%%: "] tag
//! IPVer=4,Protocol=…,SourceIP=…,DestinationIP=…,SourcePort=…,DestinationPort=…,
//! [SourceNatIP=…,SourceNatPort=…,][DestinationNatIP=…,DestinationNatPort=…,]
//! BeginTime=…,{EndTime=…,SendPkts=…,SendBytes=…,RcvPkts=…,RcvBytes=…,}   SESSION_TEARDOWN only
//! SourceVpnID=…,DestinationVpnID=…[,SourceZone=…][,DestinationZone=…][,PolicyName=…]
//! [,UserName=…][,CloseReason=…][,ApplicationName=…]["."]
//! ```

use super::event_time;
use crate::{
    batch::Batch,
    context::{Context, Format},
    session::{Column, ColumnSet, Event, SessionTable},
    simd::{
        Level,
        text::{ByteSet, Places, Span, numbers, v4s},
    },
    syslog::{
        Message,
        header::{skip_priority, skip_spaces},
        scan, split,
        time::{self, HeaderTime},
        zone::Zones,
    },
    text::Text,
};

/// What ends a value, and what may end a message.
const MARKS: ByteSet = ByteSet::of(b",<\n\0");

/// Decodes a text that is one session log as expected into one record; `None`, and nothing done,
/// where anything is not.
pub fn decode(message: &Message<'_>, zones: &mut Zones, batch: &mut Batch) -> Option<()> {
    let level = message.settings.simd;
    let text = split::trim(message.text);
    let mut places = Places::default();
    let marks = places.find(level, text, &MARKS)?;
    let commas = if text.starts_with(b"<") { marks.get(1..)? } else { marks };
    let header = Header::read(text.get(..usize::from(*commas.first()?))?)?;
    let end = text.len() - usize::from(text.ends_with(b"."));
    let mut values = Values { text, commas, end: u16::try_from(end).ok()? };
    let content = Content::read(&mut values, header.event)?;
    let cells = Cells::read(level, text, &content)?;
    let names = content.all_names().of(text)?;
    if batch.session.room() == 0 {
        return None;
    }
    let copy = batch.text.push_parts(&[header.host, names])?;
    let host_len = u32::try_from(header.host.len()).ok()?;
    let (host, names) = (copy.part(0..host_len), copy.part(host_len..u32::MAX));
    let times = [Some(cells.start_s), content.columns.has(Column::EndS).then_some(cells.end_s)];
    let (event_time, flags) = event_time(header.time, header.event, times, message, zones);
    let context = message.datagram.context(Format::HuaweiUsgSyslog);
    let context = Context { host, event_time, flags, ..context };
    let row = batch.session.rows();
    cells.write(&mut batch.session, row);
    content.write_names(names, &mut batch.session, row);
    put(&mut batch.session.event, row, header.event as u8);
    put(&mut batch.session.protocol, row, content.protocol);
    batch.session.commit(1, content.columns, &context).then_some(())
}

/// What stands in front of the content.
struct Header<'a> {
    time: Option<HeaderTime>,
    host: &'a [u8],
    event: Event,
}

impl<'a> Header<'a> {
    /// Reads a header with its tag and the key in front of the first comma.
    fn read(head: &'a [u8]) -> Option<Self> {
        const BUILT: &[u8; 37] = b"%%01SECLOG/6/SESSION_BUILT(l):IPVer=4";
        const TEARDOWN: &[u8; 40] = b"%%01SECLOG/6/SESSION_TEARDOWN(l):IPVer=4";
        let (origin, event) = match head.split_last_chunk() {
            Some((origin, TEARDOWN)) => (origin, Event::End),
            _ => match head.split_last_chunk()? {
                (origin, BUILT) => (origin, Event::Create),
                _ => return None,
            },
        };
        let origin = origin.strip_suffix(b"%%: ").unwrap_or(origin);
        let origin = skip_spaces(skip_priority(origin).ok()?);
        let (time, host) = match time::read_plain(origin) {
            Some((time, host)) => (Some(time), host),
            None => (None, origin),
        };
        if host.is_empty() {
            return Some(Self { time, host, event });
        }
        let host = host.strip_suffix(b" ")?;
        // A flag of summer time would be the time's.
        let is_plain = host.iter().all(|byte| is_plain(*byte)) && !host.starts_with(b"DST");
        is_plain.then_some(Self { time, host, event })
    }
}

/// Whether a host name may have a character without being taken for anything else.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

/// The values of a content, one behind the other.
struct Values<'a> {
    text: &'a [u8],
    /// The commas that were not yet come to.
    commas: &'a [u16],
    /// Where the last value ends.
    end: u16,
}

impl Values<'_> {
    /// The value of the key behind the next comma, if that is the key.
    #[inline(always)]
    fn next<const N: usize>(&mut self, key: &[u8; N]) -> Option<Span> {
        let (comma, behind) = self.commas.split_first()?;
        if self.text.get(usize::from(*comma)..)?.first_chunk() != Some(key) {
            return None;
        }
        self.commas = behind;
        let end = behind.first().copied().unwrap_or(self.end);
        Some(Span { start: comma + N as u16, end })
    }
}

/// The columns that a message fills, and where the values of them stand in it. What it leaves out
/// stands where another value of the kind does, so that as many are read in any case.
struct Content {
    columns: ColumnSet,
    protocol: u8,
    /// Source, destination, and both after translation.
    addresses: [Span; 4],
    /// Ports in the order of the addresses, VRFs, begin and end.
    numbers: [Span; 8],
    /// Packets and bytes sent, packets and bytes received.
    counters: [Span; 4],
    names: [Span; 6],
}

const ALWAYS: ColumnSet = ColumnSet::of(&[
    Column::Event,
    Column::Protocol,
    Column::SrcV4,
    Column::DstV4,
    Column::SrcPort,
    Column::DstPort,
    Column::StartS,
    Column::SrcVrf,
    Column::DstVrf,
]);
const TRANSLATED_SOURCE: ColumnSet = ColumnSet::of(&[Column::NatSrcV4, Column::NatSrcPort]);
const TRANSLATED_DESTINATION: ColumnSet = ColumnSet::of(&[Column::NatDstV4, Column::NatDstPort]);
const ENDED: ColumnSet = ColumnSet::of(&[
    Column::EndS,
    Column::SentPackets,
    Column::SentBytes,
    Column::ReceivedPackets,
    Column::ReceivedBytes,
]);

impl Content {
    #[inline(always)]
    fn read(values: &mut Values<'_>, event: Event) -> Option<Self> {
        let mut columns = ALWAYS;
        let protocol = scan::protocol(values.next(b",Protocol=")?.of(values.text)?)?;
        let (src, dst) = (values.next(b",SourceIP=")?, values.next(b",DestinationIP=")?);
        let src_port = values.next(b",SourcePort=")?;
        let dst_port = values.next(b",DestinationPort=")?;
        let (mut nat_src, mut nat_src_port) = (src, src_port);
        if let Some(address) = values.next(b",SourceNatIP=") {
            (nat_src, nat_src_port) = (address, values.next(b",SourceNatPort=")?);
            columns = columns.union(TRANSLATED_SOURCE);
        }
        let (mut nat_dst, mut nat_dst_port) = (dst, dst_port);
        if let Some(address) = values.next(b",DestinationNatIP=") {
            (nat_dst, nat_dst_port) = (address, values.next(b",DestinationNatPort=")?);
            columns = columns.union(TRANSLATED_DESTINATION);
        }
        let begin = values.next(b",BeginTime=")?;
        let (mut end, mut counters) = (begin, [begin; 4]);
        if event == Event::End {
            end = values.next(b",EndTime=")?;
            counters = [
                values.next(b",SendPkts=")?,
                values.next(b",SendBytes=")?,
                values.next(b",RcvPkts=")?,
                values.next(b",RcvBytes=")?,
            ];
            columns = columns.union(ENDED);
        }
        let src_vrf = values.next(b",SourceVpnID=")?;
        let dst_vrf = values.next(b",DestinationVpnID=")?;
        let mut name = |value: Option<Span>, column| {
            if value.is_some() {
                columns = columns.with(column);
            }
            value.unwrap_or_default()
        };
        let names = [
            name(values.next(b",SourceZone="), Column::SrcZone),
            name(values.next(b",DestinationZone="), Column::DstZone),
            name(values.next(b",PolicyName="), Column::Policy),
            name(values.next(b",UserName="), Column::User),
            name(values.next(b",CloseReason="), Column::CloseReason),
            name(values.next(b",ApplicationName="), Column::Application),
        ];
        let numbers =
            [src_port, dst_port, nat_src_port, nat_dst_port, src_vrf, dst_vrf, begin, end];
        let addresses = [src, dst, nat_src, nat_dst];
        let content = Self { columns, protocol, addresses, numbers, counters, names };
        // Else a comma of a name, or a key that comes out of its order.
        values.commas.is_empty().then_some(content)
    }

    /// From the first name to the last one.
    fn all_names(&self) -> Span {
        let mut present = self.names.iter().filter(|name| name.end != 0);
        let first = present.next().copied().unwrap_or_default();
        Span { start: first.start, end: present.next_back().unwrap_or(&first).end }
    }

    /// Writes the names' texts, of which `copy` is a copy from the first one to the last one.
    #[inline(always)]
    fn write_names(&self, copy: Text, table: &mut SessionTable, row: usize) {
        let start = self.all_names().start;
        let offset = |at: u16| u32::from(at.saturating_sub(start));
        let [src_zone, dst_zone, policy, user, close_reason, application] =
            self.names.map(|name| copy.part(offset(name.start)..offset(name.end)));
        put(&mut table.src_zone, row, src_zone);
        put(&mut table.dst_zone, row, dst_zone);
        put(&mut table.policy, row, policy);
        put(&mut table.user, row, user);
        put(&mut table.close_reason, row, close_reason);
        put(&mut table.application, row, application);
    }
}

/// The values of a row that are numbers.
struct Cells {
    addresses: [u32; 4],
    ports: [u16; 4],
    vrfs: [u32; 2],
    start_s: u32,
    end_s: u32,
    counters: [u64; 4],
}

impl Cells {
    #[inline(always)]
    fn read(level: Level, text: &[u8], content: &Content) -> Option<Self> {
        let addresses = v4s(level, text, &content.addresses)?;
        let [src_port, dst_port, nat_src_port, nat_dst_port, src_vrf, dst_vrf, begin, end] =
            numbers(level, text, &content.numbers)?;
        let counters = match content.columns.has(Column::EndS) {
            true => numbers(level, text, &content.counters)?,
            false => [0; 4],
        };
        let port = |number| u16::try_from(number).ok();
        let number = |number| u32::try_from(number).ok();
        Some(Self {
            addresses,
            ports: [port(src_port)?, port(dst_port)?, port(nat_src_port)?, port(nat_dst_port)?],
            vrfs: [number(src_vrf)?, number(dst_vrf)?],
            start_s: number(begin)?,
            end_s: number(end)?,
            counters,
        })
    }

    /// Writes the values, also those of columns that the row does not have: what stands there is
    /// not read.
    #[inline(always)]
    fn write(&self, table: &mut SessionTable, row: usize) {
        let [src, dst, nat_src, nat_dst] = self.addresses;
        put(&mut table.src_v4, row, src);
        put(&mut table.dst_v4, row, dst);
        put(&mut table.nat_src_v4, row, nat_src);
        put(&mut table.nat_dst_v4, row, nat_dst);
        let [src, dst, nat_src, nat_dst] = self.ports;
        put(&mut table.src_port, row, src);
        put(&mut table.dst_port, row, dst);
        put(&mut table.nat_src_port, row, nat_src);
        put(&mut table.nat_dst_port, row, nat_dst);
        let [src, dst] = self.vrfs;
        put(&mut table.src_vrf, row, src);
        put(&mut table.dst_vrf, row, dst);
        put(&mut table.start_s, row, self.start_s);
        put(&mut table.end_s, row, self.end_s);
        let [sent_packets, sent_bytes, received_packets, received_bytes] = self.counters;
        put(&mut table.sent_packets, row, sent_packets);
        put(&mut table.sent_bytes, row, sent_bytes);
        put(&mut table.received_packets, row, received_packets);
        put(&mut table.received_bytes, row, received_bytes);
    }
}

fn put<T>(cells: &mut [T], row: usize, value: T) {
    if let Some(cell) = cells.get_mut(row) {
        *cell = value;
    }
}

#[cfg(test)]
mod tests;
