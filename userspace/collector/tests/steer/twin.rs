//! The XDP program once more, slow and plain: what it ought to say of a frame. It shares no code
//! and no shape with the program: it peels one header after the other off a slice.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use logweir::steering::{Listener, Prefix};
use logweir_abi::{Counter, Family};

/// What the program is told about the world.
#[derive(Clone, Debug)]
pub struct Rules {
    pub listeners: Vec<Listener>,
    pub allow: Vec<Prefix>,
    pub frame_len_max: u32,
    pub socket: bool,
}

/// What stands in the metadata of a redirected frame, except for the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub listener: u16,
    pub payload_offset: u16,
    pub payload_len: u16,
    pub family: Family,
}

/// The counter that must rise, or what must be delivered. Headers count only as far as they lie in
/// the first buffer.
pub fn judge(rules: &Rules, frame: &[u8], first_buffer_len: usize) -> Result<Delivery, Counter> {
    let visible = &frame[..first_buffer_len.min(frame.len())];
    let (ethernet, mut rest) = visible.split_at_checked(14).ok_or(Counter::Truncated)?;
    let mut ethertype = [ethernet[12], ethernet[13]];
    let mut tags = 0;
    while matches!(ethertype, [0x81, 0x00] | [0x88, 0xa8]) {
        if tags == 2 {
            return Err(Counter::NotIp);
        }
        let (tag, behind) = rest.split_at_checked(4).ok_or(Counter::Truncated)?;
        ethertype = [tag[2], tag[3]];
        rest = behind;
        tags += 1;
    }
    let (family, source, destination, said_by_ip, rest) = match ethertype {
        [0x08, 0x00] => ipv4(rest)?,
        [0x86, 0xdd] => ipv6(rest)?,
        _ => return Err(Counter::NotIp),
    };
    let (udp, payload) = rest.split_at_checked(8).ok_or(Counter::Truncated)?;
    let port = number(udp[2], udp[3]);
    let udp_len = number(udp[4], udp[5]);
    let payload_offset = visible.len() - payload.len();
    let present = frame.len() - payload_offset + 8;
    if udp_len < 8 || i64::from(udp_len) != said_by_ip || usize::from(udp_len) > present {
        return Err(Counter::BadLength);
    }
    let listener = rules
        .listeners
        .iter()
        .find(|listener| listener.port == port && listener.address == Some(destination))
        .or_else(|| rules.listeners.iter().find(|l| l.port == port && l.address.is_none()))
        .ok_or(Counter::NotListener)?;
    if !rules.allow.is_empty() && !rules.allow.iter().any(|prefix| prefix.contains(source)) {
        return Err(Counter::NotAllowed);
    }
    if rules.frame_len_max != 0 && frame.len() > rules.frame_len_max as usize {
        return Err(Counter::TooLong);
    }
    if !rules.socket {
        return Err(Counter::NoSocket);
    }
    Ok(Delivery {
        listener: listener.number,
        payload_offset: payload_offset as u16,
        payload_len: udp_len - 8,
        family,
    })
}

type Ip<'a> = (Family, IpAddr, IpAddr, i64, &'a [u8]);

fn ipv4(bytes: &[u8]) -> Result<Ip<'_>, Counter> {
    let (header, rest) = bytes.split_first_chunk::<20>().ok_or(Counter::Truncated)?;
    let words = header[0] % 16;
    if header[0] / 16 != 4 {
        Err(Counter::NotIp)
    } else if header[9] != 17 {
        Err(Counter::NotUdp)
    } else if words < 5 {
        Err(Counter::BadLength)
    } else if header[6] & 0x20 != 0 || header[6] & 0x1f != 0 || header[7] != 0 {
        Err(Counter::Fragment)
    } else if words > 5 {
        Err(Counter::IpOptions)
    } else {
        let address = |from: usize| {
            let octets: [u8; 4] = header[from..from + 4].try_into().expect("four bytes");
            IpAddr::V4(Ipv4Addr::from(octets))
        };
        let udp_len = i64::from(number(header[2], header[3])) - 20;
        Ok((Family::V4, address(12), address(16), udp_len, rest))
    }
}

fn ipv6(bytes: &[u8]) -> Result<Ip<'_>, Counter> {
    let (header, rest) = bytes.split_first_chunk::<40>().ok_or(Counter::Truncated)?;
    if header[0] / 16 != 6 {
        return Err(Counter::NotIp);
    }
    match header[6] {
        17 => {
            let address = |from: usize| {
                let octets: [u8; 16] = header[from..from + 16].try_into().expect("sixteen bytes");
                IpAddr::V6(Ipv6Addr::from(octets))
            };
            let udp_len = i64::from(number(header[4], header[5]));
            Ok((Family::V6, address(8), address(24), udp_len, rest))
        }
        44 => Err(Counter::Fragment),
        0 | 43 | 50 | 51 | 60 | 135 | 139 | 140 => Err(Counter::Ipv6Extension),
        _ => Err(Counter::NotUdp),
    }
}

fn number(high: u8, low: u8) -> u16 {
    u16::from(high) * 256 + u16::from(low)
}
