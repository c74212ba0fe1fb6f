//! `logweir decode` beside tshark, Wireshark's reader of captures, on every NetFlow and IPFIX
//! sample: record by record, each field that both know has the same value.
//!
//! A record's datagram is told by its time of arrival, which both print. What tshark prints of
//! options data is left out: we apply it to records, and print none of it.
//!
//! The samples and tshark are no part of the project: where they are absent, the test says so and
//! passes. `cargo xtask test` installs tshark where it may.

#[path = "../../decode/tests/support/sample_files.rs"]
mod sample_files;

mod common {
    pub mod command;
    pub mod pdml;
}

use common::{
    command::{LOGWEIR, succeed},
    pdml::{self, Datagrams, NOTHING, Record},
};
use jiff::Timestamp;
use logweir_traffic::{frame::Frame, pcap};
use sample_files::{Samples, name};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

/// What both know: the name of tshark and ours, a column or a key of `extra`.
const FIELDS: &[(&str, &str)] = &[
    ("srcaddr", "src_addr"),
    ("srcaddrv6", "src_addr"),
    ("dstaddr", "dst_addr"),
    ("dstaddrv6", "dst_addr"),
    ("srcport", "src_port"),
    ("dstport", "dst_port"),
    ("protocol", "protocol"),
    ("octets", "sent_bytes"),
    ("packets", "sent_packets"),
    ("permanent_octets", "sent_bytes"),
    ("permanent_packets", "sent_packets"),
    ("initiator_octets", "sent_bytes"),
    ("responder_octets", "received_bytes"),
    ("post_octets", "received_bytes"),
    ("post_packets", "received_packets"),
    ("reverse permanent_octets", "received_bytes"),
    ("reverse permanent_packets", "received_packets"),
    ("abstimestart", "start_time"),
    ("abstimeend", "end_time"),
    ("timestart", "start_time"),
    ("timeend", "end_time"),
    ("post_natsource_ipv4_address", "nat_src_addr"),
    ("post_natdestination_ipv4_address", "nat_dst_addr"),
    ("post_nat_source_ipv6_address", "nat_src_addr"),
    ("post_nat_destination_ipv6_address", "nat_dst_addr"),
    ("post_naptsource_transport_port", "nat_src_port"),
    ("post_naptdestination_transport_port", "nat_dst_port"),
    ("ingress_vrfid", "src_vrf"),
    ("egress_vrfid", "dst_vrf"),
    ("direction", "direction"),
    ("nat_originating_address_realm", "initiator"),
    ("aaa_username", "user"),
    ("inputint", "ingressInterface"),
    ("outputint", "egressInterface"),
    ("tcpflags", "tcpControlBits"),
    ("tos", "ipClassOfService"),
    ("srcas", "bgpSourceAsNumber"),
    ("dstas", "bgpDestinationAsNumber"),
    ("srcmask", "sourceIPv4PrefixLength"),
    ("dstmask", "destinationIPv4PrefixLength"),
    ("nexthop", "ipNextHopIPv4Address"),
    ("nexthopv6", "ipNextHopIPv6Address"),
    ("bgpnexthop", "bgpNextHopIPv4Address"),
    ("srcmac", "sourceMacAddress"),
    ("dstmac", "destinationMacAddress"),
    ("post_srcmac", "postSourceMacAddress"),
    ("post_dstmac", "postDestinationMacAddress"),
    ("vlanid", "vlanId"),
    ("post_vlanid", "postVlanId"),
    ("dot1q_vlan_id", "dot1qVlanId"),
    ("ip_version", "ipVersion"),
    ("flow_id", "flowId"),
    ("sampler_id", "samplerId"),
    ("icmp_ipv4_type", "icmpTypeIPv4"),
    ("icmp_ipv4_code", "icmpCodeIPv4"),
    ("icmp_type_code_ipv4", "icmpTypeCodeIPv4"),
    ("fw_ext_event", "firewallExtendedEvent"),
    ("ingress_acl_id", "ingressAclId"),
    ("egress_acl_id", "egressAclId"),
    ("flows", "deltaFlowCount"),
    ("ethernet_type", "ethernetType"),
    ("ingress_physical_interface", "ingressPhysicalInterface"),
    ("egress_physical_interface", "egressPhysicalInterface"),
    ("wlan_ssid", "wlanSSID"),
    ("sta_mac_address", "staMacAddress"),
    ("sta_ipv4_address", "staIPv4Address"),
    ("wtp_mac_address", "wtpMacAddress"),
    ("layer2_segment_id", "layer2SegmentId"),
    ("ttl_max", "maximumTTL"),
    ("frag_ident", "fragmentIdentification"),
    ("observation_point_id", "observationPointId"),
    ("tcp_seq_num", "tcpSequenceNumber"),
    ("pie.barracuda.fwrule", "fwRule"),
    ("pie.barracuda.reasontext", "reasonText"),
    ("pie.barracuda.bindipv4address", "bindIPv4Address"),
    ("pie.barracuda.bindtransportport", "bindTransportPort"),
    ("pie.barracuda.connipv4address", "connIPv4Address"),
    ("pie.barracuda.auditcounter", "auditCounter"),
    ("pie.ixia.l7-application-id", "l7ApplicationId"),
    ("pie.ixia.l7-application-name", "l7ApplicationName"),
    ("pie.ixia.src-as-name", "sourceAsName"),
    ("pie.ixia.dest-as-name", "destinationAsName"),
    ("pie.ixia.reverse-octet-delta-count", "reverseOctetDeltaCount"),
    ("pie.ixia.reverse-packet-delta-count", "reversePacketDeltaCount"),
    ("pie.netscaler.transaction-id", "transactionId"),
    ("pie.netscaler.connection-id", "connectionId"),
    ("pie.netscaler.connection-chain-id", "connectionChainId"),
    ("pie.netscaler.flow-flags", "flowFlags"),
    ("pie.netscaler.http-req-url", "httpRequestUrl"),
    ("pie.netscaler.http-req-cookie", "httpRequestCookie"),
    ("pie.netscaler.http-req-host", "httpRequestHost"),
    ("pie.ntop.l7_proto", "l7Proto"),
];

/// The begin and the end of a flow.
const TIMES: &[&str] = &["start_time", "end_time"];

/// Where we differ: the file, our fields, and why.
const DIFFERENCES: &[(&str, &[&str], &str)] = &[
    (
        "doc_nf9_ipv6_nat64_aging.bin",
        &["sent_bytes", "sent_packets", "received_bytes", "received_packets"],
        "Huawei counts with 23 and 24 what the source sent, with 1 and 2 what it received",
    ),
    (
        "ipfix.dat",
        TIMES,
        "flowStartSysUpTime counts from a start that options data tells, and tshark does not apply",
    ),
    (
        "ipfix_test_netscaler_data.dat",
        TIMES,
        "the lowest 11 bits of dateTimeMicroseconds say nothing (RFC 7011 §6.1.9); tshark reads them",
    ),
    (
        "ipfix_test_nokia_bras_data256.dat",
        &["src_addr", "nat_src_addr", "src_vrf", "user"],
        "Nokia has the inside address, its service and the subscriber in elements of its own, and \
         the outside address in sourceIPv4Address; tshark shows the first as bytes",
    ),
    ("netflow-v5-1.dat", &["start_time"], WRAPPED),
    ("netflow5.dat", &["start_time"], WRAPPED),
    ("netflow5_test_invalid01.dat", &["records"], "30 records and a count of 55582: rejected"),
    ("netflow5_test_invalid02.dat", &["records"], "30 records and a count of 163: rejected"),
    ("netflow9.pcap", &["records"], "tshark stops at the header's count, which is too small"),
    ("netflow9_test_cisco_asa_1_data.dat", &["sent_bytes"], "octetTotalCount is both directions'"),
    (
        "netflow9_test_fortigate_fortios_521_data257.dat",
        TIMES,
        "uptimes a week above the header's: we say wrapped, tshark leaves them in the future",
    ),
    (
        "netflow9_test_h3c_data3281.dat",
        &["records"],
        "H3C has an IPv4 prefix of two bytes; tshark calls it malformed, and stops",
    ),
    ("netflow9_test_invalid01.dat", &["records"], "tshark stops at the header's count"),
    ("netflow9_test_nprobe_data.dat", &["start_time"], UPTIME_ZERO),
    ("nprobe-netflow9-2.pcap", TIMES, UPTIME_ZERO),
    ("nprobe-netflow9.pcap", TIMES, UPTIME_ZERO),
    (
        "nprobe-netflow9-4.pcap",
        &["records"],
        "data before its template, which we keep until it comes",
    ),
];

const WRAPPED: &str = "an uptime before it wrapped at 2³² ms; tshark shows it as it is";
const UPTIME_ZERO: &str = "an uptime of 0 is when the exporter started; tshark shows 1970";

#[test]
fn tshark_reads_the_same() {
    if Command::new("tshark").arg("--version").output().is_err() {
        println!("skipped: tshark is not installed");
        return;
    }
    let Some(samples) = Samples::find() else {
        println!("skipped: there is no shared/samples beside the project");
        return;
    };
    let directory = tempfile::tempdir().expect("a directory");
    let payloads = directory.path().join("payloads.pcap");
    let mut found = BTreeMap::new();
    let files = wrap(samples.payloads.into_values(), &payloads);
    let mut compared = compare(&payloads, |time| name(&files[&time]), &mut found);
    for capture in &samples.captures {
        compared += compare(capture, |_| name(capture), &mut found);
    }
    let expected: BTreeSet<(&str, &str)> = DIFFERENCES
        .iter()
        .flat_map(|(file, fields, _)| fields.iter().map(|field| (*file, *field)))
        .collect();
    let is_known = |(file, field): &(String, String)| expected.contains(&(file, field));
    let new: Vec<_> = found.iter().filter(|(difference, _)| !is_known(difference)).collect();
    assert!(new.is_empty(), "tshark and we: {new:#?}");
    // Another release of tshark may read better.
    for (file, field) in expected {
        if !found.contains_key(&(file.to_owned(), field.to_owned())) {
            println!("no longer different: {field} of {file}");
        }
    }
    assert!(compared > 20_000, "only {compared} values were there to compare");
}

/// Writes payload files into one capture, those of an exporter with an address of their own; tells
/// at what time of arrival each stands in it.
fn wrap(exporters: impl Iterator<Item = Vec<PathBuf>>, capture: &Path) -> BTreeMap<i128, PathBuf> {
    // 2026-11-22T00:00:00Z and on, a millisecond between any two.
    let mut time = 1_795_305_600_000_000_000;
    let mut times = BTreeMap::new();
    let mut writer = pcap::Writer::new(Vec::new()).expect("memory");
    for (number, files) in (1..=u8::MAX).zip(exporters) {
        let link = Frame {
            src_mac: [2, 0, 0, 0, 0, 1],
            dst_mac: [2, 0, 0, 0, 0, 2],
            vlans: &[],
            source: SocketAddr::from(([198, 18, 0, number], 50_000)),
            destination: SocketAddr::from(([198, 18, 1, 1], 2055)),
        };
        for file in files {
            let payload = fs::read(&file).expect("a sample");
            let mut frame = [0; 65_535];
            let length = link.write(&payload, &mut frame).expect("a payload that fits");
            writer.write_frame(time, &frame[..length]).expect("memory");
            times.insert(i128::from(time), file);
            time += 1_000_000;
        }
    }
    fs::write(capture, writer.finish().expect("memory")).expect("a capture");
    times
}

/// Where two readings of a file differ: the file and our field, with the first values.
type Differences = BTreeMap<(String, String), String>;

/// Notes where the two readings of a capture differ; tells how many values both had.
fn compare<'a>(capture: &Path, file: impl Fn(i128) -> &'a str, found: &mut Differences) -> usize {
    let mut compared = 0;
    let (theirs, ours) = (theirs(capture), ours(capture));
    let times: BTreeSet<i128> = theirs.keys().chain(ours.keys()).copied().collect();
    for time in times {
        let [theirs, ours] = [&theirs, &ours].map(|read| read.get(&time).map_or(&[][..], |r| r));
        let mut note = |field: &str, why: String| {
            found.entry((file(time).to_owned(), field.to_owned())).or_insert(why);
        };
        if theirs.len() != ours.len() {
            note("records", format!("{} and {}", theirs.len(), ours.len()));
            continue;
        }
        for (number, (theirs, ours)) in theirs.iter().zip(ours).enumerate() {
            for (_, field) in FIELDS {
                let [theirs, ours] = [theirs, ours].map(|record| record.get(*field));
                compared += usize::from(theirs.is_some() && ours.is_some());
                if !agree(theirs, ours) {
                    note(field, format!("record {number}: {theirs:?} and {ours:?}"));
                }
            }
        }
    }
    compared
}

/// Whether two readings of a field agree.
fn agree(theirs: Option<&String>, ours: Option<&String>) -> bool {
    match (theirs, ours) {
        (Some(theirs), Some(ours)) => theirs == ours || theirs.replace(':', "") == *ours,
        (None, Some(ours)) => NOTHING.contains(&ours.as_str()),
        (theirs, None) => theirs.is_none(),
    }
}

/// tshark's records, by the names and in the form of ours.
fn theirs(capture: &Path) -> Datagrams {
    let mut tshark = Command::new("tshark");
    tshark.args(["-n", "-d", "udp.port==2055,cflow", "-T", "pdml"]).env("TZ", "UTC");
    let mut datagrams = pdml::read(&succeed(tshark.arg("-r").arg(capture)));
    for record in datagrams.values_mut().flatten() {
        let known = FIELDS
            .iter()
            .filter_map(|(theirs, ours)| Some(((*ours).to_owned(), record.remove(*theirs)?)));
        *record = known.collect();
    }
    datagrams
}

/// Our records: a name is that of a column or of `extra`.
fn ours(capture: &Path) -> Datagrams {
    let printed = succeed(Command::new(LOGWEIR).arg("decode").arg(capture));
    let mut datagrams = Datagrams::new();
    for line in printed.lines() {
        let Value::Object(mut fields) = serde_json::from_str(line).expect("JSON") else {
            panic!("{line}")
        };
        if fields["record"] == "unparsed" {
            continue;
        }
        if let Some(Value::Object(extra)) = fields.remove("extra") {
            fields.extend(extra);
        }
        let record: Record = fields.into_iter().map(|(name, value)| (name, show(&value))).collect();
        let time = record["received_at"].parse().expect("nanoseconds");
        datagrams.entry(time).or_default().push(record);
    }
    datagrams
}

/// A value as text, a time as nanoseconds since 1970 UTC.
fn show(value: &Value) -> String {
    match value {
        Value::String(text) => match text.parse::<Timestamp>() {
            Ok(time) => time.as_nanosecond().to_string(),
            Err(_) => text.clone(),
        },
        other => other.to_string(),
    }
}
