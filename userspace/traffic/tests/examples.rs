//! The encoders of the formats beside Huawei USG's sessions against lines and datagrams of the
//! documents' shapes, written by hand.

use logweir_traffic::cgn_cn::{self, Header, Missing, TimeForm};
use logweir_traffic::cgn_unicom::{self, Form};
use logweir_traffic::firebrick::{self, MacForm, Packet};
use logweir_traffic::message::{Message, Stamp};
use logweir_traffic::record::{Block, Details, Event, ICMP, Record, TCP, UDP};
use logweir_traffic::userlog::{self, Kind};
use logweir_traffic::{Action, BlockEvent, EventKind};
use logweir_traffic::{cgn_ft, fortinet, juniper_srx, usg_im, usg_policy};

/// 2026-01-01T00:00:09.330Z.
const STAMP: Stamp<'_> = Stamp { host: b"box-1", unix_ms: 1_767_225_609_330 };

#[track_caller]
fn assert_line(style: &impl Message, event: &Event<'_>, expected: &str) {
    let mut buffer = [0xaa; 1_024];
    let length = style.write(&mut buffer, &STAMP, event);
    assert_eq!(String::from_utf8_lossy(&buffer[..length]), expected);
}

/// 198.18.0.1:4000 as 203.0.113.5:1025 to 192.0.2.7:443.
fn session(event: EventKind) -> Record<'static> {
    let ended = event == EventKind::End;
    Record {
        event,
        protocol: TCP,
        src_v4: 0xc612_0001,
        src_port: 4_000,
        nat_src_v4: 0xcb00_7105,
        nat_src_port: 1_025,
        dst_v4: 0xc000_0207,
        dst_port: 443,
        start: 1_767_225_600,
        end: if ended { 1_767_225_609 } else { 0 },
        sent_packets: if ended { 6 } else { 0 },
        sent_bytes: if ended { 398 } else { 0 },
        received_packets: if ended { 4 } else { 0 },
        received_bytes: if ended { 1_307 } else { 0 },
        ..Record::default()
    }
}

fn block(event: BlockEvent) -> Event<'static> {
    Event::Block(Block {
        event,
        private_v4: 0xc612_0001,
        public_v4: 0xcb00_7105,
        port_first: 32_768,
        port_last: 33_023,
        vrf: 2,
        start: 1_767_225_600,
        session_id: 5,
        ..Block::default()
    })
}

const PLAIN: Header =
    Header { time: TimeForm::YearMonth, host_first: false, space_after_pri: true };

const CN: cgn_cn::Style = cgn_cn::Style {
    header: PLAIN,
    missing: Missing::Dash,
    space_before_bracket: true,
    short_event: false,
    stop: false,
    destination: false,
};

#[test]
fn cn_lines() {
    let created = Event::Session(session(EventKind::Create));
    assert_line(
        &CN,
        &created,
        "<134> 1 2026 Jan 01 00:00:09 box-1 cgn - NAT444:SessionbasedA [6 198.18.0.1 - \
         203.0.113.5 4000 1025 -]",
    );
    let hillstone = cgn_cn::Style { destination: true, short_event: true, ..CN };
    assert_line(
        &hillstone,
        &Event::Session(session(EventKind::End)),
        "<134> 1 2026 Jan 01 00:00:09 box-1 cgn - NAT444:SessionW [6 198.18.0.1 - 203.0.113.5 \
         4000 1025 - 192.0.2.7 443]",
    );
    // Huawei's own example has nothing for what is missing, but a dash for the protocol.
    let nothing = cgn_cn::Style { missing: Missing::Nothing, ..CN };
    assert_line(
        &nothing,
        &block(BlockEvent::Allocate),
        "<134> 1 2026 Jan 01 00:00:09 box-1 cgn - NAT444:UserbasedA [ - 198.18.0.1  203.0.113.5  \
         32768 33023 ]",
    );
    let dptech = cgn_cn::Style {
        header: Header { time: TimeForm::NoYear, host_first: true, space_after_pri: false },
        missing: Missing::EnDash,
        space_before_bracket: false,
        short_event: true,
        stop: true,
        ..CN
    };
    assert_line(
        &dptech,
        &block(BlockEvent::Release),
        "<142>1 box-1 Jan 1 00:00:09 cgn - NAT444:userbasedW[– 198.18.0.1 – 203.0.113.5 – 32768 \
         33023].",
    );
    let tunnelled =
        Record { src_v6: 0x2001_0db8 << 96 | 1, protocol: UDP, ..session(EventKind::Create) };
    assert_line(
        &cgn_cn::Style {
            header: Header { time: TimeForm::Iso, host_first: false, space_after_pri: false },
            ..CN
        },
        &Event::Session(tunnelled),
        "<134>1 2026-01-01 00:00:09 box-1 cgn - DSLITE:SessionbasedA [17 - 2001:db8::1 \
         203.0.113.5 4000 1025 -]",
    );
}

#[test]
fn unicom_lines() {
    let style = |form, angled| cgn_unicom::Style { header: PLAIN, angled, form };
    assert_line(
        &style(Form::WithUrl, true),
        &block(BlockEvent::Allocate),
        "<142> 1 <2026> <Jan> <01> <00:00:09> box-1 cgn - <NAT444>:<PortA> \
         1767225609|198.18.0.1|203.0.113.5|32768|33023",
    );
    let front = "<134> 1 2026 Jan 01 00:00:09 box-1 cgn - NAT444:";
    let created = Event::Session(session(EventKind::Create));
    let ended = Event::Session(session(EventKind::End));
    for (form, event, values) in [
        (
            Form::WithUrl,
            &created,
            "SessionA 1767225600|198.18.0.1|203.0.113.5|1025|192.0.2.7|443|6|",
        ),
        (
            Form::WithEnd { empty: false },
            &created,
            "SessionA 1767225600|-|198.18.0.1|203.0.113.5|1025|192.0.2.7|443|6",
        ),
        (
            Form::WithEnd { empty: true },
            &ended,
            "SessionW 1767225600|1767225609|198.18.0.1|203.0.113.5|1025|192.0.2.7|443|6",
        ),
        (
            Form::WithPort,
            &ended,
            "SessionW 1767225609|198.18.0.1|4000|203.0.113.5|1025|192.0.2.7|443",
        ),
    ] {
        assert_line(&style(form, false), event, &format!("{front}{values}"));
    }
}

#[test]
fn ft_lines() {
    let type3 = cgn_ft::Style { sequence: None, hundredths: true, first_wording: true };
    assert_line(
        &type3,
        &block(BlockEvent::Allocate),
        "<134> 1 2026-01-01T00:00:09.33Z box-1 - - NAT444userbased - %%01SEC/6/BIND(l): A initial \
         portrange is assigned, in nat444 scene. privateip='198.18.0.1' publicip='203.0.113.5' \
         publicportrange='32768~33023' time='2026-01-01 00:00:09'",
    );
    let type6 = cgn_ft::Style { sequence: Some(2), hundredths: false, first_wording: false };
    assert_line(
        &type6,
        &block(BlockEvent::Allocate),
        "<134> 1 2026-01-01T00:00:09Z box-1 - - NAT444userbased - %%01SEC/6/BIND(L): An initial \
         portrange is assigned, in nat444 scene. sequence='0x0000000000000002' \
         sessionid='0x00000005' privateip='198.18.0.1' srcvrfid='2' publicip='203.0.113.5' \
         publicportrange='32768~33023' time='2026-01-01 00:00:09'",
    );
}

#[test]
fn firebrick_lines() {
    let style = firebrick::Style {
        header: false,
        filter: "Web out",
        action: Action::Allow,
        interfaces: ["LAN", "WAN"],
        mac_form: MacForm::Plain,
        packet: Packet::Own,
        flags: "SA",
        padded: false,
        commas: false,
    };
    let tcp = session(EventKind::Create);
    let created = Event::Session(tcp);
    let front = "<134>Web out: 02fbc6120001 ";
    assert_line(
        &style,
        &created,
        &format!("{front}TCP(6) LAN/198.18.0.1/4000-WAN/192.0.2.7/443 SA Allow"),
    );
    let odd = firebrick::Style {
        header: true,
        mac_form: MacForm::Unknown,
        padded: true,
        commas: true,
        action: Action::Bounce,
        ..style
    };
    assert_line(
        &odd,
        &Event::Session(Record { protocol: UDP, ..tcp }),
        "<134>Jan  1 00:00:09 box-1 Web out: 0 UDP(17) LAN/198.018.000.001/4,000-\
         WAN/192.000.002.007/443 Bounce",
    );
    let ping = Record { protocol: ICMP, src_port: 512, dst_port: 0x0800, ..tcp };
    assert_line(
        &firebrick::Style { action: Action::Reject, ..style },
        &Event::Session(ping),
        &format!("{front}ICMP(1) LAN/198.18.0.1/ECHO(8:0)-WAN/192.0.2.7/512 Reject"),
    );
    assert_line(
        &firebrick::Style { packet: Packet::Other(47, "GRE"), action: Action::Drop, ..style },
        &created,
        &format!("{front}GRE(47) LAN/198.18.0.1-WAN/192.0.2.7 Drop"),
    );
    assert_line(
        &firebrick::Style { packet: Packet::Fragment(4_711, 1_480), ..style },
        &created,
        "<134>Web out: Frag 02fbc6120001 TCP(6)/4711@1480 LAN/198.18.0.1-WAN/192.0.2.7 Allow",
    );
    assert_line(
        &style,
        &Event::Session(session(EventKind::End)),
        "<134>End Web out: TCP(6) LAN/198.18.0.1/4000-WAN/192.0.2.7/443 398/1307",
    );
}

fn named(event: EventKind) -> Event<'static> {
    Event::Session(Record {
        details: Details {
            src_zone: Some(b"trust"),
            dst_zone: Some(b"untrust"),
            policy: Some(b"Internet Access"),
            close_reason: (event == EventKind::End).then_some(b"tcp-fin"),
            ..Details::default()
        },
        ..session(event)
    })
}

#[test]
fn huawei_usg_lines() {
    assert_line(
        &usg_policy::Style { month_name: false },
        &named(EventKind::Create),
        "<190>Jan 01 2026 00:00:09 box-1 %%01POLICY/6/POLICYPERMIT(l):vsys=public, protocol=6, \
         source-ip=198.18.0.1, source-port=4000, destination-ip=192.0.2.7, destination-port=443, \
         time=2026/1/1 00:00:09, source-zone=trust, destination-zone=untrust, \
         rule-name=Internet Access.",
    );
    assert_line(
        &usg_im::Style { application: "QQ", account: 10_001 },
        &Event::Session(session(EventKind::End)),
        "<190>2026-01-01 00:00:09 box-1 %%01SECLOG/6/IM_LOGOUT(l):IPVer=4,Protocol=tcp,\
         SourceIP=198.18.0.1,DestinationIP=192.0.2.7,SourcePort=4000,DestinationPort=443,\
         SourceNatIP=203.0.113.5,SourceNatPort=1025,BeginTime=1767225600,EndTime=1767225609,\
         SourceVpnID=0,DestinationVpnID=0,ApplicationName=QQ,Account=10001.",
    );
}

#[test]
fn other_vendors_lines() {
    assert_line(
        &juniper_srx::Style { session_id: 92_317 },
        &block(BlockEvent::Release),
        "<14>1 2026-01-01T00:00:09.330Z box-1 RT_NAT - RT_SRC_NAT_PBA_RELEASE \
         [junos@2636.1.1.1.2.26 internal-ip=\"198.18.0.1\" block-used=\"0\" \
         block-max-per-host=\"4\" block-port-low=\"32768\" block-port-high=\"33023\" \
         reflexive-ip=\"203.0.113.5\" nat-pool-name=\"cgn\" logical-system-id=\"0\" \
         epoch-time-64=\"6955b909\"]",
    );
    assert_line(
        &juniper_srx::Style { session_id: 92_317 },
        &named(EventKind::End),
        "<14>1 2026-01-01T00:00:09.330Z box-1 RT_FLOW - RT_FLOW_SESSION_CLOSE \
         [junos@2636.1.1.1.2.26 reason=\"tcp-fin\" source-address=\"198.18.0.1\" \
         source-port=\"4000\" destination-address=\"192.0.2.7\" destination-port=\"443\" \
         service-name=\"junos-https\" nat-source-address=\"203.0.113.5\" nat-source-port=\"1025\" \
         nat-destination-address=\"192.0.2.7\" nat-destination-port=\"443\" protocol-id=\"6\" \
         policy-name=\"Internet Access\" source-zone-name=\"trust\" \
         destination-zone-name=\"untrust\" session-id=\"92317\" packets-from-client=\"6\" \
         bytes-from-client=\"398\" packets-from-server=\"4\" bytes-from-server=\"1307\" \
         elapsed-time=\"9\" application=\"UNKNOWN\" username=\"N/A\"]",
    );
    assert_line(
        &fortinet::Style { priority: false },
        &Event::Session(session(EventKind::End)),
        "Jan  1 00:00:09 box-1 date=2026-01-01 time=00:00:09 sn=F2K0000000000001 vd=cgn-hw1 \
         pid=805306369 type=sess act=end tran=snat proto=6 ipold=v4 ipnew=v4 sip=198.18.0.1 \
         dip=192.0.2.7 sport=4000 dport=443 nsip=203.0.113.5 ndip=192.0.2.7 nsport=1025 \
         ndport=443 dur=9330 sentp=6 sentb=398 rcvdp=4 rcvdb=1307",
    );
}

/// The constructed datagrams of the reference note, records of the documented layouts.
#[test]
fn userlog_datagrams() {
    let header = userlog::Header {
        count: 2,
        unix_seconds: 0x568f_1d46,
        sequence: 77,
        location: 0x0001_0203,
    };
    let created = Record {
        event: EventKind::Create,
        protocol: TCP,
        src_v4: 0x6440_0102,
        nat_src_v4: 0xcb00_7105,
        dst_v4: 0xc633_6407,
        src_port: 40_001,
        nat_src_port: 1_025,
        dst_port: 443,
        start: 0x568f_1d3c,
        ..Record::default()
    };
    let ended = Record {
        event: EventKind::End,
        protocol: UDP,
        dst_v4: 0xc633_6435,
        src_port: 5_353,
        nat_src_port: 1_026,
        dst_port: 53,
        end: 0x568f_1d45,
        received_packets: 1,
        received_bytes: 120,
        sent_packets: 1,
        sent_bytes: 74,
        src_vrf: 1,
        dst_vrf: 2,
        ..created
    };
    let mut datagram = userlog::header(Kind::H3c, &header).to_vec();
    datagram.extend(userlog::record(Kind::H3c, &created, 8));
    datagram.extend(userlog::record(Kind::H3c, &ended, 2));
    assert_eq!(datagram, include_bytes!("../testdata/CONSTRUCTED_h3c_userlog_v3.bin"));
    let header = userlog::Header {
        count: 1,
        unix_seconds: 0x568f_1d3c,
        sequence: 0,
        location: userlog::location(Kind::Elog, 3),
    };
    let record = Record {
        src_v4: 0x0a01_0102,
        nat_src_v4: 0xac10_0101,
        dst_v4: 0xc000_0209,
        src_port: 1_024,
        nat_src_port: 2_048,
        dst_port: 80,
        ..created
    };
    let mut datagram = userlog::header(Kind::Elog, &header).to_vec();
    datagram.extend(userlog::record(Kind::Elog, &record, 0));
    assert_eq!(datagram, include_bytes!("../testdata/CONSTRUCTED_huawei_ne_elog_v1.bin"));
}
