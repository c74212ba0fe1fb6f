//! `logweir decode` and `logweir check-config` as a person at a terminal meets them: what is
//! printed where, and which exit code.

mod common {
    pub mod generator;
}

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::generator::Generated;
use serde_json::Value;

const LOGWEIR: &str = env!("CARGO_BIN_EXE_logweir");

struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ran {
    /// Its records, where it printed JSON.
    fn records(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

fn logweir<'a>(words: impl IntoIterator<Item = &'a str>) -> Ran {
    let output = Command::new(LOGWEIR).args(words).output().expect("the program starts");
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// A file of the documents.
fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../decode/testdata").join(name);
    path.to_str().expect("UTF-8").to_owned()
}

/// A file with this content, in a directory that goes with the test.
fn file(directory: &tempfile::TempDir, name: &str, content: &[u8]) -> String {
    let path: PathBuf = directory.path().join(name);
    fs::write(&path, content).expect("a file");
    path.to_str().expect("UTF-8").to_owned()
}

#[test]
fn a_payload_is_one_json_object() {
    let file = document("doc_nf9_ipv6_nat64_aging.bin");
    let ran = logweir(["decode", &file, "--exporter", "::ffff:192.0.2.7", "--strict"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let records = ran.records();
    let [Value::Object(record)] = records.as_slice() else { panic!("{}", ran.stdout) };
    let mut record = record.clone();
    // The only one that differs from run to run.
    let received = record.remove("received_at").expect("a time of arrival");
    assert!(received.as_str().is_some_and(|time| time.ends_with('Z')), "{received}");
    let expected = serde_json::json!({
        "record": "session",
        "format": "huawei-usg-netflow",
        "exporter": "192.0.2.7",
        "observation_domain": 33_554_443,
        "sequence": 576,
        "event_time": "2015-12-26T00:03:52Z",
        "time_source": "record",
        "event": "end",
        "protocol": 17,
        "src_addr": "3011::13",
        "src_port": 1,
        "dst_addr": "8000::c0:a800:200:0",
        "dst_port": 1,
        "nat_src_addr": "192.168.0.5",
        "nat_src_port": 1,
        "nat_dst_addr": "192.168.0.2",
        "nat_dst_port": 1,
        "src_vrf": 0,
        "dst_vrf": 0,
        "direction": 1,
        "initiator": 1,
        "start_time": "2015-12-26T00:02:38Z",
        "end_time": "2015-12-26T00:03:52Z",
        "duration_ms": 74_000,
        "sent_packets": 83_774,
        "sent_bytes": 7_204_564,
        "received_packets": 200,
        "received_bytes": 19_200,
    });
    assert_eq!(Value::Object(record), expected);
    assert_eq!(ran.stderr, "logweir: 1 datagrams, 1 records (1 session), 0 rejected\n");
}

#[test]
fn text_files_hold_a_line_a_datagram_wrapped_or_not() {
    let plain = logweir(["decode", &document("huawei_usg_session_document.log")]);
    let wrapped = logweir(["decode", &document("huawei_usg_session_document_wrapped.log")]);
    let without_arrival = |ran: &Ran| {
        let mut records = ran.records();
        for record in &mut records {
            let fields = record.as_object_mut().expect("an object");
            fields.remove("received_at");
            if fields["time_source"] == "received" {
                fields.retain(|name, _| !name.ends_with("_time"));
            }
        }
        records
    };
    assert_eq!((plain.code, wrapped.code), (Some(0), Some(0)));
    assert_eq!(without_arrival(&plain).len(), 16);
    assert_eq!(without_arrival(&plain), without_arrival(&wrapped));
}

#[test]
fn several_files_are_one_run() {
    let names = ["doc_nf9_ipv4_create.bin", "doc_nf9_ipv6_nat64_aging.bin"].map(document);
    let ran = logweir(["decode", &names[0], &names[1], "--strict"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let records = ran.records();
    assert_eq!((&records[0]["event"], &records[1]["event"]), (&"create".into(), &"end".into()));
}

#[test]
fn what_is_rejected_is_printed_told_and_strictly_a_failure() {
    let file = document("NEGATIVE_doc_nf9_ipv4_firstcopy.bin");
    for (strict, code) in [(&[] as &[&str], 0), (&["--strict"], 1)] {
        let ran = logweir(["decode", file.as_str()].into_iter().chain(strict.iter().copied()));
        assert_eq!(ran.code, Some(code), "{}", ran.stderr);
        let records = ran.records();
        assert_eq!(records.len(), 1);
        assert_eq!(records[0]["record"], "unparsed");
        assert_eq!(records[0]["reason"], "flowset_reserved");
        assert!(records[0]["raw"].as_str().is_some_and(|raw| raw.starts_with("0x0009")));
        assert!(ran.stderr.contains("1 datagrams, 1 records (0 session, 1 unparsed), 1 rejected"));
        assert!(ran.stderr.contains("rejected: flowset_reserved 1"), "{}", ran.stderr);
    }
}

#[test]
fn csv_has_one_header_and_as_many_cells_in_every_line() {
    let ran = logweir(["decode", &document("huawei_usg_session_document.log"), "--output", "csv"]);
    assert_eq!(ran.code, Some(0));
    let lines: Vec<_> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 1 + 16);
    assert!(lines[0].starts_with("record,format,exporter,"), "{}", lines[0]);
    let columns: Vec<_> = lines[0].split(',').collect();
    let cell = |line: &str, name: &str| {
        let at = columns.iter().position(|column| *column == name).expect("a column");
        line.split(',').nth(at).expect("a cell").to_owned()
    };
    for line in &lines[1..] {
        // No value of these lines holds a comma.
        assert_eq!(line.split(',').count(), columns.len(), "{line}");
        assert_eq!(cell(line, "record"), "session");
        assert!(["10.1.1.1", "192.168.20.254"].contains(&cell(line, "src_addr").as_str()));
    }
}

#[test]
fn a_generated_capture_holds_what_the_generator_says() {
    let directory = tempfile::tempdir().expect("a directory");
    for format in ["huawei-usg-netflow", "huawei-usg-syslog", "huawei-usg-mtn"] {
        let path = file(&directory, &format!("{format}.pcap"), b"");
        let mut from = Command::new(LOGWEIR);
        from.args(["generate", "--to", &path, "--format", format, "--count", "5000"]);
        let generated = Generated::by(from.args(["--nat64", "0.2"]));
        let ran = logweir(["decode", &path, "--strict"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let records = ran.records();
        assert_eq!(records.len() as u64, generated.count("records"));
        let datagrams = generated.count("datagrams");
        assert!(ran.stderr.starts_with(&format!("logweir: {datagrams} datagrams, ")));
        for record in records {
            assert_eq!((&record["record"], &record["format"]), (&"session".into(), &format.into()));
            let exporter = record["exporter"].as_str().expect("an exporter");
            assert!(exporter.starts_with("198.19.240."), "{exporter}");
        }
    }
}

#[test]
fn input_that_cannot_be_read_is_told_in_one_sentence() {
    let directory = tempfile::tempdir().expect("a directory");
    let whole = file(&directory, "whole.pcap", b"");
    let mut from = Command::new(LOGWEIR);
    Generated::by(from.args(["generate", "--to", &whole, "--count", "500"]));
    let capture = fs::read(&whole).expect("a capture");
    let cut = &capture[..capture.len() - 100];
    for (path, words) in [
        (document("no_such_file.bin"), "No such file"),
        (file(&directory, "notes.doc", b"x"), "its name ends in none of .pcap"),
        (file(&directory, "no_extension", b"x"), "its name ends in none of .pcap"),
        (file(&directory, "garbage.pcap", &[0x55; 4096]), "neither pcap nor pcapng"),
        (file(&directory, "short.pcap", &[0x55; 3]), "cannot read"),
        (file(&directory, "empty.pcap", b""), "it is empty"),
        (file(&directory, "empty.pcapng", b""), "it is empty"),
        (file(&directory, "cut.pcap", cut), "ends inside a block"),
    ] {
        let ran = logweir(["decode", &path]);
        assert_eq!(ran.code, Some(2), "{path}: {}", ran.stderr);
        let sentence = ran.stderr.lines().last().expect("a sentence");
        assert!(sentence.starts_with("logweir: cannot read "), "{sentence}");
        assert!(sentence.contains(&path), "{sentence}");
        assert!(sentence.contains(words), "{path}: {sentence}");
    }
}

/// A wrong name among many is told before anything is printed.
#[test]
fn a_missing_file_stops_all() {
    let good = document("doc_nf9_ipv4_create.bin");
    let ran = logweir(["decode", &good, &document("no_such_file.bin")]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = file(&directory, "many.pcap", b"");
    let mut from = Command::new(LOGWEIR);
    Generated::by(from.args(["generate", "--to", &path, "--count", "20000"]));
    let mut decode = Command::new(LOGWEIR)
        .args(["decode", &path])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut line = String::new();
    let mut stdout = BufReader::new(decode.stdout.take().expect("piped"));
    stdout.read_line(&mut line).expect("a line");
    assert!(line.starts_with('{'), "{line}");
    // Megabytes are to come; the pipe holds 64 KiB.
    drop(stdout);
    let mut complaints = String::new();
    decode.stderr.take().expect("piped").read_to_string(&mut complaints).expect("text");
    let status = decode.wait().expect("a child");
    assert!(status.success(), "{status}: {complaints}");
    assert_eq!(complaints.lines().count(), 1, "only the summary: {complaints}");
}

#[test]
fn wrong_words_are_told_with_the_nearest_right_one() {
    let good = document("doc_nf9_ipv4_create.bin");
    let ran = logweir(["decode", &good, "--format", "huawei-usg-netflw"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("did you mean 'huawei-usg-netflow'?"), "{}", ran.stderr);
    let ran = logweir(["decode", &good, "--strct"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("--strict"), "{}", ran.stderr);
    let ran = logweir(["generate", "--to", "x.pcap", "--format", "huawei-usg-mnt"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("did you mean 'huawei-usg-mtn'?"), "{}", ran.stderr);
}

/// What is no session log under this format is kept, not thrown away.
#[test]
fn a_wrong_format_loses_nothing() {
    let file = document("doc_nf9_ipv4_create.bin");
    let ran = logweir(["decode", &file, "--format", "huawei-usg-syslog"]);
    assert_eq!(ran.code, Some(0));
    let records = ran.records();
    assert!(!records.is_empty() && records.iter().all(|record| record["record"] == "unparsed"));
    assert!(ran.stderr.contains("1 datagrams, ") && ran.stderr.contains(" 1 rejected"));
}

#[test]
fn a_configuration_is_checked_without_starting_anything() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    let good = format!(
        "listen = [\"2055=huawei-usg-netflow\", \"198.51.100.1:514\"]\ndata = {data:?}\nbatches = 4\n"
    );
    let path = file(&directory, "good.toml", good.as_bytes());
    let ran = logweir(["check-config", &path]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.stdout, format!("{path} is good\n"));
    assert!(!data.exists(), "nothing is started");
    for (name, text, words) in [
        (
            "key.toml",
            "listen = [\"514\"]\ndta = \"/d\"\n",
            "line 2: unknown key 'dta': did you mean 'data'?",
        ),
        ("syntax.toml", "listen = [\n", "line "),
        ("type.toml", "data = \"/d\"\nlisten = \"514\"\n", "line 2: "),
        ("listen.toml", "listen = [\"70000\"]\ndata = \"/d\"\n", "'70000'"),
        (
            "format.toml",
            "listen = [\"514=huawei-usg-sylog\"]\ndata = \"/d\"\n",
            "'huawei-usg-syslog'",
        ),
        ("data.toml", "listen = [\"514\"]\n", "--data"),
        ("empty.toml", "", "--listen"),
        ("batches.toml", "listen = [\"514\"]\ndata = \"/d\"\nbatches = 1\n", "batches is 1"),
    ] {
        let path = file(&directory, name, text.as_bytes());
        let ran = logweir(["check-config", &path]);
        assert_eq!(ran.code, Some(2), "{name}: {}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        assert!(ran.stderr.contains(&path), "{}", ran.stderr);
        assert!(ran.stderr.contains(words), "{name}: {}", ran.stderr);
    }
    let ran = logweir(["check-config", &directory.path().join("none.toml").display().to_string()]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("none.toml"), "{}", ran.stderr);
}
