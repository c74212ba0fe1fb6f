//! Datagrams that the XDP program redirected into AF_XDP rings. They are read where the kernel (or
//! the NIC) put them; the program has left their place and time in front of the packet.

use super::{Arrival, Received, Source};
use crate::{clock::MonotonicToUnix, counters::RingCounters};
use logweir_abi::{FRAME_META_LEN, Family, FrameMeta};
use logweir_xsk::{Receiver, Wait};
use std::{
    io,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

/// Packets a receive, at most.
const BURST: usize = 256;

/// Bursts between two measurements of the clocks' distance, which takes three system calls.
const BURSTS_A_MEASUREMENT: u32 = 1024;

/// The rings of one worker.
#[derive(Debug)]
pub struct XdpSource {
    receiver: Receiver,
    clocks: MonotonicToUnix,
    bursts: u32,
    fullest: Fullest,
    counters: Arc<RingCounters>,
}

/// The most packets that waited at once, since when.
#[derive(Debug)]
struct Fullest {
    packets: u32,
    since: Instant,
}

impl XdpSource {
    /// Reads this receiver.
    pub fn new(receiver: Receiver, counters: Arc<RingCounters>) -> Self {
        let fullest = Fullest { packets: 0, since: Instant::now() };
        Self { receiver, clocks: MonotonicToUnix::measure(), bursts: 0, fullest, counters }
    }
}

/// The datagram of a redirected packet; `None` where the metadata are not the program's.
fn arrival<'a>(
    metadata: &[u8; FRAME_META_LEN],
    packet: &'a [u8],
    clocks: MonotonicToUnix,
) -> Option<Arrival<'a>> {
    let meta = FrameMeta::from_bytes(metadata)?;
    let payload_at = usize::from(meta.payload_offset);
    let payload = packet.get(payload_at..payload_at + usize::from(meta.payload_len))?;
    let before = usize::from(meta.family.source_address_before_payload());
    let address = packet.get(payload_at.checked_sub(before)?..)?;
    let exporter = match meta.family {
        Family::V4 => IpAddr::from(*address.first_chunk::<4>()?),
        Family::V6 => IpAddr::from(*address.first_chunk::<16>()?),
    };
    const UDP_HEADER_LEN: usize = 8;
    let port = packet.get(payload_at.checked_sub(UDP_HEADER_LEN)?..)?.first_chunk()?;
    Some(Arrival {
        payload,
        exporter,
        exporter_port: u16::from_be_bytes(*port),
        listener: meta.listener,
        received_at: clocks.unix_nanos(meta.arrival_ns),
    })
}

impl Source for XdpSource {
    fn receive(&mut self, mut each: impl FnMut(Arrival<'_>)) -> io::Result<Received> {
        self.bursts += 1;
        if self.bursts == BURSTS_A_MEASUREMENT {
            self.bursts = 0;
            self.clocks = MonotonicToUnix::measure();
        }
        self.fullest.packets = self.fullest.packets.max(self.receiver.waiting());
        let (clocks, counters) = (self.clocks, &self.counters);
        let (mut readable, mut unreadable) = (0, 0);
        let count = self.receiver.receive(BURST, |received| {
            let metadata = received.metadata::<FRAME_META_LEN>();
            match metadata.and_then(|meta| arrival(meta, received.packet(), clocks)) {
                Some(arrival) => {
                    readable += 1;
                    each(arrival);
                }
                None => unreadable += 1,
            }
        });
        counters.received.add(readable);
        counters.unreadable.add(unreadable);
        Ok(Received::Datagrams(count))
    }

    fn wait(&mut self, timeout: Duration) -> io::Result<()> {
        match self.receiver.wait(Some(timeout)).map_err(io::Error::other)? {
            Wait::InterfaceGone { queue } => {
                Err(io::Error::other(format!("the interface of RX queue {queue} is gone")))
            }
            // The interface may come up again; until then there is nothing to do but to wait.
            Wait::InterfaceDown { .. } => {
                std::thread::sleep(timeout);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn publish(&mut self) {
        const WINDOW: Duration = Duration::from_secs(1);
        if self.fullest.since.elapsed() >= WINDOW {
            self.counters.fullest.set(self.fullest.packets.into());
            self.fullest = Fullest { packets: 0, since: Instant::now() };
        }
        let Ok(statistics) = self.receiver.statistics() else { return };
        self.counters.rx_ring_full.set(statistics.kernel.rx_ring_full);
        let lost_elsewhere = statistics.lost_packets() - statistics.kernel.rx_ring_full;
        self.counters.rx_dropped.set(lost_elsewhere);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use logweir_traffic::frame::Frame;

    #[test]
    fn the_datagram_is_where_the_metadata_say() {
        for (source, destination, family, payload_offset) in [
            ("192.0.2.1:1000", "198.51.100.2:2055", Family::V4, 42),
            ("[2001:db8::1]:1000", "[2001:db8::2]:2055", Family::V6, 62),
        ] {
            let frame = Frame {
                src_mac: [2; 6],
                dst_mac: [4; 6],
                vlans: &[],
                source: source.parse().unwrap(),
                destination: destination.parse().unwrap(),
            };
            let mut bytes = [0; 128];
            let len = frame.write(b"payload", &mut bytes).unwrap();
            let meta =
                FrameMeta { arrival_ns: 5, listener: 3, payload_offset, payload_len: 7, family };
            let clocks = MonotonicToUnix::measure();
            let packet = &bytes[..len];
            let arrival_read = arrival(&meta.to_bytes(), packet, clocks).unwrap();
            assert_eq!(arrival_read.payload, b"payload");
            assert_eq!(arrival_read.exporter, frame.source.ip());
            assert_eq!((arrival_read.exporter_port, arrival_read.listener), (1000, 3));
            for cut in 0..len {
                assert!(arrival(&meta.to_bytes(), &packet[..cut], clocks).is_none());
            }
        }
    }
}
