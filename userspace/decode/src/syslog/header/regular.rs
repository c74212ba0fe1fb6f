//! What stands in front of a USG's tag in a message as firewalls print it.
//!
//! ```text
//! "<" PRI ">" *SP [YYYY-MM-DD SP hh:mm:ss SP] [host SP]
//! ```

use super::{is_plain_host, skip_priority};
use crate::{
    decoder::Datagram,
    syslog::{
        heads::{Heads, Origin, Reader},
        time,
    },
};

/// Reads all of a text that ends where a tag begins; `None` where it is not, or may not be, regular.
#[inline(always)]
pub fn read<'a>(text: &'a [u8], datagram: &Datagram<'_>, heads: &mut Heads) -> Option<Origin<'a>> {
    let Datagram { exporter, received_at, .. } = *datagram;
    match heads.recall(Reader::Usg, (exporter, received_at), text) {
        Some((origin, [])) => Some(origin),
        _ => {
            let origin = read_anew(text)?;
            heads.keep(Reader::Usg, exporter, (text, &[]), &origin);
            Some(origin)
        }
    }
}

#[inline(never)]
fn read_anew(text: &[u8]) -> Option<Origin<'_>> {
    let text = skip_priority(text).ok()?;
    let spaces = text.iter().take_while(|byte| **byte == b' ').count();
    let text = text.get(spaces..)?;
    let (time, host) = match time::read_plain(text) {
        Some((time, host)) => (Some(time), host),
        None => (None, text),
    };
    let host = if host.is_empty() { host } else { host.strip_suffix(b" ")? };
    is_plain_host(host).then_some(Origin { time, names: [host, &[], &[]] })
}
