//! What `steer` is timed with; no part of the collector.
//!
//! `BPF_PROG_TEST_RUN` gives each repeat the context as the one before it left it: in front of the
//! second frame the first one's metadata would stand already, and `steer` leaves such a frame to
//! the kernel. [`again`] takes the metadata away and goes on to the program in slot 0 of [`NEXT`],
//! so that each repeat is of a frame that has just arrived. What this adds is measured with
//! [`pass`] in the slot.
#![no_std]
#![no_main]

mod object;

use aya_ebpf::{
    bindings::xdp_action::{XDP_ABORTED, XDP_PASS},
    helpers::{bpf_ktime_get_ns, bpf_xdp_adjust_meta, bpf_xdp_get_buff_len},
    macros::{map, xdp},
    maps::ProgramArray,
    programs::XdpContext,
};
use logweir_abi::FRAME_META_LEN;

#[map]
static NEXT: ProgramArray = ProgramArray::with_max_entries(1, 0);

/// The least that a program can do.
#[xdp(frags)]
pub fn pass(_ctx: XdpContext) -> u32 {
    XDP_PASS
}

/// A call of the kernel that does next to nothing, to know what any call costs.
#[xdp(frags)]
pub fn call(ctx: XdpContext) -> u32 {
    // SAFETY: the context is the one that the kernel called the program with.
    let len = unsafe { bpf_xdp_get_buff_len(ctx.ctx) };
    if len == 0 { XDP_ABORTED } else { XDP_PASS }
}

/// Reading the clock, which `steer` does for each frame that it redirects.
#[xdp(frags)]
pub fn clock(_ctx: XdpContext) -> u32 {
    // SAFETY: the helper has no preconditions.
    let ns = unsafe { bpf_ktime_get_ns() };
    if ns == 0 { XDP_ABORTED } else { XDP_PASS }
}

/// Takes the metadata off, and goes on to the next program.
#[xdp(frags)]
pub fn again(ctx: XdpContext) -> u32 {
    // The call is made either way, so that it costs the same in front of either program.
    let metadata_len = if ctx.metadata() < ctx.data() { FRAME_META_LEN as i32 } else { 0 };
    // SAFETY: the context is the one that the kernel called the program with.
    unsafe { bpf_xdp_adjust_meta(ctx.ctx, metadata_len) };
    // SAFETY: nothing of this program is live behind the call; it returns if the slot is empty.
    let _ = unsafe { NEXT.tail_call(&ctx, 0) };
    XDP_ABORTED
}
