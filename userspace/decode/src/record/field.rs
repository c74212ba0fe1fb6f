//! The fields that records have: names and what their values are.

/// What the values of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Names of this project's own, or text.
    Text,
    /// Numbers.
    Number,
    /// Addresses.
    Address,
    /// Ethernet addresses.
    Mac,
    /// Times.
    Time,
    /// Sets of names.
    Flags,
    /// Pairs of keys and values; see [`crate::extra`].
    Extra,
    /// Bytes that no decoder understood.
    Raw,
}

macro_rules! fields {
    ($($variant:ident = $name:literal: $kind:ident;)*) => {
        /// A field that a record may have; each is described where the family's columns are.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "each is named as in the records")]
        pub enum Field { $($variant,)* }

        impl Field {
            /// All fields of all families.
            pub const ALL: &[Field] = &[$(Field::$variant,)*];

            /// The name in every output.
            pub const fn name(self) -> &'static str {
                match self { $(Field::$variant => $name,)* }
            }

            /// What its values are.
            pub const fn kind(self) -> FieldKind {
                match self { $(Field::$variant => FieldKind::$kind,)* }
            }
        }
    };
}

fields! {
    Record = "record": Text;
    Format = "format": Text;
    Exporter = "exporter": Address;
    ExporterPort = "exporter_port": Number;
    ObservationDomain = "observation_domain": Number;
    Sequence = "sequence": Number;
    Host = "host": Text;
    ReceivedAt = "received_at": Time;
    EventTime = "event_time": Time;
    TimeSource = "time_source": Text;
    Flags = "flags": Flags;
    Event = "event": Text;
    Protocol = "protocol": Number;
    SrcAddr = "src_addr": Address;
    SrcPort = "src_port": Number;
    DstAddr = "dst_addr": Address;
    DstPort = "dst_port": Number;
    NatSrcAddr = "nat_src_addr": Address;
    NatSrcPort = "nat_src_port": Number;
    NatDstAddr = "nat_dst_addr": Address;
    NatDstPort = "nat_dst_port": Number;
    TunnelAddr = "tunnel_addr": Address;
    SrcVrf = "src_vrf": Number;
    DstVrf = "dst_vrf": Number;
    SrcZone = "src_zone": Text;
    DstZone = "dst_zone": Text;
    Direction = "direction": Number;
    Initiator = "initiator": Number;
    StartTime = "start_time": Time;
    EndTime = "end_time": Time;
    DurationMs = "duration_ms": Number;
    SentPackets = "sent_packets": Number;
    SentBytes = "sent_bytes": Number;
    ReceivedPackets = "received_packets": Number;
    ReceivedBytes = "received_bytes": Number;
    Policy = "policy": Text;
    User = "user": Text;
    Application = "application": Text;
    CloseReason = "close_reason": Text;
    Url = "url": Text;
    PrivateAddr = "private_addr": Address;
    PublicAddr = "public_addr": Address;
    PortFirst = "port_first": Number;
    PortLast = "port_last": Number;
    SessionId = "session_id": Number;
    Scene = "scene": Text;
    Account = "account": Text;
    Filter = "filter": Text;
    Action = "action": Text;
    ProtocolName = "protocol_name": Text;
    Mac = "mac": Mac;
    SrcInterface = "src_interface": Text;
    DstInterface = "dst_interface": Text;
    TcpFlags = "tcp_flags": Text;
    IcmpType = "icmp_type": Number;
    IcmpCode = "icmp_code": Number;
    IcmpTypeName = "icmp_type_name": Text;
    IcmpId = "icmp_id": Number;
    FragmentId = "fragment_id": Number;
    FragmentOffset = "fragment_offset": Number;
    Reason = "reason": Text;
    Extra = "extra": Extra;
    Raw = "raw": Raw;
}

impl Field {
    /// The field of this name.
    pub fn from_name(name: &str) -> Option<Field> {
        Field::ALL.iter().copied().find(|field| field.name() == name)
    }

    /// Whether all records of a datagram, or of a line, have the same value in it.
    pub const fn is_shared(self) -> bool {
        matches!(
            self,
            Field::Record
                | Field::Format
                | Field::Exporter
                | Field::ExporterPort
                | Field::ObservationDomain
                | Field::Host
                | Field::ReceivedAt
                | Field::Flags
        )
    }
}

/// The fields that all families have in front, in their order.
const COMMON: [Field; 11] = [
    Field::Record,
    Field::Format,
    Field::Exporter,
    Field::ExporterPort,
    Field::ObservationDomain,
    Field::Sequence,
    Field::Host,
    Field::ReceivedAt,
    Field::EventTime,
    Field::TimeSource,
    Field::Flags,
];

/// Those of a family, behind [`COMMON`], in their order.
macro_rules! order {
    ($name:ident: $($field:ident)*) => {
        pub(super) const $name: &[Field] = &{
            let own = [$(Field::$field),*];
            let mut all = [Field::Record; COMMON.len() + [$(Field::$field),*].len()];
            let (front, behind) = all.split_at_mut(COMMON.len());
            front.copy_from_slice(&COMMON);
            behind.copy_from_slice(&own);
            all
        };
    };
}

order! { SESSION: Event Protocol SrcAddr SrcPort DstAddr DstPort NatSrcAddr NatSrcPort NatDstAddr
    NatDstPort TunnelAddr SrcVrf DstVrf SrcZone DstZone Direction Initiator StartTime EndTime
    DurationMs SentPackets SentBytes ReceivedPackets ReceivedBytes Policy User Application
    CloseReason Url Extra
}
order! { PORT_BLOCK: Event PrivateAddr PublicAddr PortFirst PortLast Protocol SrcVrf SessionId
    Scene Extra
}
order! { IM: Event Application Account Protocol SrcAddr SrcPort DstAddr DstPort NatSrcAddr
    NatSrcPort NatDstAddr NatDstPort StartTime EndTime Extra
}
order! { FILTER: Filter Action Protocol ProtocolName Mac SrcInterface SrcAddr SrcPort DstInterface
    DstAddr DstPort TcpFlags IcmpType IcmpCode IcmpTypeName IcmpId FragmentId FragmentOffset Extra
}
order! { UNPARSED: Reason Raw }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_fields_apart_and_some_family_has_each() {
        for field in Field::ALL {
            assert_eq!(Field::from_name(field.name()), Some(*field));
            let families = [SESSION, PORT_BLOCK, IM, FILTER, UNPARSED];
            assert!(families.iter().any(|fields| fields.contains(field)), "{field:?}");
        }
    }
}
