use super::*;
use crate::{
    decoder::{Datagram, Decoder, FormatHint},
    limits::Limits,
    netflow::registry::Registry,
    reason::Reason,
    record,
    session::Column,
};
use std::sync::Arc;

/// As of the first version of images. New ones go behind these.
const COLUMNS: &str = "Event Protocol SrcV4 SrcV6 SrcPort DstV4 DstV6 DstPort NatSrcV4 NatSrcV6 NatSrcPort \
    NatDstV4 NatDstV6 NatDstPort SrcVrf DstVrf Direction Initiator EventS EventNs StartS \
    StartNs EndS EndNs DurationMs SentPackets SentBytes ReceivedPackets ReceivedBytes \
    SrcZone DstZone Policy User Application CloseReason Url Extra";
const REASONS: &str = "empty unknown_format unsupported_version header_truncated flowset_length \
    flowset_reserved template_truncated template_id template_field_count \
    template_field_length template_record_length template_limit template_missing \
    data_truncated syslog_priority syslog_unknown session_key_missing session_value \
    im_not_recorded sflow too_many_lines binary_header unknown_binary binary_value \
    cgn_fields cgn_value cgn_port message_length record_count options_limit \
    declared_pattern declared_value filter_value";
const FORMATS: &str = "netflow-v5 netflow-v9 ipfix huawei-usg-netflow huawei-usg-syslog huawei-usg-mtn \
    huawei-usg-policy huawei-usg-im cgn-cn cgn-unicom cgn-ft firebrick h3c-userlog \
    huawei-elog unknown";

fn assert_in_place(known: &str, now: impl Iterator<Item = String>) {
    let now: Vec<_> = now.collect();
    let known: Vec<_> = known.split_whitespace().collect();
    assert_eq!(now[..known.len()], known);
}

#[test]
fn numbers_on_disk_mean_what_they_meant() {
    assert_in_place(COLUMNS, Column::ALL.iter().map(|column| format!("{column:?}")));
    assert_in_place(REASONS, Reason::ALL.iter().map(|reason| reason.name().into()));
    assert_in_place(FORMATS, Format::ALL.iter().map(|format| format.name().into()));
}

fn capacity_of(rows: usize) -> Capacity {
    Capacity { session_rows: rows, unparsed_rows: rows, text_bytes: 4 << 10 }
}

/// Some lines of text and a binary log, so that sessions, `unparsed` records and notes are in it.
fn sample() -> Batch {
    let mut batch = Batch::new(capacity_of(2_048));
    let mut decoder = Decoder::new(Arc::new(Registry::new(Limits::DEFAULT)), Arc::default());
    const LINE: &[u8] = b"<190>%%: Built an udp session, 192.0.2.1:1 (a) to 192.0.2.2:2 (b).";
    for (index, payload) in [LINE, b"", b"<190>hello", LINE, &[0xff]].into_iter().enumerate() {
        let datagram = Datagram {
            payload,
            exporter: [192, 0, 2, index as u8].into(),
            exporter_port: 514,
            received_at: index as i64,
            format: FormatHint::Auto,
        };
        decoder.decode(&datagram, &mut batch);
    }
    assert!(batch.session.rows() > 0 && batch.unparsed.rows() > 0 && batch.notes.len() == 5);
    batch
}

fn bytes(batch: &Batch) -> Vec<u8> {
    let image = batch.image().unwrap();
    let bytes: Vec<_> = image.pieces().flatten().copied().collect();
    assert_eq!(bytes.len(), image.bytes());
    bytes
}

#[test]
fn a_damaged_image_is_an_error_or_another_batch_and_never_more() {
    let image = bytes(&sample());
    let mut batch = Batch::new(capacity(&image).unwrap());
    batch.restore(&image).unwrap();
    assert_eq!(bytes(&batch), image);
    for len in 0..image.len() {
        assert!(batch.restore(&image[..len]).is_err(), "{len} bytes");
        assert!(batch.is_empty());
    }
    for bit in 0..8 * image.len() {
        let mut image = image.clone();
        image[bit / 8] ^= 1 << (bit % 8);
        if batch.restore(&image).is_ok() {
            assert!(record::records(&batch).count() == batch.records());
        }
    }
    let longer = [image.as_slice(), &[0]].concat();
    assert_eq!(batch.restore(&longer), Err(ImageError::Damaged));
}

#[test]
fn a_batch_that_is_too_small_says_so() {
    let image = bytes(&sample());
    let needed = capacity(&image).unwrap();
    for (session_rows, unparsed_rows) in [(needed.session_rows - 1, 9), (9, 1)] {
        let mut small = Batch::new(Capacity { session_rows, unparsed_rows, ..needed });
        assert_eq!(small.restore(&image), Err(ImageError::Capacity));
        assert!(small.is_empty());
    }
}
