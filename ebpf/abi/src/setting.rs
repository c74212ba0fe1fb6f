//! What can be changed while the XDP program runs. The settings stand in an array map and not in
//! globals of the object, because the verifier freezes read-only globals when the program is loaded.

/// Index into the settings map. A setting that was never written is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Setting {
    /// 1 when the allow-list is in force, 0 when every exporter may send.
    AllowListEnforced = 0,
    /// The longest frame, in bytes from the Ethernet header on, that goes to a socket; 0 for no
    /// limit. A socket bound without `XDP_USE_SG` drops what does not fit into one UMEM frame.
    FrameLenMax = 1,
}

impl Setting {
    /// All settings, in the order of their indices.
    pub const ALL: &[Setting] = &[Setting::AllowListEnforced, Setting::FrameLenMax];

    /// How many settings there are.
    pub const COUNT: usize = Self::ALL.len();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lists_each_setting_at_its_index() {
        for (index, setting) in Setting::ALL.iter().enumerate() {
            assert_eq!(*setting as usize, index);
        }
    }
}
