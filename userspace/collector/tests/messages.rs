//! Every message that a wrong command line, a wrong configuration, a missing right, a missing
//! feature of the kernel or a busy port gives: it is one sentence, names the thing, and the exit
//! code tells wrong input (2) from everything else (1).

#[expect(dead_code, reason = "other tests need the rest of it")]
mod common {
    pub mod collector;
    pub mod command;
    pub mod messages;
    pub mod port;
    pub mod root;
    pub mod veth;
}

use std::{
    fs,
    net::UdpSocket,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
};

use common::{
    collector::Collector,
    command::LOGWEIR,
    messages::{assert_none, confined, fault, run},
    port, root,
    veth::Veth,
};

/// Runs the program with these words in a directory.
fn logweir(directory: &Path, words: &str) -> Output {
    run(Command::new(LOGWEIR).args(words.split_whitespace()).current_dir(directory))
}

/// A directory with an empty one in it, `data`, and two files.
fn desk() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    fs::create_dir(directory.path().join("data")).expect("a directory");
    for name in ["file", "one.bin"] {
        fs::write(directory.path().join(name), "text").expect("a file");
    }
    directory
}

#[test]
fn wrong_command_lines() {
    let desk = desk();
    let run = "run --listen 2055 --data data";
    let long = "x".repeat(120);
    let cases = [
        ("nosuch", 2, "unknown command 'nosuch'"),
        ("verfiy --data data", 2, "unknown command 'verfiy': did you mean 'verify'?"),
        ("run", 2, "--listen"),
        ("run --listen 2055", 2, "--data"),
        (&format!("{run} --interfaec eth0"), 2, "'--interfaec': did you mean '--interface'?"),
        (&format!("{run} extra"), 2, "unknown argument 'extra'"),
        (&format!("{run} --source xpd"), 2, "--source: unknown word 'xpd': did you mean 'xdp'?"),
        (&format!("{run} --sink disk"), 2, "--sink: unknown word 'disk'"),
        (&format!("{run} --source"), 2, "--source"),
        (&format!("{run} --source xdp"), 2, "--interface"),
        (&format!("{run} --interface no-such-if0"), 2, "no interface 'no-such-if0'"),
        (&format!("{run} --interface lo --queues 77"), 2, "queues is 77"),
        (&format!("{run} --interface lo --queues 0"), 2, "queues is 0"),
        (&format!("{run} --interface lo --allow 192.0.2.0/99"), 2, "allow: \"192.0.2.0/99\""),
        (&format!("{run} --udp-workers x"), 2, "--udp-workers: 'x' is no whole number"),
        (&format!("{run} --udp-workers 0"), 2, "udp_workers is 0"),
        (&format!("{run} --workers-per-queue 9"), 2, "workers_per_queue is 9"),
        (&format!("{run} --rx-ring-size 100"), 2, "rx_ring_size is 100"),
        (&format!("{run} --receive-buffer-bytes 0"), 2, "receive_buffer_bytes is 0"),
        (&format!("{run} --batches 1"), 2, "batches is 1"),
        (&format!("{run} --part-age-seconds 0"), 2, "part_age_seconds is 0"),
        (&format!("{run} --journal-sync-ms 1"), 2, "journal_sync_ms is 1"),
        (&format!("{run} --segment-mb 0"), 2, "segment_mb is 0"),
        (&format!("{run} --journal-max-mb 1"), 2, "journal_max_mb is 1"),
        (&format!("{run} --status-seconds x"), 2, "--status-seconds: 'x'"),
        (&format!("{run} --data data"), 2, "--data is given twice"),
        (&format!("{run} --control /no/such/c.sock"), 1, "cannot listen at /no/such/c.sock"),
        (&format!("{run} --control {long}"), 1, "a socket's path has 107 bytes"),
        (&format!("{run} --balance /no/such/b"), 2, "--balance: there is no directory /no/such"),
        (&format!("{run} --balance data"), 2, "--balance: data is a directory"),
        (&format!("{run} --control file"), 1, "control: file is there and is no socket"),
        (&format!("{run} --control data"), 1, "control: data is there and is no socket"),
        (&format!("{run} --config none.toml"), 2, "cannot read none.toml"),
        (&format!("{run} --config data"), 2, "cannot read data"),
        ("run --listen x --data data", 2, "listen: 'x'"),
        ("run --listen 99999 --data data", 2, "listen: '99999'"),
        ("run --listen 0 --data data", 2, "port 0"),
        ("run --listen 2055=netfow --data data", 2, "'netfow': did you mean 'netflow'?"),
        ("run --listen 300.0.2.1:2055 --data data", 2, "'300.0.2.1:2055'"),
        ("run --listen 514 --listen [::]:514 --data data", 2, "port 514 is given twice"),
        ("run --listen 198.51.100.1:2055 --data data", 1, "198.51.100.1:2055"),
        ("run --interface lo --listen 198.51.100.1:2055 --data data", 1, "cannot bind UDP 198.51"),
        ("run --listen 2055 --data file", 2, "file is no directory"),
        ("run --listen 2055 --data file/below", 1, "file/below"),
        ("run --listen 2055 --data /proc/nowhere", 1, "/proc/nowhere"),
        ("decode", 2, "FILE"),
        ("decode none.pcap", 2, "cannot read none.pcap"),
        ("decode data", 2, "cannot read data"),
        ("decode file", 2, "cannot read file"),
        ("decode one.bin --format netfow", 2, "'netfow': did you mean 'netflow'?"),
        ("decode one.bin --zone Asia/Shangai", 2, "did you mean 'Asia/Shanghai'?"),
        ("decode one.bin --exporter x", 2, "--exporter: 'x'"),
        ("decode one.bin --formats none.toml", 2, "cannot read none.toml"),
        ("decode one.bin --formats file", 2, "file"),
        ("generate", 2, "--to"),
        ("generate --to no-such-if0", 1, "no interface 'no-such-if0'"),
        ("generate --to udp://x", 2, "'x' is no HOST:PORT"),
        ("generate --to udp://127.0.0.1:0", 2, "port 0"),
        ("generate --to /no/such/x.pcap", 1, "/no/such/x.pcap"),
        ("generate --to udp://127.0.0.1:9 --exporters 0", 2, "exporters is 0"),
        ("generate --to udp://127.0.0.1:9 --format x", 2, "--format: unknown format 'x'"),
        ("generate --to udp://127.0.0.1:9 --replay 5", 1, "only to an interface"),
        (
            "trace --at 2026-11-22T10:21:57Z --data data",
            2,
            "one of ADDR[:PORT], --inside and --user",
        ),
        ("trace 203.0.113.7 --data data", 2, "--at is missing"),
        (
            "trace 203.0.113.7 --user x --at 2026-11-22T10:21:57Z",
            2,
            "ADDR[:PORT] and --user exclude",
        ),
        ("top --every 0", 2, "--every: '0' is not from 1 to 3600"),
        ("top --data data", 1, "no collector answers at data/control.sock"),
        ("top --data data --control x", 2, "--data and --control exclude each other"),
        ("trace x --at 2026-11-22T10:21:57Z --data data", 2, "'x'"),
        ("trace 203.0.113.7:99999 --at 2026-11-22T10:21:57Z --data data", 2, "203.0.113.7:99999"),
        ("trace 203.0.113.7:5 --at yesterday --data data", 2, "--at: 'yesterday'"),
        ("trace 203.0.113.7:5 --at 2026-11-22T10:21:57Z --data none", 2, "no directory none"),
        ("ledger --data none", 2, "no directory none"),
        ("ledger --data data --from 2026-11-22T10:00:00Z --to 2026-11-21T10:00:00Z", 2, "--from"),
        ("verify --data none", 2, "no directory none"),
        ("verify --data data --expect x", 2, "--expect: 'x'"),
        ("hold list --data none", 2, "no directory none"),
        ("retention --data data", 2, "--config"),
        ("retention --config none.toml", 2, "cannot read none.toml"),
        ("pseudonym alice --config none.toml", 2, "cannot read none.toml"),
        ("views x --data data", 2, "unknown word 'x'"),
        ("views duckdb --data none", 2, "no directory none"),
        ("check-config", 2, "FILE"),
        ("check-config none.toml", 2, "cannot read none.toml"),
        ("doctor --interface no-such-if0", 2, "no interface 'no-such-if0'"),
        ("doctor --config none.toml", 2, "cannot read none.toml"),
        ("doctor --fix-script --output json", 2, "--output"),
    ];
    let tried =
        cases.map(|(words, code, named)| fault(words, &logweir(desk.path(), words), code, named));
    assert_none(tried);
    assert!(desk.path().join("file").is_file(), "a file was taken for a control socket");
}

/// What a full disk has swallowed is no success, and a reader that is gone is no failure.
#[test]
fn output_that_nobody_has() {
    let desk = desk();
    for words in ["print-default-config", "decode one.bin"] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("a device");
        let mut command = Command::new(LOGWEIR);
        command.args(words.split_whitespace()).current_dir(desk.path()).stdout(full);
        let output = command.output().expect("the program starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{words}: {said}");
        assert!(said.contains("cannot write"), "{words}: {said}");
    }
    let line = format!("{LOGWEIR} print-default-config | head -n 1; echo ${{PIPESTATUS[0]}}");
    let output = Command::new("bash").args(["-c", &line]).output().expect("a shell");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(printed.lines().last(), Some("0"), "{printed}");
}

#[test]
fn wrong_configurations() {
    let desk = desk();
    let file = desk.path().join("wrong.toml");
    let head = "data = \"/d\"\nlisten = [\"514\"]\n";
    let email = |lines| {
        let relay = "server = \"192.0.2.25\"\nfrom = \"a@example.net\"\nto = [\"b@example.net\"]";
        format!("{head}[email]\n{relay}\n{lines}\n")
    };
    let webhook = |scheme, lines| {
        let rule = "[[rule]]\nname = \"r\"\nevent = \"disk_low\"";
        format!("{head}{rule}\nwebhook = \"{scheme}://192.0.2.1/\"\n[webhook]\n{lines}\n")
    };
    let cases = [
        ("listen = [", "line 1"),
        ("listen = [\"514\"]\nlisten = [\"515\"]\n", "line 2: the key 'listen' is given twice"),
        ("listen = 514\n", "line 1: listen has the number 514"),
        ("interfaec = \"eth0\"\n", "line 1: unknown key 'interfaec': did you mean 'interface'?"),
        ("batches = -1\n", "line 1: batches has the number -1"),
        ("batches = \"many\"\n", "batches"),
        ("queues = 5000000000\n", "line 1: queues: 5000000000 is too large"),
        ("busy_poll = 1\n", "busy_poll"),
        ("source = \"xpd\"\n", "xpd"),
        ("sink = \"disk\"\n", "disk"),
        ("listen = [\"514\"]\n", "--data"),
        ("data = \"/d\"\n", "--listen"),
        ("data = \"/d\"\nlisten = [\"x\"]\n", "listen: 'x'"),
        ("data = \"/d\"\nlisten = [\"514\"]\nformats = [\"none.toml\"]\n", "none.toml"),
        ("data = \"/d\"\nlisten = [\"514\"]\nbinary_layouts = [\"none.toml\"]\n", "none.toml"),
        ("exporter = 5\n", "line 1"),
        ("[[exporter]]\nzone = \"UTC\"\n", "'address' is missing"),
        ("[[exporter]]\naddress = \"x\"\n", "line 2: address: \"x\" is no IP address"),
        ("[[exporter]]\naddress = \"192.0.2.1\"\nzome = \"UTC\"\n", "line 3: unknown key 'zome'"),
        (
            "[[exporter]]\naddress = \"192.0.2.1\"\nzone = \"UCT+1\"\n",
            "line 3: unknown zone 'UCT+1'",
        ),
        (
            "[[exporter]]\naddress = \"192.0.2.1\"\nmtn_counters = \"x\"\n",
            "line 3: unknown word 'x'",
        ),
        ("[[exporter]]\naddress = \"192.0.2.1\"\nnat_events = \"x\"\n", "line 3: unknown word 'x'"),
        ("[im]\nrecord = \"yes\"\n", "line 2: unknown word 'yes'"),
        ("data = \"/d\"\nlisten = [\"514\"]\n[im]\nrecord = \"hashed\"\n", "key_file"),
        ("[privacy]\ndestinations = \"no\"\n", "line 2: unknown word 'no'"),
        ("data = \"/d\"\nlisten = [\"514\"]\n[privacy]\npseudonymise = [\"user\"]\n", "key_file"),
        ("[privacy]\nrotate = \"soon\"\n", "line 2"),
        ("[retention]\nsession = \"5x\"\n", "line 2: '5x' is no age"),
        ("[retention]\nmax_gb = \"much\"\n", "max_gb"),
        ("[retention]\nmax_gb = 0\n", "line 2: 0 gigabytes would delete all"),
        ("data = \"/d\"\nlisten = [\"514\"]\nallow = []\n", "allow is empty"),
        (
            "[syslog]\nserver = \"192.0.2.9\"\n",
            "line 2: server \"192.0.2.9\": it must be an address and",
        ),
        ("[email]\ntls = \"ssl\"\n", "line 2: unknown word 'ssl'"),
        (&email("user = \"u\""), "email: user needs a password: give password_file"),
        (&email("password_file = \"p\""), "email: password_file needs a name: give user"),
        (&email("user = \"u\"\npassword_file = \"none\""), "password_file none: "),
        (&email("user = \"u\"\npassword_file = \"file\""), "everyone may read or change it"),
        (&email("ca_file = \"none.pem\""), "email: ca_file none.pem: "),
        (&email("ca_file = \"file\""), "email: ca_file file: it must hold certificates"),
        (&webhook("http", "ca_file = \"file\""), "webhook: ca_file file: it must hold cert"),
        (&webhook("ftp", ""), "webhook 'ftp://192.0.2.1/': it must begin with https://"),
        ("[retnetion]\nsession = \"5d\"\n", "unknown key 'retnetion': did you mean 'retention'?"),
    ];
    let tried = cases.iter().flat_map(|(text, named)| {
        fs::write(&file, text).expect("a file");
        ["check-config wrong.toml", "run --config wrong.toml"].map(|command| {
            fault(&format!("{command}: {text:?}"), &logweir(desk.path(), command), 2, named)
        })
    });
    assert_none(tried);
    fs::write(&file, b"listen = [\"\xff\"]\n").expect("a file");
    let output = logweir(desk.path(), "check-config wrong.toml");
    assert_none([fault("no UTF-8", &output, 2, "wrong.toml")]);
}

/// Each key of the documentation, with a value that no key has: its sentence names key and line.
#[test]
fn each_key_is_named_when_its_value_is_wrong() {
    let page = include_str!("../../../docs/configuration.md");
    let desk = desk();
    let (mut table, mut tried) = (String::new(), Vec::new());
    for line in page.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            table = name.trim_matches('`').to_owned();
        }
        let key = line.strip_prefix("| `").and_then(|rest| rest.split('`').next());
        let Some(key) = key.filter(|_| table.is_empty() || table.starts_with('[')) else {
            continue;
        };
        let head = if table.is_empty() { String::new() } else { format!("{table}\n") };
        let text = format!("{head}{key} = [[1]]\n");
        let line = text.lines().count();
        fs::write(desk.path().join("wrong.toml"), &text).expect("a file");
        let output = logweir(desk.path(), "check-config wrong.toml");
        let named = format!("line {line}: ");
        tried.push(fault(&text, &output, 2, &named));
    }
    assert!(tried.len() > 30, "only {} keys are in docs/configuration.md", tried.len());
    assert_none(tried);
}

#[test]
fn what_others_have() {
    let desk = desk();
    let port = port::free();
    let mut first = Command::new(LOGWEIR);
    first.args(["run", "--source", "udp", "--listen", &port.to_string()]);
    let first = Collector::start(&mut first, desk.path());
    let other = port::free();
    let output = logweir(desk.path(), &format!("run --listen {other} --data data"));
    assert_none([fault("a directory in use", &output, 1, "data is in use")]);
    // Two collectors must not share what arrives at a port.
    for spec in [port.to_string(), format!("127.0.0.1:{port}")] {
        let output = logweir(desk.path(), &format!("run --listen {spec} --data mine"));
        assert_none([fault("a port in use", &output, 1, &format!(":{port}: "))]);
    }
    first.stop();
    let taken = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("bound").port();
    let output = logweir(desk.path(), &format!("run --listen {port} --data mine"));
    assert_none([fault("another program's port", &output, 1, "another process has the port")]);
}

#[test]
fn a_store_that_is_none() {
    let desk = desk();
    let data = desk.path().join("data");
    fs::create_dir(data.join("manifest.jsonl")).expect("a directory");
    let port = port::free();
    let start = format!("run --listen {port} --data data");
    let output = logweir(desk.path(), &start);
    assert_none([fault("a manifest that is a directory", &output, 1, "data/manifest.jsonl")]);
    fs::remove_dir(data.join("manifest.jsonl")).expect("removed");
    fs::write(data.join("det-nat.toml"), "mapping = 5\n").expect("a file");
    let ask = "trace 203.0.113.7:5 --at 2026-11-22T10:21:57Z --data data";
    assert_none([fault("det-nat.toml", &logweir(desk.path(), ask), 2, "det-nat.toml")]);
    let _ = fs::remove_dir_all(data.join("journal"));
    fs::write(data.join("journal"), "in the way").expect("a file");
    assert_none([fault(
        "a journal that is a file",
        &logweir(desk.path(), &start),
        1,
        "data/journal",
    )]);
}

#[test]
fn missing_rights() {
    if !root::is_root("missing_rights") {
        return;
    }
    let desk = desk();
    let all = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    all(desk.path(), 0o755).expect("a mode");
    all(&desk.path().join("data"), 0o700).expect("a mode");
    let open = desk.path().join("open");
    fs::create_dir(&open).and_then(|()| all(&open, 0o777)).expect("a directory");
    let program = desk.path().join("logweir");
    fs::copy(LOGWEIR, &program).expect("a copy that everyone may start");
    let program = program.to_str().expect("UTF-8");
    let veth = Veth::new();
    let port = port::free();
    let at = |data: &str| format!("run --listen {port} --data {data}");
    let xdp = format!("{} --source xdp --interface rx0", at("open"));
    let cases = [
        ("", at("data"), 1, "data must belong to the user that the collector runs as"),
        ("", at("/nowhere"), 1, "/nowhere"),
        ("", "run --listen 514 --data open".into(), 1, "CAP_NET_BIND_SERVICE"),
        ("", "ledger --data data".into(), 3, "data/ledger"),
        ("", "trace 203.0.113.7 --at 2026-11-22T10:21:57Z --data data".into(), 2, "data/det-nat"),
        ("", xdp.clone(), 1, "CAP_BPF and CAP_NET_ADMIN"),
        ("+net_admin,+net_raw", xdp.clone(), 1, "CAP_BPF and CAP_NET_ADMIN"),
        ("+net_admin,+bpf", xdp.clone(), 1, "CAP_NET_RAW"),
        ("+net_admin,+bpf,+net_raw", xdp, 1, "LimitMEMLOCK"),
    ];
    let tried = cases.map(|(rights, words, code, named)| {
        let mut command = confined(veth.command("rx", "prlimit"), rights, program);
        let output = run(command.args(words.split_whitespace()).current_dir(desk.path()));
        fault(&format!("{rights} {words}"), &output, code, named)
    });
    assert_none(tried);
}

#[test]
fn an_interface_that_is_taken() {
    if !root::is_root("an_interface_that_is_taken") {
        return;
    }
    let (desk, veth) = (desk(), Veth::new());
    let mut first = veth.receiving();
    first.args(["run", "--source", "xdp", "--interface", "rx0", "--listen", "2055"]);
    let first = Collector::start(&mut first, desk.path());
    let mut second = veth.receiving();
    second.args(["run", "--source", "xdp", "--interface", "rx0", "--listen", "2056"]);
    let output = run(second.args(["--data", "mine"]).current_dir(desk.path()));
    let named = "another XDP program is attached to rx0";
    assert_none([fault("a second collector", &output, 1, named)]);
    first.stop();
}
