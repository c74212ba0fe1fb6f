//! CGNAT syslog, France Telecom's form: port blocks as Huawei's `type3`, and `type6` with the
//! numbers of record and binding.
//!
//! ```text
//! <134> 1 2026-01-01T00:00:00.33Z CGN-000 - - NAT444userbased - %%01SEC/6/BIND(l): An initial
//! portrange is assigned, in nat444 scene. [sequence='0x…' sessionid='0x…'] privateip='198.18.0.1'
//! [srcvrfid='0'] publicip='203.0.113.1' publicportrange='32768~33023' time='2026-01-01 00:00:00'
//! ```
//! Only the allocation is in a document: the words of the other two events are guesses.

use crate::config::Format;
use crate::message::{Message, Stamp};
use crate::random::Random;
use crate::record::{Block, BlockEvent, Event};
use crate::truth::{HeaderTime, Moment, Origin, PortBlock, Truth};
use crate::writer::{Writer, timestamp};

/// How a message is printed.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// `type6`: the number of the record.
    pub sequence: Option<u64>,
    /// The header's time with hundredths of a second.
    pub hundredths: bool,
    /// `A initial`, `(l)` as in Huawei's first example; else `An initial`, `(L)` as in the other.
    pub first_wording: bool,
}

impl Message for Style {
    fn draw(random: &mut Random, event: &Event<'_>) -> Self {
        // Keep-alives are of type3 alone.
        let is_keepalive =
            matches!(event, Event::Block(block) if block.event == BlockEvent::Keepalive);
        let is_type6 = random.below(2) == 0 && !is_keepalive;
        Self {
            sequence: is_type6.then(|| random.next_u64() | 1),
            hundredths: random.below(2) == 0,
            first_wording: random.below(2) == 0,
        }
    }

    fn put(&self, out: &mut Writer<'_>, stamp: &Stamp<'_>, event: &Event<'_>) {
        let block = event.block();
        let time = timestamp(stamp.seconds().into());
        out.bytes(b"<134> 1 ");
        out.bytes(&time[..10]);
        out.bytes(b"T");
        out.bytes(&time[11..]);
        if self.hundredths {
            out.bytes(b".");
            out.padded(stamp.unix_ms % 1_000 / 10, 2);
        }
        out.bytes(b"Z ");
        out.bytes(stamp.host);
        out.bytes(b" - - NAT444userbased - %%01SEC/6/");
        let (action, verb) = words(block.event);
        out.bytes(action.as_bytes());
        out.bytes(if self.first_wording { b"(l): " } else { b"(L): " });
        out.bytes(self.article().as_bytes());
        out.bytes(b" initial portrange is ");
        out.bytes(verb.as_bytes());
        out.bytes(b", in nat444 scene.");
        self.put_pairs(out, block, &time);
    }

    fn truth(&self, origin: Origin, moment: Moment, stamp: &Stamp<'_>, event: &Event<'_>) -> Truth {
        let block = event.block();
        let ((action, verb), article) = (words(block.event), self.article());
        let step = if self.hundredths { 10 } else { 1_000 };
        let header = HeaderTime { unix_ms: stamp.unix_ms / step * step, has_zone: true };
        let source = origin.source(Format::CgnFt, moment, Some(stamp.host), Some(header));
        Truth::PortBlock(PortBlock {
            event_ms: Some(u64::from(stamp.seconds()) * 1_000),
            sequence: self.sequence,
            session_id: self.sequence.map(|_| block.session_id.into()),
            src_vrf: self.sequence.map(|_| block.vrf),
            scene: Some("NAT444".to_owned()),
            extra: vec![
                ("action", action.to_owned()),
                ("sentence", format!("{article} initial portrange is {verb}, in nat444 scene")),
            ],
            ..PortBlock::bare(source, block)
        })
    }
}

/// Action and verb. Only the first are in a document.
fn words(event: BlockEvent) -> (&'static str, &'static str) {
    match event {
        BlockEvent::Allocate => ("BIND", "assigned"),
        BlockEvent::Release => ("UNBIND", "released"),
        BlockEvent::Keepalive => ("KEEPALIVE", "alive"),
    }
}

impl Style {
    /// Huawei prints both.
    fn article(&self) -> &'static str {
        if self.first_wording { "A" } else { "An" }
    }

    fn put_pairs(&self, out: &mut Writer<'_>, block: &Block, time: &[u8; 19]) {
        if let Some(sequence) = self.sequence {
            out.bytes(b" sequence='0x");
            out.hex(sequence, 16);
            out.bytes(b"' sessionid='0x");
            out.hex(block.session_id.into(), 8);
            out.bytes(b"'");
        }
        out.bytes(b" privateip='");
        out.ipv4(block.private_v4);
        if self.sequence.is_some() {
            out.bytes(b"' srcvrfid='");
            out.decimal(block.vrf.into());
        }
        out.bytes(b"' publicip='");
        out.ipv4(block.public_v4);
        out.bytes(b"' publicportrange='");
        out.decimal(block.port_first.into());
        out.bytes(b"~");
        out.decimal(block.port_last.into());
        out.bytes(b"' time='");
        out.bytes(time);
        out.bytes(b"'");
    }
}
