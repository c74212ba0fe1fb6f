//! What can be changed while the XDP program runs.

/// The settings, as they stand in the section of the object that the loader makes the map
/// [`SETTINGS`](crate::names::SETTINGS) of. All are 0 at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// 1 when the allow-list is in force, 0 when every exporter may send.
    pub allow_list_enforced: u32,
    /// The longest frame, in bytes from the Ethernet header on, that goes to a socket; 0 for no
    /// limit. A socket bound without `XDP_USE_SG` drops what does not fit into one UMEM frame.
    pub frame_len_max: u32,
}

impl Settings {
    /// How many words they are.
    pub const WORDS: usize = 2;

    /// The words as they stand in the map, in the order of the fields, in the host's byte order.
    pub const fn to_words(self) -> [u32; Self::WORDS] {
        [self.allow_list_enforced, self.frame_len_max]
    }
}
