//! What is read in one pass is what the general decoders read.

use super::*;
use crate::{
    batch::Capacity,
    decoder::{Datagram, FormatHint},
    session::SessionRow,
    settings::Settings,
    syslog::message_records,
};
use proptest::prelude::*;

const TEARDOWN: &str = "<190>2016-01-08 10:21:57 FW %%01SECLOG/6/SESSION_TEARDOWN(l):IPVer=4,\
    Protocol=udp,SourceIP=192.0.2.7,DestinationIP=198.51.100.8,SourcePort=1,DestinationPort=2,\
    SourceNatIP=203.0.113.1,SourceNatPort=1024,BeginTime=1452219708,EndTime=1452219717,\
    SendPkts=20,SendBytes=1720,RcvPkts=0,RcvBytes=18446744073709551615,SourceVpnID=0,\
    DestinationVpnID=0,SourceZone=trust,PolicyName=Internet Access,ApplicationName=.";
const BUILT: &str = "<190>FW %%: %%01SECLOG/6/SESSION_BUILT(l):IPVer=4,Protocol=tcp,\
    SourceIP=10.1.1.1,DestinationIP=10.1.1.2,SourcePort=1,DestinationPort=1,\
    DestinationNatIP=10.1.1.3,DestinationNatPort=9,BeginTime=1452219708,SourceVpnID=0,\
    DestinationVpnID=7";

/// The record of a payload, its texts, and what was learned on the way.
type Read = (String, SessionRow, [Vec<u8>; 8], Zones);

fn read(
    payload: &[u8],
    level: Level,
    decode: impl Fn(&Message<'_>, &mut Zones, &mut Batch) -> Option<()>,
) -> Option<Read> {
    let settings = Settings { simd: level, ..Settings::default() };
    let datagram = Datagram {
        payload,
        exporter: [192, 0, 2, 1].into(),
        exporter_port: 514,
        received_at: 1_500_000_000_000_000_000,
        format: FormatHint::Auto,
    };
    let exporter = settings.exporter(datagram.exporter);
    let message = Message { text: payload, datagram: &datagram, exporter, settings: &settings };
    let (mut zones, mut batch) = (Zones::new(4), Batch::new(SMALL));
    decode(&message, &mut zones, &mut batch)?;
    let (context, row) = batch.session.iter().next()?;
    assert_eq!(batch.records(), 1);
    let names =
        [row.src_zone, row.dst_zone, row.policy, row.user, row.close_reason, row.application];
    let [a, b, c, d, e, f] = names.map(|text| batch.text(text.unwrap_or_default()).to_vec());
    let texts = [batch.text(context.host).to_vec(), a, b, c, d, e, f, vec![]];
    let unplaced = Context { host: Text::EMPTY, ..context };
    let present = |text: Option<Text>| text.map(|_| Text::EMPTY);
    let row = SessionRow {
        src_zone: present(row.src_zone),
        dst_zone: present(row.dst_zone),
        policy: present(row.policy),
        user: present(row.user),
        close_reason: present(row.close_reason),
        application: present(row.application),
        ..row
    };
    Some((format!("{unplaced:?}"), row, texts, zones))
}

const SMALL: Capacity = Capacity { session_rows: 64, unparsed_rows: 64, text_bytes: 1 << 16 };

fn general(payload: &[u8]) -> Option<Read> {
    read(payload, Level::PORTABLE, |message, zones, batch| {
        let (text, rest) = split::next(message.text);
        assert!(rest.is_empty(), "one message");
        message_records(&Message { text, ..*message }, zones, batch).ok()
    })
}

/// Compares, and tells whether the payload was as expected.
fn agrees(payload: &[u8]) -> bool {
    let mut expected = false;
    for level in Level::available() {
        let Some((context, row, texts, zones)) = read(payload, level, decode) else { continue };
        expected = true;
        let shown = String::from_utf8_lossy(payload);
        let (any_context, any_row, any_texts, any_zones) = general(payload).unwrap();
        assert_eq!((context, row, texts), (any_context, any_row, any_texts), "{shown}");
        assert_eq!(zones.learned(), any_zones.learned(), "{shown}");
    }
    expected
}

#[test]
fn devices_lines_are_as_expected() {
    let headers = [
        "<190>2016-01-08 10:21:57 FW ",
        "<190> 2016-01-08 10:21:57 USG6000E0 ",
        "<190>FW ",
        "<190>FW %%: ",
        "<190>%%: ",
        "2016-01-08 10:21:57 a-b_c.d ",
    ];
    for line in [TEARDOWN, BUILT] {
        let (_, content) = line.split_once("%%01").unwrap();
        for header in headers {
            for end in ["", ".", ".\n", "\r\n", "\0", ".\n\0 "] {
                let content = content.trim_end_matches('.');
                let line = format!("{header}%%01{content}{end}");
                assert!(agrees(line.as_bytes()), "{line}");
            }
        }
    }
}

#[test]
fn what_departs_is_left_to_others() {
    for (from, to) in [
        (",SourcePort", ", SourcePort"),
        ("Protocol=udp", "Protocol=xyz"),
        ("192.0.2.7", "2001:db8::7"),
        ("192.0.2.7", "192.0.2.256"),
        ("SourcePort=1,", "SourcePort=65536,"),
        ("Internet Access", "Internet, Access"),
        ("Internet Access", "a,SourceNatIP=192.0.2.66"),
        ("Internet Access", "a,CloseReason=b,UserName=c"),
        ("PolicyName=Internet Access", "NewKey=1"),
        ("SourceZone=trust", "Page=/,Host=h"),
        ("2016-01-08", "2016-13-08"),
        (" FW ", " DST FW "),
        (" FW ", " DSTFW "),
        (" FW ", " NAT444:A[1 "),
        (" FW ", " %%01SEC/6/x( "),
        (" FW ", "  FW "),
        ("<190>", "<192>"),
        ("FW %%01", "FW %%02"),
        ("Access", "Access<1>"),
        ("Access", "Access.\n<190>FW"),
        ("EndTime=1452219717,", ""),
    ] {
        let line = TEARDOWN.replace(from, to);
        assert_ne!(line, TEARDOWN);
        assert!(!agrees(line.as_bytes()), "{line}");
    }
}

/// A pair of a content, for the most part as devices write it.
fn pair(key: &'static str, value: &'static str) -> BoxedStrategy<String> {
    let plain = Strategy::prop_map(value, move |value| format!("{key}={value}"));
    let other = prop::sample::select(&[
        "",
        "SourceIP=1.2.3.4",
        "NewKey=1",
        "Host=h",
        "UserName=u",
        "Protocol=tcp",
        "a,b",
        "SourceNatIP=1.1.1.1,SourceNatPort=2",
        "SourceIPv6=::1",
        "CloseReason=x=y.",
        "=",
        "lower=1",
    ]);
    prop_oneof![200 => plain, 1 => other.prop_map(String::from)].boxed()
}

fn content(ended: bool) -> impl Strategy<Value = String> {
    let number = "[0-9]{1,6}|[0-9]{1,12}|[0-9]{1,4}";
    let address =
        "[0-9]{1,2}\\.1[0-9]{2}\\.[0-9]{1,2}\\.[0-9]{1,2}|[0-9]{1,3}\\.[0-9]{1,3}\\.1\\.2";
    let name = "[a-z][a-z .=/<\\xff]{0,12}|[a-z]{1,9}|[a-z]{1,9}|[a-z]{1,40}";
    let port = "[0-9]{1,4}";
    let maybe = |keys: Vec<(&'static str, &'static str)>| {
        let pairs: Vec<_> = keys.into_iter().map(|(key, value)| pair(key, value)).collect();
        (any::<bool>(), pairs).prop_map(|(present, pairs)| if present { pairs } else { vec![] })
    };
    let always = |keys: Vec<(&'static str, &'static str)>| {
        keys.into_iter().map(|(key, value)| pair(key, value)).collect::<Vec<_>>()
    };
    let protocol = "tcp|udp|icmp|TCP|6|gre";
    let end = match ended {
        true => vec![
            ("EndTime", "14[0-9]{8}"),
            ("SendPkts", number),
            ("SendBytes", number),
            ("RcvPkts", number),
            ("RcvBytes", number),
        ],
        false => vec![],
    };
    (
        always(vec![
            ("Protocol", protocol),
            ("SourceIP", address),
            ("DestinationIP", address),
            ("SourcePort", port),
            ("DestinationPort", port),
        ]),
        maybe(vec![("SourceNatIP", address), ("SourceNatPort", port)]),
        maybe(vec![("DestinationNatIP", address), ("DestinationNatPort", port)]),
        always(vec![("BeginTime", "14[0-9]{8}|0")]),
        always(end),
        always(vec![("SourceVpnID", "[0-9]{1,3}"), ("DestinationVpnID", "[0-9]{1,3}")]),
        maybe(vec![("SourceZone", name), ("DestinationZone", name)]),
        maybe(vec![("PolicyName", name)]),
        maybe(vec![("UserName", name)]),
        maybe(vec![("CloseReason", name), ("ApplicationName", name)]),
    )
        .prop_map(|(a, b, c, d, e, f, g, h, i, j)| {
            [a, b, c, d, e, f, g, h, i, j].concat().join(",")
        })
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    let header = prop::sample::select(&[
        "<190>2016-01-08 10:21:57 FW ",
        "<190>2016-01-08 10:21:57 FW %%: ",
        "<190> 2016-01-08 18:21:57 USG-1.x ",
        "<190>FW ",
        "<190>%%: ",
        "2015-09-19 14:21:57 FW ",
        "<190>2016-01-08 10:21:57 DST ",
        "<190>2016-01-08 10:21:57 NAT444:A ",
        "<190>NAT444 ",
        "<190>Jan ",
        "<6>Jan 8 10:21:57 FW ",
        "<190>2016-01-08T10:21:57 FW ",
        "<190>2016-01-08 10:21:57 ",
        "<190>2016-01-08 10:21:57.5 FW ",
        "<190>1 ",
    ]);
    let body = prop_oneof![
        content(true)
            .prop_map(|content| format!("%%01SECLOG/6/SESSION_TEARDOWN(l):IPVer=4,{content}")),
        content(false)
            .prop_map(|content| format!("%%01SECLOG/6/SESSION_BUILT(l):IPVer=4,{content}")),
    ];
    let end = prop::sample::select(&["", ".", ".\n", "\r\n", "\0", "..", ".\nb", ".<190>"]);
    (header, body, end).prop_map(|(header, body, end)| format!("{header}{body}{end}").into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn the_general_decoders_read_the_same(line in line()) {
        agrees(&line);
    }

    #[test]
    fn also_of_lines_with_wrong_bytes(
        mut line in line(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..4),
    ) {
        for (at, byte, kind) in changes {
            let at = at.index(line.len());
            match kind {
                0 => line[at] = byte,
                1 => line.insert(at, b",.=% <:\n\x0019"[usize::from(byte) % 11]),
                _ => drop(line.remove(at)),
            }
        }
        agrees(&line);
    }

    #[test]
    fn also_of_any_bytes(line in prop::collection::vec(any::<u8>(), 0..300)) {
        agrees(&line);
    }
}
