//! Nothing is allocated for a datagram once a worker has met its exporter.
//!
//! One test, because the counters are those of the whole process.

#[path = "support/counting.rs"]
mod counting;

use logweir_decode::{
    batch::{Batch, Capacity},
    declared::Formats,
    decoder::{Datagram, Decoder, FormatHint, Outcome},
    limits::Limits,
    netflow::registry::Registry,
    settings::{ImPolicy, Settings},
};
use std::{net::IpAddr, sync::Arc};

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

const DEFAULT: &[u8] = b"<190>2016-01-08 10:21:57 FW %%01SECLOG/6/SESSION_TEARDOWN(l):IPVer=4,\
    Protocol=udp,SourceIP=192.0.2.7,DestinationIP=198.51.100.8,SourcePort=1,DestinationPort=2,\
    SourceNatIP=203.0.113.1,SourceNatPort=1024,BeginTime=1452219708,EndTime=1452219717,\
    SendPkts=20,SendBytes=1720,RcvPkts=0,RcvBytes=0,SourceVpnID=0,DestinationVpnID=0,\
    SourceZone=trust,NewKey=7,PolicyName=Internet Access.";
const MTN: &[u8] = b"<190>%%: Teardown an udp session, 192.0.2.7:1[203.0.113.1:1024] (trust) to \
    198.51.100.8:2 (untrust), duration 15, rcv 0 bytes via 0 packets, send 20 bytes via 1720 \
    packets.<190>FW %%: Built an xyz session, 2001:db8::1:1 (a) to 2001:db8::2:2 (b) and more.";
const SENTENCE: &[u8] = b"<14>Jan  2 17:00:00 bng RT_NAT: RT_SRC_NAT_PBA_ALLOC: Subscriber \
    100.64.0.7 used/maximum [1/15] blocks, allocates port block [2048-2303] from 203.0.113.7 in \
    source pool P lsys_id: 0 epoch 0x6957b340";
const PAIRS: &[u8] = b"<6> Jan 02 20:00:00 2026 fw1 %%10session/6/SESSION_IPV4_FLOW: \
    Protocol(1001)=UDP;SrcIPAddr(1003)=10.0.0.7;NatSrcIPAddr(1005)=203.0.113.7;\
    RcvVPNInstance(1042)=red;BeginTime_e(1013)=01022026115500;Event(1048)=(8)Session created;";
const BRACKETS: &[u8] = b"<134> 1 2010 Nov 28 18:45:18 192.0.2.9 h - NAT44:SessionA \
    [6 10.1.1.4 - 192.0.2.4 1 2 9 -][UserbasedW - 1:: - 2:: - 1 2]";
const PIPES: &[u8] = b"1 192.0.2.9 2013 Nov 26 11:43:16 F 1 NAT444:SessionW 1|2|1::|2::|1|3::|80|x";
const FT: &[u8] =
    b"<134> 1 2010-11-28T18:52:12.33Z 192.0.2.9 a - NAT444userbased - %%01SEC/6/BIND(l): A \
    portrange is free. privateip='1::' publicip='2::' publicportrange='1~2' a='b'";
const FIREBRICK: &[u8] = b"<134>Web out: 0 ICMP(1) LAN/10.1.2.3/ECHO(8:0)-WAN/192.0.2.1/7 Allow\n\
    End x: TCP(6) LAN/10.1.2.3/1-WAN/192.0.2.1/2 1/2";
const POLICY: &[u8] = b"Oct  5 2018 10:52:19 F %%01POLICY/6/POLICYPERMIT(l):vsys=a, protocol=17, \
    source-ip=192.0.2.1, time=2018/10/5 09:52:19, rule-name=Internet Access.";
const IM: &[u8] = b"<190>FW %%01SECLOG/6/IM_ONLINE(l):QQ=1,SourceIP=192.0.2.1,Nick=joe.";
/// Two records of elements with columns and without, and their template.
const EXTRAS: &[u8] = &[
    0, 9, 0, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0, 16, 1, 4, 0, 2, 0, 8, 0,
    4, 0, 10, 0, 2, 1, 4, 0, 16, 192, 0, 2, 7, 0, 1, 192, 0, 2, 8, 0, 2,
];
/// A flow of NetFlow v5.
const V5: &[u8] = &[
    0, 5, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0x40, 100, 10, 0, 0, 9, 203,
    0, 113, 9, 192, 0, 2, 254, 0, 1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 120, 0, 0, 0, 0, 0, 0, 0, 1, 4, 0,
    1, 187, 0, 27, 6, 0, 0, 0, 0, 0, 24, 16, 0, 0,
];
/// IPFIX: options that name interface 3 and their template; two records of variable length, of
/// which one came in there, a block of ports, and their templates.
const IPFIX: &[u8] = &[
    0, 10, 0, 116, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7, // header
    0, 3, 0, 18, 1, 144, 0, 2, 0, 1, 0, 10, 0, 4, 0, 82, 255, 255, // options template
    1, 144, 0, 15, 0, 0, 0, 3, 6, b'g', b'e', b'-', b'0', b'/', b'1', // options
    0, 2, 0, 36, 1, 44, 0, 3, 0, 8, 0, 4, 0, 10, 0, 1, 0, 236, 255, 255, // templates
    1, 45, 0, 3, 0, 8, 0, 4, 0, 230, 0, 1, 1, 105, 0, 2, //
    1, 44, 0, 20, 10, 0, 0, 9, 3, 3, b'r', b'e', b'd', 10, 0, 0, 8, 4, 0, 0, // data
    1, 45, 0, 11, 10, 0, 0, 9, 16, 4, 0, // a block
];

#[test]
fn no_datagram_allocates_once_its_exporter_is_known() {
    let kinds: &[(&str, &[u8])] = &[
        ("session log by NetFlow", include_bytes!("../testdata/doc_nf9_ipv4_create.bin")),
        (
            "NAT64 session log by NetFlow",
            include_bytes!("../testdata/doc_nf9_ipv6_nat64_aging.bin"),
        ),
        ("NetFlow with unknown elements", EXTRAS),
        ("userlog", include_bytes!("../testdata/CONSTRUCTED_h3c_userlog_v3.bin")),
        ("eLog", include_bytes!("../testdata/CONSTRUCTED_huawei_ne_elog_v1.bin")),
        ("NetFlow v5", V5),
        ("IPFIX of variable length with options", IPFIX),
        ("syslog, Default", DEFAULT),
        ("syslog, mtn", MTN),
        ("declared, by a pattern", SENTENCE),
        ("declared, by pairs", PAIRS),
        ("CGNAT, brackets", BRACKETS),
        ("CGNAT, pipes", PIPES),
        ("CGNAT, France Telecom", FT),
        ("FireBrick", FIREBRICK),
        ("policy hits", POLICY),
        ("IM", IM),
        ("rejected", b"<190>FW %%01SHELL/4/LOGIN(l):access."),
    ];
    let settings = Settings {
        im: ImPolicy::Hashed([7; 32]),
        declared: Formats::builtin(),
        ..Settings::default()
    };
    let mut decoder = Decoder::new(Arc::new(Registry::new(Limits::DEFAULT)), Arc::new(settings));
    let capacity = Capacity { session_rows: 4096, unparsed_rows: 2048, text_bytes: 64 << 10 };
    let mut batch = Batch::new(capacity);
    for &(name, payload) in kinds {
        let mut records = 0;
        let mut decode = |count: usize| {
            for _ in 0..count {
                batch.clear();
                assert!(batch.has_room_for(payload.len()));
                let datagram = Datagram {
                    payload,
                    exporter: IpAddr::from([192, 0, 2, 1]),
                    exporter_port: 50_000,
                    received_at: 1_700_000_000_000_000_000,
                    format: FormatHint::Auto,
                };
                let outcome = decoder.decode(&datagram, &mut batch);
                assert_eq!(outcome == Outcome::Decoded, name != "rejected", "{name}");
                assert_eq!(decoder.release(datagram.received_at, &mut batch), None);
                records += batch.records();
            }
        };
        decode(2);
        let before = counting::allocations();
        decode(1000);
        assert_eq!(counting::allocations() - before, 0, "{name}");
        assert!(records > 1000, "{name}");
        assert!(counting::held() > 0);
    }
}
