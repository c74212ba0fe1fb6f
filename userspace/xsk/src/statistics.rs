//! What happened to packets, by the kernel's counters and by this crate's own.

use core::ops::AddAssign;

use rustix::net::xdp::XdpStatistics;

/// The kernel's counters of a socket (`XDP_STATISTICS`). A kernel before 5.9 counts the last
/// three not at all: they are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelStatistics {
    /// Packets dropped because the fill ring was empty (in copy mode) or the packet needed more
    /// than one frame on a socket without multi-buffer.
    pub rx_dropped: u64,
    /// Addresses in the fill ring that lie outside of the UMEM.
    pub rx_invalid_descs: u64,
    /// Descriptors in the TX ring that the kernel refused.
    pub tx_invalid_descs: u64,
    /// Packets dropped because the RX ring was full.
    pub rx_ring_full: u64,
    /// How often the kernel found the fill ring empty. In copy mode such a packet is one of
    /// `rx_dropped` too: the two do not add up.
    pub rx_fill_ring_empty_descs: u64,
    /// How often the kernel found the TX ring empty.
    pub tx_ring_empty_descs: u64,
}

impl From<XdpStatistics> for KernelStatistics {
    fn from(kernel: XdpStatistics) -> Self {
        Self {
            rx_dropped: kernel.rx_dropped,
            rx_invalid_descs: kernel.rx_invalid_descs,
            tx_invalid_descs: kernel.tx_invalid_descs,
            rx_ring_full: kernel.rx_ring_full.unwrap_or(0),
            rx_fill_ring_empty_descs: kernel.rx_fill_ring_empty_descs.unwrap_or(0),
            tx_ring_empty_descs: kernel.tx_ring_empty_descs.unwrap_or(0),
        }
    }
}

impl AddAssign for KernelStatistics {
    fn add_assign(&mut self, other: Self) {
        self.rx_dropped += other.rx_dropped;
        self.rx_invalid_descs += other.rx_invalid_descs;
        self.tx_invalid_descs += other.tx_invalid_descs;
        self.rx_ring_full += other.rx_ring_full;
        self.rx_fill_ring_empty_descs += other.rx_fill_ring_empty_descs;
        self.tx_ring_empty_descs += other.tx_ring_empty_descs;
    }
}

/// What a receiver, or one queue of it, counted since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Packets given to the callback.
    pub received_packets: u64,
    /// Their bytes.
    pub received_bytes: u64,
    /// Those of them that came in more than one frame.
    pub multi_buffer_packets: u64,
    /// Packets dropped because they were longer than the bound for joining.
    pub multi_buffer_too_long: u64,
    /// Packets dropped because a descriptor of one of their parts was invalid.
    pub multi_buffer_truncated: u64,
    /// RX descriptors that named no bytes of a frame that the kernel was given. Each costs a
    /// packet, unless it is part of one of `multi_buffer_truncated`.
    pub invalid_descriptors: u64,
    /// Packets lost to an invalid descriptor that was the whole packet.
    pub invalid_packets: u64,
    /// System calls made to wake the kernel.
    pub wakeups: u64,
    /// Those of them that the kernel or driver answered with "not now"
    /// (`EAGAIN`, `EBUSY`, `ENOBUFS`, `EINTR`).
    pub wakeup_retries: u64,
    /// What the kernel counted.
    pub kernel: KernelStatistics,
}

impl Statistics {
    /// Packets that reached the socket and not the callback, each counted once. (In zero-copy
    /// mode a NIC that finds no frame in the fill ring drops in its own queue and counts there.)
    pub fn lost_packets(&self) -> u64 {
        self.kernel.rx_dropped
            + self.kernel.rx_ring_full
            + self.multi_buffer_too_long
            + self.multi_buffer_truncated
            + self.invalid_packets
    }
}

impl AddAssign for Statistics {
    fn add_assign(&mut self, other: Self) {
        self.received_packets += other.received_packets;
        self.received_bytes += other.received_bytes;
        self.multi_buffer_packets += other.multi_buffer_packets;
        self.multi_buffer_too_long += other.multi_buffer_too_long;
        self.multi_buffer_truncated += other.multi_buffer_truncated;
        self.invalid_descriptors += other.invalid_descriptors;
        self.invalid_packets += other.invalid_packets;
        self.wakeups += other.wakeups;
        self.wakeup_retries += other.wakeup_retries;
        self.kernel += other.kernel;
    }
}

/// What a sender counted since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderStatistics {
    /// Packets put into the TX ring.
    pub queued_packets: u64,
    /// Their bytes.
    pub queued_bytes: u64,
    /// Packets that the kernel gave back as done. It does not say whether the device or the other
    /// side dropped them.
    pub completed_packets: u64,
    /// Addresses in the completion ring that named no frame being sent.
    pub invalid_completions: u64,
    /// System calls made to wake the kernel.
    pub wakeups: u64,
    /// Those of them that the kernel or driver answered with "not now"
    /// (`EAGAIN`, `EBUSY`, `ENOBUFS`, `EINTR`): back-pressure, and in copy mode also each call that
    /// ends because it has sent as many packets as the kernel allows one call (32).
    pub wakeup_retries: u64,
    /// What the kernel counted.
    pub kernel: KernelStatistics,
}
