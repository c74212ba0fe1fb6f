//! What information elements are called, and how their bytes read.
//!
//! IANA's IPFIX registry (RFC 7012) names the elements of IPFIX, and with the same numbers those of
//! NetFlow v9. Beside it stand the elements that exporters of NetFlow v9 took from above IANA's
//! range (Cisco ASA and Streamcore, for instance), and those of vendors under their private
//! enterprise numbers, in so far as they are public. Vendors' names are written in the registry's
//! way: `URL_HOST` is `urlHost` here.
//!
//! RFC 5103 has the elements of a flow's way back under the enterprise number 29305.

mod iana;
mod reverse;
mod vendors;

/// Enterprise number of IANA's elements, as [`find`] takes it.
pub const IANA: u32 = 0;
/// Enterprise number of the same elements of a flow's way back (RFC 5103 §6.1).
pub const REVERSE: u32 = 29305;
/// ntop's enterprise number: nProbe.
const NTOP: u32 = 35632;
/// nProbe's elements in NetFlow v9, which has no enterprise numbers: theirs plus this.
const NTOP_V9: u16 = 57472;

/// An information element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element {
    /// Its name, in the registry's spelling: `sourceIPv4Address`.
    pub name: &'static str,
    /// How its bytes read.
    pub kind: Kind,
}

/// The abstract data types of RFC 7011 §6.1, as far as they read differently. All are in network
/// order; numbers may be shorter than the registry has them (reduced-size encoding, §6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An unsigned number.
    Number,
    /// A number in two's complement.
    Signed,
    /// IEEE 754, of 4 or 8 bytes.
    Float,
    /// UTF-8, perhaps filled up with zeros.
    Text,
    /// An IPv4 or IPv6 address, by its length.
    Address,
    /// An Ethernet address.
    Mac,
    /// Bytes without a reading: octet arrays, lists, bit fields longer than a number.
    Bytes,
    /// 1 is true, 2 is false.
    Boolean,
    /// Seconds since 1970 UTC, 4 bytes.
    Seconds,
    /// Milliseconds since 1970 UTC, 8 bytes.
    Milliseconds,
    /// An NTP time (since 1900 UTC) of 8 bytes: seconds, and a fraction good for microseconds.
    Microseconds,
    /// An NTP time (since 1900 UTC) of 8 bytes: seconds, and a fraction good for nanoseconds.
    Nanoseconds,
}

/// Enterprise number, element identifier, element; the tables are sorted by the first two.
type Row = (u32, u16, Element);

const fn row(enterprise: u32, id: u16, name: &'static str, kind: Kind) -> Row {
    (enterprise, id, Element { name, kind })
}

/// The element with an identifier, of an enterprise or of [`IANA`].
pub fn find(enterprise: u32, id: u16) -> Option<&'static Element> {
    match (enterprise, id) {
        (IANA, NTOP_V9..) => in_table(vendors::ROWS, NTOP, id - NTOP_V9),
        (IANA, _) => in_table(iana::ROWS, IANA, id),
        (REVERSE, _) => in_table(reverse::ROWS, REVERSE, id),
        _ => in_table(vendors::ROWS, enterprise, id),
    }
}

fn in_table(rows: &'static [Row], enterprise: u32, id: u16) -> Option<&'static Element> {
    let at = rows.binary_search_by_key(&(enterprise, id), |&(pen, id, _)| (pen, id)).ok()?;
    rows.get(at).map(|(_, _, element)| element)
}

#[cfg(test)]
mod tests {
    use super::{Kind::Number, *};

    #[test]
    fn the_registry_names_its_elements() {
        for (enterprise, id, name, kind) in [
            (IANA, 1, "octetDeltaCount", Number),           // RFC 7012
            (IANA, 8, "sourceIPv4Address", Kind::Address),  // RFC 7012
            (IANA, 10, "ingressInterface", Number),         // RFC 7012
            (IANA, 56, "sourceMacAddress", Kind::Mac),      // RFC 7012
            (IANA, 95, "applicationId", Kind::Bytes),       // RFC 6759
            (IANA, 150, "flowStartSeconds", Kind::Seconds), // RFC 7012
            (IANA, 152, "flowStartMilliseconds", Kind::Milliseconds),
            (IANA, 154, "flowStartMicroseconds", Kind::Microseconds),
            (IANA, 156, "flowStartNanoseconds", Kind::Nanoseconds),
            (IANA, 230, "natEvent", Number), // RFC 8158
            (IANA, 281, "postNATSourceIPv6Address", Kind::Address),
            (IANA, 284, "natPoolName", Kind::Text), // RFC 8158
            (IANA, 361, "portRangeStart", Number),  // RFC 8158
            (IANA, 467, "natThresholdEvent", Number), // RFC 8158
            (IANA, 502, "srhSegmentIPv6EndpointBehavior", Number), // RFC 9487
            (REVERSE, 1, "reverseOctetDeltaCount", Number), // RFC 5103
            (REVERSE, 152, "reverseFlowStartMilliseconds", Kind::Milliseconds),
        ] {
            assert_eq!(find(enterprise, id), Some(&Element { name, kind }), "{enterprise}/{id}");
        }
    }

    #[test]
    fn vendors_name_theirs() {
        for (enterprise, id, name, kind) in [
            (IANA, 33002, "firewallExtendedEvent", Number), // Cisco ASA NSEL
            (IANA, 40000, "aaaUsername", Kind::Text),       // Cisco ASA NSEL
            (9, 12235, "applicationHttpHost", Kind::Text),  // Cisco
            (637, 93, "natSubscriberString", Kind::Text),   // Nokia
            (2636, 137, "observationDomainLevelCommonProperties", Number), // Juniper
            (3054, 110, "l7ApplicationId", Number),         // Ixia
            (6871, 33, "silkAppLabel", Number),             // YAF
            (6871, 0x4000 | 14, "reverseInitialTCPFlags", Number), // YAF, the way back
            (6876, 881, "tenantSourceIPv4Address", Kind::Address), // VMware
            (10704, 1, "timestamp", Kind::Seconds),         // Barracuda
            (12276, 26, "aclPolicyName", Kind::Text),       // F5
        ] {
            assert_eq!(find(enterprise, id), Some(&Element { name, kind }), "{enterprise}/{id}");
        }
    }

    #[test]
    fn nprobe_has_the_same_elements_in_both_versions() {
        let host = find(NTOP, 80).expect("an element of nProbe");
        assert_eq!(host.name, "srcFragments");
        assert_eq!(find(IANA, NTOP_V9 + 80), Some(host));
    }

    #[test]
    fn what_nobody_named_has_no_name() {
        for (enterprise, id) in [(IANA, 0), (IANA, 105), (IANA, 32767), (1, 1), (REVERSE, 210)] {
            assert_eq!(find(enterprise, id), None, "{enterprise}/{id}");
        }
    }

    #[test]
    fn tables_are_sorted_and_every_row_is_found() {
        for rows in [iana::ROWS, reverse::ROWS, vendors::ROWS] {
            assert!(rows.is_sorted_by_key(|&(pen, id, _)| (pen, id)));
            for (enterprise, id, element) in rows {
                assert_eq!(find(*enterprise, *id), Some(element), "{enterprise}/{id}");
            }
        }
    }

    #[test]
    fn the_way_back_has_the_kinds_of_the_way_there() {
        for (_, id, reverse) in reverse::ROWS {
            let there = find(IANA, *id).expect("an element of the registry");
            assert_eq!(reverse.kind, there.kind);
            let name = reverse.name.strip_prefix("reverse").unwrap();
            assert!(name.eq_ignore_ascii_case(there.name), "{name}");
        }
    }
}
