use super::*;
use crate::{
    layout::Layout,
    schema::Family,
    testing::{
        HOUR_BEGIN, Plain, Random, context, expected, plain_rows, read_family, seal, small_batch,
    },
};
use logweir_decode::{
    batch::Batch,
    context::{EventTime, Flags},
    extra::{Encoded, Value},
    filter::{Action, Filter},
    im::{Im, ImEvent},
    port_block::{PortBlock, PortBlockEvent},
    reason::Reason,
    record::Time,
    session::{Column, ColumnSet, Event, SessionRow},
    text::Text,
    unparsed::Unparsed,
};
use proptest::prelude::*;

/// The rows of a batch, converted and not written.
fn converted(batch: &Batch) -> Vec<Plain> {
    plain_rows(&session(batch, &batch.session.runs().collect::<Vec<_>>()).unwrap(), "session")
}

fn v6(last: u8) -> [u8; 16] {
    let mut octets = [0x20; 16];
    octets[15] = last;
    octets
}

fn all_columns(batch: &mut Batch) -> SessionRow {
    let mut text = |bytes: &[u8]| batch.text.push(bytes);
    let pairs = [
        Encoded::new(b"Key", Value::Text(b"\xd6\xd0")).parts().concat(),
        Encoded::new(b"ie10", Value::Number(7)).parts().concat(),
    ];
    SessionRow {
        event: Some(Event::End as u8),
        protocol: Some(6),
        src_v4: Some(0x0a00_0001),
        src_v6: Some([0; 16]),
        src_port: Some(1025),
        dst_v4: Some(0x0808_0808),
        dst_v6: Some([0; 16]),
        dst_port: Some(443),
        nat_src_v4: Some(0xcb00_7101),
        nat_src_v6: Some([0; 16]),
        nat_src_port: Some(65_535),
        nat_dst_v4: Some(0x0808_0808),
        nat_dst_v6: Some([0; 16]),
        nat_dst_port: Some(443),
        src_vrf: Some(0),
        dst_vrf: Some(u32::MAX),
        direction: Some(0),
        initiator: Some(1),
        event_s: Some(1_772_373_595),
        event_ns: Some(2_000),
        start_s: Some(1_772_373_500),
        start_ns: Some(1_999),
        end_s: Some(1_772_373_590),
        end_ns: Some(999_999_999),
        duration_ms: Some(90_999),
        sent_packets: Some(0),
        sent_bytes: Some(u64::MAX),
        received_packets: Some(1),
        received_bytes: Some(40),
        src_zone: text(b"trust"),
        dst_zone: text("非信任".as_bytes()),
        policy: text(b"\xb2\xdf\xc2\xd4"),
        user: text(b"u"),
        application: text(b"HTTPS"),
        close_reason: text(b"aged-out"),
        url: text(b"example.org"),
        extra: text(&pairs.concat()),
    }
}

#[test]
fn every_column_reads_back_as_its_field() {
    let mut batch = small_batch();
    let row = all_columns(&mut batch);
    let mut context = context(HOUR_BEGIN + 1_234);
    context.host = batch.text.push(b"\xd6\xd0\xce\xc4").unwrap();
    context.flags = Flags::HEADER_ZONE_ASSUMED_UTC.with(Flags::EXTRA_TRUNCATED);
    assert!(batch.session.push(&context, &row));
    let rows = converted(&batch);
    assert_eq!(rows, expected(&batch, "session"));
    let row = &rows[0];
    let fields = [
        ("src_addr", "10.0.0.1"),
        ("nat_src_addr", "203.0.113.1"),
        ("nat_src_port", "65535"),
        ("sent_packets", "0"),
        ("sent_bytes", "18446744073709551615"),
        ("start_time", "1772373500000001"),
        ("event_time", "1772373595000002"),
        ("received_at", "1772373600000001"),
        ("host", "中文"),
        ("policy", "策略"),
        ("flags", "header_zone_assumed_utc,extra_truncated"),
        ("extra", r#"{"Key":"中","ie10":7}"#),
    ];
    for (name, value) in fields {
        assert_eq!(row[name], value, "{name}");
    }
    assert!(!row.contains_key("tunnel_addr"));
}

#[test]
fn absent_values_are_null_and_zero_counters_are_zero() {
    let mut batch = small_batch();
    let mut context = context(HOUR_BEGIN);
    context.exporter_port = 0;
    context.sequence = None;
    let zero = SessionRow {
        event: Some(0),
        src_v4: Some(0),
        dst_v6: Some([0; 16]),
        nat_src_port: Some(0),
        start_s: Some(0),
        start_ns: Some(5),
        sent_bytes: Some(0),
        url: Some(Text::EMPTY),
        ..SessionRow::default()
    };
    assert!(batch.session.push(&context, &zero));
    let rows = converted(&batch);
    assert_eq!(rows, expected(&batch, "session"));
    let names: Vec<_> = rows[0].keys().map(String::as_str).collect();
    let present = [
        "event_time",
        "exporter",
        "format",
        "observation_domain",
        "received_at",
        "record",
        "sent_bytes",
        "time_source",
    ];
    assert_eq!(names, present);
    assert_eq!(rows[0]["time_source"], "received");
}

#[test]
fn nat64_and_ds_lite_sources() {
    let mut batch = small_batch();
    let context = context(HOUR_BEGIN);
    let nat64 =
        SessionRow { src_v6: Some(v6(1)), nat_src_v4: Some(0xcb00_7101), ..SessionRow::default() };
    let ds_lite = SessionRow { src_v4: Some(0x0a00_0001), ..nat64 };
    let only_zero_v4 = SessionRow { src_v4: Some(0), ..nat64 };
    for row in [nat64, ds_lite, only_zero_v4] {
        assert!(batch.session.push(&context, &row));
    }
    let rows = converted(&batch);
    assert_eq!(rows, expected(&batch, "session"));
    let b4 = "2020:2020:2020:2020:2020:2020:2020:2001";
    assert_eq!(rows[0]["src_addr"], b4);
    assert_eq!((rows[1]["src_addr"].as_str(), rows[1]["tunnel_addr"].as_str()), ("10.0.0.1", b4));
    assert_eq!(rows[2]["src_addr"], b4);
    assert!(!rows[2].contains_key("tunnel_addr"));
}

#[test]
fn runs_with_different_columns_and_sources_of_time() {
    let mut batch = small_batch();
    let dirty = ColumnSet::EMPTY.with(Column::StartS).with(Column::EndS).with(Column::Event);
    for (row, (start, end, event)) in
        [(1u32, 2u32, 1u8), (0, 2, 1), (3, 2, 2), (3, 0, 2), (0, 0, 2), (4, 5, 3)]
            .into_iter()
            .enumerate()
    {
        batch.session.vacant_cells(Column::StartS)[row] = start;
        batch.session.vacant_cells(Column::EndS)[row] = end;
        batch.session.vacant_cells(Column::Event)[row] = event;
    }
    let mut context = context(HOUR_BEGIN + 999);
    assert!(batch.session.commit(3, dirty, &context));
    assert!(batch.session.commit(1, ColumnSet::EMPTY.with(Column::StartS), &context));
    context.event_time = EventTime::Header(-1);
    assert!(batch.session.commit(1, ColumnSet::EMPTY, &context));
    context.event_time = EventTime::Received;
    assert!(batch.session.commit(1, dirty, &context));
    assert_eq!(converted(&batch), expected(&batch, "session"));
}

#[test]
fn a_port_block_reads_back_as_its_fields() {
    let mut batch = small_batch();
    let mut context = context(HOUR_BEGIN);
    context.event_time = EventTime::Own(HOUR_BEGIN - 1_001);
    let row = PortBlock {
        event: PortBlockEvent::Allocate,
        private_addr: Some("2001:db8::7".parse().unwrap()),
        public_addr: Some("203.0.113.1".parse().unwrap()),
        port_first: Some(1_024),
        port_last: Some(65_535),
        protocol: Some(6),
        src_vrf: Some(0),
        session_id: Some(u64::MAX),
        sequence: Some(u64::MAX - 1),
        scene: batch.text.push(b"NAT444").unwrap(),
        extra: Text::EMPTY,
    };
    assert!(batch.port_block.push(&context, row));
    // Without a number of its own it has that of its datagram.
    assert!(batch.port_block.push(&context, PortBlock::default()));
    let records: Vec<_> = batch.port_block.iter().collect();
    let rows = plain_rows(&port_block(&batch, &records).unwrap(), "port_block");
    assert_eq!(rows, expected(&batch, "port_block"));
    let fields = [
        ("event", "allocate"),
        ("private_addr", "2001:db8::7"),
        ("public_addr", "203.0.113.1"),
        ("port_last", "65535"),
        ("session_id", "18446744073709551615"),
        ("sequence", "18446744073709551614"),
        ("scene", "NAT444"),
        ("event_time", "1772373599999998"),
        ("time_source", "record"),
    ];
    for (name, value) in fields {
        assert_eq!(rows[0][name], value, "{name}");
    }
    assert_eq!(
        (rows[1]["event"].as_str(), rows[1]["sequence"].as_str()),
        ("unknown", "4294967295")
    );
}

#[test]
fn a_messenger_user_reads_back_as_its_fields() {
    let mut batch = small_batch();
    let row = Im {
        event: ImEvent::Online,
        application: batch.text.push(b"QQ").unwrap(),
        account: batch.text.push(b"3f2a").unwrap(),
        src_addr: Some("10.0.0.1".parse().unwrap()),
        nat_src_addr: Some("203.0.113.1".parse().unwrap()),
        nat_src_port: Some(40_000),
        start: Some(Time::nanos(HOUR_BEGIN - 1)),
        ..Im::default()
    };
    assert!(batch.im.push(&context(HOUR_BEGIN), row));
    let records: Vec<_> = batch.im.iter().collect();
    let rows = plain_rows(&im(&batch, &records).unwrap(), "im");
    assert_eq!(rows, expected(&batch, "im"));
    let fields = [
        ("event", "online"),
        ("account", "3f2a"),
        ("nat_src_addr", "203.0.113.1"),
        ("start_time", "1772373599999999"),
        // The context promised a time of the record's own, which only sessions have.
        ("time_source", "received"),
    ];
    for (name, value) in fields {
        assert_eq!(rows[0][name], value, "{name}");
    }
}

#[test]
fn a_filtered_packet_reads_back_as_its_fields() {
    let mut batch = small_batch();
    let row = Filter {
        filter: batch.text.push(b"Default").unwrap(),
        action: Some(Action::Bounce),
        protocol: Some(1),
        protocol_name: batch.text.push(b"ICMP").unwrap(),
        mac: Some([0, 0, 0x5e, 0, 0x53, 1]),
        src_interface: batch.text.push(b"WAN").unwrap(),
        src_addr: Some("198.51.100.1".parse().unwrap()),
        icmp_type: Some(8),
        icmp_code: Some(0),
        fragment_offset: Some(u32::MAX),
        ..Filter::default()
    };
    assert!(batch.filter.push(&context(HOUR_BEGIN), row));
    let records: Vec<_> = batch.filter.iter().collect();
    let rows = plain_rows(&filter(&batch, &records).unwrap(), "filter");
    assert_eq!(rows, expected(&batch, "filter"));
    let fields = [
        ("action", "bounce"),
        ("mac", "00:00:5e:00:53:01"),
        ("src_addr", "198.51.100.1"),
        ("icmp_code", "0"),
        ("fragment_offset", "4294967295"),
    ];
    for (name, value) in fields {
        assert_eq!(rows[0][name], value, "{name}");
    }
    assert!(!rows[0].contains_key("dst_addr"));
}

#[test]
fn unparsed_records_keep_their_bytes() {
    let mut batch = small_batch();
    let raw = batch.text.push(b"\x00\xff<999>").unwrap();
    let context = context(HOUR_BEGIN);
    assert!(batch.unparsed.push(&context, Unparsed { reason: Reason::SyslogPriority, raw }));
    let records: Vec<_> = batch.unparsed.iter().collect();
    let rows = plain_rows(&unparsed(&batch, &records).unwrap(), "unparsed");
    assert_eq!(rows, expected(&batch, "unparsed"));
}

#[test]
fn no_runs_make_no_rows() {
    let batch = small_batch();
    assert_eq!(session(&batch, &[]).unwrap().num_rows(), 0);
    assert_eq!(port_block(&batch, &[]).unwrap().num_rows(), 0);
    assert_eq!(im(&batch, &[]).unwrap().num_rows(), 0);
    assert_eq!(filter(&batch, &[]).unwrap().num_rows(), 0);
    assert_eq!(unparsed(&batch, &[]).unwrap().num_rows(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..Default::default() })]

    /// What is read from the files is what [`logweir_decode::record`] says of the batches, and
    /// nothing of what was in their memory before.
    #[test]
    fn files_hold_the_records_of_reused_batches(seed: u64, rounds in 1..4u64, runs in 1..24u64) {
        let mut random = Random::new(seed);
        let data = tempfile::tempdir().unwrap();
        let mut batch = small_batch();
        let mut records = Family::ALL.map(|_| Vec::new());
        for _ in 0..rounds {
            random.dirty(&mut batch, 24 * 8);
            random.add_records(&mut batch, runs);
            for family in Family::ALL {
                records[family as usize].extend(expected(&batch, family.name()));
            }
            let stored = seal(data.path(), &batch, Layout::default());
            prop_assert_eq!(stored, batch.records() as u64);
        }
        for (family, mut records) in Family::ALL.into_iter().zip(records) {
            let mut stored = read_family(data.path(), family.name());
            stored.sort();
            records.sort();
            prop_assert_eq!(stored, records);
        }
    }
}
