use super::*;
use crate::{reason::Reason, session::Column};

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
