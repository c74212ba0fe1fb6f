//! Event logs of a Cisco ASA in NetFlow v9 (NSEL; *ASA NetFlow Implementation Guide*).
//!
//! The event is firewallEvent (233), or 40005 of the releases before 8.4, whose translated
//! addresses and ports are 40001 to 40004. 33002 says more of the event, 33000 and 33001 are the
//! access lists that decided, 40000 is the user. 85 counts the bytes of both directions, where 231
//! and 232 count each, and so is none of either.

use super::{Version, profile::Meaning, template::TemplateRecord};
use crate::session::Column;

const EXTENDED_EVENT: u16 = 33_002;
const USER: u16 = 40_000;
const OLD_EVENT: u16 = 40_005;

/// Whether a template is one of these: it has Cisco's own elements for the event. Above 32,767
/// there are none of IANA's.
pub fn is_event_log(template: &TemplateRecord<'_>) -> bool {
    template.version == Version::V9 && (template.has(EXTENDED_EVENT) || template.has(OLD_EVENT))
}

/// Where the reading differs from IANA's.
pub fn meaning(element: u16) -> Option<Meaning> {
    Some(match element {
        85 | 86 => Meaning::Extra,
        USER => Meaning::Text(Column::User),
        40_001 => Meaning::Value(Column::NatSrcV4),
        40_002 => Meaning::Value(Column::NatDstV4),
        40_003 => Meaning::Value(Column::NatSrcPort),
        40_004 => Meaning::Value(Column::NatDstPort),
        OLD_EVENT => Meaning::FirewallEvent,
        _ => return None,
    })
}
