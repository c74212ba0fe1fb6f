//! Flow NetStream logs of Huawei NE and ME routers in NetFlow v9 (NetEngine documentation, *Flow
//! NetStream Log Format*).
//!
//! Template 259 reports created and template 260 deleted sessions, in 13 fields: time, VPN, source
//! address before and after translation, protocol, source port before and after, target address
//! before and after, and so on. There is no natEvent. The document names the fields, but the
//! excerpt that is public does not give their numbers: that they are IANA's, and the time the one
//! of 323 or 150, is inferred, and told so in each record.

use super::{Version, profile::Meaning, template::TemplateRecord};
use crate::session::{Column, Event};

const CREATED: u16 = 259;
const DELETED: u16 = 260;
const FIELDS: usize = 13;

/// Whether a template is that of a flow log: its number and size, translated sources, and neither
/// an element for the event nor counters, which the flow templates of other vendors have.
pub fn is_flow_log(template: &TemplateRecord<'_>) -> bool {
    const MARKS: [u16; 4] = [8, 225, 7, 227];
    const OTHERS: [u16; 4] = [1, 2, 230, 233];
    template.version == Version::V9
        && matches!(template.id, CREATED | DELETED)
        && template.fields().count() == FIELDS
        && template.has_all(&MARKS)
        && !OTHERS.iter().any(|other| template.has(*other))
}

/// What a template's records report.
pub fn event(template: &TemplateRecord<'_>) -> Event {
    if template.id == CREATED { Event::Create } else { Event::End }
}

/// Where the reading differs from IANA's: the VPN stands in the field of a VLAN.
pub fn meaning(element: u16) -> Option<Meaning> {
    (element == 58).then_some(Meaning::Value(Column::SrcVrf))
}
