//! Elements of the port map, which says of each UDP port whether anyone listens there.

/// How many elements the port map has: one for each UDP port.
pub const PORTS: u32 = 1 << 16;

const NUMBER: u32 = 0xffff;
const ANY_ADDRESS: u32 = 1 << 16;
const SINGLE_ADDRESSES: u32 = 1 << 17;

/// Who listens on a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortListeners(u32);

impl PortListeners {
    /// Reads an element of the map; 0 is nobody.
    #[inline(always)]
    pub const fn from_word(word: u32) -> Self {
        Self(word)
    }

    /// The element of the map, in the host's byte order.
    pub const fn to_word(self) -> u32 {
        self.0
    }

    /// As before, and the listener of this number on every address.
    pub const fn with_any_address(self, number: u16) -> Self {
        Self(self.0 & !NUMBER | ANY_ADDRESS | number as u32)
    }

    /// As before, and listeners on single addresses: the map `LISTENERS` has their numbers.
    pub const fn with_single_addresses(self) -> Self {
        Self(self.0 | SINGLE_ADDRESSES)
    }

    /// The number of the listener on every address.
    #[inline(always)]
    pub const fn any_address(self) -> Option<u16> {
        if self.0 & ANY_ADDRESS == 0 { None } else { Some((self.0 & NUMBER) as u16) }
    }

    /// Whether there are listeners on single addresses. They come before the one on every address.
    #[inline(always)]
    pub const fn single_addresses(self) -> bool {
        self.0 & SINGLE_ADDRESSES != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_reads_back_as_written() {
        let nobody = PortListeners::default();
        for number in [0, 1, u16::MAX] {
            let any = nobody.with_any_address(number);
            let both = any.with_single_addresses();
            for (listeners, any_address, single_addresses) in [
                (nobody, None, false),
                (any, Some(number), false),
                (nobody.with_single_addresses(), None, true),
                (both, Some(number), true),
                (nobody.with_single_addresses().with_any_address(number), Some(number), true),
                (both.with_any_address(7), Some(7), true),
            ] {
                let read = PortListeners::from_word(listeners.to_word());
                assert_eq!(read.any_address(), any_address);
                assert_eq!(read.single_addresses(), single_addresses);
            }
        }
        assert_eq!(PortListeners::from_word(0), nobody);
    }
}
