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
        text::{ByteSet, Key, Places, Span, numbers, v4s, values},
    },
    syslog::{Message, header, heads::Origin, scan, split, time::HeaderTime, zone::Zones},
    text::Text,
};

/// What ends a value, and what may end a message.
const MARKS: ByteSet = ByteSet::of(b",<\n\0");

/// Decodes a text that is one session log as expected into one record; `None`, and nothing done,
/// where anything is not.
pub fn decode(message: &Message<'_>, zones: &mut Zones, batch: &mut Batch) -> Option<()> {
    message.settings.simd.run(
        #[inline(always)]
        |level| decode_at(level, message, zones, batch),
    )
}

#[inline(always)]
fn decode_at(
    level: Level,
    message: &Message<'_>,
    zones: &mut Zones,
    batch: &mut Batch,
) -> Option<()> {
    let text = split::trim(message.text);
    let text = text.strip_suffix(b".").unwrap_or(text);
    let mut places = Places::default();
    let marks = places.find(level, text, &MARKS)?;
    let commas = if text.first() == Some(&b'<') { marks.get(1..)? } else { marks };
    let header = Header::read(text.get(..usize::from(*commas.first()?))?, message, zones)?;
    let mut values = Values { level, text, commas };
    let content = Content::read(&mut values, header.event)?;
    let cells = Cells::read(level, text, &content)?;
    let names = text.get(content.names_start as usize..)?;
    if batch.session.room() == 0 || batch.text.room() < header.host.len() + names.len() {
        return None;
    }
    let host = batch.text.intern(header.host)?;
    let names = batch.text.push(names)?;
    let times = [Some(cells.start_s), content.columns.has(Column::EndS).then_some(cells.end_s)];
    let (event_time, flags) = event_time(header.time, header.event, times, message, zones);
    let context = message.datagram.context(Format::HuaweiUsgSyslog);
    let context = Context { host, event_time, flags, ..context };
    cells.write(&mut batch.session);
    content.write_names(names, &mut batch.session);
    let codes = [header.event as u8, content.protocol];
    batch.session.put_all([Column::Event, Column::Protocol], codes);
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
    #[inline(always)]
    fn read(head: &'a [u8], message: &Message<'_>, zones: &mut Zones) -> Option<Self> {
        const BUILT: &[u8; 37] = b"%%01SECLOG/6/SESSION_BUILT(l):IPVer=4";
        const TEARDOWN: &[u8; 40] = b"%%01SECLOG/6/SESSION_TEARDOWN(l):IPVer=4";
        let (origin, event) = if head.last_chunk() == Some(TEARDOWN) {
            (head.get(..head.len() - TEARDOWN.len())?, Event::End)
        } else if head.last_chunk() == Some(BUILT) {
            (head.get(..head.len() - BUILT.len())?, Event::Create)
        } else {
            return None;
        };
        let origin = origin.strip_suffix(b"%%: ").unwrap_or(origin);
        let origin = header::read_regular(origin, message.datagram, &mut zones.heads)?;
        let Origin { time, names: [host, ..] } = origin;
        Some(Self { time, host, event })
    }
}

/// The values of a content, one behind the other.
struct Values<'a> {
    level: Level,
    text: &'a [u8],
    /// The commas that were not yet come to.
    commas: &'a [u16],
}

impl Values<'_> {
    /// The values of the keys behind the next commas, if those are the keys.
    #[inline(always)]
    fn next<const N: usize>(&mut self, keys: &[Key; N]) -> Option<[Span; N]> {
        let values = values(self.level, self.text, self.commas, keys)?;
        self.commas = self.commas.get(N..)?;
        Some(values)
    }

    /// The value of the key behind the next comma, if that is the key.
    #[inline(always)]
    fn name<const N: usize>(&mut self, key: &[u8; N]) -> Option<Span> {
        let (comma, behind) = self.commas.split_first()?;
        if self.text.get(usize::from(*comma)..)?.first_chunk() != Some(key) {
            return None;
        }
        self.commas = behind;
        let end = behind.first().copied().or(self.text.len().try_into().ok())?;
        Some(Span { start: comma + N as u16, end })
    }

    /// Whether the next key begins with a letter.
    fn begins_with(&self, letter: u8) -> bool {
        let comma = self.commas.first().map(|comma| usize::from(*comma));
        comma.and_then(|comma| self.text.get(comma + 1)) == Some(&letter)
    }
}

const BEGINNING: [Key; 5] = [
    Key::new(b",Protocol="),
    Key::new(b",SourceIP="),
    Key::new(b",DestinationIP="),
    Key::new(b",SourcePort="),
    Key::new(b",DestinationPort="),
];
const NAT_SOURCE: [Key; 2] = [Key::new(b",SourceNatIP="), Key::new(b",SourceNatPort=")];
const NAT_DESTINATION: [Key; 2] =
    [Key::new(b",DestinationNatIP="), Key::new(b",DestinationNatPort=")];
const BUILT: [Key; 3] =
    [Key::new(b",BeginTime="), Key::new(b",SourceVpnID="), Key::new(b",DestinationVpnID=")];
const TEARDOWN: [Key; 8] = [
    Key::new(b",BeginTime="),
    Key::new(b",EndTime="),
    Key::new(b",SendPkts="),
    Key::new(b",SendBytes="),
    Key::new(b",RcvPkts="),
    Key::new(b",RcvBytes="),
    Key::new(b",SourceVpnID="),
    Key::new(b",DestinationVpnID="),
];

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
    /// Where the first name's key begins.
    names_start: u32,
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
        let [protocol, src, dst, src_port, dst_port] = values.next(&BEGINNING)?;
        let protocol = scan::protocol(protocol.of(values.text)?)?;
        let [mut nat_src, mut nat_src_port] = [src, src_port];
        if values.begins_with(b'S') {
            [nat_src, nat_src_port] = values.next(&NAT_SOURCE)?;
            columns = columns.union(TRANSLATED_SOURCE);
        }
        let [mut nat_dst, mut nat_dst_port] = [dst, dst_port];
        if values.begins_with(b'D') {
            [nat_dst, nat_dst_port] = values.next(&NAT_DESTINATION)?;
            columns = columns.union(TRANSLATED_DESTINATION);
        }
        let (begin, end, src_vrf, dst_vrf, counters) = if event == Event::End {
            columns = columns.union(ENDED);
            let [begin, end, a, b, c, d, src_vrf, dst_vrf] = values.next(&TEARDOWN)?;
            (begin, end, src_vrf, dst_vrf, [a, b, c, d])
        } else {
            let [begin, src_vrf, dst_vrf] = values.next(&BUILT)?;
            (begin, begin, src_vrf, dst_vrf, [begin; 4])
        };
        let text_end = values.text.len() as u32;
        let names_start = values.commas.first().map_or(text_end, |at| u32::from(*at));
        let mut name = |value: Option<Span>, column| {
            if value.is_some() {
                columns = columns.with(column);
            }
            value.unwrap_or_default()
        };
        let names = [
            name(values.name(b",SourceZone="), Column::SrcZone),
            name(values.name(b",DestinationZone="), Column::DstZone),
            name(values.name(b",PolicyName="), Column::Policy),
            name(values.name(b",UserName="), Column::User),
            name(values.name(b",CloseReason="), Column::CloseReason),
            name(values.name(b",ApplicationName="), Column::Application),
        ];
        // Else a comma of a name, or a key that comes out of its order.
        if !values.commas.is_empty() {
            return None;
        }
        let numbers =
            [src_port, dst_port, nat_src_port, nat_dst_port, src_vrf, dst_vrf, begin, end];
        let addresses = [src, dst, nat_src, nat_dst];
        Some(Self { columns, protocol, addresses, numbers, counters, names, names_start })
    }

    /// Writes the names' texts, of which `copy` is a copy from the first one's key on.
    #[inline(always)]
    fn write_names(&self, copy: Text, table: &mut SessionTable) {
        // An absent name is an empty part of nothing, in a column that the row does not have.
        let text = |name: Span| {
            let offset = u32::from(name.start).wrapping_sub(self.names_start);
            copy.part(offset, u32::from(name.end.wrapping_sub(name.start)))
        };
        // Not by `map`, which is not inlined.
        let [a, b, c, d, e, f] = self.names;
        let texts = [text(a), text(b), text(c), text(d), text(e), text(f)];
        use Column::*;
        table.put_all([SrcZone, DstZone, Policy, User, CloseReason, Application], texts);
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
    fn write(&self, table: &mut SessionTable) {
        use Column::*;
        table.put_all([SrcV4, DstV4, NatSrcV4, NatDstV4], self.addresses);
        table.put_all([SrcPort, DstPort, NatSrcPort, NatDstPort], self.ports);
        let [src_vrf, dst_vrf] = self.vrfs;
        let words = [src_vrf, dst_vrf, self.start_s, self.end_s];
        table.put_all([SrcVrf, DstVrf, StartS, EndS], words);
        table.put_all([SentPackets, SentBytes, ReceivedPackets, ReceivedBytes], self.counters);
    }
}

#[cfg(test)]
mod tests;
