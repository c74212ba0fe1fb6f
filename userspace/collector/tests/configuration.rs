//! What a configuration says about exporters, zones and messengers, tried by `logweir decode`.

mod common {
    pub mod frames;
}

use std::{
    fs,
    net::IpAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use common::frames::capture;
use serde_json::Value;

const LOGWEIR: &str = env!("CARGO_BIN_EXE_logweir");

/// Made on 2016-01-08 at 10:21:48 in a zone that it does not name.
const MTN: &[u8] = b"<190>2016-01-08 10:21:48 FW %%01SECLOG/6/SESSION_TEARDOWN(l): Teardown a tcp session, 10.1.1.1:1 (a) to 198.51.100.2:2 (b), \
duration 10, rcv 30 bytes via 2000 packets, send 20 bytes via 1720 packets.";
/// The same device's, with the time in UTC too: eight hours earlier.
const DEFAULT: &[u8] = b"<190>2016-01-08 10:21:48 FW %%01SECLOG/6/SESSION_BUILT(l):IPVer=4,Protocol=udp,SourceIP=10.1.1.1,DestinationIP=198.51.100.2,SourcePort=1,DestinationPort=1,BeginTime=1452219708,SourceVpnID=0,DestinationVpnID=0.";

struct Tried {
    code: Option<i32>,
    records: Vec<Value>,
    said: String,
}

fn decode(capture: &Path, options: &[&str]) -> Tried {
    let output =
        Command::new(LOGWEIR).arg("decode").arg(capture).args(options).output().expect("it starts");
    let stdout = String::from_utf8(output.stdout).expect("UTF-8");
    let records = stdout.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    let mut records: Vec<Value> = records.collect();
    // They come family by family; each exporter's in the order in which it sent them.
    records.sort_by_key(|record| record["exporter"].to_string());
    Tried {
        code: output.status.code(),
        records,
        said: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// A directory with a configuration and a capture.
struct Desk {
    directory: tempfile::TempDir,
}

impl Desk {
    fn new<'a>(datagrams: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        capture(&directory.path().join("trial.pcap"), datagrams);
        Self { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Decodes the capture by this configuration.
    fn decode(&self, configuration: &str, options: &[&str]) -> Tried {
        let path = self.path("logweir.toml");
        fs::write(&path, configuration).expect("a file");
        let path = path.to_str().expect("UTF-8");
        decode(&self.path("trial.pcap"), &[&["--config", path], options].concat())
    }
}

#[test]
fn an_exporter_is_pinned_to_its_format() {
    let desk = Desk::new([("192.0.2.1", DEFAULT), ("192.0.2.2", DEFAULT)]);
    let pinned = "[[exporter]]\naddress = \"192.0.2.2\"\nformat = \"netflow\"\n";
    let tried = desk.decode(pinned, &[]);
    assert_eq!(tried.code, Some(0), "{}", tried.said);
    let kinds: Vec<_> =
        tried.records.iter().map(|record| (&record["exporter"], &record["record"])).collect();
    let [first, second] = kinds.as_slice() else { panic!("{kinds:?}") };
    assert_eq!(*first, (&"192.0.2.1".into(), &"session".into()));
    assert_eq!(*second, (&"192.0.2.2".into(), &"unparsed".into()));
    let line = "192.0.2.2: 1 datagrams, 0 decoded, 1 rejected (unsupported_version 1)";
    assert!(tried.said.contains(line), "{}", tried.said);
    // Whatever all the others are said to be.
    let pinned = "[[exporter]]\naddress = \"192.0.2.2\"\nformat = \"huawei-usg-syslog\"\n";
    let tried = desk.decode(pinned, &["--format", "netflow"]);
    assert_eq!(tried.records[0]["record"], "unparsed");
    assert_eq!(tried.records[1]["record"], "session");
}

#[test]
fn a_zone_is_configured_or_learned_or_taken_as_utc() {
    let time = |tried: &Tried, index: usize| {
        let record = &tried.records[index];
        let flags = record.get("flags").map(Value::to_string).unwrap_or_default();
        (record["event_time"].as_str().expect("a time").to_owned(), flags)
    };
    let alone = Desk::new([("192.0.2.1", MTN)]);
    let (at, flags) = time(&alone.decode("", &[]), 0);
    assert!(at.starts_with("2016-01-08T10:21:48") && flags.contains("zone_assumed_utc"), "{at}");
    let both = Desk::new([("192.0.2.1", DEFAULT), ("192.0.2.1", MTN), ("192.0.2.2", MTN)]);
    let learned = both.decode("", &[]);
    let (at, flags) = time(&learned, 1);
    assert!(at.starts_with("2016-01-08T02:21:48") && flags.contains("zone_learned"), "{at}");
    let (at, flags) = time(&learned, 2);
    assert!(at.starts_with("2016-01-08T10:21:48") && flags.contains("zone_assumed_utc"), "{at}");
    let exporter =
        |zone: &str| format!("[[exporter]]\naddress = \"192.0.2.1\"\nzone = \"{zone}\"\n");
    for (zone, hour) in [("+08:00", "02"), ("UTC", "10"), ("Europe/Warsaw", "09"), ("-03:30", "13")]
    {
        let configured = both.decode(&exporter(zone), &["--zone", "+01:00"]);
        let (at, flags) = time(&configured, 1);
        assert!(at.starts_with(&format!("2016-01-08T{hour}:")), "{zone}: {at}");
        assert!(!flags.contains("zone"), "{flags}");
        // The option is for those that the configuration does not name.
        let (at, flags) = time(&configured, 2);
        assert!(at.starts_with("2016-01-08T09:21:48") && !flags.contains("zone"), "{at}");
    }
    let wrong = decode(&both.path("trial.pcap"), &["--zone", "Asia/Shangai"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.said.contains("did you mean 'Asia/Shanghai'?"), "{}", wrong.said);
}

#[test]
fn counters_are_read_as_configured() {
    let desk = Desk::new([("192.0.2.1", MTN)]);
    for (word, packets, bytes) in
        [("auto", 20, 1720), ("swapped", 20, 1720), ("as-printed", 1720, 20)]
    {
        let configuration =
            format!("[[exporter]]\naddress = \"192.0.2.1\"\nmtn_counters = \"{word}\"\n");
        let tried = desk.decode(&configuration, &[]);
        let record = &tried.records[0];
        assert_eq!(record["sent_packets"], packets, "{word}: {record}");
        assert_eq!(record["sent_bytes"], bytes, "{word}: {record}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_line_before_anything_is_decoded() {
    let desk = Desk::new([("192.0.2.1", MTN)]);
    let exporter = "[[exporter]]\naddress = \"192.0.2.1\"\n";
    for (text, words) in [
        (format!("{exporter}zome = \"UTC\""), "line 3: unknown key 'zome': did you mean 'zone'?"),
        (format!("{exporter}zone = \"UCT+1\""), "line 3: unknown zone 'UCT+1'"),
        (format!("{exporter}format = \"cgn-c\""), "line 2: exporter 192.0.2.1: unknown format"),
        (format!("{exporter}{exporter}"), "line 4: exporter 192.0.2.1: it is given twice"),
        ("[im]\nrecord = \"yes\"".into(), "line 2: unknown word 'yes'"),
        ("[im]\nrecord = \"hashed\"".into(), "key_file"),
        ("binary_layouts = [\"none.toml\"]".into(), "none.toml"),
    ] {
        let tried = desk.decode(&text, &[]);
        assert_eq!((tried.code, tried.records.len()), (Some(2), 0), "{text}: {}", tried.said);
        assert_eq!(tried.said.lines().count(), 1, "{}", tried.said);
        assert!(tried.said.contains(words), "{text}: {}", tried.said);
    }
}

#[test]
fn destinations_are_left_out_and_users_become_pseudonyms() {
    let user = [DEFAULT.strip_suffix(b".").expect("a dot"), b",UserName=alice."].concat();
    let desk = Desk::new([("192.0.2.1", &user[..])]);
    let record = |configuration: &str| {
        let tried = desk.decode(configuration, &[]);
        assert_eq!((tried.code, tried.records.len()), (Some(0), 1), "{}", tried.said);
        tried.records[0].clone()
    };
    let plain = record("");
    assert_eq!((&plain["dst_addr"], &plain["user"]), (&"198.51.100.2".into(), &"alice".into()));
    let omitted = record("[privacy]\ndestinations = \"omit\"\n");
    for field in ["dst_addr", "dst_port", "nat_dst_addr", "nat_dst_port", "url", "extra"] {
        assert!(omitted.get(field).is_none(), "{field}: {omitted}");
    }
    assert_eq!((&omitted["src_addr"], &omitted["user"]), (&plain["src_addr"], &"alice".into()));

    fs::write(desk.path("keys"), format!("k1 2000-01-01T00:00:00Z {}\n", "5a".repeat(32)))
        .expect("a file");
    fs::set_permissions(desk.path("keys"), fs::Permissions::from_mode(0o600)).expect("a mode");
    let privacy = "[privacy]\npseudonymise = [\"user\"]\nkey_file = \"keys\"\n";
    let pseudonym = record(privacy)["user"].as_str().expect("a user").to_owned();
    assert!(pseudonym.starts_with("k1:") && !pseudonym.contains("alice"), "{pseudonym}");
    let mut asked = Command::new(LOGWEIR);
    asked.args(["pseudonym", "alice", "--config"]).arg(desk.path("logweir.toml"));
    let output = asked.output().expect("it starts");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success() && said.contains(&pseudonym), "{said}");
}

#[test]
fn a_key_is_made_neither_by_a_check_nor_by_decode() {
    let desk = Desk::new([("192.0.2.1", MTN)]);
    let configuration =
        "listen = [\"514\"]\ndata = \"/d\"\n[im]\nrecord = \"hashed\"\nkey_file = \"key\"\n";
    let path = desk.path("logweir.toml");
    fs::write(&path, configuration).expect("a file");
    let check =
        || Command::new(LOGWEIR).arg("check-config").arg(&path).output().expect("it starts");
    assert!(check().status.success());
    let refused = desk.decode(configuration, &[]);
    assert_eq!((refused.code, refused.said.lines().count()), (Some(2), 1), "{}", refused.said);
    assert!(refused.said.contains("only `run` makes a key"), "{}", refused.said);
    assert!(!desk.path("key").exists());
    fs::write(desk.path("key"), "5a".repeat(32)).expect("a key");
    fs::set_permissions(desk.path("key"), fs::Permissions::from_mode(0o600)).expect("a mode");
    assert_eq!(desk.decode(configuration, &[]).code, Some(0));
    assert!(check().status.success());
    fs::set_permissions(desk.path("key"), fs::Permissions::from_mode(0o604)).expect("a mode");
    let output = check();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(said.contains("everyone may read or change it"), "{said}");
}

/// IPv6 exporters are found by their address, IPv4 ones however it is written.
#[test]
fn addresses_are_compared_as_addresses() {
    let addresses = ["2001:db8::7", "192.0.2.9"];
    for address in addresses {
        let desk = Desk::new([(address, DEFAULT)]);
        let written = match address.parse::<IpAddr>().expect("an address") {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().to_string(),
            IpAddr::V6(_) => "2001:0DB8:0:0::7".into(),
        };
        let pinned = format!("[[exporter]]\naddress = \"{written}\"\nformat = \"netflow\"\n");
        assert_eq!(desk.decode(&pinned, &[]).records[0]["record"], "unparsed", "{written}");
    }
}

/// A format that an operator declares is known wherever formats are named.
#[test]
fn a_declared_format_is_named_like_any_other() {
    const LINE: &[u8] = b"<14>gate: tcp 10.1.1.1:1000 is 198.51.100.9:2000 for 203.0.113.7:443";
    const DECLARATION: &str = r#"
        format = "our-gate"
        [[message]]
        marks = ["gate: "]
        family = "session"
        event = "create"
        patterns = ["{_}gate: {protocol} {src} is {nat_src} for {dst}"]
    "#;
    let desk = Desk::new([("192.0.2.1", LINE), ("192.0.2.2", LINE)]);
    let file = desk.path("our-gate.toml");
    fs::write(&file, DECLARATION).expect("a file");
    let file = file.to_str().expect("UTF-8");
    let is_session = |record: &Value| {
        let public = (&record["nat_src_addr"], &record["nat_src_port"]);
        record["format"] == "our-gate" && public == (&"198.51.100.9".into(), &2000.into())
    };
    // Without it nobody knows the line; with it, it is recognised, and can be named.
    let trial = desk.path("trial.pcap");
    assert!(decode(&trial, &[]).records.iter().all(|record| record["record"] == "unparsed"));
    for options in [&["--formats", file] as &[&str], &["--formats", file, "--format", "our-gate"]] {
        let tried = decode(&trial, options);
        assert!(tried.records.len() == 2 && tried.records.iter().all(is_session), "{}", tried.said);
    }
    let configuration = "listen = [\"5514=our-gate\"]\ndata = \"/d\"\nformats = [\"our-gate.toml\"]\n\
        [[exporter]]\naddress = \"192.0.2.1\"\nformat = \"our-gate\"\n";
    let tried = desk.decode(configuration, &["--format", "netflow"]);
    assert!(is_session(&tried.records[0]), "{}", tried.said);
    assert_eq!(tried.records[1]["reason"], "unsupported_version");
    let check = Command::new(LOGWEIR)
        .arg("check-config")
        .arg(desk.path("logweir.toml"))
        .output()
        .expect("it starts");
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
    let tried = decode(&trial, &["--formats", file, "--format", "our-gaet"]);
    assert!(tried.said.contains("did you mean 'our-gate'?"), "{}", tried.said);
    // What is wrong in a declaration is told with its file.
    fs::write(file, DECLARATION.replace("{src}", "{source}")).expect("a file");
    let tried = decode(&trial, &["--formats", file]);
    assert_eq!((tried.code, tried.said.lines().count()), (Some(2), 1), "{}", tried.said);
    assert!(tried.said.contains(file) && tried.said.contains("source"), "{}", tried.said);
}

/// A file may be another host's: what this one lacks is told, and the file is good.
#[test]
fn what_the_host_lacks_is_told_of_a_good_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("logweir.toml");
    let text = format!(
        "listen = [\"514\"]\ninterface = \"no-such-if0\"\nuser = \"no-such-user\"\ndata = {file:?}\n"
    );
    fs::write(&file, text).expect("a file");
    let check = Command::new(LOGWEIR).arg("check-config").arg(&file).output().expect("it starts");
    let told = String::from_utf8_lossy(&check.stderr);
    assert!(check.status.success() && check.stdout.ends_with(b"is good\n"), "{told}");
    let told: Vec<_> = told.lines().collect();
    assert_eq!(told.len(), 3, "{told:?}");
    for (line, what) in told.iter().zip(["no-such-user", "no-such-if0", "is no directory"]) {
        assert!(
            line.contains("on this host `run` would refuse it: ") && line.contains(what),
            "{line}"
        );
    }
}
