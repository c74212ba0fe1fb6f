//! A received packet, and the joining of packets that came in several frames.

/// A packet, for as long as the callback that is given it runs.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// The frame from its first byte to the packet's last.
    frame: &'a [u8],
    /// Where the packet starts in it.
    start: usize,
    queue: u32,
}

impl<'a> Received<'a> {
    /// `start` is at most the length of `frame`.
    pub(crate) fn new(frame: &'a [u8], start: usize, queue: u32) -> Self {
        debug_assert!(start <= frame.len());
        Self { frame, start, queue }
    }

    /// The packet, from its link-layer header on.
    #[inline]
    pub fn packet(&self) -> &'a [u8] {
        &self.frame[self.start..]
    }

    /// The `N` bytes directly in front of the packet, where an XDP program leaves metadata
    /// (`bpf_xdp_adjust_meta`); `None` if the frame has not so many there. The kernel does not
    /// say whether a program wrote them: metadata needs a mark of its own.
    #[inline]
    pub fn metadata<const N: usize>(&self) -> Option<&'a [u8; N]> {
        self.frame[..self.start].last_chunk()
    }

    /// The RX queue that the packet came by.
    #[inline]
    pub fn queue(&self) -> u32 {
        self.queue
    }
}

/// Bytes in front of a joined packet: what the kernel leaves for metadata in front of one frame.
const METADATA_ROOM: usize = crate::options::PACKET_HEADROOM as usize;

/// Joins the parts of a packet that spans several frames (`XDP_PKT_CONTD`), up to a bound.
#[derive(Debug)]
pub(crate) struct Joiner {
    /// The bytes in front of the first part, right-aligned, then the parts.
    scratch: Box<[u8]>,
    /// Bytes of parts joined so far.
    len: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The next descriptor starts a packet.
    Start,
    /// The next descriptor continues a packet.
    Joining,
    /// The next descriptor continues a packet that will not be delivered.
    Discarding(Joined<'static>),
}

/// What a part made of the packet that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joined<'a> {
    /// There is more to come.
    Unfinished,
    /// The packet is whole: the frame-like bytes and where the packet starts in them.
    Packet(&'a [u8], usize),
    /// The packet has ended and was longer than the bound.
    TooLong,
    /// The packet has ended and one of its descriptors was invalid.
    Truncated,
}

impl Joiner {
    /// Joins packets of at most `len_max` bytes.
    pub(crate) fn new(len_max: usize) -> Self {
        let scratch = vec![0; METADATA_ROOM + len_max].into_boxed_slice();
        Self { scratch, len: 0, state: State::Start }
    }

    /// Whether the next descriptor starts a packet.
    #[inline]
    pub(crate) fn at_start(&self) -> bool {
        self.state == State::Start
    }

    /// Takes the next part: the frame up to the part's end and where the part starts in it, or
    /// `None` for a descriptor that was invalid. `continues` says that it is not the last.
    pub(crate) fn join(&mut self, part: Option<(&[u8], usize)>, continues: bool) -> Joined<'_> {
        if self.state == State::Start {
            self.begin(part);
        }
        let discarding = matches!(self.state, State::Discarding(_));
        match part {
            _ if discarding => {}
            None => self.state = State::Discarding(Joined::Truncated),
            Some((frame, start)) => self.append(&frame[start..]),
        }
        if continues {
            return Joined::Unfinished;
        }
        match core::mem::replace(&mut self.state, State::Start) {
            State::Discarding(why) => why,
            State::Start | State::Joining => {
                Joined::Packet(&self.scratch[..METADATA_ROOM + self.len], METADATA_ROOM)
            }
        }
    }

    /// Keeps what stands in front of the first part, for metadata.
    fn begin(&mut self, part: Option<(&[u8], usize)>) {
        self.state = State::Joining;
        self.len = 0;
        let front = part.map_or(&[][..], |(frame, start)| &frame[..start]);
        let kept = front.len().min(METADATA_ROOM);
        self.scratch[..METADATA_ROOM - kept].fill(0);
        self.scratch[METADATA_ROOM - kept..METADATA_ROOM]
            .copy_from_slice(&front[front.len() - kept..]);
    }

    fn append(&mut self, part: &[u8]) {
        let at = METADATA_ROOM + self.len;
        match self.scratch.get_mut(at..at + part.len()) {
            Some(room) => {
                room.copy_from_slice(part);
                self.len += part.len();
            }
            None => self.state = State::Discarding(Joined::TooLong),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_what_stands_in_front_of_the_packet() {
        let frame = [1, 2, 3, 4, 5, 6];
        let received = Received::new(&frame, 4, 7);
        assert_eq!(received.packet(), [5, 6]);
        assert_eq!(received.metadata::<2>(), Some(&[3, 4]));
        assert_eq!(received.metadata::<4>(), Some(&[1, 2, 3, 4]));
        assert_eq!(received.metadata::<5>(), None, "not in this frame");
        assert_eq!(received.queue(), 7);
        assert_eq!(Received::new(&frame, 6, 0).packet(), []);
    }

    #[test]
    fn parts_become_one_packet_with_the_first_parts_metadata() {
        let mut joiner = Joiner::new(8);
        for _ in 0..2 {
            assert!(joiner.at_start());
            assert_eq!(joiner.join(Some((&[9, 8, 1, 2], 2)), true), Joined::Unfinished);
            assert!(!joiner.at_start());
            assert_eq!(joiner.join(Some((&[7, 7, 7, 3], 3)), true), Joined::Unfinished);
            let Joined::Packet(frame, start) = joiner.join(Some((&[4, 5], 0)), false) else {
                panic!("the packet is whole");
            };
            let received = Received::new(frame, start, 0);
            assert_eq!(received.packet(), [1, 2, 3, 4, 5]);
            assert_eq!(received.metadata::<3>(), Some(&[0, 9, 8]));
        }
    }

    #[test]
    fn a_packet_over_the_bound_is_told_at_its_end_and_the_next_one_is_whole() {
        let mut joiner = Joiner::new(3);
        assert_eq!(joiner.join(Some((&[1, 2], 0)), true), Joined::Unfinished);
        assert_eq!(joiner.join(Some((&[3, 4], 0)), true), Joined::Unfinished);
        assert_eq!(joiner.join(Some((&[5], 0)), false), Joined::TooLong);
        assert_eq!(joiner.join(Some((&[1], 0)), true), Joined::Unfinished);
        let whole = joiner.join(Some((&[2, 3], 0)), false);
        assert!(matches!(whole, Joined::Packet(frame, start) if frame[start..] == [1, 2, 3]));
    }

    #[test]
    fn an_invalid_descriptor_costs_its_packet_and_no_other() {
        let mut joiner = Joiner::new(8);
        for position in 0..3 {
            for part in 0..3 {
                let bytes = (part != position).then_some((&[1u8][..], 0));
                let joined = joiner.join(bytes, part < 2);
                let expected = if part < 2 { Joined::Unfinished } else { Joined::Truncated };
                assert_eq!(joined, expected);
            }
            assert!(joiner.at_start());
        }
    }
}
