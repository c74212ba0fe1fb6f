//! What a receiver or a sender can be told, and the rules that the values must keep.

use core::fmt;

use crate::XskError;

/// Bytes that the kernel leaves free in front of each packet (`XDP_PACKET_HEADROOM`), for headers
/// and metadata that an XDP program adds.
pub const PACKET_HEADROOM: u32 = 256;

/// The kernel's limit for a ring is what a `u32` index and memory allow; this is this crate's.
const RING_SIZE_MAX: u32 = 1 << 20;

/// Size of a frame (the kernel's "chunk") of the UMEM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FrameSize {
    /// 2048 bytes: packets of at most 1792 bytes less headroom.
    #[default]
    Bytes2048,
    /// 4096 bytes: packets of at most 3840 bytes less headroom.
    Bytes4096,
}

impl FrameSize {
    /// The size in bytes: a power of two.
    pub const fn bytes(self) -> u32 {
        match self {
            FrameSize::Bytes2048 => 2048,
            FrameSize::Bytes4096 => 4096,
        }
    }
}

/// Whether the NIC writes into the UMEM itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BindMode {
    /// Zero-copy where the driver can, copy elsewhere; `is_zero_copy` tells which it became.
    #[default]
    Auto,
    /// Zero-copy, or an error.
    ZeroCopy,
    /// Copy, even where the driver could do better.
    Copy,
}

impl fmt::Display for BindMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BindMode::Auto => "zero-copy or copy",
            BindMode::ZeroCopy => "zero-copy",
            BindMode::Copy => "copy",
        })
    }
}

/// Preferred busy polling: the worker drives the NIC's NAPI from its own system calls, with no
/// interrupt in between (`Documentation/networking/napi.rst`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BusyPoll {
    /// `SO_BUSY_POLL`: how long one system call may poll, in microseconds.
    pub microseconds: u32,
    /// `SO_BUSY_POLL_BUDGET`: packets that one system call may take, at most 64 without
    /// `CAP_NET_ADMIN`.
    pub budget: u16,
}

impl Default for BusyPoll {
    fn default() -> Self {
        Self { microseconds: 20, budget: 64 }
    }
}

/// How a [`crate::Receiver`] is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiverOptions {
    /// Descriptors in the RX ring of each queue: a power of two. The fill ring has twice as many,
    /// because in copy mode the kernel frees its slots late.
    pub rx_ring_size: u32,
    /// Frames for each queue; `None` for as many as fill and RX ring hold together. Queues of one
    /// receiver share all of its frames.
    pub frames_per_queue: Option<u32>,
    /// Size of a frame.
    pub frame_size: FrameSize,
    /// Bytes left free in each frame beside [`PACKET_HEADROOM`].
    pub headroom: u32,
    /// Try 2 MiB pages first; `pages` tells whether there were enough.
    pub huge_pages: bool,
    /// Zero-copy or copy.
    pub bind_mode: BindMode,
    /// Let the kernel say when it wants a system call (`XDP_USE_NEED_WAKEUP`).
    pub need_wakeup: bool,
    /// Preferred busy polling, if any.
    pub busy_poll: Option<BusyPoll>,
    /// Take packets that need more than one frame (`XDP_USE_SG`), up to so many bytes. Where the
    /// kernel refuses, the receiver does without, and `is_multi_buffer` tells.
    pub multi_buffer: Option<u32>,
}

impl Default for ReceiverOptions {
    fn default() -> Self {
        Self {
            rx_ring_size: 2048,
            frames_per_queue: None,
            frame_size: FrameSize::default(),
            headroom: 0,
            huge_pages: true,
            bind_mode: BindMode::default(),
            need_wakeup: true,
            busy_poll: None,
            multi_buffer: None,
        }
    }
}

impl ReceiverOptions {
    /// Frames that each queue brings.
    pub(crate) fn frames(&self) -> u32 {
        self.frames_per_queue.unwrap_or(3 * self.rx_ring_size)
    }

    pub(crate) fn check(&self, queues: &[u32]) -> Result<(), XskError> {
        check_ring_size("rx_ring_size", self.rx_ring_size)?;
        if self.frames() == 0 || self.frames() > 4 * RING_SIZE_MAX {
            let rule = "a queue needs between 1 and 4194304 frames";
            let value = u64::from(self.frames());
            return Err(XskError::InvalidOption { option: "frames_per_queue", value, rule });
        }
        if self.headroom > self.frame_size.bytes() / 2 - PACKET_HEADROOM {
            let rule = "headroom must leave half of each frame to the packet";
            let value = u64::from(self.headroom);
            return Err(XskError::InvalidOption { option: "headroom", value, rule });
        }
        if queues.is_empty() || queues.len() > QUEUES_MAX {
            let rule = "a receiver reads between 1 and 64 queues";
            let value = queues.len() as u64;
            return Err(XskError::InvalidOption { option: "queues", value, rule });
        }
        if self.multi_buffer.is_some_and(|len| len > MULTI_BUFFER_MAX) {
            let rule = "a packet is joined up to 1048576 bytes at most";
            let value = u64::from(self.multi_buffer.unwrap_or(0));
            return Err(XskError::InvalidOption { option: "multi_buffer", value, rule });
        }
        Ok(())
    }
}

/// Queues that one receiver may read.
pub(crate) const QUEUES_MAX: usize = 64;
const MULTI_BUFFER_MAX: u32 = 1 << 20;

/// How a [`crate::Sender`] is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderOptions {
    /// Descriptors in the TX ring: a power of two. The completion ring and the UMEM have twice as
    /// many, so that packets can be written while others are on their way.
    pub tx_ring_size: u32,
    /// Size of a frame, and so of the longest packet.
    pub frame_size: FrameSize,
    /// Try 2 MiB pages first; `pages` tells whether there were enough.
    pub huge_pages: bool,
    /// Zero-copy or copy.
    pub bind_mode: BindMode,
    /// Let the kernel say when it wants a system call (`XDP_USE_NEED_WAKEUP`).
    pub need_wakeup: bool,
}

impl Default for SenderOptions {
    fn default() -> Self {
        Self {
            tx_ring_size: 2048,
            frame_size: FrameSize::default(),
            huge_pages: true,
            bind_mode: BindMode::default(),
            need_wakeup: true,
        }
    }
}

impl SenderOptions {
    pub(crate) fn check(&self) -> Result<(), XskError> {
        check_ring_size("tx_ring_size", self.tx_ring_size)
    }
}

fn check_ring_size(option: &'static str, size: u32) -> Result<(), XskError> {
    if size.is_power_of_two() && size <= RING_SIZE_MAX {
        return Ok(());
    }
    let rule = "a ring's size must be a power of two of at most 1048576";
    Err(XskError::InvalidOption { option, value: u64::from(size), rule })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_option_is_named_in_one_sentence() {
        let wrong = ReceiverOptions { rx_ring_size: 1000, ..ReceiverOptions::default() };
        let error = wrong.check(&[0]).expect_err("1000 is no power of two");
        assert_eq!(
            error.to_string(),
            "rx_ring_size is 1000, but a ring's size must be a power of two of at most 1048576"
        );
        let options = ReceiverOptions::default();
        assert!(options.check(&[0]).is_ok());
        assert!(options.check(&[]).is_err());
        assert!(options.check(&[0; QUEUES_MAX + 1]).is_err());
        assert!(ReceiverOptions { headroom: 1000, ..options.clone() }.check(&[0]).is_err());
        assert!(
            ReceiverOptions { frames_per_queue: Some(0), ..options.clone() }.check(&[0]).is_err()
        );
        assert!(ReceiverOptions { multi_buffer: Some(u32::MAX), ..options }.check(&[0]).is_err());
        assert!(SenderOptions { tx_ring_size: 0, ..SenderOptions::default() }.check().is_err());
    }
}
