//! Datagrams that are lost before any decoder sees them, so that nobody knows whose they were: in
//! the NIC, for want of room in a ring, in a socket's buffer. They are counted where they are lost;
//! here the counts become news for the journal, so that the ledger of the hour has them.

use crate::counters::{Counter, RingCounters, SocketCounters};
use logweir_decode::context::UnixNanos;
use logweir_store::journal::Drops;
use std::{collections::BTreeMap, sync::Arc};

/// The counters of all places, and what of them was told.
#[derive(Debug, Default)]
pub struct Losses {
    /// Those of AF_XDP sockets.
    rings: Vec<Arc<RingCounters>>,
    /// Those of UDP sockets.
    sockets: Vec<Arc<SocketCounters>>,
    /// What the interface has lost whose packets come by AF_XDP.
    nic: Option<Arc<Counter>>,
    told: BTreeMap<&'static str, u64>,
}

impl Losses {
    /// Of these AF_XDP sockets, UDP sockets, and what the interface has lost whose packets come by
    /// AF_XDP.
    pub fn new(
        rings: Vec<Arc<RingCounters>>,
        sockets: Vec<Arc<SocketCounters>>,
        nic: Option<Arc<Counter>>,
    ) -> Self {
        Self { rings, sockets, nic, told: BTreeMap::new() }
    }

    /// What was lost since the last call.
    pub fn news(&mut self, now: UnixNanos) -> Vec<Drops> {
        let mut news = Vec::new();
        for (place, total) in self.totals() {
            let told = self.told.entry(place).or_default();
            let datagrams = total.saturating_sub(*told);
            if datagrams > 0 {
                *told = total;
                news.push(Drops { at: now, place: place.into(), exporter: None, datagrams });
            }
        }
        news
    }

    fn totals(&self) -> Vec<(&'static str, u64)> {
        let ring = |of: fn(&RingCounters) -> u64| self.rings.iter().map(|ring| of(ring)).sum();
        let full: u64 = ring(|ring| ring.rx_ring_full.get());
        let dropped: u64 = ring(|ring| ring.rx_dropped.get());
        let unreadable = ring(|ring| ring.unreadable.get());
        let socket = self.sockets.iter().map(|socket| socket.dropped.get()).sum();
        vec![
            ("rx_ring_full", full),
            ("rx_dropped", dropped),
            ("unreadable", unreadable),
            ("socket", socket),
            ("nic", self.nic.as_ref().map_or(0, |nic| nic.get())),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_loss_is_news_once() {
        let (ring, socket) =
            (Arc::new(RingCounters::default()), Arc::new(SocketCounters::default()));
        let nic = Arc::new(Counter::default());
        let (rings, sockets) = (vec![ring.clone()], vec![socket.clone()]);
        let mut losses = Losses::new(rings, sockets, Some(nic.clone()));
        assert!(losses.news(1).is_empty());
        ring.rx_ring_full.add(3);
        socket.dropped.add(2);
        let places = |news: Vec<Drops>| -> Vec<_> {
            news.into_iter().map(|drops| (drops.place, drops.datagrams)).collect()
        };
        assert_eq!(places(losses.news(2)), [("rx_ring_full".into(), 3), ("socket".into(), 2)]);
        ring.rx_ring_full.add(1);
        nic.add(4);
        assert_eq!(places(losses.news(3)), [("rx_ring_full".into(), 1), ("nic".into(), 4)]);
        assert!(losses.news(4).is_empty());
    }
}
