//! Records of any template of fixed length come to the same with all instructions that the machine
//! has, whether they stand in one flowset or in one each, and up to the last row of a batch.

#[path = "support/v9.rs"]
mod v9;

use logweir_decode::{
    batch::{Batch, Capacity},
    decoder::{Datagram, Decoder, FormatHint, Outcome},
    limits::Limits,
    netflow::registry::Registry,
    session::SessionRow,
    settings::Settings,
    simd::Level,
};
use logweir_traffic::netflow::{TEMPLATE_V4, TEMPLATE_V6};
use proptest::{collection::vec, prelude::*};
use std::{net::IpAddr, sync::Arc};
use v9::{V9, template};

const ID: u16 = 300;

/// Elements with a column, with the lengths that they may have, and one without: filling.
fn field() -> impl Strategy<Value = (u16, u16)> {
    const CODES: &[u16] = &[4, 61, 229, 230, 233];
    const PORTS: &[u16] = &[7, 11, 227, 228];
    const WORDS: &[u16] = &[8, 12, 225, 226, 234, 235, 150, 151, 322];
    const COUNTERS: &[u16] = &[1, 2, 23, 24, 161];
    const ADDRESSES: &[u16] = &[27, 28, 281, 282];
    const TIMES: &[u16] = &[152, 153, 323];
    let of = |elements: &'static [u16]| prop::sample::select(elements);
    prop_oneof![
        4 => of(CODES).prop_map(|element| (element, 1)),
        4 => (of(PORTS), 1..=2u16),
        8 => (of(WORDS), 1..=4u16),
        4 => (of(COUNTERS), 1..=8u16),
        2 => of(ADDRESSES).prop_map(|element| (element, 16)),
        1 => of(TIMES).prop_map(|element| (element, 8)),
        1 => (Just(210), 0..20u16),
    ]
}

fn decode(
    level: Level,
    datagrams: &[Vec<u8>],
    capacity: Capacity,
) -> Vec<(Vec<SessionRow>, Outcome)> {
    let settings = Settings { simd: level, ..Settings::default() };
    let mut decoder = Decoder::new(Arc::new(Registry::new(Limits::DEFAULT)), Arc::new(settings));
    let mut batch = Batch::new(capacity);
    let mut decoded = Vec::new();
    for payload in datagrams {
        let datagram = Datagram {
            payload,
            exporter: IpAddr::from([192, 0, 2, 1]),
            exporter_port: 0,
            received_at: 0,
            format: FormatHint::Netflow,
        };
        let outcome = decoder.decode(&datagram, &mut batch);
        decoded.push((batch.session.iter().map(|(_, row)| row).collect(), outcome));
    }
    decoded
}

/// Templates 1315 and 1316 of a Huawei USG, for which there is a kernel of their own.
fn usg() -> impl Strategy<Value = Vec<(u16, u16)>> {
    let templates: [&[u8]; 2] = [&TEMPLATE_V4, &TEMPLATE_V6];
    prop::sample::select(templates.map(fields).to_vec())
}

/// The elements and lengths of a template flowset: they stand behind its id and length, and the
/// template's id and count.
fn fields(flowset: &[u8]) -> Vec<(u16, u16)> {
    let (quads, _) = flowset.as_chunks::<4>();
    let fields = quads.iter().skip(2).map(|[a, b, c, d]| ([*a, *b], [*c, *d]));
    fields.map(|(id, len)| (u16::from_be_bytes(id), u16::from_be_bytes(len))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn all_levels_make_the_same_of_any_template(
        fields in prop_oneof![4 => vec(field(), 1..30), 1 => usg()],
        domain in prop::sample::select(vec![7, 0x0100_0007]),
        sets in vec((1..140usize, any::<bool>(), 0..4usize), 1..4),
        bytes in vec(any::<u8>(), 64..256),
        session_rows in 1..400usize,
    ) {
        let record_len: usize = fields.iter().map(|(_, len)| usize::from(*len)).sum();
        prop_assume!((4..400).contains(&record_len));
        let mut source = bytes.iter().copied().cycle();
        let mut datagrams = vec![V9::new(domain, 0, 1_700_000_000, 0).flowset(0, &template(ID, &fields)).bytes()];
        for (records, spaced, padding) in &sets {
            let mut datagram = V9::new(domain, 1, 1_700_000_000, 0);
            let (sets, records) = if *spaced { (*records, 1) } else { (1, *records) };
            for _ in 0..sets {
                let mut body: Vec<u8> = source.by_ref().take(records * record_len).collect();
                body.resize(body.len() + padding, 0);
                datagram = datagram.flowset(ID, &body);
            }
            datagrams.push(datagram.bytes());
        }
        let capacity = Capacity { session_rows, unparsed_rows: 64, text_bytes: 1 << 20 };
        let expected = decode(Level::PORTABLE, &datagrams, capacity);
        for level in Level::available() {
            prop_assert_eq!(&decode(level, &datagrams, capacity), &expected, "{}", level.name());
        }
    }
}
