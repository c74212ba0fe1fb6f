//! The UMEM: the memory that packets are received into and sent from, cut into frames.

use rustix::net::xdp::{XdpUmemReg, XdpUmemRegFlags};

use crate::XskError;
use crate::frames::{Frame, Frames};
use crate::mapping::Mapping;
use crate::options::FrameSize;
use crate::prefetch;

const HUGE_PAGE: usize = 2 << 20;

/// Which pages the UMEM lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pages {
    /// 2 MiB pages of the hugetlb pool.
    Huge2MiB,
    /// The system's ordinary pages.
    Normal,
}

/// The bytes of the frames.
#[derive(Debug)]
pub(crate) struct Memory {
    mapping: Mapping,
    frame_size: usize,
    frame_count: u32,
    headroom: u32,
    pages: Pages,
}

/// Memory and the books of who owns which frame of it.
#[derive(Debug)]
pub(crate) struct Umem {
    pub(crate) frames: Frames,
    pub(crate) memory: Memory,
}

impl Umem {
    /// Maps `frame_count` frames. With `huge_pages`, 2 MiB pages are tried first.
    pub(crate) fn new(
        frame_count: u32,
        frame_size: FrameSize,
        headroom: u32,
        huge_pages: bool,
    ) -> Result<Self, XskError> {
        let size = frame_size.bytes();
        let bytes = frame_count as usize * size as usize;
        let (mapping, pages) = map(bytes, huge_pages)?;
        let frame_size = size as usize;
        Ok(Self {
            frames: Frames::new(frame_count, size),
            memory: Memory { mapping, frame_size, frame_count, headroom, pages },
        })
    }
}

fn map(bytes: usize, huge_pages: bool) -> Result<(Mapping, Pages), XskError> {
    if huge_pages && let Ok(mapping) = Mapping::anonymous(bytes.next_multiple_of(HUGE_PAGE), true) {
        return Ok((mapping, Pages::Huge2MiB));
    }
    let mapping = Mapping::anonymous(bytes, false);
    let mapping = mapping.map_err(|errno| XskError::MapUmem { bytes, errno })?;
    Ok((mapping, Pages::Normal))
}

impl Memory {
    /// What the kernel is told of the UMEM (`XDP_UMEM_REG`).
    pub(crate) fn registration(&self) -> XdpUmemReg {
        XdpUmemReg {
            addr: self.mapping.start().as_ptr().expose_provenance() as u64,
            // Huge pages may leave a rest behind the last frame; the kernel is not told of it.
            len: u64::from(self.frame_count) * self.frame_size as u64,
            chunk_size: self.frame_size as u32,
            headroom: self.headroom,
            flags: XdpUmemRegFlags::empty(),
            tx_metadata_len: 0,
        }
    }

    /// Which pages the memory lies in.
    pub(crate) fn pages(&self) -> Pages {
        self.pages
    }

    /// The bytes of a frame that user space owns.
    #[inline]
    pub(crate) fn bytes<'a>(&'a self, frame: &'a Frame) -> &'a [u8] {
        let start = self.start_of(frame);
        // SAFETY: `start_of` yields the first byte of a whole frame inside the mapping, which is
        // zeroed or written by the kernel; the token says that neither the kernel nor anyone else
        // in this process writes the frame, and it is borrowed for as long as the slice.
        unsafe { core::slice::from_raw_parts(start, self.frame_size) }
    }

    /// Asks for the bytes that a descriptor names, and for the metadata in front of them, which is
    /// harmless where it names what is not there.
    #[inline]
    pub(crate) fn prefetch(&self, address: u64, len: u32) {
        const METADATA_LINE: usize = 64;
        let start = self.mapping.start().as_ptr().wrapping_add(address as usize);
        let bytes = (len as usize).min(self.frame_size) + METADATA_LINE;
        prefetch::lines(start.wrapping_sub(METADATA_LINE), bytes);
    }

    /// The bytes of a frame that user space owns, to be written.
    #[inline]
    pub(crate) fn bytes_mut<'a>(&'a mut self, frame: &'a mut Frame) -> &'a mut [u8] {
        let start = self.start_of(frame);
        // SAFETY: as in `bytes`, and the only token of the frame is borrowed for writing.
        unsafe { core::slice::from_raw_parts_mut(start, self.frame_size) }
    }

    #[inline]
    fn start_of(&self, frame: &Frame) -> *mut u8 {
        assert!(frame.index() < self.frame_count, "a frame of another UMEM");
        let offset = frame.index() as usize * self.frame_size;
        // SAFETY: the frame's number was checked, and the mapping holds `frame_count` frames of
        // `frame_size` bytes.
        unsafe { self.mapping.start().as_ptr().add(offset) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_do_not_overlap_and_keep_their_bytes() {
        let mut umem = Umem::new(5, FrameSize::Bytes2048, 0, false).expect("memory");
        assert_eq!(umem.memory.pages(), Pages::Normal);
        let mut held: Vec<Frame> = std::iter::from_fn(|| umem.frames.take()).collect();
        assert_eq!(held.len(), 5);
        for frame in &mut held {
            let value = frame.index() as u8;
            umem.memory.bytes_mut(frame).fill(value);
        }
        for frame in &held {
            let bytes = umem.memory.bytes(frame);
            assert_eq!(bytes.len(), 2048);
            assert!(bytes.iter().all(|&byte| byte == frame.index() as u8));
        }
    }

    #[test]
    fn without_huge_pages_normal_ones_serve_and_it_is_told() {
        // Whichever the machine has: asking must not fail, and the length is that of the frames.
        let umem = Umem::new(3, FrameSize::Bytes4096, 128, true).expect("memory");
        assert!(matches!(umem.memory.pages(), Pages::Huge2MiB | Pages::Normal));
        let registration = umem.memory.registration();
        assert_eq!((registration.len, registration.chunk_size), (3 * 4096, 4096));
        assert_eq!(registration.headroom, 128);
    }

    #[test]
    #[should_panic(expected = "a frame of another UMEM")]
    fn a_frame_of_a_larger_umem_is_refused() {
        let mut larger = Frames::new(8, 2048);
        let frames: Vec<Frame> = std::iter::from_fn(|| larger.take()).collect();
        let umem = Umem::new(2, FrameSize::Bytes2048, 0, false).expect("memory");
        for frame in &frames {
            umem.memory.bytes(frame);
        }
    }
}
