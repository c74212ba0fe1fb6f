//! What the kernel tells of XDP on an interface: which programs are there, and, from Linux 6.3 on,
//! what its driver can do.
//!
//! Sources: `include/uapi/linux/if_link.h` and `Documentation/netlink/specs/netdev.yaml`.

use super::{attribute, find, generic, route, u32_at};
use rustix::io::Errno;

/// A program on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// `native`, `generic` or `hardware`.
    pub mode: &'static str,
    /// Its number.
    pub id: u32,
}

/// The XDP programs of an interface.
///
/// # Errors
/// What the kernel answered instead.
pub fn attached(index: u32) -> Result<Vec<Attached>, Errno> {
    const RTM_GETLINK: u16 = 18;
    const IFLA_XDP: u16 = 43;
    const IFINFOMSG: usize = 16;
    let mut question = [0; IFINFOMSG];
    question[4..8].copy_from_slice(&index.to_ne_bytes());
    let answer = route(RTM_GETLINK, &question)?;
    let attributes = answer.get(IFINFOMSG..).ok_or(Errno::BADMSG)?;
    Ok(find(attributes, IFLA_XDP).map(programs).unwrap_or_default())
}

/// Each mode has an attribute of its own (`IFLA_XDP_DRV_PROG_ID` and so on).
fn programs(xdp: &[u8]) -> Vec<Attached> {
    const MODES: [(u16, &str); 3] = [(5, "native"), (6, "generic"), (7, "hardware")];
    let of_mode = |(kind, mode)| Some(Attached { mode, id: u32_at(find(xdp, kind)?, 0)? });
    MODES.into_iter().filter_map(of_mode).collect()
}

/// What a driver says that it can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XdpFeatures {
    /// XDP in the driver, with redirects: native mode.
    pub native: bool,
    /// AF_XDP without a copy.
    pub zero_copy: bool,
    /// Packets that need several buffers.
    pub several_buffers: bool,
}

/// What the driver of an interface can do, where the kernel tells (Linux 6.3).
///
/// # Errors
/// What the kernel answered instead: `ENOENT` before 6.3.
pub fn features(index: u32) -> Result<XdpFeatures, Errno> {
    const CONTROL: u16 = 16;
    const GET_FAMILY: u8 = 3;
    const FAMILY_ID: u16 = 1;
    const FAMILY_NAME: u16 = 2;
    const DEV_GET: u8 = 1;
    const IFINDEX: u16 = 1;
    const XDP_FEATURES: u16 = 3;
    let family = generic(CONTROL, GET_FAMILY, &attribute(FAMILY_NAME, b"netdev\0"))?;
    let family = find(&family, FAMILY_ID).and_then(|id| super::u16_at(id, 0));
    let family = family.ok_or(Errno::BADMSG)?;
    let device = generic(family, DEV_GET, &attribute(IFINDEX, &index.to_ne_bytes()))?;
    let bits = find(&device, XDP_FEATURES).ok_or(Errno::BADMSG)?;
    let bits = u64::from_ne_bytes(*bits.first_chunk().ok_or(Errno::BADMSG)?);
    Ok(XdpFeatures::of(bits))
}

impl XdpFeatures {
    /// Of `enum netdev_xdp_act`.
    const fn of(bits: u64) -> Self {
        const BASIC: u64 = 1;
        const REDIRECT: u64 = 2;
        const XSK_ZEROCOPY: u64 = 8;
        const RX_SG: u64 = 32;
        Self {
            native: bits & (BASIC | REDIRECT) == BASIC | REDIRECT,
            zero_copy: bits & XSK_ZEROCOPY != 0,
            several_buffers: bits & RX_SG != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_told_apart() {
        let id = |kind: u16, id: u32| attribute(kind, &id.to_ne_bytes());
        // IFLA_XDP_ATTACHED and IFLA_XDP_PROG_ID go before them.
        let xdp = [attribute(2, &[4]), id(4, 0), id(5, 17), id(6, 18)].concat();
        let expected = [Attached { mode: "native", id: 17 }, Attached { mode: "generic", id: 18 }];
        assert_eq!(programs(&xdp), expected);
        assert!(programs(&attribute(2, &[0])).is_empty());
    }

    #[test]
    fn features_are_bits() {
        let features = |bits| {
            let XdpFeatures { native, zero_copy, several_buffers } = XdpFeatures::of(bits);
            (native, zero_copy, several_buffers)
        };
        assert_eq!(features(0), (false, false, false));
        assert_eq!(features(0b0000_0111), (true, false, false));
        assert_eq!(features(0b0110_1111), (true, true, true));
    }
}
