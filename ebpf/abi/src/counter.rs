//! One counter for each way out of the XDP program: every frame that it sees adds one to exactly
//! one of them, so their sum is the number of frames seen.

/// What becomes of a frame that a counter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Redirected into an AF_XDP socket.
    Redirect,
    /// Left to the kernel's stack, where a UDP socket of the same port reads it if it is ours.
    Pass,
    /// Dropped by the program.
    Drop,
}

macro_rules! counters {
    ($($(#[$doc:meta])* $variant:ident = $index:literal, $name:literal, $fate:ident;)*) => {
        /// Index into the per-CPU counter map.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub enum Counter { $($(#[$doc])* $variant = $index,)* }

        impl Counter {
            /// All counters, in the order of their indices.
            pub const ALL: &[Counter] = &[$(Counter::$variant,)*];

            /// How many counters there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The name in tables, JSON and metrics.
            pub const fn name(self) -> &'static str {
                match self { $(Counter::$variant => $name,)* }
            }

            /// What becomes of the frames that this counter counts.
            #[inline(always)]
            pub const fn fate(self) -> Fate {
                match self { $(Counter::$variant => Fate::$fate,)* }
            }
        }
    };
}

counters! {
    /// A log datagram, redirected into the socket of its queue.
    Redirected = 0, "redirected", Redirect;
    /// Not IPv4, IPv6 or a VLAN tag in front of them; also a third VLAN tag, and an IP version that
    /// contradicts the EtherType.
    NotIp = 1, "not_ip", Pass;
    /// An IP protocol other than UDP, in fragments and beside options too.
    NotUdp = 2, "not_udp", Pass;
    /// UDP to a port or address that is no listener's.
    NotListener = 3, "not_listener", Pass;
    /// An IPv4 or IPv6 fragment: the stack joins it, the UDP socket gets the whole.
    Fragment = 4, "fragment", Pass;
    /// An IPv4 header with options in front of UDP.
    IpOptions = 5, "ip_options", Pass;
    /// An IPv6 extension header other than the fragment header.
    Ipv6Extension = 6, "ipv6_extension", Pass;
    /// The frame, or the first buffer of a frame in several, ends inside a header that it should
    /// hold.
    Truncated = 7, "truncated", Pass;
    /// IP and UDP lengths contradict each other or the frame.
    BadLength = 8, "bad_length", Pass;
    /// The driver left no room for the metadata, or another program's metadata stands there.
    NoMetadata = 9, "no_metadata", Pass;
    /// No AF_XDP socket in the slot of this queue.
    NoSocket = 10, "no_socket", Pass;
    /// To a listener, from a sender that is not on the allow-list.
    NotAllowed = 11, "not_allowed", Drop;
    /// To a listener, but longer than [`crate::Settings::frame_len_max`]: an AF_XDP socket would drop
    /// it, the UDP socket takes it.
    TooLong = 12, "too_long", Pass;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lists_each_counter_at_its_index() {
        for (index, counter) in Counter::ALL.iter().enumerate() {
            assert_eq!(*counter as usize, index);
        }
    }
}
