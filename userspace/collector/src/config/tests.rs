//! Wrong keys and settings are told in one sentence, and right ones come to what they say.

use super::*;
use std::net::Ipv4Addr;

#[test]
fn a_wrong_key_is_told_with_its_line_and_the_right_word() {
    let error = parse("data = \"/d\"\ninterfaec = \"eth0\"\n").unwrap_err();
    assert_eq!(error, "line 2: unknown key 'interfaec': did you mean 'interface'?");
}

#[test]
fn each_wrong_word_is_told_with_its_line_and_the_right_one() {
    let exporter = "\n[[exporter]]\naddress = \"192.0.2.1\"\n";
    for (table, wrong, sentence) in [
        (exporter, "zone = \"Europe/Warsav\"", "unknown zone 'Europe/Warsav': did you mean"),
        (exporter, "zone = \"+8\"", "'+8' is no distance from UTC"),
        (exporter, "mtn_counters = \"as_printed\"", "did you mean 'as-printed'?"),
        (exporter, "nat_events = \"draft-02\"", "did you mean 'draft02'?"),
        (exporter, "nat_event = \"nel\"", "did you mean 'nat_events'?"),
        ("\n[im]\n\n", "record = \"hash\"", "did you mean 'hashed'?"),
        ("\n[retention]\n\n", "session = \"180\"", "'180' is no age like 12h, 180d"),
        ("\n[privacy]\n\n", "destinations = \"omitted\"", "did you mean 'omit'?"),
        ("\n[privacy]\n\n", "pseudonymise = [\"users\"]", "only 'user' can"),
        ("\n[im]\n\n", "keyfile = \"k\"", "did you mean 'key_file'?"),
    ] {
        let error = parse(&format!("{table}{wrong}\n")).unwrap_err();
        assert!(error.starts_with("line 4: ") && error.contains(sentence), "{error}");
    }
    let validate = |text: &str| {
        let text = format!("listen = [\"514\"]\ndata = \"/d\"\n{text}");
        parse(&text).unwrap().validate(MissingKey::Leave).unwrap_err()
    };
    let error = validate(&format!("{exporter}format = \"cgn-cm\""));
    let words = "line 5: exporter 192.0.2.1: unknown format 'cgn-cm': did you mean 'cgn-cn'?";
    assert!(error.starts_with(words), "{error}");
    let mapped = exporter.replace("192", "::ffff:192");
    let error = validate(&format!("{exporter}{mapped}"));
    assert_eq!(error, "line 8: exporter ::ffff:192.0.2.1: it is given twice");
    let error = parse("[[exporter]]\naddress = \"192.0.2\"").unwrap_err();
    assert!(error.starts_with("line 2: "), "{error}");
}

#[test]
fn files_are_looked_for_beside_the_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("logweir.toml");
    fs::write(
        &path,
        "formats = [\"a.toml\", \"/b.toml\"]\nbinary_layouts = [\"c.toml\"]\nim.key_file = \"k\"",
    )
    .unwrap();
    let settings = read(&path).unwrap();
    let expected = [directory.path().join("a.toml"), "/b.toml".into()];
    assert_eq!(settings.formats.as_deref(), Some(expected.as_slice()));
    assert_eq!(settings.binary_layouts, Some(vec![directory.path().join("c.toml")]));
    assert_eq!(settings.im.clone().unwrap().key_file, Some(directory.path().join("k")));
    let error = settings.decoding(MissingKey::Leave).unwrap_err();
    assert!(error.starts_with("formats: cannot read "), "{error}");
    fs::write(&expected[0], "nonsense = 1").unwrap();
    let error = settings.decoding(MissingKey::Leave).unwrap_err();
    assert!(error.contains("a.toml"), "{error}");
}

#[test]
fn options_override_the_file() {
    let file = parse("listen = [\"514\"]\ndata = \"/a\"").unwrap();
    let over = Settings { data: Some("/b".into()), ..Settings::default() };
    let config = file.overridden_by(over).validate(MissingKey::Leave).unwrap();
    assert_eq!(config.data, Some(PathBuf::from("/b")));
    assert_eq!(config.pipeline.listeners[0].port, 514);
    assert_eq!(config.pipeline.input, Input::Udp { workers: 1 });
}

#[test]
fn each_wrong_setting_is_named() {
    let good = Settings {
        listen: Some(vec!["2055".into()]),
        data: Some("/d".into()),
        ..Settings::default()
    };
    assert!(good.validate(MissingKey::Leave).is_ok());
    for (settings, word) in [
        (Settings { listen: None, ..good.clone() }, "--listen"),
        (Settings { data: None, ..good.clone() }, "--data"),
        (Settings { source: Some(SourceKind::Xdp), ..good.clone() }, "--interface"),
        (Settings { metrics: Some("9404".into()), ..good.clone() }, "metrics is '9404'"),
        (Settings { metrics: Some("[::1]:0".into()), ..good.clone() }, "address and a port"),
        (Settings { metrics: Some("[::]:9404".into()), ..good.clone() }, "of the host itself"),
        (Settings { udp_workers: Some(0), ..good.clone() }, "udp_workers is 0"),
        (Settings { workers_per_queue: Some(9), ..good.clone() }, "workers_per_queue is 9"),
        (Settings { batches: Some(1), ..good.clone() }, "batches is 1"),
        (Settings { journal_sync_ms: Some(0), ..good.clone() }, "journal_sync_ms is 0"),
        (Settings { segment_mb: Some(2_000), ..good.clone() }, "segment_mb is 2000"),
        (Settings { journal_max_mb: Some(200), ..good.clone() }, "journal_max_mb is 200"),
        (
            Settings {
                privacy: Some(Privacy { pseudonymise: vec!["user".into()], ..Privacy::default() }),
                ..good.clone()
            },
            "key_file",
        ),
        (
            Settings {
                interface: Some("eth0".into()),
                allow: Some((0..=65_536).map(|at| Ipv4Addr::from_bits(at).to_string()).collect()),
                ..good.clone()
            },
            "allow has 65537 IPv4 prefixes: 65536 are the most with AF_XDP",
        ),
        (Settings { rx_ring_size: Some(100), ..good.clone() }, "rx_ring_size is 100"),
        (Settings { listen: Some(vec!["x".into()]), ..good.clone() }, "'x'"),
        (Settings { allow: Some(vec!["192.0.2.0/99".into()]), ..good.clone() }, "allow"),
        (Settings { listen: Some(vec!["514".into(), "[::]:514".into()]), ..good.clone() }, "twice"),
    ] {
        let error = settings.validate(MissingKey::Leave).unwrap_err();
        assert!(error.contains(word), "{error}");
    }
}
