//! The XDP program: log datagrams of the configured listeners go into the AF_XDP socket of the RX
//! queue they came in on, everything else goes on to the kernel's stack as it came.
//!
//! Each frame that it sees adds one to exactly one [`Counter`].
#![no_std]
#![no_main]

mod allow;
mod count;
mod frame;
mod listener;
mod metadata;
mod object;
mod parse;
mod setting;
mod socket;

use aya_ebpf::{
    bindings::xdp_action::{XDP_DROP, XDP_PASS, XDP_REDIRECT},
    macros::xdp,
    programs::XdpContext,
};
use logweir_abi::{Counter, Fate, FrameMeta};

use crate::frame::Frame;

/// `frags`: without it, drivers refuse the program on an interface whose frames span buffers.
#[xdp(frags)]
pub fn steer(ctx: XdpContext) -> u32 {
    let outcome = match redirect(&ctx) {
        Ok(()) => Counter::Redirected,
        Err(reason) => reason,
    };
    count::add_one(outcome);
    match outcome.fate() {
        Fate::Redirect => XDP_REDIRECT,
        Fate::Pass => XDP_PASS,
        Fate::Drop => XDP_DROP,
    }
}

/// Prepares the redirection, or gives the counter of the reason why the frame goes elsewhere.
///
/// Metadata comes last: until then the frame is as it came, and can be passed up without repair.
#[inline(always)]
fn redirect(ctx: &XdpContext) -> Result<(), Counter> {
    let frame = Frame::new(ctx);
    let datagram = parse::datagram(&frame)?;
    let listener = listener::find(&datagram).ok_or(Counter::NotListener)?;
    let settings = setting::current();
    if settings.allow_list_enforced != 0 && !allow::may_send(datagram.addresses.source()) {
        return Err(Counter::NotAllowed);
    }
    if settings.frame_len_max != 0 && datagram.frame_len > u64::from(settings.frame_len_max) {
        return Err(Counter::TooLong);
    }
    socket::redirect(ctx)?;
    metadata::write(ctx, |arrival_ns| FrameMeta {
        arrival_ns,
        listener,
        payload_offset: datagram.payload_offset,
        payload_len: datagram.payload_len,
        family: datagram.addresses.family(),
    })
}
