//! The counters, one set for each CPU, so that no two CPUs write to one cache line.

use aya_ebpf::{macros::map, maps::PerCpuArray};
use logweir_abi::Counter;

#[map]
static COUNTERS: PerCpuArray<u64> = PerCpuArray::with_max_entries(Counter::COUNT as u32, 0);

/// Counts one frame.
#[inline(always)]
pub fn add_one(counter: Counter) {
    if let Some(frames) = COUNTERS.get_ptr_mut(counter as u32) {
        // SAFETY: the kernel gave the address of this CPU's element; an XDP program runs to its
        // end without another on the same CPU.
        unsafe { *frames += 1 };
    }
}
