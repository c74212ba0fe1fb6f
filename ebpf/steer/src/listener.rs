//! Which listener a datagram is for.

use core::hint::black_box;

use aya_ebpf::{macros::map, maps::HashMap};
use logweir_abi::{LISTENERS_MAX, ListenerKey};

use crate::parse::{Address, Datagram, word};

/// A [`ListenerKey`] in words as they stand in memory: the address, the port with what is reserved.
type Key = [u32; size_of::<ListenerKey>() / 4];

#[map]
static LISTENERS: HashMap<Key, u32> = HashMap::with_max_entries(LISTENERS_MAX, 0);

/// The number of the listener of this address and port, else of this port on any address.
#[inline(always)]
pub fn find(datagram: &Datagram) -> Option<u16> {
    let port = word(datagram.destination_port, 0);
    let bound = match datagram.destination {
        // An IPv4-mapped address.
        Address::V4(address) => [0, 0, word(0, 0xffff), address, port],
        Address::V6([a, b, c, d]) => [a, b, c, d, port],
    };
    // Opaque, because the compiler would make a call of a byte loop of the zeros.
    number(&bound).or_else(|| number(&[black_box(0), 0, 0, 0, port]))
}

#[inline(always)]
fn number(key: &Key) -> Option<u16> {
    let number = LISTENERS.get_ptr(key)?;
    // SAFETY: the kernel gave the address of a live value of this map. User space may replace it
    // meanwhile, hence the volatile read of an aligned word.
    Some(unsafe { number.read_volatile() } as u16)
}
