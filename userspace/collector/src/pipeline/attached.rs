//! The XDP program on its interface, and what both have counted.

use super::settled::{Reading, Settled};
use crate::{
    balance::{Balance, XdpBalance},
    counters::Counter,
    nic::{self, NicCounters},
    steering::{AttachedMode, Steering},
};
use std::sync::Arc;

/// The XDP program on its interface, and what the interface had counted before.
#[derive(Debug)]
pub(super) struct AttachedSteering {
    pub steering: Steering,
    pub interface: String,
    pub mode: AttachedMode,
    pub nic_start: NicCounters,
    /// What the interface has lost as of the last balance, for the writer to tell of.
    pub lost: Arc<Counter>,
}

impl AttachedSteering {
    /// Adds what the program and the interface have counted.
    pub fn add_to(&self, balance: &mut Balance) {
        let Ok(counters) = self.steering.counters() else { return };
        let native = self.mode == AttachedMode::Native;
        let mode = if native { "native" } else { "generic" };
        let mut xdp = XdpBalance::new(mode, counters.iter());
        xdp.nic_counts_same_frames = native && nic::is_veth(&self.interface);
        balance.xdp = Some(xdp);
        balance.nic = NicCounters::read(&self.interface).map(|now| now.since(self.nic_start));
        // Not all that it is made of is read at the same moment.
        self.lost.set(balance.nic_dropped().max(self.lost.get()));
    }

    /// The interface's counters since the start, as they agree best with the program's; `None` where
    /// it is gone.
    pub fn settled_nic(&self) -> Option<Settled> {
        NicCounters::read(&self.interface)?;
        Some(Settled::end(|| {
            let (nic, seen) = read_counters(&self.interface, &self.steering);
            (nic.since(self.nic_start), seen)
        }))
    }
}

/// The interface's counters, then the frames that the program has seen.
pub(super) fn read_counters(interface: &str, steering: &Steering) -> Reading {
    let nic = NicCounters::read(interface).unwrap_or_default();
    (nic, steering.counters().map_or(0, |counters| counters.total()))
}
