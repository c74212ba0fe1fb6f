//! Lines of a Huawei USG beyond the document's examples, value by value.

#[path = "support/lines.rs"]
mod lines;
#[path = "support/read.rs"]
mod read;

use lines::{check, decode, decode_with, sample, show};
use logweir_decode::{
    batch::{Batch, Capacity},
    decoder::{Datagram, Decoder, FormatHint, Outcome},
    limits::Limits,
    netflow::registry::Registry,
    reason::Reason,
    settings::{ExporterSettings, ImPolicy, MtnCounters, Settings, Zone},
};
use std::{net::IpAddr, sync::Arc};

const SESSION: &str = "IPVer=4,Protocol=tcp,SourceIP=10.1.2.3,DestinationIP=192.0.2.1,SourcePort=1,DestinationPort=2,BeginTime=1452219708";

#[test]
fn every_kind_of_session_log() {
    for (brief, more, expected) in [
        ("SESSION_BUILT", "", "event=create"),
        ("SESSION_TEARDOWN", ",EndTime=1452219717,SendPkts=1,SendBytes=60", "sent_bytes=60"),
        ("SESSION_PERIODICALLY", ",SendPkts=5", "event=update"),
        ("SESSION_URL", ",Page=/a,b=c,Host=h.example", "url=h.example/a,b=c"),
        (
            "PACKET_DENY",
            ",EndTime=1452219717,PolicyName=No, never,CloseReason=policy deny",
            "policy=No, never",
        ),
        ("SESSION_BUILT", ",PolicyName=\u{7b56}\u{7565}", "policy=\\xe7\\xad\\x96\\xe7\\x95\\xa5"),
        ("SESSION_BUILT", ",UserName=QQ=1", "user=QQ=1"),
        ("SESSION_BUILT", ",Tenant=7", "extra[Tenant=7]"),
        ("SESSION_BUILT", ",TunnelIP=2001:db8::7", "tunnel_addr=2001:db8::7"),
        ("SESSION_BUILT", ",TunnelIP=2001:db8::7", "flags=reading_inferred"),
        ("SESSION_BUILT", ",TunnelIP=none", "extra[TunnelIP=none]"),
        ("SESSION_BUILT", ",UserName=x,TunnelIP=2001:db8::7", "extra[TunnelIP=2001:db8::7]"),
    ] {
        let line = format!("<190>2016-01-08 10:21:48 FW %%01SECLOG/6/{brief}(l):{SESSION}{more}.");
        let (outcome, records) = decode(line.as_bytes());
        assert_eq!(outcome, Outcome::Decoded, "{line}");
        let shown = show(&records[0]);
        assert!(shown.starts_with("record=session format=huawei-usg-syslog"), "{shown}");
        assert!(shown.contains(expected), "{expected}\n{shown}");
    }
}

#[test]
fn nat64_and_ipv6() {
    check(&[(
        "<190>FW %%01SECLOG/6/SESSION_BUILT(l):IPVer=6,Protocol=icmpv6,SourceIP=2001:db8::1,DestinationIP=64:ff9b::c000:201,SourcePort=1,DestinationPort=2,SourceNatIP=198.51.100.1,SourceNatPort=1024,DestinationNatIP=192.0.2.1,DestinationNatPort=2,BeginTime=1452219708.",
        "record=session format=huawei-usg-syslog event=create dst_addr=64:ff9b::c000:201 dst_port=2 event_time=2016-01-08T02:21:48Z host=FW nat_dst_addr=192.0.2.1 nat_dst_port=2 nat_src_addr=198.51.100.1 nat_src_port=1024 protocol=58 src_addr=2001:db8::1 src_port=1 start_time=2016-01-08T02:21:48Z time_source=record",
    )]);
}

#[test]
fn policy_hits() {
    let policy = "record=session format=huawei-usg-policy";
    check(&[
        (
            "Oct  5 2018 10:52:19 FW %%01POLICY/6/POLICYPERMIT(l):vsys=public, protocol=17, source-ip=10.1.2.3, source-port=2426, destination-ip=192.0.2.1, destination-port=2234, time=2018/10/5 09:52:19, source-zone=dmz, destination-zone=untrust, rule-name=Internet Access, all.",
            &format!(
                "{policy} event=flow dst_addr=192.0.2.1 dst_port=2234 dst_zone=untrust event_time=2018-10-05T10:52:19Z flags=header_zone_assumed_utc host=FW policy=Internet Access, all protocol=17 src_addr=10.1.2.3 src_port=2426 src_zone=dmz time_source=header extra[vsys=public time=2018/10/5 09:52:19]"
            ),
        ),
        (
            "<188>May 13 2026 07:04:08 FW %%01POLICY/4/POLICYDENY(l)[3]:vsys=v1, protocol=6, source-ip=2001:db8::1, source-port=1, destination-ip=2001:db8::2, destination-port=443, time=May 13 2026 14:04:08, new-key=7, application-name=QUIC, rule-name=default.",
            &format!(
                "{policy} event=deny application=QUIC dst_addr=2001:db8::2 dst_port=443 event_time=2026-05-13T07:04:08Z flags=header_zone_assumed_utc host=FW policy=default protocol=6 src_addr=2001:db8::1 src_port=1 time_source=header extra[vsys=v1 time=May 13 2026 14:04:08 new-key=7]"
            ),
        ),
        (
            "<188>FW %%01POLICY/6/POLICYPERMIT(l):protocol=6, source-ip=10.1.2.3, time=2018/10/5 09:52:19.",
            &format!(
                "{policy} event=flow event_time=2018-10-05T09:52:19Z flags=header_zone_assumed_utc host=FW protocol=6 src_addr=10.1.2.3 time_source=record"
            ),
        ),
        (
            "<188>FW %%01POLICY/6/POLICYPERMIT(l):protocol=xyz, source-ip=10.1.2.3, time=noon.",
            &format!(
                "{policy} event=flow event_time=2026-11-22T00:00:00Z host=FW src_addr=10.1.2.3 time_source=received extra[protocol=xyz time=noon]"
            ),
        ),
    ]);
    let (_, records) = decode(b"FW %%01POLICY/6/POLICYPERMIT(l):vsys=public, protocol=17.");
    assert_eq!(records[0]["reason"], "session_key_missing");
}

#[test]
fn sample_lines() {
    let Some(text) = sample("huawei_usg_session_public.log") else { return };
    let expected: [&[&str]; 5] = [
        &[
            "event=end",
            "src_port=52451",
            "nat_src_port=3711",
            "received_bytes=120",
            "close_reason=aged-out",
            "event_time=2020-09-09T10:05:11Z",
        ],
        &["event=flow", "url=heartbeat.dm.origin.com/pulse?authon&user=", "db_conn=1,0,0,0,0"],
        &["event=end", "policy=Internet Access", "sent_bytes=2135", "received_packets=18"],
        &["format=huawei-usg-policy", "policy=Internet Access", "time=2018/10/5 09:52:19"],
        &[
            "format=huawei-usg-policy",
            "application=QUIC",
            "src_zone=WUH_Staff",
            "time=May 13 2026 14:04:08",
        ],
    ];
    assert_eq!(text.lines().count(), expected.len());
    for (line, expected) in text.lines().zip(expected) {
        let (outcome, records) = decode(line.as_bytes());
        assert_eq!((outcome, records.len()), (Outcome::Decoded, 1), "{line}");
        let shown = show(&records[0]);
        for expected in expected {
            assert!(shown.contains(expected), "{expected}\n{shown}");
        }
    }
}

// ------------------------------------------------------------------------------------- zones

const SECOND_NS: i64 = 1_000_000_000;
/// 2016-01-08T02:21:48Z; its header says 10:21:48.
const BOTH_TIMES: &str = "<190>2016-01-08 10:21:47 FW %%01SECLOG/6/SESSION_BUILT(l):";
const HEADER_ONLY: &str = "<190>2016-01-08 10:30:00 FW %%01SECLOG/6/SESSION_BUILT(l): Built an udp session, 10.1.1.1:1 (a) to 192.0.2.1:1 (b).";

/// The header's time of an mtn line of an exporter, and the record's flags.
fn mtn_time(decoder: &mut Decoder, exporter: u8, line: &str) -> (i64, String) {
    let mut batch =
        Batch::new(Capacity { session_rows: 256, unparsed_rows: 512, text_bytes: 1 << 14 });
    let exporter = IpAddr::from([192, 0, 2, exporter]);
    let format = FormatHint::Auto;
    let payload = line.as_bytes();
    let datagram = Datagram { payload, exporter, exporter_port: 514, received_at: 0, format };
    assert_eq!(decoder.decode(&datagram, &mut batch), Outcome::Decoded, "{line}");
    let record = read::records(&batch).remove(0);
    let time = record["event_time"].split('.').next().unwrap().parse::<i64>().unwrap();
    (time / SECOND_NS, record.get("flags").cloned().unwrap_or_default())
}

#[test]
fn a_local_header_is_read_in_the_zone_that_other_lines_have_shown() {
    let registry = || Arc::new(Registry::new(Limits::DEFAULT));
    let mut decoder = Decoder::new(registry(), Arc::default());
    let as_utc = 1_452_249_000;
    let assumed = (as_utc, "header_zone_assumed_utc".to_owned());
    let learned = (as_utc - 8 * 3600, "header_zone_learned".to_owned());
    assert_eq!(mtn_time(&mut decoder, 1, HEADER_ONLY), assumed);
    mtn_time(&mut decoder, 1, &format!("{BOTH_TIMES}{SESSION}."));
    assert_eq!(mtn_time(&mut decoder, 1, HEADER_ONLY), learned);
    assert_eq!(mtn_time(&mut decoder, 2, HEADER_ONLY), assumed, "another exporter's lines");
    // Nor do two exporters' zones mix.
    let third = BOTH_TIMES.replace("10:21:47", "03:21:49");
    mtn_time(&mut decoder, 3, &format!("{third}{SESSION}."));
    assert_eq!(mtn_time(&mut decoder, 3, HEADER_ONLY).0, as_utc - 3600);
    assert_eq!(mtn_time(&mut decoder, 1, HEADER_ONLY), learned);

    let mut settings = Settings::default();
    let zone = Some(Zone::Fixed(2 * 3600));
    let exporter = IpAddr::from([192, 0, 2, 1]);
    settings.exporters.insert(exporter, ExporterSettings { zone, ..ExporterSettings::default() });
    let mut decoder = Decoder::new(registry(), Arc::new(settings));
    mtn_time(&mut decoder, 1, &format!("{BOTH_TIMES}{SESSION}."));
    assert_eq!(mtn_time(&mut decoder, 1, HEADER_ONLY), (as_utc - 2 * 3600, String::new()));
}

// --------------------------------------------------------------------------------------- mtn

#[test]
fn mtn_counters_as_the_configuration_says() {
    let line = "<190>%%: Teardown an udp session, 10.1.1.1:1[198.51.100.1:7] (trust) to \
                192.0.2.1:80[198.51.100.2:81](untrust), duration 15, rcv 2 bytes via 200 packets, \
                send 20 bytes via 1720 packets......";
    for (mtn_counters, packets, bytes) in [
        (MtnCounters::Auto, "20", "1720"),
        (MtnCounters::Swapped, "20", "1720"),
        (MtnCounters::AsPrinted, "1720", "20"),
    ] {
        let mut settings = Settings::default();
        settings.default_exporter.mtn_counters = mtn_counters;
        let (_, records) = decode_with(line.as_bytes(), settings);
        let record = &records[0];
        assert_eq!([&record["sent_packets"], &record["sent_bytes"]], [packets, bytes]);
        let swapped = record["flags"].contains("mtn_counters_swapped");
        assert_eq!(swapped, mtn_counters != MtnCounters::AsPrinted);
        assert_eq!([&record["nat_src_port"], &record["nat_dst_port"]], ["7", "81"]);
        assert_eq!([&record["dst_zone"], &record["duration_ms"]], ["untrust", "15000"]);
    }
    let (_, records) =
        decode(b"<190>%%: Built a tcp session, 2001:db8::1:1 (a) to 2001:db8::2:443 (b).");
    assert_eq!([&records[0]["src_addr"], &records[0]["dst_port"]], ["2001:db8::1", "443"]);
}

// ---------------------------------------------------------------------------------------- IM

const IM: &str = "<190>2016-01-08 10:21:48 FW %%01SECLOG/6/IM_USER_ONLINE(l):Protocol=tcp,SourceIP=10.1.2.3,\
                  DestinationIP=192.0.2.1,SourcePort=1,DestinationPort=8000,SourceNatIP=198.51.100.1,\
                  SourceNatPort=1024,BeginTime=1452219708,SourceZone=trust,Application=QQ,Account=1234567,\
                  NickName=joe,Odd1234567=x,UserName=1234567.";
const KEY: [u8; 32] = [7; 32];

fn hex(value: &[u8]) -> String {
    blake3::keyed_hash(&KEY, value).to_hex()[..32].to_owned()
}

fn under(im: ImPolicy, line: &str) -> (Outcome, Vec<read::Record>) {
    decode_with(line.as_bytes(), Settings { im, ..Settings::default() })
}

#[test]
fn im_logs_are_not_recorded_unless_the_configuration_says_so() {
    for line in [IM, &IM.replace("IM_USER_ONLINE", "OTHER")] {
        let (outcome, records) = under(ImPolicy::Off, line);
        assert_eq!(outcome, Outcome::Rejected(Reason::ImNotRecorded));
        assert!(records.is_empty());
    }
}

#[test]
fn im_accounts_are_hashed_wherever_they_may_stand() {
    let (outcome, records) = under(ImPolicy::Hashed(KEY), IM);
    assert_eq!(outcome, Outcome::Decoded);
    let shown = show(&records[0]);
    let account = hex(b"1234567");
    let expected = format!(
        "record=im format=huawei-usg-im event=online account={account} application=QQ \
         dst_addr=192.0.2.1 dst_port=8000 event_time=2016-01-08T02:21:48Z flags=reading_inferred \
         host=FW nat_src_addr=198.51.100.1 nat_src_port=1024 protocol=6 src_addr=10.1.2.3 \
         src_port=1 start_time=2016-01-08T02:21:48Z time_source=record extra[SourceZone=trust \
         NickName={} content={} UserName={account}]",
        hex(b"joe"),
        hex(b"Odd1234567=x"),
    );
    assert_eq!(shown, expected);
    assert!(!shown.contains("1234567"));
}

#[test]
fn im_accounts_are_plain_where_the_configuration_says_so() {
    let (_, records) = under(ImPolicy::Plain, &IM.replace("ONLINE", "LOGOUT"));
    assert_eq!([&records[0]["account"], &records[0]["event"]], ["1234567", "offline"]);
    assert_eq!(records[0]["extra"], "SourceZone=trust NickName=joe Odd1234567=x UserName=1234567");
}

#[test]
fn what_an_im_log_holds_does_not_leak_when_it_cannot_be_read() {
    let faults = [
        IM.replace("SourcePort=1", "SourcePort=1234567"),
        IM.replace("SourceIP=10.1.2.3", "SourceIP=1234567"),
        IM.replace("<190>", "<999>"),
        IM.replace("2016-01-08 10:21:48 FW", "x y z"),
        "<190>FW %%01SECLOG/6/IM(l):user 1234567 is online".to_owned(),
        "<190>FW %%01SECLOG/6/IM(l):".to_owned(),
    ];
    for line in faults {
        for im in [ImPolicy::Off, ImPolicy::Hashed(KEY)] {
            let (_, records) = under(im, &line);
            let shown = records.iter().map(show).collect::<String>();
            assert!(!shown.contains("1234567"), "{line}\n{shown}");
        }
    }
}

/// A session log is kept whatever it says of accounts, and what it says is kept as the
/// configuration says.
#[test]
fn an_account_in_a_session_log_is_kept_as_the_configuration_says() {
    let line = "<190>FW %%01SECLOG/6/SESSION_TEARDOWN(l):Protocol=tcp,SourceIP=10.1.2.3,Rule=7,\
                IMType=QQ,QQNumber=1234567.";
    let all = format!("Rule=7 IMType={} QQNumber={}", hex(b"QQ"), hex(b"1234567"));
    for (im, extra) in [
        (ImPolicy::Off, "Rule=7"),
        (ImPolicy::Hashed(KEY), &all),
        (ImPolicy::Plain, "Rule=7 IMType=QQ QQNumber=1234567"),
    ] {
        let (outcome, records) = under(im.clone(), line);
        assert_eq!(outcome, Outcome::Decoded);
        assert_eq!([&records[0]["record"], &records[0]["extra"]], ["session", extra]);
        let (outcome, records) = under(im, &line.replace("Rule=7,", ""));
        assert_eq!(outcome, Outcome::Decoded);
        assert_eq!(records[0].contains_key("extra"), extra != "Rule=7");
    }
    let page = "<190>FW %%01SECLOG/6/SESSION_URL(l):Protocol=tcp,SourceIP=10.1.2.3,\
                Page=/a?b,QQNumber=1.";
    let (_, records) = under(ImPolicy::Off, page);
    assert_eq!(records[0]["url"], "/a?b,QQNumber=1");
}

#[test]
fn no_account_is_kept_where_none_is_recorded() {
    for line in [
        "<190>FW %%01SECLOG/6/SESSION_QQ(l):Protocol=tcp,SourceIP=10.1.2.3,QQNumber=1234567.",
        "<190>FW %%01SECLOG/6/SESSION_IM(l):Protocol=tcp,SourceIP=10.1.2.3,Account=1234567.",
        "<190>%%: IMType=QQ,Account=1234567,SourceIP=10.1.2.3.",
        "<190>FW %%01SECLOG/6/QQ_ONLINE(l):QQ user 1234567 online",
        "<190>FW %%01SECLOG/6/QQ_ONLINE: QQ user 1234567 online",
        "<190>FW %%01IM/6/ONLINE(l):SourceIP=10.1.2.3,QQNumber=1234567.",
        "<190>FW %%01SECLOG/6/IMONLINE(l):user 1234567",
        "<190>FW %%01seclog/6/im_online(l):user 1234567",
        "<190>FW %%01SECLOG/6/IM_ONLINE(l):SourceIP=10.1.2.3,Nick=x.<190>,QQNumber=1234567.",
        "<190>FW %%01SECLOG/6/IM_ONLINE(l):SourceIP=10.1.2.3,CloseReason=aged.<190> qq 1234567.",
        "<190>x y %%01OTHER/6/ONLINE(l):SourceIP=10.1.2.3,UserAccount=1234567.",
        "<190>FW %%01SECLOG/6/SESSION_BUILT(l):SourceIP=none,qqnumber=1234567.",
    ] {
        let (outcome, records) = under(ImPolicy::Off, line);
        assert!(records.is_empty(), "{line}");
        assert_eq!(outcome, Outcome::Rejected(Reason::ImNotRecorded), "{line}");
        let (_, records) = under(ImPolicy::Hashed(KEY), line);
        let shown = records.iter().map(show).collect::<String>();
        assert!(!shown.contains("1234567"), "{line}\n{shown}");
    }
    let (_, records) = under(ImPolicy::Hashed(KEY), "<190>%%: IMType=QQ,Account=1234567.");
    assert_eq!([&records[0]["record"], &records[0]["application"]], ["im", "QQ"]);
    // A parameter of a URL is no key.
    let (_, records) = under(ImPolicy::Off, "<190>x y %% GET /a?qq=1&account=2");
    assert_eq!(records[0]["record"], "unparsed");
}

#[test]
fn what_im_values_say_is_not_taken_for_more() {
    let decoded = |pairs: &str| {
        let line = format!("<190>FW %%01SECLOG/6/IM_ONLINE(l):SourceIP=10.1.2.3,{pairs}.");
        under(ImPolicy::Hashed(KEY), &line).1.remove(0)
    };
    for pairs in ["PolicyName=off", "Action=offline"] {
        assert_eq!(decoded(pairs)["event"], "online", "{pairs}");
    }
    assert_eq!(decoded("PolicyName=off")["extra"], "PolicyName=off");
    assert_eq!(decoded("IMName=alice")["extra"], format!("IMName={}", hex(b"alice")));
    assert_eq!(decoded("ImName=wechat")["application"], "wechat");
    let record = decoded("CloseReason=aged, qq 1234567");
    assert_eq!(record["extra"], format!("CloseReason={}", hex(b"aged, qq 1234567")));
}
