//! Which listener a datagram is for.

use aya_ebpf::{
    macros::map,
    maps::{Array, HashMap},
};
use logweir_abi::{LISTENERS_MAX, ListenerKey, PORTS as PORT_COUNT, PortListeners};

use crate::parse::{Address, Datagram, word};

/// Most listeners are on every address, and most frames are nobody's: an element of an array answers
/// for both, without a call of the kernel.
#[map]
static PORTS: Array<u32> = Array::with_max_entries(PORT_COUNT, 0);

/// A [`ListenerKey`] in words as they stand in memory: the address, the port with what is reserved.
type Key = [u32; size_of::<ListenerKey>() / 4];

#[map]
static LISTENERS: HashMap<Key, u32> = HashMap::with_max_entries(LISTENERS_MAX, 0);

/// The number of the listener on this address and port, else on this port and every address.
#[inline(always)]
pub fn find(datagram: &Datagram) -> Option<u16> {
    let listeners = on_port(u16::from_be(datagram.destination_port));
    if listeners.single_addresses()
        && let Some(number) = on_address(datagram)
    {
        return Some(number);
    }
    listeners.any_address()
}

#[inline(always)]
fn on_port(port: u16) -> PortListeners {
    let Some(listeners) = PORTS.get_ptr(u32::from(port)) else { return PortListeners::default() };
    // SAFETY: the kernel gave the address of an element of this map. User space may write it
    // meanwhile, hence the volatile read of an aligned word.
    PortListeners::from_word(unsafe { listeners.read_volatile() })
}

#[inline(always)]
fn on_address(datagram: &Datagram) -> Option<u16> {
    let port = word(datagram.destination_port, 0);
    let key: Key = match datagram.addresses.destination() {
        // An IPv4-mapped address.
        Address::V4(address) => [0, 0, word(0, 0xffff), address, port],
        Address::V6([a, b, c, d]) => [a, b, c, d, port],
    };
    let number = LISTENERS.get_ptr(&key)?;
    // SAFETY: the kernel gave the address of a live value of this map. User space may replace it
    // meanwhile, hence the volatile read of an aligned word.
    Some(unsafe { number.read_volatile() } as u16)
}
