//! Leaving a `FrameMeta` in the XDP metadata area, directly in front of the packet.

use core::array::from_fn;

use aya_ebpf::{
    helpers::{bpf_ktime_get_ns, bpf_xdp_adjust_meta},
    programs::XdpContext,
};
use logweir_abi::{Counter, FRAME_META_LEN, FrameMeta};

/// Makes room in front of the packet and writes what `describe` gives for the time of arrival.
///
/// When it fails, the frame is as it was.
#[inline(always)]
pub fn write(ctx: &XdpContext, describe: impl FnOnce(u64) -> FrameMeta) -> Result<(), Counter> {
    // Metadata of a program that ran before this one would come between ours and the packet. Where
    // the driver has no metadata at all, `data_meta` lies behind `data`, and the helper fails.
    if ctx.metadata() < ctx.data() {
        return Err(Counter::NoMetadata);
    }
    // SAFETY: the context is the one that the kernel called the program with. The call moves the
    // packet's bounds, so they are read again below.
    if unsafe { bpf_xdp_adjust_meta(ctx.ctx, -(FRAME_META_LEN as i32)) } != 0 {
        return Err(Counter::NoMetadata);
    }
    let slot = ctx.metadata();
    // Always true after the call; the verifier wants to see it.
    if slot + FRAME_META_LEN > ctx.data() {
        return Err(Counter::NoMetadata);
    }
    // SAFETY: the helper has no preconditions.
    let arrival_ns = unsafe { bpf_ktime_get_ns() };
    let bytes = describe(arrival_ns).to_bytes();
    // Words, because the compiler would store bytes one by one; see `Frame::words`.
    let words: [u16; FRAME_META_LEN / 2] =
        from_fn(|i| u16::from_ne_bytes([bytes[2 * i], bytes[2 * i + 1]]));
    // SAFETY: the metadata area holds these words, as was just compared. Its start is as even as
    // the packet's, because the kernel keeps its length a multiple of 4.
    unsafe { *(slot as *mut [u16; FRAME_META_LEN / 2]) = words };
    Ok(())
}
