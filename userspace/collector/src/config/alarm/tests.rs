use super::*;
use crate::service::alarm::{mail::MailConfig, smtp::Begins};
use std::fs;

fn check(text: &str) -> Result<AlarmConfig, String> {
    let settings: Settings = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    settings.alarms()
}

#[test]
fn rules_are_read_with_what_they_need() {
    let config = check(
        r#"
        unknown_capture = "unknown.pcap"
        [[rule]]
        name = "lab"
        match = ["record=filter", "src_addr=10.0.0.0/8"]
        syslog = "local3.error"
        email = true
        [[rule]]
        name = "silent"
        event = "exporter_silent"
        threshold = "100000s"
        alarm = true
        [syslog]
        server = "192.0.2.1:514"
        [email]
        server = "[2001:db8::1]:2525"
        tls = "none"
        from = "logweir@example.net"
        to = ["noc@example.net"]
        pre_delay = "1s"
        "#,
    );
    let config = config.unwrap();
    assert_eq!(config.unknown, Some(("unknown.pcap".into(), 16 << 20)));
    assert_eq!(config.live, LiveConfig::default());
    let email = config.email.unwrap();
    assert_eq!((email.relay.host.as_str(), email.relay.port), ("2001:db8::1", 2525));
    assert_eq!(email.post_delay, Duration::from_secs(300));
    let Matches::Events { kind, threshold, .. } = config.rules[1].matches else { panic!() };
    assert_eq!((kind, threshold), (EventKind::ExporterSilent, Some(100_000)));
}

/// `[email]` with a sender and these lines.
fn email(lines: &str) -> Result<MailConfig, String> {
    let config = check(&format!("[email]\nfrom = \"logweir@example.net\"\n{lines}"))?;
    Ok(config.email.expect("a server"))
}

#[test]
fn a_relay_is_spoken_to_by_tls_unless_it_is_this_host() {
    let relay = |lines: &str| {
        let ca_file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/service/alarm/tls/ca.pem");
        let lines = format!("to = [\"noc@example.net\"]\nca_file = {ca_file:?}\n{lines}");
        email(&lines).map(|email| email.relay)
    };
    let (at_once, after_starttls) = (Some(Begins::AtOnce), Some(Begins::AfterStarttls));
    for (server, tls, port, begins) in [
        ("mail.example.net", "", 25, after_starttls),
        ("mail.example.net:587", "", 587, after_starttls),
        ("mail.example.net:465", "", 465, at_once),
        ("mail.example.net", "tls = \"implicit\"", 465, at_once),
        ("mail.example.net", "tls = \"none\"", 25, None),
        ("localhost", "", 25, None),
        ("127.0.0.1:2525", "", 2_525, None),
        ("[::1]", "", 25, None),
        ("localhost:465", "", 465, at_once),
        ("localhost", "tls = \"starttls\"", 25, after_starttls),
    ] {
        let relay = relay(&format!("server = {server:?}\n{tls}")).unwrap();
        let found = (relay.port, relay.tls.map(|tls| tls.begins));
        assert_eq!(found, (port, begins), "{server} {tls}");
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("password");
    for (text, error) in [
        ("secret\r\n", None),
        ("\n", Some("it must hold a password, on one line")),
        ("two\nlines\n", Some("it must hold a password, on one line")),
    ] {
        let _ = fs::remove_file(&path);
        crate::config::secret::create(&path, text).unwrap();
        let login = format!("user = \"u\"\npassword_file = {path:?}");
        let found = relay(&format!("server = \"mail.example.net\"\n{login}"));
        match error {
            Some(error) => assert!(found.unwrap_err().ends_with(error), "{text:?}"),
            None => {
                let read = found.unwrap().tls.and_then(|tls| tls.login);
                assert_eq!(read.unwrap().password().as_deref(), Ok("secret"));
                let here = relay(&format!("server = \"localhost\"\n{login}")).unwrap_err();
                assert!(here.starts_with("email: no password is sent in the clear"), "{here}");
            }
        }
    }
}

#[test]
fn what_is_wrong_is_one_sentence() {
    let rule = |rest: &str| check(&format!("[[rule]]\nname = \"r\"\n{rest}")).unwrap_err();
    let cases = [
        ("", "rule 'r': say what it waits for: match = [\"FIELD=VALUE\", …], or event"),
        (
            "match = [\"src_adr=10.0.0.1\"]",
            "rule 'r': match: 'src_adr=10.0.0.1': no field 'src_adr': did you mean 'src_addr'?",
        ),
        (
            "match = [\"src_port=http\"]",
            "rule 'r': match: 'src_port=http': src_port is a whole number",
        ),
        (
            "match = [\"drop\"]",
            "rule 'r': match: 'drop': a condition is FIELD=VALUE, with =, !=, < or >",
        ),
        (
            "match = [\"protocol=6\"]",
            "rule 'r': say what it does: log, alarm, syslog, email or webhook",
        ),
        (
            "event = \"exporter_gone\"\nlog = true",
            "rule 'r': no event 'exporter_gone': did you mean 'exporter_new'? (known: \
             exporter_new, exporter_silent, exporter_back, exporter_restarted, sequence_gap, \
             template_missing, queue_full, receive_loss, store_failed, disk_low, journal_full, \
             journal_stuck, sealing_stuck, reload_refused)",
        ),
        (
            "event = \"exporter_silent\"\nmatch = [\"exporter=192.0.2.1\", \"dst_port=22\"]\nlog = true",
            "rule 'r': match: exporter_silent has no dst_port: only its exporter can be asked of it",
        ),
        (
            "event = \"disk_low\"\nmatch = [\"exporter!=192.0.2.1\"]\nlog = true",
            "rule 'r': match: disk_low has no exporter: nothing can be asked of it",
        ),
        (
            "match = [\"record=event\"]\nlog = true",
            "rule 'r': match: no record is of that kind; what waits for an event names it: \
             event = \"exporter_silent\"",
        ),
        (
            "event = \"exporter_silent\"\nthreshold = \"0s\"\nlog = true",
            "rule 'r': threshold '0s': 1s is the least",
        ),
        (
            "event = \"queue_full\"\nthreshold = \"5m\"\nlog = true",
            "rule 'r': queue_full has no threshold",
        ),
        (
            "event = \"disk_low\"\nthreshold = \"5m\"\nlog = true",
            "rule 'r': threshold '5m' must be from 1% to 99%",
        ),
        (
            "event = \"disk_low\"\nsyslog = \"local8\"",
            "rule 'r': syslog: unknown facility 'local8': did you mean 'local0'? \
             (known: local0, local1, local2, local3, local4, local5, local6, local7)",
        ),
        (
            "event = \"disk_low\"\nsyslog = \"local1\"",
            "rule 'r': syslog needs a server: add [syslog] with server = \"ADDRESS:PORT\"",
        ),
        (
            "event = \"disk_low\"\nemail = true",
            "rule 'r': email needs a server: add [email] with server, from and to",
        ),
        (
            "event = \"disk_low\"\nwebhook = \"ftp://192.0.2.1/\"",
            "rule 'r': webhook 'ftp://192.0.2.1/': it must begin with https:// or http://",
        ),
        (
            "event = \"disk_low\"\nwebhook = \"https://192.0.2.1 /\"",
            "rule 'r': webhook 'https://192.0.2.1 /' is no URL: invalid uri character",
        ),
        (
            "event = \"disk_low\"\nwebhook = \"http://:80/\"",
            "rule 'r': webhook 'http://:80/' names no host",
        ),
        (
            "event = \"exporter_silent\"\nthreshold = \"soon\"",
            "rule 'r': 'soon' is no time like 30s, 5m, 12h or 2d",
        ),
    ];
    for (rest, expected) in cases {
        assert_eq!(rule(rest), expected);
    }
    for wrong in ["", "noc", "a@b@", "a b@example.net", "a@example.net>\r\nRCPT TO:<b@x"] {
        let error = email(&format!("server = \"127.0.0.1\"\nto = [{wrong:?}]")).unwrap_err();
        assert_eq!(error, format!("email: {wrong:?} is no address like name@example.net"));
    }
    let twice = "[[rule]]\nname = \"r\"\nevent = \"disk_low\"\nlog = true\n";
    assert!(check(&twice.repeat(2)).unwrap_err().contains("another one"));
    assert!(check("unknown_capture_mb = 0").unwrap_err().contains("from 1 to 1024"));
    assert!(check("[live_log]\nlines = 2000000").unwrap_err().contains("at most 1000000"));
}
