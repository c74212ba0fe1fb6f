//! The metadata that the XDP program leaves directly in front of a redirected packet
//! (`bpf_xdp_adjust_meta`), so that user space need not parse headers again.

/// Bytes of metadata in front of the packet: a multiple of 4 and at most 32, as the kernel demands.
pub const FRAME_META_LEN: usize = 16;

/// Written to the last byte, so that a reader never takes stale bytes for metadata of this layout.
const LAYOUT: u8 = 0xa1;

const UDP_HEADER_LEN: u16 = 8;

/// The IP version of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4 with a 20-byte header.
    V4,
    /// IPv6 without extension headers.
    V6,
}

impl Family {
    /// Offset of the source address, counted back from the first payload byte: the headers in
    /// between have a fixed length, because others are not redirected.
    pub const fn source_address_before_payload(self) -> u16 {
        match self {
            // 20-byte header, source address at byte 12.
            Family::V4 => UDP_HEADER_LEN + 20 - 12,
            // 40-byte header, source address at byte 8.
            Family::V6 => UDP_HEADER_LEN + 40 - 8,
        }
    }
}

/// One frame's metadata. All numbers are in the host's byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameMeta {
    /// Arrival, `CLOCK_MONOTONIC` in nanoseconds (`bpf_ktime_get_ns`).
    pub arrival_ns: u64,
    /// The listener's number, as given in the `LISTENERS` map.
    pub listener: u16,
    /// Offset of the UDP payload from the start of the packet, in bytes.
    pub payload_offset: u16,
    /// Length of the UDP payload, in bytes.
    pub payload_len: u16,
    /// Which kind of IP header stands in front of the UDP header.
    pub family: Family,
}

impl FrameMeta {
    /// The bytes as they stand in front of the packet.
    #[inline(always)]
    pub const fn to_bytes(self) -> [u8; FRAME_META_LEN] {
        let [t0, t1, t2, t3, t4, t5, t6, t7] = self.arrival_ns.to_ne_bytes();
        let [l0, l1] = self.listener.to_ne_bytes();
        let [o0, o1] = self.payload_offset.to_ne_bytes();
        let [p0, p1] = self.payload_len.to_ne_bytes();
        let family = match self.family {
            Family::V4 => 4,
            Family::V6 => 6,
        };
        [t0, t1, t2, t3, t4, t5, t6, t7, l0, l1, o0, o1, p0, p1, family, LAYOUT]
    }

    /// Reads metadata back; `None` when the bytes were not written by [`FrameMeta::to_bytes`].
    #[inline]
    pub const fn from_bytes(bytes: &[u8; FRAME_META_LEN]) -> Option<Self> {
        let [t0, t1, t2, t3, t4, t5, t6, t7, l0, l1, o0, o1, p0, p1, family, layout] = *bytes;
        if layout != LAYOUT {
            return None;
        }
        let family = match family {
            4 => Family::V4,
            6 => Family::V6,
            _ => return None,
        };
        Some(Self {
            arrival_ns: u64::from_ne_bytes([t0, t1, t2, t3, t4, t5, t6, t7]),
            listener: u16::from_ne_bytes([l0, l1]),
            payload_offset: u16::from_ne_bytes([o0, o1]),
            payload_len: u16::from_ne_bytes([p0, p1]),
            family,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_read_back_as_written() {
        for family in [Family::V4, Family::V6] {
            let meta = FrameMeta {
                arrival_ns: 0x0102_0304_0506_0708,
                listener: 0xabcd,
                payload_offset: 42,
                payload_len: 1464,
                family,
            };
            assert_eq!(FrameMeta::from_bytes(&meta.to_bytes()), Some(meta));
        }
    }

    #[test]
    fn foreign_bytes_are_no_metadata() {
        assert_eq!(FrameMeta::from_bytes(&[0; FRAME_META_LEN]), None);
        let mut bytes = [0; FRAME_META_LEN];
        bytes[15] = LAYOUT;
        assert_eq!(FrameMeta::from_bytes(&bytes), None, "family 0");
    }
}
