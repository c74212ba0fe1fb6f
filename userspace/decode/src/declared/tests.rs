//! The declarations that come with the program, on lines of the shapes that vendors print.

use super::*;
use crate::{
    batch::Capacity,
    decoder::{Datagram, Decoder, FormatHint, Outcome},
    netflow::registry::Registry,
    record::{Value, records},
    settings::Settings,
    text::TextArena,
};
use std::sync::Arc;

/// 2026-01-02T00:00:00Z.
const ARRIVAL: i64 = 1_767_312_000_000_000_000;

/// Decodes a line with some formats, one of them pinned where it is named, and writes its record as
/// `name=value` pairs without what all records have. A line that is rejected is its reason.
pub(super) fn read_with(formats: &Formats, pinned: Option<&str>, line: &[u8]) -> String {
    let settings = Settings { declared: formats.clone(), ..Settings::default() };
    let format = match pinned {
        Some(name) => FormatHint::Declared(formats.by_name(name).unwrap()),
        None => FormatHint::Auto,
    };
    let mut decoder = Decoder::new(Arc::new(Registry::new(settings.limits)), Arc::new(settings));
    let capacity =
        Capacity { session_rows: 16 << 10, unparsed_rows: 16 << 10, text_bytes: 2 << 20 };
    let mut batch = Batch::new(capacity);
    assert!(batch.has_room_for(line.len()));
    let datagram = Datagram {
        payload: line,
        exporter: [192, 0, 2, 1].into(),
        exporter_port: 0,
        received_at: ARRIVAL,
        format,
    };
    let outcome = decoder.decode(&datagram, &mut batch);
    assert!(batch.text.len() <= line.len() * TextArena::EXPANSION_MAX, "the room is promised");
    if let Outcome::Rejected(reason) = outcome {
        return reason.name().to_owned();
    }
    let mut all = records(&batch);
    let Some(fields) = all.next() else { return "nothing".to_owned() };
    let told =
        fields.iter().filter(|(name, _)| !matches!(*name, "exporter" | "received_at" | "format"));
    told.map(|(name, value)| format!("{name}={}", print(value))).collect::<Vec<_>>().join(" ")
}

fn print(value: &Value<'_>) -> String {
    match value {
        Value::Name(name) => (*name).to_owned(),
        Value::Text(bytes) | Value::Raw(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Number(number) => number.to_string(),
        Value::Address(address) => address.to_string(),
        Value::Mac(_) => "mac".to_owned(),
        Value::Time(time) => {
            jiff::Timestamp::from_nanosecond(time.unix_nanos.into()).unwrap().to_string()
        }
        Value::Flags(names) => names.join("+"),
        Value::Extra(encoded) => {
            let pairs = crate::extra::pairs(encoded);
            let pairs =
                pairs.map(|(key, value)| format!("{}:{value}", String::from_utf8_lossy(&key)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
        }
    }
}

/// The pairs of a file: a line, and behind `= ` what is read from it.
fn cases(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
    let mut lines = lines.peekable();
    std::iter::from_fn(move || {
        let line = lines.next()?;
        Some((line, lines.next()?.strip_prefix("= ").unwrap()))
    })
}

fn add(text: &str) -> Result<Formats, String> {
    let mut formats = Formats::default();
    formats.add(text, "x.toml").map(|()| formats).map_err(|error| error.to_string())
}

#[test]
fn every_declaration_is_right() {
    let mut formats = Formats::default();
    for (file, text) in BUILTIN {
        formats.add(text, file).map_err(|error| error.to_string()).unwrap();
        let name = file.strip_suffix(".toml").unwrap();
        assert!(formats.by_name(name).is_some(), "{file} declares another format");
    }
    assert_eq!(Formats::builtin().names().count(), BUILTIN.len());
}

#[test]
fn every_vendor() {
    let formats = Formats::builtin();
    for (line, expected) in cases(include_str!("../../testdata/vendors.txt")) {
        let record = read_with(&formats, None, line.as_bytes());
        assert_eq!(record.strip_prefix("record="), Some(expected), "{line}");
    }
}

/// The lines that vendors' documents and their users have published, without the host and what has
/// no column.
#[test]
fn every_published_line() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/samples/logs");
    let formats = Formats::builtin();
    let mut expected = include_str!("../../testdata/vendor_samples.txt").lines();
    for file in ["h3c_nat_session.log", "other_vendors_cgnat.log"] {
        let Ok(text) = std::fs::read(format!("{folder}/{file}")) else {
            println!("skipped: {folder}/{file} is not there");
            return;
        };
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let record = read_with(&formats, None, line);
            let (record, _) = record.split_once(" extra=").unwrap_or((&record, ""));
            let words = record.split(' ').filter(|word| !word.starts_with("host="));
            let record = words.collect::<Vec<_>>().join(" ");
            assert_eq!(Some(record.as_str()), expected.next(), "{}", String::from_utf8_lossy(line));
        }
    }
    assert_eq!(expected.next(), None);
}

#[test]
fn a_huawei_expression() {
    let formats = add(
        r#"
        format = "my-usg"
        header = "vrp"
        [[message]]
        family = "session"
        huawei_expression = "$protocol $srcip:$srcport>$dstip:$dstport nat $srcnatip:$srcnatport from $begintime to $endtime user $user policy $secpolicy"
        "#,
    )
    .unwrap();
    let common = "protocol=17 src_addr=10.0.0.7 src_port=1 dst_addr=198.51.100.8 dst_port=53 \
                  nat_src_addr=203.0.113.7 nat_src_port=2048 start_time=2026-01-02T11:59:00Z";
    let line = "udp 10.0.0.7:1>198.51.100.8:53 nat 203.0.113.7:2048 from";
    let ended = format!(
        "event_time=2026-01-02T12:00:00Z time_source=record event=end {common} \
         end_time=2026-01-02T12:00:00Z duration_ms=60000 policy=Internet Access user=jo"
    );
    for header in [
        "<190>2026-01-02 20:00:00 fw %%01SECLOG/6/SESSION_TEARDOWN(l):",
        "<190>fw %%01SECLOG/6/SESSION_TEARDOWN(l):",
        "<190>fw %%: ",
        "<190>%%: ",
    ] {
        let line =
            format!("{header}{line} 1767355140 to 1767355200 user jo policy Internet Access");
        let record = read_with(&formats, Some("my-usg"), line.as_bytes());
        let host = if header.contains("fw") { "host=fw " } else { "" };
        assert_eq!(record, format!("record=session {host}{ended}"), "{line}");
        assert!(!read_with(&formats, None, line.as_bytes()).starts_with("record="), "not pinned");
    }
    let created = format!(
        "record=session event_time=2026-01-02T11:59:00Z time_source=record event=create {common} \
         policy=p"
    );
    let line = format!("<190>%%: {line} 1767355140 to user policy p");
    assert_eq!(read_with(&formats, Some("my-usg"), line.as_bytes()), created);
    let line = "<190>%%: tcp 10.0.0.7:1>nobody:2 nat 1.2.3.4:1 from 1 to 2 user a policy b";
    assert_eq!(read_with(&formats, Some("my-usg"), line.as_bytes()), "declared_value");
    assert_eq!(read_with(&formats, Some("my-usg"), b"<190>%%: other"), "declared_pattern");
}

#[test]
fn huawei_times_of_both_kinds() {
    let formats = add(r#"
        format = "my-usg"
        header = "vrp"
        [[message]]
        family = "session"
        huawei_fields = [
            { field = "protocol" },
            { field = "source-ip", prefix = "src=" },
            { field = "begin-time", prefix = "begin=" },
            { field = "end-time", prefix = "end=" },
        ]
        huawei_separator = ","
        "#)
    .unwrap();
    let expected = "record=session event_time=2026-01-02T12:00:00Z time_source=record";
    let record = read_with(
        &formats,
        Some("my-usg"),
        b"<190>%%: udp,src=10.0.0.7,begin=2026-01-02 11:59:00,end=2026-01-02 12:00:00",
    );
    assert!(record.starts_with(expected) && record.contains("duration_ms=60000"), "{record}");
}

#[test]
fn huawei_positions() {
    let formats = add(r#"
        format = "my-ne"
        [[message]]
        family = "port_block"
        huawei_positions = """
        nat position 0 timestamp-year " "
        nat position 1 timestamp-month-abbreviation " "
        nat position 2 timestamp-date " "
        nat position 3 timestamp-hour ":"
        nat position 4 timestamp-minute ":"
        nat position 5 timestamp-second " - "
        nat position 6 scene ":"
        nat position 7 fixed-string "new " create
        nat position 8 fixed-string "gone " free
        nat position 9 source-ip "|"
        nat position 10 nat-source-ip "|"
        nat position 11 start-port "|"
        nat position 12 end-port "|"
        nat position 13 slot-id
        """
        "#)
    .unwrap();
    for (word, event) in [("new", "allocate"), ("gone", "release")] {
        let line =
            format!("<134>2026 Jan 02 12:00:00 - NAT444:{word} 10.0.0.7|203.0.113.7|2048|2303|3");
        let expected = format!(
            "record=port_block event_time=2026-01-02T12:00:00Z time_source=record \
             flags=header_zone_assumed_utc event={event} private_addr=10.0.0.7 \
             public_addr=203.0.113.7 port_first=2048 port_last=2303 scene=NAT444 extra={{slot-id:3}}"
        );
        assert_eq!(read_with(&formats, Some("my-ne"), line.as_bytes()), expected);
    }
}

#[test]
fn what_users_choose_changes_no_other_field() {
    let formats = Formats::builtin();
    let line = b"<189>date=2026-01-02 time=13:00:00 type=\"traffic\" srcip=10.0.0.7 srcport=4 \
        action=\"close\" proto=6 user=\"a srcip=192.0.2.66\" srcip=192.0.2.67";
    let record = read_with(&formats, None, line);
    assert!(record.contains("src_addr=10.0.0.7 "), "{record}");
    assert!(record.contains("user=a srcip=192.0.2.66 "), "{record}");
    assert!(record.contains("srcip:192.0.2.67"), "{record}");
}

/// What a browser calls itself stands in the log of a web server, with marks of every format.
#[test]
fn what_a_web_user_sends_is_no_translation() {
    let formats = Formats::builtin();
    let session = "[source-address=10.6.6.6 source-port=1 nat-source-address=203.0.113.5 \
                   nat-source-port=7 protocol-id=6]";
    for text in [
        &*format!("RT_FLOW_SESSION_CLOSE {session}"),
        "%NAT-6-LOG_TRANSLATION: Created Translation tcp 10.6.6.6:1 203.0.113.5:2 198.51.100.8:3 \
         198.51.100.8:3 0",
        "x: Jan 2 12:00:00 gmt: %NAT-6-LOG_TRANSLATION: Created Translation tcp 10.6.6.6:1 \
         203.0.113.5:2 198.51.100.8:3 198.51.100.8:3 0",
        "%IPNAT-6-CREATED: tcp 10.6.6.6:1 203.0.113.5:2 198.51.100.8:3 198.51.100.8:3",
        "srcnat: in:a out:b, proto TCP (SYN), 10.6.6.6:1->198.51.100.8:2, NAT \
         (10.6.6.6:1->203.0.113.5:3)->198.51.100.8:2, len 60",
        "cgnat[1]: Internal host: 10.6.6.6, external host: 203.0.113.5, Port range: 2048-2303",
        "{s}[jservices-nat]: JSERVICES_NAT_PORT_BLOCK_ALLOC: 10.6.6.6 -> 203.0.113.5:2048-2303",
        "NAT-TCP-C: 10.6.6.6:1 -> 203.0.113.5:2",
        "FIXED-NAT-PORTS 10.6.6.6->203.0.113.5:3000-4000",
        "CEF:0|A10|CFW|6.0.0|CGN 100|x|5|proto=TCP src=10.6.6.6 spt=1 \
         sourceTranslatedAddress=203.0.113.5 sourceTranslatedPort=2",
        "NAT_ACCT:START tcp SourceIp :10.6.6.6 Sourceport:1 TransIP :203.0.113.5 TransPort:2 \
         DestIp :198.51.100.8 Destport:3",
        " %%10SESSION/6/LOG: Protocol(1001)=TCP;SrcIPAddr(1003)=10.6.6.6;SrcPort(1004)=1;\
         Event(1048)=(8)Session created",
    ] {
        let line = format!("<14>Jan  2 12:00:00 web nginx: 192.0.2.9 - - \"GET /\" \"UA {text}\"");
        let record = read_with(&formats, None, line.as_bytes());
        assert!(matches!(&*record, "declared_pattern" | "syslog_unknown"), "{line}\n{record}");
    }
}

/// Section 6.3.3 of RFC 5424: a bracket in a quoted value ends nothing.
#[test]
fn a_bracket_in_quotes_ends_no_structured_data() {
    let formats = Formats::builtin();
    let line = br#"<14>1 2026-01-02T12:00:00Z srx RT_FLOW - RT_FLOW_SESSION_CLOSE [j source-address="10.0.0.7" source-port="1" username="a\]b" policy-name="x]y" nat-source-address="203.0.113.5" nat-source-port="7" protocol-id="6"]"#;
    let record = read_with(&formats, None, line);
    assert!(record.contains("nat_src_addr=203.0.113.5 nat_src_port=7 "), "{record}");
    assert!(record.contains("policy=x]y user=a") && !record.contains("rest:"), "{record}");
}

/// The marks of a declared format in what an operator called a filter.
#[test]
fn a_line_of_a_firebrick_with_marks_of_others_is_a_firebricks() {
    let formats = Formats::builtin();
    let line = b"<14>LAN->WAN NAT-1: 00:03:97:12:34:56 TCP(6) LAN/10.0.0.7/40000-WAN/198.51.100.8/80 S allow";
    let record = read_with(&formats, None, line);
    assert!(record.starts_with("record=filter") && record.contains("LAN->WAN NAT-1"), "{record}");
    // And if it is none, the reason stays.
    assert_eq!(read_with(&formats, None, b"<14>NAT-TCP-C: a, ->b"), "declared_pattern");
}

/// The fenced blocks of a kind in the page that describes the language.
fn blocks(kind: &str) -> Vec<&'static str> {
    let page = include_str!("../../../../docs/formats/declared.md");
    let blocks = page.split("```").skip(1).step_by(2);
    blocks.filter_map(|block| block.strip_prefix(kind)?.strip_prefix('\n')).collect()
}

#[test]
fn the_page_that_describes_the_language_is_right() {
    let whole: Vec<_> =
        blocks("toml").into_iter().filter(|block| block.starts_with("format")).collect();
    assert_eq!(whole.len(), 3);
    for block in &whole {
        add(block).unwrap();
    }
    let line = blocks("text")[0].trim_end();
    let record = read_with(&add(whole[0]).unwrap(), None, line.as_bytes());
    let expected = "record=session host=nat7 event_time=2026-01-02T12:00:00Z time_source=header \
                    flags=header_zone_assumed_utc event=create protocol=17 src_addr=10.0.0.7 \
                    src_port=40000 dst_addr=198.51.100.8 dst_port=53 nat_src_addr=203.0.113.7 \
                    nat_src_port=2048 extra={pool:gold}";
    assert_eq!(record, expected);
}

/// What is longer than a key in `extra` may be is not cut.
#[test]
fn a_key_that_is_too_long_is_kept_with_its_line() {
    let line = format!("<14>type=sess act=start nsip=203.0.113.7 {}=1", "k".repeat(65));
    assert_eq!(read_with(&Formats::builtin(), None, line.as_bytes()), "declared_value");
}

/// What is refused, and with which words.
#[test]
fn wrong_declarations_are_refused_in_one_sentence() {
    let message = |body: &str| {
        format!("format = \"x\"\n[[message]]\nmarks = [\"m\"]\nfamily = \"session\"\n{body}")
    };
    let pattern = |pattern: &str| message(&format!("event = \"create\"\npatterns = ['{pattern}']"));
    for (text, expected) in [
        ("format = \"x\"".into(), "missing field"),
        ("formt = \"x\"".into(), "line 1: there is no key \"formt\"; the nearest is \"format\""),
        (
            "format = \"h3c-userlog\"\nmessage = []".into(),
            "there is a format \"h3c-userlog\" already",
        ),
        ("format = \"A b\"\nmessage = []".into(), "lower-case letters"),
        (
            pattern("{src_adr} x"),
            "line 6: there is no field \"src_adr\"; the nearest is \"src_addr\"",
        ),
        (pattern("{private_addr} x"), "there is no field \"private_addr\""),
        (pattern("{src}{dst}"), "nothing stands between \"src\" and \"dst\""),
        (pattern("{src} to {src}"), "\"src\" stands twice"),
        (pattern("no placeholder"), "reads nothing"),
        (pattern("{src"), "a brace is not closed"),
        (pattern("{src} at {start_time}"), "\"start_time:epoch\""),
        (pattern("{src} at {start_time:epok}"), "the nearest is \"epoch\""),
        (pattern("{src} at {start_time:hour}"), "needs a day"),
        (pattern("{start_time:datetime} {src}"), "holds a space itself"),
        (pattern("{pairs}"), "needs pairs"),
        (message("event = \"creat\"\npatterns = ['{src}']"), "the nearest is \"create\""),
        (message("patterns = ['{src}']"), "needs event or events"),
        (message("patterns = ['{event} {src}']"), "need events"),
        (message("event = \"create\""), "needs patterns, pairs or a Huawei template"),
        (message("event = \"create\"\npatterns = ['{src} a', '{src} a']"), "never be reached"),
        (
            message("event = \"create\"\nhuawei_expression = \"$srcipp $foo\""),
            "no placeholder \"foo\"",
        ),
        (message("event = \"create\"\nhuawei_expression = \"$srcip$dstip\""), "nothing stands"),
        (message("huawei_positions = \"nat position 0 sorce-ip\""), "the nearest is \"source-ip\""),
        (pattern("{src} a").replace("[\"m\"]", "[]"), "an empty list of marks"),
        (pattern("{src} a").replace("\"m\"", "\"\""), "a mark is not empty"),
        (pattern("{src} a").replace("session", "sesion"), "the nearest is \"session\""),
    ] {
        let error = add(&text).map(|_| ()).unwrap_err();
        assert!(error.contains(expected) && error.starts_with("x.toml"), "{error}\n{text}");
        assert!(!error.contains('\n'), "{error}");
    }
    let twice = format!(
        "{}\n[[message]]\nmarks = [\"m\", \"n\"]\nfamily = \"session\"\nevent = \"end\"\npatterns = ['{{src}} a']",
        pattern("{src} a")
    );
    assert!(add(&twice).map(|_| ()).unwrap_err().contains("can never be reached"));
}

mod hostile {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        /// A declaration with some of its bytes exchanged is read or refused.
        #[test]
        fn no_declaration_ends_the_loader(
            file in 0..BUILTIN.len(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<char>()), 1..8),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut text: Vec<char> = BUILTIN[file].1.chars().collect();
            for (at, char) in changes {
                let at = at.index(text.len());
                text[at] = char;
            }
            text.truncate(cut.index(text.len() * 2));
            let text: String = text.into_iter().collect();
            if let Err(error) = Formats::default().add(&text, "x.toml") {
                prop_assert!(!error.to_string().is_empty());
            }
        }

        /// Neither a damaged line nor bytes of any kind end the reader, and the books stay right:
        /// one record or one reason.
        #[test]
        fn no_line_ends_the_reader(
            line in any::<prop::sample::Index>(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
            cut in any::<prop::sample::Index>(),
            pinned in prop::option::of(0..BUILTIN.len()),
        ) {
            let formats = Formats::builtin();
            let lines: Vec<_> = cases(include_str!("../../testdata/vendors.txt")).collect();
            let mut text = lines[line.index(lines.len())].0.as_bytes().to_vec();
            for (at, byte) in changes {
                let at = at.index(text.len());
                text[at] = byte;
            }
            text.truncate(cut.index(text.len() * 2) + 1);
            let pinned = pinned.and_then(|at| formats.names().nth(at));
            prop_assert!(!read_with(&formats, pinned, &text).is_empty());
        }
    }
}
