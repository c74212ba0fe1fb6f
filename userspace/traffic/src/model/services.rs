//! What subscribers use the network for: ports, how long, how much.

use super::distributions::{exp2, log_normal, normal, pareto};
use super::sessions::DURATION_MAX;
use crate::random::Random;
use crate::record::{ICMP, TCP, UDP};

/// A use of the network, and the shape of its sessions.
pub(crate) struct Service {
    pub(crate) protocol: u8,
    /// Destination port; 0: a random high one. For ICMP type × 256 + code.
    port: u16,
    /// Of 256 sessions.
    weight: u8,
    pub(crate) application: &'static str,
    /// Median (as a power of two) and spread of the duration in seconds.
    duration_log2: (f64, f64),
    /// Median and spread of the packets sent: in all, or a second when `steady`.
    packets_log2: (f64, f64),
    steady: bool,
    /// Median of received packets for one sent.
    received_log2: f64,
    /// Mean packet lengths in bytes drawn from these ranges, sent and received.
    sent_bytes: (u32, u32),
    received_bytes: (u32, u32),
}

const BASE: Service = Service {
    protocol: TCP,
    port: 443,
    weight: 0,
    application: "SSL",
    duration_log2: (3.5, 2.0),
    packets_log2: (1.0, 1.8),
    steady: true,
    received_log2: 0.6,
    sent_bytes: (52, 300),
    received_bytes: (200, 1_440),
};

const SERVICES: [Service; 11] = [
    Service { weight: 96, ..BASE },
    Service { protocol: UDP, weight: 38, application: "QUIC", ..BASE },
    Service {
        protocol: UDP,
        port: 53,
        weight: 56,
        application: "DNS",
        duration_log2: (1.0, 1.0),
        packets_log2: (0.1, 0.3),
        steady: false,
        received_log2: 0.0,
        sent_bytes: (56, 90),
        received_bytes: (72, 480),
    },
    Service { port: 80, weight: 16, application: "HTTP", ..BASE },
    Service {
        protocol: UDP,
        port: 123,
        weight: 6,
        application: "NTP",
        duration_log2: (0.5, 0.8),
        packets_log2: (0.0, 0.2),
        steady: false,
        received_log2: 0.0,
        sent_bytes: (76, 77),
        received_bytes: (76, 77),
    },
    Service { port: 993, weight: 4, application: "IMAPS", duration_log2: (6.0, 2.0), ..BASE },
    Service { port: 22, weight: 2, application: "SSH", duration_log2: (7.0, 2.0), ..BASE },
    Service { port: 25, weight: 2, application: "SMTP", received_log2: -0.8, ..BASE },
    // Peer to peer sends more than it takes.
    Service { port: 0, weight: 12, application: "BT", received_log2: -0.5, ..BASE },
    Service {
        protocol: UDP,
        port: 0,
        weight: 18,
        application: "Online game",
        duration_log2: (5.0, 2.0),
        packets_log2: (4.0, 1.0),
        sent_bytes: (60, 200),
        received_bytes: (60, 400),
        ..BASE
    },
    Service {
        protocol: ICMP,
        port: 8 * 256,
        weight: 6,
        application: "ICMP",
        duration_log2: (1.5, 1.0),
        packets_log2: (1.0, 1.0),
        steady: false,
        received_log2: 0.0,
        sent_bytes: (60, 85),
        received_bytes: (60, 85),
    },
];

/// Which service each of 256 equally likely draws is.
const DRAWS: [u8; 256] = {
    let mut draws = [0u8; 256];
    let (mut at, mut service) = (0, 0);
    while service < SERVICES.len() {
        let mut left = SERVICES[service].weight;
        while left > 0 {
            draws[at] = service as u8;
            at += 1;
            left -= 1;
        }
        service += 1;
    }
    assert!(at == 256, "weights are of 256");
    draws
};

/// What a session carried, from its source and towards it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Volumes {
    pub(crate) sent_packets: u64,
    pub(crate) sent_bytes: u64,
    pub(crate) received_packets: u64,
    pub(crate) received_bytes: u64,
}

/// The service behind an index that [`draw`] gave.
#[inline]
pub(crate) fn service(index: u8) -> &'static Service {
    &SERVICES[usize::from(index)]
}

/// Draws a service and the destination port of a session; NAT64 has no ICMP.
#[inline]
pub(crate) fn draw(random: &mut Random, with_icmp: bool) -> (u8, u16) {
    let bits = random.next_u64();
    let mut index = DRAWS[(bits & 0xff) as usize];
    if !with_icmp && SERVICES[usize::from(index)].protocol == ICMP {
        index = 0;
    }
    let port = match SERVICES[usize::from(index)].port {
        0 => 1_024 + ((bits >> 8) % 64_512) as u16,
        port => port,
    };
    (index, port)
}

impl Service {
    /// How long a session is to last, in seconds: log-normal, with a Pareto tail.
    #[inline]
    pub(crate) fn duration(&self, random: &mut Random) -> u32 {
        let (median, spread) = self.duration_log2;
        let seconds = log_normal(random, median, spread);
        let tailed = if self.steady && random.below(64) == 0 {
            seconds + pareto(random, 60.0)
        } else {
            seconds
        };
        // A cast from f64 saturates.
        (tailed as u32).min(DURATION_MAX)
    }

    /// What a session carried that lasted so long. A packet has 40 bytes or more, so that bytes
    /// are never fewer than packets × 20: that is how a reader tells swapped counters.
    #[inline]
    pub(crate) fn volumes(&self, random: &mut Random, duration_seconds: u32) -> Volumes {
        let (median, spread) = self.packets_log2;
        let drawn = log_normal(random, median, spread);
        let scale = if self.steady { f64::from(duration_seconds) + 1.0 } else { 1.0 };
        let sent_packets = (drawn * scale) as u64 + 1;
        let bits = random.next_u64();
        let length = |(from, to): (u32, u32), bits: u64| {
            u64::from(from) + (((bits & 0xffff) * u64::from(to - from)) >> 16)
        };
        // One in 32 had no answer.
        let received_packets = if bits >> 59 == 0 {
            0
        } else {
            (sent_packets as f64 * exp2(self.received_log2 + 0.7 * normal(random))) as u64
        };
        Volumes {
            sent_packets,
            sent_bytes: sent_packets * length(self.sent_bytes, bits),
            received_packets,
            received_bytes: received_packets * length(self.received_bytes, bits >> 16),
        }
    }

    /// Why the device says that a session ended. `aged-out` stands in published lines; the other
    /// two are guesses at how it names a closed TCP connection.
    #[inline]
    pub(crate) fn close_reason(&self, random: &mut Random) -> &'static [u8] {
        if self.protocol != TCP {
            return b"aged-out";
        }
        match random.below(20) {
            0..=13 => b"tcp-fin",
            14..=16 => b"tcp-rst",
            _ => b"aged-out",
        }
    }
}
