//! The exporters: generators of several formats, until they are dropped.

use std::{
    net::UdpSocket,
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result};
use logweir_traffic::random::Random;

/// Sessions by template and by line, port blocks, and binary logs.
const FORMATS: [&str; 5] =
    ["huawei-usg-netflow", "ipfix", "huawei-usg-syslog", "cgn-ft", "h3c-userlog"];

/// Records a second of each, at least and at most: a second fills a segment, and a laptop keeps up.
const RATES: std::ops::Range<u32> = 1_000..8_000;

/// At the latest they end by themselves.
const SECONDS_MAX: u32 = 60;

pub struct Traffic(Vec<Child>);

impl Traffic {
    /// Starts to send all formats to a port of this host.
    pub fn start(logweir: &Path, port: u16, random: &mut Random) -> Result<Self> {
        Self::of(logweir, port, &FORMATS, random)
    }

    /// Starts to send some formats.
    pub fn of(logweir: &Path, port: u16, formats: &[&str], random: &mut Random) -> Result<Self> {
        let mut traffic = Self(Vec::new());
        for format in formats {
            let rate = RATES.start + random.below(RATES.end - RATES.start);
            let seed = random.next_u64();
            let mut generate = Command::new(logweir);
            generate.args(["generate", "--format", format]);
            generate.args(["--to", &format!("udp://127.0.0.1:{port}")]);
            generate.args(["--rate", &rate.to_string(), "--count", &u32::MAX.to_string()]);
            generate.args(["--seconds", &SECONDS_MAX.to_string(), "--seed", &seed.to_string()]);
            // It ends with a complaint when nobody listens any more.
            let child = generate.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
            traffic.0.push(child.context("cannot start a generator")?);
        }
        Ok(traffic)
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // One that has ended already cannot be killed.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A port that nobody has.
pub fn free_port() -> Result<u16> {
    Ok(UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port())
}
