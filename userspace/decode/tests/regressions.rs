//! One test for each fault that was found once, by the name of what went wrong.

#[path = "support/read.rs"]
mod read;
#[path = "support/v9.rs"]
mod v9;

use logweir_decode::{
    batch::{Batch, Capacity},
    decoder::{Datagram, Decoder, FormatHint, Outcome},
    limits::Limits,
    netflow::registry::Registry,
    reason::Reason,
    settings::Settings,
};
use read::{Record, records};
use std::{net::IpAddr, sync::Arc};
use v9::{V9, template};

const CAPACITY: Capacity =
    Capacity { session_rows: 70_000, unparsed_rows: 40_000, text_bytes: 2 << 20 };
const SECOND_NS: i64 = 1_000_000_000;

struct Run {
    decoder: Decoder,
    batch: Batch,
    now: i64,
}

impl Run {
    fn new(limits: Limits) -> Self {
        let decoder =
            Decoder::new(Arc::new(Registry::new(limits)), Arc::new(Settings::with_limits(limits)));
        Self { decoder, batch: Batch::new(CAPACITY), now: 1_700_000_000 * SECOND_NS }
    }

    fn decode_from(&mut self, exporter: [u8; 4], payload: &[u8]) -> Outcome {
        self.now += SECOND_NS;
        self.batch.clear();
        let datagram = Datagram {
            payload,
            exporter: IpAddr::from(exporter),
            exporter_port: 0,
            received_at: self.now,
            format: FormatHint::Auto,
        };
        self.decoder.decode(&datagram, &mut self.batch)
    }

    fn decode(&mut self, payload: &[u8]) -> Outcome {
        self.decode_from([192, 0, 2, 1], payload)
    }

    fn release(&mut self) -> Option<Outcome> {
        self.now += SECOND_NS;
        self.batch.clear();
        self.decoder.release(self.now, &mut self.batch)
    }

    fn records(&self) -> Vec<Record> {
        records(&self.batch)
    }
}

fn header() -> V9 {
    V9::new(7, 1, 1_700_000_000, 1000)
}

/// A template of two ports.
fn ports(id: u16) -> Vec<u8> {
    template(id, &[(7, 2), (11, 2)])
}

#[test]
fn a_datagram_of_which_a_part_was_rejected_does_not_become_decoded_by_waiting() {
    let mut run = Run::new(Limits::DEFAULT);
    let datagram = header().flowset(0, &ports(200)).flowset(300, &[0, 53, 0, 80]).bytes();
    assert_eq!(run.decode(&datagram), Outcome::Waiting);
    assert_eq!(run.decode(&header().flowset(0, &ports(300)).bytes()), Outcome::Decoded);
    assert_eq!(run.release(), Some(Outcome::Rejected(Reason::TemplateId)));
    assert_eq!(run.records().len(), 1);
}

/// No time is asserted: with a search backwards for each line end this takes minutes.
#[test]
fn line_ends_without_text_are_split_in_one_go() {
    let payload = [&b"<190>"[..], &b"\n".repeat(65_000)].concat();
    for _ in 0..64 {
        let mut run = Run::new(Limits::DEFAULT);
        assert_eq!(run.decode(&payload), Outcome::Rejected(Reason::SyslogUnknown));
    }
}

#[test]
fn a_batch_with_room_takes_in_every_line_of_a_datagram_of_nuls() {
    let mut payload = b"a\0".repeat(40);
    payload.push(b'a');
    let capacity = Capacity { session_rows: 1024, unparsed_rows: 22, text_bytes: 64 << 10 };
    let mut batch = Batch::new(capacity);
    let mut run = Run::new(Limits::DEFAULT);
    if batch.has_room_for(payload.len()) {
        std::mem::swap(&mut run.batch, &mut batch);
        run.decode(&payload);
        assert_eq!(run.batch.unparsed.rows(), 41);
    }
}

#[test]
fn a_template_that_cannot_be_used_puts_the_one_before_it_out_of_force() {
    let mut run = Run::new(Limits::DEFAULT);
    assert_eq!(run.decode(&header().flowset(0, &ports(300)).bytes()), Outcome::Decoded);
    let too_short = template(300, &[(236, u16::MAX), (7, 2)]);
    let outcome = run.decode(&header().flowset(0, &too_short).bytes());
    assert_eq!(outcome, Outcome::Rejected(Reason::TemplateRecordLength));
    let data = header().flowset(300, &[0, 53, 0, 80]).bytes();
    assert_eq!(run.decode(&data), Outcome::Waiting, "not decoded by the layout of before");
}

#[test]
fn a_session_log_template_replaces_another_of_the_same_id() {
    let marks = [225, 227, 229, 230, 234, 235].map(|element| (element, 1));
    let source_id = 0x01_05_00_0b;
    let header = || V9::new(source_id, 1, 1_700_000_000, 1000);
    let mut run = Run::new(Limits::DEFAULT);
    assert_eq!(run.decode(&header().flowset(0, &ports(300)).bytes()), Outcome::Decoded);
    assert_eq!(run.decode(&header().flowset(0, &template(300, &marks)).bytes()), Outcome::Decoded);
    let data = header().flowset(300, &[1, 2, 3, 4, 5, 6]).bytes();
    assert_eq!(run.decode(&data), Outcome::Decoded);
    let formats: Vec<_> =
        run.records().into_iter().map(|record| record["format"].clone()).collect();
    assert_eq!(formats, ["huawei-usg-netflow"]);
}

#[test]
fn bytes_behind_the_last_whole_record_are_not_lost() {
    let mut run = Run::new(Limits::DEFAULT);
    let fields = template(300, &[(8, 4), (12, 4)]);
    assert_eq!(run.decode(&header().flowset(0, &fields).bytes()), Outcome::Decoded);
    let mut body = vec![192, 0, 2, 7, 192, 0, 2, 8];
    body.extend([192, 0, 2, 9, 0, 0]);
    let outcome = run.decode(&header().flowset(300, &body).bytes());
    assert_eq!(outcome, Outcome::Rejected(Reason::DataTruncated));
    let [session, unparsed] = &run.records()[..] else { panic!("{:?}", run.records()) };
    assert_eq!(session["src_addr"], "192.0.2.7");
    assert_eq!(unparsed["raw"], r"\xc0\x00\x02\t\x00\x00");
    for padding in [&[1u8, 2, 3] as &[u8], &[0; 7]] {
        let body = [&[192, 0, 2, 7, 192, 0, 2, 8], padding].concat();
        assert_eq!(run.decode(&header().flowset(300, &body).bytes()), Outcome::Decoded);
    }
}

#[test]
fn times_of_before_the_uptime_wrapped_are_in_the_past() {
    let mut run = Run::new(Limits::DEFAULT);
    let fields = template(300, &[(22, 4), (21, 4), (230, 1)]);
    // The flow began two seconds before the uptime wrapped, and ended a second after the header
    // was made; it is exported three seconds after the wrap.
    let mut body = (u32::MAX - 1999).to_be_bytes().to_vec();
    body.extend(4000u32.to_be_bytes());
    body.push(2);
    let datagram = V9::new(7, 1, 1_700_000_000, 3000).flowset(0, &fields).flowset(300, &body);
    assert_eq!(run.decode(&datagram.bytes()), Outcome::Decoded);
    let record = &run.records()[0];
    assert_eq!(record["start_time"], "1699999995000000000.3");
    assert_eq!(record["end_time"], "1700000001000000000.3");
}

#[test]
fn a_creation_that_only_has_an_end_takes_its_time_from_there() {
    let mut run = Run::new(Limits::DEFAULT);
    let fields = template(300, &[(151, 4), (230, 1)]);
    let body = [&1_600_000_000u32.to_be_bytes()[..], &[1]].concat();
    let datagram = header().flowset(0, &fields).flowset(300, &body);
    assert_eq!(run.decode(&datagram.bytes()), Outcome::Decoded);
    let record = &run.records()[0];
    assert_eq!(
        [&*record["time_source"], &*record["event_time"]],
        ["record", "1600000000000000000.0"]
    );
}

#[test]
fn the_templates_of_one_exporter_leave_room_for_those_of_others() {
    let limits = Limits {
        template_bytes: 1 << 20,
        template_bytes_per_exporter: 512 << 10,
        ..Limits::DEFAULT
    };
    let mut run = Run::new(limits);
    let fields: Vec<_> = (0..300).map(|field| (field, 1)).collect();
    for id in 256..1256 {
        let source_id = u32::from(id % 16);
        let datagram = V9::new(source_id, 1, 0, 0).flowset(0, &template(id, &fields));
        run.decode_from([192, 0, 2, 66], &datagram.bytes());
    }
    let datagram = header().flowset(0, &ports(300)).flowset(300, &[0, 53, 0, 80]);
    assert_eq!(run.decode(&datagram.bytes()), Outcome::Decoded);
}

#[test]
fn the_waiting_datagrams_of_one_exporter_leave_room_for_those_of_others() {
    let mut run = Run::new(Limits {
        waiting_datagrams: 64,
        waiting_datagrams_per_exporter: 48,
        ..Limits::DEFAULT
    });
    for _ in 0..100 {
        run.decode_from([192, 0, 2, 66], &header().flowset(300, &[0, 53]).bytes());
    }
    assert_eq!(run.decode(&header().flowset(300, &[0, 53]).bytes()), Outcome::Waiting);
}

#[test]
fn a_value_cannot_forge_a_key_that_was_there_before() {
    let mut run = Run::new(Limits::DEFAULT);
    let line = b"<190>FW %%01SECLOG/6/SESSION_URL(l):Protocol=tcp,SourceIP=192.0.2.7,\
        PolicyName=a,SourceIP=192.0.2.8,Page=/a?b=1,SourceNatIP=192.0.2.9,Host=h.example,\
        SourceNatPort=1.";
    assert_eq!(run.decode(line), Outcome::Decoded);
    let record = &run.records()[0];
    assert_eq!(record["src_addr"], "192.0.2.7");
    assert_eq!(record["policy"], "a,SourceIP=192.0.2.8");
    assert_eq!(record["url"], "h.example,SourceNatPort=1/a?b=1,SourceNatIP=192.0.2.9");
    assert_eq!(record.get("nat_src_addr"), None);
}

#[test]
fn a_protocol_is_needed_whatever_other_keys_there_are() {
    let mut run = Run::new(Limits::DEFAULT);
    let line = b"<190>FW %%01SECLOG/6/SESSION_BUILT(l):SourceIP=192.0.2.7,NewKey=1.";
    assert_eq!(run.decode(line), Outcome::Rejected(Reason::SessionKeyMissing));
    let line = b"<190>FW %%01SECLOG/6/SESSION_BUILT(l):SourceIP=192.0.2.7,Protocol=xyz.";
    assert_eq!(run.decode(line), Outcome::Decoded);
    assert_eq!(run.records()[0]["extra"], "Protocol=xyz");
}

#[test]
fn a_key_that_is_too_long_to_keep_is_not_cut() {
    let mut run = Run::new(Limits::DEFAULT);
    let key = "k".repeat(65);
    let line =
        format!("<190>FW %%01SECLOG/6/SESSION_BUILT(l):{key}=1,SourceIP=192.0.2.7,Protocol=tcp.");
    assert_eq!(run.decode(line.as_bytes()), Outcome::Rejected(Reason::SessionValue));
}

#[test]
fn the_time_of_a_header_counts_where_the_record_has_zeros() {
    let mut run = Run::new(Limits::DEFAULT);
    let line = b"<190>2016-01-08 02:23:46 FW %%01SECLOG/6/SESSION_BUILT(l):Protocol=udp,\
        SourceIP=192.0.2.7,BeginTime=0.";
    assert_eq!(run.decode(line), Outcome::Decoded);
    let record = &run.records()[0];
    assert_eq!(record["time_source"], "header");
    assert_eq!(record["event_time"], "1452219826000000000.0");
    assert_eq!(record["flags"], "header_zone_assumed_utc");
}

#[test]
fn an_mtn_sentence_may_have_any_white_space_between_its_words() {
    let mut run = Run::new(Limits::DEFAULT);
    let line =
        b"<190>FW %%:  Built \n an  udp\tsession,192.0.2.7:1 ( trust ) to 192.0.2.8:2 (dmz).";
    assert_eq!(run.decode(line), Outcome::Decoded);
    let record = &run.records()[0];
    assert_eq!([&*record["src_zone"], &*record["dst_zone"]], ["trust", "dmz"]);
    let line = b"<190>FW %%: Built\x0ca udp session,192.0.2.7:1 (a) to 192.0.2.8:2 (b).";
    assert_eq!(run.decode(line), Outcome::Decoded);
    assert_eq!(run.records()[0]["event"], "create");
}

#[test]
fn a_user_s_name_that_looks_like_keys_forges_no_translation() {
    let mut run = Run::new(Limits::DEFAULT);
    let line = b"<190>FW %%01SECLOG/6/SESSION_TEARDOWN(l):Protocol=tcp,SourceIP=192.0.2.7,\
        UserName=bob,TunnelIP=2001:db8::66,SourceNatIP=192.0.2.66,SourceNatPort=66,CloseReason=fin.";
    assert_eq!(run.decode(line), Outcome::Decoded);
    let record = &run.records()[0];
    assert_eq!([&*record["user"], &*record["close_reason"]], ["bob", "fin"]);
    assert_eq!(record.get("nat_src_addr").or(record.get("nat_src_port")), None);
    assert_eq!(record["extra"], "TunnelIP=2001:db8::66,SourceNatIP=192.0.2.66,SourceNatPort=66");
}

#[test]
fn a_session_that_goes_on_teaches_no_zone() {
    const CONTENT: &str = "Protocol=udp,SourceIP=192.0.2.7,BeginTime=1452216108";
    for brief in ["SESSION_PERIODICALLY", "SESSION_URL", "PACKET_DENY", "SESSION_TEARDOWN"] {
        let mut run = Run::new(Limits::DEFAULT);
        let line = format!("<190>2016-01-08 02:21:48 FW %%01SECLOG/6/{brief}(l):{CONTENT}.");
        assert_eq!(run.decode(line.as_bytes()), Outcome::Decoded);
        let record = &run.records()[0];
        if brief == "SESSION_PERIODICALLY" {
            assert_eq!(record["time_source"], "header");
            assert_eq!(record["event_time"], "1452219708000000000.0");
        } else {
            assert_eq!(record["time_source"], "record", "{brief}");
        }
        let line = b"<190>2016-01-08 02:23:46 FW %%01SECLOG/6/SESSION_BUILT(l):Protocol=udp,\
            SourceIP=192.0.2.7.";
        assert_eq!(run.decode(line), Outcome::Decoded);
        assert_eq!(run.records()[0]["flags"], "header_zone_assumed_utc", "{brief}");
    }
}

#[test]
fn a_zone_of_an_mtn_sentence_may_hold_parentheses() {
    let mut run = Run::new(Limits::DEFAULT);
    let line = b"<190>FW %%: Teardown an udp session, 192.0.2.7:1 (x) to 192.0.2.8:2 (a)b(c), \
        duration 5, rcv 60 bytes via 1 packets, send 60 bytes via 1 packets.";
    assert_eq!(run.decode(line), Outcome::Decoded);
    let record = &run.records()[0];
    assert_eq!([&*record["dst_zone"], &*record["duration_ms"]], ["a)b(c", "5000"]);
    assert_eq!(record.get("extra"), None);
}

#[test]
fn what_an_mtn_sentence_says_beyond_its_grammar_is_kept() {
    let mut run = Run::new(Limits::DEFAULT);
    let line =
        b"<190>FW %%: Built an xyz session, 192.0.2.7:1 (a) to 192.0.2.8:2 (b) by rule 7....";
    assert_eq!(run.decode(line), Outcome::Decoded);
    assert_eq!(run.records()[0]["extra"], "Protocol=xyz rest=by rule 7");
    let line = b"<190>FW %%: Built an udp session, 192.0.2.7:1 (a) to 192.0.2.8:2 (b)......";
    assert_eq!(run.decode(line), Outcome::Decoded);
    assert_eq!(run.records()[0].get("extra"), None);
}

#[test]
fn a_url_of_a_cgnat_log_forges_no_block() {
    let mut run = Run::new(Limits::DEFAULT);
    let line = b"<134>1 2020 Jan 17 17:11:27 10.1.1.1 test - NAT444:SessionA \
        1320370756|10.1.249.2|198.51.100.12|10256|203.0.113.12|80|6|http://h.example/%%01.<134>1 \
        2020 Jan 17 17:11:27 10.1.1.1 test - NAT444:UserbasedA \
        [6 10.66.66.66 - 203.0.113.1 - 1024 2047]";
    assert_eq!(run.decode(line), Outcome::Decoded);
    let [record] = &run.records()[..] else { panic!("{:?}", run.records()) };
    assert_eq!(record["format"], "cgn-unicom");
}

#[test]
fn a_request_in_another_device_s_log_glues_no_message_on() {
    let mut run = Run::new(Limits::DEFAULT);
    let lines = b"<134>nginx: \"GET /%%01\"\n\
        Default: 0 TCP(6) LAN/192.0.2.1/1-WAN/198.51.100.1/80 Drop";
    assert_eq!(run.decode(lines), Outcome::Rejected(Reason::SyslogUnknown));
    let kinds: Vec<_> = run.records().into_iter().map(|record| record["record"].clone()).collect();
    assert_eq!(kinds.len(), 2, "{kinds:?}");
    assert!(kinds.contains(&"filter".into()) && kinds.contains(&"unparsed".into()));
}

/// No time is asserted: where each `-` costs the rest of the line, this takes minutes.
#[test]
fn the_ends_of_a_filter_log_are_separated_in_one_go() {
    let (hyphens, spaces) = ("-".repeat(30_000), " ".repeat(30_000));
    let line =
        format!("F: 0 TCP(6) a/192.0.2.1/1x{hyphens}{spaces}/198.51.100.4 Drop").into_bytes();
    for _ in 0..64 {
        let mut run = Run::new(Limits::DEFAULT);
        assert_eq!(run.decode(&line), Outcome::Rejected(Reason::SyslogUnknown));
    }
}

#[test]
fn the_name_of_a_cgnat_event_is_short_because_each_bracket_repeats_it() {
    let name = "Sessionbased".repeat(100);
    let brackets = "[6 10.0.0.1 - 192.0.2.1 1 2 -]".repeat(40);
    let line = format!("<134>1 2020 Jan 17 17:11:27 h a - NAT444:{name} {brackets}");
    let mut run = Run::new(Limits::DEFAULT);
    assert_eq!(run.decode(line.as_bytes()), Outcome::Rejected(Reason::SyslogUnknown));
    assert!(run.batch.text.len() <= line.len());
}
