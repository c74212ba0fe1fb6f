//! FireBrick lines of every form, value by value.

#[path = "support/lines.rs"]
mod lines;
#[path = "support/read.rs"]
mod read;

use lines::{check, decode, sample, show};

const FILTER: &str = "record=filter format=firebrick";
const RECEIVED: &str = "event_time=2026-11-22T00:00:00Z";

#[test]
fn every_form_of_the_constructed_lines() {
    let expected = [
        "action=allow dst_addr=217.169.0.1 dst_interface=WAN dst_port=80 {t} filter=Default mac=00:03:97:12:34:56 protocol=6 protocol_name=TCP src_addr=192.168.0.10 src_interface=LAN src_port=34567 tcp_flags=S time_source=received",
        "action=drop dst_addr=192.168.0.10 dst_interface=LAN dst_port=1723 {t} filter=Default protocol=6 protocol_name=TCP src_addr=203.0.113.9 src_interface=WAN src_port=4321 tcp_flags=SA time_source=received",
        "action=allow dst_addr=217.169.20.20 dst_interface=WAN dst_port=53 {t} filter=Web out mac=00:03:97:12:34:56 protocol=17 protocol_name=UDP src_addr=192.168.0.10 src_interface=LAN src_port=5353 time_source=received",
        "action=reject dst_addr=192.168.0.10 dst_interface=LAN {t} filter=Ping icmp_code=0 icmp_id=512 icmp_type=8 icmp_type_name=ECHO mac=00:03:97:12:34:56 protocol=1 protocol_name=ICMP src_addr=203.0.113.9 src_interface=WAN time_source=received",
        "action=bounce dst_addr=192.0.2.1 dst_interface=MyBrick {t} filter=VPN mac=00:03:97:12:34:56 protocol=47 protocol_name=GRE src_addr=203.0.113.9 src_interface=WAN time_source=received",
        "action=drop dst_addr=192.168.0.10 dst_interface=LAN {t} filter=Frags fragment_id=4711 fragment_offset=1480 mac=00:03:97:12:34:56 protocol=17 protocol_name=UDP src_addr=203.0.113.9 src_interface=WAN time_source=received",
    ];
    let text = include_str!("../testdata/CONSTRUCTED_firebrick.log");
    for (line, expected) in text.lines().zip(expected) {
        check(&[(line, &format!("{FILTER} {}", expected.replace("{t}", RECEIVED)))]);
    }
    check(&[(
        text.lines().last().unwrap(),
        "record=session format=firebrick event=end dst_addr=217.169.0.1 dst_port=80 \
         end_time=2026-11-22T00:00:00Z event_time=2026-11-22T00:00:00Z \
         flags=counter_wrapped_possible policy=Web out protocol=6 received_bytes=4294967295 \
         sent_bytes=12345 src_addr=192.168.0.10 src_port=34567 time_source=received \
         extra[src_interface=LAN dst_interface=WAN]",
    )]);
    assert_eq!(text.lines().count(), 7);
    if let Some(shared) = sample("CONSTRUCTED_firebrick.log") {
        assert_eq!(shared, text);
    }
}

#[test]
fn names_may_hold_what_separates() {
    let ends = |source: &str, target: &str| {
        let line =
            format!("<134>a/b: c-d (1): 0 TCP(6) {source}/10.1.2.3/1-{target}/192.0.2.1/2 Drop");
        let (_, records) = decode(line.as_bytes());
        let [record] = records.as_slice() else { panic!("one record: {line}") };
        assert_eq!(record["filter"], "a/b: c-d (1)", "{line}");
        assert_eq!([&record["src_interface"], &record["dst_interface"]], [source, target]);
        assert_eq!([&record["src_port"], &record["dst_port"]], ["1", "2"]);
        assert!(!record.contains_key("tcp_flags"));
    };
    for name in ["LAN", "My-Brick", "eth0/1", "LAN 2", "a-b/c-d e", "S"] {
        ends(name, "WAN");
        ends("WAN", name);
    }
}

#[test]
fn headers() {
    const TEXT: &str = "Web out: 0 UDP(17) LAN/10.1.2.3/5353-WAN/192.0.2.1/53 Allow";
    for (header, host, time) in [
        ("<134>", "", "event_time=2026-11-22T00:00:00Z"),
        ("<134>Nov 21 23:00:00 brick ", "brick", "event_time=2026-11-21T23:00:00Z"),
        (
            "<134>1 2026-11-21T23:00:00.123456Z brick filter - - - ",
            "brick",
            "event_time=2026-11-21T23:00:00.123456Z",
        ),
    ] {
        let (_, records) = decode([header, TEXT].concat().as_bytes());
        let shown = show(&records[0]);
        assert!(shown.contains("filter=Web out") && shown.contains(time), "{shown}");
        assert_eq!(records[0].get("host").map_or("", String::as_str), host);
        assert_eq!(shown.contains("extra[app=filter]"), header.contains("filter"));
    }
}

#[test]
fn several_sessions_and_spaces_as_the_document_prints_them() {
    for (line, expected) in [
        (
            "End x: ICMP( 1) LAN/ 10.1.2.3/ECHO(8:0)-WAN/ 192.0.2.1/7 1/2",
            "extra[src_interface=LAN dst_interface=WAN icmp=ECHO(8:0) icmp_id=n7]",
        ),
        ("End x: GRE(47) LAN/10.1.2.3-WAN/192.0.2.1 1,234/2", "sent_bytes=1234"),
        ("End x: FOO(200) LAN/10.1.2.3-WAN/192.0.2.1 1/2", "protocol_name=FOO"),
        (
            "x: 00-03-97-12-34-56 UDP(17) LAN/2001:db8::1/5-WAN/2001:db8::2/6 Drop.",
            "dst_addr=2001:db8::2",
        ),
        ("Frag: Frag 0 UDP(17)/1@2 A/10.1.2.3-B/192.0.2.1 Drop", "filter=Frag"),
    ] {
        let (_, records) = decode(line.as_bytes());
        let shown = show(&records[0]);
        assert!(shown.contains(expected), "{line}\n{shown}");
    }
}

#[test]
fn other_text_is_not_taken_for_it() {
    for line in [
        "kernel: the firewall says Drop",
        "x: 0 TCP(6) LAN/10.1.2.3/1-WAN/192.0.2.1/2 Dropped",
        "x: 0 TCP(6) LAN/10.1.2.3/1 WAN/192.0.2.1/2 Drop",
        "x: 0 TCP(six) LAN/10.1.2.3/1-WAN/192.0.2.1/2 Drop",
        "x: y TCP(6) LAN/10.1.2.3/1-WAN/192.0.2.1/2 Drop",
        "x 0 TCP(6) LAN/10.1.2.3/1-WAN/192.0.2.1/2 Drop",
        "x: 0 TCP(6) /10.1.2.3/1-WAN/192.0.2.1/2 Drop",
        "x: 0 TCP(6) LAN/10.1.2.3/1-WAN/192.0.2.1/2 1/2",
        "End x: TCP(6) LAN/10.1.2.3/1-WAN/192.0.2.1/2 Drop",
        "Drop",
        "<38>Nov 21 23:00:00 h sshd[1]: Invalid user x: 0 TCP(6) LAN/10.1.2.3/1-WAN/192.0.2.1/80 S Allow",
    ] {
        assert_eq!(decode(line.as_bytes()).1[0]["reason"], "syslog_unknown", "{line}");
    }
    for line in [
        "x: 0 TCP(6) LAN/10.1.2.3/65536-WAN/192.0.2.1/2 Drop",
        "x: 0 TCP(256) LAN/10.1.2.3/1-WAN/192.0.2.1/2 Drop",
        "x: 0 TCP(6) LAN/10.1.2.3/1,2-WAN/192.0.2.1/2 Drop",
        "x: 0 ICMP(1) LAN/10.1.2.3/ECHO(8:256)-WAN/192.0.2.1/2 Drop",
        "x: Frag 0 UDP(17)/65536@0 LAN/10.1.2.3-WAN/192.0.2.1 Drop",
        "End x: TCP(6) LAN/10.1.2.3/1-WAN/192.0.2.1/2 1/18446744073709551616",
    ] {
        assert_eq!(decode(line.as_bytes()).1[0]["reason"], "filter_value", "{line}");
    }
}
