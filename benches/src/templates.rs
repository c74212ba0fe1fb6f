//! Templates that no vendor has: elements of sessions in a random order, at random lengths where
//! an element has a choice.

use crate::{
    answer::Facts,
    workload::{Sender, Workload},
};
use logweir_traffic::random::Random;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Bytes of a payload, at most: with IPv4 and UDP an Ethernet frame's 1500.
const PAYLOAD_BYTES_MAX: usize = 1472;
/// A template is in every so many datagrams.
const TEMPLATE_EVERY: usize = 1024;
const TEMPLATE_ID: u16 = 777;
/// 2026-01-01T00:00:00Z.
const NOW: u32 = 1_767_225_600;

/// What is in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Any number.
    Number,
    /// An IP protocol.
    Protocol,
    /// natEvent: 1 or 2.
    Event,
    /// Seconds, or milliseconds where there are 8 bytes.
    Time,
    /// An address.
    Address,
    /// Bytes that say nothing.
    Padding,
}

/// Elements that sessions have (IANA's registry), and the lengths that exporters give them.
const ELEMENTS: [(u16, Kind, &[u16]); 23] = [
    (1, Kind::Number, &[4, 8]),
    (2, Kind::Number, &[3, 4, 8]),
    (4, Kind::Protocol, &[1]),
    (7, Kind::Number, &[2]),
    (8, Kind::Address, &[4]),
    (11, Kind::Number, &[2]),
    (12, Kind::Address, &[4]),
    (23, Kind::Number, &[4, 8]),
    (24, Kind::Number, &[2, 4, 8]),
    (27, Kind::Address, &[16]),
    (28, Kind::Address, &[16]),
    (61, Kind::Number, &[1]),
    (152, Kind::Time, &[8]),
    (153, Kind::Time, &[8]),
    (210, Kind::Padding, &[1, 2, 3]),
    (225, Kind::Address, &[4]),
    (226, Kind::Address, &[4]),
    (227, Kind::Number, &[2]),
    (228, Kind::Number, &[2]),
    (229, Kind::Number, &[1]),
    (230, Kind::Event, &[1]),
    (234, Kind::Number, &[4]),
    (322, Kind::Time, &[4]),
];

/// A template of fixed length.
#[derive(Clone, Debug)]
pub struct Template {
    is_ipfix: bool,
    fields: Vec<(u16, Kind, u16)>,
}

impl Template {
    /// Three quarters of the elements, or thereabouts, in a random order.
    fn draw(random: &mut Random, is_ipfix: bool) -> Self {
        let mut fields = Vec::new();
        for (element, kind, lens) in ELEMENTS {
            let len = lens[random.below(lens.len() as u32) as usize];
            let at = random.below(fields.len() as u32 + 1) as usize;
            if random.below(4) > 0 {
                fields.insert(at, (element, kind, len));
            }
        }
        Self { is_ipfix, fields }
    }

    /// Bytes of a record.
    fn record_bytes(&self) -> usize {
        self.fields.iter().map(|(_, _, len)| usize::from(*len)).sum()
    }

    fn put_set(&self, out: &mut Vec<u8>) {
        put(out, &[if self.is_ipfix { 2 } else { 0 }, 8 + 4 * self.fields.len() as u16]);
        put(out, &[TEMPLATE_ID, self.fields.len() as u16]);
        self.fields.iter().for_each(|(element, _, len)| put(out, &[*element, *len]));
    }

    /// A record of random values.
    fn put_record(&self, out: &mut Vec<u8>, random: &mut Random) -> Facts {
        let mut facts = Facts::default();
        for &(element, kind, len) in &self.fields {
            let len = usize::from(len);
            if kind == Kind::Address {
                let address = address(len, random);
                match address {
                    IpAddr::V4(address) => out.extend(address.octets()),
                    IpAddr::V6(address) => out.extend(address.octets()),
                }
                facts.tell_address(element, address);
                continue;
            }
            let any = random.next_u64();
            let value = match kind {
                Kind::Protocol => [1, 6, 17][any as usize % 3],
                Kind::Event => 1 + any % 2,
                Kind::Time if len == 8 => u64::from(NOW) * 1_000 + any % 1_000_000,
                Kind::Time => u64::from(NOW) + any % 1_000,
                Kind::Padding => 0,
                _ => any >> (64 - 8 * len),
            };
            out.extend(&value.to_be_bytes()[8 - len..]);
            facts.tell_number(element, value);
        }
        facts
    }

    fn header_bytes(&self) -> usize {
        if self.is_ipfix { 16 } else { 20 }
    }

    /// The header of a message whose sets are in place.
    fn header(&self, sequence: u32, records: usize, bytes: usize) -> Vec<u8> {
        let words: &[u32] = if self.is_ipfix {
            &[10 << 16 | bytes as u32, NOW, sequence, 7]
        } else {
            &[9 << 16 | records as u32, 1_000, NOW, sequence, 7]
        };
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }
}

fn put(out: &mut Vec<u8>, words: &[u16]) {
    out.extend(words.iter().flat_map(|word| word.to_be_bytes()));
}

fn address(len: usize, random: &mut Random) -> IpAddr {
    let any = random.next_u64();
    if len == 4 {
        Ipv4Addr::from(any as u32 | 1).into()
    } else {
        Ipv6Addr::from(0x2001_0db8 << 96 | u128::from(any) | 1).into()
    }
}

/// So many full datagrams of one exporter, of the template that `seed` stands for.
pub fn workload(seed: u64, is_ipfix: bool, datagrams: usize) -> Workload {
    let random = &mut Random::new(seed);
    let template = Template::draw(random, is_ipfix);
    let mut workload = Workload::default();
    let mut sequence = 0;
    for number in 0..datagrams {
        let mut body = Vec::new();
        if number.is_multiple_of(TEMPLATE_EVERY) {
            template.put_set(&mut body);
        }
        let room = PAYLOAD_BYTES_MAX - template.header_bytes() - body.len() - 4;
        let records = room / template.record_bytes();
        put(&mut body, &[TEMPLATE_ID, (4 + records * template.record_bytes()) as u16]);
        let facts: Vec<_> = (0..records).map(|_| template.put_record(&mut body, random)).collect();
        let bytes = template.header_bytes() + body.len();
        let payload = [template.header(sequence, records, bytes), body].concat();
        // RFC 7011 §3.1 counts records, RFC 3954 §5.1 datagrams.
        sequence += if is_ipfix { records as u32 } else { 1 };
        let sender = Sender {
            exporter: Ipv4Addr::new(192, 0, 2, 1).into(),
            exporter_port: 50_000,
            at_ns: i64::from(NOW) * 1_000_000_000,
        };
        workload.push(&payload, sender, facts);
    }
    workload
}
