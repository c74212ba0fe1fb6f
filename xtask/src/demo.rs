//! `cargo xtask demo`: generates session logs, collects and stores them, looks one session up, and
//! checks that nothing is missing.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use serde_json::{Value, json};

use crate::{
    netns::{COLLECTOR_ADDRESS, COLLECTOR_INTERFACE, EXPORTER_INTERFACE, Link},
    shell,
};

const NETFLOW_PORT: u16 = 2055;
const SYSLOG_PORT: u16 = 5514;
const NETFLOW_RECORDS: u64 = 5_000_000;
const SYSLOG_LINES: u64 = 1_000_000;
// What two busy processors carry without loss, the exporters' own work and Parquet included.
const NETFLOW_RATE: u64 = 300_000;
const SYSLOG_RATE: u64 = 50_000;
/// Batches that may wait for the writer: a shared machine may hold it up for seconds.
const BATCHES: &str = "64";

/// What the demo leaves for those who read its files: what it stored, and the session that it
/// looked up.
pub const EXPECTATION: &str = "expected.json";

/// Where the demo stores.
pub fn data_dir() -> PathBuf {
    shell::target_dir().join("demo")
}

/// Collect, store and trace generated session logs: over AF_XDP and a veth pair as root, over UDP
/// sockets on loopback otherwise
#[derive(clap::Args)]
pub struct Arguments {
    /// NetFlow records to send
    #[arg(long, default_value_t = NETFLOW_RECORDS)]
    netflow_records: u64,
    /// Syslog lines to send
    #[arg(long, default_value_t = SYSLOG_LINES)]
    syslog_lines: u64,
    /// NetFlow records a second; 0 for as fast as it goes, which may lose some
    #[arg(long, default_value_t = NETFLOW_RATE)]
    netflow_rate: u64,
    /// Syslog lines a second; 0 for as fast as it goes, which may lose some
    #[arg(long, default_value_t = SYSLOG_RATE)]
    syslog_rate: u64,
    /// Take the UDP sockets even as root
    #[arg(long)]
    udp: bool,
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            netflow_records: NETFLOW_RECORDS,
            syslog_lines: SYSLOG_LINES,
            netflow_rate: NETFLOW_RATE,
            syslog_rate: SYSLOG_RATE,
            udp: false,
        }
    }
}

/// Where the demo's traffic runs.
enum Stage {
    /// Over a veth pair, by AF_XDP.
    Veth(Link),
    /// Over loopback, by UDP sockets.
    Loopback,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    println!("building logweir (release)");
    shell::run(shell::cargo().args(["build", "--release", "--quiet", "--package", "logweir"]))?;
    let logweir = shell::target_dir().join("release/logweir");
    let data = data_dir();
    if data.exists() {
        fs::remove_dir_all(&data).with_context(|| format!("cannot clear {}", data.display()))?;
    }
    fs::create_dir_all(&data)?;
    let stage = Stage::new(arguments.udp)?;
    let mut collector = Collector::start(&stage, &logweir, &data)?;
    println!("{}", collector.wait_until_ready()?);

    let netflow = stage.generate(
        &logweir,
        "huawei-usg-netflow",
        NETFLOW_PORT,
        arguments.netflow_records,
        arguments.netflow_rate,
    );
    let syslog = stage.generate(
        &logweir,
        "huawei-usg-syslog",
        SYSLOG_PORT,
        arguments.syslog_lines,
        arguments.syslog_rate,
    );
    // Whatever the generators say, the collector ends in order.
    let balance = collector.stop();
    let (netflow, syslog, balance) = (netflow?, syslog?, balance?);

    println!("stored in {}", data.display());
    check(&stage, &[&netflow, &syslog], &balance)?;
    trace(&logweir, &data, &netflow)?;
    audit(&logweir, &data)?;
    let expected = json!({
        "sessions": balance["records"]["session"],
        "sample": netflow["sample"],
    });
    Ok(fs::write(data.join(EXPECTATION), expected.to_string())?)
}

impl Stage {
    fn new(udp: bool) -> Result<Self> {
        if !shell::is_root() {
            println!("not root: running over UDP sockets on loopback instead of AF_XDP");
            return Ok(Self::Loopback);
        }
        if udp {
            println!("running over UDP sockets on loopback, as asked");
            return Ok(Self::Loopback);
        }
        if shell::find("ip").is_none() || shell::find("tc").is_none() {
            shell::apt_install(&["iproute2"], "a veth pair in namespaces of its own")?;
        }
        Ok(Self::Veth(Link::new()?))
    }

    fn collector(&self, logweir: &Path) -> Command {
        match self {
            Self::Veth(link) => {
                let mut run = link.in_collector(logweir);
                run.args(["run", "--source", "xdp", "--interface", COLLECTOR_INTERFACE]);
                run.args(["--listen", &format!("{NETFLOW_PORT}=huawei-usg-netflow")]);
                run.args(["--listen", &format!("{SYSLOG_PORT}=huawei-usg-syslog")]);
                run
            }
            Self::Loopback => {
                let mut run = Command::new(logweir);
                run.args(["run", "--source", "udp"]);
                run.args(["--listen", &format!("127.0.0.1:{NETFLOW_PORT}=huawei-usg-netflow")]);
                run.args(["--listen", &format!("127.0.0.1:{SYSLOG_PORT}=huawei-usg-syslog")]);
                run
            }
        }
    }

    /// Sends records, and gives the generator's own account of them.
    fn generate(
        &self,
        logweir: &Path,
        format: &str,
        port: u16,
        count: u64,
        rate: u64,
    ) -> Result<Value> {
        let mut generate = match self {
            Self::Veth(link) => {
                let mut generate = link.in_exporter(logweir);
                generate.args(["generate", "--to", EXPORTER_INTERFACE]);
                generate.args(["--target", &format!("{COLLECTOR_ADDRESS}:{port}")]);
                generate
            }
            Self::Loopback => {
                let mut generate = Command::new(logweir);
                generate.args(["generate", "--to", &format!("udp://127.0.0.1:{port}")]);
                generate
            }
        };
        generate.args(["--format", format]);
        generate.args(["--count", &count.to_string(), "--rate", &rate.to_string()]);
        let summary: Value = serde_json::from_str(&shell::output(&mut generate)?)?;
        println!(
            "generated {} {format} records in {} datagrams, {} records/s",
            summary["records"], summary["datagrams"], summary["records_per_second"]
        );
        Ok(summary)
    }

    fn drops_before_the_collector(&self) -> Result<u64> {
        match self {
            Self::Veth(link) => link.exporter_drops(),
            Self::Loopback => Ok(0),
        }
    }
}

/// The collector's process. Dropping it ends it.
struct Collector {
    process: Child,
    lines: mpsc::Receiver<String>,
    balance: PathBuf,
}

impl Collector {
    fn start(stage: &Stage, logweir: &Path, data: &Path) -> Result<Self> {
        let balance = data.join("balance.json");
        let mut process = stage
            .collector(logweir)
            .arg("--data")
            .arg(data)
            .arg("--balance")
            .arg(&balance)
            .args(["--status-seconds", "5", "--batches", BATCHES])
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the collector")?;
        let stdout = process.stdout.take().ok_or_else(|| anyhow!("the collector has no output"))?;
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { process, lines, balance })
    }

    /// Waits until it collects, and gives the line that says so.
    fn wait_until_ready(&self) -> Result<String> {
        const PATIENCE: Duration = Duration::from_secs(60);
        self.lines.recv_timeout(PATIENCE).context("the collector did not start: see above")
    }

    /// Asks it to end, prints what it says, and reads its balance.
    fn stop(&mut self) -> Result<Value> {
        const PATIENCE: Duration = Duration::from_secs(120);
        shell::terminate(&self.process);
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            while let Ok(line) = self.lines.try_recv() {
                println!("{line}");
            }
            match self.process.try_wait()? {
                Some(status) => break status,
                None if Instant::now() > deadline => bail!("the collector does not end"),
                None => thread::sleep(Duration::from_millis(20)),
            }
        };
        while let Ok(line) = self.lines.recv_timeout(Duration::from_millis(200)) {
            println!("{line}");
        }
        ensure!(status.success(), "the collector failed ({status}): its balance is incomplete");
        let balance = fs::read_to_string(&self.balance)
            .context("the collector was killed: it left no balance")?;
        Ok(serde_json::from_str(&balance)?)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        if let Ok(None) = self.process.try_wait() {
            shell::terminate(&self.process);
            let _ = self.process.wait();
        }
    }
}

/// Compares what was generated with what was collected and stored; says what is missing.
fn check(stage: &Stage, generated: &[&Value], balance: &Value) -> Result<()> {
    let sum = |field: &str| generated.iter().filter_map(|value| value[field].as_u64()).sum::<u64>();
    let (datagrams, records) = (sum("datagrams"), sum("records"));
    let at = |pointer: &str| balance.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    let received = at("/datagrams/received");
    let decoded = at("/records/session");
    let stored = at("/records/stored");
    let unaccounted = at("/unaccounted/total");
    println!("datagrams: generated {datagrams} = received {received}");
    println!("records:   generated {records} = decoded {decoded} = stored {stored}");
    println!("unaccounted {unaccounted}");
    let mut missing = Vec::new();
    let mut note = |what: &str, count: u64| {
        if count > 0 {
            missing.push(format!("{what} {count}"));
        }
    };
    note("datagrams not received", datagrams.saturating_sub(received));
    note("records not decoded", records.saturating_sub(decoded));
    note("records not stored", records.saturating_sub(stored));
    note("unaccounted", unaccounted);
    if missing.is_empty() {
        ensure!(
            (received, decoded, stored) == (datagrams, records, records),
            "more came out than was put in"
        );
        return Ok(());
    }
    let places = [
        ("dropped by the sending interface", stage.drops_before_the_collector()?),
        ("dropped by full RX rings", at("/ring/rx_ring_full")),
        ("dropped for want of frames", at("/ring/rx_dropped")),
        ("dropped by UDP sockets", at("/socket/dropped")),
        ("dropped for want of batches", at("/datagrams/dropped_no_batch")),
        ("not written to disk", at("/records/failed")),
    ];
    let places: Vec<_> = places
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(place, count)| format!("{place}: {count}"))
        .collect();
    bail!("missing: {}; {}", missing.join(", "), places.join(", "));
}

/// Lets the store say what it has received and whether it is as it was written.
fn audit(logweir: &Path, data: &Path) -> Result<()> {
    for question in ["ledger", "verify"] {
        let said = shell::output(Command::new(logweir).arg(question).arg("--data").arg(data))?;
        println!("{question}: {}", said.trim_end());
    }
    Ok(())
}

/// Looks up the session that the generator named.
fn trace(logweir: &Path, data: &Path, generated: &Value) -> Result<()> {
    let sample = &generated["sample"];
    let text = |field: &str| match &sample[field] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    ensure!(!sample.is_null(), "the generator sent no finished session with a public address");
    let held = format!("{}:{}", text("nat_src_addr"), text("nat_src_port"));
    let at = text("end_time");
    println!("who had {held} at {at}?");
    let mut trace = Command::new(logweir);
    trace.args(["trace", &held, "--at", &at, "--within", "1s", "--output", "json", "--data"]);
    let answers = shell::output(trace.arg(data))?;
    let expected = format!("{}:{}", text("src_addr"), text("src_port"));
    let answer = answers.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find(
        |answer| {
            let address = answer["src_addr"].as_str().unwrap_or("");
            format!("{address}:{}", answer["src_port"]) == expected
        },
    );
    let answer = answer.ok_or_else(|| anyhow!("{expected} is not among the answers"))?;
    println!("{expected}: {answer}");
    Ok(())
}
