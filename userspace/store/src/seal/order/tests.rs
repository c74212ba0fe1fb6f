use super::*;
use crate::{
    convert,
    testing::{HOUR_BEGIN, Random, context, small_batch},
};
use logweir_decode::session::SessionRow;
use proptest::prelude::*;

#[test]
fn sessions_stand_by_address_port_protocol_and_begin() {
    let mut batch = small_batch();
    let v6 = |last| {
        let mut octets = [0x20; 16];
        octets[15] = last;
        Some(octets)
    };
    let v4 = SessionRow {
        nat_src_v4: Some(9),
        nat_src_port: Some(7),
        protocol: Some(6),
        start_s: Some(50),
        ..SessionRow::default()
    };
    let v4_and_v6 = SessionRow { nat_src_v6: v6(1), ..v4 };
    let in_order = [
        SessionRow { nat_src_v4: Some(8), nat_src_port: Some(60_000), ..v4 },
        SessionRow { nat_src_port: None, ..v4 },
        SessionRow { protocol: None, ..v4 },
        SessionRow { start_s: Some(49), ..v4 },
        v4,
        v4_and_v6,
        // Without a begin, its time is that of the event: of arrival.
        SessionRow { start_s: None, ..v4 },
        SessionRow { protocol: Some(17), start_s: Some(1), ..v4 },
        SessionRow { nat_src_v4: Some(u32::MAX), nat_src_port: None, ..v4 },
        SessionRow { nat_src_v4: None, ..v4_and_v6 },
        SessionRow { nat_src_v4: None, nat_src_v6: v6(2), nat_src_port: None, ..v4 },
        SessionRow { nat_src_v4: None, nat_src_port: None, ..v4 },
        SessionRow { nat_src_v4: None, ..v4 },
    ];
    let count = in_order.len();
    // Rows that are equal in their place, v4 and v4_and_v6, stay as they came.
    let as_they_come = (0..count).map(|index| index * 8 % count);
    for (at, index) in as_they_come.clone().enumerate() {
        let row = SessionRow { src_v4: Some(index as u32 + 1), ..in_order[index] };
        assert!(batch.session.push(&context(HOUR_BEGIN + at as i64), &row));
    }
    let rows = convert::session(&batch, &batch.session.runs().collect::<Vec<_>>()).unwrap();
    let order = order(Family::Session, &rows).unwrap().unwrap();
    let source = rows.column_by_name("src_addr_v4").unwrap().as_primitive::<UInt32Type>();
    let mut found: Vec<_> =
        order.iter().map(|row| source.value(*row as usize) as usize - 1).collect();
    let came_first = |a: usize, b: usize| {
        as_they_come.clone().position(|i| i == a) < as_they_come.clone().position(|i| i == b)
    };
    if !came_first(4, 5) {
        found.swap(4, 5);
    }
    assert_eq!(found, (0..count).collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    /// The order is that of the rows' places, and equal rows stay as they came.
    #[test]
    fn the_order_is_that_of_the_places(seed: u64) {
        let mut batch = small_batch();
        Random::new(seed).add_records(&mut batch, 60);
        let sessions = batch.session.runs().collect::<Vec<_>>();
        let blocks = batch.port_block.iter().collect::<Vec<_>>();
        for (family, rows) in [
            (Family::Session, convert::session(&batch, &sessions).unwrap()),
            (Family::PortBlock, convert::port_block(&batch, &blocks).unwrap()),
        ] {
            let places = Places::new(family, &rows).unwrap().unwrap();
            let mut expected: Vec<u32> = (0..rows.num_rows() as u32).collect();
            expected.sort_by_key(|row| places.of(*row as usize));
            prop_assert_eq!(order(family, &rows).unwrap().unwrap(), expected);
        }
    }
}

#[test]
fn other_families_stay_as_they_came() {
    let batch = small_batch();
    let rows = convert::im(&batch, &[]).unwrap();
    assert_eq!(order(Family::Im, &rows).unwrap(), None);
}
