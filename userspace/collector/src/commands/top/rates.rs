//! What changed between two looks at a collector.

use crate::{balance::Balance, service::status::Status};
use jiff::Timestamp;

/// The time between two looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interval {
    seconds: f64,
}

impl Interval {
    pub fn between(before: &Status, now: &Status) -> Self {
        let seconds = match (time(&before.at), time(&now.at)) {
            (Some(before), Some(now)) => now.duration_since(before).as_secs_f64(),
            _ => 0.0,
        };
        Self { seconds }
    }

    /// How many a second; 0 where no time has passed.
    pub fn rate(self, before: u64, now: u64) -> u64 {
        if self.seconds <= 0.0 {
            return 0;
        }
        (now.saturating_sub(before) as f64 / self.seconds).round() as u64
    }

    /// How many processors were busy with what took so many nanoseconds.
    pub fn processors(self, before_ns: u64, now_ns: u64) -> f64 {
        self.rate(before_ns, now_ns) as f64 / 1e9
    }
}

/// A time of a status.
pub(super) fn time(rfc3339: &str) -> Option<Timestamp> {
    rfc3339.parse().ok()
}

/// Seconds from one time to another; `None` where one is missing.
pub(super) fn seconds_between(from: &str, to: &str) -> Option<u64> {
    let seconds = time(to)?.duration_since(time(from)?).as_secs();
    Some(u64::try_from(seconds).unwrap_or(0))
}

/// What flows, by what it is called: datagrams and records, from the front on.
pub(super) fn flows(balance: &Balance) -> Vec<(&'static str, u64)> {
    let mut flows = Vec::new();
    flows.extend(balance.ring.as_ref().map(|ring| ("from rings", ring.received)));
    flows.extend(balance.socket.as_ref().map(|socket| ("from sockets", socket.received)));
    let (datagrams, records) = (&balance.datagrams, &balance.records);
    flows.extend([
        ("datagrams", datagrams.received),
        ("payload bytes", datagrams.received_bytes),
        ("rejected", datagrams.rejected.values().sum()),
        ("records", records.decoded()),
        ("stored", records.stored),
    ]);
    flows
}

/// What is lost, by place, from the front on; places that there are, whether something is lost there
/// or not.
pub(super) fn losses(balance: &Balance) -> Vec<(&'static str, u64)> {
    let mut losses = Vec::new();
    losses.extend(balance.nic.as_ref().map(|_| ("interface", balance.nic_dropped())));
    if let Some(ring) = &balance.ring {
        losses.push(("RX ring full", ring.rx_ring_full));
        losses.push(("no frame free", ring.rx_dropped));
        losses.push(("unreadable", ring.unreadable));
    }
    losses.extend(balance.socket.as_ref().map(|socket| ("socket buffer", socket.dropped)));
    losses.extend([
        ("no batch free", balance.datagrams.dropped_no_batch),
        ("no writer", balance.records.dropped_no_writer),
        ("not written", balance.records.failed),
    ]);
    losses
}
