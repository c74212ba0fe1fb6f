//! What the XDP program takes for a frame, of each kind that it tells apart, beside a program that
//! passes everything. Needs root; `cargo xtask bench steer` runs it and keeps the figures.
//!
//! Prints a JSON object a line. Each figure is taken in short runs, one kind after the other and
//! round after round, so that what disturbs the machine disturbs all of them.
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use logweir::steering::{
    Listener, Steering, SteeringConfig,
    timing::{Run, Timed, Timing},
};
use logweir_abi::Counter;
use logweir_traffic::frame::Frame;
use rustix::net::{AddressFamily, SocketType, socket, sockopt};
use serde_json::json;
use std::{
    error::Error,
    os::fd::{AsFd as _, OwnedFd},
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Frames a run: some milliseconds.
const REPEAT: u32 = 50_000;
const ROUNDS: usize = 100;

/// A port on every address, one on one address of each family only, and nobody's.
const ANY_ADDRESS: u16 = 514;
const SINGLE_ADDRESS: u16 = 2055;
const NOBODY: u16 = 53;

const XDP_PASS: u32 = 2;

fn main() -> Result<()> {
    // `cargo bench` says `--bench`; `cargo test` only wants to know that it works.
    let rounds = if std::env::args().any(|argument| argument == "--bench") { ROUNDS } else { 1 };
    if !rustix::process::geteuid().is_root() {
        println!("skipped: needs root: the steering benchmark");
        return Ok(());
    }
    let open = Loaded::new(&[])?;
    let listed = Loaded::new(&["192.0.2.0/24", "2001:db8::/32"])?;
    let kinds = kinds();
    let any_frame = &kinds[0].frame;
    let mut timing = Timing::load()?;

    let mut series: Vec<Series> = Vec::new();
    for round in 0..rounds {
        let mut put = Recorder { series: &mut series, round, next: 0 };
        for (name, timed) in [
            ("pass", Timed::Pass),
            ("pass, behind the metadata's removal", Timed::PassAgain),
            ("a call of the kernel that does next to nothing", Timed::Call),
            ("the kernel's clock", Timed::Clock),
        ] {
            let run = timing.run(timed, any_frame, REPEAT)?;
            assert_eq!(run.action, XDP_PASS, "{name}");
            put.record(name, None, run);
        }
        for kind in &kinds {
            put.record(kind.name, Some(kind.counter), open.run(&mut timing, kind)?);
        }
        let log = Kind { name: "log, IPv4, allow-list in force", ..kinds[0].clone() };
        put.record(log.name, Some(log.counter), listed.run(&mut timing, &log)?);
    }
    series.iter_mut().for_each(Series::print);
    Ok(())
}

/// The runs of one kind.
struct Series {
    name: &'static str,
    counter: Option<Counter>,
    ns: Vec<f64>,
}

impl Series {
    fn print(&mut self) {
        self.ns.sort_by(f64::total_cmp);
        let (min, median) = (self.ns[0], self.ns[self.ns.len() / 2]);
        let counter = self.counter.map(Counter::name);
        let line =
            json!({ "what": self.name, "counter": counter, "min_ns": min, "median_ns": median });
        println!("{line}");
    }
}

/// Sorts the runs of a round to their series, which come in the same order each time.
struct Recorder<'a> {
    series: &'a mut Vec<Series>,
    round: usize,
    next: usize,
}

impl Recorder<'_> {
    fn record(&mut self, name: &'static str, counter: Option<Counter>, run: Run) {
        if self.round == 0 {
            self.series.push(Series { name, counter, ns: Vec::new() });
        }
        self.series[self.next].ns.push(run.ns);
        self.next += 1;
    }
}

/// The program with a socket in the slot of queue 0. It is bound to nothing, which only matters to
/// a frame that arrives for real; the map forgets a socket that is closed.
struct Loaded {
    steering: Steering,
    _socket: OwnedFd,
}

impl Loaded {
    fn new(allow: &[&str]) -> Result<Self> {
        let on = |address: &str, number| {
            let address = Some(address.parse().expect("an address"));
            Listener { address, port: SINGLE_ADDRESS, number }
        };
        let any = Listener { address: None, port: ANY_ADDRESS, number: 0 };
        let mut steering = Steering::load(&SteeringConfig {
            listeners: vec![any, on("198.51.100.1", 1), on("2001:db8::1", 2)],
            allow: allow.iter().map(|prefix| prefix.parse().expect("a prefix")).collect(),
        })?;
        let socket = socket(AddressFamily::XDP, SocketType::RAW, None)?;
        sockopt::set_xdp_rx_ring_size(&socket, 64)?;
        steering.insert_socket(0, socket.as_fd())?;
        Ok(Self { steering, _socket: socket })
    }

    /// Every one of the runs must be counted as what the frame is.
    fn run(&self, timing: &mut Timing, kind: &Kind) -> Result<Run> {
        let before = self.steering.counters()?[kind.counter];
        let run = timing.run(Timed::SteerAgain(&self.steering), &kind.frame, REPEAT)?;
        let counted = self.steering.counters()?[kind.counter] - before;
        assert_eq!(counted, u64::from(REPEAT), "{} as {}", kind.name, kind.counter.name());
        Ok(run)
    }
}

/// A kind of frame, and how the program must count it.
#[derive(Clone)]
struct Kind {
    name: &'static str,
    frame: Vec<u8>,
    counter: Counter,
}

fn kinds() -> Vec<Kind> {
    use Counter::{Fragment, NotIp, NotListener, NotUdp, Redirected};
    let v4 = |port, vlans: &[u16]| frame("192.0.2.1:40000", &format!("198.51.100.1:{port}"), vlans);
    let v6 = |port| frame("[2001:db8::9]:40000", &format!("[2001:db8::1]:{port}"), &[]);
    let log_with = |offset: usize, byte: u8| {
        let mut frame = v4(ANY_ADDRESS, &[]);
        frame[offset] = byte;
        frame
    };
    let kind = |name, frame, counter| Kind { name, frame, counter };
    vec![
        kind("log, IPv4", v4(ANY_ADDRESS, &[]), Redirected),
        kind("log, IPv4, a VLAN tag", v4(ANY_ADDRESS, &[7]), Redirected),
        kind("log, IPv4, two VLAN tags", v4(ANY_ADDRESS, &[7, 8]), Redirected),
        kind("log, IPv6", v6(ANY_ADDRESS), Redirected),
        kind("log, IPv4, listener on its address", v4(SINGLE_ADDRESS, &[]), Redirected),
        kind("log, IPv6, listener on its address", v6(SINGLE_ADDRESS), Redirected),
        kind("UDP to nobody, IPv4", v4(NOBODY, &[]), NotListener),
        kind("UDP to nobody, IPv6", v6(NOBODY), NotListener),
        // In the IP header behind 14 bytes of Ethernet: flags, protocol. In Ethernet's: the type.
        kind("fragment, IPv4", log_with(14 + 6, 0x20), Fragment),
        kind("TCP, IPv4", log_with(14 + 9, 6), NotUdp),
        kind("ARP", log_with(13, 6), NotIp),
    ]
}

/// A datagram of a syslog line's length.
fn frame(source: &str, destination: &str, vlans: &[u16]) -> Vec<u8> {
    let frame = Frame {
        src_mac: [2, 0, 0, 0, 0, 1],
        dst_mac: [2, 0, 0, 0, 0, 2],
        vlans,
        source: source.parse().expect("an address"),
        destination: destination.parse().expect("an address"),
    };
    let mut bytes = vec![0; 400];
    let len = frame.write(&[b'x'; 280], &mut bytes).expect("it fits");
    bytes.truncate(len);
    bytes
}
