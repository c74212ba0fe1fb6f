//! Which exporters may send.

use aya_ebpf::{
    macros::map,
    maps::{LpmTrie, lpm_trie::Key},
};
use logweir_abi::ALLOW_MAX;

use crate::parse::Address;

#[map]
static ALLOW_V4: LpmTrie<u32, u32> = LpmTrie::with_max_entries(ALLOW_MAX, 0);

#[map]
static ALLOW_V6: LpmTrie<[u32; 4], u32> = LpmTrie::with_max_entries(ALLOW_MAX, 0);

/// Whether the allow-list holds this address.
#[inline(always)]
pub fn may_send(source: Address) -> bool {
    match source {
        Address::V4(address) => ALLOW_V4.get(Key::new(32, address)).is_some(),
        Address::V6(address) => ALLOW_V6.get(Key::new(128, address)).is_some(),
    }
}
