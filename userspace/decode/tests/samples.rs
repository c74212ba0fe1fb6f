//! Every NetFlow and IPFIX payload of the sample captures: decoded where its exporter's
//! templates are there, or rejected for the reason that is listed here.

use logweir_decode::{
    batch::{Batch, Capacity},
    decoder::{Datagram, Decoder, FormatHint, Outcome},
    limits::Limits,
    netflow::registry::Registry,
};
use std::{
    collections::BTreeMap,
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/samples");

/// Decodes the payloads of one exporter, templates first, and tells how many records they have.
fn decode(files: &[PathBuf]) -> usize {
    let mut decoder = Decoder::new(Arc::new(Registry::new(Limits::DEFAULT)), Arc::default());
    let mut batch = Batch::new(Capacity::DEFAULT);
    let mut records = 0;
    for file in files {
        let payload = fs::read(file).unwrap();
        batch.clear();
        let datagram = Datagram {
            payload: &payload,
            exporter: IpAddr::from([192, 0, 2, 1]),
            exporter_port: 0,
            received_at: 1_700_000_000_000_000_000,
            format: FormatHint::Auto,
        };
        let came_to = match decoder.decode(&datagram, &mut batch) {
            Outcome::Decoded => "decoded",
            Outcome::Waiting => "waiting",
            Outcome::Rejected(reason) => reason.name(),
        };
        let expected = REJECTED.iter().find(|(name, _)| file.ends_with(name));
        let expected = expected.map_or("decoded", |(_, expected)| expected);
        assert_eq!(came_to, expected, "{}", file.display());
        records += batch.decoded_records();
    }
    records
}

/// Files of a folder, in groups of one exporter each: by what the name says before it tells
/// templates from data.
fn exporters(folder: &str, extension: &str) -> Vec<Vec<PathBuf>> {
    let mut groups: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for entry in fs::read_dir(Path::new(SAMPLES).join(folder)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.extension().is_none_or(|found| found != extension) || name.contains("sflow") {
            continue;
        }
        let ends = ["_data", "_tpl", "_opttpl", "-message", "_message", "_ipfix_", "_1", "-2-"];
        let end = ends.iter().filter_map(|end| name.find(end)).min().unwrap_or(name.len());
        groups.entry(name[..end].into()).or_default().push(path);
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    for group in &mut groups {
        group.sort_by_key(|path| (!path.to_string_lossy().contains("tpl"), path.clone()));
    }
    groups
}

/// Files that hold what no exporter sends in one datagram, or that are rejected for a reason that
/// the documentation names.
const REJECTED: [(&str, &str); 14] = [
    // Several datagrams, one behind the other.
    ("logstash-codec-netflow/ipfix.dat", "message_length"),
    ("logstash-codec-netflow/netflow5.dat", "record_count"),
    ("graylog-plugin-netflow/netflow-v5-1.dat", "record_count"),
    ("graylog-plugin-netflow/netflow-v9-1.dat", "flowset_reserved"),
    // Wrong on purpose.
    ("logstash-codec-netflow/netflow5_test_invalid01.dat", "record_count"),
    ("logstash-codec-netflow/netflow5_test_invalid02.dat", "record_count"),
    // The end is cut off.
    ("logstash-codec-netflow/netflow9_test_nprobe_dpi.dat", "data_truncated"),
    // Templates of parts of records, shorter than a record can be.
    ("logstash-codec-netflow/ipfix_test_yaf_tpls_option_tpl.dat", "template_record_length"),
    ("telegraf/ipfix_example_ipfix_0.bin", "template_record_length"),
    ("telegraf/ipfix_example_ipfix_1.bin", "template_record_length"),
    // Records that are longer than their templates say; the rest of each set is kept.
    ("telegraf/issue_14370_message.bin", "data_truncated"),
    // Their templates are in no file.
    ("logstash-codec-netflow/ipfix_test_netscaler_data.dat", "waiting"),
    (
        "logstash-codec-netflow/netflow9_test_iptnetflow_reduced_size_encoding_tpldata260.dat",
        "waiting",
    ),
    ("graylog-plugin-netflow/netflow-v9-3_incomplete.dat", "waiting"),
];

#[test]
fn every_sample_is_decoded() {
    if !Path::new(SAMPLES).exists() {
        println!("skipped: no samples at {SAMPLES}");
        return;
    }
    let mut records = 0;
    for (folder, extension) in
        [("logstash-codec-netflow", "dat"), ("graylog-plugin-netflow", "dat"), ("telegraf", "bin")]
    {
        for files in exporters(folder, extension) {
            records += decode(&files);
        }
    }
    println!("{records} records");
    assert!(records > 500);
}
