//! What decoding came to, to be compared with the truth before anything is timed.

use logweir_decode::{
    batch::Batch,
    session::{Event, SessionRow},
};
use logweir_traffic::{EventKind, Session};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A count of records, and sums of columns that every format fills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Number of records.
    pub records: usize,
    /// Records of sessions that ended.
    pub ended: usize,
    /// Protocol, ports and counters, weighted so that exchanged columns do not pass.
    pub numbers: u64,
    /// The bits of all addresses, turned by their column.
    pub addresses: u128,
}

impl Answer {
    /// Adds the records of a batch, which must all be sessions.
    ///
    /// # Panics
    /// If anything was not decoded.
    pub fn add_batch(&mut self, batch: &Batch) {
        assert_eq!(batch.unparsed.rows(), 0, "all of the model's datagrams are decoded");
        for (_, row) in batch.session.iter() {
            self.add(
                row.event == Some(Event::End as u8),
                [
                    u64::from(row.protocol.unwrap_or(0)),
                    u64::from(row.src_port.unwrap_or(0)),
                    u64::from(row.dst_port.unwrap_or(0)),
                    u64::from(row.nat_src_port.unwrap_or(0)),
                    row.sent_packets.unwrap_or(0),
                    row.sent_bytes.unwrap_or(0),
                    row.received_packets.unwrap_or(0),
                    row.received_bytes.unwrap_or(0),
                ],
                addresses(&row),
            );
        }
    }

    /// What the records that were sent come to.
    pub fn of_truth(sessions: &[Session]) -> Self {
        let mut answer = Answer::default();
        for session in sessions {
            answer.add(
                session.event == EventKind::End,
                [
                    u64::from(session.protocol.unwrap_or(0)),
                    u64::from(session.src_port.unwrap_or(0)),
                    u64::from(session.dst_port.unwrap_or(0)),
                    u64::from(session.nat_src_port.unwrap_or(0)),
                    session.sent_packets.unwrap_or(0),
                    session.sent_bytes.unwrap_or(0),
                    session.received_packets.unwrap_or(0),
                    session.received_bytes.unwrap_or(0),
                ],
                [session.src_addr, session.dst_addr, session.nat_src_addr],
            );
        }
        answer
    }

    fn add(&mut self, ended: bool, numbers: [u64; 8], addresses: [Option<IpAddr>; 3]) {
        self.records += 1;
        self.ended += usize::from(ended);
        for (number, weight) in numbers.into_iter().zip([1, 3, 5, 7, 11, 13, 17, 19]) {
            self.numbers = self.numbers.wrapping_add(number.wrapping_mul(weight));
        }
        for (address, turn) in addresses.into_iter().zip([0, 41, 83]) {
            let bits = match address {
                Some(IpAddr::V4(address)) => u128::from(u32::from(address)),
                Some(IpAddr::V6(address)) => u128::from(address),
                None => 0,
            };
            self.addresses = self.addresses.wrapping_add(bits.rotate_left(turn));
        }
    }
}

/// Source, destination and translated source: of a DS-Lite source, the inner address.
fn addresses(row: &SessionRow) -> [Option<IpAddr>; 3] {
    let v4 = |address: Option<u32>| {
        address.filter(|address| *address != 0).map(|v4| IpAddr::from(Ipv4Addr::from(v4)))
    };
    let v6 = |address: Option<[u8; 16]>| {
        address.filter(|address| *address != [0; 16]).map(|v6| IpAddr::from(Ipv6Addr::from(v6)))
    };
    [
        v4(row.src_v4).or(v6(row.src_v6)),
        v6(row.dst_v6).or(v4(row.dst_v4)),
        v6(row.nat_src_v6).or(v4(row.nat_src_v4)),
    ]
}
