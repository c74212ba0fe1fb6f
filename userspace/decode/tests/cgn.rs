//! CGNAT lines of every shape that is known, value by value.

#[path = "support/lines.rs"]
mod lines;
#[path = "support/read.rs"]
mod read;

use lines::{check, decode, show};

const BLOCK: &str = "record=port_block format=cgn-cn";
const SESSION: &str = "record=session format=cgn-cn";

/// The values of a bracket under one header, and what they decode to between event and time.
#[test]
fn brackets() {
    const TIME: &str = "event_time=2024-05-09T01:02:03Z flags=header_zone_assumed_utc";
    let table = [
        (
            "UserbasedA [ - 10.1.2.3  192.0.2.1  33792 34047 ]",
            BLOCK,
            "allocate",
            "",
            "port_first=33792 port_last=34047 private_addr=10.1.2.3 public_addr=192.0.2.1",
            "",
        ),
        (
            "userbasedW[17 10.1.2.3 - 192.0.2.1 - 1024 2047]",
            BLOCK,
            "release",
            "",
            "port_first=1024 port_last=2047 private_addr=10.1.2.3 protocol=17 public_addr=192.0.2.1",
            "",
        ),
        (
            "PortA [ 10.1.2.3 - 192.0.2.1 - 1024 2047]",
            BLOCK,
            "allocate",
            "",
            "port_first=1024 port_last=2047 private_addr=10.1.2.3 public_addr=192.0.2.1",
            "",
        ),
        (
            "UserbasedA [- 10.1.2.3 192.0.2.1 1024 2047]",
            BLOCK,
            "allocate",
            "+reading_inferred",
            "port_first=1024 port_last=2047 private_addr=10.1.2.3 public_addr=192.0.2.1",
            "",
        ),
        (
            "UserbasedA [17  10.1.2.3  -  192.0.2.1  -  1024  2047]",
            BLOCK,
            "allocate",
            "",
            "port_first=1024 port_last=2047 private_addr=10.1.2.3 protocol=17 public_addr=192.0.2.1",
            "",
        ),
        (
            "Userbasedkeepalive [- 10.1.2.3 - 192.0.2.1 - 1024 2047]",
            BLOCK,
            "keepalive",
            "+reading_inferred",
            "port_first=1024 port_last=2047 private_addr=10.1.2.3 public_addr=192.0.2.1",
            " event=Userbasedkeepalive",
        ),
        (
            "Portblockrunout [- 10.1.2.3 - 192.0.2.1 - 1024 2047]",
            BLOCK,
            "unknown",
            "+reading_inferred",
            "port_first=1024 port_last=2047 private_addr=10.1.2.3 public_addr=192.0.2.1",
            " event=Portblockrunout",
        ),
        (
            "UserbasedA [- 10.1.2.3 2001:db8::7 192.0.2.1 - 1024 2047].",
            BLOCK,
            "allocate",
            "",
            "port_first=1024 port_last=2047 private_addr=10.1.2.3 public_addr=192.0.2.1",
            " tunnel_addr=2001:db8::7",
        ),
    ];
    for (values, kind, event, flag, columns, extra) in table {
        let line = format!("<134> 1 2024 May 9 01:02:03 198.51.100.1 bras - NAT444:{values}");
        let expected = format!(
            "{kind} event={event} {TIME}{flag} host=198.51.100.1 {columns} scene=NAT444 \
             time_source=header extra[app=bras{extra}]"
        );
        check(&[(&line, &expected)]);
    }
    let table = [
        (
            "SessionA [6 10.1.2.3 - 192.0.2.1 50000 2000 -]",
            "create",
            "",
            "nat_src_addr=192.0.2.1 nat_src_port=2000 protocol=6 src_addr=10.1.2.3 src_port=50000",
            "",
        ),
        (
            "SessionbasedW [6 10.1.2.3 – 192.0.2.1 – 2000 2000]",
            "end",
            "",
            "nat_src_addr=192.0.2.1 nat_src_port=2000 protocol=6 src_addr=10.1.2.3",
            "",
        ),
        (
            "SessionbasedAD [17 - 2001:db8::7 192.0.2.1 5 2000 -]",
            "create",
            "",
            "nat_src_addr=192.0.2.1 nat_src_port=2000 protocol=17 src_addr=2001:db8::7 src_port=5",
            "",
        ),
        (
            "SessionbasedW[17 10.1.2.3 - 192.0.2.1 1024 2047 22 -]",
            "end",
            "+reading_inferred",
            "nat_src_addr=192.0.2.1 nat_src_port=2047 protocol=17 src_addr=10.1.2.3 src_port=1024",
            " value7=22",
        ),
        (
            "SessionW [6 10.1.2.3 192.0.2.1 1024 2047]",
            "end",
            "+reading_inferred",
            "nat_src_addr=192.0.2.1 nat_src_port=2047 protocol=6 src_addr=10.1.2.3 src_port=1024",
            "",
        ),
        (
            "SessionW [6 - 198.51.100.9 2001:db8::1 7 3 3]",
            "end",
            "",
            "nat_src_addr=2001:db8::1 nat_src_port=3 protocol=6 src_addr=198.51.100.9 src_port=7",
            "",
        ),
        (
            "SessionA[17 10.1.2.3 - 192.0.2.1 - 10000 11000]",
            "create",
            "+reading_inferred",
            "nat_src_addr=192.0.2.1 nat_src_port=10000 protocol=17 src_addr=10.1.2.3",
            " nat_src_port_last=n11000",
        ),
    ];
    for (values, event, flag, columns, extra) in table {
        let line = format!("<134>1 2024 May 9 01:02:03 198.51.100.1 bras - NAT444: {values}");
        let (extra, extra_first) = if extra.contains("last") { ("", extra) } else { (extra, "") };
        let expected = format!(
            "{SESSION} event={event} {TIME}{flag} host=198.51.100.1 {columns} \
             time_source=header extra[app=bras{extra_first} scene=NAT444{extra}]"
        );
        check(&[(&line, &expected)]);
    }
    check(&[
        (
            "<134> 1 2024 Apr 14 18:54:19 fw - - NAT444:sessionbasedA [6 100.64.6.37 - 192.0.2.1 48558 38287 - 198.51.100.4 443]",
            "record=session format=cgn-cn event=create dst_addr=198.51.100.4 dst_port=443 \
         event_time=2024-04-14T18:54:19Z flags=header_zone_assumed_utc host=fw \
         nat_src_addr=192.0.2.1 nat_src_port=38287 protocol=6 src_addr=100.64.6.37 src_port=48558 \
         time_source=header extra[scene=NAT444]",
        ),
        (
            "<134>1 2024 May 9 01:02:03 fw - - DSLITE:SessionA [6 10.1.2.3 2001:db8::7 192.0.2.1 1 2 -]",
            "record=session format=cgn-cn event=create event_time=2024-05-09T01:02:03Z \
         flags=header_zone_assumed_utc host=fw nat_src_addr=192.0.2.1 nat_src_port=2 protocol=6 \
         src_addr=10.1.2.3 src_port=1 time_source=header tunnel_addr=2001:db8::7 extra[scene=DSLITE]",
        ),
    ]);
}

#[test]
fn headers() {
    const VALUES: &str = "[- 10.1.2.3 - 192.0.2.1 - 1024 2047]";
    for (header, host, time, extra) in [
        (
            "<134> 1 2024 May 9 01:02:03 198.51.100.1 bras 7 NAT444:UserbasedA ",
            "198.51.100.1",
            "2024-05-09T01:02:03Z",
            "app=bras procid=7",
        ),
        (
            "<134> 1 198.51.100.1 2024 May 09 01:02:03 fw 7 NAT444:UserbasedA",
            "198.51.100.1",
            "2024-05-09T01:02:03Z",
            "app=fw procid=7",
        ),
        (
            "<134>1 2024-05-09 01:02:03 bras - NAT444: UserbasedA",
            "bras",
            "2024-05-09T01:02:03Z",
            "",
        ),
        (
            "<134>1 2024 May 9 01 02 03 bras - - NAT444:UserbasedA",
            "bras",
            "2024-05-09T01:02:03Z",
            "",
        ),
        ("<134>1 Sep 9 01:02:03 bras - - NAT444:UserbasedA", "bras", "2026-09-09T01:02:03Z", ""),
        (
            "<134> 1 <2024> <May> <9> <01:02:03> bras - - <NAT444>:<UserbasedA> ",
            "bras",
            "2024-05-09T01:02:03Z",
            "",
        ),
        (
            "May  9 01:03:00 relay 1 2024 May 9 01:02:03 bras - - NAT444:UserbasedA",
            "bras",
            "2024-05-09T01:02:03Z",
            "",
        ),
        ("2024 May 9 01:02:03 bras nat44:UserbasedA", "bras", "2024-05-09T01:02:03Z", ""),
        ("- laft6:UserbasedA ", "", "", ""),
    ] {
        let (_, records) = decode([header, VALUES].concat().as_bytes());
        let [record] = records.as_slice() else { panic!("one record: {header}") };
        let shown = show(record);
        assert_eq!(record.get("host").map_or("", String::as_str), host, "{shown}");
        assert_eq!(record.get("extra").map_or("", String::as_str), extra, "{shown}");
        assert_eq!(record["record"], "port_block", "{shown}");
        let expected = if time.is_empty() { "time_source=received" } else { time };
        assert!(shown.contains(expected), "{shown}");
    }
}

#[test]
fn several_groups_and_a_bad_one() {
    let line = "<134>1 2011 May 31 10:30:45 192.0.2.9 - - NAT44 – [UserbasedA - 10.1.32.45 INVRFA – \
                192.0.2.28 – 12544 12671][SessionbasedWD 6 10.1.32.46 7 – 192.0.2.28 80 12673 – 198.51.100.1 443]";
    check(&[(
        line,
        "record=session format=cgn-cn event=end dst_addr=198.51.100.1 dst_port=443 \
         event_time=2011-05-31T10:30:45Z flags=header_zone_assumed_utc host=192.0.2.9 \
         nat_src_addr=192.0.2.28 nat_src_port=12673 protocol=6 src_addr=10.1.32.46 src_port=80 \
         src_vrf=7 time_source=header extra[scene=NAT44] ; \
         record=port_block format=cgn-cn event=allocate event_time=2011-05-31T10:30:45Z \
         flags=header_zone_assumed_utc host=192.0.2.9 port_first=12544 port_last=12671 \
         private_addr=10.1.32.45 public_addr=192.0.2.28 scene=NAT44 time_source=header \
         extra[src_vrf=INVRFA]",
    )]);
    let bad = line.replace("12544 12671", "12544 82671");
    let (_, records) = decode(bad.as_bytes());
    let of = |record: usize, name: &str| records[record][name].clone();
    assert_eq!([of(0, "record"), of(1, "reason")], ["session", "cgn_port"]);
    assert_eq!(records.len(), 2);
}

#[test]
fn pipes() {
    let at = |event: &str, values: &str| {
        format!("<142> 1 2017 Dec 28 08:16:00 192.0.2.9 FW - NAT444:{event} {values}")
    };
    let unicom = "format=cgn-unicom";
    check(&[
        (
            &at("PortA", "1514448960|10.1.2.3|192.0.2.1|33792|34047"),
            &format!(
                "record=port_block {unicom} event=allocate event_time=2017-12-28T08:16:00Z host=192.0.2.9 port_first=33792 port_last=34047 private_addr=10.1.2.3 public_addr=192.0.2.1 scene=NAT444 time_source=record extra[app=FW]"
            ),
        ),
        (
            &at(
                "SessionA",
                "1514448960|10.1.2.3|192.0.2.1|2000|198.51.100.1|80|6|http://h.example/a|b",
            ),
            &format!(
                "record=session {unicom} event=create dst_addr=198.51.100.1 dst_port=80 event_time=2017-12-28T08:16:00Z host=192.0.2.9 nat_src_addr=192.0.2.1 nat_src_port=2000 protocol=6 src_addr=10.1.2.3 start_time=2017-12-28T08:16:00Z time_source=record url=http://h.example/a|b extra[app=FW scene=NAT444]"
            ),
        ),
        (
            &at("SessionW", "1514448900|10.1.2.3|192.0.2.1|2000|198.51.100.1|80|udp"),
            &format!(
                "record=session {unicom} event=end dst_addr=198.51.100.1 dst_port=80 event_time=2017-12-28T08:16:00Z flags=header_zone_assumed_utc+reading_inferred host=192.0.2.9 nat_src_addr=192.0.2.1 nat_src_port=2000 protocol=17 src_addr=10.1.2.3 start_time=2017-12-28T08:15:00Z time_source=header extra[app=FW scene=NAT444]"
            ),
        ),
        (
            &at("SessionW", "1514448900|1514448959|10.1.2.3|192.0.2.1|2000|198.51.100.1|80|6."),
            &format!(
                "record=session {unicom} event=end dst_addr=198.51.100.1 dst_port=80 duration_ms=59000 end_time=2017-12-28T08:15:59Z event_time=2017-12-28T08:15:59Z host=192.0.2.9 nat_src_addr=192.0.2.1 nat_src_port=2000 protocol=6 src_addr=10.1.2.3 start_time=2017-12-28T08:15:00Z time_source=record extra[app=FW scene=NAT444]"
            ),
        ),
        (
            &at("SessionA", "1514448900|-|10.1.2.3|192.0.2.1|2000|198.51.100.1|80|xyz"),
            &format!(
                "record=session {unicom} event=create dst_addr=198.51.100.1 dst_port=80 event_time=2017-12-28T08:15:00Z host=192.0.2.9 nat_src_addr=192.0.2.1 nat_src_port=2000 src_addr=10.1.2.3 start_time=2017-12-28T08:15:00Z time_source=record extra[app=FW scene=NAT444 protocol=xyz]"
            ),
        ),
        (
            &at("SessionW", "20171228081601|10.1.2.3|6949|192.0.2.1|28920|198.51.100.1|80"),
            &format!(
                "record=session {unicom} event=end dst_addr=198.51.100.1 dst_port=80 end_time=2017-12-28T08:16:01Z event_time=2017-12-28T08:16:01Z flags=header_zone_assumed_utc host=192.0.2.9 nat_src_addr=192.0.2.1 nat_src_port=28920 src_addr=10.1.2.3 src_port=6949 time_source=record extra[app=FW scene=NAT444]"
            ),
        ),
    ]);
}

#[test]
fn france_telecom() {
    const PAIRS: &str = "privateip='10.1.2.3' publicip='192.0.2.1' publicportrange='1024~2047' time='2024-05-09 01:02:03'";
    let at = |action: &str, sentence: &str| {
        format!(
            "<134> 1 2024-05-09T01:02:03.33Z 192.0.2.9 - - NAT444userbased - %%01SEC/6/{action}(l): {sentence}. {PAIRS}"
        )
    };
    let shown = |event: &str, flags: &str, extra: &str| {
        format!(
            "record=port_block format=cgn-ft event={event} event_time=2024-05-09T01:02:03Z{flags} host=192.0.2.9 port_first=1024 port_last=2047 private_addr=10.1.2.3 public_addr=192.0.2.1 scene=NAT444 time_source=record{extra}"
        )
    };
    for (action, sentence, event) in [
        ("BIND", "An initial portrange is assigned, in nat444 scene", "allocate"),
        ("BIND", "A initial portrange is assigned, in nat444 scene", "allocate"),
        ("BIND", "An extended portrange is assigned, in nat444 scene", "allocate"),
        ("BIND", "An initial portrange is released, in nat444 scene", "unknown"),
        ("BIND", "An initial portrange is reassigned, not released", "unknown"),
        ("OTHER", "A portrange is released", "release"),
        ("UNBIND", "An initial portrange is gone, in nat444 scene", "release"),
        ("BIND", "An initial portrange is unassigned, in nat444 scene", "unknown"),
        ("KEEPALIVE", "A portrange is held", "keepalive"),
        ("OTHER", "Something", "unknown"),
    ] {
        let documented = sentence.contains("initial portrange is assigned");
        let flags = if documented { "" } else { " flags=reading_inferred" };
        let kept = format!(" extra[action={action} sentence={sentence}]");
        let kept = if documented { "" } else { &kept };
        check(&[(&at(action, sentence), &shown(event, flags, kept))]);
    }
    check(&[
        (
            "<134> 1 2024-05-09T01:02:03Z 192.0.2.9 - - NAT444userbased - %%01SEC/6/BIND(L): An initial \
         portrange is assigned, in nat444 scene. sequence='0x0000106f00000002' sessionid='0x00000005' \
         privateip='10.1.2.3' srcvrfid='7' publicip='192.0.2.1' publicportrange='1024~65535' new='x y'",
            "record=port_block format=cgn-ft event=allocate event_time=2024-05-09T01:02:03Z \
         host=192.0.2.9 port_first=1024 port_last=65535 private_addr=10.1.2.3 public_addr=192.0.2.1 \
         scene=NAT444 sequence=18068927414274 session_id=5 src_vrf=7 time_source=header extra[new=x y]",
        ),
        (
            &format!(
                "Jul 08 2026 09:35:40.460.1+02:00 DST BR-1 %%01SEC/6/BIND(L): An initial portrange is assigned, in nat444 scene. {PAIRS}"
            ),
            "record=port_block format=cgn-ft event=allocate event_time=2024-05-09T01:02:03Z host=BR-1 \
         port_first=1024 port_last=2047 private_addr=10.1.2.3 public_addr=192.0.2.1 scene=nat444 \
         time_source=record",
        ),
    ]);
}

#[test]
fn an_empty_value_of_france_telecom_s_is_none() {
    let (_, records) = decode(
        b"<134>FW %%01SEC/6/BIND(l): An initial portrange is assigned. sequence='' privateip='10.1.2.3' \
        srcvrfid='' publicip='192.0.2.1' publicportrange='1024~2047' time=''",
    );
    let record = &records[0];
    assert_eq!([&*record["event"], &*record["port_last"]], ["allocate", "2047"]);
    assert_eq!(record.get("src_vrf").or(record.get("sequence")).or(record.get("extra")), None);
}

#[test]
fn bare_values() {
    check(&[(
        "<134> 2016 January 18 14 09 22 192.0.2.9 cnelog DSLITE 17 2001:db8::1:1 192.0.2.1 1052 2000",
        "record=port_block format=cgn-cn event=unknown event_time=2016-01-18T14:09:22Z \
         flags=header_zone_assumed_utc+reading_inferred host=192.0.2.9 port_first=1052 \
         port_last=2000 private_addr=2001:db8::1:1 protocol=17 public_addr=192.0.2.1 scene=DSLITE \
         time_source=header extra[app=cnelog]",
    )]);
}

#[test]
fn what_cannot_be_has_a_reason() {
    const HEADER: &str = "<134>1 2024 May 9 01:02:03 198.51.100.1 bras - NAT444:";
    for (values, reason) in [
        ("PortA 1290970347|10.1.2.3|192.0.2.1|33792|134047", "cgn_port"),
        ("PortA 1290970347|10.1.2.3|192.0.2.1|33792", "cgn_fields"),
        ("PortA 1290970347|10.1.2.3|192.0.2.1|33792|33791", "cgn_value"),
        ("PortA 1290970347|10.1.2.300|192.0.2.1|33792|34047", "cgn_value"),
        ("PortA 99999999999|10.1.2.3|192.0.2.1|33792|34047", "cgn_value"),
        ("UserbasedA [- 10.1.2.3 - 192.0.2.1 - 65536 65537]", "cgn_port"),
        ("UserbasedA [- 10.1.2.3 - 192.0.2.1 - 2 1]", "cgn_value"),
        ("UserbasedA [- 10.1.2.3 - 192.0.2.1 - x 1]", "cgn_value"),
        ("UserbasedA [- 10.1.2.3 - 192.0.2.1 - 1 2", "cgn_fields"),
        ("UserbasedA [1 2 3 4 5 6 7 8 9 10 11 12]", "cgn_fields"),
        ("UserbasedA []", "cgn_fields"),
        ("UserbasedA 1 2", "syslog_unknown"),
        ("NAT444 is up", "syslog_unknown"),
    ] {
        let (_, records) = decode([HEADER, values].concat().as_bytes());
        let reasons: Vec<_> = records.iter().filter_map(|record| record.get("reason")).collect();
        assert_eq!(reasons, [reason], "{values}");
    }
    for line in [
        "<14>May  9 01:02:03 host NAT64: translation table is full",
        "<134> 2016 January 18 14 09 22 192.0.2.9 cnelog NAT64 17 packets dropped",
        "<134>NAT64 17 2001:db8::1:1 192.0.2.1 1052 2000",
        "<134>FW %%01SEC/6/BIND(l): privateip='10.1.2.3'",
        "<134>FW %%01SECLOG/6/X(l): publicportrange='1~2' publicip='192.0.2.1'",
    ] {
        let (_, records) = decode(line.as_bytes());
        assert_eq!(records[0]["reason"], "syslog_unknown", "{line}");
    }
}

/// One column a line: format, event, private and public address and ports, and the protocol.
const SAMPLES: [[&str; 8]; 23] = [
    ["cgn-cn", "allocate", "172.31.1.94", "", "172.30.1.4", "33792", "34047", ""],
    // The last port of Huawei's own example is above 65535.
    ["unknown", "", "", "", "", "", "", "cgn_port"],
    ["cgn-ft", "allocate", "172.31.1.91", "", "172.30.1.6", "33792", "34047", ""],
    ["cgn-ft", "allocate", "172.16.1.2", "", "10.1.1.10", "1024", "65535", ""],
    ["cgn-cn", "end", "12.12.12.12", "1024", "13.13.13.13", "2047", "", "17"],
    ["cgn-cn", "end", "12.12.12.12", "1024", "13.13.13.13", "2047", "", "17"],
    ["cgn-cn", "unknown", "2001:db8::1:1", "", "10.13.13.13", "1052", "2000", "17"],
    ["cgn-cn", "unknown", "2001:db8::1:1", "", "10.14.13.13", "1052", "2000", "17"],
    ["cgn-cn", "create", "10.1.1.2", "", "172.16.1.1", "1025", "", "17"],
    ["cgn-cn", "end", "10.1.1.2", "", "172.16.1.1", "1025", "", "17"],
    ["cgn-cn", "create", "2001:db8:1::2:2", "", "10.11.11.100", "2048", "", "17"],
    ["cgn-cn", "end", "2001:db8:1::2:2", "", "10.11.11.100", "2048", "", "17"],
    ["cgn-cn", "allocate", "10.0.0.1", "", "192.168.0.1", "10000", "11000", "17"],
    ["cgn-cn", "create", "10.0.0.1", "", "192.168.0.1", "10000", "", "17"],
    ["cgn-cn", "end", "10.22.24.13", "53287", "106.120.238.99", "32075", "", "6"],
    ["cgn-cn", "end", "10.22.24.13", "", "106.120.238.99", "32075", "", "6"],
    ["cgn-cn", "end", "10::98", "53287", "106.120.238.99", "32075", "", "6"],
    ["cgn-cn", "end", "12::56", "7", "8.8.8.1", "3", "", "6"],
    ["cgn-cn", "end", "8.8.8.1", "7", "2001::1", "3", "", "6"],
    ["cgn-unicom", "end", "10.28.6.6", "6949", "8.8.8.1", "28920", "", ""],
    ["cgn-unicom", "end", "10.1.249.2", "", "124.207.3.12", "10256", "", "6"],
    ["cgn-unicom", "end", "172.17.16.212", "", "172.17.16.212", "63995", "", "6"],
    ["cgn-cn", "create", "100.64.6.37", "48558", "200.219.30.159", "38287", "", "6"],
];

#[test]
fn sample_lines() {
    let Some(text) = lines::sample("huawei_cgn_portblock_and_cn_family.log") else { return };
    assert_eq!(text.lines().count(), SAMPLES.len());
    for (line, expected) in text.lines().zip(SAMPLES) {
        let (_, records) = decode(line.as_bytes());
        let [record] = records.as_slice() else { panic!("one record: {line}") };
        let of = |names: [&'static str; 2]| {
            names.iter().find_map(|name| record.get(name)).map_or("", String::as_str)
        };
        let found = [
            of(["format", ""]),
            of(["event", ""]),
            of(["private_addr", "src_addr"]),
            of(["src_port", ""]),
            of(["public_addr", "nat_src_addr"]),
            of(["port_first", "nat_src_port"]),
            of(["port_last", ""]),
            of(["protocol", "reason"]),
        ];
        assert_eq!(found, expected, "{line}");
    }
}
