//! Settings that user space changes while the program runs.
//!
//! They stand in a section of their own, which the loader makes an array map of: the program has
//! its address and looks nothing up.

use core::cell::UnsafeCell;

use logweir_abi::Settings;

/// The words of [`Settings`], in their order.
#[repr(transparent)]
struct Shared(UnsafeCell<[u32; Settings::WORDS]>);

// SAFETY: the program only reads, word by word.
unsafe impl Sync for Shared {}

#[unsafe(link_section = ".data.settings")]
#[unsafe(no_mangle)]
static SETTINGS: Shared = Shared(UnsafeCell::new([0; Settings::WORDS]));

/// The settings as they are now.
#[inline(always)]
pub fn current() -> Settings {
    // SAFETY: the words are live, and user space writes each as a whole. The read is volatile,
    // because nothing in the program writes: the compiler would take the first values for the last.
    let [allow_list_enforced, frame_len_max] = unsafe { SETTINGS.0.get().read_volatile() };
    Settings { allow_list_enforced, frame_len_max }
}
