//! A mapped piece of memory: the ring pages that the kernel shares, and the UMEM.

use core::ptr::NonNull;

use rustix::fd::BorrowedFd;
use rustix::io;
use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};

/// Memory that is unmapped when this is dropped. It hands out pointers only: what may be read or
/// written through them, and when, is the business of the ring and UMEM modules.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping belongs to the process, not to a thread, and this type only gives out
// pointers into it.
unsafe impl Send for Mapping {}
// SAFETY: as above; nothing is read or written through `&Mapping` here.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Zeroed memory of `len` bytes that no one else has; `huge` asks for 2 MiB pages from the
    /// hugetlb pool and fails if that has too few (`len` must then be a multiple of 2 MiB).
    pub(crate) fn anonymous(len: usize, huge: bool) -> io::Result<Self> {
        let pages = if huge { MapFlags::HUGETLB | MapFlags::HUGE_2MB } else { MapFlags::empty() };
        let flags = MapFlags::PRIVATE | MapFlags::POPULATE | pages;
        // SAFETY: a new mapping at an address of the kernel's choice disturbs no other memory.
        let start = unsafe {
            mmap_anonymous(core::ptr::null_mut(), len, ProtFlags::READ | ProtFlags::WRITE, flags)?
        };
        Self::new(start, len)
    }

    /// `len` bytes of the ring at `page_offset` (`XDP_PGOFF_*`, `XDP_UMEM_PGOFF_*`) of an AF_XDP
    /// socket, shared with the kernel.
    pub(crate) fn of_ring(
        socket: BorrowedFd<'_>,
        page_offset: u64,
        len: usize,
    ) -> io::Result<Self> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::SHARED | MapFlags::POPULATE;
        // SAFETY: a new mapping at an address of the kernel's choice disturbs no other memory.
        let start =
            unsafe { mmap(core::ptr::null_mut(), len, protection, flags, socket, page_offset)? };
        Self::new(start, len)
    }

    fn new(start: *mut core::ffi::c_void, len: usize) -> io::Result<Self> {
        // The kernel places a mapping at address 0 only on request.
        let start = NonNull::new(start.cast()).ok_or(io::Errno::FAULT)?;
        Ok(Self { start, len })
    }

    /// Start address.
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// Where `count` values of `T` stand, `offset` bytes into the mapping; `None` if they would
    /// not lie in it whole, or not aligned. Valid for as long as the mapping lives.
    pub(crate) fn array<T>(&self, offset: usize, count: usize) -> Option<NonNull<[T]>> {
        let end = size_of::<T>().checked_mul(count)?.checked_add(offset)?;
        if end > self.len {
            return None;
        }
        // SAFETY: `offset` is at most `end`, which lies in the mapping or just behind it.
        let start = unsafe { self.start.add(offset) }.cast::<T>();
        start.is_aligned().then(|| NonNull::slice_from_raw_parts(start, count))
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: `start` and `len` are those of one mmap, and whoever holds a pointer into it
        // holds the mapping as well.
        let unmapped = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
        debug_assert!(unmapped.is_ok(), "munmap of a whole mapping: {unmapped:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_lies_in_the_mapping_and_aligned() {
        let mapping = Mapping::anonymous(4096, false).expect("a page");
        assert!(mapping.array::<u64>(0, 512).is_some());
        assert!(mapping.array::<u64>(8, 512).is_none(), "past the end");
        assert!(mapping.array::<u64>(4, 1).is_none(), "not aligned");
        assert!(mapping.array::<u64>(usize::MAX, 1).is_none(), "overflow");
        assert!(mapping.array::<u64>(0, usize::MAX).is_none(), "overflow");
        assert!(mapping.array::<u8>(4096, 0).is_some(), "empty at the end");
    }
}
