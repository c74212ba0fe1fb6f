//! What an encoder takes: one session event or port block event, in the plainest form.
//!
//! Addresses are integers in host order (192.0.2.1 is `0xc000_0201`), times are UTC epoch
//! seconds, text is bytes in the device's charset. 0 and `None` mean that there is none.

/// What happened to the session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// It was created (NetFlow event 1, `SESSION_BUILT`, `Built`).
    #[default]
    Create,
    /// It aged or was closed (NetFlow event 2, `SESSION_TEARDOWN`, `Teardown`).
    End,
    /// In truth only: a flow that was seen, in a format that knows neither of the above.
    Flow,
}

/// `protocol` of TCP.
pub const TCP: u8 = 6;
/// `protocol` of UDP.
pub const UDP: u8 = 17;
/// `protocol` of ICMP.
pub const ICMP: u8 = 1;

/// One session event as the device has it, whatever format it then prints.
#[derive(Clone, Copy, Debug, Default)]
pub struct Record<'a> {
    /// Creation or end.
    pub event: EventKind,
    /// IANA protocol number.
    pub protocol: u8,
    /// 0: from the Internet to a private network; 1: the other way.
    pub direction: u8,
    /// Who began the session. 1: the private network; 2: the Internet.
    pub initiator: u8,
    /// Source before translation; 0 in NAT64.
    pub src_v4: u32,
    /// Destination before translation; 0 in NAT64.
    pub dst_v4: u32,
    /// Source after translation.
    pub nat_src_v4: u32,
    /// Destination after translation.
    pub nat_dst_v4: u32,
    /// NAT64: the IPv6 source. DS-Lite: the B4 (tunnel) address, beside the inner `src_v4`.
    pub src_v6: u128,
    /// NAT64: the IPv6 destination.
    pub dst_v6: u128,
    /// For ICMP the query identifier.
    pub src_port: u16,
    /// For ICMP type × 256 + code.
    pub dst_port: u16,
    /// Source port after translation.
    pub nat_src_port: u16,
    /// Destination port after translation.
    pub nat_dst_port: u16,
    /// VRF of the source.
    pub src_vrf: u32,
    /// VRF of the destination.
    pub dst_vrf: u32,
    /// When the session began, UTC epoch seconds.
    pub start: u32,
    /// When it ended, UTC epoch seconds; 0 on creation.
    pub end: u32,
    /// From the source; 0 on creation.
    pub sent_packets: u64,
    /// From the source; 0 on creation.
    pub sent_bytes: u64,
    /// Towards the source; 0 on creation.
    pub received_packets: u64,
    /// Towards the source; 0 on creation.
    pub received_bytes: u64,
    /// What only the text formats carry.
    pub details: Details<'a>,
}

/// Names, as bytes in the device's charset. What is `None` is not printed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Details<'a> {
    /// Security zone of the source.
    pub src_zone: Option<&'a [u8]>,
    /// Security zone of the destination.
    pub dst_zone: Option<&'a [u8]>,
    /// Security policy that admitted the session.
    pub policy: Option<&'a [u8]>,
    /// Who was logged in at the source address.
    pub user: Option<&'a [u8]>,
    /// Why the session ended.
    pub close_reason: Option<&'a [u8]>,
    /// What the device took the session's application for.
    pub application: Option<&'a [u8]>,
}

/// What happened to a block of ports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BlockEvent {
    /// It was given to a subscriber.
    #[default]
    Allocate,
    /// It was taken back.
    Release,
    /// It is still given.
    Keepalive,
}

/// One event of a block of public ports as the device has it, whatever format it then prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// What happened.
    pub event: BlockEvent,
    /// The subscriber's IPv4 address; 0 in DS-Lite.
    pub private_v4: u32,
    /// DS-Lite: the B4's address.
    pub private_v6: u128,
    /// The address that the ports are of.
    pub public_v4: u32,
    /// First port.
    pub port_first: u16,
    /// Last port, included.
    pub port_last: u16,
    /// VRF of the subscriber.
    pub vrf: u32,
    /// When the block was given, UTC epoch seconds.
    pub start: u32,
    /// The device's number of the subscriber's binding.
    pub session_id: u32,
}

/// What an exporter reports.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A session began or ended.
    Session(Record<'a>),
    /// A block of ports was given, taken or kept.
    Block(Block),
}

impl<'a> Event<'a> {
    /// The session of an event in a format that has sessions alone.
    pub(crate) fn session(&self) -> &Record<'a> {
        match self {
            Event::Session(record) => record,
            Event::Block(_) => unreachable!("the format has no port blocks"),
        }
    }

    /// The block of an event in a format that has port blocks alone.
    pub(crate) fn block(&self) -> &Block {
        match self {
            Event::Block(block) => block,
            Event::Session(_) => unreachable!("the format has no sessions"),
        }
    }
}

/// The name that the text formats print for a protocol number.
pub(crate) fn protocol_name(protocol: u8) -> &'static [u8] {
    match protocol {
        ICMP => b"icmp",
        TCP => b"tcp",
        UDP => b"udp",
        // No line of another protocol is public; the model makes none.
        _ => b"other",
    }
}
