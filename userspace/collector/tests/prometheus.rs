//! The metrics of a running collector: read as they are, checked by promtool, and scraped by a real
//! Prometheus, which must answer every query of the dashboard and of the alerts.

mod common {
    pub mod collector;
    pub mod command;
    pub mod generator;
    pub mod port;
    pub mod prometheus;
    pub mod root;
    #[expect(dead_code, reason = "a sender that is pushed back is used by other tests")]
    pub mod veth;
}

use common::{
    collector::Collector,
    command::{LOGWEIR, succeed},
    generator::Generated,
    port,
    prometheus::{Prometheus, get},
    root::is_root,
    veth::Veth,
};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::Value;
use std::{
    fs::{self, File},
    io::Write,
    net::TcpListener,
    os::fd::AsFd,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

/// Looks that are taken at what must come, ten a second.
const LOOKS_MAX: u32 = 600;

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts")
}

/// A TCP port of the loopback interface that is free now.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound").to_string()
}

/// Whether a program can be run; it is said where not.
#[expect(clippy::print_stdout, reason = "the line that tells a reader what was not tested")]
fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        println!("skipped: needs {program} (Debian: prometheus)");
    }
    found
}

/// Waits until it is so.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..LOOKS_MAX {
        if is_so() {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("it does not come: {what}");
}

/// A collector that serves metrics, over loopback or over a veth pair by AF_XDP.
struct Served {
    collector: Collector,
    directory: tempfile::TempDir,
    metrics: String,
    port: u16,
    veth: Option<Veth>,
}

impl Served {
    /// With a veth pair this thread is on the collector's side.
    fn start(veth: Option<Veth>) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let (port, metrics) = (port::free(), free_address());
        let mut run = veth.as_ref().map_or_else(|| Command::new(LOGWEIR), Veth::receiving);
        run.args(["run", "--metrics", &metrics]);
        match veth {
            Some(_) => run
                .args(["--source", "xdp", "--interface", "rx0", "--listen"])
                .arg(format!("{port}=huawei-usg-netflow")),
            None => run
                .args(["--source", "udp", "--listen"])
                .arg(format!("127.0.0.1:{port}=huawei-usg-netflow")),
        };
        let collector = Collector::start(&mut run, directory.path());
        Self { collector, directory, metrics, port, veth }
    }

    /// What sends so many records of one exporter, which takes so many seconds.
    fn generator(&self, records: u32, seconds: u32) -> Command {
        let port = self.port;
        let mut from = self.veth.as_ref().map_or_else(|| Command::new(LOGWEIR), Veth::sending);
        from.args(["generate", "--exporters", "1"]);
        match self.veth {
            Some(_) => from
                .args(["--to", "tx0", "--target-mac", Veth::RX_MAC_TEXT, "--target"])
                .arg(format!("192.0.2.1:{port}")),
            None => from.args(["--to", &format!("udp://127.0.0.1:{port}")]),
        };
        let rate = (records / seconds).to_string();
        from.args(["--count", &records.to_string(), "--rate", &rate]);
        from
    }

    fn scrape(&self) -> String {
        let (status, body) = get(&self.metrics, "/metrics");
        assert_eq!(status, 200, "{body}");
        body
    }

    fn stop(self) {
        let stopped = self.collector.stop();
        assert!(stopped.status.success(), "{}", stopped.printed);
        assert_eq!(stopped.count("/unaccounted/total"), 0, "{}", stopped.printed);
    }
}

/// The value of a series.
fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map(|value| value.parse().expect("a number"))
}

#[test]
fn metrics_tell_what_was_sent() {
    let served = Served::start(None);
    wait_until("/readyz", || get(&served.metrics, "/readyz").0 == 200);
    assert_eq!(get(&served.metrics, "/healthz"), (200, "ok\n".into()));
    let generated = Generated::by(&mut served.generator(40_000, 2));
    let (datagrams, records) = (generated.count("datagrams"), generated.count("records"));
    // The exporters' accounts are published apart, and so a second later at the most.
    let of_exporter = "logweir_exporter_records_total{exporter=\"127.0.0.1\"}";
    for series in ["logweir_records_stored_total", of_exporter] {
        wait_until("all records told", || value(&served.scrape(), series) == Some(records as f64));
    }
    let text = served.scrape();
    for (series, expected) in [
        ("logweir_datagrams_total", datagrams),
        ("logweir_datagrams_decoded_total", datagrams),
        ("logweir_source_datagrams_total{place=\"socket\"}", datagrams),
        ("logweir_datagram_payload_bytes_total", generated.count("payload_bytes")),
        ("logweir_records_total{family=\"session\"}", records),
        ("logweir_datagrams_dropped_total{place=\"socket\"}", 0),
        ("logweir_unaccounted{stage=\"records\"}", 0),
        ("logweir_decode_latency_seconds_count", datagrams),
        ("logweir_store_latency_seconds_count", records),
        ("logweir_exporter_datagrams_total{exporter=\"127.0.0.1\"}", datagrams),
        ("logweir_exporter_records_total{exporter=\"127.0.0.1\"}", records),
        ("logweir_journal_writable", 1),
        ("logweir_workers", 1),
    ] {
        assert_eq!(value(&text, series), Some(expected as f64), "{series}:\n{text}");
    }
    for series in
        ["process_resident_memory_bytes", "process_cpu_seconds_total", "logweir_disk_bytes"]
    {
        assert!(value(&text, series) > Some(0.0), "{series}");
    }
    let mut top = Command::new(LOGWEIR);
    top.args(["top", "--once", "--every", "1", "--data"]);
    let shown = succeed(top.arg(served.directory.path().join("data")));
    assert!(shown.contains("EXPORTERS 1") && shown.contains("127.0.0.1 "), "{shown}");
    if has("promtool") {
        check(&text);
    }
    served.stop();
}

/// `promtool check metrics` has nothing to say.
fn check(text: &str) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool starts");
    promtool.stdin.take().expect("piped").write_all(text.as_bytes()).expect("it reads");
    let output = promtool.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

/// Each alert comes where it must, and none where nothing is wrong.
#[test]
fn alerts_come_when_they_must() {
    if !has("promtool") {
        return;
    }
    succeed(Command::new("promtool").args(["check", "rules"]).arg(scripts().join("alerts.yml")));
    let path = scripts().join("alerts.test.yml");
    let tests = fs::read_to_string(&path).expect("the tests");
    for alert in alerts() {
        assert!(tests.contains(&format!("alertname=\"{alert}\"")), "{alert} is not tried");
    }
    succeed(Command::new("promtool").args(["test", "rules"]).arg(path));
}

/// The names of all alerts.
fn alerts() -> Vec<String> {
    let rules = fs::read_to_string(scripts().join("alerts.yml")).expect("the rules");
    let names = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    let names: Vec<_> = names.map(str::to_owned).collect();
    assert!(names.len() > 10);
    names
}

/// The queries of all panels, as Grafana would ask them.
fn queries() -> Vec<String> {
    let dashboard = fs::read(scripts().join("grafana-dashboard.json")).expect("the dashboard");
    let dashboard: Value = serde_json::from_slice(&dashboard).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().expect("targets"));
    let queries = targets.map(|target| target["expr"].as_str().expect("a query"));
    let asked =
        queries.map(|query| query.replace("$__rate_interval", "10s").replace("$job", "logweir"));
    asked.collect()
}

/// Whether only a collector with AF_XDP tells of it.
fn needs_xdp(query: &str) -> bool {
    ["logweir_xdp_", "logweir_nic_", "logweir_ring_"].iter().any(|of| query.contains(of))
}

#[test]
fn a_prometheus_answers_all_panels_and_alerts() {
    if has("prometheus") {
        look_by_prometheus(Served::start(None));
    }
}

#[test]
fn a_prometheus_answers_all_panels_and_alerts_about_af_xdp() {
    if !is_root("a_prometheus_answers_all_panels_and_alerts_about_af_xdp") || !has("prometheus") {
        return;
    }
    let veth = Veth::new();
    // A thread that ends takes the namespace that it is in with it.
    let look = thread::spawn(move || {
        enter(&veth.namespace("rx"));
        succeed(Command::new("ip").args(["link", "set", "lo", "up"]));
        look_by_prometheus(Served::start(Some(veth)));
    });
    look.join().expect("all is well");
}

/// Moves this thread, and what it starts, into a network namespace.
fn enter(namespace: &str) {
    let namespace = File::open(Path::new("/run/netns").join(namespace)).expect("a namespace");
    let network = Some(LinkNameSpaceType::Network);
    move_into_link_name_space(namespace.as_fd(), network).expect("root may");
}

fn look_by_prometheus(served: Served) {
    let prometheus =
        Prometheus::start(&free_address(), &served.metrics, &scripts().join("alerts.yml"));
    // Its numbers go on: another generator would begin anew.
    let mut generator = served.generator(150_000, 15);
    thread::scope(|scope| {
        scope.spawn(|| Generated::by(&mut generator));
        // A rate needs two scrapes, and traffic between them.
        wait_until("a rate", || {
            let answer = prometheus.query("rate(logweir_exporter_datagrams_total[10s]) > 0");
            answer.is_ok_and(|found| !found.is_empty())
        });
        for query in queries() {
            let found = prometheus.query(&query).unwrap_or_else(|error| panic!("{query}: {error}"));
            let is_told = served.veth.is_some() || !needs_xdp(&query);
            assert_eq!(!found.is_empty(), is_told, "{query}: {found:?}");
        }
    });
    // It scraped OpenMetrics, and understood all of it.
    let up = prometheus.query("up{job=\"logweir\"} == 1").expect("an answer");
    assert_eq!(up.len(), 1);
    wait_until("all rules evaluated", || {
        let rules = prometheus.rules();
        assert_eq!(rules.len(), alerts().len());
        assert!(rules.iter().all(|rule| rule["health"] != "err"), "{rules:?}");
        rules.iter().all(|rule| rule["health"] == "ok")
    });
    // The disk of the machine that tests may be full, and then rightly so.
    let firing: Vec<_> = prometheus
        .rules()
        .into_iter()
        .filter(|rule| rule["state"] == "firing")
        .filter(|rule| !rule["name"].as_str().is_some_and(|name| name.contains("Disk")))
        .collect();
    assert!(firing.is_empty(), "{firing:?}");
    drop(prometheus);
    served.stop();
}
