//! What is sent: datagrams of the generator's, made first and sent over and over by AF_XDP.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::place::{Place, Stage};
use crate::shell;

/// A kind of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    NetFlow,
    Syslog,
}

impl Traffic {
    pub const ALL: [Self; 2] = [Self::NetFlow, Self::Syslog];

    /// The generator's name of it.
    pub fn format(self) -> &'static str {
        match self {
            Self::NetFlow => "huawei-usg-netflow",
            Self::Syslog => "huawei-usg-syslog",
        }
    }

    /// As a reader is told.
    pub fn words(self) -> &'static str {
        match self {
            Self::NetFlow => "Huawei USG NetFlow",
            Self::Syslog => "Huawei USG syslog",
        }
    }

    pub fn port(self) -> u16 {
        match self {
            Self::NetFlow => 2055,
            Self::Syslog => 5514,
        }
    }

    /// Datagrams that differ: about 90 MB of them, so that neither caches nor dictionaries make
    /// repetition cheap.
    fn distinct(self) -> u32 {
        match self {
            Self::NetFlow => 65_536,
            Self::Syslog => 262_144,
        }
    }
}

/// Subscribers behind the exporters of what is made when it is due.
const SUBSCRIBERS: u32 = 100_000;

/// How much is offered.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub traffic: Traffic,
    pub exporters: u32,
    /// Datagrams are made before the first is sent, and sent over and over: then making them does
    /// not limit the rate. Else each is made when it is due, of [`SUBSCRIBERS`].
    pub replays: bool,
    /// Records a second; `None` for as many as go.
    pub rate: Option<f64>,
    pub duration: Duration,
}

/// What went out.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    pub datagrams: u64,
    pub records: u64,
    pub seconds: f64,
}

impl Sent {
    /// Records a second.
    pub fn rate(&self) -> f64 {
        self.records as f64 / self.seconds
    }

    /// Datagrams a second.
    pub fn datagram_rate(&self) -> f64 {
        self.datagrams as f64 / self.seconds
    }

    fn read(summary: &str) -> Result<Self> {
        let summary: Value = serde_json::from_str(summary.trim())
            .with_context(|| format!("this is no summary of the generator's: {summary}"))?;
        let number = |name: &str| summary[name].as_f64().with_context(|| format!("no {name}"));
        Ok(Self {
            datagrams: number("datagrams")? as u64,
            records: number("records")? as u64,
            seconds: number("seconds")?,
        })
    }
}

impl Load {
    /// Sends it, and waits until it is out.
    pub fn send(&self, stage: &Stage, place: &Place) -> Result<Sent> {
        let arguments = self.arguments(place);
        let summary = match stage.generator(place, &arguments)? {
            Some(mut generator) => shell::output(&mut generator)?,
            None => ask(place, &arguments)?,
        };
        Sent::read(&summary)
    }

    fn arguments(&self, place: &Place) -> Vec<String> {
        let seconds = self.duration.as_secs_f64();
        // A link that pushes back slows the generator down: it ends nevertheless.
        let (count, seconds_max) = match self.rate {
            Some(rate) => ((rate * seconds).ceil(), seconds * 1.5),
            None => (1e12, seconds),
        };
        let target = format!("{}:{}", place.address, self.traffic.port());
        let options = [
            ("--target", target),
            ("--target-mac", place.mac.clone()),
            ("--format", self.traffic.format().to_owned()),
            ("--exporters", self.exporters.to_string()),
            match self.replays {
                true => ("--replay", self.traffic.distinct().to_string()),
                false => ("--subscribers", SUBSCRIBERS.to_string()),
            },
            // None at all is as many as go.
            ("--rate", self.rate.map_or(0.0, |rate| rate.round().max(1.0)).to_string()),
            ("--count", count.to_string()),
            ("--seconds", seconds_max.to_string()),
        ];
        options.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
    }
}

/// Has a person send it from another host.
fn ask(place: &Place, arguments: &[String]) -> Result<String> {
    let interface = place.sender_interface.as_deref().unwrap_or("INTERFACE");
    println!("on the sender's host run, and paste here what it prints:");
    println!("  logweir generate --to {interface} {}", arguments.join(" "));
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(line)
}
