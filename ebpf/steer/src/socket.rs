//! Redirection into the AF_XDP socket of the RX queue that a frame came in on.

use aya_ebpf::{bindings::xdp_action::XDP_PASS, macros::map, maps::XskMap, programs::XdpContext};
use logweir_abi::{Counter, SOCKETS_MAX};

#[map]
static SOCKETS: XskMap = XskMap::with_max_entries(SOCKETS_MAX, 0);

/// Aims the frame at the socket of its queue; it goes there if the program returns `XDP_REDIRECT`.
///
/// With an empty slot the kernel gives the action in the flags back, and aims at nothing.
#[inline(always)]
pub fn redirect(ctx: &XdpContext) -> Result<(), Counter> {
    match SOCKETS.redirect(ctx.rx_queue_index(), u64::from(XDP_PASS)) {
        Ok(_) => Ok(()),
        Err(_) => Err(Counter::NoSocket),
    }
}
