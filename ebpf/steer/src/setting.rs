//! Settings that user space changes while the program runs.

use aya_ebpf::{macros::map, maps::Array};
use logweir_abi::Setting;

#[map]
static SETTINGS: Array<u32> = Array::with_max_entries(Setting::COUNT as u32, 0);

/// The value of a setting; 0 unless user space wrote another.
#[inline(always)]
pub fn value(setting: Setting) -> u32 {
    match SETTINGS.get_ptr(setting as u32) {
        // SAFETY: the kernel gave the address of an element of this map. User space may write it
        // meanwhile, hence the volatile read of an aligned word.
        Some(value) => unsafe { value.read_volatile() },
        None => 0,
    }
}
