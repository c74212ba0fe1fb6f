//! Asking for memory before it is read, so that a packet is in the nearest cache when its turn
//! comes. Frames are as large as pages, and no processor looks ahead into the next page by itself.

/// Bytes that a cache fetches at once.
const LINE: usize = 64;

/// Asks for the memory of these bytes.
#[inline]
pub fn prefetch(bytes: &[u8]) {
    lines(bytes.as_ptr(), bytes.len());
}

/// Asks for the lines that so many bytes from `start` on are in. No byte is read: `start` may point
/// anywhere.
#[inline]
pub(crate) fn lines(start: *const u8, bytes: usize) {
    let into_line = start.addr() % LINE;
    let first = start.wrapping_sub(into_line);
    for number in 0..(into_line + bytes).div_ceil(LINE) {
        line(first.wrapping_add(number * LINE));
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn line(at: *const u8) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: every x86-64 processor has the instruction, and it faults at no address.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
}

/// Without the instruction, memory comes when it is read.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn line(_: *const u8) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_address_may_be_asked_for() {
        prefetch(&[]);
        prefetch(&[1; 1000]);
        lines(core::ptr::null(), 4096);
        lines(core::ptr::without_provenance(usize::MAX - 10), 4096);
    }
}
