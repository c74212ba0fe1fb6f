//! A configuration changes while a collector works: nothing is lost by it, what is wrong is refused,
//! and what was changed holds from the answer on.

mod common {
    pub mod collector;
    pub mod command;
    pub mod even;
    pub mod generator;
    pub mod numbers;
    pub mod port;
    pub mod root;
    #[expect(dead_code, reason = "frames of its own making are sent by another test")]
    pub mod veth;
}

use std::{
    fs,
    net::UdpSocket,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use common::{
    collector::Collector, command::LOGWEIR, even::assert_even, generator::Generated,
    numbers::assert_nothing_missing, port, root::is_root, veth::Veth,
};
use logweir::service::control::{Request, ask};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Reloads under load, at the least; as many more as there is time for while the load lasts.
const RELOADS: u64 = 20;

/// Two hundred of them are a minute.
const BETWEEN_RELOADS: Duration = Duration::from_millis(300);

/// A collector with a configuration that can be changed.
struct Desk {
    directory: tempfile::TempDir,
}

/// What an asked collector did.
struct Asked {
    code: Option<i32>,
    said: String,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { directory: tempfile::tempdir().expect("a directory") };
        for (name, words) in [("gate", "from {src} to {dst}"), ("door", "{src} opens {dst}")] {
            let text = format!(
                "format = \"{name}\"\n[[message]]\nmarks = [\"{name}: \"]\nfamily = \"session\"\n\
                 event = \"create\"\npatterns = [\"{{_}}{name}: {words}\"]\n"
            );
            fs::write(desk.at(&format!("{name}.toml")), text).expect("a file");
        }
        desk
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn write(&self, configuration: &str) {
        fs::write(self.at("logweir.toml"), configuration).expect("a file");
    }

    /// Starts the collector with what is written.
    fn start(&self, command: &mut Command) -> Collector {
        Collector::start(
            command.args(["run", "--config"]).arg(self.at("logweir.toml")),
            self.path(),
        )
    }

    /// Lets it read what is written now.
    fn reload(&self) -> Asked {
        let mut command = Command::new(LOGWEIR);
        let output = command.args(["reload", "--data"]).arg(self.at("data")).output();
        let output = output.expect("the program starts");
        let said = [output.stdout, output.stderr].concat();
        Asked { code: output.status.code(), said: String::from_utf8(said).expect("UTF-8") }
    }

    fn status(&self) -> Value {
        let mut answers = ask(&self.at("data/control.sock"), &Request::Status).expect("it answers");
        answers.next().expect("a line").expect("a status")
    }

    /// What `logweir alarms` prints.
    fn alarms(&self) -> String {
        let mut alarms = Command::new(LOGWEIR);
        let asked = alarms.args(["alarms", "--data"]).arg(self.at("data")).output();
        String::from_utf8(asked.expect("the program starts").stdout).expect("text")
    }

    /// Reloads one of two good configurations after the other, and now and then a bad one, for as
    /// long as `goes_on` says of how many good ones there were.
    fn reload_while(&self, good: &[String; 2], mut goes_on: impl FnMut(u64) -> bool) {
        let mut count = [0; 2];
        while goes_on(count[0]) {
            let turn = count[0] + count[1];
            let is_bad = turn % 5 == 4;
            let (text, code, words) = match is_bad {
                true => (format!("no_such_key = 1\n{}", good[0]), 2, "key 'no_such_key'"),
                false => (good[(turn % 2) as usize].clone(), 0, "reloaded "),
            };
            self.write(&text);
            let asked = self.reload();
            assert_eq!(asked.code, Some(code), "{}", asked.said);
            assert!(asked.said.contains(words), "{}", asked.said);
            count[usize::from(is_bad)] += 1;
        }
        let configuration = &self.status()["configuration"];
        assert_eq!([&configuration["reloads"], &configuration["refused"]], [count[0], count[1]]);
    }
}

/// Two configurations that differ in all that can be changed, and come to the same for the load.
fn two(head: &str, allow: [&str; 2], exporter: &str) -> [String; 2] {
    let first = format!(
        "{head}allow = {}\nformats = [\"gate.toml\"]\n\
         [[exporter]]\naddress = \"{exporter}\"\nformat = \"huawei-usg-netflow\"\nnat_events = \"huawei\"\n\
         [retention]\nsession = \"30d\"\n[limits]\nwaiting_mb = 8\n",
        allow[0]
    );
    let second = format!(
        "{head}allow = {}\nformats = [\"door.toml\", \"gate.toml\"]\n\
         [[exporter]]\naddress = \"192.0.2.99\"\nformat = \"gate\"\nzone = \"+01:00\"\n\
         [limits]\nexporters = 1000\n[im]\nrecord = \"plain\"\n",
        allow[1]
    );
    [first, second]
}

#[test]
fn nothing_is_lost_over_loopback() {
    let desk = Desk::new();
    let port = port::free();
    let head = format!("source = \"udp\"\nlisten = [\"127.0.0.1:{port}\"]\n");
    let good = two(&head, ["[\"127.0.0.0/8\"]", "[\"127.0.0.1\", \"2001:db8::/32\"]"], "127.0.0.1");
    desk.write(&good[0]);
    let collector = desk.start(&mut Command::new(LOGWEIR));
    let generated = thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut from = Command::new(LOGWEIR);
            from.args(["generate", "--to", &format!("udp://127.0.0.1:{port}")]);
            from.args(["--exporters", "1"]);
            Generated::by(from.args(["--count", "120000", "--rate", "20000"]))
        });
        desk.reload_while(&good, |reloads| reloads < RELOADS || !load.is_finished());
        load.join().expect("a generator")
    });
    let stopped = collector.stop();
    assert_even(&stopped, desk.path());
    assert_eq!(stopped.count("/socket/not_allowed"), 0, "{}", stopped.printed);
    assert_eq!(stopped.count("/socket/received"), generated.count("datagrams"));
    assert_eq!(stopped.count("/datagrams/decoded"), generated.count("datagrams"));
    assert_eq!(stopped.count("/records/stored"), generated.count("records"));
    assert_nothing_missing(&stopped);
}

/// Through the XDP program, whose maps have the allow-list.
#[test]
fn nothing_is_lost_on_an_interface() {
    if !is_root("nothing_is_lost_on_an_interface") {
        return;
    }
    let load = Load { seconds: "3", rates: ["20000", "5000"] };
    collect_on_an_interface(&load, |reloads, is_over| reloads < RELOADS || !is_over);
}

/// The load of `cargo xtask demo`, for a minute, with 200 reloads and fifty bad files:
/// `cargo test --release -p logweir --test reload -- --ignored`.
#[test]
#[ignore = "takes a minute, and both processors"]
fn two_hundred_reloads_in_a_minute() {
    if !is_root("two_hundred_reloads_in_a_minute") {
        return;
    }
    let load = Load { seconds: "30", rates: ["300000", "50000"] };
    let began = Instant::now();
    collect_on_an_interface(&load, |reloads, _| {
        let due = BETWEEN_RELOADS * u32::try_from(reloads).expect("few");
        thread::sleep(due.saturating_sub(began.elapsed()));
        reloads < 200
    });
}

/// What is sent: so many records a second, for so long of NetFlow and then of syslog.
struct Load {
    seconds: &'static str,
    rates: [&'static str; 2],
}

/// Collects from an interface with reloads, for as long as `goes_on` says of how many there were and
/// of whether all is sent.
fn collect_on_an_interface(load: &Load, mut goes_on: impl FnMut(u64, bool) -> bool) {
    let desk = Desk::new();
    let veth = Veth::new();
    veth.push_back();
    let head = "interface = \"rx0\"\nsource = \"xdp\"\nbatches = 64\n\
        listen = [\"2055=huawei-usg-netflow\", \"514=huawei-usg-syslog\"]\n";
    // All exporters of the generator, in one prefix and in many.
    let many: Vec<_> = (0..64).map(|sixth| format!("\"{}.0.0.0/6\"", sixth * 4)).collect();
    let allow = ["[\"0.0.0.0/0\"]".to_owned(), format!("[{}]", many.join(", "))];
    let good = two(head, [&allow[0], &allow[1]], "192.0.2.77");
    desk.write(&good[0]);
    let collector = desk.start(&mut veth.receiving());
    assert!(collector.description.contains("AF_XDP on rx0"), "{}", collector.description);
    let send = &|port: &str, format: &str, rate: &str| {
        let mut from = veth.sending();
        from.args(["generate", "--to", "tx0", "--target-mac", Veth::RX_MAC_TEXT]);
        from.args(["--target", &format!("192.0.2.1:{port}"), "--format", format]);
        from.args(["--count", "100000000", "--seconds", load.seconds, "--rate", rate]);
        Generated::by(&mut from)
    };
    let generated = thread::scope(|scope| {
        let [netflow, syslog] = load.rates;
        let load = scope.spawn(move || {
            [send("2055", "huawei-usg-netflow", netflow), send("514", "huawei-usg-syslog", syslog)]
        });
        desk.reload_while(&good, |reloads| goes_on(reloads, load.is_finished()));
        load.join().expect("the generators")
    });
    let stopped = collector.stop();
    assert_even(&stopped, desk.path());
    let sent = |name: &str| generated.iter().map(|one| one.count(name)).sum::<u64>();
    assert_eq!(stopped.count("/xdp/redirected"), sent("datagrams"), "{}", stopped.printed);
    assert_eq!(stopped.count("/datagrams/decoded"), sent("datagrams"), "{}", stopped.printed);
    assert_eq!(stopped.count("/records/stored"), sent("records"), "{}", stopped.printed);
    assert_nothing_missing(&stopped);
}

/// What was changed holds for every datagram that is sent after the answer.
#[test]
fn what_was_changed_holds_from_the_answer_on() {
    const LINE: &[u8] = b"<14>gate: from 10.1.1.1:1000 to 203.0.113.7:443";
    let desk = Desk::new();
    let port = port::free();
    let head = format!("source = \"udp\"\nlisten = [\"127.0.0.1:{port}\"]\n");
    desk.write(&head);
    let collector = desk.start(&mut Command::new(LOGWEIR));
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let send = || {
        for _ in 0..100 {
            socket.send_to(LINE, ("127.0.0.1", port)).expect("it is sent");
        }
    };
    let reload = |configuration: &str, words: &str| {
        desk.write(&format!("{head}{configuration}"));
        let asked = desk.reload();
        assert_eq!(asked.code, Some(0), "{}", asked.said);
        assert!(asked.said.trim_end().ends_with(words), "{}", asked.said);
    };
    // What was sent before is received before: a socket is read in order, and a reload takes effect
    // between two readings. So each step waits until the last one's datagrams are counted.
    let counted = |pointer: &str, wanted: u64| {
        for _ in 0..3_000 {
            let status = desk.status();
            let balance = &status["balance"];
            if balance.pointer(pointer).and_then(Value::as_u64) == Some(wanted) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("never {wanted} at {pointer}: {}", desk.status());
    };
    send();
    counted("/datagrams/received", 100);
    reload("formats = [\"gate.toml\"]\n", "formats changed");
    send();
    counted("/records/session", 100);
    reload("formats = [\"gate.toml\"]\nallow = [\"192.0.2.1\"]\n", "allow changed");
    send();
    counted("/socket/not_allowed", 100);
    // The declaration itself changes, its name is used by a port, and there is a second one.
    let gate = fs::read_to_string(desk.at("gate.toml")).expect("a file");
    fs::write(desk.at("gate.toml"), gate.replace("create", "end")).expect("a file");
    reload("formats = [\"door.toml\", \"gate.toml\"]\n", "allow, formats changed");
    let pinned = "[[exporter]]\naddress = \"127.0.0.1\"\nformat = \"gate\"\n";
    reload(&format!("formats = [\"gate.toml\"]\n{pinned}"), "exporter, formats changed");
    send();
    counted("/records/session", 200);
    // A rule sees what comes after it.
    let rule = "[[rule]]\nname = \"a gate\"\nmatch = [\"dst_port=443\"]\nalarm = true\n";
    assert!(!desk.alarms().contains("a gate"));
    reload(&format!("formats = [\"gate.toml\"]\n{pinned}{rule}"), "rule changed");
    send();
    counted("/records/session", 300);
    for _ in 0..3_000 {
        if desk.alarms().contains("a gate") {
            break;
        }
        thread::sleep(Duration::from_millis(20));
    }
    assert!(desk.alarms().contains("a gate"), "{}", desk.alarms());
    // By a signal, to the first one again.
    desk.write(&head);
    kill_process(Pid::from_child(&collector.child), Signal::HUP).expect("it runs");
    for _ in 0..3_000 {
        if desk.status()["configuration"]["reloads"] == 6 {
            break;
        }
        thread::sleep(Duration::from_millis(20));
    }
    send();
    counted("/datagrams/received", 500);

    // A bad file changes nothing, and what needs a restart is named.
    for (configuration, words) in [
        ("allow = [\"192.0.2.0/99\"]\n", "allow: \"192.0.2.0/99\" is no address prefix"),
        ("formats = [\"none.toml\"]\n", "cannot read"),
        ("[limits]\nexporters = 0\n", "limits: exporters is 0"),
        ("[retention]\nsession = 5\n", "session has the number 5 where a text in quotes belongs"),
    ] {
        desk.write(&format!("{head}{configuration}"));
        let asked = desk.reload();
        assert_eq!((asked.code, asked.said.lines().count()), (Some(2), 1), "{}", asked.said);
        assert!(asked.said.contains(words), "{}", asked.said);
        let told = desk.status()["configuration"]["last_error"].to_string();
        assert!(asked.said.contains("logweir.toml") && told.contains("logweir.toml"), "{told}");
    }
    reload(
        "batches = 4\nqueues = 2\n",
        "nothing has changed; what it says of queues, batches needs a restart",
    );
    let stopped = collector.stop();
    assert_even(&stopped, desk.path());
    assert_eq!(stopped.count("/datagrams/decoded"), 300, "{}", stopped.printed);
    assert_eq!(stopped.count("/records/unparsed"), 200, "{}", stopped.printed);
    for words in ["reloaded ", "not reloaded, the configuration stays as it was: "] {
        assert!(stopped.printed.contains(words), "{}", stopped.printed);
    }
    assert!(!stopped.printed.contains("a worker is busy"), "{}", stopped.printed);
}

/// A collector that is not there, and one that has no file.
#[test]
fn who_cannot_reload_says_so() {
    let desk = Desk::new();
    let asked = desk.reload();
    assert_eq!(asked.code, Some(1));
    assert!(asked.said.contains("no collector answers at "), "{}", asked.said);
    let mut run = Command::new(LOGWEIR);
    run.args(["run", "--source", "udp", "--listen", &format!("127.0.0.1:{}", port::free())]);
    let collector = Collector::start(&mut run, desk.path());
    let asked = desk.reload();
    assert_eq!(asked.code, Some(2));
    assert!(asked.said.contains("started without --config"), "{}", asked.said);
    assert!(collector.stop().status.success());
}

/// Those who ask again and again have their answers, and keep it from nothing else.
#[test]
fn who_keeps_asking_does_not_keep_it_from_ending() {
    /// So often it is asked at the most: more often than it can be in the time that it takes to end.
    const ASKED_MAX: u32 = 4_000;
    let desk = Desk::new();
    desk.write(&format!("source = \"udp\"\nlisten = [\"127.0.0.1:{}\"]\n", port::free()));
    let collector = desk.start(&mut Command::new(LOGWEIR));
    let (socket, asked) = (desk.at("data/control.sock"), AtomicU32::new(0));
    thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                while asked.fetch_add(1, Ordering::Relaxed) < ASKED_MAX {
                    match ask(&socket, &Request::Reload) {
                        Ok(answers) => assert!(answers.count() <= 1),
                        // It has ended.
                        Err(_) => break,
                    }
                }
            });
        }
        while desk.status()["configuration"]["reloads"].as_u64() < Some(3) {
            thread::sleep(Duration::from_millis(20));
        }
        let stopped = collector.stop();
        assert!(stopped.status.success(), "{}", stopped.printed);
        assert!(asked.load(Ordering::Relaxed) < ASKED_MAX, "it ended when nobody asked any more");
    });
}
