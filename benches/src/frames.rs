//! Payloads as AF_XDP leaves them: each in a frame of its own, behind the headroom of XDP and the
//! packet's headers.

use logweir_xsk::prefetch;

/// Bytes of a frame.
pub const FRAME_BYTES: usize = 4096;

/// Frames of a buffer that is full: more payload than the first level of the caches holds and, in
/// binary formats, than the second.
pub const FRAMES: usize = 4096;

/// `XDP_PACKET_HEADROOM`, and the headers of Ethernet, IPv4 and UDP.
const PAYLOAD_AT: usize = 256 + 14 + 20 + 8;

/// Longest payload of a frame.
pub const PAYLOAD_BYTES_MAX: usize = FRAME_BYTES - PAYLOAD_AT;

/// A buffer like a UMEM, one payload a frame.
#[derive(Debug, Default)]
pub struct Frames {
    memory: Vec<u8>,
    lens: Vec<u16>,
}

impl Frames {
    /// Adds a frame.
    ///
    /// # Panics
    /// If the payload is longer than [`PAYLOAD_BYTES_MAX`].
    pub fn push(&mut self, payload: &[u8]) {
        assert!(payload.len() <= PAYLOAD_BYTES_MAX, "a payload fits its frame");
        let at = self.memory.len() + PAYLOAD_AT;
        self.memory.resize(self.memory.len() + FRAME_BYTES, 0);
        self.memory[at..at + payload.len()].copy_from_slice(payload);
        self.lens.push(payload.len() as u16);
    }

    /// The payloads, in their order, each asked for while the one before is worked on: so the rings'
    /// receiver hands them out, to whoever decodes them.
    pub fn payloads(&self) -> impl Iterator<Item = &[u8]> {
        let (frames, _) = self.memory.as_chunks::<FRAME_BYTES>();
        let payloads = frames.iter().zip(&self.lens);
        let payloads = payloads.map(|(frame, len)| &frame[PAYLOAD_AT..][..usize::from(*len)]);
        let mut upcoming = payloads.clone();
        upcoming.next();
        payloads.inspect(move |_| {
            if let Some(payload) = upcoming.next() {
                prefetch(payload);
            }
        })
    }

    /// Bytes of all payloads.
    pub fn bytes(&self) -> usize {
        self.lens.iter().map(|len| usize::from(*len)).sum()
    }
}
