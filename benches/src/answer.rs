//! What decoding came to, to be compared with the truth before anything is timed.

use logweir_decode::{
    batch::Batch,
    filter::Filter,
    port_block::{PortBlock, PortBlockEvent},
    session::{Event, SessionRow},
};
use logweir_traffic::{BlockEvent, EventKind, Truth};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a record says, as far as answers are compared. Absent numbers are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Whether a session ended or a block was released.
    pub ended: bool,
    /// IP protocol number.
    pub protocol: u8,
    /// Port of the source; the first port of a block.
    pub src_port: u16,
    /// Port of the destination; the last port of a block.
    pub dst_port: u16,
    /// Port of the source after translation.
    pub nat_src_port: u16,
    /// Packets from the source.
    pub sent_packets: u64,
    /// Bytes from the source.
    pub sent_bytes: u64,
    /// Packets towards the source.
    pub received_packets: u64,
    /// Bytes towards the source.
    pub received_bytes: u64,
    /// The source; the subscriber of a block.
    pub src: Option<IpAddr>,
    /// The destination.
    pub dst: Option<IpAddr>,
    /// The source after translation; the public address of a block.
    pub nat_src: Option<IpAddr>,
}

impl Facts {
    /// The information elements that facts are told by.
    pub const ELEMENTS: [u16; 15] = [1, 2, 4, 7, 8, 11, 12, 23, 24, 27, 28, 225, 227, 230, 281];

    /// Takes in what an information element of IANA's says; natEvent numbered as all exporters
    /// number the end of a session.
    pub fn tell_number(&mut self, element: u16, value: u64) {
        match element {
            1 => self.sent_bytes = value,
            2 => self.sent_packets = value,
            4 => self.protocol = value as u8,
            7 => self.src_port = value as u16,
            11 => self.dst_port = value as u16,
            23 => self.received_bytes = value,
            24 => self.received_packets = value,
            227 => self.nat_src_port = value as u16,
            230 => self.ended = value == 2,
            _ => {}
        }
    }

    /// The same of an address. Of a source with addresses of both families (DS-Lite) the IPv4
    /// address counts, of the other ends the IPv6 address.
    pub fn tell_address(&mut self, element: u16, value: IpAddr) {
        let fill = |place: &mut Option<IpAddr>| *place = place.or(Some(value));
        match element {
            _ if value.is_unspecified() => {}
            8 => self.src = Some(value),
            12 => fill(&mut self.dst),
            27 => fill(&mut self.src),
            28 => self.dst = Some(value),
            225 => fill(&mut self.nat_src),
            281 => self.nat_src = Some(value),
            _ => {}
        }
    }
}

/// A count of records, and sums of what they say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Number of records.
    pub records: usize,
    /// Records of sessions that ended and of blocks that were released.
    pub ended: usize,
    /// Protocols, ports and counters, weighted so that exchanged columns do not pass.
    pub numbers: u64,
    /// The bits of all addresses, turned by their column.
    pub addresses: u128,
}

impl Answer {
    /// Adds one record.
    pub fn add(&mut self, facts: &Facts) {
        let numbers = [
            u64::from(facts.protocol),
            u64::from(facts.src_port),
            u64::from(facts.dst_port),
            u64::from(facts.nat_src_port),
            facts.sent_packets,
            facts.sent_bytes,
            facts.received_packets,
            facts.received_bytes,
        ];
        self.records += 1;
        self.ended += usize::from(facts.ended);
        for (number, weight) in numbers.into_iter().zip([1, 3, 5, 7, 11, 13, 17, 19]) {
            self.numbers = self.numbers.wrapping_add(number.wrapping_mul(weight));
        }
        for (address, turn) in [facts.src, facts.dst, facts.nat_src].into_iter().zip([0, 41, 83]) {
            let bits = match address {
                Some(IpAddr::V4(address)) => u128::from(u32::from(address)),
                Some(IpAddr::V6(address)) => u128::from(address),
                None => 0,
            };
            self.addresses = self.addresses.wrapping_add(bits.rotate_left(turn));
        }
    }

    /// Adds the records of a batch.
    ///
    /// # Panics
    /// If anything was not decoded.
    pub fn add_batch(&mut self, batch: &Batch) {
        assert_eq!(batch.unparsed.rows(), 0, "all of the model's datagrams are decoded");
        batch.session.iter().for_each(|(_, row)| self.add(&of_session(&row)));
        batch.port_block.iter().for_each(|(_, row)| self.add(&of_port_block(row)));
        batch.filter.iter().for_each(|(_, row)| self.add(&of_filter(row)));
    }

    /// Adds what was sent.
    pub fn add_truth(&mut self, truth: &Truth) {
        self.add(&of_truth(truth));
    }
}

fn of_session(row: &SessionRow) -> Facts {
    let v4 = |address: Option<u32>| {
        address.filter(|address| *address != 0).map(|v4| IpAddr::from(Ipv4Addr::from(v4)))
    };
    let v6 = |address: Option<[u8; 16]>| {
        address.filter(|address| *address != [0; 16]).map(|v6| IpAddr::from(Ipv6Addr::from(v6)))
    };
    Facts {
        ended: row.event == Some(Event::End as u8),
        protocol: row.protocol.unwrap_or(0),
        src_port: row.src_port.unwrap_or(0),
        dst_port: row.dst_port.unwrap_or(0),
        nat_src_port: row.nat_src_port.unwrap_or(0),
        sent_packets: row.sent_packets.unwrap_or(0),
        sent_bytes: row.sent_bytes.unwrap_or(0),
        received_packets: row.received_packets.unwrap_or(0),
        received_bytes: row.received_bytes.unwrap_or(0),
        // Of a DS-Lite source, the inner address.
        src: v4(row.src_v4).or(v6(row.src_v6)),
        dst: v6(row.dst_v6).or(v4(row.dst_v4)),
        nat_src: v6(row.nat_src_v6).or(v4(row.nat_src_v4)),
    }
}

fn of_port_block(row: &PortBlock) -> Facts {
    Facts {
        ended: row.event == PortBlockEvent::Release,
        protocol: row.protocol.unwrap_or(0),
        src_port: row.port_first.unwrap_or(0),
        dst_port: row.port_last.unwrap_or(0),
        src: row.private_addr,
        nat_src: row.public_addr,
        ..Facts::default()
    }
}

fn of_filter(row: &Filter) -> Facts {
    Facts {
        protocol: row.protocol.unwrap_or(0),
        src_port: row.src_port.unwrap_or(0),
        dst_port: row.dst_port.unwrap_or(0),
        src: row.src_addr,
        dst: row.dst_addr,
        ..Facts::default()
    }
}

fn of_truth(truth: &Truth) -> Facts {
    match truth {
        Truth::Session(session) => Facts {
            ended: session.event == EventKind::End,
            protocol: session.protocol.unwrap_or(0),
            src_port: session.src_port.unwrap_or(0),
            dst_port: session.dst_port.unwrap_or(0),
            nat_src_port: session.nat_src_port.unwrap_or(0),
            sent_packets: session.sent_packets.unwrap_or(0),
            sent_bytes: session.sent_bytes.unwrap_or(0),
            received_packets: session.received_packets.unwrap_or(0),
            received_bytes: session.received_bytes.unwrap_or(0),
            src: session.src_addr,
            dst: session.dst_addr,
            nat_src: session.nat_src_addr,
        },
        Truth::PortBlock(block) => Facts {
            ended: block.event == BlockEvent::Release,
            protocol: block.protocol.unwrap_or(0),
            src_port: block.port_first,
            dst_port: block.port_last,
            src: Some(block.private_addr),
            nat_src: Some(block.public_addr),
            ..Facts::default()
        },
        Truth::Filter(filter) => Facts {
            protocol: filter.protocol,
            src_port: filter.src_port.unwrap_or(0),
            dst_port: filter.dst_port.unwrap_or(0),
            src: Some(filter.src_addr),
            dst: Some(filter.dst_addr),
            ..Facts::default()
        },
        Truth::Im(_) => Facts::default(),
    }
}
