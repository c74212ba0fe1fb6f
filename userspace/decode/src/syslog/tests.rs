//! A message that is read at once, because it is as devices write it, is read as by the general
//! decoders.

use super::*;
use crate::{batch::Capacity, record::records};
use proptest::prelude::*;

const RECEIVED_AT: i64 = 1_767_312_000_000_000_000;
const SMALL: Capacity = Capacity { session_rows: 64, unparsed_rows: 64, text_bytes: 1 << 16 };

/// The records of the last one of an exporter's payloads, as they are shown; `None` where it is not
/// decoded.
fn read(
    payloads: &[&[u8]],
    format: FormatHint,
    decode: impl Fn(&Message<'_>, &mut Zones, &mut Batch) -> Option<()>,
) -> Option<String> {
    let settings = Settings::default();
    let (mut zones, mut batch) = (Zones::new(4), Batch::new(SMALL));
    let mut decoded = None;
    for payload in payloads {
        let datagram = Datagram {
            payload,
            exporter: [192, 0, 2, 1].into(),
            exporter_port: 514,
            received_at: RECEIVED_AT,
            format,
        };
        let exporter = settings.exporter(datagram.exporter);
        let message = Message { text: payload, datagram: &datagram, exporter, settings: &settings };
        batch.clear();
        decoded = decode(&message, &mut zones, &mut batch);
    }
    decoded.map(|()| format!("{:?}", records(&batch).collect::<Vec<_>>()))
}

fn general(message: &Message<'_>, zones: &mut Zones, batch: &mut Batch) -> Option<()> {
    let (text, rest) = split::next(message.text);
    if !rest.is_empty() {
        return None;
    }
    message_records(&Message { text, ..*message }, zones, batch).ok()
}

/// Compares, and tells whether the payload was read at once.
fn agrees(payload: &[u8], formats: &[FormatHint]) -> bool {
    agrees_behind(payload, payload, formats)
}

/// The same of a payload that comes alone and of one behind another one, whose header is known then.
fn agrees_behind(before: &[u8], payload: &[u8], formats: &[FormatHint]) -> bool {
    let mut at_once = 0;
    for format in formats {
        for payloads in [&[payload][..], &[before, payload]] {
            let Some(read_at_once) = read(payloads, *format, expected) else { continue };
            at_once += 1;
            let shown = String::from_utf8_lossy(payload);
            assert_eq!(Some(read_at_once), read(payloads, *format, general), "{shown}");
        }
    }
    at_once == 2 * formats.len()
}

const USG: [FormatHint; 2] = [FormatHint::Auto, FormatHint::HuaweiUsgSyslog];
const CGN: [FormatHint; 2] = [FormatHint::Auto, FormatHint::Cgn];
const FIREBRICK: [FormatHint; 2] = [FormatHint::Auto, FormatHint::Firebrick];

#[test]
fn usual_messages_are_read_at_once() {
    for line in [
        "<190>2016-01-08 10:21:48 FW %%01SECLOG/6/SESSION_BUILT(l): Built a tcp session, 10.1.1.1:1[192.0.2.1:80] (trust) to 10.1.1.2:3 (untrust).",
        "<190> FW %%: Teardown an udp session,10.1.1.1:1 (a) to 10.1.1.2:1[1.2.3.4:5](b), duration 10, rcv 0 bytes via 0 packets, send 20 bytes via 1720 packets.\n",
        "<190>%%: Built a gre session, 10.1.1.1:0 () to 10.1.1.2:0 (b-c d).",
    ] {
        assert!(agrees(line.as_bytes(), &USG), "{line}");
    }
    for line in [
        "<134>1 2026 Jan 01 00:00:00 CGN-000 cgn - NAT444:SessionbasedA [17 198.18.4.160 – 203.0.113.38 55185 22509 –]",
        "<142> 1 CGN-003 Jan 1 00:00:00 cgn - NAT444:SessionW[6 198.18.18.180 - 203.0.113.167 35596 7722 -].\n",
        "<134>1 2026-01-01 00:00:00 fw - - DSLITE:UserbasedA [- 198.18.14.175 - 203.0.113.158 - 62720 62975]",
        "<134> 1 2026-01-01 00:00:00 fw cgn - NAT444:UserbasedA[ - 172.31.1.94  172.30.1.4  33792 34047 ]",
        "<134> 1 2026 January 01 00:00:00 CGN-006 cgn - NAT444:SessionA[ 6 198.18.34.26  198.51.100.58 64765 3224  ]",
        "<134>1 2026 Jan 01 00:00:00 fw cgn 7 NAT64:SessionA [6 10.0.0.1 - 192.0.2.1 1 2 - 192.0.2.9 443]",
        "<134>1 2026-01-01 00:00:00 CGN-004 cgn - NAT444:SessionA 1767225600|-|198.18.24.18|203.0.113.196|4335|192.0.2.5|53|17",
    ] {
        assert!(agrees(line.as_bytes(), &CGN), "{line}");
    }
    for line in [
        "<134>Web out: 02fbc61204ac TCP(6) Guest wifi/198.18.4.172/12,546-LAN/192.0.2.2/443 S Bounce",
        "<134>Jan  1 00:00:00 FB-1 x: Frag 0 TCP(6)/7242@28080 LAN/198.018.003.063-DMZ-2/192.0.2.0 Drop\0",
        "<134>End a - b/c: UDP(17) WAN/198.18.8.197/1-MyBrick/192.0.2.148/123 152/608",
        "ping: 02-fb-c6-12-00-01 ICMP(1) LAN/10.0.0.1/ECHO(8:0)-WAN/10.0.0.2/77 Allow",
    ] {
        assert!(agrees(line.as_bytes(), &FIREBRICK), "{line}");
    }
}

#[test]
fn a_header_is_known_by_its_bytes() {
    let mut zones = Zones::new(4);
    let exporter = [192, 0, 2, 1].into();
    let arrival = (exporter, RECEIVED_AT);
    for line in [
        "<190>2026-01-02 00:00:00 FW %%: Built a tcp session, 1.1.1.1:1 (a) to 1.1.1.2:3 (b).",
        "<134>1 2026 Jan 01 00:00:00 CGN-000 cgn - NAT444:SessionA [6 1.1.1.1 - 1.1.1.2 1 2 -]",
        "<134>Jan  1 00:00:00 FB-1 x: 0 TCP(6) LAN/10.0.0.1/1-WAN/192.0.2.1/80 S Drop",
    ] {
        let datagram = Datagram {
            payload: line.as_bytes(),
            exporter,
            exporter_port: 514,
            received_at: RECEIVED_AT,
            format: FormatHint::Auto,
        };
        let (settings, mut batch) = (Settings::default(), Batch::new(SMALL));
        let exporter = settings.exporter(exporter);
        let text = line.as_bytes();
        let message = Message { text, datagram: &datagram, exporter, settings: &settings };
        expected(&message, &mut zones, &mut batch).unwrap();
        let readers = [heads::Reader::Usg, heads::Reader::Cgn, heads::Reader::Rfc3164];
        let heads = &zones.heads;
        let recall =
            |arrival| readers.iter().filter_map(move |reader| heads.recall(*reader, arrival, text));
        let year = 366 * 86_400 * 1_000_000_000;
        assert_eq!(recall(arrival).count(), 1, "{line}");
        assert_eq!(recall((arrival.0, arrival.1 + year)).count(), 0, "of another year: {line}");
        assert_eq!(recall(([192, 0, 2, 2].into(), arrival.1)).count(), 0, "{line}");
    }
}

#[test]
fn what_could_be_told_apart_otherwise_is_not_read_at_once() {
    for line in [
        "<190>2016-01-08 10:21:48 DST FW %%: Built a tcp session, 1.1.1.1:1 (a) to 1.1.1.2:3 (b).",
        "<190>FW %%: Built a tcp session, 1.1.1.1:1 (a\n) to 1.1.1.2:3 (b).",
        "<190>FW %%: Built a tcp session, 1.1.1.1:1 (a<1>) to 1.1.1.2:3 (b).",
        "<190>FW %%: Built a tcp session, 1.1.1.1:1 (a)b) to 1.1.1.2:3 (b).",
        "<190>FW %%: Built a tcp session, 1.1.1.1:1 (a) to 1.1.1.2:3 (b). x",
        "<190>FW %%: Built a tcp session, 1.1.1.1:65536 (a) to 1.1.1.2:3 (b).",
        "<190>2016-01-08T10:21:48+08:00 %%: Built a tcp session, 1.1.1.1:1 (a) to 1.1.1.2:3 (b).",
        "<190>NAT444:A[6 %%: Built a tcp session, 1.1.1.1:1[1.1.1.3:2] (a) to 1.1.1.2:3 (b).",
    ] {
        assert!(!agrees(line.as_bytes(), &USG[..1]), "{line}");
    }
    for line in [
        "<134>1 2026 Jan 01 00:00:00 f cgn - NAT444:A [6 1.1.1.1 - 1.1.1.2 1 2 -]<134>1 b",
        "<134>1 2026 Jan 01 00:00:00 f cgn - NAT444:A [6 1.1.1.1 - 1.1.1.2 1 2 -] [6 1.1.1.1 - 1.1.1.2 1 2 -]",
        "<134>1 2026 Jan 01 00:00:00 f cgn - NAT444:UserbasedA [6 1.1.1.1 - 1.1.1.2 - 3 2]",
        "<134>1 2026 Jan 01 00:00:00 f c 2026-01-01 00:00:00 f cgn - NAT444:A [6 1.1.1.1 - 1.1.1.2 1 2 -]",
        "<134>1 2026-01-01 00:00:00 fw cgn - NAT444:SessionA 1|-|10.0.0.1|1.1.1.1|4335|1.1.1.2|53|<1>",
    ] {
        assert!(!agrees(line.as_bytes(), &CGN[..1]), "{line}");
    }
    for line in [
        "<134>Jan  1 00:00:00NAT444:A [1] x: 0 TCP(6) LAN/10.0.0.1/1-WAN/192.0.2.1/80 S Drop",
        "<134>Jan  1 00:00:00 FB-1 dslite:a 1|x: 0 TCP(6) LAN/10.0.0.1/1-WAN/192.0.2.1/80 S Drop",
        "<134>Jan  1 00:00:00 %% 01SECLOG/6/SESSION_BUILT(l):x: 0 TCP(6) LAN/10.0.0.1/1-WAN/192.0.2.1/80 S Drop",
    ] {
        assert!(!agrees(line.as_bytes(), &FIREBRICK[..1]), "{line}");
    }
    for first in ["\n", "\0"] {
        let line = format!("{first}Default: 0 TCP(6) LAN/10.0.0.1/1-WAN/192.0.2.1/80 S Drop");
        assert_eq!(read(&[line.as_bytes()], FormatHint::Firebrick, expected), None);
    }
}

const V4: &str = "(10|0?10|[0-9]{1,3})\\.[0-9]{1,3}\\.[0-9]{1,2}\\.[0-9]{1,2}";
const PORT: &str = "[0-9]{1,4}|[0-5][0-9]{4}|[0-9]{1,6}";

fn joined(parts: Vec<BoxedStrategy<String>>) -> impl Strategy<Value = String> {
    parts.prop_map(|parts| parts.concat())
}

/// One of texts, or one that a regular expression describes.
fn text(pattern: &'static str) -> BoxedStrategy<String> {
    proptest::string::string_regex(pattern).unwrap().boxed()
}

fn mtn() -> impl Strategy<Value = String> {
    let end = || {
        joined(vec![
            text(V4),
            text(":"),
            text(PORT),
            prop_oneof![2 => text(""), 1 => text("\\[10\\.0\\.0\\.1:[1-9]{1,4}\\]")].boxed(),
            text(" ?\\([a-z]{0,9}( [a-z])?\\)"),
        ])
        .boxed()
    };
    let stats = ", duration [0-9]{1,4}, rcv [0-9]{1,12} bytes via [0-9]{1,9} packets, send [0-9]{1,4} bytes via [0-9]{1,20} packets";
    joined(vec![
        text("<190> ?(2016-01-08 10:21:57 )?(FW |USG-1[a-z]{0,12} |DST |Jan )?"),
        text("%%(01SECLOG/6/SESSION_(BUILT|TEARDOWN)\\(l\\): ?|: )(Built|Teardown) an? "),
        text("(tcp|udp|icmp|gre|xyz|6) session, ?"),
        end(),
        text(" to "),
        end(),
        prop_oneof![text(""), text(stats)].boxed(),
        text("\\.{1,2}(\n|\\x00)?"),
    ])
}

fn cgn_header() -> BoxedStrategy<String> {
    let time = "(2026 Jan 0[1-9] |2026 June 12 |2026-0[1-9]-12 |Feb [1-9] |Feb [0-9]{2} )[0-2][0-9]:[0-5][0-9]:[0-5][0-9] ";
    let host = "(CGN-[0-9]{2}|fw|Novum|NAT444|Decoy|dslite-1|7box|-) ";
    joined(vec![
        text("<1[0-9]{2}> ?1 "),
        prop_oneof![joined(vec![text(time), text(host)]), joined(vec![text(host), text(time)])]
            .boxed(),
        text("(cgn|-|Dec) (-|7|proc-id) (NAT444|NAT64|NAT44|DSLITE|LAFT6|nat444):"),
        text("((Sess|sess)ion(based)?|(User|user)based|Port)([AW]D?|Alive)? ?"),
    ])
    .boxed()
}

fn bracket() -> impl Strategy<Value = String> {
    let nil = |pattern: &'static str| prop_oneof![1 => text("-|–|"), 3 => text(pattern)].boxed();
    joined(vec![
        cgn_header(),
        text("\\[ ?"),
        nil("[0-9]{1,3}"),
        text(" "),
        text(V4),
        text(" (-|–||—) "),
        text(V4),
        text(" "),
        nil(PORT),
        text(" "),
        nil(PORT),
        text(" "),
        nil(PORT),
        text("( 10\\.0\\.0\\.1 (443|-))?( |  )?\\]\\.?(\n|\\x00| x)?"),
    ])
}

fn pipe() -> impl Strategy<Value = String> {
    joined(vec![
        cgn_header(),
        text("[0-9]{1,10}\\|-?\\|?"),
        text(V4),
        text("\\|"),
        text(V4),
        text(
            "(\\|[0-9]{1,5}){1,2}(\\|192\\.0\\.2\\.1\\|443\\|(6|tcp)?)?(\\|http://h/[a-z<\n ]{0,4})?",
        ),
    ])
}

fn firebrick() -> impl Strategy<Value = String> {
    let interface = "LAN|WAN|DMZ-2|Guest wifi|My/Brick|a \\(1\\)|[a-zA-Z -]{1,9}";
    let ports = || {
        prop_oneof![text("(/[0-9]{1,5}|/[0-9]{1,2},[0-9]{2,3})?"), text("/ECHO\\([0-9]{1,3}:0\\)")]
            .boxed()
    };
    joined(vec![
        text("<134>(Jan  1 00:00:00 (FB-1|sshd\\[1\\]:) )?(End )?"),
        text("(Default|a - b/c|Web \\(old\\)|x: y|NAT444:A [1]|nat44 1|Laft6): (Frag )?"),
        text("(0|[0-9a-f]{12}|02:fb:00:00:00:0[0-9a-g]|02-fb-00-00-00-01|) ?"),
        text("(TCP\\(6\\)|UDP\\(17\\)|ICMP\\(1\\)|GRE\\([0-9]{1,3}\\))(/[0-9]{1,5}@[0-9]{1,4})? "),
        text(interface),
        text("/"),
        text(V4),
        ports(),
        text("-"),
        text(interface),
        text("/"),
        text(V4),
        ports(),
        text("( (S|SA|RA|X))? (Drop|Allow|reject|Bounce|1|[0-9]{1,9}/[0-9]{1,12})\\.?\n?"),
    ])
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![mtn(), bracket(), pipe(), firebrick()]
}

const ALL: [FormatHint; 4] =
    [FormatHint::Auto, FormatHint::HuaweiUsgSyslog, FormatHint::Cgn, FormatHint::Firebrick];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]
    #[test]
    fn the_general_decoders_read_the_same(line in line()) {
        agrees(line.as_bytes(), &ALL);
    }

    #[test]
    fn also_of_lines_with_wrong_bytes(
        line in line(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..4),
    ) {
        let before = line.clone().into_bytes();
        let mut line = line.into_bytes();
        for (at, byte, kind) in changes {
            let at = at.index(line.len());
            match kind {
                0 => line[at] = byte,
                1 => line.insert(at, b" -.:/[]()<\n\x0019,"[usize::from(byte) % 15]),
                _ => drop(line.remove(at)),
            }
        }
        agrees_behind(&before, &line, &ALL);
    }

    #[test]
    fn a_regular_firebrick_line_is_read_as_any_other(line in firebrick()) {
        firebrick::assert_regular_agrees(line.as_bytes());
    }
}
