//! Reading a frame with the bounds checks that the verifier wants to see.

use aya_ebpf::{helpers::bpf_xdp_get_buff_len, programs::XdpContext};

/// The bytes of a frame that can be read directly, which are those of its first buffer.
pub struct Frame<'a> {
    ctx: &'a XdpContext,
    start: usize,
    end: usize,
}

impl<'a> Frame<'a> {
    #[inline(always)]
    pub fn new(ctx: &'a XdpContext) -> Self {
        Self { ctx, start: ctx.data(), end: ctx.data_end() }
    }

    /// Length of the whole frame, over all its buffers. It takes a call of the kernel: without
    /// CAP_PERFMON the verifier does not let `data` be subtracted from `data_end`.
    #[inline(always)]
    pub fn len(&self) -> u64 {
        // SAFETY: the context is the one that the kernel called the program with.
        unsafe { bpf_xdp_get_buff_len(self.ctx.ctx) }
    }

    /// The `N` 16-bit words at `offset`, as they stand in memory, if the first buffer holds them.
    ///
    /// Words, because the compiler would read bytes one by one for fear of an unaligned load.
    #[inline(always)]
    pub fn words<const N: usize>(&self, offset: usize) -> Option<&'a [u16; N]> {
        let from = self.start + offset;
        if from + size_of::<[u16; N]>() > self.end {
            return None;
        }
        // SAFETY: the words lie between the kernel's `data` and `data_end`, as was just compared,
        // and nothing writes to the packet while a reference to it lives. Drivers start a frame at
        // an even address (`NET_IP_ALIGN` counts on it) and all offsets in use are even; where the
        // machine needs aligned loads, the verifier checks them.
        Some(unsafe { &*(from as *const [u16; N]) })
    }
}
