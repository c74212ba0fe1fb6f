//! Every capture of real exporters under `../shared/samples`: all of it decodes, or stands in a
//! table with the reason why not.
//!
//! That the values are right is for the collector's tests, which compare them with tshark's.

#[path = "support/books.rs"]
mod books;
#[path = "support/sample_files.rs"]
mod sample_files;

use books::{Books, datagram};
use logweir_decode::{batch::Capacity, decoder::Outcome, limits::Limits, reason::Reason};
use pcap_parser::{LegacyPcapReader, PcapBlockOwned, PcapError, traits::PcapReaderIterator as _};
use sample_files::{Samples, name};
use std::{collections::BTreeSet, fs};

const CAPACITY: Capacity =
    Capacity { session_rows: 4096, unparsed_rows: 4096, text_bytes: 1 << 20 };

/// What does not decode at once, and why.
const EXPECTED: &[(&str, Outcome, &str)] = &[
    (
        "NEGATIVE_doc_nf9_ipv4_firstcopy.bin",
        Outcome::Rejected(Reason::FlowsetReserved),
        "the document's broken copy of a template, shorter than its header says",
    ),
    (
        "ipfix.dat",
        Outcome::Rejected(Reason::MessageLength),
        "three messages in one file; the first decodes",
    ),
    ("ipfix_example_ipfix_0.bin", Outcome::Rejected(Reason::TemplateRecordLength), SHORT_TEMPLATE),
    ("ipfix_example_ipfix_1.bin", Outcome::Rejected(Reason::TemplateRecordLength), SHORT_TEMPLATE),
    (
        "ipfix_test_yaf_tpls_option_tpl.dat",
        Outcome::Rejected(Reason::TemplateRecordLength),
        SHORT_TEMPLATE,
    ),
    ("ipfix_test_netscaler_data.dat", Outcome::Waiting, "template 280 is in no file"),
    (
        "issue_14370_message.bin",
        Outcome::Rejected(Reason::DataTruncated),
        "records longer than their template says; as much as it says decodes",
    ),
    (
        "netflow-v5-1.dat",
        Outcome::Rejected(Reason::RecordCount),
        "a count of 2 in front of more; the two decode",
    ),
    (
        "netflow-v9-1.dat",
        Outcome::Rejected(Reason::FlowsetReserved),
        "two datagrams in one file; the first decodes",
    ),
    ("netflow-v9-3_incomplete.dat", Outcome::Waiting, "template 257 is in no file"),
    (
        "netflow5.dat",
        Outcome::Rejected(Reason::RecordCount),
        "a count of 2 in front of more; the two decode",
    ),
    (
        "netflow5_test_invalid01.dat",
        Outcome::Rejected(Reason::RecordCount),
        "a count of 55582 in front of 30 records",
    ),
    (
        "netflow5_test_invalid02.dat",
        Outcome::Rejected(Reason::RecordCount),
        "a count of 163 in front of 30 records",
    ),
    (
        "netflow9_test_iptnetflow_reduced_size_encoding_tpldata260.dat",
        Outcome::Waiting,
        "templates 259 and 262 are in no file",
    ),
    (
        "netflow9_test_nprobe_dpi.dat",
        Outcome::Rejected(Reason::DataTruncated),
        "17 bytes of a second record behind the first, which decodes",
    ),
    ("nprobe-netflow9-4.pcap", Outcome::Waiting, "begins with data; decodes when templates come"),
    ("sflow_issue_15375_sflow_drop_1036.bin", Outcome::Rejected(Reason::Sflow), "sFlow"),
    ("sflow_issue_15918_message.bin", Outcome::Rejected(Reason::Sflow), "sFlow"),
    ("sflow_issue_18876_message.bin", Outcome::Rejected(Reason::Sflow), "sFlow"),
    ("sflow_v5_example_sflow_v5.bin", Outcome::Rejected(Reason::Sflow), "sFlow"),
];

const SHORT_TEMPLATE: &str = "templates of YAF for lists, whose records may be one or two bytes \
                              long; its other templates are kept";

#[test]
fn every_capture_decodes() {
    let Some(samples) = Samples::find() else {
        println!("skipped: there is no shared/samples beside the project");
        return;
    };
    let mut found = BTreeSet::new();
    for files in samples.payloads.values() {
        let payloads = files.iter().map(|path| (name(path), fs::read(path).expect("a sample")));
        decode(payloads, &mut found);
    }
    for path in &samples.captures {
        let capture = fs::read(path).expect("a sample");
        let payloads = udp_payloads(&capture).into_iter().map(|payload| (name(path), payload));
        decode(payloads, &mut found);
    }
    let expected: BTreeSet<String> =
        EXPECTED.iter().map(|(file, outcome, _)| format!("{file}: {outcome:?}")).collect();
    let new: Vec<_> = found.difference(&expected).collect();
    let gone: Vec<_> = expected.difference(&found).collect();
    assert!(new.is_empty() && gone.is_empty(), "not decoded: {new:#?}\ndecoded: {gone:#?}");
}

/// Decodes what one exporter sent, and notes which files were not decoded at once.
fn decode<'a>(
    datagrams: impl IntoIterator<Item = (&'a str, Vec<u8>)>,
    found: &mut BTreeSet<String>,
) {
    let mut books = Books::new(Limits::DEFAULT, CAPACITY);
    for (file, payload) in datagrams {
        let sent = datagram(1, &payload);
        let outcome = books.decode(&sent);
        if outcome != Outcome::Decoded {
            found.insert(format!("{file}: {outcome:?}"));
        }
        while let Some(outcome) = books.release(sent.received_at) {
            assert_eq!(outcome, Outcome::Decoded, "what waited for a template of {file}");
        }
    }
    books.close();
}

/// The UDP payloads of a capture of Ethernet frames with IPv4 and no VLAN, as all samples are.
fn udp_payloads(capture: &[u8]) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    let mut reader = LegacyPcapReader::new(1 << 16, capture).expect("a capture");
    loop {
        match reader.next() {
            Ok((length, block)) => {
                if let PcapBlockOwned::Legacy(packet) = block {
                    let ip = &packet.data[14..];
                    let udp = &ip[usize::from(ip[0] & 0x0f) * 4..];
                    let end = usize::from(u16::from_be_bytes([udp[4], udp[5]]));
                    payloads.push(udp[8..end].to_vec());
                }
                reader.consume(length);
            }
            Err(PcapError::Eof) => return payloads,
            Err(PcapError::Incomplete(_)) => reader.refill().expect("the rest of the capture"),
            Err(error) => panic!("{error}"),
        }
    }
}
