//! 200 exporters of all formats and one that is hostile, each with an address of its own.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result};
use logweir_traffic::{
    Format, Model, ModelConfig,
    hostile::{Corruption, Hostile},
    random::Random,
};
use serde::{Deserialize, Serialize};

const EXPORTERS: usize = 200;
/// No honest exporter has it.
const HOSTILE: Ipv4Addr = Ipv4Addr::new(198, 19, 255, 254);
/// Of so many datagrams one is hostile.
const HOSTILE_EVERY: u64 = 20;
const SEED: u64 = 31;

/// What was sent.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Sent {
    pub datagrams: u64,
    pub records: u64,
    pub hostile: u64,
    /// What the host could not send.
    pub refused: u64,
}

impl Sent {
    pub fn words(&self) -> String {
        let Self { datagrams, records, hostile, refused } = self;
        format!(
            "sent {datagrams} datagrams, {records} records, {hostile} of the datagrams hostile, \
             {refused} not taken by the host"
        )
    }
}

/// Sends for so long, and prints what as JSON.
pub fn send(target: SocketAddr, rate: u64, duration: Duration) -> Result<()> {
    let mut exporters = Exporters::new(target, rate)?;
    let begun = Instant::now();
    while begun.elapsed() < duration {
        exporters.advance();
        let due = (begun.elapsed().as_secs_f64() * rate as f64) as u64;
        // What was held up is made up for, in bursts that a receive buffer holds.
        const BURST: u64 = 2_000;
        let goal = due.min(exporters.sent.records + BURST);
        while exporters.sent.records < goal {
            exporters.next()?;
        }
        thread::sleep(Duration::from_millis(5));
    }
    println!("{}", serde_json::to_string(&exporters.sent)?);
    Ok(())
}

struct Exporters {
    target: SocketAddr,
    models: Vec<Model>,
    hostile: Hostile,
    corruption: Corruption,
    random: Random,
    sockets: HashMap<SocketAddr, UdpSocket>,
    sent: Sent,
    buffer: Vec<u8>,
    attack: Vec<u8>,
}

impl Exporters {
    fn new(target: SocketAddr, rate: u64) -> Result<Self> {
        let formats = Format::ALL;
        let mut first_exporter = 0;
        let mut models = Vec::new();
        for (index, format) in formats.into_iter().enumerate() {
            let exporters =
                EXPORTERS / formats.len() + usize::from(index < EXPORTERS % formats.len());
            let exporters = u32::try_from(exporters)?;
            let config = ModelConfig {
                seed: SEED,
                format,
                exporters,
                first_exporter,
                start_time: u32::try_from(now().as_secs())?,
                events_per_second: (rate / formats.len() as u64).max(1),
                sessions_live_max: 3_000,
                nat64_share: if format.has_nat64() { 0.2 } else { 0.0 },
                template_every: 7,
                ..ModelConfig::default()
            };
            first_exporter += exporters;
            models.push(Model::new(config).context("a model")?);
        }
        Ok(Self {
            target,
            models,
            hostile: Hostile::new(SEED),
            corruption: Corruption::new(SEED),
            random: Random::new(SEED),
            sockets: HashMap::new(),
            sent: Sent::default(),
            buffer: vec![0; 2_048],
            attack: Vec::new(),
        })
    }

    fn advance(&mut self) {
        let now = now().as_nanos() as u64;
        self.models.iter_mut().for_each(|model| model.advance_to(now));
    }

    /// Sends the next datagram of any exporter, and now and then one that nobody should send.
    fn next(&mut self) -> Result<()> {
        let which = self.random.below(self.models.len() as u32) as usize;
        let info = self.models[which].next_datagram(&mut self.buffer, None);
        let from = SocketAddr::new(info.exporter, info.exporter_port);
        self.sent.records += info.records as u64;
        let payload = &self.buffer[..info.len];
        let sent = send_from(&mut self.sockets, self.target, from, payload)?;
        self.sent.count(sent);
        if self.sent.datagrams.is_multiple_of(HOSTILE_EVERY) {
            match self.random.below(2) {
                0 => drop(self.hostile.next_datagram(&mut self.attack)),
                _ => self.corruption.damage(payload, &mut self.attack),
            }
            let from = SocketAddr::new(HOSTILE.into(), info.exporter_port);
            let sent = send_from(&mut self.sockets, self.target, from, &self.attack)?;
            self.sent.count(sent);
            self.sent.hostile += 1;
        }
        Ok(())
    }
}

impl Sent {
    fn count(&mut self, sent: bool) {
        self.datagrams += u64::from(sent);
        self.refused += u64::from(!sent);
    }
}

/// Whether the host took it.
fn send_from(
    sockets: &mut HashMap<SocketAddr, UdpSocket>,
    target: SocketAddr,
    from: SocketAddr,
    payload: &[u8],
) -> Result<bool> {
    let socket = match sockets.entry(from) {
        std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
        std::collections::hash_map::Entry::Vacant(entry) => {
            let own = own_address(from, target);
            let socket = UdpSocket::bind(own).with_context(|| format!("cannot send from {own}"))?;
            entry.insert(socket)
        }
    };
    Ok(socket.send_to(payload, target).is_ok())
}

/// The address that an exporter has on this host: its own, or on loopback its last three bytes.
fn own_address(exporter: SocketAddr, target: SocketAddr) -> SocketAddr {
    match exporter.ip() {
        IpAddr::V4(address) if target.ip().is_loopback() => {
            let [_, a, b, c] = address.octets();
            SocketAddr::new(Ipv4Addr::new(127, a, b, c).into(), exporter.port())
        }
        _ => exporter,
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
