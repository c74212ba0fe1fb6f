//! NAT flow logs of Nokia SR OS in IPFIX (*Multiservice ISA and ESA Guide*, Template formats).
//!
//! A mapping's creation and its deletion have a template each and no natEvent: the first has a
//! begin (152), the second an end (153) and its reason (136). The inside address stands only in
//! the subscriber string, and what stands in its place depends on the configured template format:
//!
//! | element | format 1 | format 2 |
//! | --- | --- | --- |
//! | 8 sourceIPv4Address | *translated* source address | – |
//! | 225 postNATSourceIPv4Address | – | translated source address |
//! | 7 sourceTransportPort | source port before translation | the same |
//! | 227 postNAPTSourceTransportPort | – | translated source port |
//! | 637:91, 637:92 | inside and outside service | the same |
//! | 637:93 aluNatSubString | subscriber, `name@inside address` | the same |

use super::{profile::Meaning, template::TemplateRecord};
use crate::session::{Column, Event};
use std::net::IpAddr;

const ENTERPRISE: u32 = 637;
const INSIDE_SERVICE: u16 = 91;
const OUTSIDE_SERVICE: u16 = 92;
const SUBSCRIBER: u16 = 93;

/// Whether a template is that of a NAT flow log: it names the subscriber.
pub fn is_flow_log(template: &TemplateRecord<'_>) -> bool {
    template.fields().any(|field| (field.enterprise, field.element) == (ENTERPRISE, SUBSCRIBER))
}

/// What a template's records report.
pub fn event(template: &TemplateRecord<'_>) -> Event {
    match (template.has(152), template.has(153)) {
        (true, false) => Event::Create,
        (false, true) => Event::End,
        _ => Event::Flow,
    }
}

/// Where the reading differs from IANA's.
pub fn meaning(enterprise: u32, element: u16) -> Option<Meaning> {
    Some(match (enterprise, element) {
        (0, 8) => Meaning::Value(Column::NatSrcV4),
        (0, 27) => Meaning::Value(Column::NatSrcV6),
        (ENTERPRISE, INSIDE_SERVICE) => Meaning::Value(Column::SrcVrf),
        (ENTERPRISE, OUTSIDE_SERVICE) => Meaning::Value(Column::DstVrf),
        (ENTERPRISE, SUBSCRIBER) => Meaning::Subscriber,
        _ => return None,
    })
}

/// The name and the inside address of a subscriber string; a string without an address is a name.
pub fn subscriber(text: &[u8]) -> (&[u8], Option<IpAddr>) {
    let at = text.iter().rposition(|byte| *byte == b'@');
    let parts = at.and_then(|at| Some((text.get(..at)?, text.get(at + 1..)?)));
    let named = parts
        .and_then(|(name, address)| Some((name, std::str::from_utf8(address).ok()?.parse().ok()?)));
    named.map_or((text, None), |(name, address)| (name, Some(address)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscriber_is_a_name_and_an_address() {
        let inside = Some(IpAddr::from([10, 0, 0, 9]));
        assert_eq!(subscriber(b"USER7@10.0.0.9"), (&b"USER7"[..], inside));
        assert_eq!(subscriber(b"a@b@10.0.0.9"), (&b"a@b"[..], inside));
        for unaddressed in [&b"USER7"[..], b"USER7@", b"a@10.0.0", b""] {
            assert_eq!(subscriber(unaddressed), (unaddressed, None));
        }
    }
}
