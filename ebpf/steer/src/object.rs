//! What every object needs beside its programs.

/// A program that could get here has an edge that the verifier rejects: it does not load.
#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// GPL-compatible for the kernel's loader; no helper in use demands it. See ebpf/README.md.
// SAFETY: the loader takes this section for a string that ends in a NUL, which this is.
#[unsafe(link_section = "license")]
// SAFETY: nothing else in the object has this name, and it is linked with nothing.
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
