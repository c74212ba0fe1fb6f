//! Questions to the kernel over netlink: one request, one answer, and the attributes in it.
//!
//! Source: the kernel's `Documentation/userspace-api/netlink/intro.rst`. Numbers are in host byte
//! order, messages and attributes start at multiples of four bytes.

mod xdp;

pub use xdp::{Attached, XdpFeatures, attached, features};

use rustix::{
    io::Errno,
    net::{
        AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType,
        netlink::{self, SocketAddrNetlink},
        recv, sendto, socket_with,
        sockopt::{Timeout, set_socket_timeout},
    },
};
use std::time::Duration;

const HEADER: usize = 16;
const ATTRIBUTE_HEADER: usize = 4;
/// `NLM_F_REQUEST`.
const REQUEST: u16 = 1;
/// `NLMSG_ERROR`.
const ERROR: u16 = 2;
/// The flags in an attribute's type.
const TYPE: u16 = 0x3fff;

const PATIENCE: Duration = Duration::from_secs(2);

/// Asks routing netlink; the payload of the answer.
fn route(kind: u16, payload: &[u8]) -> Result<Vec<u8>, Errno> {
    ask(None, kind, payload)
}

/// Asks a family of generic netlink; the attributes of the answer.
fn generic(family: u16, command: u8, attributes: &[u8]) -> Result<Vec<u8>, Errno> {
    const VERSION: u8 = 1;
    let payload = [&[command, VERSION, 0, 0], attributes].concat();
    let answer = ask(Some(netlink::GENERIC), family, &payload)?;
    Ok(answer.get(4..).ok_or(Errno::BADMSG)?.to_vec())
}

fn ask(protocol: Option<Protocol>, kind: u16, payload: &[u8]) -> Result<Vec<u8>, Errno> {
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, protocol)?;
    set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
    let len = u32::try_from(HEADER + payload.len()).map_err(|_| Errno::MSGSIZE)?;
    let mut message = len.to_ne_bytes().to_vec();
    message.extend_from_slice(&kind.to_ne_bytes());
    message.extend_from_slice(&REQUEST.to_ne_bytes());
    // Sequence and port: the socket has one question.
    message.extend_from_slice(&[0; 8]);
    message.extend_from_slice(payload);
    sendto(&socket, &message, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    let mut answer = vec![0; 64 << 10];
    let (len, _) = recv(&socket, answer.as_mut_slice(), RecvFlags::empty())?;
    answer.truncate(len);
    payload_of(&answer)
}

/// The payload of the first message, or the error that it is.
fn payload_of(answer: &[u8]) -> Result<Vec<u8>, Errno> {
    let len = u32_at(answer, 0).ok_or(Errno::BADMSG)? as usize;
    let kind = u16_at(answer, 4).ok_or(Errno::BADMSG)?;
    let payload = answer.get(HEADER..len).ok_or(Errno::BADMSG)?;
    if kind == ERROR {
        let code = u32_at(payload, 0).ok_or(Errno::BADMSG)?.cast_signed();
        return Err(Errno::from_raw_os_error(code.wrapping_neg()));
    }
    Ok(payload.to_vec())
}

/// An attribute as it is sent.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let len = ATTRIBUTE_HEADER + value.len();
    let mut bytes = (len as u16).to_ne_bytes().to_vec();
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(value);
    bytes.resize(len.next_multiple_of(4), 0);
    bytes
}

/// The value of the first attribute of a kind.
fn find(mut attributes: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let len = usize::from(u16_at(attributes, 0)?);
        let kind = u16_at(attributes, 2)? & TYPE;
        let value = attributes.get(ATTRIBUTE_HEADER..len)?;
        if kind == wanted {
            return Some(value);
        }
        attributes = attributes.get(len.next_multiple_of(4)..)?;
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_found_and_cut_ones_are_none() {
        let attributes =
            [attribute(1, b"abc"), attribute(0x8000 | 7, &5u32.to_ne_bytes())].concat();
        assert_eq!(find(&attributes, 7), Some(&5u32.to_ne_bytes()[..]));
        assert_eq!(find(&attributes, 1), Some(&b"abc"[..]));
        assert_eq!(find(&attributes, 2), None);
        for cut in 0..attributes.len() {
            assert_eq!(find(&attributes[..cut], 7), None, "{cut}");
        }
        // A length below its header ends the search.
        assert_eq!(find(&[0; 16], 1), None);
    }

    #[test]
    fn an_error_is_told() {
        let mut answer = vec![0; 36];
        answer[0] = 36;
        answer[4] = 2;
        answer[16..20].copy_from_slice(&(-19i32).to_ne_bytes());
        assert_eq!(payload_of(&answer), Err(Errno::NODEV));
        for cut in 0..36 {
            assert_eq!(payload_of(&answer[..cut]), Err(Errno::BADMSG));
        }
    }
}
